//! The stories of accounts and cohorts as JSON objects, one each, for tools.

use super::account::{Account, Place, Stranger};
use super::bans::Ban;
use super::cohort::Cohort;
use super::proposal;
use crate::json;
use event::{Decision, Timestamp};
use serde_json::{Value, json};

fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.to_string().into())
}

fn ban(ban: Option<&Ban>) -> Value {
    ban.map_or(Value::Null, |ban| json!({ "at": ban.at.to_string(), "rule": ban.rule }))
}

/// A proposal with its steps.
pub fn proposal(decision: &Decision) -> Value {
    let mut text = String::new();
    json::decision(&mut text, decision);
    let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
    let steps: Vec<Value> = proposal::by_hand(decision)
        .into_iter()
        .map(|step| json!({ "what": step.what, "lines": step.lines }))
        .collect();
    value["type"] = "proposal".into();
    value["by_hand"] = steps.into();
    value
}

fn place(place: &Place) -> Value {
    json!({
        "network": place.network.to_string(), "client": place.client.to_string(), "logins": place.logins,
        "first": place.first.to_string(), "latest": place.latest.to_string(), "protocols": place.services,
        "new": place.is_new, "suspect": place.is_suspect(), "failures_before": place.failures_before,
        "ban": ban(place.ban.as_ref()),
    })
}

fn stranger(stranger: &Stranger) -> Value {
    json!({
        "client": stranger.client.to_string(), "failures": stranger.failures,
        "first": stranger.first.to_string(), "latest": stranger.latest.to_string(),
        "ban": ban(stranger.ban.as_ref()),
    })
}

/// `{"type": "account", ...}`
pub fn account(name: &str, account: &Account, held: &[Decision]) -> Value {
    let days: Vec<Value> = account
        .days
        .iter()
        .map(|(day, sent)| {
            let at = Timestamp::from_seconds(day.saturating_mul(86_400));
            json!({ "day": at.to_string(), "messages": sent.messages(), "recipients": sent.recipients() })
        })
        .collect();
    json!({
        "type": "account", "account": name, "since": time(account.since), "until": time(account.now),
        "cut": account.is_cut, "attack_since": time(account.attack_since()),
        "strange_failures": account.strange_failures(), "strange_networks": account.strange_networks(),
        "own_failures": account.own_failures,
        "strangers": account.strangers.iter().map(stranger).collect::<Vec<_>>(),
        "places": account.places.iter().map(place).collect::<Vec<_>>(), "days": days,
        "held": held.iter().map(proposal_or_order).collect::<Vec<_>>(),
    })
}

fn proposal_or_order(decision: &Decision) -> Value {
    let mut value = self::proposal(decision);
    if !proposal::is_proposal(decision) {
        value["type"] = "decision".into();
    }
    value
}

/// `{"type": "cohort", ...}`
pub fn cohort(rule: &str, cohort: &Cohort) -> Value {
    let about: Vec<Value> = cohort
        .about
        .iter()
        .map(|((kind, name), at)| json!({ "kind": kind, "name": name, "since": at.to_string() }))
        .collect();
    let shared: Vec<Value> = cohort
        .shared()
        .into_iter()
        .map(|(name, value, percent)| json!({ "trait": name, "value": value, "percent": percent }))
        .collect();
    let decisions: Vec<Value> = cohort
        .decisions
        .iter()
        .map(|((measure, mode), number)| json!({ "measure": measure, "mode": mode, "count": number }))
        .collect();
    let got_in: Vec<Value> = cohort
        .got_in
        .iter()
        .map(|(at, client, account)| {
            json!({ "at": at.to_string(), "client": client.to_string(), "account": account })
        })
        .collect();
    let members: Vec<String> = cohort.members.iter().map(ToString::to_string).collect();
    json!({
        "type": "cohort", "rule": rule, "from": time(cohort.from), "until": time(cohort.until),
        "about": about, "members": members, "networks": cohort.places(), "decisions": decisions,
        "proposals": cohort.proposals.iter().map(self::proposal).collect::<Vec<_>>(),
        "accounts": cohort.accounts, "shared": shared, "lines": cohort.lines, "got_in": got_in,
    })
}
