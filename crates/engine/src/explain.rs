//! Why a subject stands where it stands, as plain data.

use alloc::vec::Vec;
use event::{Decision, Evidence, Network, Subject, Timestamp};

/// What the engine knows about a subject now.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// Whom it is about.
    pub subject: Subject,
    /// Event time of the answer.
    pub at: Timestamp,
    /// One row for each detector that has anything on the subject.
    pub scores: Vec<Standing>,
    /// Earlier offences, decayed; the next ban is `growth` to this power times longer.
    pub offences: f32,
    /// What holds for exactly this subject.
    pub hold: Option<Decision>,
    /// What holds for a network around it.
    pub covered_by: Option<Decision>,
    /// Why it is never banned, if so.
    pub protection: Option<Protection>,
    /// Accounts that logged in from there (estimated from a sketch), or for an account: 0.
    pub good_accounts: u32,
    /// For an account: true while it is under distributed attack.
    pub under_attack: bool,
    /// The latest lines that count.
    pub evidence: Evidence,
}

/// How far one detector has come.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// The detector.
    pub detector: &'static str,
    /// The score now.
    pub score: f32,
    /// Where it speaks, for this subject (good logins raise it).
    pub score_max: f32,
    /// Time in which the score halves, seconds; 0 where it counts in a window.
    pub half_life_s: u32,
}

/// Why a subject is never banned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Loopback, link-local, unspecified or multicast.
    Special,
    /// On the configured allowlist.
    Configured(Network),
    /// Allowed by an operator.
    Operator(Network),
    /// Part of the surroundings: own address, gateway, resolver, administrator.
    Surroundings(Network),
}

/// One table of bounded state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableStatistics {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Entries in use.
    pub entries: u32,
    /// Most entries.
    pub capacity: u32,
    /// Entries that gave way since the start.
    pub evicted: u64,
}

/// The engine's state in numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statistics {
    /// All tables.
    pub tables: Vec<TableStatistics>,
    /// Timers that wait.
    pub timers: usize,
}
