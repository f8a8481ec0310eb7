//! Perdition 2.2: the proxy in front of IMAP4, POP3 and ManageSieve servers.
//!
//! `Auth: 203.0.113.9:1234->192.0.2.1:143 client-secure=... authorisation_id=NONE
//! authentication_id="x" server="..." protocol=IMAP4 server-secure=... status="failed: ..."`: the
//! peer stands first, before all that a stranger wrote. The name is not escaped, and with
//! `log_passwd` the password stands behind it: where another quote stands between the name's first
//! quote and the words behind it, the account is nobody's. The status is read from the right.
//!
//! Without `no_lookup` the name of reverse DNS stands in the place of the address. A name is
//! nobody's address, but one of digits and dots looks like one: the page says to set `no_lookup`.
//!
//! An attempt has one line, `Auth:`, and counts there.

use crate::scan;
use crate::{Parsed, Parser, Record};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "perdition",
    versions: "2.2",
    origin: "real runs of 2.2; lines not met in them by its format strings",
    owns,
    parse,
    own_file: None,
};

/// Named for its protocol by its links: `perdition.imaps`, `perdition.pop3`.
fn owns(record: &Record<'_>) -> bool {
    let program = record.program.bytes();
    program == b"perdition" || program.starts_with(b"perdition.")
}

/// A line with the protocol that the program's name tells.
#[derive(Clone, Copy)]
struct Line<'a> {
    protocol: Protocol,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: self.protocol,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Perdition, Text(b"perdition"), kind, outcome)
        }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let suffix = record.program.bytes().strip_prefix(b"perdition.").unwrap_or_default();
    let line = Line { protocol: protocol(suffix), at, host: record.host, pid: record.pid };
    let text = record.message;
    let parsed = if let Some(rest) = text.strip_prefix(b"Auth:") {
        login(&line, rest.trim_ascii_start())
    } else if let Some(rest) = text.strip_prefix(b"Connect:") {
        let (client, behind) = peer(rest.trim_ascii_start());
        let whole = behind.contains(&b':');
        let event = line.event(Kind::Connect, Outcome::Allowed);
        Some(Event { client: client.filter(|_| whole), ..event })
    } else {
        ended(&line, text)
    };
    parsed.map_or_else(|| own_affair(text), Parsed::Event)
}

/// `203.0.113.9:1234->192.0.2.1:143 `: the client's address and what stands behind the arrow. With
/// look-ups on, names may stand there: then it is nobody.
fn peer(rest: &[u8]) -> (Option<IpAddr>, &[u8]) {
    let Some((front, behind)) = scan::split_once(rest, b"->") else { return (None, b"") };
    let colon = front.iter().rposition(|byte| *byte == b':');
    let Some((place, port)) = colon.and_then(|colon| front.split_at_checked(colon)) else {
        return (None, behind);
    };
    let has_port = port.get(1..).and_then(scan::number).is_some();
    let bare = place.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(place);
    (has_port.then(|| scan::address(bare)).flatten(), behind)
}

/// `... status="ok"` and `status="failed: Re-Authentication Failure"`.
fn login<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    const STATUS: &[u8] = b" status=\"";
    let (client, behind) = peer(rest);
    let (fields, status) = behind.split_at_checked(scan::find_last(behind, STATUS)?)?;
    let status = status.get(STATUS.len()..)?;
    let status = status.strip_suffix(b"\"").unwrap_or(status);
    let known = protocol(field(fields, b" protocol="));
    let event = Event {
        protocol: if known == Protocol::Unknown { line.protocol } else { known },
        client,
        account: account(fields),
        attempts: 1,
        ..line.event(Kind::Auth, Outcome::Allowed)
    };
    if status == b"ok" {
        return Some(event);
    }
    let event = Event { detail: (!status.is_empty()).then_some(Text(status)), ..event };
    let (outcome, reason, hostile) = match status {
        b"failed: Could not determine server"
        | b"failed: Could not connect to server"
        | b"failed: Connection Negotiation Failure" => {
            (Outcome::Deferred, Reason::AuthUnavailable, false)
        }
        b"failed: Login Disabled"
        | b"failed: TLS not present"
        | b"failed: SASL mechanism unavailable" => {
            (Outcome::Rejected, Reason::AuthDisallowed, false)
        }
        _ => (Outcome::Rejected, Reason::AuthFailed, true),
    };
    let attempts = u32::from(hostile);
    Some(Event { outcome, reason: Some(reason), hostile, attempts, ..event })
}

/// The word behind the last of `name`: the server's own fields stand behind a stranger's.
fn field<'a>(fields: &'a [u8], name: &[u8]) -> &'a [u8] {
    let at = scan::find_last(fields, name);
    let value = at.and_then(|at| fields.get(at + name.len()..)).unwrap_or_default();
    scan::word(value).0
}

/// The name in `authentication_id="x"`, where nobody could have written the words behind it.
fn account(fields: &[u8]) -> Option<Text<'_>> {
    const NAME: &[u8] = b" authentication_id=\"";
    let (before, rest) = scan::split_once(fields, NAME)?;
    // An identity to act for is a stranger's, too.
    if !before.ends_with(b" authorisation_id=NONE") {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let (name, behind) = rest.split_at_checked(end)?;
    let behind = behind.strip_prefix(b"\" ")?;
    let server = behind.starts_with(b"server=\"") && !scan::contains(rest, b" passwd=");
    let closing = behind.starts_with(b"received=");
    let once = scan::find(rest, b"server=\"") == scan::find_last(rest, b"server=\"");
    let secret = behind.starts_with(b"passwd=");
    let plain = (server || closing || secret) && once && !scan::contains(rest, NAME);
    (plain && !name.is_empty()).then_some(Text(name))
}

/// How a session ended.
fn ended<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    type Ending = (&'static [u8], Kind, Outcome, Option<Reason>);
    const ENDINGS: [Ending; 5] = [
        (b"Closing session:", Kind::Session, Outcome::Allowed, None),
        (
            b"Closing NULL session:",
            Kind::Disconnect,
            Outcome::Allowed,
            Some(Reason::NoAuthAttempts),
        ),
        (b"Close:", Kind::Session, Outcome::Allowed, None),
        (
            b"Fatal Error: Timeout reading authentication information from client",
            Kind::Disconnect,
            Outcome::Dropped,
            Some(Reason::Timeout),
        ),
        (
            b"Fatal Error reading authentication information from client",
            Kind::Disconnect,
            Outcome::Dropped,
            Some(Reason::ConnectionLost),
        ),
    ];
    let ending = ENDINGS.iter().find(|(words, ..)| text.starts_with(words))?;
    let (words, kind, outcome, reason) = ending;
    let rest = text.get(words.len()..)?.trim_ascii_start();
    let (client, behind) = peer(rest);
    let event = line.event(*kind, *outcome);
    Some(Event { client, reason: *reason, account: account(behind), ..event })
}

fn protocol(name: &[u8]) -> Protocol {
    match name {
        b"IMAP4" | b"IMAP4S" | b"imap" | b"imap4" | b"imaps" | b"imap4s" => Protocol::Imap,
        b"POP3" | b"POP3S" | b"pop3" | b"pop3s" => Protocol::Pop3,
        b"MANAGESIEVE" | b"managesieve" | b"sieve" => Protocol::Sieve,
        _ => Protocol::Unknown,
    }
}

/// Lines about the daemon itself.
fn own_affair(text: &[u8]) -> Parsed<'_> {
    const KNOWN: [(&[u8], &str); 11] = [
        (b"Local authentication failure for client: ", "login-detail"),
        (b"Warning: ", "warning"),
        (b"Starting ", "lifecycle"),
        (b"Reloading ", "lifecycle"),
        (b"Exiting", "lifecycle"),
        (b"Fatal error", "internal-error"),
        (b"Fatal Error", "internal-error"),
        (b"add_domain=", "configuration"),
        (b"ssl_mode=", "configuration"),
        (b"CLIENT: ", "session-detail"),
        (b"REAL: ", "session-detail"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map_or(Parsed::Unknown, |(_, name)| Parsed::Noise(name))
}
