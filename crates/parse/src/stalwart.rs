//! Stalwart 0.9 and later: its own file and console, and what journald gets of the console.
//!
//! `2026-11-21T16:02:10Z INFO Authentication failed (auth.failed) listenerId = "imap", localPort =
//! 143, remoteIp = 203.0.113.9, remotePort = 4711, accountName = "bob"`: the word between the
//! brackets says what happened, and keys and values follow. The connection's own keys come first,
//! and a stranger writes none of them; behind them stand names, addresses and commands of his.
//! Older releases leave a quote in such a text as it is, so nothing behind the first one is a place
//! for an address.
//!
//! Newer releases leave out of the connection's keys what the line has itself: `remoteIp` then
//! stands at the end of the line, behind the texts, where quotes are escaped. It is taken where
//! all before it can be read, once, and on mail ports only: a web listener writes there what a
//! forwarding header says. What the connection's own keys name is the peer in any case.
//!
//! A failed login is told once, by `auth.failed` or (the one that the server's own ban follows)
//! by `security.authentication-ban`. `auth.too-many-attempts` and the other bans are no attempt.

mod keys;
mod verdict;

use crate::{Envelope, Parsed, Parser, Record, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};
use keys::{Keys, uncolored};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "stalwart",
    versions: "0.9 to 0.16",
    origin: "format strings of the source, old and new, and its list of events; no real run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    matches!(record.program.bytes(), b"stalwart" | b"stalwart-mail")
}

/// `2026-11-21T16:02:10Z INFO Words of the event (its.name) ...`, with or without colours.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, rest) = record::iso_stamp(uncolored(line))?;
    let message = uncolored(rest).strip_prefix(b" ")?;
    behind_level(message).and_then(name)?;
    Some(Record::new(stamp, b"stalwart", message, Envelope::OwnFile))
}

/// Skips `INFO ` or another level.
fn behind_level(message: &[u8]) -> Option<&[u8]> {
    let levels: [&[u8]; 5] = [b"INFO", b"WARN", b"ERROR", b"DEBUG", b"TRACE"];
    let message = uncolored(message);
    let rest = levels.iter().find_map(|level| message.strip_prefix(*level))?;
    uncolored(rest).strip_prefix(b" ")
}

/// `Authentication failed (auth.failed) `: the event's name and the keys. The words before it are
/// the server's own.
fn name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const WORDS_MAX: usize = 120;
    let near = text.get(..WORDS_MAX).unwrap_or(text);
    let open = scan::find_near(near, *b"(")?;
    let (name, rest) = scan::take_while(text.get(open + 1..)?, |byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
    });
    let rest = rest.strip_prefix(b")")?;
    let is_name = name.contains(&b'.') && (rest.is_empty() || rest.starts_with(b" "));
    is_name.then_some((name, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// A line, its keys read.
#[derive(Clone, Copy)]
struct Line<'a> {
    name: &'a [u8],
    keys: Keys<'a>,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    // The console's lines have a stamp of their own in the journal.
    let message = uncolored(record.message);
    let bare = record::iso_stamp(message)
        .and_then(|(_, rest)| uncolored(rest).strip_prefix(b" "))
        .unwrap_or(message);
    let Some((name, rest)) = behind_level(bare).and_then(name) else {
        return own_affair(record.message);
    };
    let keys = Keys::read(rest);
    let line = Line { name, keys, at, host: record.host, pid: record.pid };
    match verdict::of(&line) {
        Some(event) => Parsed::Event(event),
        None => verdict::noise(name).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

/// What the journal's tracer writes: the words of an event, its keys being fields of the journal.
fn own_affair(message: &[u8]) -> Parsed<'_> {
    let words = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.');
    match !message.is_empty() && message.len() < 100 && message.iter().all(words) {
        true => Parsed::Noise("without-keys"),
        false => Parsed::Unknown,
    }
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        let (client, forwarded) = self.peer();
        let part = scan::split_once(self.name, b".").map_or(self.name, |(part, _)| part);
        Event {
            protocol: self.protocol(),
            client,
            forwarded,
            host: self.host,
            pid: self.pid,
            queue_id: self.keys.queue_id.map(Text),
            sender: self.keys.from.map(|from| Text(if from == b"<>" { b"" } else { from })),
            ..Event::new(
                self.at,
                Server::Stalwart,
                self.keys.listener.map_or(Text(part), Text),
                kind,
                outcome,
            )
        }
    }

    fn refusal(&self, kind: Kind, outcome: Outcome, reason: Reason, hostile: bool) -> Event<'a> {
        Event { reason: Some(reason), hostile, ..self.event(kind, outcome) }
    }

    /// The peer, and whom he says to speak for.
    fn peer(&self) -> (Option<IpAddr>, Option<IpAddr>) {
        // Outbound, the addresses are those of the next server.
        if self.name.starts_with(b"delivery.") {
            return (None, None);
        }
        let told = self.keys.told.and_then(scan::address);
        let is_web = matches!(self.protocol(), Protocol::Http | Protocol::Unknown);
        match (self.keys.peer.and_then(scan::address), is_web) {
            (Some(peer), true) => (Some(peer), told.filter(|told| *told != peer)),
            (Some(peer), false) => (Some(peer), None),
            (None, true) => (None, told),
            (None, false) => (told, None),
        }
    }

    /// By the event's name, the port, or the listener's name that the set-up gives.
    fn protocol(&self) -> Protocol {
        let smtp = match self.keys.port {
            Some(b"587" | b"465") => Protocol::Submission,
            _ => Protocol::Smtp,
        };
        match scan::split_once(self.name, b".").map(|(part, _)| part) {
            Some(b"smtp" | b"queue") => return smtp,
            Some(b"imap") => return Protocol::Imap,
            Some(b"pop3") => return Protocol::Pop3,
            Some(b"manage-sieve") => return Protocol::Sieve,
            Some(b"http") => return Protocol::Http,
            _ => {}
        }
        match self.keys.port {
            Some(b"25" | b"465" | b"587") => smtp,
            Some(b"143" | b"993") => Protocol::Imap,
            Some(b"110" | b"995") => Protocol::Pop3,
            Some(b"4190") => Protocol::Sieve,
            Some(b"80" | b"443" | b"8080") => Protocol::Http,
            _ => by_listener(self.keys.listener.unwrap_or_default()),
        }
    }
}

/// The names that a new server has.
fn by_listener(name: &[u8]) -> Protocol {
    match name {
        b"smtp" => Protocol::Smtp,
        b"submission" | b"submissions" => Protocol::Submission,
        b"imap" | b"imaps" | b"imaptls" => Protocol::Imap,
        b"pop3" | b"pop3s" => Protocol::Pop3,
        b"sieve" | b"managesieve" => Protocol::Sieve,
        b"lmtp" => Protocol::Lmtp,
        b"http" | b"https" => Protocol::Http,
        _ => Protocol::Unknown,
    }
}
