//! Lines that begin with a queue id: arrival, deliveries, and the message's end.

use super::Line;
use super::envelope::mailbox;
use super::host::Peer;
use crate::Parsed;
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// `None` where the line is about the connection that brings the message.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    let (mark, rest) = scan::word(text);
    match mark {
        b"<=" | b"(=" => Some(arrival(line, rest)),
        b"=>" | b"->" | b"*>" | b">>" | b"<>" => Some(delivered(line, rest)),
        b"==" => Some(failed(line, rest, Outcome::Deferred)),
        b"**" => Some(failed(line, rest, Outcome::Rejected)),
        b"Completed" => Some(Parsed::Noise("completed")),
        _ if text.starts_with(b"F=") && scan::contains(text, b"rejected by local_scan(): ") => {
            Some(local_scan(line, text.get(2..).unwrap_or_default()))
        }
        _ => noise(text),
    }
}

fn noise<'a>(text: &[u8]) -> Option<Parsed<'a>> {
    const KNOWN: &[(&str, &str)] = &[
        ("Message is frozen", "queue"),
        ("Frozen", "queue"),
        ("frozen by ", "queue"),
        ("Unfrozen", "queue"),
        ("unfrozen by ", "queue"),
        ("no immediate delivery", "queue"),
        ("removed by ", "queue"),
        ("cancelled by ", "queue"),
        ("address <", "queue"),
        ("recipient <", "queue"),
        ("sender address changed", "queue"),
        ("retry time not reached", "queue"),
        ("Spool file ", "queue"),
        ("Spool error", "queue"),
        ("Format error in spool file", "queue"),
        ("Error reading spool file", "queue"),
        ("Message removed because older", "queue"),
        ("Message abandoned", "queue"),
        ("original recipients ignored", "queue"),
        ("Delivery deferred by system filter", "queue"),
        ("rescind the above", "queue"),
        ("Error while reading message with no usable sender", "queue"),
        ("SMTP error from remote", "outgoing"),
        ("Remote host ", "outgoing"),
        ("qualify/rewrite: ", "header"),
        ("no host name found", "host-name"),
        ("no IP address found", "host-name"),
        ("DKIM: ", "dkim"),
        ("PDKIM: ", "dkim"),
        ("PRDR ", "prdr"),
        ("ARC: ", "dkim"),
        ("SA: ", "content-filter"),
        ("spam acl condition", "content-filter"),
        ("malware acl condition", "content-filter"),
        ("[", "outgoing-tls"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words.as_bytes()));
    known.map(|(_, name)| Parsed::Noise(name))
}

/// `<= sender H=name (helo) [address] P=esmtpsa X=... A=login:bob S=1234 id=x T="subject" for y`.
///
/// A message that somebody sent after a login is a login that worked.
fn arrival<'a>(line: &Line<'a>, rest: &'a [u8]) -> Parsed<'a> {
    let message = line.event(Kind::Message, Outcome::Allowed);
    let Some((sender, rest)) = sender(rest) else {
        return Parsed::Event(message);
    };
    let message = Event { sender: Some(Text(sender)), mail_subject: subject(rest), ..message };
    let Some(host) = rest.strip_prefix(b" H=").or_else(|| rest.strip_prefix(b" DS H=")) else {
        return Parsed::Event(message);
    };
    let Some(peer) = Peer::read(host) else { return Parsed::Event(message) };
    let rest = peer.behind_details();
    let Some(rest) = rest.strip_prefix(b" P=") else { return Parsed::Event(message) };
    let rest = rest.get(scan::find_byte(rest, b' ').unwrap_or(rest.len())..).unwrap_or_default();
    let rest = Peer { rest: behind_pipelining(rest), ..peer }.behind_details();
    let Some(login) = rest.strip_prefix(b" A=") else { return Parsed::Event(peer.on(message)) };
    let login = login.get(..end_of_login(login)).unwrap_or_default();
    let account = scan::split_once(login, b":").map(|(_, account)| Text(account));
    let event = Event { kind: Kind::Auth, attempts: 1, account, ..message };
    Parsed::Event(peer.on(event))
}

/// `T="subject"`, whose own quotes Exim escapes. A message id in front of it could hold the same
/// letters, so it is the last that counts.
fn subject(rest: &[u8]) -> Option<Text<'_>> {
    memchr::memchr(b'"', rest)?;
    let at = scan::find_last(rest, b" T=\"")? + b" T=".len();
    let quoted = rest.get(at..)?;
    let end = quoted_end(quoted)?;
    Some(Text(quoted.get(1..end - 1)?))
}

/// ` L`, ` L*`, ` L.-` of `log_selector = +pipelining`.
fn behind_pipelining(rest: &[u8]) -> &[u8] {
    if !rest.starts_with(b" L") {
        return rest;
    }
    let (_, rest) = scan::take_while(rest.get(1..).unwrap_or_default(), |byte| byte != b' ');
    rest
}

/// The login ends before the next field; an account may hold a space.
fn end_of_login(login: &[u8]) -> usize {
    let ends: [&[u8]; 4] = [b" S=", b" PRDR", b" K", b" SMTPUTF8"];
    let first = ends.iter().filter_map(|end| scan::find(login, end)).min();
    first.unwrap_or(login.len())
}

/// `F=sender H=name [address] P=esmtp rejected by local_scan(): reason`.
fn local_scan<'a>(line: &Line<'a>, rest: &'a [u8]) -> Parsed<'a> {
    let event = line.event(Kind::Message, Outcome::Rejected);
    let event = Event { reason: Some(Reason::ContentRejected), hostile: true, ..event };
    let host = sender(rest).and_then(|(sender, rest)| Some((sender, rest.strip_prefix(b" H=")?)));
    match host.and_then(|(sender, host)| Some((sender, Peer::read(host)?))) {
        Some((sender, peer)) => {
            Parsed::Event(peer.on(Event { sender: Some(Text(sender)), ..event }))
        }
        None => Parsed::Event(event),
    }
}

/// The sender and the rest from the space behind it: quoted and closed, or without a space.
fn sender(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(rest) = rest.strip_prefix(b"<>") {
        return Some((b"", rest));
    }
    let quoted = if rest.first() == Some(&b'"') { quoted_end(rest)? } else { 0 };
    let behind = rest.get(quoted..)?;
    let end = scan::find_byte(behind, b' ').unwrap_or(behind.len());
    let tail = behind.get(..end)?;
    // A closing quote is followed by the domain; a quote elsewhere is in no address.
    if tail.contains(&b'"') || quoted > 0 && !tail.starts_with(b"@") {
        return None;
    }
    Some((rest.get(..quoted + end)?, behind.get(end..)?))
}

fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// `alice <alice@example.org> R=localuser T=local_delivery H=mx [192.0.2.1] C="250 OK"`: the host
/// is the next server, not a client.
fn delivered<'a>(line: &Line<'a>, rest: &'a [u8]) -> Parsed<'a> {
    let event = line.event(Kind::Delivery, Outcome::Allowed);
    Parsed::Event(Event { recipient: recipient(rest), ..event })
}

fn failed<'a>(line: &Line<'a>, rest: &'a [u8], outcome: Outcome) -> Parsed<'a> {
    let says = |words: &[u8]| scan::contains_ignoring_case(rest, words);
    let reason = if says(b"quota") || says(b"mailbox is full") || says(b"mailbox full") {
        Reason::MailboxFull
    } else if outcome == Outcome::Deferred {
        Reason::RemoteDeferred
    } else if scan::contains(rest, b"Unrouteable address") {
        Reason::RecipientUnknown
    } else {
        Reason::RemoteRejected
    };
    let event = line.event(Kind::Delivery, outcome);
    Parsed::Event(Event { recipient: recipient(rest), reason: Some(reason), ..event })
}

/// The address in brackets, which is the original one, or the first word.
fn recipient(rest: &[u8]) -> Option<Text<'_>> {
    let (first, behind) = match sender(rest) {
        Some((first, behind)) => (first, behind),
        None => return None,
    };
    let first = first.strip_suffix(b":").unwrap_or(first);
    let original = behind.strip_prefix(b" <").and_then(mailbox).map(|(address, _)| address);
    let address = original.unwrap_or(first);
    (!address.is_empty()).then_some(Text(address))
}
