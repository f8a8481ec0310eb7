//! Netlink: the messages (RFC 3549, `linux/netlink.h`) and the sockets that carry them.

mod decode;
mod encode;
mod socket;

pub use decode::{Attributes, Message, Messages, acknowledged};
pub use encode::Builder;
pub use socket::{Socket, SocketError};

/// `NLM_F_REQUEST`.
pub const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`: answer also when all went well.
pub const ACK: u16 = 0x4;
/// `NLM_F_DUMP`.
pub const DUMP: u16 = 0x300;
/// `NLM_F_CREATE`.
pub const CREATE: u16 = 0x400;
/// `NLM_F_APPEND`.
pub const APPEND: u16 = 0x800;
/// `NLM_F_DUMP_INTR`: what was dumped changed meanwhile.
pub const DUMP_INTERRUPTED: u16 = 0x10;

/// `NLMSG_ERROR`, also an acknowledgement.
pub const ERROR: u16 = 0x2;
/// `NLMSG_DONE`: the end of a dump.
pub const DONE: u16 = 0x3;

#[cfg(test)]
mod tests;
