//! Open WebMail 2: `openwebmail.log`, which it writes itself. No run was seen.
//!
//! `Sat Nov 28 08:50:17 2026 - [4711] (ADDRESS) NAME - action`: the address stands before what a
//! stranger writes. But where the request has a header `Client-IP` or `X-Forwarded-For`, it is what
//! that says, so the web server has to take these away.
//!
//! A failed login is told by one line, a name that is not there by another.

use crate::{Envelope, Parsed, Parser, Record, record, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "openwebmail",
    versions: "2.x",
    origin: "format strings of the source, no run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"openwebmail"
}

/// `Sat Nov 28 08:50:17 2026 - [4711] (203.0.113.9) bob - login`; the message begins at `(`.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (head, rest) = line.split_first_chunk::<24>()?;
    let [_, _, _, b' ', month @ .., b' ', y1, y2, y3, y4] = head else { return None };
    // Perl writes the year behind the time, Cisco's form, which is known, before it.
    let (day, time) = month.split_first_chunk::<7>()?;
    let mut stamp = [0; 20];
    let bytes = day.iter().chain([y1, y2, y3, y4, &b' ']).chain(time);
    for (place, byte) in stamp.iter_mut().zip(bytes) {
        *place = *byte;
    }
    let (stamp, _) = record::syslog_stamp(&stamp).filter(|(_, rest)| rest.is_empty())?;
    let (pid, message) = scan::split_once(rest.strip_prefix(b" - [")?, b"] ")?;
    let pid = Some(scan::number(pid).filter(|_| message.starts_with(b"("))?);
    Some(Record { pid, ..Record::new(stamp, b"openwebmail", message, Envelope::OwnFile) })
}

/// `(ADDRESS) NAME - ACTION`.
fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let placed = record.message.strip_prefix(b"(").and_then(|rest| scan::split_once(rest, b") "));
    let Some((place, text)) = placed else { return Parsed::Unknown };
    let event = Event {
        protocol: Protocol::Http,
        client: scan::address(place),
        host: record.host,
        pid: record.pid,
        ..Event::new(at, Server::Openwebmail, Text(b"openwebmail"), Kind::Auth, Outcome::Rejected)
    };
    // A name can hold the words behind it. It has no blank, or nobody knows where it ends.
    let (name, rest) = scan::word(text);
    match rest.strip_prefix(b"- ") {
        Some(action) => act(Event { account: account(name), ..event }, action),
        None => match scan::contains(text, b" - login error - ") {
            true => Parsed::Event(wrong_password(event)),
            false => Parsed::Noise("debug"),
        },
    }
}

/// `bob` of `bob(robert)`, which has the name at the login first.
fn account(name: &[u8]) -> Option<Text<'_>> {
    let (name, _) = scan::take_while(name, |byte| byte != b'(');
    (!name.is_empty() && name != b"UNKNOWNUSER").then_some(Text(name))
}

fn wrong_password(event: Event<'_>) -> Event<'_> {
    Event { reason: Some(Reason::AuthFailed), hostile: true, attempts: 1, ..event }
}

fn act<'a>(event: Event<'a>, action: &'a [u8]) -> Parsed<'a> {
    if let Some(why) = action.strip_prefix(b"login error - ") {
        return Parsed::Event(login_error(event, why));
    }
    if action.starts_with(b"userinfo error - possible root") {
        let reason = Some(Reason::AuthDisallowed);
        return Parsed::Event(Event { reason, hostile: true, ..event });
    }
    if let Some(rest) = action.strip_prefix(b"login - ") {
        let session = Some(Text(scan::word(rest).0));
        let event = Event { outcome: Outcome::Allowed, attempts: 1, session, ..event };
        return Parsed::Event(event);
    }
    if let Some(rest) = action.strip_prefix(b"session error - session ") {
        let (session, rest) = scan::word(rest);
        let (kind, session) = (Kind::Session, Some(Text(session)));
        let reason = rest.starts_with(b"timeout").then_some(Reason::Timeout);
        return Parsed::Event(Event { kind, session, reason, ..event });
    }
    let (kind, outcome) = match action {
        _ if action.starts_with(b"logout") => (Kind::Session, Outcome::Allowed),
        _ if action.starts_with(b"send message - ") => (Kind::Message, Outcome::Allowed),
        // The login error behind it tells of the same.
        _ if action.starts_with(b"userinfo error - ") => return Parsed::Noise("login-answer"),
        _ => return Parsed::Noise("debug"),
    };
    Parsed::Event(Event { kind, outcome, ..event })
}

/// `no such user - loginname=bob`, or `auth_unix.pl, ret -4, Password incorrect`: -1 to -3 are the
/// authentication module's own trouble.
fn login_error<'a>(event: Event<'a>, why: &[u8]) -> Event<'a> {
    if why.starts_with(b"no such user") {
        return Event { known: Some(false), ..wrong_password(event) };
    }
    let number = scan::split_once(why, b".pl, ret -").and_then(|(_, rest)| rest.first());
    if matches!(number, Some(b'1'..=b'3')) {
        let (reason, outcome) = (Some(Reason::AuthUnavailable), Outcome::Deferred);
        return Event { reason, outcome, ..event };
    }
    wrong_password(event)
}
