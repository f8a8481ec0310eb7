//! Which servers read messages behind the mail server.

use crate::Server;

impl Server {
    /// True for a filter behind the mail server, which tells of the same connections and messages.
    #[inline]
    pub const fn is_filter(self) -> bool {
        matches!(self, Server::Rspamd | Server::Amavis | Server::Spamassassin | Server::Mailscanner)
    }
}
