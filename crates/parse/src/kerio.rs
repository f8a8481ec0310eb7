//! Kerio Connect 7 to 10: security.log, warning.log, audit.log, mail.log and spam.log, files of its
//! own. No Kerio Connect was run: lines are made from the administrator's guides.
//!
//! `[16/Jun/2026 18:37:17] text`: the text alone tells which log it is. Where a name stands left of
//! the address, the address ends the line and is read from there: a name can hold the very words
//! between. Where names stand right of it, it is read from the left.
//!
//! In mail.log sender and recipient stand left of the host, the subject right of it: Kerio's keys
//! are those between the size and the subject.
//!
//! `Failed SMTP login`, `User bob doesn't exist` and `Invalid password for user bob` are attempts.
//! The first names no account and may stand beside one of the others, with another word for the
//! same protocol (`HTTP`, `HTTP/WebMail`): the engine counts both once.

mod security;

use crate::{Envelope, LocalStamp, Parsed, Parser, Record, Stamp, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "kerio",
    versions: "7 to 10",
    origin: "excerpts of the administrator's guides, wordings known of the product: no run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"kerio"
}

/// `[16/Jun/2026 18:37:17] `.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, message) = line.strip_prefix(b"[")?.split_at_checked(20)?;
    let message = message.strip_prefix(b"] ")?;
    let message = message.strip_suffix(b"\r").unwrap_or(message);
    Some(Record::new(local_stamp(stamp)?, b"kerio", message, Envelope::OwnFile))
}

/// `16/Jun/2026 18:37:17`.
fn local_stamp(text: &[u8]) -> Option<Stamp> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let fits = [(2, b'/'), (6, b'/'), (11, b' '), (14, b':'), (17, b':')];
    if !fits.iter().all(|(at, byte)| text.get(*at) == Some(byte)) {
        return None;
    }
    let number = |from: usize, to: usize| scan::number(text.get(from..to)?);
    let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
    let name = text.get(3..6)?;
    let month = MONTHS.iter().zip(1..).find(|(month, _)| month.as_slice() == name)?.1;
    let (day, hour, minute, second) = (small(0)?, small(12)?, small(15)?, small(18)?);
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let year = Some(i32::try_from(number(7, 11)?).ok()?);
    Some(Stamp::Local(LocalStamp { year, month, day, hour, minute, second, micros: 0 }))
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let text = record.message;
    let event = if let Some(rest) = text.strip_prefix(b"Recv: ") {
        received(at, rest)
    } else if let Some(rest) = text.strip_prefix(b"Sent: ") {
        sent(at, rest)
    } else {
        security::parse(at, text).or_else(|| spam(at, text))
    };
    match event {
        Some(event) => Parsed::Event(event),
        None => own_affair(text).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

fn own_affair(text: &[u8]) -> Option<&'static str> {
    const WORDS: [(&[u8], &str); 7] = [
        (b"Service ", "lifecycle"),
        (b"Kerio Connect ", "lifecycle"),
        (b"SSL certificate", "configuration"),
        (b"Configuration", "configuration"),
        (b"Performing full backup", "lifecycle"),
        (b"Unable to ", "warning"),
        (b"Cannot ", "warning"),
    ];
    WORDS.iter().find(|(words, _)| text.starts_with(words)).map(|(_, name)| *name)
}

fn event<'a>(at: Timestamp, service: &'a [u8], kind: Kind, outcome: Outcome) -> Event<'a> {
    Event {
        protocol: protocol(service),
        ..Event::new(at, Server::Kerio, Text(service), kind, outcome)
    }
}

fn protocol(service: &[u8]) -> Protocol {
    match service {
        b"SMTP" => Protocol::Smtp,
        b"IMAP" => Protocol::Imap,
        b"POP3" => Protocol::Pop3,
        _ if service.starts_with(b"HTTP") || service.starts_with(b"Web") => Protocol::Http,
        _ => Protocol::Unknown,
    }
}

/// `Queue-ID: 438dd9ea-00000000, Service: SMTP, From: <a@b.test>, To: <c@example.org>, Size: 1229,
/// Sender-Host: 203.0.113.9, User: c@example.org, SSL: yes, Subject: hello`. User and Sender-Host
/// come in either order, and either may be missing.
fn received<'a>(at: Timestamp, rest: &'a [u8]) -> Option<Event<'a>> {
    let (id, rest) = scan::split_once(rest.strip_prefix(b"Queue-ID: ")?, b", ")?;
    let (service, rest) = scan::split_once(rest.strip_prefix(b"Service: ")?, b", ")?;
    let event =
        Event { queue_id: Some(Text(id)), ..event(at, service, Kind::Message, Outcome::Allowed) };
    // What Kerio itself writes has no host, and an address in it may look like one.
    if service == b"DSN" {
        return Some(event);
    }
    let Some((head, own)) = own_keys(rest) else { return Some(event) };
    let (sender, recipient) = names(head).unzip();
    Some(Event {
        client: own.host.and_then(scan::address),
        account: own.user.map(Text),
        sender: sender.map(Text),
        recipient: recipient.map(Text),
        mail_subject: own.subject.map(Text),
        ..event
    })
}

/// `<a@b.test>, To: <c@example.org`, behind `From: `: the words between stand there once.
fn names(head: &[u8]) -> Option<(&[u8], &[u8])> {
    const BETWEEN: &[u8] = b">, To: <";
    let names = scan::split_once(head.strip_prefix(b"From: <")?, BETWEEN);
    names.filter(|(_, recipient)| !scan::contains(recipient, BETWEEN))
}

/// What Kerio says of a message behind its size.
#[derive(Clone, Copy, Default)]
struct Own<'a> {
    host: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    subject: Option<&'a [u8]>,
}

/// What stands before the size, and Kerio's keys behind it. A sender or a subject can hold a size
/// and keys, too: where there are two, nobody is believed.
fn own_keys(rest: &[u8]) -> Option<(&[u8], Own<'_>)> {
    const SIZE: &[u8] = b">, Size: ";
    let (head, behind) = scan::split_once(rest, SIZE)?;
    let own = Own::read(behind).filter(|_| !scan::contains(behind, SIZE))?;
    Some((head, own))
}

impl<'a> Own<'a> {
    /// `1229, Sender-Host: 203.0.113.9, SSL: yes, Subject: hello`. `None` where a key stands there
    /// that Kerio does not write at this place.
    fn read(text: &'a [u8]) -> Option<Self> {
        let (size, mut rest) = scan::take_while(text, |byte| byte.is_ascii_digit());
        let mut own = Own::default();
        while let Some(pair) = rest.strip_prefix(b", ") {
            // All behind these is the sender's.
            if let Some(subject) = pair.strip_prefix(b"Subject: ") {
                let end = scan::find_last(subject, b", Msg-Id: <").unwrap_or(subject.len());
                return Some(Own { subject: subject.get(..end), ..own });
            }
            if pair.starts_with(b"Msg-Id: <") {
                return Some(own);
            }
            let (key, behind) = scan::split_once(pair, b": ")?;
            let end = scan::find(behind, b", ").unwrap_or(behind.len());
            let (value, behind) = behind.split_at_checked(end)?;
            match key {
                // Of a cut line, the address could be another's.
                b"Sender-Host" if own.host.is_none() => {
                    own.host = Some(if behind.is_empty() { b"" } else { value });
                }
                b"User" if own.user.is_none() && !value.is_empty() => own.user = Some(value),
                b"SSL" => {}
                _ => return None,
            }
            rest = behind;
        }
        (rest.is_empty() && !size.is_empty()).then_some(own)
    }
}

/// `Queue-ID: 438dd9ea-00000000, Recipient: <c@example.org>, Result: delivered, Status: 2.0.0 ...`.
fn sent<'a>(at: Timestamp, rest: &'a [u8]) -> Option<Event<'a>> {
    let (id, rest) = scan::split_once(rest.strip_prefix(b"Queue-ID: ")?, b", ")?;
    let (recipient, rest) = scan::split_once(rest.strip_prefix(b"Recipient: <")?, b">, Result: ")?;
    let (result, status) = scan::split_once(rest, b", Status: ")?;
    let (outcome, reason) = match (result, status.first()) {
        (b"delivered", _) | (_, Some(b'2')) => (Outcome::Allowed, None),
        (_, Some(b'4')) => (Outcome::Deferred, Some(Reason::RemoteDeferred)),
        _ => (Outcome::Rejected, Some(Reason::RemoteRejected)),
    };
    Some(Event {
        queue_id: Some(Text(id)),
        recipient: Some(Text(recipient)),
        reason,
        detail: Some(Text(status)),
        ..event(at, b"queue", Kind::Delivery, outcome)
    })
}

/// `Message rejected as spam with score: 9.74, threshold: 9.50, From: ...`, or `marked`.
fn spam<'a>(at: Timestamp, text: &'a [u8]) -> Option<Event<'a>> {
    let rest = text.strip_prefix(b"Message ")?;
    let (outcome, rest) = match rest.strip_prefix(b"rejected as spam with score: ") {
        Some(rest) => (Outcome::Rejected, rest),
        None => (Outcome::Allowed, rest.strip_prefix(b"marked as spam with score: ")?),
    };
    let (score, _) = scan::split_once(rest, b",")?;
    let is_score = score.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let event = event(at, b"SMTP", Kind::Message, outcome);
    Some(Event {
        reason: Some(Reason::Spam),
        spam_score: (is_score && !score.is_empty()).then_some(Text(score)),
        ..event
    })
}
