//! From decisions to the enforcer's process: what holds is told, never how.

use super::limits::LimitWatch;
use crate::config::Config;
use edge::clock::{self, Moment};
use edge::enforce::{
    AllowOnly, Ban, Counter, Handle, HandleError, Held, Limits, Refusal, Report, Ruleset, Scope,
};
use engine::{Engine, Output};
use event::{Decision, Expiry, Measure, Mode, Network, Timestamp};
use rustix::event::{PollFd, PollFlags};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::time::Duration;

/// Reports of the enforcer that are kept for `status`.
const NOTES_MAX: usize = 32;

/// The same report in a row is told at most so often.
const SAME_EVERY: Duration = Duration::from_secs(600);

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
    limits: LimitWatch,
    /// The latest reports worth telling.
    pub notes: Vec<String>,
    news: Vec<String>,
    /// The last of them, and when.
    told: Option<(String, Moment)>,
    /// What it holds for the address asked for last.
    pub held: Option<(IpAddr, Option<Held>)>,
    /// Why nothing is enforced, where nothing is.
    pub idle: Option<String>,
    /// The enforcer's process is gone: this guard ends, and both are started again.
    pub lost: Option<String>,
}

/// The rules for the kernel: from the configuration, what was found on this host (ports, networks
/// that are never banned), and the allowlist, which operators change.
pub fn ruleset(
    config: &Config,
    found_ports: &[u16],
    protected: &[Network],
    allowed: &[Network],
) -> Ruleset {
    let kernel = &config.kernel;
    // Who guesses at a console that others reach is banned from it, too.
    let beyond = config.console.listen.iter().filter(|address| !address.ip().is_loopback());
    let console: Vec<u16> = beyond.map(std::net::SocketAddr::port).collect();
    let mut ports: Vec<u16> = Ruleset::MAIL_PORTS
        .iter()
        .chain(&console)
        .chain(&kernel.ports)
        .chain(found_ports)
        .chain(kernel.only.keys())
        .copied()
        .collect();
    ports.sort_unstable();
    ports.dedup();
    let mut allow = allowed.to_vec();
    allow.sort_unstable();
    allow.dedup();
    Ruleset {
        mode: config.mode,
        scope: if kernel.all_ports { Scope::All } else { Scope::MailPorts },
        ports,
        allow,
        protect: protected.to_vec(),
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
        unlimited: kernel.unlimited.clone(),
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
            limits: LimitWatch::default(),
            notes: Vec::new(),
            news: Vec::new(),
            told: None,
            held: None,
            idle,
            lost: None,
        };
        let ruleset = kernel.ruleset.clone();
        kernel.tell(|handle| handle.ruleset(&ruleset).map(drop));
        kernel
    }

    /// Keeps a report, and has it told. What fails is tried again and again: the same report is
    /// not told each time.
    fn note(&mut self, text: String) {
        let now = clock::monotonic();
        if let Some((last, at)) = &self.told
            && *last == text
            && now.since(*at) < SAME_EVERY
        {
            return;
        }
        self.told = Some((text.clone(), now));
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
        let (bans, ended) = changes(outputs, now);
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

    /// Why the kernel would not hold a ban of this network, if so.
    pub fn refusal(&self, network: &Network) -> Option<Refusal> {
        self.ruleset.refusal(network)
    }

    /// True where one more network does not fit into the allowlist that the kernel is told.
    pub const fn allowlist_is_full(&self) -> bool {
        self.ruleset.allow.len() + self.ruleset.protect.len() >= ALLOWED_MAX
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
                let now = clock::monotonic();
                for told in self.limits.look(&counters, self.ruleset.mode, now) {
                    self.note(told);
                }
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

/// What begins and what ends by these outputs: of several about one network the last counts.
fn changes(outputs: &[Output], now: Timestamp) -> (Vec<Ban>, Vec<Network>) {
    let mut last: BTreeMap<Network, Option<Ban>> = BTreeMap::new();
    for output in outputs {
        match output {
            Output::Decision(decision) => {
                last.extend(ban(decision, now).map(|ban| (ban.network, Some(ban))));
            }
            Output::Expiry(expiry) if is_lifted(expiry) => {
                last.extend(expiry.subject.network().map(|network| (network, None)));
            }
            _ => {}
        }
    }
    let ended = last.iter().filter(|(_, ban)| ban.is_none()).map(|(network, _)| *network).collect();
    (last.into_values().flatten().collect(), ended)
}

/// What the kernel shall hold for a decision, where it shall hold anything: just what the decision
/// is about. The engine names an IPv6 client by its /64; a single address is one beside a protected
/// neighbour, or an operator's.
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
            // The largest number stands for "until lifted" on the way to the enforcer.
            let seconds = seconds.clamp(0, i64::from(u32::MAX) - 1) as u32;
            Some(Some(seconds).filter(|seconds| *seconds > 1)?)
        }
    };
    Some(Ban { network: decision.subject.network()?, remaining_s })
}

/// True where what ended was carried out.
pub fn is_lifted(expiry: &Expiry) -> bool {
    expiry.measure == Measure::Ban && expiry.mode == Mode::Enforce
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{Expiry, Subject};

    fn decision(subject: Subject, until: Option<Timestamp>, mode: Mode) -> Decision {
        Decision {
            at: Timestamp(0),
            measure: Measure::Ban,
            subject,
            until,
            rule: "brute-force".into(),
            offence: 1,
            score: 9.0,
            mode,
            evidence: event::Evidence::default(),
        }
    }

    fn client() -> Subject {
        Subject::Client("2001:db8::7".parse().unwrap())
    }

    fn begins(subject: Subject) -> Output {
        Output::Decision(decision(subject, None, Mode::Enforce))
    }

    fn ends(subject: Subject) -> Output {
        let (measure, rule, cause) = (Measure::Ban, "brute-force".into(), "time".into());
        Output::Expiry(Expiry {
            at: Timestamp(0),
            subject,
            measure,
            rule,
            cause,
            mode: Mode::Enforce,
        })
    }

    #[test]
    fn only_what_still_holds_and_shall_be_enforced_reaches_the_kernel() {
        let now = Timestamp::from_seconds(1_000);
        let ban = |until: Option<Timestamp>, mode| ban(&decision(client(), until, mode), now);
        let held = ban(Some(Timestamp::from_seconds(1_600)), Mode::Enforce).unwrap();
        assert_eq!(held.network.to_string(), "2001:db8::7/128");
        assert_eq!(held.remaining_s, Some(601));
        assert!(ban(Some(now), Mode::Enforce).is_none());
        assert!(ban(Some(Timestamp(0)), Mode::Enforce).is_none());
        let longest = Some(now.plus_seconds(i64::from(u32::MAX)));
        assert!(ban(longest, Mode::Enforce).is_some(), "as long as an order can say");
        assert!(ban(None, Mode::Observe).is_none());
        assert_eq!(ban(None, Mode::Enforce).unwrap().remaining_s, None);
    }

    #[test]
    fn a_clock_that_was_wrong_makes_no_ban_longer() {
        let now = Timestamp::from_seconds(1_000);
        let until = Some(now.plus_seconds(600));
        let later = Decision { at: now, ..decision(client(), until, Mode::Enforce) };
        assert_eq!(ban(&later, Timestamp(0)).unwrap().remaining_s, Some(601));
    }

    #[test]
    fn a_single_address_and_its_network_begin_and_end_apart() {
        let now = Timestamp(0);
        let network: Network = "2001:db8::/64".parse().unwrap();
        let single = client().network().unwrap();
        let (bans, ended) = changes(&[begins(client()), begins(Subject::Network(network))], now);
        let networks: Vec<Network> = bans.iter().map(|ban| ban.network).collect();
        assert_eq!((networks, ended), (vec![network, single], vec![]));
        let (bans, ended) = changes(&[ends(client())], now);
        assert_eq!((bans, ended), (vec![], vec![single]), "the network stays banned");
    }

    #[test]
    fn the_last_word_about_a_network_counts() {
        let now = Timestamp(0);
        let single = client().network().unwrap();
        let (bans, ended) = changes(&[begins(client()), ends(client())], now);
        assert_eq!((bans, ended), (vec![], vec![single]), "it gave way at once");
        let (bans, ended) = changes(&[ends(client()), begins(client())], now);
        assert_eq!((bans.len(), ended), (1, vec![]));
    }

    #[test]
    fn what_fails_again_and_again_is_told_once() {
        let mut kernel = Kernel::new(None, Ruleset::default(), None);
        let failed = |text: &str| Report::Failed { sequence: 1, text: text.to_owned() };
        for text in ["no memory", "no memory", "no memory", "busy", "no memory"] {
            kernel.hear(failed(text));
        }
        let news = kernel.news();
        assert_eq!(news.len(), 3, "{news:?}");
        assert_eq!(kernel.notes.len(), 3);
    }
}
