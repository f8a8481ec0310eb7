//! Turns a sequence of events into findings and decisions, the same way every time.
//!
//! One way in ([`Input`]), one way out ([`Output`]), no clock, no hash-map iteration, no chance:
//! the same inputs give the same outputs, byte for byte, on any machine.
//!
//! The way of an event: `engine` moves the clock and fires timers, `detect` hands it to the
//! detectors it concerns, each keeps its numbers in a row of a bounded table (`state`), and where
//! one has seen enough, `decide` asks who is protected, what holds already and how long a ban is.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod attempts;
mod checkpoint;
mod client;
mod clock_set;
mod config;
mod decide;
mod detect;
mod engine;
mod explain;
mod fold;
mod hash;
mod holds;
mod incident;
mod jitter;
mod join;
mod neighbours;
mod persist;
mod places;
mod protection;
mod rate;
mod score;
mod session;
mod sketch;
mod stale;
mod state;
mod table;
mod take_up;
mod timer;

pub use attempts::{Attempts, Counted};
pub use checkpoint::CheckpointError;
pub use config::{
    Bans, BotnetSpray, Campaigns, Capacities, Config, ConfigError, Distributed, Flood, Guessing,
    Harvest, KEYS, Key, Once, Points, Prefixes, Problem, Relay, Rule, Scan, Spray, Surge, Takeover,
    Value, ValueKind,
};
pub use detect::{DETECTORS, DetectorSpec, KnownAttack, known_attack};
pub use engine::{Engine, Input, Output};
pub use explain::{Explanation, Protection, Standing, Statistics, TableStatistics};
pub use hash::{exact as hash_of_bytes, lower as hash_of_name};
pub use incident::{IncidentError, Incidents};
pub use join::Joined;
