//! PowerDNS: the Recursor with `quiet=no`, structured or not, and the Authoritative Server with
//! `log-dns-queries=yes`; by syslog or journald, and as they print it themselves, with a stamp of
//! syslog's form and neither host nor program.
//!
//! The Recursor's structured lines are pairs `key="value"`, a quote or backslash inside a value
//! escaped. The name (`qname`) stands before the peer (`remote`), so the line is read pair by pair,
//! and a key that is there twice is none. The older `question for 'NAME|MX' from ADDRESS:PORT` is
//! read from its end: names have no blanks (`\032`). `Remote ADDRESS wants 'NAME|MX'` begins with
//! the peer.

mod authoritative;
mod recursor;

use crate::dns::{self, Writer};
use crate::{Envelope, Parsed, Parser, Record, record, scan};
use event::{Server, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "pdns",
    versions: "Recursor 4.8, 5.4; Authoritative 4.7",
    origin: "real runs of 4.8.8, 5.4.9 and 4.7.3; some rcodes by the format strings",
    owns,
    parse,
    own_file: Some(own_file),
};

/// By the program. Of what it prints itself, an IPv6 client's first digits stand where the program
/// would, behind the word `Remote`.
fn owns(record: &Record<'_>) -> bool {
    matches!(record.program.bytes(), b"pdns_recursor" | b"pdns_server" | b"pdns" | b"pdns-recursor")
        || is_split_remote(record)
}

fn is_split_remote(record: &Record<'_>) -> bool {
    record.envelope == Envelope::Rfc3164
        && record.host.is_some_and(|host| host.bytes() == b"Remote")
        && record.pid.is_none()
        && record.program.bytes().iter().all(u8::is_ascii_hexdigit)
}

/// `Nov 28 06:35:14 ` and words that only these print.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, rest) = record::syslog_stamp(line)?;
    let message = rest.strip_prefix(b" ")?;
    let is_own = dns::noise_of(message, &OWN_WORDS).is_some()
        || dns::noise_of(message, &NOISE).is_some()
        || recursor::is_threads(message);
    is_own.then(|| Record::new(stamp, b"pdns", message, Envelope::OwnFile))
}

/// With these and [`NOISE`] its lines begin.
const OWN_WORDS: [(&[u8], &str); 6] = [
    (b"msg=\"", "pairs"),
    (b"Remote ", "query"),
    (b"TCP Remote ", "query"),
    (b"AXFR-out zone '", "transfer"),
    (b"IXFR-out zone '", "transfer"),
    (b"Received a malformed qdomain from ", "answer"),
];

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let writer = Writer::of(record, at, Server::Pdns, b"pdns");
    if is_split_remote(record) {
        let writer = Writer { host: None, ..writer };
        return authoritative::split_remote(&writer, record.program.bytes(), record.message);
    }
    let text = record.message;
    if let Some(parsed) = recursor::said(&writer, text) {
        return parsed;
    }
    if let Some(parsed) = authoritative::said(&writer, text) {
        return parsed;
    }
    dns::noise_of(text, &NOISE).map_or(Parsed::Unknown, Parsed::Noise)
}

const NOISE: [(&[u8], &str); 27] = [
    (b"PowerDNS ", "lifecycle"),
    (b"Using 64-bits mode", "lifecycle"),
    (b"This is a ", "lifecycle"),
    (b"Loading '", "lifecycle"),
    (b"Listening ", "lifecycle"),
    (b"UDP server bound to ", "lifecycle"),
    (b"TCP server bound to ", "lifecycle"),
    (b"Creating backend connection", "lifecycle"),
    (b"About to create ", "lifecycle"),
    (b"Done launching threads", "lifecycle"),
    (b"Launching ", "lifecycle"),
    (b"Enabled ", "lifecycle"),
    (b"[bindbackend] ", "lifecycle"),
    (b"[bind2backend] ", "lifecycle"),
    (b"Polled security status", "lifecycle"),
    (b"Unable to open ", "configuration"),
    (b"Enabling ", "configuration"),
    (b"NOT using IPv6 ", "configuration"),
    (b"allow-from: ", "configuration"),
    (b"Will not send queries to: ", "configuration"),
    (b"Redirecting queries ", "configuration"),
    (b"Inserting rfc 1918 ", "configuration"),
    (b"Asked to run with ", "configuration"),
    (b"Failed to update ", "upstream-error"),
    (b"Received NOTIFY for ", "notify"),
    (b"This is the bind backend ", "lifecycle"),
    (b"Ignoring too-short ", "warning"),
];

/// `NAME|MX`: a name may hold the stroke, a type does not.
fn name_and_type(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = scan::find_last(text, b"|")?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
