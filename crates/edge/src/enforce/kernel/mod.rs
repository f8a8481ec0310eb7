//! The kernel as the reconciler sees it, and the real one: nf_tables over netlink.

mod expression;
mod netfilter;
mod reply;
mod request;

pub use netfilter::Netfilter;
pub use reply::{CounterValue, read_chain, read_chain_rule, read_element, read_set};

use super::netlink::SocketError;
use super::plan::{Change, Observed};
use super::table::ElementKey;
use rustix::io::Errno;
use std::collections::BTreeMap;

/// What the kernel holds under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// How long still, in milliseconds; `None` for ever.
    pub remaining_ms: Option<u64>,
    /// Packets, where the set counts them per element.
    pub packets: Option<u64>,
}

/// What the reconciler needs of a kernel; tests put a simulated one in its place.
pub trait Kernel {
    /// What is there now, elements aside.
    fn observe(&mut self) -> Result<Observed, KernelError>;
    /// Makes all changes, or none.
    fn commit(&mut self, changes: &[Change]) -> Result<(), KernelError>;
    /// Looks one element up.
    fn find(&mut self, set: &str, key: ElementKey) -> Result<Option<Found>, KernelError>;
    /// The counters of all rules, summed by the rules' names.
    fn counters(&mut self) -> Result<BTreeMap<String, CounterValue>, KernelError>;
}

/// Why the kernel did not do something.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KernelError {
    /// It refused one change, and so the whole transaction.
    #[error("the kernel refused to {what}: {error}")]
    Refused {
        /// The change.
        what: String,
        /// Why.
        error: Errno,
        /// The change was a rule that limits rates or connections.
        limit: bool,
        /// The change was about published ports.
        forward: bool,
    },
    /// Not permitted: the process lacks `CAP_NET_ADMIN`.
    #[error("not permitted to change the packet filter")]
    NotPermitted,
    /// The kernel has no nf_tables.
    #[error("the kernel has no nf_tables: {0}")]
    Unsupported(Errno),
    /// The conversation with it failed.
    #[error("netlink: {0}")]
    Netlink(#[from] SocketError),
}

impl KernelError {
    /// True where a thing that was named is not there.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            KernelError::Refused { error: Errno::NOENT, .. }
                | KernelError::Netlink(SocketError::Refused { error: Errno::NOENT, .. })
        )
    }
}
