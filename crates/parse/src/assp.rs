//! ASSP 1.10 and 2, its own `maillog.txt`: made from the format strings of its source, no run.
//!
//! `Nov-21-26 16:02:10 m1-16130-00155 [Worker_1] [TLS-in] [RelayAttempt] 203.0.113.9 <a@b.test> to:
//! c@d.test relay attempt blocked for: c@d.test`: behind the stamp stand the message's id, the
//! worker and the kind, each in its place, then the address, all of them ASSP's own. Sender,
//! recipient and the comment are (or hold) a stranger's words, and stand right of it. Where a
//! connection's address was logged once, later lines have none: [`Event::session`] joins them.
//!
//! `[OIP: ADDRESS]` is what a Received line of a trusted relay says: it goes into `forwarded`.
//!
//! What ASSP only scored or watched is noise. A failed login is told by `SMTP authentication
//! failed`; the lines about too many of them are no attempt.

mod verdict;

use crate::{Envelope, LocalStamp, Parsed, Parser, Record, Stamp, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "assp",
    versions: "1.10, 2.x",
    origin: "format strings of the source; no real run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    matches!(record.program.bytes(), b"assp" | b"assp.pl" | b"ASSP")
}

/// `Nov-21-26 16:02:10 `, the default of `LogDateFormat`.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, message) = stamp(line)?;
    Some(Record::new(stamp, b"assp", message, Envelope::OwnFile))
}

fn stamp(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let head = line.first_chunk::<10>()?;
    if head[3] != b'-' || head[6] != b'-' || head[9] != b' ' {
        return None;
    }
    // As syslog has it: `Nov 21 16:02:10`.
    let clock = line.get(9..18)?;
    let mut spaced = [b' '; 15];
    spaced.get_mut(..3)?.copy_from_slice(head.get(..3)?);
    spaced.get_mut(4..6)?.copy_from_slice(head.get(4..6)?);
    spaced.get_mut(6..15)?.copy_from_slice(clock);
    let year = i32::try_from(scan::number(head.get(7..9)?)?).ok()?;
    let (stamp, rest) = record::syslog_stamp(&spaced)?;
    let (Stamp::Local(local), true) = (stamp, rest.is_empty()) else { return None };
    let stamp = Stamp::Local(LocalStamp { year: Some(2000 + year), ..local });
    Some((stamp, line.get(18..)?.strip_prefix(b" ")?))
}

/// A line, its front read.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// The message's id.
    session: Option<Text<'a>>,
    /// The first tag: `RelayAttempt`.
    kind: &'a [u8],
    /// All tags: `[DNSBL][testmode]`.
    tags: &'a [u8],
    client: Option<IpAddr>,
    origin: Option<IpAddr>,
    sender: Option<Text<'a>>,
    recipient: Option<Text<'a>>,
    comment: &'a [u8],
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let message = stamp(record.message).map_or(record.message, |(_, message)| message);
    let line = Line::read(message, record, at);
    match verdict::of(&line) {
        Some(event) => Parsed::Event(event),
        None => verdict::noise(&line).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

impl<'a> Line<'a> {
    fn read(message: &'a [u8], record: &Record<'a>, at: Timestamp) -> Self {
        let (word, behind) = scan::word(message);
        let (session, rest) =
            if is_id(word) { (Some(Text(word)), behind) } else { (None, message) };
        let (tags, rest) = tags(rest);
        let (client, origin, rest) = addresses(rest);
        let (sender, rest) = sender(rest);
        let (recipient, comment) = recipient(rest);
        let kind = first_tag(tags);
        Line {
            session,
            kind,
            tags,
            client,
            origin,
            sender,
            recipient,
            comment,
            at,
            host: record.host,
            pid: record.pid,
        }
    }

    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Smtp,
            session: self.session,
            client: self.client,
            forwarded: self.origin,
            sender: self.sender,
            recipient: self.recipient,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Assp, Text(b"assp"), kind, outcome)
        }
    }

    fn refusal(&self, kind: Kind, outcome: Outcome, reason: Reason, hostile: bool) -> Event<'a> {
        Event { reason: Some(reason), hostile, ..self.event(kind, outcome) }
    }
}

/// `m1-16130-00155`, `id-16130-00155` or `16130-00155`.
fn is_id(word: &[u8]) -> bool {
    let mut groups = word.rsplit(|byte| *byte == b'-');
    let is_number = |group: Option<&[u8]>| {
        group.is_some_and(|g| g.len() >= 5 && g.iter().all(u8::is_ascii_digit))
    };
    is_number(groups.next())
        && is_number(groups.next())
        && groups.next().is_none_or(|name| name.iter().all(u8::is_ascii_alphanumeric))
        && groups.next().is_none()
}

/// `[Worker_1] [TLS-in] [RelayAttempt] `: what stands in brackets before the address.
fn tags(rest: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0;
    loop {
        let (word, _) = scan::word(rest.get(from..).unwrap_or_default());
        let is_tag = word.starts_with(b"[")
            && word.ends_with(b"]")
            && word.iter().all(|b| b.is_ascii_alphanumeric() || b"[]-_".contains(b));
        // `[spam found]` and its like begin the comment.
        if !is_tag {
            return rest.split_at_checked(from).unwrap_or((b"", rest));
        }
        from += word.len() + 1;
        if from >= rest.len() {
            return (rest, b"");
        }
    }
}

/// The first that is no worker's and says nothing of TLS, without its brackets.
fn first_tag(tags: &[u8]) -> &[u8] {
    let names = tags.split(|byte| matches!(byte, b'[' | b']' | b' '));
    names
        .filter(|name| !name.is_empty() && !name.starts_with(b"Worker_") && *name != b"Main_Thread")
        .find(|name| !matches!(*name, b"TLS-in" | b"TLS-out" | b"SSL-in" | b"SSL-out"))
        .unwrap_or_default()
}

/// `203.0.113.9 [OIP: 198.51.100.7] `. The word behind an address must be there: of a cut line, it
/// could be another's.
fn addresses(rest: &[u8]) -> (Option<IpAddr>, Option<IpAddr>, &[u8]) {
    let (word, behind) = scan::word(rest);
    let Some(client) = scan::address(word).filter(|_| !behind.is_empty()) else {
        return (None, None, rest);
    };
    let origin = behind.strip_prefix(b"[OIP: ").and_then(|rest| scan::split_once(rest, b"] "));
    match origin {
        Some((origin, behind)) => (Some(client), scan::address(origin), behind),
        None => (Some(client), None, behind),
    }
}

/// `<a@b.test> `, where it holds no blank, not even between quotes.
fn sender(rest: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    let (word, behind) = scan::word(rest);
    match word.strip_prefix(b"<").and_then(|inner| inner.strip_suffix(b">")) {
        Some(inner) if !inner.contains(&b'>') && is_closed(inner) => (Some(Text(inner)), behind),
        _ => (None, rest),
    }
}

/// True where every quote has a second one.
fn is_closed(text: &[u8]) -> bool {
    text.iter().filter(|byte| **byte == b'"').count() % 2 == 0
}

/// `to: c@d.test `: empty where a stranger's begins with a blank.
fn recipient(rest: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    let Some(rest_of) = rest.strip_prefix(b"to: ") else { return (None, rest) };
    let (word, behind) = scan::word(rest_of);
    (Some(Text(word)), behind)
}
