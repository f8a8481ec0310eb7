//! SpamAssassin's `spamd` 4.0: by syslog or its own file.
//!
//! `spamd` serves the mail server, so its peer is local and says nothing of a client; only who
//! speaks to its port without being allowed to is named, by `unauthorized connection from`. The
//! host name before the address is reverse DNS, a stranger's, without blanks.
//!
//! Two lines tell of a message: `identified spam (12.3/5.0)` or `clean message` is the event, the
//! `result:` behind it is noise. No score is hostile. User names are those that the mail server
//! asked for, nobody logged in.

use crate::{Envelope, Parsed, Parser, Record, Stamp, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "spamassassin",
    versions: "4.0",
    origin: "a real run of 4.0.1; lines not met in it by the format strings of its source",
    owns,
    parse,
    own_file: Some(own_file),
};

/// OpenBSD's greylisting daemon has the name, too; its lines are unknown.
fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"spamd"
}

/// `Sat Nov 28 07:01:54 2026 [83] info: spamd: ...`.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let weekdays: [&[u8]; 7] = [b"Mon ", b"Tue ", b"Wed ", b"Thu ", b"Fri ", b"Sat ", b"Sun "];
    let rest = weekdays.iter().find_map(|day| line.strip_prefix(*day))?;
    let (stamp, rest) = record::syslog_stamp(rest)?;
    let (year, rest) = scan::word(rest.strip_prefix(b" ")?);
    let year = i32::try_from(scan::number(year)?).ok().filter(|_| year.len() == 4);
    let Stamp::Local(local) = stamp else { return None };
    let (digits, rest) = scan::take_while(rest.strip_prefix(b"[")?, |b| b.is_ascii_digit());
    let (level, message) = scan::word(rest.strip_prefix(b"] ")?);
    if !matches!(level, b"info:" | b"warn:" | b"error:" | b"dbg:") {
        return None;
    }
    let stamp = Stamp::Local(record::LocalStamp { year: Some(year?), ..local });
    let pid = Some(scan::number(digits)?);
    Some(Record { pid, ..Record::new(stamp, b"spamd", message, Envelope::OwnFile) })
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some(text) = record.message.strip_prefix(b"spamd: ") else {
        return other(record.message);
    };
    let line = Line { at, host: record.host, pid: record.pid };
    let parsed = if let Some(rest) = text.strip_prefix(b"unauthorized connection from ") {
        Some(Parsed::Event(refused(&line, rest)))
    } else if let Some(rest) = text.strip_prefix(b"identified spam (") {
        judged(&line, rest, Some(Reason::Spam))
    } else if let Some(rest) = text.strip_prefix(b"clean message (") {
        judged(&line, rest, None)
    } else if text.starts_with(b"bad protocol: ") {
        let event = line.event(Kind::Command, Outcome::Rejected);
        Some(Parsed::Event(Event { reason: Some(Reason::ProtocolError), ..event }))
    } else {
        own_affair(text)
    };
    parsed.unwrap_or(Parsed::Unknown)
}

#[derive(Clone, Copy)]
struct Line<'a> {
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        let event = Event::new(self.at, Server::Spamassassin, Text(b"spamd"), kind, outcome);
        Event { host: self.host, pid: self.pid, ..event }
    }
}

/// Lines of other parts begin with a part's name and a colon; a line can be continued, `, ...`.
fn other(message: &[u8]) -> Parsed<'_> {
    if message.starts_with(b", ") {
        return Parsed::Noise("continuation");
    }
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    let (part, rest) = scan::take_while(message, is_part);
    if !part.first().is_some_and(u8::is_ascii_lowercase) || !rest.starts_with(b": ") {
        return Parsed::Unknown;
    }
    match part {
        b"prefork" => Parsed::Noise("lifecycle"),
        b"logger" | b"config" | b"rules" => Parsed::Noise("configuration"),
        _ => Parsed::Noise("filter-detail"),
    }
}

fn own_affair(text: &[u8]) -> Option<Parsed<'_>> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"connection from ", "local-connection"),
        (b"got connection over ", "local-connection"),
        (b"result: ", "result-detail"),
        (b"processing message ", "filter-detail"),
        (b"checking message ", "filter-detail"),
        (b"skipped large message ", "filter-detail"),
        (b"Tell:", "learning"),
        (b"setuid to ", "filter-detail"),
        (b"still running as root", "configuration"),
        (b"handle_user ", "configuration"),
        (b"using default config ", "configuration"),
        (b"creating default_prefs", "configuration"),
        (b"created ", "configuration"),
        (b"failed to create ", "configuration"),
        (b"server ", "lifecycle"),
        (b"child ", "lifecycle"),
        (b"handled cleanup of child ", "lifecycle"),
        (b"alarm, timeout", "warning"),
        (b"timeout: ", "warning"),
        (b"service unavailable: ", "warning"),
        (b"copy_config timeout", "warning"),
        (b"error: ", "internal-error"),
        (b"accept_a_conn: ", "internal-error"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map(|(_, name)| Parsed::Noise(name))
}

/// `NAME [203.0.113.9]:4711 to port 783, fd 6`. One of this host is not hostile: a setting is
/// wrong.
fn refused<'a>(line: &Line<'a>, rest: &[u8]) -> Event<'a> {
    let client = refused_peer(rest);
    Event {
        client,
        reason: Some(Reason::ClientRejected),
        hostile: client.is_none_or(|client| !client.is_loopback()),
        ..line.event(Kind::Connect, Outcome::Rejected)
    }
}

/// The address behind the first blank, of a line that is whole.
fn refused_peer(rest: &[u8]) -> Option<IpAddr> {
    let (_, rest) = scan::word(rest);
    let (place, rest) = scan::split_once(rest.strip_prefix(b"[")?, b"]:")?;
    let (port, rest) = scan::take_while(rest, |byte| byte.is_ascii_digit());
    let whole = !port.is_empty() && rest.starts_with(b" to port ");
    scan::address(place).filter(|_| whole)
}

/// `12.3/5.0) for user:65534 in 0.2 seconds, 157 bytes.`.
fn judged<'a>(line: &Line<'a>, rest: &'a [u8], reason: Option<Reason>) -> Option<Parsed<'a>> {
    let score = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'/');
    let (score, rest) = scan::take_while(rest, score);
    if score.is_empty() || !rest.starts_with(b") for ") {
        return None;
    }
    let event = line.event(Kind::Message, Outcome::Allowed);
    Some(Parsed::Event(Event { reason, spam_score: Some(Text(score)), ..event }))
}
