//! Whom the world asks before somebody acts: the closed loop.

use super::clock::Micros;
use std::net::IpAddr;

/// What an account may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// Everything.
    #[default]
    Free,
    /// Log in; what it sends is put off.
    Throttled,
    /// Log in; what it sends lies in the hold queue.
    Held,
    /// Nothing: the login is refused, the password being right or wrong.
    Locked,
}

/// The decisions that hold, as the world meets them. The default decides nothing.
pub trait Guard {
    /// True where the connection of `client` is dropped. Asked once for a connection, before it.
    fn is_refused(&mut self, client: IpAddr, at: Micros) -> bool {
        let _ = (client, at);
        false
    }

    /// What `account` (the login name, as it exists) may do for `client`.
    fn standing(&mut self, account: &str, client: IpAddr, at: Micros) -> Standing {
        let _ = (account, client, at);
        Standing::Free
    }
}

/// No guard at all.
#[derive(Clone, Copy, Default, Debug)]
pub struct Nobody;

impl Guard for Nobody {}
