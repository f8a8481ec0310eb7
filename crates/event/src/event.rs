//! The event: one thing that happened, read from a line, a query or a decoy.

use crate::{Kind, Origin, Outcome, Protocol, Reason, Server, Text, Timestamp};
use core::net::IpAddr;

/// One thing that happened. Borrows from the line it was read from; making one allocates nothing.
///
/// Fields that the line does not tell are `None`. No field is ever guessed: `client` is the peer
/// as the mail server saw it or nobody, `account` is what this peer tried to log in as or nobody.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Event<'a> {
    /// When, as the line tells.
    pub at: Timestamp,
    /// Who wrote the line.
    pub server: Server,
    /// The part of the server: `submission/smtpd`, `imap-login`, `auth`.
    pub service: Text<'a>,
    /// The protocol that the client spoke.
    pub protocol: Protocol,
    /// What happened.
    pub kind: Kind,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where there is a why.
    pub reason: Option<Reason>,
    /// True where the event counts against the client.
    pub hostile: bool,
    /// The peer; canonical (IPv4-mapped IPv6 is IPv4).
    pub client: Option<IpAddr>,
    /// The login name that was tried or used, as logged.
    pub account: Option<Text<'a>>,
    /// False where the server says that there is no such account (or recipient), true where it
    /// says that there is.
    pub known: Option<bool>,
    /// How many login attempts (of this outcome) the line reports: "3 attempts" is 3. 0 where none.
    pub attempts: u32,
    /// How often it happened: a syslog daemon wrote one line for messages that are the same. 1 but
    /// for those; `attempts` are those of all.
    pub times: u32,
    /// The host that wrote the line.
    pub host: Option<Text<'a>>,
    /// The process that wrote the line: joins Postfix's lines of one connection.
    pub pid: Option<u32>,
    /// The server's session id: Dovecot's `session=<...>`, OpenSMTPD's.
    pub session: Option<Text<'a>>,
    /// The message's queue id.
    pub queue_id: Option<Text<'a>>,
    /// The SASL mechanism.
    pub mechanism: Option<Text<'a>>,
    /// The envelope sender, without angle brackets; empty for the null sender.
    pub sender: Option<Text<'a>>,
    /// The envelope recipient, without angle brackets.
    pub recipient: Option<Text<'a>>,
    /// The HELO name.
    pub helo: Option<Text<'a>>,
    /// A short hash of the password given, where the server logs one: tells a stale password
    /// that is repeated from guessing.
    pub secret_tag: Option<Text<'a>>,
    /// The message's subject line, where the server logs it.
    pub mail_subject: Option<Text<'a>>,
    /// The spam score that a filter gave, as it wrote it: `12.5`, `7.2/15`.
    pub spam_score: Option<Text<'a>>,
    /// The name that a DNS client asked for.
    pub query_name: Option<Text<'a>>,
    /// The type of record that it asked for: `MX`, `AAAA`, `TYPE65`.
    pub query_type: Option<Text<'a>>,
    /// What a stranger sent (a command, early data), or the server's own words for the reason.
    pub detail: Option<Text<'a>>,
    /// To how many recipients the message goes, as the line says. 0 where it does not.
    pub recipients: u32,
    /// For whom `client` says that it speaks: a proxy's or web server's word, the latest hop. Worth
    /// no more than `client` is trusted.
    pub forwarded: Option<IpAddr>,
    /// Operator and country of `client`. No line tells it: whoever takes events in looks it up.
    pub origin: Origin,
    /// Commands of the connection, in a `disconnect`.
    pub commands: Option<CommandCounts>,
}

/// Successful and all commands of one connection, as Postfix counts them at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct CommandCounts {
    pub auth_ok: u32,
    pub auth_all: u32,
    pub mail_ok: u32,
    pub mail_all: u32,
    pub rcpt_ok: u32,
    pub rcpt_all: u32,
    pub unknown: u32,
    pub ok: u32,
    pub all: u32,
}

impl<'a> Event<'a> {
    /// An event that tells nothing but what, when and by whom; parsers fill in the rest.
    pub const fn new(
        at: Timestamp,
        server: Server,
        service: Text<'a>,
        kind: Kind,
        outcome: Outcome,
    ) -> Self {
        Event {
            at,
            server,
            service,
            protocol: Protocol::Unknown,
            kind,
            outcome,
            reason: None,
            hostile: false,
            client: None,
            account: None,
            known: None,
            attempts: 0,
            times: 1,
            host: None,
            pid: None,
            session: None,
            queue_id: None,
            mechanism: None,
            sender: None,
            recipient: None,
            helo: None,
            secret_tag: None,
            mail_subject: None,
            spam_score: None,
            query_name: None,
            query_type: None,
            detail: None,
            recipients: 0,
            forwarded: None,
            origin: Origin { operator: 0, country: [0; 2] },
            commands: None,
        }
    }
}
