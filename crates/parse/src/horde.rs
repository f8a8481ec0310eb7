//! Horde 5.2 with IMP 6.2, by syslog (`HORDE`) and in a file of its own; and the forms of Horde 3.
//!
//! A line is `[app] text [pid 56 on line 191 of "/usr/share/horde/login.php"]`. The peer is the web
//! server's, and stands behind the user name, `NAME to horde (ADDRESS)` or, in IMP's own line,
//! `NAME (ADDRESS) (forwarded for [HEADER]) to {imap://host/}`. A stranger chooses name and header:
//! the peer is read from the line's end; behind a header, he is nobody if the words around him
//! stand there twice. A name can hold line breaks, and what stands behind one is a line of its own,
//! which nobody can tell from Horde's.
//!
//! A wrong password is told by Horde's login page and, where IMP asks the IMAP server, by IMP too.
//! Each can be missing, by the log's level and the kind of login, so both count one attempt; the
//! engine counts a pair once.

use crate::{Envelope, Parsed, Parser, RELAYED_MAX, Record, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "horde",
    versions: "3, 5.2 with IMP 6.2",
    origin: "a real run of 5.2.23 with IMP 6.2.27; its format strings, those of 3 from memory",
    owns,
    parse,
    own_file: Some(own_file),
};

/// In the file of Horde 5 the level stands where syslog has the program.
fn owns(record: &Record<'_>) -> bool {
    match record.program.bytes() {
        b"HORDE" | b"horde" => true,
        b"EMERG" | b"ALERT" | b"CRIT" | b"ERR" | b"WARN" | b"NOTICE" | b"INFO" | b"DEBUG" => {
            record.envelope == Envelope::Rfc3339
        }
        _ => false,
    }
}

/// `Nov 11 18:57:57 HORDE [error] [horde] text`: Horde 3, no host.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, rest) = record::syslog_stamp(line)?;
    let message = rest.strip_prefix(b" HORDE ").filter(|rest| rest.starts_with(b"["))?;
    Some(Record::new(stamp, b"HORDE", message, Envelope::OwnFile))
}

#[derive(Clone, Copy)]
struct Line<'a> {
    app: &'a [u8],
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Http,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Horde, Text(self.app), kind, outcome)
        }
    }

    fn wrong_password(&self) -> Event<'a> {
        let event = self.event(Kind::Auth, Outcome::Rejected);
        Event { reason: Some(Reason::AuthFailed), hostile: true, attempts: 1, ..event }
    }

    fn login(&self) -> Event<'a> {
        Event { attempts: 1, ..self.event(Kind::Auth, Outcome::Allowed) }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let named = record.message.strip_prefix(b"HORDE ").or_else(|| {
        // Of a file of another program that has the level there.
        (record.program.bytes().eq_ignore_ascii_case(b"horde")).then_some(record.message)
    });
    let Some(message) = named else { return Parsed::Foreign };
    let Some((app, text)) = app(message) else { return Parsed::Noise("continued-line") };
    let place = behind_place(text);
    let (text, pid) = place.unwrap_or((text, None));
    let line = Line { app, at, host: record.host, pid: record.pid.or(pid) };
    match about_a_client(&line, text, place.is_some()) {
        Some(event) => Parsed::Event(event),
        None => Parsed::Noise(affair(text)),
    }
}

/// `[horde] ` or, in Horde 3, `[error] [horde] `.
fn app(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bracketed(message)?;
    Some(bracketed(rest).filter(|_| is_level(first)).unwrap_or((first, rest)))
}

fn bracketed(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = scan::take_while(message.strip_prefix(b"[")?, |byte| is_name(&byte));
    Some((word, rest.strip_prefix(b"] ")?))
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_level(word: &[u8]) -> bool {
    const LEVELS: [&[u8]; 8] =
        [b"emergency", b"alert", b"critical", b"error", b"warning", b"notice", b"info", b"debug"];
    LEVELS.contains(&word)
}

/// Cuts off ` [pid 56 on line 191 of "FILE"]`; the process. Every whole line ends so, Horde 3's
/// without the process.
fn behind_place(text: &[u8]) -> Option<(&[u8], Option<u32>)> {
    let (before, place) = split_last(text.strip_suffix(b"]")?, b"on line ")?;
    let (number, file) = scan::word(place);
    scan::number(number).filter(|_| file.starts_with(b"of ") && !file.contains(&b']'))?;
    if let Some(text) = before.strip_suffix(b" [") {
        return Some((text, None));
    }
    let (text, pid) = split_last(before.strip_suffix(b" ")?, b" [pid ")?;
    Some((text, Some(scan::number(pid)?)))
}

/// `whole` is false where the line's end is missing: a line break or a cut broke it off, and a
/// failure is one of nobody.
fn about_a_client<'a>(line: &Line<'a>, text: &'a [u8], whole: bool) -> Option<Event<'a>> {
    const FAILED: &[u8] = b"FAILED LOGIN for ";
    if !whole {
        return text.starts_with(FAILED).then(|| line.wrong_password());
    }
    if let Some(rest) = text.strip_prefix(FAILED) {
        return Some(placed(line.wrong_password(), rest));
    }
    if let Some(rest) = text.strip_prefix(b"Login success for ") {
        return Some(placed(line.login(), rest));
    }
    if let Some(rest) = text.strip_prefix(b"Login failed from ActiveSync client for user ") {
        let account = rest.strip_suffix(b".").map(Text);
        return Some(Event { account, ..line.wrong_password() });
    }
    if let Some(rest) = text.strip_prefix(b"User ") {
        let (rest, client) = in_brackets(rest, b" (", b")")?;
        let account = rest.strip_suffix(b" logged out of Horde").map(Text)?;
        let event = line.event(Kind::Session, Outcome::Allowed);
        return Some(Event { account: Some(account), client, ..event });
    }
    let (rest, client) = in_brackets(text.strip_prefix(b"Message sent to ")?, b" (", b")")?;
    let (_, account) = split_last(rest, b" from ")?;
    let event = line.event(Kind::Message, Outcome::Allowed);
    Some(Event { account: Some(Text(account)), client, ..event })
}

/// What stands before the last `open`, and the address from there to the end.
fn in_brackets<'a>(
    text: &'a [u8],
    open: &[u8],
    close: &[u8],
) -> Option<(&'a [u8], Option<IpAddr>)> {
    let (before, place) = split_last(text.strip_suffix(close)?, open)?;
    Some((before, scan::address(place)))
}

/// `NAME to horde (ADDRESS)`, or one of the others.
fn placed<'a>(event: Event<'a>, rest: &'a [u8]) -> Event<'a> {
    if rest.len() > RELAYED_MAX {
        return event;
    }
    if let Some((before, client)) = in_brackets(rest, b" (", b")") {
        let account = split_last(before, b" to ").map(|(name, _)| Text(name));
        return Event { client, account, ..event };
    }
    // IMP's, `NAME (ADDRESS) to {URL}`, and those of Horde 3, `NAME [ADDRESS] to Horde`.
    let Some((before, _)) = split_last(rest, b" to ") else { return event };
    let header = before.strip_suffix(b"])");
    if let Some((inner, _)) = header.and_then(|inner| split_last(inner, FORWARDED)) {
        return forwarded(event, before, inner);
    }
    let place = in_brackets(before, b" (", b")").or_else(|| in_brackets(before, b" [", b"]"));
    match place {
        Some((name, client)) => Event { client, account: Some(Text(own_name(name))), ..event },
        None => event,
    }
}

const FORWARDED: &[u8] = b" (forwarded for [";

/// `NAME (ADDRESS) (forwarded for [HEADER])`. Name and header can hold the words between them; then
/// the peer is nobody.
fn forwarded<'a>(event: Event<'a>, text: &'a [u8], head: &'a [u8]) -> Event<'a> {
    if scan::contains(head, FORWARDED) {
        return event;
    }
    let place = in_brackets(head, b" (", b")").or_else(|| in_brackets(head, b" [", b"]"));
    let Some((name, client)) = place else { return event };
    let header = text.get(head.len() + FORWARDED.len()..).and_then(|h| h.strip_suffix(b"])"));
    let hop = header.and_then(|header| header.rsplit(|byte| *byte == b',').next());
    let forwarded = hop.and_then(|hop| scan::address(hop.trim_ascii()));
    Event { client, forwarded, account: Some(Text(own_name(name))), ..event }
}

/// `bob` of `bob (Horde user bob@example.org)`.
fn own_name(name: &[u8]) -> &[u8] {
    let horde_user = name.strip_suffix(b")").and_then(|name| split_last(name, b" (Horde user "));
    horde_user.map_or(name, |(name, _)| name)
}

/// What stands before and behind the last `delimiter`.
fn split_last<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, behind) = bytes.split_at_checked(scan::find_last(bytes, delimiter)?)?;
    Some((before, behind.get(delimiter.len()..)?))
}

/// The kind of a line about Horde itself.
fn affair(text: &[u8]) -> &'static str {
    match text {
        _ if text.starts_with(b"PHP ERROR: ") => "internal-error",
        _ if text.starts_with(b"[login] ") => "login-answer",
        _ => "debug",
    }
}
