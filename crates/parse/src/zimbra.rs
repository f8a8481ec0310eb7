//! Zimbra 8.0 to 10: `mailbox.log` and `audit.log`, files of their own. Postfix's lines are
//! Postfix's.
//!
//! `2026-11-21 16:02:10,123 INFO  [thread] [name=...;ip=...;oip=...;ua=...;] logger - message`.
//! The thread of a web request holds its URL, the context whatever the client said of himself
//! (`ua`, `via`, `oip`). A value's semicolons are doubled there, so the context is read from its
//! front, pair by pair, and ends at a bracket behind a semicolon. A host name in a URL could hold
//! another context: where there are two, nobody knows which is Zimbra's, and the line names nobody.
//!
//! `ip` is the peer. `oip` is an `X-Forwarded-For`, which Zimbra writes of peers that it trusts; it
//! leaves `ip` out then: such a line has no client, and `oip` is `forwarded` only.
//!
//! Both files tell of each failed login: the engine counts it once, by the name as it was typed.
//! Of a failed login of an administrator `cmd=Auth` is the attempt, and `cmd=AdminAuth` tells of it
//! again.

mod message;

use crate::{Envelope, Parsed, Parser, Record, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "zimbra",
    versions: "8.0 to 10.1",
    origin: "the administrator's guide and format strings of the open source: no run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"zimbra"
}

/// A stamp with a comma, a level and a thread. The message begins at the level.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    if line.get(19) != Some(&b',') {
        return None;
    }
    let (stamp, rest) = record::iso_stamp(line)?;
    let message = rest.strip_prefix(b" ")?;
    let (_, rest) = level(message)?;
    rest.starts_with(b"[").then(|| Record::new(stamp, b"zimbra", message, Envelope::OwnFile))
}

fn level(message: &[u8]) -> Option<(&[u8], &[u8])> {
    const LEVELS: [&[u8]; 6] = [b"INFO", b"WARN", b"ERROR", b"DEBUG", b"FATAL", b"TRACE"];
    let (word, rest) = scan::word(message);
    let rest = scan::take_while(rest, |byte| byte == b' ').1;
    LEVELS.contains(&word).then_some((word, rest))
}

/// A line, its front read.
#[derive(Clone, Copy)]
struct Line<'a> {
    level: &'a [u8],
    thread: &'a [u8],
    context: Context<'a>,
    /// False where somebody could have written the front.
    is_sure: bool,
    logger: &'a [u8],
    text: &'a [u8],
    at: Timestamp,
}

/// What the context tells of a client.
#[derive(Clone, Copy, Default)]
struct Context<'a> {
    client: Option<IpAddr>,
    forwarded: Option<IpAddr>,
    protocol: &'a [u8],
}

impl<'a> Line<'a> {
    fn event(&self, protocol: Protocol, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol,
            client: self.context.client,
            forwarded: self.context.forwarded,
            ..Event::new(self.at, Server::Zimbra, Text(self.logger), kind, outcome)
        }
    }
}

/// What stands between thread and context.
const BETWEEN: &[u8] = b"] [";

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some(line) = line(record.message, at) else { return Parsed::Unknown };
    match message::parse(&line) {
        Parsed::Event(event) if line.is_sure => Parsed::Event(event),
        // What failed, failed; of what went well, nothing is believed.
        Parsed::Event(event) if event.hostile => Parsed::Event(Event {
            client: None,
            forwarded: None,
            account: None,
            known: None,
            ..event
        }),
        Parsed::Event(_) => Parsed::Noise("ambiguous"),
        other => other,
    }
}

fn line(message: &[u8], at: Timestamp) -> Option<Line<'_>> {
    let (level, rest) = level(message)?;
    let (thread, rest) = scan::split_once(rest.strip_prefix(b"[")?, BETWEEN)?;
    let is_sure = match scan::split_once(thread, b"://") {
        Some((_, url)) => url.contains(&b'/') && !has_context(rest),
        None => true,
    };
    let (context, rest) = context(rest)?;
    let (logger, text) = scan::split_once(rest.strip_prefix(b" ")?, b" - ")?;
    Some(Line { level, thread, context, is_sure, logger, text, at })
}

/// True where another context stands anywhere, also an empty one: a user agent can look like one,
/// too, and then its client hides himself, but blames nobody.
fn has_context(mut rest: &[u8]) -> bool {
    while let Some((_, behind)) = scan::split_once(rest, BETWEEN) {
        if context(behind).is_some() {
            return true;
        }
        rest = behind;
    }
    false
}

/// `name=bob@example.org;ip=203.0.113.9;]`, and what follows.
fn context(mut rest: &[u8]) -> Option<(Context<'_>, &[u8])> {
    let mut context = Context::default();
    loop {
        if let Some(behind) = rest.strip_prefix(b"]") {
            return Some((context, behind));
        }
        let (key, value, behind) = pair(rest)?;
        match key {
            b"ip" => context.client = scan::address(value),
            // Each proxy adds whom it heard of, at the end.
            b"oip" => {
                let latest = value.rsplit(|byte| *byte == b',').next().unwrap_or(value);
                context.forwarded = scan::address(latest.trim_ascii());
            }
            b"oproto" => context.protocol = value,
            _ => {}
        }
        rest = behind;
    }
}

/// `key=value;`, where the value's own semicolons are doubled.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key, rest) = scan::take_while(text, |byte| byte.is_ascii_alphanumeric());
    let rest = rest.strip_prefix(b"=").filter(|_| !key.is_empty())?;
    let mut at = 0;
    loop {
        at += scan::find_byte(rest.get(at..)?, b';')?;
        if rest.get(at + 1) != Some(&b';') {
            return Some((key, rest.get(..at)?, rest.get(at + 1..)?));
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_end_at_a_semicolon_that_is_not_doubled() {
        let all = |text| pair(text);
        assert_eq!(all(b"ip=a;]"), Some((&b"ip"[..], &b"a"[..], &b"]"[..])));
        assert_eq!(all(b"ua=a;;ip=b;] x"), Some((&b"ua"[..], &b"a;;ip=b"[..], &b"] x"[..])));
        assert_eq!(all(b"ua=a;;;ip=b;"), Some((&b"ua"[..], &b"a;;"[..], &b"ip=b;"[..])));
        assert_eq!(all(b"ua=;ip=b;"), Some((&b"ua"[..], &b""[..], &b"ip=b;"[..])));
        assert_eq!(all(b"ua=a"), None);
        assert_eq!(all(b"=a;"), None);
    }
}
