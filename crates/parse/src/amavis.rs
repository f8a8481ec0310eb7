//! amavis 2.13 (amavisd-new): the line of each message, by syslog or its own file.
//!
//! `(ID) Passed CLEAN {RelayedInbound}, [203.0.113.9]:4711 [203.0.113.9] <sender> -> <rcpt>, ...`:
//! the first bracket is the client as the mail server told it (XFORWARD), the second what a
//! Received header says, which is a stranger's. Where there is one bracket without a port, nobody
//! knows which of the two it is.
//!
//! What stands behind the address (sender, recipients, Message-ID, subject) is a stranger's, so a
//! field is believed where its words stand once. Before it, a stranger's file name can stand:
//! `BANNED (name)`, and a scanner's word: `INFECTED (name)`. There the words between must stand
//! once and the line must be whole, or the client is nobody.
//!
//! No verdict is hostile, nor is a blocked spam or virus: forwarders and lists deliver such mail,
//! too. Hostile is who speaks to amavis' own port without being allowed to.

use crate::{Parsed, Parser, Record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "amavis",
    versions: "2.13",
    origin: "a real run of 2.13.0; categories not met in it by its own log template",
    owns,
    parse,
    own_file: None,
};

/// Its own file has a syslog line's form and the path of the program.
fn owns(record: &Record<'_>) -> bool {
    matches!(
        record.program.bytes(),
        b"amavis" | b"amavisd" | b"amavisd-new" | b"/usr/sbin/amavisd" | b"/usr/sbin/amavisd-new"
    )
}

/// A line about a task.
#[derive(Clone, Copy)]
struct Line<'a> {
    session: Option<Text<'a>>,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            session: self.session,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Amavis, Text(b"amavis"), kind, outcome)
        }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let line = Line { session: None, at, host: record.host, pid: record.pid };
    let Some((id, text)) = behind_id(record.message) else {
        let refused = record.message.strip_prefix(b"(!)DENIED ");
        let refused = refused.and_then(|rest| denied(&line, rest));
        return refused.map_or_else(|| own_affair(record.message), Parsed::Event);
    };
    let line = Line { session: Some(Text(id)), ..line };
    if text.starts_with(b"...") {
        return Parsed::Noise("continuation");
    }
    let text = text.strip_prefix(b"(!)").unwrap_or(text);
    let (verb, rest) = scan::word(text);
    let event = match verb {
        b"Passed" => judged(&line, rest, false),
        b"Blocked" => judged(&line, rest, true),
        b"DENIED" => denied(&line, rest),
        _ => return Parsed::Noise("filter-detail"),
    };
    event.map_or(Parsed::Unknown, Parsed::Event)
}

/// `(00085-01) ` or `(00085-01-2) `.
fn behind_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = message.strip_prefix(b"(")?;
    let (id, rest) = scan::take_while(inner, |byte| byte.is_ascii_digit() || byte == b'-');
    let is_id = id.first().is_some_and(u8::is_ascii_digit) && id.contains(&b'-');
    Some((id, rest.strip_prefix(b") ")?)).filter(|_| is_id)
}

/// Lines about the daemon, by their first words.
fn own_affair(message: &[u8]) -> Parsed<'_> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"(!!)", "internal-error"),
        (b"(!)", "warning"),
        (b"starting.", "lifecycle"),
        (b"SIG", "lifecycle"),
        (b"Net::Server", "lifecycle"),
        (b"logging initialized", "lifecycle"),
        (b"sd_notify", "lifecycle"),
        (b"Using ", "configuration"),
        (b"Found ", "configuration"),
        (b"No ", "configuration"),
        (b"Module ", "configuration"),
        (b"INFO", "configuration"),
        (b"INFO:", "configuration"),
        (b"Creating db", "configuration"),
        (b"config files read", "configuration"),
        (b"perl=", "configuration"),
        (b"user=", "configuration"),
        (b"Amavis::", "configuration"),
        (b"Deleting db", "configuration"),
        (b"SpamControl", "configuration"),
        (b"initializing Mail::SpamAssassin", "configuration"),
        (b"extra modules loaded", "configuration"),
    ];
    let known = KNOWN.iter().find(|(words, _)| message.starts_with(words));
    known.map_or(Parsed::Unknown, |(_, name)| Parsed::Noise(name))
}

/// `ACCESS from IP 203.0.113.9, policy bank ''`.
fn denied<'a>(line: &Line<'a>, rest: &[u8]) -> Option<Event<'a>> {
    let (place, _) = scan::split_once(rest.strip_prefix(b"ACCESS from IP ")?, b", policy bank")?;
    let event = line.event(Kind::Connect, Outcome::Rejected);
    Some(Event {
        client: scan::address(place),
        reason: Some(Reason::ClientRejected),
        hostile: true,
        ..event
    })
}

/// `CLEAN {RelayedInbound}, [203.0.113.9]:4711 [203.0.113.9] <sender> -> ...`.
fn judged<'a>(line: &Line<'a>, rest: &'a [u8], blocked: bool) -> Option<Event<'a>> {
    let (category, behind) = scan::word(rest);
    let named = behind.starts_with(b"(") && matches!(category, b"BANNED" | b"INFECTED");
    let (actions, behind) = if named {
        // A line of which nobody knows where the name ends says what happened, and to nobody.
        match behind_name(behind) {
            Some(parts) => parts,
            None => (&b""[..], &b""[..]),
        }
    } else {
        actions(behind)?
    };
    let (outcome, reason) = verdict(category, actions, blocked);
    let event = Event { protocol: Protocol::Smtp, reason, ..line.event(Kind::Message, outcome) };
    Some(around(Event { client: client(behind), ..event }, behind))
}

/// `{RelayedInbound,Quarantined}, `: words of amavis alone, and the rest.
fn actions(behind: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = behind.strip_prefix(b"{")?;
    let (words, rest) = scan::take_while(inner, |b| b.is_ascii_alphanumeric() || b == b',');
    Some((words, rest.strip_prefix(b"}, ")?))
}

/// `(NAME) {Actions}, `, where that stands once in a line that ends as a whole one does.
fn behind_name(behind: &[u8]) -> Option<(&[u8], &[u8])> {
    const END: &[u8] = b") {";
    let (_, rest) = only(behind, END)?;
    if !behind.ends_with(b" ms") {
        return None;
    }
    let at = behind.len().checked_sub(rest.len() + 1)?;
    actions(behind.get(at..)?)
}

/// What stands before and behind `words`, where they stand once.
fn only<'a>(text: &'a [u8], words: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let parts = scan::split_once(text, words)?;
    (scan::find_last(text, words) == Some(parts.0.len())).then_some(parts)
}

fn verdict(category: &[u8], actions: &[u8], blocked: bool) -> (Outcome, Option<Reason>) {
    let for_now = actions.starts_with(b"TempFailed");
    let outcome = match (blocked, for_now) {
        (false, _) => Outcome::Allowed,
        (true, true) => Outcome::Deferred,
        (true, false) => Outcome::Rejected,
    };
    let reason = match category {
        b"INFECTED" => Some(Reason::Virus),
        b"SPAM" | b"SPAMMY" => Some(Reason::Spam),
        b"BANNED" => Some(Reason::ContentRejected),
        _ if !blocked => None,
        b"OVERSIZED" => Some(Reason::TooLarge),
        b"MTA-BLOCKED" if for_now => Some(Reason::RemoteDeferred),
        b"MTA-BLOCKED" => Some(Reason::RemoteRejected),
        _ => Some(Reason::ContentRejected),
    };
    (outcome, reason)
}

/// `[203.0.113.9]:4711 [...]`, behind the names of policy banks (`MYNETS/AUTH`), which are the
/// administrator's, and `LOCAL`.
fn client(behind: &[u8]) -> Option<IpAddr> {
    let rest = behind_bank(behind_bank(behind));
    let (place, rest) = scan::split_once(rest.strip_prefix(b"[")?, b"]")?;
    let told = match rest.strip_prefix(b":") {
        Some(port) => {
            let (digits, rest) = scan::take_while(port, |byte| byte.is_ascii_digit());
            !digits.is_empty() && rest.starts_with(b" ")
        }
        // Two brackets: the first is the client's.
        None => rest.starts_with(b" ["),
    };
    scan::address(place).filter(|_| told)
}

fn behind_bank(behind: &[u8]) -> &[u8] {
    let is_bank = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-');
    let (bank, rest) = scan::take_while(behind, is_bank);
    rest.strip_prefix(b" ").filter(|_| !bank.is_empty()).unwrap_or(behind)
}

/// What stands behind the client, each where its words stand once.
fn around<'a>(event: Event<'a>, behind: &'a [u8]) -> Event<'a> {
    let queue_id = only(behind, b", Queue-ID: ").and_then(|(_, rest)| {
        let (id, rest) = scan::take_while(rest, |byte| byte.is_ascii_alphanumeric());
        (!id.is_empty() && rest.starts_with(b", ")).then_some(Text(id))
    });
    let spam_score = only(behind, b", Hits: ").and_then(|(_, rest)| {
        let score = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
        let (score, rest) = scan::take_while(rest, score);
        let told = score.iter().any(u8::is_ascii_digit) && rest.starts_with(b", size: ");
        told.then_some(Text(score))
    });
    let mail_subject = only(behind, b", Subject: \"")
        .and_then(|(_, rest)| only(rest, b"\", From: "))
        .map(|(subject, _)| Text(subject));
    addresses(Event { queue_id, spam_score, mail_subject, ..event }, behind)
}

/// `<sender> -> <a@b.test>,<c@d.test>, `.
fn addresses<'a>(event: Event<'a>, behind: &'a [u8]) -> Event<'a> {
    let Some((head, rest)) = only(behind, b"> -> <") else { return event };
    let Some((_, sender)) = only(head, b" <") else { return event };
    let event = Event { sender: Some(Text(sender)), ..event };
    let Some((list, _)) = scan::split_once(rest, b">, ") else { return event };
    if list.contains(&b'"') {
        return event;
    }
    let more = list.windows(3).filter(|part| *part == b">,<").count();
    let recipient = (more == 0).then_some(Text(list));
    let recipients = u32::try_from(more + 1).unwrap_or(u32::MAX);
    Event { recipient, recipients, ..event }
}
