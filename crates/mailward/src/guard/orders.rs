//! What operators ask of a running guard.

use super::Guard;
use super::listen::Peer;
use crate::control::{Answer, Request};
use crate::json;
use crate::subject;
use crate::terminal;
use edge::enforce::Refusal;
use engine::{Explanation, Output, Protection};
use event::{Command, Decision, Mode, Network, Order, Subject, Timestamp};
use serde_json::{Value, json};
use std::net::IpAddr;

impl Guard {
    /// Answers one request.
    pub(super) fn answer(&mut self, peer: Peer, request: Request) -> Answer {
        let answered = match request {
            Request::Status => Ok(Answer::data(self.status())),
            Request::Explain { subject } => {
                subject::read(&subject).map(|subject| Answer::data(self.explain(&subject)))
            }
            Request::Ban { subject, duration_s, reason } => subject::addresses(&subject)
                .map(|subject| self.ban(peer, &subject, duration_s, &reason)),
            Request::Unban { subject, reason } => {
                subject::read(&subject).map(|subject| self.unban(peer, subject, &reason))
            }
            Request::Allow { network, duration_s, reason } => subject::network(&network)
                .map(|network| self.allow(peer, network, duration_s, &reason)),
            Request::Disallow { network, reason } => {
                subject::network(&network).map(|network| self.disallow(peer, network, &reason))
            }
        };
        answered.unwrap_or_else(|failure| Answer::refused(failure.to_string()))
    }

    /// What the engine and the kernel know. The kernel's answer comes later than this one: the
    /// asker asks again.
    fn explain(&mut self, subject: &Subject) -> Value {
        let mut value = explanation(&self.core.engine.explain(subject), self.is_enforcing());
        let Some(address) = subject.network().map(|network| network.address()) else {
            return value;
        };
        if let Some((_, held)) = self.kernel.held.filter(|(of, _)| *of == address) {
            value["kernel"] = match held {
                None => json!({ "held": false }),
                Some(held) => json!({ "held": true, "network": held.network.to_string(),
                    "remaining_s": held.remaining_s, "packets": held.packets }),
            };
        }
        self.kernel.ask_address(address);
        value
    }

    fn order(&mut self, peer: Peer, reason: &str, order: Order) -> Vec<Output> {
        let command = Command {
            at: self.time.now(),
            operator: operator(peer.uid).into(),
            reason: reason.into(),
            order,
        };
        let outputs = self.core.command(&command);
        // On record, and carried out, before it is answered.
        self.carry_out(command.at);
        outputs
    }

    fn ban(
        &mut self,
        peer: Peer,
        subject: &Subject,
        duration_s: Option<u32>,
        reason: &str,
    ) -> Answer {
        if duration_s == Some(0) {
            return Answer::refused(format!("{subject} is not banned: it would be over at once"));
        }
        // What the kernel will refuse must not stand in the journal as decided. Who is protected is
        // the engine's to say, and on record as an order.
        let refusal = subject.network().and_then(|network| self.kernel.refusal(&network));
        if let Some(refusal) = refusal.filter(|refusal| *refusal == Refusal::TooWide) {
            return Answer::refused(format!("{subject} is not banned: {}", refusal.meaning()));
        }
        let outputs = self.order(peer, reason, Order::Ban { subject: subject.clone(), duration_s });
        if !outputs.iter().any(|output| matches!(output, Output::Decision(_))) {
            let protection = self.core.engine.explain(subject).protection;
            let why =
                protection.map_or_else(|| "the order was not carried out".into(), protection_text);
            return Answer::refused(format!("{subject} is not banned: {why}"));
        }
        let until = duration_s.map_or_else(
            || "until it is lifted".to_owned(),
            |seconds| format!("for {}", terminal::duration(i64::from(seconds))),
        );
        let around = neighbours(subject);
        Answer::done(if self.is_enforcing() {
            format!("{subject} is banned {until}{around}")
        } else {
            format!(
                "{subject} would be banned {until}{around}; this guard observes, and drops nothing"
            )
        })
    }

    fn unban(&mut self, peer: Peer, subject: Subject, reason: &str) -> Answer {
        let outputs = self.order(peer, reason, Order::Unban { subject: subject.clone() });
        let ended: Vec<&Subject> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Expiry(expiry) => Some(&expiry.subject),
                _ => None,
            })
            .collect();
        Answer::done(match ended.as_slice() {
            [] if subject.network().is_none() => format!("nothing held for {subject}"),
            [] => format!("nothing held for {subject}; its scores are forgotten"),
            [one] if one.network().is_none() => {
                format!(
                    "what held or was proposed for {one} has ended; what was done by hand has not"
                )
            }
            [one] => format!("the ban of {one} has ended"),
            [first, others @ ..] => {
                format!("the bans of {first} and of {} more have ended", others.len())
            }
        })
    }

    fn allow(
        &mut self,
        peer: Peer,
        network: Network,
        duration_s: Option<u32>,
        reason: &str,
    ) -> Answer {
        if network.prefix() == 0 {
            return Answer::refused(format!(
                "{network} is everybody, to services for listed networks, too; to ban nobody, set mode = \"observe\""
            ));
        }
        if duration_s == Some(0) {
            return Answer::refused(format!("{network} is not allowed: it would be over at once"));
        }
        if self.kernel.allowlist_is_full() {
            return Answer::refused(format!(
                "{network} does not fit into the allowlist: take others off, or allow a wider network"
            ));
        }
        let until = duration_s.map(|seconds| self.time.now().plus_seconds(i64::from(seconds)));
        let ended = self.order(peer, reason, Order::Allow { network, until });
        self.refresh_ruleset();
        let term = duration_s.map_or_else(String::new, |seconds| {
            format!(" for {}", terminal::duration(i64::from(seconds)))
        });
        Answer::done(format!("{network} is never banned{term}{}", ended_text(&ended)))
    }

    fn disallow(&mut self, peer: Peer, network: Network, reason: &str) -> Answer {
        self.order(peer, reason, Order::Disallow { network });
        self.refresh_ruleset();
        let subject = Subject::Network(network);
        match self.core.engine.explain(&subject).protection {
            None => Answer::done(format!("{network} is off the allowlist")),
            Some(protection) => Answer::refused(format!(
                "{network} is still not banned as a whole: {}",
                protection_text(protection)
            )),
        }
    }

    fn status(&self) -> Value {
        let sources: Vec<Value> = self
            .intake
            .followed
            .iter()
            .map(|followed| {
                let status = followed.status();
                let tally = followed.taken.tally;
                json!({
                    "name": followed.name(), "state": status.state.name(), "lag_bytes": status.lag_bytes,
                    "lines": tally.lines, "events": tally.events, "hostile": tally.hostile,
                    "noise": tally.noise, "unknown": tally.unknown + tally.unframed,
                    "understood_percent": tally.understood().unwrap_or(100.0),
                    "losses": status.counts.losses, "lost_at": followed.lost_at().map(|at| at.to_string()),
                    "truncations": status.counts.truncations, "cut_lines": status.counts.cut_lines,
                    "passed_over": status.counts.passed_over,
                    "problem": status.problem.map(|problem| problem.to_string()),
                })
            })
            .collect();
        let statistics = self.core.engine.statistics();
        let tables: Vec<Value> = statistics
            .tables
            .iter()
            .map(|table| {
                json!({ "name": table.name, "entries": table.entries, "capacity": table.capacity, "evicted": table.evicted })
            })
            .collect();
        let counters: Vec<Value> = self
            .kernel
            .counters
            .iter()
            .map(|counter| json!({ "name": counter.name, "packets": counter.packets, "bytes": counter.bytes }))
            .collect();
        json!({
            "mode": self.config.mode.name(), "enforcing": self.is_enforcing(), "since": self.since.to_string(),
            "now": self.time.now().to_string(), "lines": self.core.seq,
            "holds": self.core.engine.holds().count(),
            "proposals": self.core.engine.proposals().count(), "sources": sources, "tables": tables,
            "journal": self.core.journal.dir().display().to_string(), "journal_problem": self.core.trouble,
            "kernel": { "running": self.kernel.is_running(), "idle": self.kernel.idle, "bans": self.kernel.bans,
                "counters": counters, "notes": self.kernel.notes },
        })
    }
}

/// Who, by name where the host knows one.
fn operator(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

/// What a ban of a single IPv6 address leaves open: its user can take another one of the /64.
fn neighbours(subject: &Subject) -> String {
    match subject {
        Subject::Client(address @ IpAddr::V6(_)) => format!(
            "; the rest of {} is not: ban that where its user changes addresses",
            Network::of(*address, 64)
        ),
        _ => String::new(),
    }
}

fn ended_text(outputs: &[Output]) -> String {
    match outputs.iter().filter(|output| matches!(output, Output::Expiry(_))).count() {
        0 => String::new(),
        1 => "; one ban has ended".to_owned(),
        count => format!("; {count} bans have ended"),
    }
}

/// Why somebody is never banned.
pub fn protection_text(protection: Protection) -> String {
    match protection {
        Protection::Special => {
            "a loopback, link-local, multicast or unspecified address".to_owned()
        }
        Protection::Configured(network) => {
            format!("{network} is on the allowlist of the configuration")
        }
        Protection::Operator(network) => {
            format!("{network} is on the allowlist by an operator's order")
        }
        Protection::Surroundings(network) => format!(
            "{network} is an address of this host, a gateway, a resolver or an administrator at work"
        ),
    }
}

/// What the engine knows of a subject, as JSON. A decision of a guard that observes is one that is
/// only recorded.
pub fn explanation(explanation: &Explanation, is_enforcing: bool) -> Value {
    let hold = |decision: &Option<Decision>| match decision {
        None => Value::Null,
        Some(decision) => {
            let mode = if is_enforcing { decision.mode } else { Mode::Observe };
            let mut text = String::new();
            json::decision(&mut text, &Decision { mode, ..decision.clone() });
            serde_json::from_str(&text).unwrap_or_default()
        }
    };
    let scores: Vec<Value> = explanation
        .scores
        .iter()
        .map(|standing| {
            json!({ "detector": standing.detector, "score": standing.score,
                    "score_max": standing.score_max, "half_life_s": standing.half_life_s })
        })
        .collect();
    json!({
        "subject": explanation.subject.to_string(), "enforcing": is_enforcing, "at": time(explanation.at), "scores": scores,
        "offences": explanation.offences, "hold": hold(&explanation.hold),
        "covered_by": hold(&explanation.covered_by),
        "protection": explanation.protection.map(protection_text),
        "good_accounts": explanation.good_accounts, "under_attack": explanation.under_attack,
    })
}

fn time(at: Timestamp) -> String {
    at.to_string()
}
