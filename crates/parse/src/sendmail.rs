//! Sendmail: `sendmail`, `sm-mta`, `sm-msp-queue`, `sm-acceptingconnections`.
//!
//! Sendmail writes the peer as `name [address]`, with ` (may be forged)` behind it where the name
//! does not lead back, and cuts it at 100 bytes. Where it ends the line, it is read from there;
//! where a stranger's text stands on both sides (`ruleset=`), the words around it must be there
//! once only, or it is nobody.
//!
//! A failed login counts on `AUTH failure`, a refused address on its `ruleset=` line or, for an
//! unknown user, on a line that names no peer: the queue id leads to it.

mod login;
mod mail;
mod own;
mod peer;
mod session;

use crate::scan;
use crate::{Parsed, Parser, Record};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "sendmail",
    versions: "8.17, 8.18",
    origin: "real runs of 8.17 and 8.18; lines not met in them by its format strings",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    matches!(
        record.program.bytes(),
        b"sendmail"
            | b"sm-mta"
            | b"sm-msp-queue"
            | b"sm-acceptingconnections"
            | b"sm-que"
            | b"sendmail-client"
            | b"sm-client"
    )
}

#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    queue_id: Option<Text<'a>>,
    program: Text<'a>,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Smtp,
            host: self.host,
            pid: self.pid,
            queue_id: self.queue_id,
            ..Event::new(self.at, Server::Sendmail, self.program, kind, outcome)
        }
    }

    fn refusal(&self, kind: Kind, outcome: Outcome, reason: Reason) -> Event<'a> {
        Event { reason: Some(reason), ..self.event(kind, outcome) }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let (queue_id, text) = behind_queue_id(record.message);
    let line =
        Line { text, queue_id, program: record.program, at, host: record.host, pid: record.pid };
    // What begins with a fixed word first, then what begins with the peer.
    login::parse(&line)
        .or_else(|| mail::parse(&line))
        .or_else(|| own::affair(&line))
        .or_else(|| session::parse(&line))
        .or_else(|| mail::bare(&line))
        .unwrap_or(Parsed::Unknown)
}

/// `6ALGkL4h059723: ` or `NOQUEUE: `.
fn behind_queue_id(message: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    if let Some(rest) = message.strip_prefix(b"NOQUEUE: ") {
        return (None, rest);
    }
    let (word, rest) = scan::take_while(message, |byte| byte.is_ascii_alphanumeric());
    match rest.strip_prefix(b": ") {
        Some(rest) if (12..=20).contains(&word.len()) => (Some(Text(word)), rest),
        _ => (None, message),
    }
}
