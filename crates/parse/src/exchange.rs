//! Microsoft Exchange 2013 to 2019 and SE: the protocol logs of SMTP receive, IMAP4 and POP3.
//!
//! Files of comma-separated values that Exchange writes itself. A line names no kind of log, and
//! the `#Fields:` line that does stands at the file's front only; so the kind is read from the
//! shape of the first fields, which are Exchange's own, in the order of the maker's manual:
//!
//! - SMTP: stamp, connector, session (16 hexadecimal digits), number, local and remote endpoint,
//!   event (one of `+-><*`), data, context. The send log has the same shape; a receive connector
//!   is `SERVER\name`, and a send connector has no backslash. Lines without one are noise.
//! - IMAP4 and POP3: stamp, session, number, local and client endpoint, user, duration, sizes,
//!   command, parameters, context.
//!
//! Both endpoints stand left of all that a stranger wrote, and every line has them. A field with a
//! comma or a quote stands in quotes, and a quote in it is doubled; so no stranger opens a field.
//!
//! Of a failed SMTP login `User Name: bob` tells, and behind it `535 5.7.3`, without the name. Each
//! can be missing: a name that is `NULL` is none, and the last attempt of a connection is answered
//! by `421`, or by nothing where the client does not wait. So both are attempts, and the engine
//! counts them once. `Inbound AUTH ... failed because of` and `Tarpit for` are noise.

mod mailbox;
mod smtp;

use crate::{Envelope, Parsed, Parser, Record, Stamp, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "exchange",
    versions: "2013 to 2019",
    origin: "the maker's manual and format strings, lines quoted in its questions: no run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"exchange"
}

/// `2026-11-21T16:02:10.123Z,` and a shape that only these logs have. The message begins behind
/// the comma.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    if line.get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, rest) = record::iso_stamp(line)?;
    let message = rest.strip_prefix(b",").filter(|_| matches!(stamp, Stamp::Utc(_)))?;
    let message = message.strip_suffix(b"\r").unwrap_or(message);
    front(message)?;
    Some(Record::new(stamp, b"exchange", message, Envelope::OwnFile))
}

/// What Exchange itself wrote at the front of a line.
#[derive(Clone, Copy)]
struct Front<'a> {
    /// Of an SMTP line only.
    connector: Option<&'a [u8]>,
    session: Text<'a>,
    /// The port that the client came to.
    port: Option<u32>,
    client: Option<IpAddr>,
    /// What follows the endpoints.
    rest: &'a [u8],
    at: Timestamp,
}

impl<'a> Front<'a> {
    fn event(&self, protocol: Protocol, kind: Kind, outcome: Outcome) -> Event<'a> {
        let service: &[u8] = match protocol {
            Protocol::Imap => b"imap4",
            Protocol::Pop3 => b"pop3",
            Protocol::Smtp | Protocol::Submission => b"smtp-receive",
            _ => b"imap4-pop3",
        };
        Event {
            protocol,
            client: self.client,
            session: Some(self.session),
            ..Event::new(self.at, Server::Exchange, Text(service), kind, outcome)
        }
    }

    fn refusal(&self, protocol: Protocol, kind: Kind, reason: Reason) -> Event<'a> {
        Event { reason: Some(reason), ..self.event(protocol, kind, Outcome::Rejected) }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some(front) = front(record.message) else { return Parsed::Unknown };
    let front = Front { at, ..front };
    let parsed = match front.connector {
        Some(connector) if connector.contains(&b'\\') => smtp::parse(&front),
        Some(_) => Some(Parsed::Noise("outgoing")),
        None => mailbox::parse(&front),
    };
    parsed.unwrap_or(Parsed::Unknown)
}

/// The session is the first field, or the second behind a connector.
fn front(message: &[u8]) -> Option<Front<'_>> {
    let (first, rest) = field(message)?;
    let (second, behind) = field(rest)?;
    let (connector, session, (number, rest)) = match is_session(first) {
        true => (None, first, (second, behind)),
        false => (Some(first), second, field(behind)?),
    };
    scan::number(number).filter(|_| is_session(session))?;
    let (local, rest) = field(rest)?;
    let (remote, rest) = field(rest)?;
    let has_shape = match connector {
        Some(_) => matches!(rest, [b'+' | b'-' | b'>' | b'<' | b'*', b',', ..]),
        None => rest.contains(&b','),
    };
    // A send connector that did not connect yet has no local endpoint.
    let (port, client) = (endpoint(local).map(|(_, port)| port), endpoint(remote));
    (has_shape && (port.is_some() || connector.is_some()) && client.is_some()).then_some(Front {
        connector,
        session: Text(session),
        port,
        client: client.map(|(address, _)| address),
        rest,
        at: Timestamp(0),
    })
}

fn is_session(field: &[u8]) -> bool {
    field.len() == 16 && field.iter().all(u8::is_ascii_hexdigit)
}

/// A field and what follows its comma. The quotes of a quoted one are taken off; quotes in it stay
/// doubled. `None` where no comma follows: of a cut line, half a field could be another.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(inner) = bytes.strip_prefix(b"\"") else { return scan::split_once(bytes, b",") };
    let (content, behind) = inner.split_at_checked(closing_quote(inner)?)?;
    Some((content, behind.strip_prefix(b"\",")?))
}

/// A field that may be the line's last, or cut.
fn last_field(bytes: &[u8]) -> &[u8] {
    if let Some((content, _)) = field(bytes) {
        return content;
    }
    match bytes.strip_prefix(b"\"") {
        Some(inner) => inner.strip_suffix(b"\"").unwrap_or(inner),
        None => bytes,
    }
}

/// The first quote that is not doubled.
fn closing_quote(inner: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += scan::find_byte(inner.get(at..)?, b'"')?;
        if inner.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// `203.0.113.9:4711` or `[2001:db8::9]:4711`.
fn endpoint(field: &[u8]) -> Option<(IpAddr, u32)> {
    let (host, port) = field.split_at_checked(scan::find_last(field, b":")?)?;
    let port = scan::number(port.get(1..)?)?;
    let host = match host.strip_prefix(b"[") {
        Some(inner) => inner.strip_suffix(b"]")?,
        None => host,
    };
    scan::address(host).map(|address| (address, port))
}

/// A name, if there is one.
fn name(text: &[u8]) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_whole_or_none() {
        for (text, whole) in [
            (&b"203.0.113.9:25"[..], true),
            (b"[2001:db8::9]:25", true),
            (b"203.0.113.9", false),
            (b"203.0.113.9:", false),
            (b"[203.0.113.9:25", false),
            (b"mail.example.org:25", false),
        ] {
            assert_eq!(endpoint(text).is_some(), whole);
        }
    }
    #[test]
    fn quoted_fields_end_at_a_quote_that_is_not_doubled() {
        assert_eq!(field(b"a b,c"), Some((&b"a b"[..], &b"c"[..])));
        assert_eq!(field(b"\"a,\"\",b\",c"), Some((&b"a,\"\",b"[..], &b"c"[..])));
        assert_eq!(field(b"\"a,b"), None);
        assert_eq!(field(b"\"a\"b,c"), None);
        assert_eq!(field(b"a"), None);
        assert_eq!(last_field(b"\"a,b\""), b"a,b");
        assert_eq!(last_field(b"\"a,b"), b"a,b");
        assert_eq!(last_field(b"a,"), b"a");
    }
}
