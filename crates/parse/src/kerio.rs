//! Kerio Connect 7 to 10: security.log, warning.log, audit.log, mail.log and spam.log, files of its
//! own. No Kerio Connect was run: lines are made from the administrator's guides.
//!
//! `[16/Jun/2026 18:37:17] text`: the text alone tells which log it is. Where a name stands left of
//! the address, the address ends the line and is read from there: a name can hold the very words
//! between. Where names stand right of it, it is read from the left.
//!
//! In mail.log sender and recipient stand left of the host, the subject right of it.
//!
//! `Failed SMTP login`, `User bob doesn't exist` and `Invalid password for user bob` are attempts.
//! The first names no account and may stand beside one of the others: the engine counts both once.

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
/// come in either order.
///
/// Strangers chose what stands left and right of the host: where its key stands there twice, nobody
/// is believed.
fn received<'a>(at: Timestamp, rest: &'a [u8]) -> Option<Event<'a>> {
    const HOST: &[u8] = b", Sender-Host: ";
    let (id, rest) = scan::split_once(rest.strip_prefix(b"Queue-ID: ")?, b", ")?;
    let (service, rest) = scan::split_once(rest.strip_prefix(b"Service: ")?, b", ")?;
    let event =
        Event { queue_id: Some(Text(id)), ..event(at, service, Kind::Message, Outcome::Allowed) };
    // What Kerio itself writes has no host, and an address in it may look like one.
    if service == b"DSN" {
        return Some(event);
    }
    let Some((head, tail)) = scan::split_once(rest, HOST) else { return Some(event) };
    if scan::contains(tail, HOST) {
        return Some(event);
    }
    // Of a cut line, the address could be another's.
    let Some((host, tail)) = scan::split_once(tail, b",") else { return Some(event) };
    let (sender, recipient) = names(head).unzip();
    let is_whole = scan::contains(head, b">, Size: ");
    Some(Event {
        client: scan::address(host).filter(|_| is_whole),
        account: user(head, tail).map(Text),
        sender: sender.map(Text),
        recipient: recipient.map(Text),
        mail_subject: subject(tail).map(Text),
        ..event
    })
}

/// `From: <a@b.test>, To: <c@example.org>, Size: 1229`: the words between stand there once.
fn names(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let once = |text, words| {
        scan::split_once(text, words).filter(|(_, behind)| !scan::contains(behind, words))
    };
    let (sender, rest) = once(head.strip_prefix(b"From: <")?, b">, To: <")?;
    let (recipient, _) = once(rest, b">, Size: ")?;
    Some((sender, recipient))
}

/// The user's name, which stands right before or right behind the host.
fn user<'a>(head: &'a [u8], tail: &'a [u8]) -> Option<&'a [u8]> {
    const USER: &[u8] = b", User: ";
    let before = scan::find_last(head, USER).and_then(|at| head.get(at + USER.len()..));
    let name = match tail.strip_prefix(b" User: ") {
        Some(rest) => scan::split_once(rest, b",").map_or(rest, |(name, _)| name),
        None => before.filter(|name| !name.contains(&b','))?,
    };
    (!name.is_empty()).then_some(name)
}

fn subject(tail: &[u8]) -> Option<&[u8]> {
    let (_, subject) = scan::split_once(tail, b" Subject: ")?;
    match scan::find_last(subject, b", Msg-Id: <") {
        Some(end) => subject.get(..end),
        None => Some(subject),
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
