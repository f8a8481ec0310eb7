//! How the guard carries out what operators order, and answers what they ask.

use super::Guard;
use crate::core::Core;
use crate::orders::{Desk, explanation};
use edge::enforce::Refusal;
use engine::Engine;
use event::{Network, Subject, Timestamp};
use serde_json::{Value, json};

impl Desk for Guard {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    fn engine(&self) -> &Engine {
        &self.core.engine
    }

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn carry_out(&mut self, at: Timestamp) {
        Guard::carry_out(self, at);
    }

    fn allowlist_changed(&mut self) {
        self.refresh_ruleset();
    }

    fn is_enforcing(&self) -> bool {
        Guard::is_enforcing(self)
    }

    fn refusal(&self, network: &Network) -> Option<Refusal> {
        self.kernel.refusal(network)
    }

    fn is_allowlist_full(&self) -> bool {
        self.kernel.allowlist_is_full()
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
            "holds": self.core.engine.holds().count(), "incidents": self.core.incidents.len(),
            "incidents_waiting": self.core.incidents.waiting(),
            "proposals": self.core.engine.proposals().count(), "sources": sources, "tables": tables,
            "journal": self.core.journal.dir().display().to_string(), "journal_problem": self.core.trouble,
            "kernel": { "running": self.kernel.is_running(), "idle": self.kernel.idle, "bans": self.kernel.bans,
                "counters": counters, "notes": self.kernel.notes },
        })
    }
}
