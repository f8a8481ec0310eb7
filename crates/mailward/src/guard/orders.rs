//! What operators ask of a running guard.

use super::Guard;
use super::listen::Peer;
use crate::control::{Answer, Request};
use crate::json;
use crate::subject;
use crate::terminal;
use engine::{Explanation, Output, Protection};
use event::{Command, Order, Subject, Timestamp};
use serde_json::{Value, json};

impl Guard {
    /// Answers one request.
    pub(super) fn answer(&mut self, peer: Peer, request: Request) -> Answer {
        let answered = match request {
            Request::Status => Ok(Answer::data(self.status())),
            Request::Explain { subject } => {
                subject::read(&subject).map(|subject| Answer::data(self.explain(&subject)))
            }
            Request::Ban { subject, duration_s, reason } => {
                subject::read(&subject).map(|subject| self.ban(peer, subject, duration_s, &reason))
            }
            Request::Unban { subject, reason } => {
                subject::read(&subject).map(|subject| self.unban(peer, subject, &reason))
            }
            Request::Allow { network, duration_s, reason } => {
                subject::network(&network).map(|network| {
                    if self.kernel.allowlist_is_full() {
                        return Answer::refused(format!(
                            "{network} does not fit into the allowlist: take others off, or allow a wider network"
                        ));
                    }
                    let until =
                        duration_s.map(|seconds| self.time.now().plus_seconds(i64::from(seconds)));
                    let ended = self.order(peer, &reason, Order::Allow { network, until });
                    self.refresh_ruleset();
                    Answer::done(format!("{network} is never banned{}", ended_text(&ended)))
                })
            }
            Request::Disallow { network, reason } => subject::network(&network).map(|network| {
                self.order(peer, &reason, Order::Disallow { network });
                self.refresh_ruleset();
                Answer::done(format!("{network} is off the allowlist"))
            }),
        };
        answered.unwrap_or_else(|failure| Answer::refused(failure.to_string()))
    }

    /// What the engine and the kernel know. The kernel's answer comes later than this one: the
    /// asker asks again.
    fn explain(&mut self, subject: &Subject) -> Value {
        let mut value = explanation(&self.core.engine.explain(subject));
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
        subject: Subject,
        duration_s: Option<u32>,
        reason: &str,
    ) -> Answer {
        let outputs = self.order(peer, reason, Order::Ban { subject: subject.clone(), duration_s });
        let decided = outputs.iter().any(|output| matches!(output, Output::Decision(_)));
        if decided {
            let until = duration_s.map_or_else(
                || "until it is lifted".to_owned(),
                |seconds| format!("for {}", terminal::duration(i64::from(seconds))),
            );
            return Answer::done(format!("{subject} is banned {until}"));
        }
        match self.core.engine.explain(&subject).protection {
            Some(protection) => {
                Answer::refused(format!("{subject} is not banned: {}", protection_text(protection)))
            }
            None => Answer::refused(format!(
                "{subject} is not banned: only addresses and networks can be"
            )),
        }
    }

    fn unban(&mut self, peer: Peer, subject: Subject, reason: &str) -> Answer {
        let outputs = self.order(peer, reason, Order::Unban { subject: subject.clone() });
        if outputs.iter().any(|output| matches!(output, Output::Expiry(_))) {
            return Answer::done(format!("the ban of {subject} has ended"));
        }
        match self.core.engine.explain(&subject).covered_by {
            Some(cover) => Answer::refused(format!(
                "nothing held for {subject} itself, but {} is banned: unban that",
                cover.subject
            )),
            None => Answer::done(format!("nothing held for {subject}; its scores are forgotten")),
        }
    }

    fn status(&self) -> Value {
        let sources: Vec<Value> = self
            .intake
            .followed
            .iter()
            .map(|followed| {
                let status = followed.status();
                let tally = followed.tally;
                json!({
                    "name": followed.name(), "state": status.state.name(), "lag_bytes": status.lag_bytes,
                    "lines": tally.lines, "events": tally.events, "hostile": tally.hostile,
                    "noise": tally.noise, "unknown": tally.unknown + tally.unframed,
                    "understood_percent": tally.understood_percent(),
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
            "mode": self.config.mode.name(), "since": self.since.to_string(), "lines": self.core.seq,
            "holds": self.core.engine.holds().count(), "sources": sources, "tables": tables,
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

/// What the engine knows of a subject, as JSON.
pub fn explanation(explanation: &Explanation) -> Value {
    let hold = |decision: &Option<event::Decision>| match decision {
        None => Value::Null,
        Some(decision) => {
            let mut text = String::new();
            json::decision(&mut text, decision);
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
        "subject": explanation.subject.to_string(), "at": time(explanation.at), "scores": scores,
        "offences": explanation.offences, "hold": hold(&explanation.hold),
        "covered_by": hold(&explanation.covered_by),
        "protection": explanation.protection.map(protection_text),
        "good_accounts": explanation.good_accounts, "under_attack": explanation.under_attack,
    })
}

fn time(at: Timestamp) -> String {
    at.to_string()
}
