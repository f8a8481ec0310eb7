//! What the engine says: findings, decisions and what became of its bounded state.

use crate::{Subject, Timestamp};
use alloc::borrow::Cow;
use core::fmt;

/// The name of a detector or rule: compiled in, or from configuration.
pub type Name = Cow<'static, str>;

/// The lines that speak for a finding: sequence numbers, oldest first, the latest few kept.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Evidence {
    lines: [u64; Evidence::MAX],
    len: u8,
}

impl Evidence {
    /// How many lines are kept.
    pub const MAX: usize = 8;

    /// Adds a line; the oldest gives way when full. Adding the newest line again does nothing.
    pub fn push(&mut self, line: u64) {
        if self.lines().last() == Some(&line) {
            return;
        }
        if usize::from(self.len) == Self::MAX {
            self.lines.copy_within(1.., 0);
            self.len -= 1;
        }
        self.lines[usize::from(self.len)] = line;
        self.len += 1;
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> &[u64] {
        self.lines.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl FromIterator<u64> for Evidence {
    fn from_iter<I: IntoIterator<Item = u64>>(lines: I) -> Self {
        let mut evidence = Evidence::default();
        lines.into_iter().for_each(|line| evidence.push(line));
        evidence
    }
}

/// Whether a part acts, or only records what it would have done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Neither finds nor decides.
    Off,
    /// Finds and decides; nothing is enforced.
    Observe,
    /// Finds, decides, and the decision is carried out.
    #[default]
    Enforce,
}

/// What is to hold for a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Measure {
    /// Packets dropped, live connections closed.
    Ban,
    /// New connections limited.
    Throttle,
    /// Messages held in the queue.
    Hold,
    /// Logins refused.
    Lock,
    /// Answers delayed.
    Tarpit,
    /// A second factor asked for.
    Challenge,
    /// Recorded only.
    Observe,
}

/// Something that a detector recognised.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Event time.
    pub at: Timestamp,
    /// The detector.
    pub detector: Name,
    /// Whom it is about.
    pub subject: Subject,
    /// How sure, in the detector's own points; its threshold is in the configuration.
    pub score: f32,
    /// The lines that speak for it.
    pub evidence: Evidence,
}

/// What is to hold for a subject until when, and why.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Event time.
    pub at: Timestamp,
    /// What is to hold.
    pub measure: Measure,
    /// For whom.
    pub subject: Subject,
    /// Until when; `None` for ever (only an operator decides so).
    pub until: Option<Timestamp>,
    /// The rule, or `operator`.
    pub rule: Name,
    /// How often this subject offended, this time included; 0 for an operator's decision.
    pub offence: u32,
    /// The score at the time.
    pub score: f32,
    /// Whether enforcers carry it out.
    pub mode: Mode,
    /// The lines that speak for it.
    pub evidence: Evidence,
}

/// A decision that no longer holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Expiry {
    /// Event time.
    pub at: Timestamp,
    /// Whose decision ended.
    pub subject: Subject,
    /// What held.
    pub measure: Measure,
    /// Whether it was carried out, or only recorded.
    pub mode: Mode,
    /// Its rule.
    pub rule: Name,
    /// Why it ended: `expired`, `operator`, `login` (the client proved to be a user), `allowlist`,
    /// `capacity`.
    pub cause: Name,
}

/// State that had to give way because a table was full.
#[derive(Clone, PartialEq, Debug)]
pub struct Evicted {
    /// Event time.
    pub at: Timestamp,
    /// The table.
    pub table: Name,
    /// How many entries since the last such report.
    pub entries: u64,
}

impl Mode {
    /// The word in configuration and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Observe => "observe",
            Mode::Enforce => "enforce",
        }
    }
}

impl Measure {
    /// All, in the order of their severity, mildest last.
    pub const ALL: [Measure; 7] = [
        Measure::Ban,
        Measure::Throttle,
        Measure::Hold,
        Measure::Lock,
        Measure::Tarpit,
        Measure::Challenge,
        Measure::Observe,
    ];

    /// The word in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Ban => "ban",
            Measure::Throttle => "throttle",
            Measure::Hold => "hold",
            Measure::Lock => "lock",
            Measure::Tarpit => "tarpit",
            Measure::Challenge => "challenge",
            Measure::Observe => "observe",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_keeps_the_latest() {
        let evidence: Evidence = (1..=10).chain([10]).collect();
        assert_eq!(evidence.lines(), [3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
