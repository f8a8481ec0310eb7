//! Unbound: by syslog, and its own file with a stamp in seconds or in words.
//!
//! With `log-queries: yes` a line says `203.0.113.66 example.com. MX IN`: the peer stands first.
//! With `log-replies: yes` the same words come back with the answer's code behind them. The two are
//! told apart by the number of words, which is safe: of a name, Unbound writes letters, digits,
//! `-`, `_`, `*` and dots, and `?` for any other byte.
//!
//! A query is `allowed`; an answer is an event only where it says that there is no such name or
//! that the query was refused.

use crate::dns::{self, Writer};
use crate::{Envelope, Parsed, Parser, Record, Stamp, scan};
use event::{Server, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "unbound",
    versions: "1.17, 1.26",
    origin: "real runs of 1.17.1 and 1.26.2",
    owns,
    parse,
    own_file: Some(own_file),
};

/// `unbound` by syslog. In the file with `log-time-ascii: yes` the stamp is one of syslog, and
/// `unbound[11115:0]` stands where the host would.
fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"unbound" || tag_in_host(record).is_some()
}

/// The process id of `unbound[11115:0]`.
fn tag_in_host(record: &Record<'_>) -> Option<u32> {
    tag(record.host?.bytes()).filter(|(_, rest)| rest.is_empty()).map(|(pid, _)| pid)
}

/// `unbound[11115:0]`, its process id, and the rest.
fn tag(text: &[u8]) -> Option<(u32, &[u8])> {
    thread(text.strip_prefix(b"unbound")?)
}

/// `[11115:0]`, process and thread.
fn thread(text: &[u8]) -> Option<(u32, &[u8])> {
    let (pid, rest) = scan::take_while(text.strip_prefix(b"[")?, |byte| byte.is_ascii_digit());
    let (thread, rest) =
        scan::take_while(rest.strip_prefix(b":")?, |byte| byte.is_ascii_hexdigit());
    let rest = rest.strip_prefix(b"]").filter(|_| !thread.is_empty())?;
    Some((scan::number(pid)?, rest))
}

/// `[1795277436] unbound[11115:0] info: message`.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (seconds, rest) = scan::take_while(line.strip_prefix(b"[")?, |byte| byte.is_ascii_digit());
    let (pid, rest) = tag(rest.strip_prefix(b"] ")?)?;
    let at = Timestamp(i64::from(scan::number(seconds)?) * 1_000_000);
    let message = rest.strip_prefix(b" ")?;
    let record = Record::new(Stamp::Utc(at), b"unbound", message, Envelope::OwnFile);
    Some(Record { pid: Some(pid), ..record })
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let writer = Writer::of(record, at, Server::Unbound, b"unbound");
    if let Some(pid) = tag_in_host(record) {
        // The level was taken for the program.
        let writer = Writer { host: None, pid: Some(pid), ..writer };
        return said(&writer, record.program.bytes(), record.message);
    }
    // By syslog, process and thread stand before the level.
    let (pid, message) = match thread(record.message) {
        Some((pid, rest)) => (Some(pid), rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (None, record.message),
    };
    let writer = Writer { pid: record.pid.or(pid), ..writer };
    match scan::split_once(message, b": ") {
        Some((level, text)) => said(&writer, level, text),
        None => Parsed::Unknown,
    }
}

fn said<'a>(writer: &Writer<'a>, level: &[u8], text: &'a [u8]) -> Parsed<'a> {
    match level {
        b"query" | b"reply" => question(writer, text).unwrap_or(Parsed::Unknown),
        b"info" => question(writer, text).unwrap_or_else(|| own_affair(text)),
        b"notice" => Parsed::Noise("lifecycle"),
        b"warning" => Parsed::Noise("warning"),
        b"error" if text.starts_with(b"SERVFAIL <") => Parsed::Noise("upstream-error"),
        b"error" | b"fatal error" => Parsed::Noise("internal-error"),
        b"debug" => Parsed::Noise("debug"),
        _ => Parsed::Unknown,
    }
}

/// `203.0.113.66 example.com. MX IN`, or with ` NXDOMAIN 0.000055 0 82` behind it. `None` where no
/// address stands first.
fn question<'a>(writer: &Writer<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    let (place, rest) = dns::whole_word(text)?;
    let client = scan::address(place)?;
    let (name, rest) = dns::whole_word(rest)?;
    let (kind, rest) = dns::whole_word(rest)?;
    let (_class, answer) = scan::word(rest);
    // What could not be read as a question.
    let name = if matches!(name, b"null" | b"-") { b"" } else { name };
    let query = writer.query(Some(client), name, kind);
    if answer.is_empty() {
        return Some(Parsed::Event(query));
    }
    let (code, _seconds) = scan::word(answer);
    Some(dns::answered(query, code).map_or(Parsed::Noise("answer"), Parsed::Event))
}

/// What Unbound says at the level `info` of itself.
fn own_affair(text: &[u8]) -> Parsed<'static> {
    const AFFAIRS: [(&[u8], &str); 17] = [
        (b"start of service", "lifecycle"),
        (b"service stopped", "lifecycle"),
        (b"server stats for thread ", "statistics"),
        (b"average recursion processing time", "statistics"),
        (b"histogram of recursion", "statistics"),
        (b"[25%]=", "statistics"),
        (b"lower(secs)", "statistics"),
        (b"   ", "statistics"),
        (b"mesh has ", "statistics"),
        (b"generate keytag query", "lifecycle"),
        (b"resolving ", "resolution"),
        (b"response for ", "resolution"),
        (b"reply from ", "resolution"),
        (b"query response was ", "resolution"),
        (b"priming ", "resolution"),
        (b"finishing processing for ", "resolution"),
        (b"validation failure ", "validation-failure"),
    ];
    if let Some(name) = dns::noise_of(text, &AFFAIRS) {
        return Parsed::Noise(name);
    }
    // `log-local-actions`: `denied.example. always_nxdomain 203.0.113.66@35438 denied.example. MX
    // IN`; query and answer have lines of their own.
    let (_zone, rest) = scan::word(text);
    let (_action, rest) = scan::word(rest);
    let (place, _) = scan::word(rest);
    match dns::endpoint(place, b'@') {
        Some(_) => Parsed::Noise("local-zone"),
        None => Parsed::Unknown,
    }
}
