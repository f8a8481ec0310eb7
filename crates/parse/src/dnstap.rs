//! dnstap, of any DNS server: binary frames, which `edge` writes as lines of this form:
//!
//! `2026-11-21T16:02:10.123456Z HOST dnstap[0]: client-query 203.0.113.9#1234 udp MX example.com`
//! `2026-11-21T16:02:10.123456Z HOST dnstap[0]: client-response 203.0.113.9#1234 udp MX example.com
//! NXDOMAIN`
//!
//! The peer stands before the name, and the name is written as a zone file would have it, so it has
//! no blanks. An answer is an event only where it says that there is no such name or that the query
//! was refused: the query was counted before.

use crate::dns::{self, Writer};
use crate::{Parsed, Parser, Record, scan};
use event::{Server, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "dnstap",
    versions: "1",
    origin: "real streams of BIND 9.18 and 9.20, NSD 4.6 and 4.12, Unbound 1.17 and 1.26",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"dnstap"
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let writer = Writer::of(record, at, Server::Dnstap, b"dnstap");
    said(&writer, record.message).unwrap_or(Parsed::Unknown)
}

fn said<'a>(writer: &Writer<'a>, message: &'a [u8]) -> Option<Parsed<'a>> {
    let (what, rest) = scan::word(message);
    let is_answer = match what {
        b"client-query" | b"auth-query" => false,
        b"client-response" | b"auth-response" => true,
        b"unreadable" => return Some(Parsed::Noise("malformed")),
        _ => return None,
    };
    let (client, rest) = dns::endpoint(rest, b'#')?;
    let (_transport, rest) = dns::whole_word(rest.strip_prefix(b" ")?)?;
    let (kind, rest) = dns::whole_word(rest)?;
    let (name, code) = scan::word(rest);
    let query = writer.query(Some(client), name, kind);
    if !is_answer {
        return Some(Parsed::Event(query));
    }
    Some(dns::answered(query, code).map_or(Parsed::Noise("answer"), Parsed::Event))
}
