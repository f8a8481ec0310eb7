//! Enforcers make the desired state true outside of mailward.
//!
//! The guard process reads what strangers wrote and has no privilege; the enforcer process has
//! `CAP_NET_ADMIN` and reads nothing but typed messages. [`Handle`] is the guard's end of the socket
//! between them.

mod bytes;
mod handle;
mod message;
mod ruleset;

pub use handle::{Handle, HandleError};
pub use message::{Counter, Held, MessageError, Order, Report};
pub use ruleset::{AllowOnly, Ban, Desired, Limits, Refusal, Ruleset, Scope};
