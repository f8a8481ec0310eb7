//! What an operator told mailward to do: an input of the engine like any other, journalled.

use crate::{IncidentStep, Network, Subject, Timestamp};
use alloc::boxed::Box;

/// An order, with who gave it, when and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// When it was given.
    pub at: Timestamp,
    /// Who: a login name of the host, or a console user.
    pub operator: Box<str>,
    /// Why, in the operator's words; may be empty.
    pub reason: Box<str>,
    /// What.
    pub order: Order,
}

/// What can be ordered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Ban, for so many seconds or for ever.
    Ban {
        /// A client, network or account.
        subject: Subject,
        /// `None`: until it is lifted.
        duration_s: Option<u32>,
    },
    /// End what holds for the subject and forget its scores.
    Unban {
        /// A client, network or account.
        subject: Subject,
    },
    /// Never ban this network, until the time given or for ever.
    Allow {
        /// The network.
        network: Network,
        /// `None`: for ever.
        until: Option<Timestamp>,
    },
    /// Take a network off the allowlist.
    Disallow {
        /// The network.
        network: Network,
    },
    /// The surroundings as found now: own addresses, gateways, resolvers, administrators' peers.
    /// These are never banned; the list replaces the one before.
    Protect {
        /// All of them.
        networks: Box<[Network]>,
    },
    /// Open an incident about a subject, by hand: what is found about it from now on joins it.
    OpenIncident {
        /// Whom it concerns.
        subject: Subject,
    },
    /// Take an incident on, end it, or open it again.
    Incident {
        /// Its number.
        number: u64,
        /// What is done.
        step: IncidentStep,
    },
}
