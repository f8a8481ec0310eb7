//! What an operator told mailward to do: an input of the engine like any other, journalled.

use crate::{IncidentStep, Length, Network, Subject, Timestamp};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Networks that are named in words; of more, their number is told.
const NETWORKS_NAMED: usize = 4;

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

impl Order {
    /// What is ordered, in words; `time` says how times are written. A stranger may have chosen the
    /// name of an account: it is escaped.
    pub fn words(&self, time: &dyn Fn(Timestamp) -> String) -> String {
        match self {
            Order::Ban { subject, duration_s: Some(seconds) } => {
                format!("ban {subject} for {}", Length(i64::from(*seconds)))
            }
            Order::Ban { subject, duration_s: None } => format!("ban {subject}"),
            Order::Unban { subject } => format!("unban {subject}"),
            Order::Allow { network, until: Some(until) } => {
                format!("allow {} until {}", network.short(), time(*until))
            }
            Order::Allow { network, until: None } => format!("allow {}", network.short()),
            Order::Disallow { network } => format!("disallow {}", network.short()),
            Order::OpenIncident { subject } => format!("open an incident about {subject}"),
            Order::Incident { number, step } => format!("{} incident {number}", step.name()),
            Order::Protect { networks } => {
                let named: Vec<String> =
                    networks.iter().take(NETWORKS_NAMED).map(Network::short).collect();
                let more = match networks.len().saturating_sub(named.len()) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("never ban {}{more}", named.join(", "))
            }
        }
    }

    /// Whom it is about, where it is one.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Order::Ban { subject, .. }
            | Order::Unban { subject }
            | Order::OpenIncident { subject } => Some(subject.clone()),
            Order::Allow { network, .. } | Order::Disallow { network } => {
                Some(Subject::Network(*network))
            }
            Order::Protect { .. } | Order::Incident { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use alloc::vec;

    fn words(order: Order) -> String {
        order.words(&|at| at.seconds().to_string())
    }

    #[test]
    fn an_order_tells_how_long_it_holds() {
        let network: Network = "203.0.113.0/24".parse().unwrap();
        let subject = Subject::Network(network);
        let ban = |duration_s| words(Order::Ban { subject: subject.clone(), duration_s });
        assert_eq!(ban(Some(14_400)), "ban 203.0.113.0/24 for 4 h");
        assert_eq!(ban(None), "ban 203.0.113.0/24");
        let allow = |until| words(Order::Allow { network, until });
        assert_eq!(allow(Some(Timestamp::from_seconds(7))), "allow 203.0.113.0/24 until 7");
        assert_eq!(allow(None), "allow 203.0.113.0/24");
        let protect =
            |number| words(Order::Protect { networks: vec![network; number].into_boxed_slice() });
        assert_eq!(protect(1), "never ban 203.0.113.0/24");
        assert!(protect(6).ends_with(" and 2 more"));
    }

    #[test]
    fn no_stranger_writes_past_an_orders_words() {
        let subject = Subject::Account(b"a\x1b[2J\nban all"[..].into());
        let words = words(Order::Unban { subject });
        assert!(!words.contains(char::is_control), "{words:?}");
    }
}
