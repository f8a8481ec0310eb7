//! The Recursor's lines.

use super::name_and_type;
use crate::dns::{self, Writer};
use crate::{Parsed, scan};
use core::net::IpAddr;
use event::{Event, Text};

/// `None` where the line is none of the Recursor's.
pub(super) fn said<'a>(writer: &Writer<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    if let Some(pairs) = Pairs::of(text) {
        return Some(structured(writer, &pairs));
    }
    if let Some(rest) = from_cache(text) {
        let client = dns::endpoint(rest, b':').map(|(client, _)| client);
        return Some(Parsed::Event(writer.query(client, b"", b"")));
    }
    let text = behind_threads(text).unwrap_or(text);
    let text = text.strip_prefix(b"TCP ").unwrap_or(text);
    if let Some(rest) = text.strip_prefix(b"question for '") {
        return Some(question(writer, rest).unwrap_or(Parsed::Unknown));
    }
    if text.starts_with(b"answer to question '") {
        return Some(Parsed::Noise("answer"));
    }
    if let Some(rest) = text.strip_prefix(b"dropping UDP query from ") {
        return Some(not_allowed(writer, rest));
    }
    text.starts_with(b"dropping ").then_some(Parsed::Noise("notify"))
}

/// `3 question answered from packet cache tag=0 from 203.0.113.66:37809`, from the address on. The
/// old form does not tell the name.
fn from_cache(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = scan::take_while(text, |byte| byte.is_ascii_digit());
    let rest = rest.strip_prefix(b" ")?;
    let rest = rest.strip_prefix(b"TCP ").unwrap_or(rest);
    let rest = rest.strip_prefix(b"question answered from packet cache tag=")?;
    let (_, rest) = scan::take_while(rest, |byte| byte.is_ascii_digit());
    rest.strip_prefix(b" from ")
}

/// True where a line begins as the old form of a question does: `3 [1/1] `, `[4] `.
pub(super) fn is_threads(text: &[u8]) -> bool {
    from_cache(text).is_some()
        || behind_threads(text).is_some_and(|rest| {
            let rest = rest.strip_prefix(b"TCP ").unwrap_or(rest);
            rest.starts_with(b"question for '")
                || rest.starts_with(b"answer to question '")
                || rest.starts_with(b"dropping ")
        })
}

/// What follows `3 [1/1] ` (a thread, and which of its tasks) or `[4] `.
fn behind_threads(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = scan::take_while(text, |byte| byte.is_ascii_digit());
    let rest = rest.strip_prefix(b" ").unwrap_or(rest).strip_prefix(b"[")?;
    let (_, rest) = scan::take_while(rest, |byte| byte.is_ascii_digit() || byte == b'/');
    rest.strip_prefix(b"] ")
}

/// `example.com|MX' from 203.0.113.66:37809`. The port shows that the address is whole.
fn question<'a>(writer: &Writer<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    const FROM: &[u8] = b"' from ";
    let (asked, place) = rest.split_at_checked(scan::find_last(rest, FROM)?)?;
    let client = dns::endpoint(place.get(FROM.len()..)?, b':').map(|(client, _)| client);
    let (name, kind) = name_and_type(asked)?;
    Some(Parsed::Event(writer.query(client, name, kind)))
}

/// `203.0.113.66, address not matched by allow-from`.
fn not_allowed<'a>(writer: &Writer<'a>, rest: &'a [u8]) -> Parsed<'a> {
    let client = scan::split_once(rest, b", address not matched").map(|(place, _)| place);
    let client = client.and_then(|place| match dns::endpoint(place, b':') {
        Some((client, b"")) => Some(client),
        _ => scan::address(place),
    });
    Parsed::Event(writer.refused(client, b"", b""))
}

fn structured<'a>(writer: &Writer<'a>, pairs: &Pairs<'a>) -> Parsed<'a> {
    match pairs.message {
        b"Question" | b"Question answered from packet cache" => Parsed::Event(pairs.query(writer)),
        b"Answer" => {
            let code = pairs.code.unwrap_or_default();
            let event = dns::answered(pairs.query(writer), code);
            event.map_or(Parsed::Noise("answer"), Parsed::Event)
        }
        message if message.starts_with(b"Dropping UDP query, address not matched") => {
            let event = writer.refused(pairs.source, b"", b"");
            Parsed::Event(Event { detail: Some(Text(message)), ..event })
        }
        message if message.starts_with(b"Dropping TCP query, address not matched") => {
            let event = writer.refused(pairs.source, b"", b"");
            Parsed::Event(Event { detail: Some(Text(message)), ..event })
        }
        message
            if message.starts_with(b"Unable to parse packet")
                || message.starts_with(b"Ignoring too-short") =>
        {
            Parsed::Noise("malformed")
        }
        _ => Parsed::Noise(match (pairs.subsystem, pairs.priority) {
            (b"config", _) => "configuration",
            (b"stats", _) => "statistics",
            (_, b"Error") => "internal-error",
            (b"housekeeping", b"Warning") => "upstream-error",
            (_, b"Warning") => "warning",
            (_, b"Debug") => "debug",
            _ => "lifecycle",
        }),
    }
}

/// The pairs of a line that are of interest.
#[derive(Default)]
struct Pairs<'a> {
    message: &'a [u8],
    subsystem: &'a [u8],
    priority: &'a [u8],
    name: &'a [u8],
    kind: &'a [u8],
    code: Option<&'a [u8]>,
    remote: Option<IpAddr>,
    source: Option<IpAddr>,
}

impl<'a> Pairs<'a> {
    /// Reads the pairs up to where the line ends, or stops to be pairs.
    fn of(text: &'a [u8]) -> Option<Self> {
        let mut pairs = Pairs::default();
        let mut rest = text;
        let mut seen_remote = false;
        while let Some((key, value, behind)) = pair(rest) {
            match key {
                b"msg" => pairs.message = value,
                b"subsystem" => pairs.subsystem = value,
                b"prio" => pairs.priority = value,
                b"qname" => pairs.name = value,
                b"qtype" => pairs.kind = value,
                b"rcode" => pairs.code = Some(value),
                b"remote" => {
                    // One that is there twice is none.
                    let client = dns::endpoint(value, b':').map(|(client, _)| client);
                    pairs.remote = client.filter(|_| !seen_remote);
                    seen_remote = true;
                }
                b"source" => pairs.source = dns::endpoint(value, b':').map(|(client, _)| client),
                _ => {}
            }
            rest = behind;
        }
        if !rest.is_empty() {
            // It ends in something else: what was taken for the peer may be a part of the name.
            (pairs.remote, pairs.source) = (None, None);
        }
        (text.starts_with(b"msg=\"") && !pairs.message.is_empty()).then_some(pairs)
    }

    fn query(&self, writer: &Writer<'a>) -> Event<'a> {
        writer.query(self.remote, self.name, self.kind)
    }
}

/// `key="value"` at the front, and what follows its blank. Quotes inside have a backslash.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key, rest) = scan::take_while(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let rest = rest.strip_prefix(b"=\"").filter(|_| !key.is_empty())?;
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    let (value, behind) = (rest.get(..end)?, rest.get(end + 1..)?);
    Some((key, value, behind.strip_prefix(b" ").unwrap_or(behind)))
}
