//! Exim 4.94 to 4.98: main and reject log, from its own files or syslog.
//!
//! Exim writes the peer as `H=name (helo) [address]:port`, the same in all lines; [`host`] reads
//! it. What stands around it, commands, addresses and user names, is a stranger's text. Exim
//! writes to both logs: a reject comes twice where both are read.
//!
//! No line tells the port, so the protocol is always SMTP.

mod command;
mod connection;
mod envelope;
mod host;
mod message;
mod why;

use crate::scan;
use crate::{Envelope, Parsed, Parser, Record};
use event::{Event, Kind, Outcome, Protocol, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "exim",
    versions: "4.94, 4.96, 4.98.2",
    origin: "real runs of 4.96 and 4.98.2; lines not met there by their format strings",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    record.envelope == Envelope::Exim
        || matches!(record.program.bytes(), b"exim" | b"exim4" | b"exim-in" | b"exim-out")
}

/// A line, cut into the parts that all kinds of lines share.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    /// The end is missing: what stands last may be a stranger's copy of what should.
    is_cut: bool,
    queue_id: Option<Text<'a>>,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    #[inline]
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Smtp,
            host: self.host,
            pid: self.pid,
            queue_id: self.queue_id,
            ..Event::new(self.at, Server::Exim, Text(b"exim"), kind, outcome)
        }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let text = behind_stamp(record.message);
    let (pid, text) = behind_pid(text);
    let Some((is_part, text)) = behind_part(text) else { return Parsed::Noise("continuation") };
    let is_cut = is_part || text.trim_ascii_end().ends_with(OVERFLOWED);
    let (queue_id, text) = behind_queue_id(text);
    let pid = pid.or(record.pid);
    let line = Line { text, is_cut, queue_id, at, host: record.host, pid };
    let parsed = match queue_id {
        Some(_) => message::parse(&line),
        None => None,
    };
    let parsed = parsed.or_else(|| connection::parse(&line)).unwrap_or_else(|| other(&line));
    if is_cut { without_helo(parsed) } else { parsed }
}

/// What Exim writes at the end of a line of more than 8 kB.
const OVERFLOWED: &[u8] = b"**** log string overflowed log buffer ****";

/// Of a cut line with a HELO, the real peer may stand in what is missing.
fn without_helo(parsed: Parsed<'_>) -> Parsed<'_> {
    match parsed {
        Parsed::Event(event) if event.helo.is_some() => {
            Parsed::Event(Event { client: None, helo: None, account: None, ..event })
        }
        _ => parsed,
    }
}

/// With `syslog_timestamp` (the default) a syslog line has Exim's own stamp, too.
fn behind_stamp(text: &[u8]) -> &[u8] {
    let shape = |at: usize, byte: u8| text.get(at) == Some(&byte);
    let stamped = shape(4, b'-') && shape(7, b'-') && shape(10, b' ') && shape(13, b':');
    if !stamped || !text.first().is_some_and(u8::is_ascii_digit) {
        return text;
    }
    let (_, rest) = scan::word(text.get(11..).unwrap_or_default());
    match rest.first() {
        Some(b'+' | b'-') if rest.get(5) == Some(&b' ') => rest.get(6..).unwrap_or_default(),
        _ => rest,
    }
}

/// `[4711] ` of `log_selector = +pid`.
fn behind_pid(text: &[u8]) -> (Option<u32>, &[u8]) {
    let inner =
        text.strip_prefix(b"[").map(|inner| scan::take_while(inner, |b| b.is_ascii_digit()));
    match inner {
        Some((digits, rest)) if rest.starts_with(b"] ") => {
            (scan::number(digits), rest.get(2..).unwrap_or_default())
        }
        _ => (None, text),
    }
}

/// Syslog gets long and multi-line entries in parts, `[1\4] first`, `[2\4] second`: only the
/// first is a log line, the others are its end or headers of a rejected message. `None` for those;
/// true where the first is not all of its line (`/`; behind a `\` a new line begins).
fn behind_part(text: &[u8]) -> Option<(bool, &[u8])> {
    let whole = Some((false, text));
    let Some(inner) = text.strip_prefix(b"[") else { return whole };
    let (part, rest) = scan::take_while(inner, |byte| byte.is_ascii_digit());
    let Some(mark @ (b'\\' | b'/')) = rest.first() else { return whole };
    let (_, rest) = scan::take_while(rest.get(1..)?, |byte| byte.is_ascii_digit());
    if part.is_empty() || !rest.starts_with(b"]") {
        return whole;
    }
    if part != b"1" {
        return None;
    }
    let rest = rest.get(1..)?;
    Some((*mark == b'/', rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// `1xUoNs-0000cM-7X ` (6-6-2) or, from 4.97, `1xUoNs-00000000cM0-7X2a ` (6-11-4).
fn behind_queue_id(text: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    for (second, end) in [(13, 16), (18, 23)] {
        if text.get(6) == Some(&b'-')
            && text.get(second) == Some(&b'-')
            && text.get(end).is_none_or(|byte| *byte == b' ')
            && let Some(id) = text.get(..end)
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        {
            return (Some(Text(id)), text.get(end + 1..).unwrap_or_default());
        }
    }
    (None, text)
}

/// Lines about Exim itself, by their first words.
const OWN_AFFAIRS: &[(&str, &str)] = &[
    ("Start queue run", "queue-run"),
    ("End queue run", "queue-run"),
    ("Start '", "queue-run"),
    ("End '", "queue-run"),
    ("Abandon queue run", "queue-run"),
    ("queue run", "queue-run"),
    ("notify triggered queue run", "queue-run"),
    ("exim ", "daemon"),
    ("daemon", "daemon"),
    ("pid ", "daemon"),
    ("cwd=", "daemon"),
    ("socket bind()", "daemon"),
    ("listen backlog", "daemon"),
    ("Failed to create IPv6 socket", "daemon"),
    ("Setting IPV6_V6ONLY", "daemon"),
    ("Warning: ", "configuration"),
    ("Exim configuration", "configuration"),
    ("ALERT: ", "configuration"),
    ("LOG: ", "administrator"),
    ("unable to ", "internal-error"),
    ("failed to ", "internal-error"),
    ("Failed ", "internal-error"),
    ("DANE error", "outgoing"),
    ("Long ", "slow-lookup"),
    ("CNAME loop", "name-lookup"),
    ("host name alias list truncated", "name-lookup"),
    ("dnssec fail", "name-lookup"),
    ("spool directory space check failed", "spool-full"),
    ("log directory space check failed", "spool-full"),
    ("ident connection to ", "ident"),
    ("TLS ALPN ", "tls-detail"),
    ("DKIM: ", "dkim"),
    ("Message abandoned", "local-message"),
    ("timed out while reading local message", "local-message"),
    ("qualify/rewrite: ", "header"),
    ("Unfrozen", "queue"),
    ("Message is frozen", "queue"),
];

fn other<'a>(line: &Line<'a>) -> Parsed<'a> {
    let text = line.text;
    let known = OWN_AFFAIRS.iter().find(|(words, _)| text.starts_with(words.as_bytes()));
    match known {
        Some((_, name)) => Parsed::Noise(name),
        None => Parsed::Unknown,
    }
}
