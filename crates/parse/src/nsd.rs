//! NSD: by syslog (without the level), and its own file.
//!
//! NSD logs no queries. With `verbosity: 1` it logs the transfers and notices that it refuses; the
//! limiter of its answers says whom it limits. `axfr for NAME from 203.0.113.66 refused, no acl
//! matches`: the name stands left of the peer, without blanks (`\032`) and with a final dot, so the
//! peer stands between the last ` from ` and fixed words.

use crate::dns::{self, Writer};
use crate::{Envelope, Parsed, Parser, Record, Stamp, record, scan};
use event::{Event, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "nsd",
    versions: "4.6, 4.12",
    origin: "real runs of 4.6.1 and 4.12.0; ixfr by the format strings",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"nsd"
}

/// `[2026-11-28 06:35:09.519] nsd[8972]: info: message`, or with seconds since 1970.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let inner = line.strip_prefix(b"[")?;
    let (stamp, rest) = match record::iso_stamp(inner) {
        Some(read) => read,
        None => {
            let (seconds, rest) = scan::take_while(inner, |byte| byte.is_ascii_digit());
            let at = Timestamp(i64::from(scan::number(seconds)?) * 1_000_000);
            (Stamp::Utc(at), rest)
        }
    };
    let rest = rest.strip_prefix(b"] nsd[")?;
    let (pid, rest) = scan::take_while(rest, |byte| byte.is_ascii_digit());
    let message = rest.strip_prefix(b"]: ")?;
    let record = Record::new(stamp, b"nsd", message, Envelope::OwnFile);
    Some(Record { pid: scan::number(pid), ..record })
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let writer = Writer::of(record, at, Server::Nsd, b"nsd");
    let (level, text) = leveled(record.message);
    if let Some(event) = said(&writer, text) {
        return Parsed::Event(event);
    }
    match dns::noise_of(text, &NOISE) {
        Some(name) => Parsed::Noise(name),
        None => by_level(level),
    }
}

/// The level, which syslog's lines do not have, and the rest.
fn leveled(message: &[u8]) -> (&[u8], &[u8]) {
    const LEVELS: [&[u8]; 5] = [b"info", b"notice", b"warning", b"error", b"debug"];
    let found = LEVELS
        .iter()
        .find_map(|level| Some((*level, message.strip_prefix(*level)?.strip_prefix(b": ")?)));
    found.unwrap_or((b"", message))
}

fn by_level(level: &[u8]) -> Parsed<'static> {
    match level {
        b"notice" => Parsed::Noise("lifecycle"),
        b"warning" => Parsed::Noise("warning"),
        b"error" => Parsed::Noise("internal-error"),
        b"debug" => Parsed::Noise("debug"),
        _ => Parsed::Unknown,
    }
}

const NOISE: [(&[u8], &str); 17] = [
    (b"zone ", "zone-transfer"),
    (b"nsd starting ", "lifecycle"),
    (b"nsd started ", "lifecycle"),
    (b"listen on ", "lifecycle"),
    (b"dnstap ", "lifecycle"),
    (b"attempting to connect to dnstap socket ", "lifecycle"),
    (b"signal received", "lifecycle"),
    (b"ratelimit unblock ", "rate-limit"),
    (b"axfr for ", "zone-transfer"),
    (b"ixfr for ", "zone-transfer"),
    (b"notify for ", "notify"),
    (b"xfrd: ", "zone-transfer"),
    (b"rehash of zone ", "lifecycle"),
    (b"control cmd: ", "lifecycle"),
    (b"remote control ", "lifecycle"),
    (b"server ", "lifecycle"),
    (b"new control connection", "lifecycle"),
];

fn said<'a>(writer: &Writer<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    const REFUSED: [&[u8]; 3] = [b"axfr", b"ixfr", b"notify"];
    if let Some(limited) = text.strip_prefix(b"ratelimit block ") {
        return rate_limited(writer, limited);
    }
    let (what, rest) = scan::split_once(text, b" for ")?;
    if !REFUSED.contains(&what) {
        return None;
    }
    let (name, place) = split_last(rest, b" from ")?;
    // A word behind the address is there, so the address is whole.
    let (place, why) = dns::whole_word(place)?;
    if !why.starts_with(b"refused, ") {
        return None;
    }
    let is_notice = what == b"notify";
    let event = writer.refused(scan::address(place), name, if is_notice { b"" } else { what });
    Some(Event { detail: is_notice.then_some(Text(what)), ..event })
}

/// `example.com. type nxdomain target 203.0.113.0/24 query 203.0.113.66 MX`.
fn rate_limited<'a>(writer: &Writer<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (front, query) = split_last(rest, b" query ")?;
    let (place, kind) = dns::whole_word(query)?;
    let (_, front) = split_last(front, b" type ")?;
    let (detail, _) = scan::word(front);
    let event = writer.limited(scan::address(place), kind);
    Some(Event { detail: Some(Text(detail)), ..event })
}

fn split_last<'a>(text: &'a [u8], words: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (head, tail) = text.split_at_checked(scan::find_last(text, words)?)?;
    Some((head, tail.get(words.len()..)?))
}
