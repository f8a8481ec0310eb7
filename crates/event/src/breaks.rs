//! What a line break that a stranger put into a user name does to a server's log.

use crate::{Event, Server};

/// How a server writes a line break of a user name. Where it stands as it is, what follows is a
/// line of its own, of whatever server, and a stranger's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineBreaks {
    /// Escaped, or left out: each line is the server's.
    Escaped,
    /// As it is, in any line.
    Raw,
    /// As it is in a file and on standard output, where the parser names no client.
    RawUnnamed,
    /// As it is, but not in the lines of this service, which has a file for itself.
    RawBut {
        /// The service.
        service: &'static str,
        /// How the name of its file begins.
        file: &'static str,
    },
}

impl Server {
    /// How this server writes a line break of a user name.
    #[inline]
    pub const fn line_breaks(self) -> LineBreaks {
        match self {
            Server::Roundcube
            | Server::Sogo
            | Server::Horde
            | Server::Squirrelmail
            | Server::Openwebmail => LineBreaks::Raw,
            Server::Nginx | Server::Mailcow => LineBreaks::RawUnnamed,
            Server::Zimbra => LineBreaks::RawBut { service: "security", file: "audit.log" },
            _ => LineBreaks::Escaped,
        }
    }

    /// True for those that tell whom an `X-Forwarded-For` names beside the peer: web interfaces
    /// whose parsers name clients. What others tell beside the peer, ASSP out of a mail's header,
    /// is anybody's.
    pub const fn tells_forwarded(self) -> bool {
        matches!(self.line_breaks(), LineBreaks::Raw | LineBreaks::RawBut { .. })
    }
}

impl Event<'_> {
    /// True where a stranger could have written the whole line, also in a log that is the server's
    /// alone.
    #[inline]
    pub fn is_forgeable(&self) -> bool {
        match self.server.line_breaks() {
            LineBreaks::Raw => true,
            LineBreaks::RawBut { service, .. } => self.service.bytes() != service.as_bytes(),
            LineBreaks::Escaped | LineBreaks::RawUnnamed => false,
        }
    }
}
