//! Commands that Exim could not read or did not allow. The command stands in front of the peer:
//! a line in which more than one peer can be read names none.

use super::Line;
use super::host::{Peer, only};
use crate::Parsed;
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// `SMTP syntax error in "GET /" H=[192.0.2.1] unrecognized command` and its kin.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"SMTP syntax error in \"") {
        return Some(Parsed::Event(unreadable(line, rest)));
    }
    if let Some(rest) = text.strip_prefix(b"SMTP protocol error in \"") {
        return Some(Parsed::Event(out_of_order(line, rest)));
    }
    let rest = text.strip_prefix(b"SMTP protocol synchronization error (")?;
    if let Some((_, rest)) = scan::split_once(rest, b"rejected connection from H=")
        && rest.len() < text.len()
        && text.starts_with(b"SMTP protocol synchronization error (input sent without")
    {
        return Some(Parsed::Event(early(line, rest)));
    }
    let (_, rest) = scan::split_once(rest, b"): rejected \"")?;
    let event = Event {
        reason: Some(Reason::Pipelining),
        hostile: true,
        ..line.event(Kind::Command, Outcome::Rejected)
    };
    Some(Parsed::Event(with_command(line, rest, event)))
}

/// Fills in the command and the peer behind it, where only one can be read.
fn with_command<'a>(line: &Line<'a>, rest: &'a [u8], event: Event<'a>) -> Event<'a> {
    if let Some((command, peer)) = before_ending(line, rest) {
        return peer.on(Event { detail: Some(Text(command)), ..event });
    }
    match only(line, rest, b"\" H=") {
        Some((command, peer)) => peer.on(Event { detail: Some(Text(command)), ..event }),
        None => event,
    }
}

/// The peer right before words that Exim itself wrote to the line's end. A copy of a peer inside
/// the command is none of these. Not for `MAIL` and `RCPT`, whose endings repeat an address.
fn before_ending<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<(&'a [u8], Peer<'a>)> {
    const ENDINGS: [&[u8]; 4] = [
        b" unrecognized command",
        b" AUTH command used when not advertised",
        b" command used when not advertised",
        b" valid RCPT command must precede DATA",
    ];
    const MARKER: &[u8] = b"\" H=";
    let is = |word: &[u8]| rest.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word));
    if line.is_cut || is(b"MAIL") || is(b"RCPT") {
        return None;
    }
    let mut end = rest.len();
    loop {
        let at = scan::find_last(rest.get(..end)?, MARKER)?;
        if let Some(peer) = rest.get(at + MARKER.len()..).and_then(Peer::read)
            && ENDINGS.contains(&peer.behind_details())
        {
            return Some((rest.get(..at)?, peer));
        }
        end = at;
    }
}

fn unreadable<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let reason =
        if is_other_protocol(rest) { Reason::NonSmtpCommand } else { Reason::ProtocolError };
    let event = line.event(Kind::Command, Outcome::Rejected);
    with_command(line, rest, Event { reason: Some(reason), hostile: true, ..event })
}

/// HTTP, TLS to a plain port, SOCKS, SSH, RDP: Exim prints control bytes as `\003`.
fn is_other_protocol(command: &[u8]) -> bool {
    const OTHERS: [&[u8]; 14] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"PUT ",
        b"OPTIONS ",
        b"CONNECT ",
        b"PRI * HTTP",
        b"Host: ",
        b"User-Agent: ",
        b"\\026\\003",
        b"\\003",
        b"\\004\\001",
        b"\\005",
        b"SSH-2",
    ];
    OTHERS.iter().any(|head| command.starts_with(head))
}

fn out_of_order<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    // The command itself, not what stands behind it, decides: it is from its front.
    let is_auth = rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH"));
    let event = if is_auth {
        let event = line.event(Kind::Auth, Outcome::Rejected);
        Event { reason: Some(Reason::AuthDisallowed), attempts: 1, hostile: true, ..event }
    } else {
        let event = line.event(Kind::Command, Outcome::Rejected);
        // An honest server sends all parts of a message at once. Exim excuses the first of them
        // behind refused recipients, as it does DATA, but no further one.
        let is_hasty = rest.ends_with(b" valid RCPT command must precede BDAT");
        Event { reason: Some(Reason::ProtocolError), hostile: !is_hasty, ..event }
    };
    let event = with_command(line, rest, event);
    // `AUTH PLAIN <secret>` must not be kept.
    Event { detail: event.detail.filter(|_| !is_auth), ..event }
}

/// Text before the greeting.
fn early<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let event = Event {
        reason: Some(Reason::EarlyTalker),
        hostile: true,
        ..line.event(Kind::Connect, Outcome::Rejected)
    };
    let Some(peer) = Peer::read(rest) else { return event };
    let detail = scan::split_once(peer.rest, b" input=\"")
        .and_then(|(_, input)| input.strip_suffix(b"\""))
        .map(Text);
    peer.on(Event { detail, ..event })
}

/// `rejected EHLO from H: syntactically invalid argument(s): x`, `rejected MAIL from H: no
/// HELO/EHLO given`, `rejected from <sender> H=...: message too big`.
pub(super) fn rejected<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text.strip_prefix(b"temporarily ").unwrap_or(line.text);
    let rest = text.strip_prefix(b"rejected ")?;
    let helo = rest.strip_prefix(b"EHLO from ").or(rest.strip_prefix(b"HELO from "));
    if let Some(rest) = helo {
        let event = line.event(Kind::Envelope, Outcome::Rejected);
        let event = Event { reason: Some(Reason::HeloRejected), hostile: true, ..event };
        let Some(peer) = Peer::read(rest) else { return Some(Parsed::Event(event)) };
        let detail = scan::split_once(peer.rest, b"argument(s): ").map(|(_, bad)| Text(bad));
        return Some(Parsed::Event(peer.on(Event { detail, ..event })));
    }
    if let Some(inner) = rest.strip_prefix(b"from <") {
        let event = line.event(Kind::Message, Outcome::Rejected);
        let too_big = scan::contains(inner, b": message too big: ");
        let reason = if too_big { Reason::TooLarge } else { Reason::ProtocolError };
        return Some(Parsed::Event(behind_sender(
            line,
            inner,
            Event { reason: Some(reason), ..event },
        )));
    }
    if let Some(inner) = rest.strip_prefix(b"MAIL FROM:<") {
        let event = line.event(Kind::Message, Outcome::Rejected);
        let event = Event { reason: Some(Reason::TooLarge), ..event };
        return Some(Parsed::Event(behind_sender(line, inner, event)));
    }
    let event = Event {
        reason: Some(Reason::ProtocolError),
        hostile: true,
        ..line.event(Kind::Command, Outcome::Rejected)
    };
    let event = match rest.strip_prefix(b"MAIL from ").or(rest.strip_prefix(b"XCLIENT from ")) {
        Some(rest) => Peer::read(rest).map_or(event, |peer| peer.on(event)),
        None if rest.starts_with(b"MAIL command ") => {
            only(line, rest, b"H=").map_or(event, |(_, peer)| peer.on(event))
        }
        None => only(line, rest, b"\" from ").map_or(event, |(_, peer)| peer.on(event)),
    };
    Some(Parsed::Event(event))
}

fn behind_sender<'a>(line: &Line<'a>, inner: &'a [u8], event: Event<'a>) -> Event<'a> {
    match only(line, inner, b"> H=") {
        Some((sender, peer)) => peer.on(Event { sender: Some(Text(sender)), ..event }),
        None => event,
    }
}

/// `unqualified recipient rejected: <root> H=...`.
pub(super) fn unqualified<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let (what, rest) = scan::split_once(line.text, b" rejected: <")?;
    let is_sender = what.ends_with(b"sender");
    let reason = if is_sender { Reason::SenderRejected } else { Reason::RecipientRejected };
    let event = line.event(Kind::Envelope, Outcome::Rejected);
    let event = Event { reason: Some(reason), hostile: true, ..event };
    let Some((address, peer)) = only(line, rest, b"> H=") else {
        return Some(Parsed::Event(event));
    };
    let event = match is_sender {
        true => Event { sender: Some(Text(address)), ..event },
        false => Event { recipient: Some(Text(address)), ..event },
    };
    Some(Parsed::Event(peer.on(event)))
}

/// `too many recipients: message rejected: sender=<a@b> H=...`.
pub(super) fn too_many_recipients<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let (_, rest) = scan::split_once(line.text, b": sender=<")?;
    let event = line.event(Kind::Message, Outcome::Rejected);
    let event = Event { reason: Some(Reason::RateLimited), ..event };
    Some(Parsed::Event(behind_sender(line, rest, event)))
}
