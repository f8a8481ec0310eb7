//! Turns a sequence of events into findings and decisions, the same way every time.
//!
//! One way in ([`Input`]), one way out ([`Output`]), no clock, no hash-map iteration, no chance:
//! the same inputs give the same outputs, byte for byte, on any machine.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod checkpoint;
mod config;
mod engine;
mod explain;

pub use checkpoint::CheckpointError;
pub use config::{
    Bans, Capacities, Config, ConfigError, Distributed, Flood, Guessing, Harvest, KEYS, Key, Once,
    Points, Prefixes, Problem, Relay, Rule, Scan, Spray, Value, ValueKind,
};
pub use engine::{Engine, Input, Output};
pub use explain::{Explanation, Protection, Standing, Statistics, TableStatistics};
