//! What a finding or a decision is about.

use crate::{Network, Text};
use alloc::boxed::Box;
use core::fmt;
use core::net::IpAddr;

/// Exactly one of: a client, a network, an account, a sender, a host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// One peer address. An IPv6 client stands for itself; its /64 is a [`Subject::Network`].
    Client(IpAddr),
    /// A prefix.
    Network(Network),
    /// A login name, as logged, in lower case.
    Account(Box<[u8]>),
    /// An envelope sender.
    Sender(Box<[u8]>),
    /// One of our own hosts.
    Host(Box<[u8]>),
}

impl Subject {
    /// The name of the kind, which is also the key in JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Subject::Client(_) => "client",
            Subject::Network(_) => "network",
            Subject::Account(_) => "account",
            Subject::Sender(_) => "sender",
            Subject::Host(_) => "host",
        }
    }

    /// The addresses it covers, where it is about addresses.
    pub const fn network(&self) -> Option<Network> {
        match self {
            Subject::Client(address) => Some(Network::host(*address)),
            Subject::Network(network) => Some(*network),
            _ => None,
        }
    }
}

/// The value alone: `203.0.113.9`, `198.51.100.0/24`, `bob@example.org`.
impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Client(address) => address.fmt(out),
            Subject::Network(network) => network.fmt(out),
            Subject::Account(name) | Subject::Sender(name) | Subject::Host(name) => {
                Text(name).fmt(out)
            }
        }
    }
}
