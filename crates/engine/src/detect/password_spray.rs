//! `password-spray`: failures on many different accounts, a few tries each.
//!
//! Algorithm: distinct accounts that failed, by linear counting (see [`crate::sketch`]), for each
//! client and for each /24, or /48, /40 and /32, over a day at least. A client is caught from 5
//! accounts on. Accounts that are at home there (a known-good place, or the /24 or /48 of one) are
//! not counted, and each account with good logins excuses two that fail: so an office behind a NAT
//! or a provider's prefix with many of our users is not a spray until most of what it does fails.
//!
//! A prefix is banned as a whole where ten accounts failed from ten of its clients (of a /40 or
//! /32: from ten /48), and nobody of ours is in it: no login within `known_good.days`, and no mail
//! delivered lately ([`crate::neighbours`]). That is what goes through one address after the other
//! looks like, and nothing else that the clients of a prefix have in common: ten people who all
//! mistype and none of whom ever comes in, or ten bots in 254 homes. The narrowest prefix is
//! taken for which it holds, so who counts up the networks of his /48 loses that, and who jumps
//! about in a /32 (the least that a registry gives, RIPE-738) loses the /32. There is nothing wider
//! than a /24 for IPv4: its blocks are cut in any way.
//!
//! Where somebody of ours is, or only three members or more failed, the /24 or /48 *sprays*: that
//! is told, and its clients are banned one by one. While it lasts, a client is banned with its
//! failure on a second account, or where a minute after a single failure it has not logged in
//! ([`super::grace`]). So each newcomer costs the attacker an address and gives him a guess; from
//! 12 banned addresses of a /24 on, the rule `prefix` takes the rest.
//!
//! Sources: Microsoft and Proofpoint describe sprays as one or two passwords over many accounts,
//! from many addresses of a few networks; counting distinct accounts by prefix follows from that.
//!
//! Misses on purpose: sprays with fewer accounts, those in the /40 or /32 of an operator whose
//! customers we know, and those over so many networks that each shows fewer than ten.

use super::guessing::Standing;
use super::{Attempt, DetectorSpec, Seen};
use crate::client::{ClientKey, PrefixKey};
use crate::config::Spray;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::mix;
use crate::jitter::Thresholds;
use crate::places::{self, Place};
use crate::sketch::{self, Sketch};
use crate::state::Lines;
use alloc::vec::Vec;
use event::{Evidence, Mode, Subject};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "password-spray",
    summary: "A client or a prefix fails on many different accounts.",
    technique: "T1110.003",
    misses: "Fewer than five accounts by a client and fewer than ten by its prefix.",
};

/// A prefix is judged from so many failing members on; fewer are judged one by one.
const PREFIX_MEMBERS_MIN: u32 = 3;

/// True where a client is to be given grace: it failed once, and its prefix sprays.
pub(crate) fn judge(
    engine: &mut Engine,
    seen: &Seen<'_>,
    attempt: &Attempt,
    standing: &Standing,
    out: &mut Vec<Output>,
) -> bool {
    let rule = engine.config.password_spray;
    let Some(account) = attempt.account else { return false };
    if rule.mode == Mode::Off || attempt.place >= Place::Prefix {
        return false;
    }
    let is_spray = standing.accounts >= engine.thresholds.client_accounts_min
        && standing.accounts > attempt.good.saturating_mul(rule.excused_by_good);
    if is_spray {
        if let Some(row) = engine.state.clients.touch(seen.client.0) {
            row.accounts = Sketch::default();
        }
        let verdict = verdict(&rule, standing.accounts, standing.lines.evidence(seen.seq));
        engine.convict(&verdict, seen.target(), out);
    }
    let Some(verdict) = judge_prefixes(engine, seen, attempt, account, out) else {
        return false;
    };
    if attempt.good > 0 || engine.is_held(seen.client) {
        return false;
    }
    if standing.accounts < 2 {
        return true;
    }
    engine.decide(&verdict, seen.target(), out);
    false
}

/// What the end of its grace means for a client whose prefix sprays; `line` tells of its failure.
pub(crate) fn after_grace(engine: &Engine, client: ClientKey, line: u64) -> Option<Verdict> {
    let rule = &engine.config.password_spray;
    let row = engine.state.prefixes.get(places::shared_key(client.prefix()))?;
    (row.spray_until_s > engine.now_s() && rule.mode != Mode::Off)
        .then(|| verdict(rule, row.accounts.count(), Evidence::from_iter([line])))
}

fn verdict(rule: &Spray, accounts: u32, evidence: Evidence) -> Verdict {
    Verdict {
        detector: SPEC.name,
        mode: rule.mode,
        ban_s: rule.ban_s,
        score: accounts.saturating_mul(1000),
        evidence,
    }
}

/// Counts a failure for the prefixes around the client, and bans the narrowest of them as a whole
/// from which enough of its members fail, if nobody of ours is in it. While the /24 or /48 sprays
/// and is not banned, what is held against its clients.
fn judge_prefixes(
    engine: &mut Engine,
    seen: &Seen<'_>,
    attempt: &Attempt,
    account: u64,
    out: &mut Vec<Output>,
) -> Option<Verdict> {
    let (client, rule) = (seen.client, engine.config.password_spray);
    let narrow = client.prefix();
    let Thresholds { prefix_accounts_min, prefix_members_min, .. } = engine.thresholds;
    let mut against_clients = None;
    let mut is_open = true;
    for prefix in [narrow].into_iter().chain(client.wide()) {
        let member = if prefix == narrow { client.0 } else { narrow.0 };
        let Some(found) = count(engine, prefix, member, account, attempt.line) else { continue };
        let Counted { accounts, members, lines } = found;
        if accounts < prefix_accounts_min || members < PREFIX_MEMBERS_MIN || !is_open {
            continue;
        }
        let verdict = verdict(&rule, accounts, lines.evidence(seen.seq));
        if members >= prefix_members_min && engine.convict_whole(&verdict, prefix, out) {
            is_open = false;
        } else if prefix == narrow && is_spraying(engine, narrow, &verdict, out) {
            against_clients = Some(verdict);
        }
    }
    against_clients.filter(|_| is_open)
}

/// What a prefix has on its account.
struct Counted {
    accounts: u32,
    members: u32,
    lines: Lines,
}

/// Counts an account and a member for a prefix.
fn count(
    engine: &mut Engine,
    prefix: PrefixKey,
    member: u64,
    account: u64,
    line: u64,
) -> Option<Counted> {
    let (rule, now_s) = (engine.config.password_spray, engine.now_s());
    let row = engine.state.prefixes.entry(places::shared_key(prefix))?;
    let windows = sketch::turn(&mut row.window_s, now_s, rule.window_s);
    row.accounts.rotate(windows);
    row.clients.rotate(windows);
    row.accounts.mark(account);
    row.clients.mark(mix(member, engine.config.seed));
    row.lines.push(line);
    Some(Counted { accounts: row.accounts.count(), members: row.clients.count(), lines: row.lines })
}

/// Whether a prefix sprays, told where it begins to.
fn is_spraying(
    engine: &mut Engine,
    prefix: PrefixKey,
    verdict: &Verdict,
    out: &mut Vec<Output>,
) -> bool {
    let (rule, now_s) = (engine.config.password_spray, engine.now_s());
    let key = places::shared_key(prefix);
    if engine.state.prefixes.get(key).is_some_and(|row| row.spray_until_s > now_s) {
        return true;
    }
    let good = places::good_accounts_of_prefix(&engine.state, &engine.config, prefix, now_s);
    if verdict.score <= good.saturating_mul(rule.excused_by_good).saturating_mul(1000) {
        return false;
    }
    if let Some(row) = engine.state.prefixes.touch(key) {
        row.spray_until_s = now_s.saturating_add(rule.window_s);
    }
    engine.find(verdict, Subject::Network(prefix.network()), out);
    true
}
