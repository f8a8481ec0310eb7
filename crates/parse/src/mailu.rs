//! What Mailu's `admin` container says of logins: made from the format strings of its source, no
//! run. Its `front` is nginx (and from 2024.06 Dovecot), the rest Postfix, Dovecot and rspamd.
//!
//! `Authentication attempt from 203.0.113.9 has been rate-limited.`, `Login failed for USER from
//! ADDRESS.` (to 1.9) and `Login attempt for: USER/sso/https from: ADDRESS/PORT: failed: badauth:
//! TAG` (from 2.0). Names are written without line feeds, but `https` is what the client's
//! `X-Forwarded-Proto` said: where ` from: ` stands twice, nobody is named. Ports can be headers of
//! his, too: a login succeeded where no other word of Mailu's stands behind that.
//!
//! What it answered to the front is noise: the front tells of the same login.

use crate::{Envelope, Parsed, Parser, Record, Stamp, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "mailu",
    versions: "1.9 to 2024.06",
    origin: "format strings of the source; no real run",
    owns,
    parse,
    own_file: Some(own_file),
};

/// Words behind a header of a request, which may be long, and what came behind them cut off.
const MAX_LINE: usize = 800;

fn owns(record: &Record<'_>) -> bool {
    scan::contains(record.program.bytes(), b"mailu")
}

/// `[2026-11-21 16:02:10,123] WARNING in limiter: `, as Flask writes it, and words of Mailu's.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, text) = front(line)?;
    let is_own = text.starts_with(b"Login ")
        || text.starts_with(b"Authentication attempt from ")
        || text.starts_with(b"Forced password change by ");
    is_own.then(|| Record::new(stamp, b"mailu", text, Envelope::OwnFile))
}

fn front(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (clock, rest) = scan::split_once(line.strip_prefix(b"[")?, b"] ")?;
    let (stamp, _) = record::iso_stamp(clock.get(..19)?)?;
    let (level, rest) = scan::word(rest);
    let (module, text) = scan::split_once(rest.strip_prefix(b"in ")?, b": ")?;
    let is_front = level.iter().all(u8::is_ascii_uppercase) && !module.contains(&b' ');
    is_front.then_some((stamp, text))
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let behind = front(record.message);
    let text = behind.map_or(record.message, |(_, text)| text);
    let new = |kind, outcome| Event {
        host: record.host,
        ..Event::new(at, Server::Mailu, Text(b"admin"), kind, outcome)
    };
    if let Some(rest) = text.strip_prefix(b"Authentication attempt from ") {
        return limited(rest, new(Kind::Limit, Outcome::Rejected))
            .map_or(Parsed::Unknown, Parsed::Event);
    }
    if let Some(rest) = text.strip_prefix(b"Login attempt for: ") {
        return attempt(rest, text.len(), new(Kind::Auth, Outcome::Rejected));
    }
    // What a proxy in front of Mailu says of its users.
    if text.starts_with(b"Login failed by proxy ") || text.starts_with(b"Login succeeded by proxy ")
    {
        return Parsed::Noise("web-interface");
    }
    if let Some(rest) = text.strip_prefix(b"Login failed for ") {
        let event = old(rest, new(Kind::Auth, Outcome::Rejected));
        let reason = Some(Reason::AuthFailed);
        return Parsed::Event(Event { reason, hostile: true, ..event });
    }
    if let Some(rest) = text.strip_prefix(b"Login succeeded for ") {
        return Parsed::Event(old(rest, new(Kind::Auth, Outcome::Allowed)));
    }
    match text {
        // Passwords stand in these.
        _ if text.starts_with(b"Received undecodable ") => Parsed::Noise("malformed"),
        _ if text.starts_with(b"Invalid user ") => Parsed::Noise("malformed"),
        _ if text.starts_with(b"Forced password change ") => Parsed::Noise("web-interface"),
        _ if behind.is_some() => Parsed::Noise("web-interface"),
        // Of its other containers, or gunicorn's.
        _ => Parsed::Foreign,
    }
}

/// `ADDRESS has been rate-limited.` or `ADDRESS for USER has been rate-limited.`: the latter is a
/// limit of the account, which also meets its owner.
fn limited<'a>(rest: &'a [u8], event: Event<'a>) -> Option<Event<'a>> {
    let (place, rest) = scan::word(rest);
    let client = Some(scan::address(place)?);
    let event = Event { client, reason: Some(Reason::RateLimited), ..event };
    if rest.starts_with(b"has been rate-limited") {
        return Some(Event { hostile: true, ..event });
    }
    let name = rest.strip_prefix(b"for ")?;
    // Of a cut line, the address is whole all the same.
    let account = name.strip_suffix(b" has been rate-limited.").map(Text);
    Some(Event { account, ..event })
}

/// `USER from ADDRESS.`, from the end.
fn old<'a>(rest: &'a [u8], event: Event<'a>) -> Event<'a> {
    let event = Event { attempts: 1, protocol: Protocol::Http, ..event };
    let parts = rest.strip_suffix(b".").filter(|rest| rest.len() <= MAX_LINE).and_then(|rest| {
        let at = scan::find_last(rest, b" from ")?;
        Some((rest.get(..at)?, scan::address(rest.get(at + 6..)?)?))
    });
    match parts {
        Some((name, client)) => Event { client: Some(client), account: Some(Text(name)), ..event },
        None => event,
    }
}

/// `USER/PROTOCOL/PORT from: ADDRESS/PORT: failed: badauth: TAG`.
fn attempt<'a>(rest: &'a [u8], size: usize, event: Event<'a>) -> Parsed<'a> {
    const FROM: &[u8] = b" from: ";
    let first = scan::find(rest, FROM);
    let (head, tail) = rest.split_at_checked(first.unwrap_or(rest.len())).unwrap_or((rest, b""));
    let is_clear = scan::find_last(rest, FROM) == first && size <= MAX_LINE;
    if !is_clear {
        let reason = Some(Reason::AuthFailed);
        let protocol = Protocol::Http;
        return Parsed::Event(Event { reason, hostile: true, attempts: 1, protocol, ..event });
    }
    let account = match scan::find(head, b"/sso/") {
        Some(at) => head.get(..at),
        None => behind_web(head),
    };
    let Some(account) = account else { return Parsed::Noise("login-answer") };
    let tail = tail.strip_prefix(FROM).unwrap_or_default();
    let (place, words) = scan::split_once(tail, b": ").unwrap_or((tail, b""));
    let client: Option<IpAddr> = scan::split_once(place, b"/")
        .filter(|_| !words.is_empty())
        .and_then(|(address, _)| scan::address(address));
    let quoted = account.strip_prefix(b"'").and_then(|inner| inner.strip_suffix(b"'"));
    let event = Event {
        protocol: Protocol::Http,
        client,
        account: Some(Text(quoted.unwrap_or(account))),
        attempts: 1,
        ..event
    };
    // A port that the client named, in a header that a front hands on, brought words of its own.
    if [&b": success"[..], b": failed: "].iter().any(|end| scan::contains(words, end)) {
        let reason = Some(Reason::AuthFailed);
        return Parsed::Event(Event { reason, hostile: true, ..event });
    }
    if words.starts_with(b"success") {
        return Parsed::Event(Event { outcome: Outcome::Allowed, ..event });
    }
    let (reason, hostile) = match words {
        _ if words.starts_with(b"failed: badip") => (Reason::PolicyRejected, false),
        _ if words.starts_with(b"failed: password ok") => (Reason::AuthDisallowed, false),
        _ => (Reason::AuthFailed, true),
    };
    let tag = words.strip_prefix(b"failed: badauth: ").map(Text);
    Parsed::Event(Event { reason: Some(reason), hostile, secret_tag: tag, ..event })
}

/// The user of `USER/web/PORT`. The port is what a header of the client's says, if there is none of
/// the front's.
fn behind_web(head: &[u8]) -> Option<&[u8]> {
    head.get(..scan::find(head, b"/web/")?)
}
