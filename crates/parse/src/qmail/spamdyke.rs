//! spamdyke in front of `qmail-smtpd`, and the CHKUSER patch in it: each recipient that was judged.

use super::Line;
use crate::{Parsed, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

/// `DENIED_RDNS_MISSING from: S to: R origin_ip: A origin_rdns: N auth: U encryption: E reason: X`.
/// All but address, encryption and reason is a stranger's.
pub(super) fn parse<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    let (verdict, rest) = scan::word(text);
    let Some(rest) = rest.strip_prefix(b"from: ") else { return own_affair(verdict) };
    let (outcome, reason, hostile) = meaning(verdict)?;
    let event = Event {
        reason,
        hostile,
        detail: (outcome != Outcome::Allowed).then_some(Text(verdict)),
        ..line.event(b"spamdyke", Kind::Envelope, outcome)
    };
    Some(Parsed::Event(judged(line, rest, event).unwrap_or(event)))
}

/// The fields, where each of the words between them stands once.
fn judged<'a>(line: &Line<'a>, rest: &'a [u8], event: Event<'a>) -> Option<Event<'a>> {
    if !line.whole {
        return None;
    }
    let (addresses, rest) = once(rest, b" origin_ip: ")?;
    let (place, rest) = once(rest, b" origin_rdns: ")?;
    let event = Event { client: scan::address(place), ..event };
    let Some((sender, recipient)) = once(addresses, b" to: ") else { return Some(event) };
    let told = |text: &'a [u8]| (text != b"(unknown)").then_some(Text(text));
    let event = Event { sender: told(sender), recipient: told(recipient), ..event };
    let Some((_rdns, rest)) = once(rest, b" auth: ") else { return Some(event) };
    let Some((account, _)) = once(rest, b" encryption: ") else { return Some(event) };
    let protocol = if account == b"(unknown)" { event.protocol } else { Protocol::Submission };
    Some(Event { account: told(account), protocol, ..event })
}

fn once<'a>(bytes: &'a [u8], words: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, behind) = scan::split_once(bytes, words)?;
    (!scan::contains(behind, words)).then_some((before, behind))
}

/// spamdyke's short words: outcome, reason, whether it counts.
fn meaning(verdict: &[u8]) -> Option<(Outcome, Option<Reason>, bool)> {
    let (reason, hostile) = match verdict {
        b"ALLOWED" => return Some((Outcome::Allowed, None, false)),
        b"TIMEOUT" => return Some((Outcome::Dropped, Some(Reason::Timeout), false)),
        b"DENIED_GRAYLISTED" => {
            return Some((Outcome::Deferred, Some(Reason::Greylisted), false));
        }
        b"DENIED_RBL_MATCH" | b"DENIED_RHSBL_MATCH" => (Reason::Blocklisted, true),
        b"DENIED_EARLYTALKER" => (Reason::EarlyTalker, true),
        b"DENIED_RELAYING" => (Reason::RelayDenied, true),
        b"DENIED_INVALID_RECIPIENT" => (Reason::RecipientUnknown, true),
        b"DENIED_RDNS_MISSING"
        | b"DENIED_RDNS_RESOLVE"
        | b"DENIED_IP_IN_RDNS"
        | b"DENIED_IP_IN_CC_RDNS" => (Reason::ClientRejected, true),
        // Lists of one's own: `DENIED_` + `BLACK` + `LIST_IP`, `LIST_NAME`, `LIST_SENDER`, ...
        _ if verdict.starts_with(b"DENIED_BLACK") => match verdict.ends_with(b"SENDER") {
            true => (Reason::SenderRejected, true),
            false => (Reason::ClientRejected, !verdict.ends_with(b"RECIPIENT")),
        },
        b"DENIED_SENDER_NO_MX" => (Reason::SenderRejected, false),
        b"DENIED_TOO_MANY_RECIPIENTS" => (Reason::RateLimited, false),
        b"DENIED_UNQUALIFIED_RECIPIENT" => (Reason::RecipientRejected, false),
        _ if verdict.starts_with(b"DENIED_") => (Reason::PolicyRejected, false),
        _ => return None,
    };
    Some((Outcome::Rejected, Some(reason), hostile))
}

/// `FILTER_...` tells why, before the line that tells whom.
fn own_affair(word: &[u8]) -> Option<Parsed<'static>> {
    if word.starts_with(b"FILTER_") {
        return Some(Parsed::Noise("filter-detail"));
    }
    let is_level = matches!(word, b"ERROR" | b"ERROR:" | b"WARNING" | b"WARNING:");
    let is_debug = word.starts_with(b"DEBUG") || word.starts_with(b"EXCESSIVE");
    match (is_level, is_debug) {
        (true, _) => Some(Parsed::Noise("warning")),
        (_, true) => Some(Parsed::Noise("debug")),
        _ => None,
    }
}

/// `rejected rcpt: from <s:auth:> remote <helo:rdns:203.0.113.9> rcpt <r> : not existing
/// recipient`.
pub(super) fn chkuser<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    let (verdict, rest) = scan::split_once(text, b": from <")?;
    let (what, accepted) = match verdict.strip_prefix(b"accepted ") {
        Some(what) => (what, true),
        None => (verdict.strip_prefix(b"rejected ")?, false),
    };
    let words = rest.get(scan::find_last(rest, b"> : ")? + 4..)?;
    let (reason, hostile) = match (accepted, what) {
        (true, _) => (None, false),
        (_, b"rcpt") if words == b"not existing recipient" => {
            (Some(Reason::RecipientUnknown), true)
        }
        (_, b"relaying") => (Some(Reason::RelayDenied), true),
        (_, b"sender") => (Some(Reason::SenderRejected), true),
        (_, b"rcpt") => (Some(Reason::RecipientRejected), false),
        _ => (Some(Reason::PolicyRejected), false),
    };
    let outcome = if accepted { Outcome::Allowed } else { Outcome::Rejected };
    let detail = (!accepted).then_some(Text(words));
    let event = line.event(b"qmail-smtpd", Kind::Envelope, outcome);
    let event = Event { reason, hostile, detail, ..event };
    let client = if line.whole { remote(rest) } else { None };
    Some(Parsed::Event(Event { client, recipient: recipient(rest), ..event }))
}

/// `remote <helo:rdns:203.0.113.9> rcpt <`: of IPv4, where the words around it stand once.
fn remote(rest: &[u8]) -> Option<IpAddr> {
    let (_, rest) = once(rest, b"> remote <")?;
    let (inside, _) = once(rest, b"> rcpt <")?;
    let colon = inside.iter().rposition(|byte| *byte == b':')?;
    let (v4, tail) = scan::leading_ipv4(inside.get(colon + 1..)?)?;
    tail.is_empty().then_some(IpAddr::V4(v4))
}

fn recipient(rest: &[u8]) -> Option<Text<'_>> {
    let (_, rest) = once(rest, b"> rcpt <")?;
    once(rest, b"> : ").map(|(recipient, _)| Text(recipient))
}
