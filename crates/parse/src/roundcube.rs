//! Roundcube 1.6: `userlogins.log`, `errors.log`, `sendmail.log` and `session.log`, as files of its
//! own, by syslog (`roundcube`) or from a container's standard output (`userlogins: ...`).
//!
//! A line begins with the first letters of the session's id, `<0123abcd> `. A stranger chooses the
//! user name and the headers `X-Forwarded-For` and `X-Real-IP`, and they come as they were sent:
//! with the words of the format around them. The peer stands between name and headers; [`place`]
//! says how he is found.
//!
//! The name can hold line breaks, which end the line where a stranger wants. In `errors` he cannot
//! make a whole line that way: there, names are in small letters. In `userlogins` he can, and
//! nobody can tell it from Roundcube's.
//!
//! A wrong password is told by `IMAP Error: Login failed for` in `errors`, always, and by `Failed
//! login for` in `userlogins`, where `log_logins` is on. Either can be missing, so both count one
//! attempt; both have the session, and the engine counts a pair once.

mod own;
mod place;

use crate::{Envelope, Parsed, Parser, Record, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};
use place::Place;

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "roundcube",
    versions: "1.6",
    origin: "real runs of 1.6.5 and 1.6.22; the source's format strings for lines not met there",
    owns,
    parse,
    own_file: Some(own::cut),
};

/// On a container's standard output the log's name stands for the program.
fn owns(record: &Record<'_>) -> bool {
    let log =
        matches!(record.program.bytes(), b"errors" | b"userlogins" | b"sendmail" | b"session");
    record.program.bytes() == b"roundcube" || log && record.envelope == Envelope::Container
}

/// What all lines have, but for the text.
#[derive(Clone, Copy)]
struct Line<'a> {
    session: Option<Text<'a>>,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, log: &'static [u8], kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Http,
            session: self.session,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Roundcube, Text(log), kind, outcome)
        }
    }

    /// An event with what was read at the peer's place.
    fn placed(event: Event<'a>, place: Place<'a>) -> Event<'a> {
        let Place { client, forwarded, account } = place;
        Event { client, forwarded, account: account.map(Text), ..event }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let (session, text) = behind_session(record.message);
    let line = Line { session, at, host: record.host, pid: record.pid };
    let known = KNOWN.iter().find_map(|(words, read)| Some((text.strip_prefix(*words)?, read)));
    let event = known.and_then(|(rest, read)| read(&line, rest));
    match event {
        Some(event) => Parsed::Event(event),
        None => own::affair(text, session.is_some()).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

type Read = for<'a> fn(&Line<'a>, &'a [u8]) -> Option<Event<'a>>;

const KNOWN: &[(&[u8], Read)] = &[
    (b"IMAP Error: Login failed for ", error),
    (b"Failed login for ", failed),
    (b"FAILED login for ", failed_by_plugin),
    (b"Successful login for ", successful),
    (b"User ", sent),
    (b"SMTP Error: ", not_sent),
    (b"IP check failed for ", moved),
];

/// `<0123abcd> `: letters of PHP's session ids.
fn behind_session(message: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    let behind = || {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'-');
        let (id, rest) = scan::take_while(message.strip_prefix(b"<")?, is_id);
        Some((id, rest.strip_prefix(b"> ")?)).filter(|_| !id.is_empty())
    };
    behind().map_or((None, message), |(id, rest)| (Some(Text(id)), rest))
}

/// `NAME from ADDRESS in session ID (error: 0)`, in `userlogins`. A line that was broken or cut
/// tells of a failure still.
fn failed<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let numbered = || {
        let (rest, code) = rest.strip_suffix(b")").and_then(|r| split_last(r, b" (error: "))?;
        let (body, session) = split_last(rest, b" in session ")?;
        let digits = code.strip_prefix(b"-").unwrap_or(code);
        let whole = scan::number(digits).is_some() && !session.contains(&b' ');
        whole.then_some((body, code))
    };
    let Some((body, code)) = numbered() else {
        return Some(wrong_password(line, b"userlogins"));
    };
    let event = match code {
        // The IMAP server was not reached, or did not understand.
        b"-2" => refused(line, Outcome::Deferred, Reason::AuthUnavailable, 0),
        // A login page that is too old, or none at all before it; cookies off.
        b"1" | b"3" => refused(line, Outcome::Rejected, Reason::AuthAborted, 0),
        b"2" => refused(line, Outcome::Rejected, Reason::AuthDisallowed, 0),
        b"4" => refused(line, Outcome::Rejected, Reason::RateLimited, 1),
        _ => wrong_password(line, b"userlogins"),
    };
    Some(Line::placed(event, place::at_end(body)))
}

fn wrong_password<'a>(line: &Line<'a>, log: &'static [u8]) -> Event<'a> {
    let event = line.event(log, Kind::Auth, Outcome::Rejected);
    Event { reason: Some(Reason::AuthFailed), hostile: true, attempts: 1, ..event }
}

/// What honest people meet, too.
fn refused<'a>(line: &Line<'a>, outcome: Outcome, reason: Reason, attempts: u32) -> Event<'a> {
    let event = line.event(b"userlogins", Kind::Auth, outcome);
    Event { reason: Some(reason), attempts, ..event }
}

/// `NAME from ADDRESS`: a plugin that makes lines for others to read. The address ends the line, so
/// of a cut one it could be another's.
fn failed_by_plugin<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let account = split_last(rest, b" from ").map(|(name, _)| Text(name));
    Some(Event { account, ..wrong_password(line, b"userlogins") })
}

/// `NAME (ID: 7) from ADDRESS in session ID`.
fn successful<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let event = Event { attempts: 1, ..line.event(b"userlogins", Kind::Auth, Outcome::Allowed) };
    let body = split_last(rest, b" in session ").filter(|(_, id)| !id.contains(&b' '));
    let Some((body, _)) = body else { return Some(event) };
    let place = place::at_end(body);
    let account = place.account.and_then(|name| {
        let (name, id) = split_last(name.strip_suffix(b")")?, b" (ID: ")?;
        scan::number(id).map(|_| name)
    });
    match account {
        Some(_) => Some(Line::placed(event, Place { account, ..place })),
        None => Some(event),
    }
}

/// `NAME against HOST from ADDRESS. WHY in FILE on line 211 (POST URI)`, in `errors`. Releases
/// before 1.4 do not name the host.
fn error<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    const UNREACHED: [&[u8]; 4] = [
        b"Could not connect to ",
        b"Empty startup greeting",
        b"Connection closed",
        b"Unable to negotiate TLS",
    ];
    let (place, why) = place::in_error(rest);
    let account = place.account.map(|name| match split_last(name, b" against ") {
        Some((name, host)) if !host.contains(&b' ') => name,
        _ => name,
    });
    let event = match UNREACHED.iter().any(|words| why.starts_with(words)) {
        true => {
            let event = line.event(b"errors", Kind::Auth, Outcome::Deferred);
            Event { reason: Some(Reason::AuthUnavailable), ..event }
        }
        false => wrong_password(line, b"errors"),
    };
    Some(Line::placed(event, Place { account, ..place }))
}

/// `NAME [ADDRESS]; Message <ID> for a@b.test, c@b.test; 250: 2.0.0 Ok: queued as ABC`. A name with
/// a blank and recipients with a quote could hold the words around them.
fn sent<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (name, rest) = scan::word(rest);
    let (place, rest) = scan::split_once(rest.strip_prefix(b"[")?, b"]; Message ")?;
    let event = line.event(b"sendmail", Kind::Message, Outcome::Allowed);
    if scan::contains(rest, b"]; Message ") {
        return Some(event);
    }
    let client = scan::address(place);
    let event = Line::placed(event, Place { client, forwarded: None, account: Some(name) });
    let (_, rest) = scan::word(rest);
    let told = rest.strip_prefix(b"for ").and_then(|rest| scan::split_once(rest, b"; "));
    let Some((list, answer)) = told.filter(|_| !rest.contains(&b'"')) else { return Some(event) };
    let count = 1 + list.iter().filter(|byte| **byte == b',').count();
    let id = split_last(answer, b" queued as ").map(|(_, id)| scan::word(id).0);
    Some(Event {
        recipients: u32::try_from(count).unwrap_or(u32::MAX),
        recipient: (count == 1).then_some(Text(list)),
        queue_id: id.filter(|id| id.iter().all(u8::is_ascii_alphanumeric)).map(Text),
        ..event
    })
}

/// `Failed to add recipient 'a@b.test': 4.2.2 mailbox is full (Code: 452) in FILE on line ...`.
fn not_sent<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let failed = rest.strip_prefix(b"Failed to ")?;
    let (told, code) = split_last(failed, b" (Code: ")?;
    let (outcome, reason) = match code.first()? {
        b'4' => (Outcome::Deferred, Reason::RemoteDeferred),
        b'5' => (Outcome::Rejected, Reason::RemoteRejected),
        _ => return None,
    };
    let named = told.strip_prefix(b"add recipient '").and_then(|r| scan::split_once(r, b"': "));
    let recipient = named.map(|(address, _)| Text(address));
    let event = line.event(b"errors", Kind::Message, outcome);
    Some(Event { reason: Some(reason), recipient, ..event })
}

/// `KEY; expected ADDRESS; got ADDRESS`: a session that moved. The address ends the line.
fn moved<'a>(line: &Line<'a>, _: &'a [u8]) -> Option<Event<'a>> {
    Some(line.event(b"session", Kind::Session, Outcome::Rejected))
}

/// What stands before and behind the last `delimiter`.
fn split_last<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, behind) = bytes.split_at_checked(scan::find_last(bytes, delimiter)?)?;
    Some((before, behind.get(delimiter.len()..)?))
}
