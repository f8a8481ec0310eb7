//! Logins and TLS: `AUTH failure`, `AUTH=server`, `STARTTLS=server`.

use super::{Line, peer};
use crate::{Parsed, scan};
use event::{Event, Kind, Outcome, Reason, Text};

/// `None` where the line is none of these.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"AUTH failure (") {
        return Some(Parsed::Event(failed(line, rest)));
    }
    if let Some(rest) = text.strip_prefix(b"AUTH=server, relay=") {
        return Some(Parsed::Event(passed(line, rest)));
    }
    if let Some(rest) = text.strip_prefix(b"STARTTLS=server, ") {
        return Some(tls(line, rest));
    }
    if text.starts_with(b"AUTH decode64 error") || text.starts_with(b"AUTH encode64 error") {
        let client = peer::last(text, b", relay=");
        let event = line.refusal(Kind::Auth, Outcome::Rejected, Reason::AuthAborted);
        return Some(Parsed::Event(Event { client, ..event }));
    }
    const KNOWN: [(&[u8], &str); 6] = [
        (b"AUTH=client", "outgoing"),
        (b"AUTH error", "sasl-library"),
        (b"AUTH warning", "sasl-library"),
        (b"AUTH: available", "debug"),
        (b"STARTTLS=client", "tls-outbound"),
        (b"STARTTLS", "tls-library"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map(|(_, name)| Parsed::Noise(name))
}

/// `PLAIN): authentication failure (-13) DETAIL, user=NAME, relay=PEER`, behind `AUTH failure (`.
/// Mechanism and name are a stranger's and stand left of the peer, which ends the line.
fn failed<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    const RELAY: &[u8] = b", relay=";
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let (mechanism, behind) = scan::take_while(rest, word);
    let why = behind.strip_prefix(b"): ").unwrap_or_default();
    let end = scan::find_last(why, RELAY);
    let client = peer::last(rest, RELAY);
    let name = end.and_then(|end| scan::split_once(why.get(..end)?, b", user=")).map(|pair| pair.1);
    let account = name.filter(|name| client.is_some() && !name.is_empty()).map(Text);
    let (outcome, reason, counts) = verdict(why);
    Event {
        client,
        account,
        mechanism: (!mechanism.is_empty() && !why.is_empty()).then_some(Text(mechanism)),
        known: why.starts_with(b"user not found").then_some(false),
        hostile: counts,
        attempts: u32::from(counts),
        ..line.refusal(Kind::Auth, outcome, reason)
    }
}

/// By the SASL library's words, and whether a password was guessed.
fn verdict(why: &[u8]) -> (Outcome, Reason, bool) {
    let starts = |words: &[&[u8]]| words.iter().any(|word| why.starts_with(word));
    if starts(&[b"generic failure", b"no memory", b"transient failure", b"remote server"]) {
        (Outcome::Deferred, Reason::AuthUnavailable, false)
    } else if starts(&[b"no mechanism available", b"encryption needed", b"mechanism too weak"]) {
        (Outcome::Rejected, Reason::AuthDisallowed, false)
    } else if starts(&[b"bad protocol / cancel"]) {
        (Outcome::Rejected, Reason::AuthAborted, false)
    } else if starts(&[b"account disabled", b"authorization failure"]) {
        (Outcome::Rejected, Reason::AccountDisabled, false)
    } else {
        (Outcome::Rejected, Reason::AuthFailed, true)
    }
}

/// `PEER, authid=NAME, mech=PLAIN, bits=0`, behind `relay=`.
fn passed<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let event = Event { attempts: 1, ..line.event(Kind::Auth, Outcome::Allowed) };
    if !ends_in_bits(rest) {
        return event;
    }
    let Some((client, rest)) = peer::before(rest, b", authid=") else { return event };
    let Some(at) = scan::find_last(rest, b", mech=") else { return Event { client, ..event } };
    let name = rest.get(..at).filter(|name| client.is_some() && !name.is_empty());
    let mechanism = rest.get(at + 7..).map(|rest| scan::take_while(rest, |byte| byte != b',').0);
    Event { client, account: name.map(Text), mechanism: mechanism.map(Text), ..event }
}

/// `, bits=256/256`: a line that was cut, or that repeats a stranger's text, ends otherwise.
fn ends_in_bits(rest: &[u8]) -> bool {
    let Some(at) = scan::find_last(rest, b", bits=") else { return false };
    let bits = rest.get(at + 7..).unwrap_or_default();
    !bits.is_empty() && bits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'/')
}

/// `relay=PEER, version=TLSv1.3, ...` or `error: accept failed=-1, ..., relay=PEER`.
fn tls<'a>(line: &Line<'a>, rest: &'a [u8]) -> Parsed<'a> {
    if let Some(rest) = rest.strip_prefix(b"relay=") {
        let client = peer::before(rest, b", version=").and_then(|(client, _)| client);
        let client = client.filter(|_| ends_in_bits(rest));
        return Parsed::Event(Event { client, ..line.event(Kind::Tls, Outcome::Allowed) });
    }
    if rest.starts_with(b"error: accept failed") {
        let client = peer::last(rest, b", relay=");
        let event = line.refusal(Kind::Tls, Outcome::Rejected, Reason::TlsFailed);
        return Parsed::Event(Event { client, ..event });
    }
    let certificate = rest.starts_with(b"cert-") || rest.starts_with(b"cert_");
    Parsed::Noise(if certificate { "tls-certificate" } else { "tls-library" })
}
