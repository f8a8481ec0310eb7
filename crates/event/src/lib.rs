//! The words all parts of mailward share: event, subject, finding, decision, timestamp, origin.
//!
//! This crate knows no clock, no file and no socket. It is `no_std`, so that the crates that stand
//! on it (`parse`, `engine`) cannot reach for one either. Everything here is a value.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod breaks;
mod command;
mod decision;
mod event;
mod filter;
mod incident;
mod network;
mod origin;
mod subject;
mod text;
mod time;
mod vocabulary;

pub use breaks::LineBreaks;
pub use command::{Command, Order};
pub use decision::{Decision, Evicted, Evidence, Expiry, Finding, Measure, Mode, Name};
pub use event::{CommandCounts, Event};
pub use incident::{Concerned, Incident, IncidentState, IncidentStep, Standing};
pub use network::{Network, NetworkError, canonical};
pub use origin::Origin;
pub use subject::Subject;
pub use text::Text;
pub use time::{Civil, Length, Timestamp};
pub use vocabulary::{Kind, Outcome, Protocol, Reason, Server, Vocabulary};
