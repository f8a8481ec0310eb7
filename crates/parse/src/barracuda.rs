//! Barracuda Email Security Gateway: its mail syslog, made from the maker's guide, no run.
//!
//! `host[203.0.113.9] ID START END SERVICE ...`: the host is reverse DNS, a stranger's without
//! blanks, and the address ends the first word. What follows are fixed places: RECV has sender,
//! recipient, action, reason and a text; SCAN has encryption, sender, recipient, score, action,
//! reason and a text; SEND has encryption, action, queue id and the next server's answer, and
//! names 127.0.0.1 where it has no client. A sender may be quoted and hold blanks.
//!
//! Actions and reasons are numbers. A blocked spam or virus is not hostile, as forwarders and
//! lists deliver such mail, too; unknown names, relaying, broken commands and block lists are.
//!
//! RECV tells of what was refused at once, SCAN of what was taken in: a message has one of them,
//! and a RECV that allows is noise.

use crate::{Parsed, Parser, Record, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "barracuda",
    versions: "as its syslog guide has it",
    origin: "the maker's syslog guide: lines are made from it",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    matches!(
        record.program.bytes(),
        b"inbound/pass1" | b"inbound/pass2" | b"scan" | b"outbound/smtp"
    )
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    match line(record, at) {
        // Taken in: the SCAN line tells of the message.
        Some((b"RECV", Event { outcome: Outcome::Allowed, .. })) => Parsed::Noise("taken-in"),
        Some((_, event)) => Parsed::Event(event),
        None => Parsed::Unknown,
    }
}

fn line<'a>(record: &Record<'a>, at: Timestamp) -> Option<(&'a [u8], Event<'a>)> {
    let (peer, rest) = scan::word(record.message);
    let (id, rest) = scan::word(rest);
    let (start, rest) = scan::word(rest);
    let (end, rest) = scan::word(rest);
    scan::number(start).and(scan::number(end))?;
    let (service, rest) = scan::word(rest);
    let bare = match peer.strip_suffix(b"]") {
        Some(inner) => inner.get(scan::find_last(inner, b"[")? + 1..)?,
        None => peer,
    };
    let event = Event {
        protocol: Protocol::Smtp,
        host: record.host,
        pid: record.pid,
        queue_id: Some(Text(id)),
        ..Event::new(at, Server::Barracuda, record.program, Kind::Message, Outcome::Allowed)
    };
    let told = Event { client: scan::address(bare), ..event };
    let event = match service {
        b"RECV" => received(told, rest),
        b"SCAN" => scanned(told, scan::word(rest).1),
        b"SEND" => sent(event, rest)?,
        _ => return None,
    };
    Some((service, event))
}

/// A word, or a quoted local part with its domain, blanks and all. A quote that nothing closes is
/// none.
fn mailbox(rest: &[u8]) -> (&[u8], &[u8]) {
    let mut quoted = false;
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let was_escaped = escaped;
        escaped = quoted && *byte == b'\\' && !was_escaped;
        quoted ^= *byte == b'"' && !was_escaped;
        *byte == b' ' && !quoted
    });
    if end.is_none() && quoted {
        return scan::word(rest);
    }
    let (word, rest) = rest.split_at(end.unwrap_or(rest.len()));
    (word, rest.get(1..).unwrap_or_default())
}

/// `-` is none.
fn named(word: &[u8]) -> Option<Text<'_>> {
    let bare = word.strip_prefix(b"<").and_then(|inner| inner.strip_suffix(b">")).unwrap_or(word);
    (word != b"-" && !word.is_empty()).then_some(Text(bare))
}

/// `SENDER RECIPIENT ACTION REASON TEXT`.
fn received<'a>(event: Event<'a>, rest: &'a [u8]) -> Event<'a> {
    let (sender, rest) = mailbox(rest);
    let (recipient, rest) = mailbox(rest);
    let event = Event { sender: named(sender), recipient: named(recipient), ..event };
    let (action, rest) = scan::word(rest);
    let (reason, text) = scan::word(rest);
    verdict(event, action, reason, text)
}

/// `SENDER RECIPIENT SCORE ACTION REASON TEXT SZ:1 SUBJ:text`. The text before the subject may be a
/// stranger's, so a subject is believed where its word stands once.
fn scanned<'a>(event: Event<'a>, rest: &'a [u8]) -> Event<'a> {
    const SUBJECT: &[u8] = b" SUBJ:";
    let (sender, rest) = mailbox(rest);
    let (recipient, rest) = mailbox(rest);
    let (score, rest) = scan::word(rest);
    let is_score = score.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && score.iter().any(u8::is_ascii_digit);
    let (action, rest) = scan::word(rest);
    let (reason, text) = scan::word(rest);
    let subject = scan::split_once(text, SUBJECT).map(|(_, subject)| subject);
    let alone = subject.filter(|subject| !subject.is_empty() && !scan::contains(subject, SUBJECT));
    let event = Event {
        sender: named(sender),
        recipient: named(recipient),
        spam_score: is_score.then_some(Text(score)),
        mail_subject: alone.map(Text),
        ..event
    };
    verdict(event, action, reason, b"")
}

/// What the numbers say. A line in which something else stands for them has an address that nobody
/// could read, which counts against the peer; one that ends before them was cut, which does not.
fn verdict<'a>(event: Event<'a>, action: &[u8], reason: &[u8], text: &'a [u8]) -> Event<'a> {
    let hostile = !action.is_empty() && !reason.is_empty();
    let (Some(action), Some(reason)) = (scan::number(action), scan::number(reason)) else {
        let event = Event { outcome: Outcome::Rejected, kind: Kind::Command, ..event };
        return Event { reason: Some(Reason::ProtocolError), hostile, ..event };
    };
    let outcome = match action {
        1 => Outcome::Dropped,
        2 => Outcome::Rejected,
        3 | 5 | 6 => Outcome::Deferred,
        _ => Outcome::Allowed,
    };
    let known = why(reason);
    let Some((kind, word, hostile)) = known else { return Event { outcome, ..event } };
    if outcome == Outcome::Allowed {
        // Tagged is spam that went on; what else is allowed has a reason for it.
        return Event { reason: (action == 4).then_some(word), ..event };
    }
    let hostile = hostile && action == 2;
    let attempts = u32::from(hostile && kind == Kind::Auth);
    let detail = (!text.is_empty() && text != b"-").then_some(Text(text));
    Event { outcome, kind, reason: Some(word), hostile, attempts, detail, ..event }
}

/// The maker's table of reasons: kind, reason, and whether a refusal counts against the client.
fn why(number: u32) -> Option<(Kind, Reason, bool)> {
    Some(match number {
        1 | 86 => (Kind::Message, Reason::Virus, false),
        2 | 72 | 79 | 85 | 89 => (Kind::Message, Reason::ContentRejected, false),
        3 | 62 | 82 => (Kind::Envelope, Reason::Blocklisted, true),
        4 | 5 | 46 => (Kind::Limit, Reason::RateLimited, false),
        6 => (Kind::Disconnect, Reason::Timeout, false),
        7 => (Kind::Envelope, Reason::RelayDenied, true),
        8 => (Kind::Envelope, Reason::RecipientUnknown, true),
        9 | 34 | 37 => (Kind::Message, Reason::ContentRejected, false),
        12 | 13 | 17 | 36 | 64 | 75 => (Kind::Envelope, Reason::RecipientRejected, false),
        14 | 15 | 18 | 35 | 40 | 63 | 68 | 76 | 78 => {
            (Kind::Envelope, Reason::SenderRejected, false)
        }
        11 | 41 | 66 | 77 => (Kind::Envelope, Reason::ClientRejected, false),
        // What an honest server sends at once, whose sender or recipients were all refused; and
        // one without TLS.
        24 | 47 | 59 => (Kind::Command, Reason::ProtocolError, false),
        19..=23 | 25 | 27 | 30 | 48 | 51 | 55..=57 => (Kind::Command, Reason::ProtocolError, true),
        31 | 39 | 60 | 65 | 69 | 70 | 71 | 74 => (Kind::Message, Reason::Spam, false),
        44 => (Kind::Auth, Reason::AuthDisallowed, true),
        45 => (Kind::Message, Reason::TooLarge, false),
        58 => (Kind::Command, Reason::TooManyErrors, true),
        83 => (Kind::Auth, Reason::AuthFailed, true),
        _ => return None,
    })
}

/// `ENCRYPTION ACTION QUEUE-ID ANSWER`.
fn sent<'a>(event: Event<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (_encryption, rest) = scan::word(rest);
    let (action, rest) = scan::word(rest);
    let (_queue_id, answer) = scan::word(rest);
    let (outcome, reason) = match action {
        b"1" => (Outcome::Allowed, None),
        b"2" | b"4" => (Outcome::Rejected, Some(Reason::RemoteRejected)),
        b"3" => (Outcome::Deferred, Some(Reason::RemoteDeferred)),
        _ => return None,
    };
    let detail = (!answer.is_empty()).then_some(Text(answer));
    Some(Event { kind: Kind::Delivery, outcome, reason, detail, ..event })
}
