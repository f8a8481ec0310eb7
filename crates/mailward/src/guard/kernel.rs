//! From decisions to the enforcer's process: what holds is told, never how.

use crate::config::Config;
use edge::clock::{self, Moment};
use edge::enforce::{
    AllowOnly, Ban, Counter, Handle, HandleError, Held, Limits, Report, Ruleset, Scope,
};
use engine::{Engine, Output};
use event::{Decision, Measure, Mode, Network, Subject, Timestamp};
use rustix::event::{PollFd, PollFlags};
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::time::Duration;

/// Reports of the enforcer that are kept for `status`.
const NOTES_MAX: usize = 32;

/// Networks in the allowlist that the kernel is told: of the configuration, of the surroundings and
/// by orders.
const ALLOWED_MAX: usize = edge::enforce::NETWORKS_MAX;

/// The guard's side of the enforcer.
pub struct Kernel {
    handle: Option<Handle>,
    ruleset: Ruleset,
    ask_at: Moment,
    /// Bans that the kernel held when last asked.
    pub bans: u64,
    /// Its counters when last asked.
    pub counters: Vec<Counter>,
    /// The latest reports worth telling.
    pub notes: Vec<String>,
    news: Vec<String>,
    /// What it holds for the address asked for last.
    pub held: Option<(IpAddr, Option<Held>)>,
    /// Why nothing is enforced, where nothing is.
    pub idle: Option<String>,
    /// The enforcer's process is gone: this guard ends, and both are started again.
    pub lost: Option<String>,
}

/// The rules for the kernel, from the configuration and what was found on this host.
pub fn ruleset(config: &Config, found_ports: &[u16], protected: &[Network]) -> Ruleset {
    let kernel = &config.kernel;
    let mut ports: Vec<u16> = Ruleset::MAIL_PORTS
        .iter()
        .chain(&kernel.ports)
        .chain(found_ports)
        .chain(kernel.only.keys())
        .copied()
        .collect();
    ports.sort_unstable();
    ports.dedup();
    let mut allow: Vec<Network> =
        config.engine.allow_networks.iter().chain(protected).copied().collect();
    allow.sort_unstable();
    allow.dedup();
    Ruleset {
        mode: config.mode,
        scope: if kernel.all_ports { Scope::All } else { Scope::MailPorts },
        ports,
        allow,
        allow_only: kernel
            .only
            .iter()
            .map(|(port, networks)| AllowOnly { port: *port, networks: networks.clone() })
            .collect(),
        limits: Limits {
            connections_per_minute_per_address: kernel.connections_per_minute,
            burst_per_address: kernel.connections_burst,
            connections_per_minute_per_prefix: kernel.prefix_connections_per_minute,
            burst_per_prefix: kernel.prefix_connections_burst,
            concurrent_per_address: kernel.concurrent_max,
            concurrent_per_prefix: kernel.prefix_concurrent_max,
        },
        published: kernel.published,
        counters_per_ban: kernel.count_per_ban,
    }
}

impl Kernel {
    /// On the socket to the enforcer's process; without one, `idle` says why.
    pub fn new(handle: Option<Handle>, ruleset: Ruleset, idle: Option<String>) -> Self {
        let mut kernel = Kernel {
            handle,
            ruleset,
            ask_at: Moment::default(),
            bans: 0,
            counters: Vec::new(),
            notes: Vec::new(),
            news: Vec::new(),
            held: None,
            idle,
            lost: None,
        };
        let ruleset = kernel.ruleset.clone();
        kernel.tell(|handle| handle.ruleset(&ruleset).map(drop));
        kernel
    }

    fn note(&mut self, text: String) {
        if self.notes.len() >= NOTES_MAX {
            self.notes.remove(0);
        }
        self.notes.push(format!("{} {text}", clock::now()));
        self.news.push(text);
    }

    /// Reports since the last call.
    pub fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    fn tell(&mut self, order: impl FnOnce(&mut Handle) -> Result<(), HandleError>) {
        let Some(handle) = &mut self.handle else { return };
        match order(handle) {
            Ok(()) => {}
            // The process is well; what it was told before stays in force.
            Err(error @ HandleError::TooLarge) => self.note(error.to_string()),
            Err(error) => {
                self.handle = None;
                self.lost = Some(error.to_string());
            }
        }
    }

    /// Replaces the rules.
    pub fn set_ruleset(&mut self, ruleset: Ruleset) {
        if self.ruleset != ruleset {
            self.ruleset = ruleset.clone();
            self.tell(|handle| handle.ruleset(&ruleset).map(drop));
        }
    }

    /// Carries out what the engine said just now.
    pub fn apply(&mut self, outputs: &[Output], now: Timestamp) {
        let bans: Vec<Ban> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Decision(decision) => ban(decision, now),
                _ => None,
            })
            .collect();
        let ended: Vec<Network> = outputs
            .iter()
            .filter_map(|output| match output {
                Output::Expiry(expiry) if expiry.measure == Measure::Ban => {
                    kernel_network(&expiry.subject)
                }
                _ => None,
            })
            .collect();
        // In the order of the outputs a ban after an expiry of the same subject must win.
        if !ended.is_empty() {
            self.tell(|handle| handle.unban(&ended).map(drop));
        }
        if !bans.is_empty() {
            self.tell(|handle| handle.ban(&bans).map(drop));
        }
    }

    /// Tells everything that holds: after a start, and where the enforcer lost track.
    pub fn snapshot(&mut self, engine: &Engine, now: Timestamp) {
        let bans: Vec<Ban> = engine.holds().filter_map(|decision| ban(decision, now)).collect();
        self.tell(|handle| handle.snapshot(bans).map(drop));
    }

    /// True where one more network does not fit into the allowlist that the kernel is told.
    pub const fn allowlist_is_full(&self) -> bool {
        self.ruleset.allow.len() >= ALLOWED_MAX
    }

    /// Asks what the kernel holds for an address; [`Kernel::held`] has the answer soon.
    pub fn ask_address(&mut self, address: IpAddr) {
        self.tell(|handle| handle.ask_address(address));
    }

    /// What to wait for.
    pub fn poll<'a>(&'a self, into: &mut Vec<PollFd<'a>>) {
        if let Some(handle) = &self.handle {
            let write = if handle.wants_write() { PollFlags::OUT } else { PollFlags::empty() };
            into.push(PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN | write));
        }
    }

    /// Hears reports, sends what waited, starts the process again where it died.
    pub fn serve(&mut self, engine: &Engine, now: Timestamp) {
        let mut reports = Vec::new();
        self.tell(|handle| handle.flush().and_then(|()| handle.receive(&mut reports).map(drop)));
        for report in reports {
            self.hear(report);
        }
        let due = clock::monotonic();
        if self.handle.as_ref().is_some_and(Handle::needs_snapshot) {
            self.snapshot(engine, now);
        }
        if self.handle.is_some() && due >= self.ask_at {
            self.ask_at = due.plus(Duration::from_secs(10));
            self.tell(Handle::ask_counters);
        }
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Counters { bans, counters } => {
                self.bans = bans;
                self.counters = counters;
            }
            Report::Refused { network, refusal, .. } => {
                self.note(format!("{network} is not banned: {}", refusal.meaning()));
            }
            Report::Failed { text, .. } => self.note(format!("the kernel refused: {text}")),
            Report::Healed { text, micros } => {
                self.note(format!("healed in {} ms: {text}", micros / 1000));
            }
            Report::Address { address, held } => self.held = Some((address, held)),
            Report::Applied { .. } => self.ask_at = Moment::default(),
            Report::Closed { .. } => {}
        }
    }

    /// True where the enforcer's process is there.
    pub const fn is_running(&self) -> bool {
        self.handle.is_some()
    }
}

/// What the kernel shall hold for a decision, where it shall hold anything.
pub fn ban(decision: &Decision, now: Timestamp) -> Option<Ban> {
    if decision.measure != Measure::Ban || decision.mode != Mode::Enforce {
        return None;
    }
    let remaining_s = match decision.until {
        None => None,
        Some(until) => {
            // No longer than was decided, wherever the clock stood then.
            let left = until.0.saturating_sub(now.0.max(decision.at.0));
            let seconds = left.div_euclid(1_000_000) + 1;
            Some(u32::try_from(seconds).ok().filter(|seconds| *seconds > 1)?)
        }
    };
    Some(Ban { network: kernel_network(&decision.subject)?, remaining_s })
}

/// An IPv6 client stands for its /64: it can take another address of it at will.
pub fn kernel_network(subject: &Subject) -> Option<Network> {
    match subject {
        Subject::Client(address @ IpAddr::V6(_)) => Some(Network::of(*address, 64)),
        other => other.network(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(until: Option<Timestamp>, mode: Mode) -> Decision {
        Decision {
            at: Timestamp(0),
            measure: Measure::Ban,
            subject: Subject::Client("2001:db8::7".parse().unwrap()),
            until,
            rule: "brute-force".into(),
            offence: 1,
            score: 9.0,
            mode,
            evidence: event::Evidence::default(),
        }
    }

    #[test]
    fn only_what_still_holds_and_shall_be_enforced_reaches_the_kernel() {
        let now = Timestamp::from_seconds(1_000);
        let held =
            ban(&decision(Some(Timestamp::from_seconds(1_600)), Mode::Enforce), now).unwrap();
        assert_eq!(held.network.to_string(), "2001:db8::/64");
        assert_eq!(held.remaining_s, Some(601));
        // A clock that was wrong, now or when it was decided, makes it no longer.
        let later = Decision { at: now, ..decision(Some(now.plus_seconds(600)), Mode::Enforce) };
        assert_eq!(ban(&later, Timestamp(0)).unwrap().remaining_s, Some(601));
        assert!(ban(&decision(Some(now), Mode::Enforce), now).is_none());
        assert!(ban(&decision(None, Mode::Observe), now).is_none());
        assert_eq!(ban(&decision(None, Mode::Enforce), now).unwrap().remaining_s, None);
    }
}
