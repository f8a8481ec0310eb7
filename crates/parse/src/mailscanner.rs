//! MailScanner 4 and 5, by syslog: made from the format strings of its source, no run.
//!
//! `Message ID from ADDRESS (SENDER) to DOMAINS is spam, ...`: the id is the mail server's, and the
//! address stands behind it, left of all that a stranger wrote. Sender, subject and file names come
//! later. MailScanner takes messages from the mail server's queue, and the address is what stands
//! there; told to read it from a Received line, it writes what that says.
//!
//! Spam and viruses are not hostile: forwarders and lists deliver them, too. Who is on the
//! administrator's own block list is, as with a mail server's. What the filter says of a message is
//! told by one line of `Message ... is`; what became of it by `Delivery of` or `Non-delivery of`.

use crate::{Parsed, Parser, Record, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "mailscanner",
    versions: "4.8 to 5.5",
    origin: "format strings of the source; no real run",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    matches!(record.program.bytes(), b"MailScanner" | b"mailscanner")
}

/// A line, with the id of its message.
#[derive(Clone, Copy)]
struct Line<'a> {
    id: Text<'a>,
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
            queue_id: Some(self.id),
            ..Event::new(self.at, Server::Mailscanner, Text(b"mailscanner"), kind, outcome)
        }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let line = |id| Line { id: Text(id), at, host: record.host, pid: record.pid };
    let told = |head: &[u8]| {
        let (id, rest) = scan::word(record.message.strip_prefix(head)?);
        is_id(id).then_some((line(id), rest))
    };
    let event = if let Some((line, rest)) = told(b"Message ") {
        message(&line, rest)
    } else if let Some((line, rest)) = told(b"Infected message ") {
        infected(&line, rest)
    } else if let Some((line, rest)) = told(b"RBL checks: ") {
        listed(&line, rest)
    } else {
        let (_, tail) = scan::split_once(record.message, b"elivery of ").unwrap_or_default();
        let (_, rest) = scan::split_once(tail, b": message ").unwrap_or_default();
        let (id, rest) = scan::word(rest);
        is_id(id).then(|| delivery(&line(id), record.message, rest)).flatten()
    };
    match event {
        Some(event) => Parsed::Event(event),
        None => noise(record.message).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

/// Ids of Postfix (`4F2A1B3C7D.A1B2C`), Sendmail, Exim, qmail and ZMailer.
fn is_id(word: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !word.is_empty() && word.iter().all(is_part) && word.iter().any(u8::is_ascii_digit)
}

/// `from ADDRESS (SENDER) to DOMAINS is WORDS`.
fn message<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (place, rest) = scan::word(rest.strip_prefix(b"from ")?);
    // The word behind it must be there: of a cut line, the address could be another's.
    let client = (!rest.is_empty()).then(|| scan::address(place)).flatten();
    let event = Event { client, ..line.event(Kind::Message, Outcome::Allowed) };
    if rest.starts_with(b"has ") {
        // A bounce of a message that is not known to be ours.
        let spam = scan::contains(rest, b"no (or invalid) watermark");
        return Some(Event { reason: spam.then_some(Reason::Spam), ..event });
    }
    let sender = sender(rest);
    let event = Event { sender, ..event };
    // A stranger's words end where MailScanner's begin; where those stand twice, the last are its.
    let Some(at) = scan::find_last(rest, b" is ") else { return Some(event) };
    let verdict = rest.get(at + 4..).unwrap_or_default();
    let is_spam = verdict.starts_with(b"spam") && !verdict.starts_with(b"spam (whitelisted)");
    let reason = match verdict {
        // What other checks found may stand behind it.
        _ if verdict.starts_with(b"spam (blacklisted)") => Some(Reason::SenderRejected),
        _ => is_spam.then_some(Reason::Spam),
    };
    let hostile = reason == Some(Reason::SenderRejected);
    Some(Event { reason, hostile, spam_score: score(verdict), ..event })
}

/// `(SENDER) `, where it holds no bracket and no blank.
fn sender(rest: &[u8]) -> Option<Text<'_>> {
    let (word, behind) = scan::word(rest);
    let inner = word.strip_prefix(b"(")?.strip_suffix(b")")?;
    let is_plain = !inner.iter().any(|byte| matches!(byte, b'(' | b')' | b'"'));
    let is_last = [&b"to "[..], b"is ", b"ignored "].iter().any(|next| behind.starts_with(next));
    (is_plain && is_last).then_some(Text(inner))
}

/// `spam, SpamAssassin (not cached, score=14.5, required 6, ...)`.
fn score(verdict: &[u8]) -> Option<Text<'_>> {
    let (_, rest) = scan::split_once(verdict, b"score=")?;
    let (score, _) = scan::take_while(rest, |b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    score.iter().any(u8::is_ascii_digit).then_some(Text(score))
}

/// `came from ADDRESS`, to the line's end.
fn infected<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let client = scan::address(rest.strip_prefix(b"came from ")?);
    let event = line.event(Kind::Message, Outcome::Rejected);
    Some(Event { client, reason: Some(Reason::Virus), ..event })
}

/// `found in LIST, LIST`.
fn listed<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let detail = Some(Text(rest.strip_prefix(b"found in ")?));
    let event = line.event(Kind::Message, Outcome::Allowed);
    Some(Event { reason: Some(Reason::Blocklisted), detail, ..event })
}

/// `Non-delivery of Spam: message ID from SENDER to A,B with subject WORDS`, behind the id. The
/// subject is a stranger's, and so are the names before it.
fn delivery<'a>(line: &Line<'a>, message: &'a [u8], rest: &'a [u8]) -> Option<Event<'a>> {
    let outcome = match message {
        [b'D', b'e', b'l', ..] => Outcome::Allowed,
        [b'N', b'o', b'n', b'-', b'd', ..] => Outcome::Rejected,
        _ => return None,
    };
    let is_spam =
        scan::split_once(message, b": ").is_some_and(|(head, _)| head.ends_with(b" Spam"));
    let reason = is_spam.then_some(Reason::Spam);
    let event = Event { reason, ..line.event(Kind::Delivery, outcome) };
    let rest = rest.strip_prefix(b"from ")?;
    let (names, subject) = match scan::split_once(rest, b" with subject ") {
        Some((names, subject)) => (names, Some(subject)),
        None => (rest, None),
    };
    let Some((from, to)) = scan::split_once(names, b" to ") else { return Some(event) };
    if names.contains(&b'"') || names.iter().filter(|byte| **byte == b' ').count() != 2 {
        return Some(event);
    }
    let many = to.split(|byte| *byte == b',').filter(|name| !name.is_empty()).count();
    Some(Event {
        sender: Some(Text(from)),
        recipient: (many == 1).then_some(Text(to)),
        recipients: u32::try_from(many).unwrap_or(u32::MAX),
        mail_subject: subject.map(Text),
        ..event
    })
}

/// What its other lines are about, by their first words.
fn noise(message: &[u8]) -> Option<&'static str> {
    const HEADS: [(&[u8], &str); 48] = [
        (b"New Batch: ", "batch"),
        (b"Batch ", "batch"),
        (b"Spam Checks: ", "batch"),
        (b"MCP Checks: ", "batch"),
        (b"Virus and Content Scanning: ", "batch"),
        (b"Virus Scanning: ", "batch"),
        (b"Content Checks: ", "filter-detail"),
        (b"Other Checks: ", "batch"),
        (b"Uninfected: ", "batch"),
        (b"Unscanned: ", "batch"),
        (b"Cleaned: ", "batch"),
        (b"Silent: ", "batch"),
        (b"Notices: ", "batch"),
        (b"Disinfection: ", "batch"),
        (b"Sender Warnings: ", "batch"),
        (b"Requeue: ", "queue"),
        (b"Deleted ", "batch"),
        (b"Spam Actions: ", "filter-detail"),
        (b"SpamAssassin ", "filter-detail"),
        (b"Using SpamAssassin", "configuration"),
        (b"Expired ", "filter-detail"),
        (b"Cache: ", "filter-detail"),
        (b"Whitelist refresh", "configuration"),
        (b"Message ", "filter-detail"),
        (b"Custom Spam Scanner for message ", "filter-detail"),
        (b"Found phishing fraud from ", "filter-detail"),
        (b"Found ", "configuration"),
        (b"Filename Checks: ", "filter-detail"),
        (b"Filetype Checks: ", "filter-detail"),
        (b"Attachment size check: ", "filter-detail"),
        (b"Saved ", "quarantine"),
        (b"Quarantining ", "quarantine"),
        (b"RBL Check ", "name-lookup"),
        (b"Logging message ", "statistics"),
        (b"Logged to ", "statistics"),
        (b"\"Always Looked Up ", "statistics"),
        (b"Valid ", "filter-detail"),
        (b"Sender was authenticated", "filter-detail"),
        (b"Authenticated user ", "filter-detail"),
        (b"MailScanner ", "lifecycle"),
        (b"MailWatch: ", "statistics"),
        (b"Reading configuration", "configuration"),
        (b"Read ", "configuration"),
        (b"Using locktype", "configuration"),
        (b"Config: ", "configuration"),
        (b"Enabling ", "configuration"),
        (b"Connected to ", "configuration"),
        (b"Skipping ", "configuration"),
    ];
    HEADS.iter().find(|(head, _)| message.starts_with(head)).map(|(_, name)| *name)
}
