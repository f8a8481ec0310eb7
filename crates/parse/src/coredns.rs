//! CoreDNS with the plugin `log`, in its usual format: what it prints, as syslog, journald or a
//! container's log hands it on. It writes no time itself, so a bare capture of it has no stamp.
//!
//! `[INFO] 203.0.113.66:1234 - 1 "MX IN example.com. udp 41 false 512" NOERROR qr 106 0.001s`: the
//! peer stands first. A name may hold blanks and quotes, each behind a backslash, so words
//! between the quotes are read with that in mind.
//!
//! There is one line for a query and its answer. Where the answer says that there is no such name,
//! or that the query was refused, the event is that; of other failures the code is the detail.

use crate::dns::{self, Writer};
use crate::{Envelope, Parsed, Parser, Record, record, scan};
use core::net::IpAddr;
use event::{Event, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "coredns",
    versions: "1.x",
    origin: "made from the manual of the plugins log and errors; no real run",
    owns,
    parse,
    own_file: Some(own_file),
};

/// By the program, or where a container's log has a stamp and then CoreDNS's own words: the level
/// stands at the place of the host, and an IPv4 address at that of the program.
fn owns(record: &Record<'_>) -> bool {
    scan::contains(record.program.bytes(), b"coredns")
        || record.host.is_some_and(|host| is_level(host.bytes()))
}

fn is_level(word: &[u8]) -> bool {
    matches!(word, b"[INFO]" | b"[WARNING]" | b"[ERROR]" | b"[DEBUG]" | b"[FATAL]" | b"[NOTICE]")
}

/// A container's log: `2026-11-21T16:02:10.123456789Z stdout F [INFO] ...` (CRI), or without the
/// two words (`docker logs -t`).
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    if line.get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, rest) = record::iso_stamp(line)?;
    let rest = rest.strip_prefix(b" ")?;
    let streams: [&[u8]; 4] = [b"stdout F ", b"stderr F ", b"stdout P ", b"stderr P "];
    let message = streams.iter().find_map(|words| rest.strip_prefix(*words)).unwrap_or(rest);
    let (level, _) = scan::word(message);
    is_level(level).then(|| Record::new(stamp, b"coredns", message, Envelope::OwnFile))
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let writer = Writer::of(record, at, Server::Coredns, b"coredns");
    if let Some(level) = record.host.filter(|host| is_level(host.bytes())) {
        let writer = Writer { host: None, ..writer };
        let place = record.program.bytes();
        return match behind_port(record.message) {
            Some(rest) if level.bytes() == b"[INFO]" => {
                asked(&writer, scan::address(place), rest).unwrap_or(Parsed::Unknown)
            }
            None if level.bytes() == b"[INFO]" => Parsed::Noise("lifecycle"),
            _ => by_level(level.bytes()),
        };
    }
    let (level, text) = scan::word(record.message);
    if level != b"[INFO]" {
        return by_level(level);
    }
    if let Some((client, rest)) = dns::endpoint(text, b':')
        && let Some(parsed) = asked(&writer, Some(client), rest)
    {
        return parsed;
    }
    if text.starts_with(b"plugin/") || text.starts_with(b"Shutting down") {
        return Parsed::Noise("lifecycle");
    }
    Parsed::Unknown
}

/// The lines that it prints at its start have no level.
fn by_level(level: &[u8]) -> Parsed<'static> {
    match level {
        b"[WARNING]" => Parsed::Noise("warning"),
        // The plugin `errors`: a query that could not be answered, by no client's name.
        b"[ERROR]" => Parsed::Noise("internal-error"),
        b"[FATAL]" => Parsed::Noise("internal-error"),
        b"[DEBUG]" => Parsed::Noise("debug"),
        b"[NOTICE]" => Parsed::Noise("lifecycle"),
        _ if level.starts_with(b"CoreDNS-") || level.starts_with(b"linux/") => {
            Parsed::Noise("lifecycle")
        }
        _ if level.starts_with(b".:") => Parsed::Noise("lifecycle"),
        _ => Parsed::Unknown,
    }
}

/// `1234 - 1 "...`: what follows the port, where the address was taken for the program.
fn behind_port(message: &[u8]) -> Option<&[u8]> {
    let (port, rest) = scan::take_while(message, |byte| byte.is_ascii_digit());
    matches!(port.len(), 1..=5).then_some(rest)
}

/// ` - 1 "MX IN example.com. udp 41 false 512" NOERROR qr,rd,ra 106 0.001s`.
fn asked<'a>(writer: &Writer<'a>, client: Option<IpAddr>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let (id, rest) = dns::whole_word(rest.strip_prefix(b" - ")?)?;
    scan::number(id)?;
    let (kind, rest) = dns::whole_word(rest.strip_prefix(b"\"")?)?;
    let (_class, rest) = dns::whole_word(rest)?;
    let (name, rest) = escaped_word(rest)?;
    let query = writer.query(client, name, kind);
    // Behind the name, nothing is a stranger's. What a cut left of it is a query all the same.
    let code = scan::split_once(rest, b"\" ").map(|(_, rest)| scan::word(rest).0);
    let event = match code {
        None | Some(b"NOERROR") => query,
        Some(code) => dns::answered(query, code)
            .unwrap_or(Event { detail: (code != b"-").then_some(Text(code)), ..query }),
    };
    Some(Parsed::Event(event))
}

/// The word up to the first blank that has no backslash before it.
fn escaped_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let ends = *byte == b' ' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}
