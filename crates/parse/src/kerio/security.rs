//! Lines about a client: refusals and logins.

use super::event;
use crate::scan;
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Reason, Text, Timestamp};

pub(super) fn parse<'a>(at: Timestamp, text: &'a [u8]) -> Option<Event<'a>> {
    failed(at, text)
        .or_else(|| named(at, text))
        .or_else(|| refused(at, text))
        .or_else(|| unknown_recipient(at, text))
        .or_else(|| filtered(at, text))
}

/// The address at the front, and what follows. The byte behind it must be there: of a cut line, the
/// address could be another's.
fn leading(text: &[u8]) -> Option<(IpAddr, &[u8])> {
    let (address, rest) =
        scan::take_while(text, |byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    scan::address(address).filter(|_| !rest.is_empty()).map(|address| (address, rest))
}

/// The address that ends the line, behind the last `words`, and what stands before these.
fn trailing<'a>(text: &'a [u8], words: &[u8]) -> Option<(&'a [u8], Option<IpAddr>)> {
    let at = scan::find_last(text, words)?;
    let place = text.get(at + words.len()..)?;
    let client = scan::address(place.strip_suffix(b".").unwrap_or(place));
    Some((text.get(..at)?, client))
}

fn refusal<'a>(
    at: Timestamp,
    service: &'a [u8],
    kind: Kind,
    reason: Reason,
    client: Option<IpAddr>,
) -> Event<'a> {
    let event = event(at, service, kind, Outcome::Rejected);
    Event { reason: Some(reason), hostile: true, client, ..event }
}

/// `Failed IMAP login from 203.0.113.66, missing parameter in AUTHENTICATE header`,
/// `Failed SMTP login from 203.0.113.66 with SASL method LOGIN.`.
fn failed<'a>(at: Timestamp, text: &'a [u8]) -> Option<Event<'a>> {
    let rest = text.strip_prefix(b"Failed ")?;
    let (service, rest) = scan::split_once(rest, b" login from ")?;
    let (client, why) = match leading(rest) {
        Some((client, why)) => (Some(client), why),
        None => (None, &b""[..]),
    };
    let is_disabled = why.starts_with(b", authentication method ") && why.ends_with(b"disabled");
    if is_disabled {
        let event = refusal(at, service, Kind::Auth, Reason::AuthDisallowed, client);
        return Some(Event { hostile: false, ..event });
    }
    // No password was tried.
    if why.starts_with(b", missing parameter in AUTHENTICATE") {
        return Some(refusal(at, service, Kind::Command, Reason::ProtocolError, client));
    }
    let mechanism = why.strip_prefix(b" with SASL method ");
    let mechanism = mechanism.map(|word| word.strip_suffix(b".").unwrap_or(word));
    let event = refusal(at, service, Kind::Auth, Reason::AuthFailed, client);
    Some(Event { attempts: 1, mechanism: mechanism.map(Text), ..event })
}

/// `SMTP: User bob doesn't exist. Attempt from IP address 203.0.113.66.`,
/// `IMAP: Invalid password for user bob. Attempt from IP address 203.0.113.66.`,
/// `HTTP/WebMail: User bob authenticated from IP address 203.0.113.9`.
fn named<'a>(at: Timestamp, text: &'a [u8]) -> Option<Event<'a>> {
    const MISSING: &[u8] = b" doesn't exist. Attempt from IP address ";
    const WRONG: &[u8] = b". Attempt from IP address ";
    const GOOD: &[u8] = b" authenticated from IP address ";
    let (service, rest) = scan::split_once(text, b": ")?;
    let is_service = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b' ' | b'-');
    if !service.iter().all(is_service) {
        return None;
    }
    if let Some(user) = rest.strip_prefix(b"Invalid password for user ") {
        // A line cut in the name says that much, and no more.
        let (account, client) = trailing(user, WRONG).unwrap_or((b"", None));
        let event = refusal(at, service, Kind::Auth, Reason::AuthFailed, client);
        return Some(Event { account: name(account), attempts: 1, ..event });
    }
    let user = rest.strip_prefix(b"User ")?;
    // Which of both it is, the last words tell.
    let good = scan::find_last(user, GOOD);
    let missing = scan::find_last(user, MISSING);
    if missing > good {
        let (account, client) = trailing(user, MISSING)?;
        let event = refusal(at, service, Kind::Auth, Reason::AuthFailed, client);
        return Some(Event { account: name(account), known: Some(false), attempts: 1, ..event });
    }
    let (account, client) = trailing(user, GOOD)?;
    let event = event(at, service, Kind::Auth, Outcome::Allowed);
    Some(Event { account: name(account), client: Some(client?), attempts: 1, ..event })
}

/// Lines with the address at a place that nobody's words come before.
fn refused<'a>(at: Timestamp, text: &'a [u8]) -> Option<Event<'a>> {
    const HEADS: [(&[u8], Kind, Reason); 7] = [
        (b"SMTP Spam attack detected from ", Kind::Disconnect, Reason::ConnectionLost),
        (b"IP address ", Kind::Envelope, Reason::Blocklisted),
        (b"Relay attempt from IP address ", Kind::Envelope, Reason::RelayDenied),
        (b"Client with IP address ", Kind::Connect, Reason::ClientRejected),
        (b"Administration login into Web Administration from ", Kind::Auth, Reason::AuthDisallowed),
        (b"Message from IP address ", Kind::Envelope, Reason::SenderRejected),
        (b"Directory harvest attack from ", Kind::Envelope, Reason::RecipientUnknown),
    ];
    let (head, kind, reason) = HEADS.iter().find(|(head, ..)| text.starts_with(head))?;
    let found = leading(text.strip_prefix(*head)?);
    let (client, rest) = found.map_or((None, &b""[..]), |(client, rest)| (Some(client), rest));
    let (kind, reason) = match reason {
        Reason::Blocklisted if !rest.starts_with(b" found in DNS ") => return None,
        Reason::AuthDisallowed if !rest.starts_with(b" failed") => return None,
        Reason::ConnectionLost if rest.starts_with(b", client sent data before SMTP greeting") => {
            (Kind::Command, Reason::EarlyTalker)
        }
        _ => (*kind, *reason),
    };
    let service: &[u8] = if kind == Kind::Auth { b"WebAdmin" } else { b"SMTP" };
    let event = refusal(at, service, kind, reason, client);
    let outcome = match kind {
        Kind::Disconnect => Outcome::Dropped,
        _ => Outcome::Rejected,
    };
    Some(Event { outcome, attempts: u32::from(kind == Kind::Auth), ..event })
}

/// `Attempt to deliver to unknown recipient <a@example.org>, from <b@c.test>, IP address ADDRESS`.
/// Both are a stranger's; where the words between them stand there twice, neither is believed.
fn unknown_recipient<'a>(at: Timestamp, text: &'a [u8]) -> Option<Event<'a>> {
    const BETWEEN: &[u8] = b">, from <";
    let rest = text.strip_prefix(b"Attempt to deliver to unknown recipient ")?;
    let (names, client) = trailing(rest, b", IP address ").unwrap_or((b"", None));
    let event = refusal(at, b"SMTP", Kind::Envelope, Reason::RecipientUnknown, client);
    let pair = scan::split_once(names, BETWEEN).filter(|(_, s)| !scan::contains(s, BETWEEN));
    let Some((recipient, sender)) = pair else { return Some(event) };
    Some(Event {
        recipient: recipient.strip_prefix(b"<").and_then(name),
        sender: sender.strip_suffix(b">").map(Text),
        ..event
    })
}

/// `Message from <a@b.test> to <c@d.test> rejected by spam filter: score 9.74, threshold 5.00`,
/// `Found virus in mail from <a@b.test> to <c@d.test>: W32/Netsky.p@MM`: no client is told, and
/// forwarders and lists deliver such mail, too.
fn filtered<'a>(at: Timestamp, text: &'a [u8]) -> Option<Event<'a>> {
    const SCORE: &[u8] = b" rejected by spam filter: score ";
    let message = |reason| Event {
        reason: Some(reason),
        ..event(at, b"SMTP", Kind::Message, Outcome::Rejected)
    };
    if text.starts_with(b"Found virus in mail from <") {
        return Some(message(Reason::Virus));
    }
    let end = scan::find_last(text.strip_prefix(b"Message from <")?, SCORE)?;
    let score = text.get(b"Message from <".len() + end + SCORE.len()..)?;
    let (score, _) = scan::take_while(score, |byte| byte.is_ascii_digit() || byte == b'.');
    Some(Event { spam_score: name(score), ..message(Reason::Spam) })
}

fn name(text: &[u8]) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Text(text))
}
