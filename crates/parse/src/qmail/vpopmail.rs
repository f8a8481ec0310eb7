//! `vchkpw` of vpopmail: logins of SMTP, submission, POP3 and IMAP.

use super::Line;
use crate::{Parsed, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

/// What the words mean: outcome, reason, whether the account is there, whether a guess.
type Meaning = (&'static [u8], Outcome, Option<Reason>, Option<bool>, bool);

const FAILED: Option<Reason> = Some(Reason::AuthFailed);
const DISABLED: Option<Reason> = Some(Reason::AccountDisabled);

const WORDINGS: [Meaning; 16] = [
    (b"vpopmail user not found ", Outcome::Rejected, FAILED, Some(false), true),
    (b"system user not found ", Outcome::Rejected, FAILED, Some(false), true),
    (b"system user shadow entry not found ", Outcome::Rejected, FAILED, None, true),
    (b"password fail ", Outcome::Rejected, FAILED, Some(true), true),
    (b"system password fail ", Outcome::Rejected, FAILED, Some(true), true),
    (b"invalid user/domain characters ", Outcome::Rejected, FAILED, None, true),
    (b"null user name given ", Outcome::Rejected, FAILED, None, true),
    (b"null password given ", Outcome::Rejected, FAILED, None, true),
    (b"user has no password ", Outcome::Rejected, DISABLED, Some(true), false),
    (b"pop access denied ", Outcome::Rejected, DISABLED, Some(true), false),
    (b"smtp access denied ", Outcome::Rejected, DISABLED, Some(true), false),
    (b"imap access denied ", Outcome::Rejected, DISABLED, Some(true), false),
    (b"webmail access denied ", Outcome::Rejected, DISABLED, Some(true), false),
    (b"access denied ", Outcome::Rejected, DISABLED, Some(true), false),
    (b"login success ", Outcome::Allowed, None, Some(true), false),
    (b"system user login success ", Outcome::Allowed, None, Some(true), false),
];

/// `vpopmail user not found x@:203.0.113.9`, behind the name of the service.
pub(super) fn parse<'a>(line: &Line<'a>, name: &[u8], text: &'a [u8]) -> Option<Parsed<'a>> {
    let (mechanism, text) = mechanism(text);
    let wording = WORDINGS.iter().find(|(words, ..)| text.starts_with(words));
    let Some((words, outcome, reason, known, hostile)) = wording else {
        let failed = scan::contains(text, b" failed errno ") || text.starts_with(b"no auth");
        return failed.then_some(Parsed::Noise("internal-error"));
    };
    let (account, client) = subject(text.get(words.len()..)?);
    let counts = *hostile || *outcome == Outcome::Allowed;
    Some(Parsed::Event(Event {
        protocol: protocol(name),
        reason: *reason,
        known: *known,
        hostile: *hostile,
        attempts: u32::from(counts),
        mechanism,
        account,
        client: client.filter(|_| line.whole),
        ..line.event(b"vchkpw", Kind::Auth, *outcome)
    }))
}

/// `(PLAIN) `, in front of a success.
fn mechanism(text: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    let inside = text.strip_prefix(b"(").and_then(|inside| scan::split_once(inside, b") "));
    inside.map_or((None, text), |(mechanism, rest)| (Some(Text(mechanism)), rest))
}

/// `(pass: 'SECRET') x@y.test:203.0.113.9`. The password can hold the words behind it: then the
/// account is nobody's, so that no part of a password ever is a name.
fn subject(text: &[u8]) -> (Option<Text<'_>>, Option<IpAddr>) {
    let Some(colon) = text.iter().rposition(|byte| *byte == b':') else { return (None, None) };
    let (name, place) = text.split_at(colon);
    let client = place.get(1..).and_then(|place| scan::leading_ipv4(place));
    let client = client.filter(|(_, rest)| rest.is_empty()).map(|(v4, _)| IpAddr::V4(v4));
    let name = match name.strip_prefix(b"(pass: '") {
        Some(rest) => match scan::split_once(rest, b"') ") {
            Some((_, name)) if !scan::contains(name, b"') ") => name,
            _ => b"",
        },
        None => name,
    };
    let name = name.strip_suffix(b"@").unwrap_or(name);
    // Behind an address of IPv6, a part of it would stand here.
    let is_name = client.is_some() && !name.is_empty() && !name.ends_with(b":");
    (is_name.then_some(Text(name)), client)
}

fn protocol(name: &[u8]) -> Protocol {
    match name.strip_prefix(b"vchkpw-").unwrap_or_default() {
        b"smtp" => Protocol::Smtp,
        b"smtps" | b"submission" => Protocol::Submission,
        b"pop3" | b"pop3s" => Protocol::Pop3,
        b"imap" | b"imaps" => Protocol::Imap,
        b"webmail" => Protocol::Http,
        _ => Protocol::Unknown,
    }
}
