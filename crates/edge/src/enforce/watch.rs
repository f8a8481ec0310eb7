//! Notices when somebody else changes the packet filter.

use super::netlink::{Attributes, Message, Socket, SocketError};
use super::table::TABLE;
use rustix::net::netlink;
use std::os::fd::{AsFd, BorrowedFd};

/// The group `NFNLGRP_NFTABLES` (7) as a mask.
const GROUP: u32 = 1 << 6;

/// Notifications that may wait, in bytes. Losing some only means to look.
const BUFFER_BYTES: usize = 1 << 20;

/// Notifications of nf_tables.
pub struct Watch {
    socket: Socket,
}

/// What others did since the last look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Something in the packet filter changed.
    pub changed: bool,
    /// Something in our own table did.
    pub ours: bool,
}

impl Watch {
    /// Subscribes.
    pub fn open() -> Result<Watch, SocketError> {
        Ok(Watch { socket: Socket::open(netlink::NETFILTER, GROUP, BUFFER_BYTES)? })
    }

    /// Reads what has come. Changes by the socket numbered `own` are not looked at.
    pub fn look(&mut self, own: u32) -> Result<Seen, SocketError> {
        let mut seen = Seen::default();
        let complete = self.socket.drain(|message| {
            if message.port != own {
                seen.changed = true;
                seen.ours |= is_about_ours(message);
            }
        })?;
        if !complete {
            seen = Seen { changed: true, ours: true };
        }
        Ok(seen)
    }
}

/// Every message that names a table does so in its first attribute.
fn is_about_ours(message: &Message<'_>) -> bool {
    Attributes::behind(message.payload, 4).text(1) == Some(TABLE)
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
