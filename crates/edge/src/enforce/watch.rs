//! Notices when somebody else changes the packet filter.

use super::netlink::{Attributes, Socket, SocketError};
use super::skeleton::BanSets;
use super::table::TABLE;
use rustix::net::netlink;
use std::os::fd::{AsFd, BorrowedFd};

/// The group `NFNLGRP_NFTABLES` (7) as a mask.
const GROUP: u32 = 1 << 6;

/// `NFT_MSG_DELSETELEM` of the nf_tables subsystem.
const DELETE_ELEMENT: u16 = 10 << 8 | 14;

/// `NFPROTO_INET`, the family of our table.
const INET: u8 = 1;

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
    /// Elements were taken out of our sets of bans (the kernel does not tell of those that ended).
    pub taken: bool,
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
                let names = Attributes::behind(message.payload, 4);
                // Every message that names a table, and a set, does so in these attributes.
                // A table of another family may have our name.
                let family = message.payload.first() == Some(&INET);
                let ours = family && names.text(1) == Some(TABLE);
                let set_of_bans = names.text(2).is_some_and(|set| BanSets::parse(set).is_some());
                seen.ours |= ours;
                seen.taken |= ours && set_of_bans && message.kind == DELETE_ELEMENT;
            }
        })?;
        if !complete {
            // Whether bans are among what was lost, samples will tell.
            seen = Seen { changed: true, ours: true, ..seen };
        }
        Ok(seen)
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
