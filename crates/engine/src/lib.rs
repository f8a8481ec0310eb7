//! Turns a sequence of events into findings and decisions, the same way every time.
//!
//! One way in ([`Input`]), one way out ([`Output`]), no clock, no hash-map iteration, no chance:
//! the same inputs give the same outputs, byte for byte, on any machine.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use event::{Command, Decision, Event, Evicted, Expiry, Finding, Timestamp};

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

/// Thresholds, weights and modes; the defaults are compiled in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Config {}

/// The engine.
pub struct Engine {}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(config: Config) -> Self {
        let _ = config;
        Engine {}
    }

    /// Applies one input. `seq` is the number of the line (in the order of arrival) that it came
    /// from; it becomes the evidence.
    pub fn step(&mut self, seq: u64, input: &Input<'_>, out: &mut Vec<Output>) {
        let _ = (seq, input, out);
    }
}
