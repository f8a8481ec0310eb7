//! The engine: the only way in and out.

use crate::{CheckpointError, Config, Explanation, Statistics};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use event::{Command, Decision, Event, Evicted, Evidence, Expiry, Finding, Subject, Timestamp};

/// What can change a decision.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Something happened.
    Event(&'a Event<'a>),
    /// Event time has come this far, although no event says so.
    Tick(Timestamp),
    /// An operator's order, or new surroundings.
    Command(&'a Command),
    /// A new configuration, from this time on.
    Config(Timestamp, &'a Config),
}

/// What the engine says.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Something was recognised.
    Finding(Finding),
    /// Something is to hold.
    Decision(Decision),
    /// Something no longer holds.
    Expiry(Expiry),
    /// State gave way.
    Evicted(Evicted),
}

/// The engine.
pub struct Engine {
    holds: BTreeMap<Subject, Decision>,
    now: Timestamp,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(config: Config) -> Self {
        let _ = config;
        Engine { holds: BTreeMap::new(), now: Timestamp(0) }
    }

    /// Applies one input. `seq` is the number of the line (in the order of arrival) that it came
    /// from; it becomes the evidence.
    pub fn step(&mut self, seq: u64, input: &Input<'_>, out: &mut Vec<Output>) {
        let _ = (seq, input, out);
    }

    /// Event time reached.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The desired state: all decisions in mode enforce that hold now, in subject order.
    pub fn holds(&self) -> impl Iterator<Item = &Decision> {
        self.holds.values()
    }

    /// Why a subject stands where it stands.
    pub fn explain(&self, subject: &Subject) -> Explanation {
        Explanation {
            subject: subject.clone(),
            at: self.now,
            scores: Vec::new(),
            offences: 0.0,
            hold: None,
            covered_by: None,
            protection: None,
            good_accounts: 0,
            under_attack: false,
            evidence: Evidence::default(),
        }
    }

    /// The state in numbers.
    pub fn statistics(&self) -> Statistics {
        Statistics { tables: Vec::new(), timers: 0 }
    }

    /// Appends the whole state to `into`.
    pub fn checkpoint(&self, into: &mut Vec<u8>) {
        let _ = into;
    }

    /// Takes up a checkpoint under a configuration.
    ///
    /// # Errors
    /// The bytes are no checkpoint, one of another version, or damaged.
    pub fn restore(bytes: &[u8], config: Config) -> Result<Engine, CheckpointError> {
        let _ = (bytes, config);
        Err(CheckpointError::Foreign)
    }

    /// Fires the pending grace timers: the end of a replay.
    pub fn finish(&mut self, out: &mut Vec<Output>) {
        let _ = out;
    }
}
