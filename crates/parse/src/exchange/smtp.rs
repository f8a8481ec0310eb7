//! Lines of the SMTP receive log.
//!
//! `<` is what the client said, `>` what Exchange answered, `*` a word of Exchange's own. What a
//! client named as HELO, sender or recipient is `allowed` here: a refusal is a line of its own,
//! without the name. Answers are told apart by their code and first words, which are Exchange's.

use super::{Front, field, last_field, name};
use crate::{Parsed, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

pub(super) fn parse<'a>(front: &Front<'a>) -> Option<Parsed<'a>> {
    let (mark, rest) = field(front.rest)?;
    // A line that was cut has no comma behind its data.
    let (data, context) = match field(rest) {
        Some((data, context)) => (data, last_field(context)),
        None => (last_field(rest), &b""[..]),
    };
    match mark {
        b"+" => Some(Parsed::Event(event(front, Kind::Connect, Outcome::Allowed))),
        b"-" => Some(Parsed::Event(disconnected(front, context))),
        b"<" => Some(received(front, data)),
        b">" => answered(front, data),
        _ => Some(information(front, data, context)),
    }
}

fn protocol(front: &Front<'_>) -> Protocol {
    match front.port {
        Some(587 | 465 | 717) => Protocol::Submission,
        _ => Protocol::Smtp,
    }
}

fn event<'a>(front: &Front<'a>, kind: Kind, outcome: Outcome) -> Event<'a> {
    front.event(protocol(front), kind, outcome)
}

fn refusal<'a>(front: &Front<'a>, kind: Kind, reason: Reason) -> Event<'a> {
    front.refusal(protocol(front), kind, reason)
}

/// `Local`, `Remote`, `Remote(SocketError)`, `TooManyErrors` and others.
fn disconnected<'a>(front: &Front<'a>, why: &'a [u8]) -> Event<'a> {
    let reason = match why {
        b"" | b"Local" | b"Remote" | b"QuitVerb" => {
            return event(front, Kind::Disconnect, Outcome::Allowed);
        }
        b"TooManyErrors" => Some(Reason::TooManyErrors),
        b"Timeout" | b"Remote(TimedOut)" => Some(Reason::Timeout),
        _ if why.starts_with(b"Remote") => Some(Reason::ConnectionLost),
        _ => None,
    };
    let event = event(front, Kind::Disconnect, Outcome::Dropped);
    Event { reason, detail: Some(Text(why)), ..event }
}

/// What the client said. Where a login was refused, a command can be a password: none is kept.
fn received<'a>(front: &Front<'a>, command: &'a [u8]) -> Parsed<'a> {
    let (verb, rest) = scan::word(command);
    let is = |word: &[u8]| verb.eq_ignore_ascii_case(word);
    let envelope = event(front, Kind::Envelope, Outcome::Allowed);
    if is(b"EHLO") || is(b"HELO") {
        return Parsed::Event(Event { helo: name(rest), ..envelope });
    }
    if is(b"MAIL") {
        return Parsed::Event(Event { sender: path(rest), ..envelope });
    }
    if is(b"RCPT") {
        return Parsed::Event(Event {
            recipient: path(rest).filter(|to| !to.is_empty()),
            ..envelope
        });
    }
    if is(b"XPROXY") || is(b"XPROXYFROM") {
        return Parsed::Event(proxied(front, rest));
    }
    if is_other_protocol(command) {
        let event = refusal(front, Kind::Command, Reason::NonSmtpCommand);
        return Parsed::Event(Event { hostile: true, detail: name(command), ..event });
    }
    Parsed::Noise("command")
}

/// The address in `FROM:<a@b.test> SIZE=1`; `TO:a@b.test` is one, too. An address may be quoted
/// and hold a bracket: the last one before the parameters, which have none, is the closing one.
fn path(rest: &[u8]) -> Option<Text<'_>> {
    let (_, rest) = scan::split_once(rest, b":")?;
    let rest = rest.trim_ascii_start();
    match rest.strip_prefix(b"<") {
        Some(inner) => inner.get(..scan::find_last(inner, b">")?).map(Text),
        None => name(scan::word(rest).0),
    }
}

/// `SID=08D9 IP=203.0.113.9 PORT=4711 DOMAIN=x ...`: for whom the front end speaks.
fn proxied<'a>(front: &Front<'a>, rest: &'a [u8]) -> Event<'a> {
    let (_, rest) = scan::word(rest);
    let (told, _) = scan::word(rest);
    let forwarded = told.strip_prefix(b"IP=").and_then(scan::address);
    Event { forwarded, ..event(front, Kind::Connect, Outcome::Allowed) }
}

/// HTTP, SSH and their like, which are no slip of a mail client's.
fn is_other_protocol(command: &[u8]) -> bool {
    const OTHERS: [&[u8]; 9] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"PUT ",
        b"OPTIONS ",
        b"CONNECT ",
        b"PRI * ",
        b"Host: ",
        b"SSH-2",
    ];
    OTHERS.iter().any(|head| command.starts_with(head))
        || command.first().is_some_and(u8::is_ascii_control)
}

/// Exchange's answer. `None` where it has no code.
fn answered<'a>(front: &Front<'a>, answer: &'a [u8]) -> Option<Parsed<'a>> {
    let (code, text) = answer.split_at_checked(3)?;
    scan::number(code)?;
    let event = match code {
        b"535" => {
            let event = refusal(front, Kind::Auth, Reason::AuthFailed);
            Event { hostile: true, attempts: 1, ..event }
        }
        b"235" => return Some(Parsed::Noise("login-answer")),
        b"250" => match queued(front, text) {
            Some(event) => event,
            None => return Some(Parsed::Noise("answer")),
        },
        _ if code.starts_with(b"4") || code.starts_with(b"5") => refused(front, code, text),
        _ => return Some(Parsed::Noise("answer")),
    };
    Some(Parsed::Event(event))
}

/// ` 2.6.0 <MID> [InternalId=12, Hostname=EX] 800 bytes in 0.2, 4 KB/sec Queued mail for delivery`.
/// The Message-ID is a stranger's, so the number is read from the right.
fn queued<'a>(front: &Front<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    const ID: &[u8] = b" [InternalId=";
    let text = text.strip_prefix(b" 2.6.0 ")?.strip_suffix(b" Queued mail for delivery")?;
    let id = scan::find_last(text, ID).and_then(|at| text.get(at + ID.len()..));
    let id = id.map(|rest| scan::take_while(rest, |byte| byte.is_ascii_digit()).0);
    let event = event(front, Kind::Message, Outcome::Allowed);
    Some(Event { queue_id: id.and_then(name), ..event })
}

/// A 4xx or 5xx answer by its first words, Exchange's own; an administrator can change only those
/// of its filters.
fn refused<'a>(front: &Front<'a>, code: &[u8], text: &'a [u8]) -> Event<'a> {
    let words = text.strip_prefix(b" ").unwrap_or(text);
    let (status, phrase) = match scan::word(words) {
        (status, phrase) if status.contains(&b'.') => (status, phrase),
        _ => (&b""[..], words),
    };
    let outcome = if code.starts_with(b"4") { Outcome::Deferred } else { Outcome::Rejected };
    let (kind, reason) = cause(code, status, phrase);
    let hostile = is_hostile(reason, outcome) && !is_hasty(phrase);
    let is_login = hostile && kind == Kind::Auth;
    let outcome = match (kind, reason) {
        (Kind::Disconnect, _) | (_, Reason::TooManyErrors) => Outcome::Dropped,
        _ => outcome,
    };
    let detail = name(words).filter(|_| kind != Kind::Auth);
    let event = event(front, kind, outcome);
    Event { reason: Some(reason), hostile, attempts: u32::from(is_login), detail, ..event }
}

/// What an honest server or client meets does not count.
fn is_hostile(reason: Reason, outcome: Outcome) -> bool {
    match reason {
        Reason::TooManyErrors => true,
        Reason::RelayDenied
        | Reason::RecipientUnknown
        | Reason::Blocklisted
        | Reason::HeloRejected
        | Reason::SenderRejected
        | Reason::ProtocolError
        | Reason::AuthDisallowed => outcome == Outcome::Rejected,
        _ => false,
    }
}

/// True of a command that an honest server sent at once, and whose sender or recipients were all
/// refused before it.
fn is_hasty(phrase: &[u8]) -> bool {
    let starts = |words: &[u8]| {
        phrase.get(..words.len()).is_some_and(|head| head.eq_ignore_ascii_case(words))
    };
    starts(b"Need rcpt command") || starts(b"Need mail command")
}

/// Where the words say more than the code.
const PHRASES: &[(&str, Kind, Reason)] = &[
    ("Too many errors on this connection", Kind::Limit, Reason::TooManyErrors),
    ("The maximum number of concurrent", Kind::Limit, Reason::TooManyConnections),
    ("Message submission rate for this client", Kind::Limit, Reason::RateLimited),
    ("Too many recipients", Kind::Limit, Reason::RateLimited),
    ("Connection dropped", Kind::Disconnect, Reason::ConnectionLost),
    ("Connection timed out", Kind::Disconnect, Reason::Timeout),
    ("Timeout waiting for client input", Kind::Disconnect, Reason::Timeout),
    ("Temporary authentication failure", Kind::Auth, Reason::AuthUnavailable),
    ("Temporary authorization failure", Kind::Auth, Reason::AuthUnavailable),
    ("Authentication cancelled", Kind::Auth, Reason::AuthAborted),
    ("Unrecognized authentication type", Kind::Auth, Reason::AuthDisallowed),
    ("Submission has been disabled for this account", Kind::Auth, Reason::AccountDisabled),
    ("Unable to relay", Kind::Envelope, Reason::RelayDenied),
    ("SMTP; Unable to relay", Kind::Envelope, Reason::RelayDenied),
    ("User unknown", Kind::Envelope, Reason::RecipientUnknown),
    ("RESOLVER.ADR.RecipientNotFound", Kind::Envelope, Reason::RecipientUnknown),
    ("RESOLVER.ADR.RecipNotFound", Kind::Envelope, Reason::RecipientUnknown),
    ("Invalid domain name", Kind::Envelope, Reason::HeloRejected),
    ("EHLO requires domain address", Kind::Envelope, Reason::HeloRejected),
    ("HELO requires domain address", Kind::Envelope, Reason::HeloRejected),
    ("Sender denied", Kind::Envelope, Reason::SenderRejected),
    ("Message rejected as spam by Content Filtering", Kind::Message, Reason::Spam),
    ("Mailbox full", Kind::Envelope, Reason::MailboxFull),
    ("Must issue a STARTTLS command first", Kind::Envelope, Reason::PolicyRejected),
];

fn cause(code: &[u8], status: &[u8], phrase: &[u8]) -> (Kind, Reason) {
    let known = PHRASES.iter().find(|(words, ..)| phrase.starts_with(words.as_bytes()));
    if let Some((_, kind, reason)) = known {
        return (*kind, *reason);
    }
    let is_listed = [&b"block list"[..], b"blocked using", b"blocklist"]
        .iter()
        .any(|words| scan::contains_ignoring_case(before_address(phrase), words));
    match (code, status) {
        (b"500" | b"501" | b"502" | b"503", _) => (Kind::Command, Reason::ProtocolError),
        (b"504", _) => (Kind::Auth, Reason::AuthDisallowed),
        (b"550", b"5.1.1" | b"5.1.10") => (Kind::Envelope, Reason::RecipientUnknown),
        (b"550", b"5.7.54") => (Kind::Envelope, Reason::RelayDenied),
        (b"552", _) => (Kind::Message, Reason::TooLarge),
        (b"550" | b"554", _) if is_listed => (Kind::Envelope, Reason::Blocklisted),
        (b"554", b"5.6.0") => (Kind::Message, Reason::ContentRejected),
        _ => (Kind::Envelope, Reason::PolicyRejected),
    }
}

/// What stands before the first address: that is a stranger's, and may hold any words.
fn before_address(phrase: &[u8]) -> &[u8] {
    let is_address = |byte: &u8| matches!(byte, b'<' | b'@');
    let Some(at) = phrase.iter().position(is_address) else { return phrase };
    let head = phrase.get(..at).unwrap_or_default();
    scan::find_last(head, b" ").and_then(|end| head.get(..end)).unwrap_or_default()
}

/// Exchange's own words, most in the context.
fn information<'a>(front: &Front<'a>, data: &'a [u8], context: &'a [u8]) -> Parsed<'a> {
    const NEGOTIATED: &[u8] = b"TLS protocol ";
    if context == b"authenticated" {
        let event = event(front, Kind::Auth, Outcome::Allowed);
        return Parsed::Event(Event { account: name(data), attempts: 1, ..event });
    }
    if let Some(user) = context.strip_prefix(b"User Name: ") {
        let event = refusal(front, Kind::Auth, Reason::AuthFailed);
        let event = Event { hostile: true, attempts: 1, account: name(user), ..event };
        return match user {
            b"" | b"NULL" => Parsed::Noise("login-detail"),
            _ => Parsed::Event(event),
        };
    }
    if context.starts_with(NEGOTIATED) && scan::contains(context, b" negotiation succeeded") {
        return Parsed::Event(event(front, Kind::Tls, Outcome::Allowed));
    }
    if context.starts_with(b"TLS negotiation failed") {
        let event = refusal(front, Kind::Tls, Reason::TlsFailed);
        return Parsed::Event(Event { outcome: Outcome::Dropped, detail: name(context), ..event });
    }
    Parsed::Noise(match context {
        _ if data.starts_with(b"Tarpit for '") => "tarpit",
        _ if context.starts_with(b"Inbound ") => "login-detail",
        b"receiving message" => "message-detail",
        _ if context.ends_with(b"ertificate") => "tls-detail",
        _ => "session-detail",
    })
}
