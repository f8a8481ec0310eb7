//! Enforcers make the desired state true outside of mailward.
//!
//! The guard process reads what strangers wrote and has no privilege; the enforcer process has
//! `CAP_NET_ADMIN` and reads nothing but typed messages. [`Handle`] is the guard's end of the
//! socket between them, [`serve`] the enforcer's loop.
//!
//! In the kernel mailward owns the table `inet mailward`. Bans are elements of hash sets, one set
//! for each prefix length in use, looked up with the masked source address, so that a packet costs
//! the same with one ban or a million, and so does a ban.

mod allowed;
mod bytes;
mod catalogue;
mod close;
mod confine;
mod handle;
mod hook;
pub mod kernel;
mod list;
mod lock;
mod message;
pub mod netlink;
pub mod plan;
mod process;
pub mod reconcile;
mod ruleset;
pub mod skeleton;
pub mod table;
mod watch;

pub use catalogue::{ENFORCERS, EnforcerSpec};
pub use confine::{ConfineError, confine_enforcer};
pub use handle::{Handle, HandleError};
pub use hook::{HOOK_PATH, Hook, HookCall, HookError};
pub use list::{List, ListError, ListForm};
pub use lock::{ASKERS_MAX, EnforcerLock, LOCK_NAME, LockError};
pub use message::{BANS_MAX as NETWORKS_MAX, Counter, Held, MessageError, Order, Report};
pub use process::{EnforceError, probe, serve};
pub use ruleset::{AllowOnly, Ban, Desired, Limits, Refusal, Ruleset, Scope};
