//! Addresses and messages: `ruleset=`, `from=`, `to=`, `<a@b>... User unknown`, `Milter:`.

use super::{Line, peer};
use crate::{Parsed, RELAYED_MAX, scan};
use event::{Event, Kind, Outcome, Reason, Text};

/// `None` where the line is none of these.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    let event = if let Some(rest) = text.strip_prefix(b"ruleset=") {
        ruled(line, rest)
    } else if let Some(rest) = text.strip_prefix(b"from=") {
        message(line, rest)
    } else if let Some(rest) = text.strip_prefix(b"to=") {
        delivery(line, rest)?
    } else if let Some(rest) = text.strip_prefix(b"Milter: ") {
        return milter(line, rest);
    } else {
        refused_recipient(line).filter(|_| text.starts_with(b"<"))?
    };
    Some(Parsed::Event(event))
}

/// A refused address that begins the line: asked last, as it can be any text.
pub(super) fn bare<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    bad_syntax(line).or_else(|| refused_recipient(line)).map(Parsed::Event)
}

/// `check_rcpt, arg1=<A>, relay=PEER, reject=550 5.7.1 <A>... Relaying denied`, behind `ruleset=`.
/// The address stands on both sides of the peer.
fn ruled<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let (name, rest) = scan::take_while(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let kind = match name {
        b"check_relay" | b"check_ehlo" => Kind::Connect,
        b"check_mail" | b"check_rcpt" | b"check_compat" => Kind::Envelope,
        b"check_data" | b"check_eom" | b"check_eoh" => Kind::Message,
        _ => Kind::Command,
    };
    let parts = rule_parts(rest);
    let Some(parts) = parts.or_else(|| repeated(rest).filter(|_| name == b"check_rcpt")) else {
        // What was refused cannot be told from a stranger's text; that it was refused can.
        let event = line.refusal(kind, Outcome::Rejected, Reason::ProtocolError);
        return Event { hostile: true, ..event };
    };
    let outcome = match parts.answer.first() {
        Some(b'4') => Outcome::Deferred,
        _ => Outcome::Rejected,
    };
    let (reason, counts) = reason(name, parts.words);
    let address = address(parts.argument);
    Event {
        client: peer::whole(parts.peer),
        hostile: counts && outcome == Outcome::Rejected,
        known: (reason == Reason::RecipientUnknown).then_some(false),
        sender: address.filter(|_| name == b"check_mail"),
        recipient: address.filter(|_| name == b"check_rcpt"),
        detail: Some(Text(parts.answer)),
        ..line.refusal(kind, outcome, reason)
    }
}

struct RuleParts<'a> {
    argument: &'a [u8],
    peer: &'a [u8],
    answer: &'a [u8],
    /// The answer behind its code and the address that it repeats.
    words: &'a [u8],
}

const RELAY: &[u8] = b", relay=";

/// Where the address holds the words around the peer: they stand in it as often left of the peer
/// as right of it, where the answer repeats it, so the server's own are those in the middle, and
/// what is left of them is what the answer begins with. A line cut in its repetition leaves fewer
/// on the right: what is in the middle then is followed by no such repetition, or the address would
/// hold more of them. Addresses are too short for a line to be cut left of the peer.
fn repeated(rest: &[u8]) -> Option<RuleParts<'_>> {
    let rest = rest.strip_prefix(b", arg1=").filter(|rest| rest.len() < RELAYED_MAX)?;
    let places = || {
        let mut from = 0;
        core::iter::from_fn(move || {
            let at = from + scan::find(rest.get(from..)?, RELAY)?;
            from = at + RELAY.len();
            Some(at)
        })
    };
    let count = places().count();
    let at = places().nth(count / 2).filter(|_| count % 2 == 1)?;
    let (argument, behind) = rest.split_at_checked(at)?;
    let (peer, answer) = scan::split_once(behind.get(RELAY.len()..)?, b", reject=")?;
    let (_, words) = scan::take_while(answer, |b| b.is_ascii_digit() || b". -".contains(&b));
    let words = words.strip_prefix(argument)?.strip_prefix(b"... ")?;
    Some(RuleParts { argument, peer, answer, words })
}

/// `None` where a delimiter stands twice.
fn rule_parts(rest: &[u8]) -> Option<RuleParts<'_>> {
    let rest = rest.strip_prefix(b", arg1=")?;
    let (argument, rest) = scan::split_once(rest, RELAY)?;
    let end = [&b", reject="[..], b", quarantine=", b", discard"]
        .iter()
        .find_map(|words| scan::split_once(rest, words))?;
    let (peer, answer) = end;
    let twice = scan::contains(rest, RELAY)
        || scan::contains(answer, b", reject=")
        || scan::contains(argument, b", reject=");
    let words = scan::take_while(answer, |byte| byte.is_ascii_digit() || b". -".contains(&byte)).1;
    let words = words.strip_prefix(argument).unwrap_or(words);
    let words = words.strip_prefix(b"... ").unwrap_or(words);
    (!twice).then_some(RuleParts { argument, peer, answer, words })
}

/// Why, and whether it counts where it is for good.
fn reason(ruleset: &[u8], words: &[u8]) -> (Reason, bool) {
    let starts = |word: &[u8]| words.starts_with(word);
    let says = |word: &[u8]| scan::contains_ignoring_case(words, word);
    match ruleset {
        _ if starts(b"Relaying denied") || starts(b"Relaying temporarily") => {
            (Reason::RelayDenied, true)
        }
        _ if starts(b"User unknown") => (Reason::RecipientUnknown, true),
        _ if says(b"rate limit exceeded") => (Reason::RateLimited, false),
        _ if says(b"too many open connections") => (Reason::TooManyConnections, false),
        b"check_rcpt" if says(b"greylist") => (Reason::Greylisted, false),
        b"check_mail" => (Reason::SenderRejected, !says(b"message size")),
        b"check_rcpt" if says(b"user unknown") => (Reason::RecipientUnknown, true),
        b"check_rcpt" => (Reason::RecipientRejected, false),
        b"check_relay" if says(b"http") || says(b"listed") || says(b"blocked") => {
            (Reason::Blocklisted, true)
        }
        b"check_relay" => (Reason::ClientRejected, true),
        b"check_vrfy" | b"check_expn" => (Reason::PolicyRejected, true),
        b"check_eom" | b"check_data" | b"check_eoh" => (Reason::ContentRejected, false),
        _ => (Reason::PolicyRejected, false),
    }
}

/// `<a@b.test>`, also with parameters or without brackets.
fn address(text: &[u8]) -> Option<Text<'_>> {
    let inner = text.strip_prefix(b"<").and_then(|text| text.strip_suffix(b">")).unwrap_or(text);
    let plain = !inner.iter().any(|byte| b"<>".contains(byte));
    plain.then_some(Text(inner))
}

/// `<A>, size=124, class=0, nrcpts=1, msgid=<..>, proto=ESMTP, daemon=MTA-v4, relay=PEER`.
fn message<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    const SIZE: &[u8] = b", size=";
    let front = scan::split_once(rest, SIZE);
    let sender = front.filter(|(_, rest)| !scan::contains(rest, SIZE)).map(|(sender, _)| sender);
    let fields = front.map_or(&b""[..], |(_, rest)| rest);
    let recipients = scan::split_once(fields, b", nrcpts=")
        .and_then(|(_, rest)| scan::number(scan::take_while(rest, |b| b.is_ascii_digit()).0))
        .unwrap_or(0);
    // Without a recipient, what was refused stands on other lines.
    let outcome = if recipients == 0 { Outcome::Dropped } else { Outcome::Allowed };
    let client = match scan::find_last(rest, b", tls_verify=") {
        Some(end) => rest.get(..end).and_then(|rest| peer::last(rest, b", relay=")),
        None => peer::last(rest, b", relay="),
    };
    let client = client.filter(|_| sender.is_some());
    Event {
        client,
        sender: sender.and_then(address),
        recipients,
        ..line.event(Kind::Message, outcome)
    }
}

/// `<A>, delay=00:00:00, ..., mailer=local, ..., dsn=2.0.0, stat=Sent`, behind `to=`.
fn delivery<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (recipients, fields) = scan::split_once(rest, b", delay=")?;
    let recipients = scan::split_once(recipients, b", ctladdr=").map_or(recipients, |pair| pair.0);
    let (fields, stat) = scan::split_once(fields, b", stat=").unwrap_or((fields, b""));
    let starts = |word: &[u8]| stat.starts_with(word);
    let (outcome, reason) = if starts(b"Sent") || starts(b"queued") {
        (Outcome::Allowed, None)
    } else if starts(b"Deferred") || starts(b"Please try again") {
        (Outcome::Deferred, Some(Reason::RemoteDeferred))
    } else if starts(b"User unknown") && scan::contains(fields, b"mailer=local") {
        (Outcome::Rejected, Some(Reason::RecipientUnknown))
    } else {
        (Outcome::Rejected, Some(Reason::RemoteRejected))
    };
    Some(Event {
        recipient: address(recipients),
        reason,
        known: (reason == Some(Reason::RecipientUnknown)).then_some(false),
        detail: (!stat.is_empty()).then_some(Text(stat)),
        ..line.event(Kind::Delivery, outcome)
    })
}

/// `<nobody@example.org>... User unknown`: names no peer. Without brackets only words are taken
/// that are known: the address could be any line.
fn refused_recipient<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let at = scan::find_last(line.text, b"... ")?;
    let (path, words) = (line.text.get(..at)?, line.text.get(at + 4..)?);
    const KNOWN: [&[u8]; 5] =
        [b"User unknown", b"Unbalanced", b"Domain name required", b"Invalid", b"Hostname required"];
    let in_brackets = path.starts_with(b"<") && path.ends_with(b">");
    if !in_brackets && !KNOWN.iter().any(|known| words.starts_with(known)) {
        return None;
    }
    let unknown = words.starts_with(b"User unknown");
    let reason = if unknown { Reason::RecipientUnknown } else { Reason::RecipientRejected };
    Some(Event {
        recipient: address(path),
        hostile: unknown,
        known: unknown.then_some(false),
        detail: Some(Text(words)),
        ..line.refusal(Kind::Envelope, Outcome::Rejected, reason)
    })
}

/// `rip parameter unrecognized`, `Syntax error in mailbox address "x y"`: of the sender or of a
/// recipient. Names no peer.
fn bad_syntax<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    const KNOWN: [&[u8]; 4] = [
        b"Syntax error in mailbox address",
        b"Unbalanced ",
        b"Domain name required for sender",
        b"Real domain name required",
    ];
    let known = KNOWN.iter().any(|words| line.text.starts_with(words));
    let parameter = line.text.ends_with(b" parameter unrecognized")
        || line.text.ends_with(b" parameter requires a value");
    let event = line.refusal(Kind::Envelope, Outcome::Rejected, Reason::ProtocolError);
    let event = Event { hostile: true, detail: Some(Text(line.text)), ..event };
    (known || parameter).then_some(event)
}

/// `connect: host=NAME, addr=PEER, reject=...`, `to=<A>, reject=550 ...`, behind `Milter: `. Only
/// the first names a client, and its name is the stranger's DNS.
fn milter<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    if let Some(rest) = rest.strip_prefix(b"connect: host=") {
        let (_, behind) = scan::split_once(rest, b", addr=")?;
        let (place, why) = scan::split_once(behind, b", ")?;
        let client = scan::address(place.strip_prefix(b"IPv6:").unwrap_or(place));
        let client = client.filter(|_| !scan::contains(behind, b", addr="));
        let refused = why.starts_with(b"reject");
        let outcome = if refused { Outcome::Rejected } else { Outcome::Deferred };
        let event = line.refusal(Kind::Connect, outcome, Reason::ClientRejected);
        return Some(Parsed::Event(Event { client, ..event }));
    }
    let Some(at) = scan::find_last(rest, b", reject=") else {
        return Some(Parsed::Noise("milter"));
    };
    let code = rest.get(at + 9..).unwrap_or_default();
    let outcome = if code.starts_with(b"4") { Outcome::Deferred } else { Outcome::Rejected };
    let is = |word: &[u8]| rest.starts_with(word);
    let (kind, reason) = if is(b"helo=") {
        (Kind::Envelope, Reason::HeloRejected)
    } else if is(b"from=") {
        (Kind::Envelope, Reason::SenderRejected)
    } else if is(b"to=") {
        (Kind::Envelope, Reason::RecipientRejected)
    } else {
        (Kind::Message, Reason::ContentRejected)
    };
    let detail = Some(Text(code));
    Some(Parsed::Event(Event { detail, ..line.refusal(kind, outcome, reason) }))
}
