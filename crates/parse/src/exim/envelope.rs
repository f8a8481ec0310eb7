//! Refused commands: `H=(helo) [address] F=<sender> rejected RCPT <recipient>: reason`.

use super::Line;
use super::host::Peer;
use super::why;
use crate::Parsed;
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// A mail address up to its `>`, as the address and what follows the `>`. Exim logs a sender only
/// after reading it: either quoted and closed, or without a space or bracket.
pub(super) fn mailbox(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    if text.first() == Some(&b'"') {
        at = 1;
        loop {
            match text.get(at)? {
                b'\\' => at += 2,
                b'"' => break,
                _ => at += 1,
            }
        }
        at += 1;
        if !matches!(text.get(at), Some(b'@' | b'>')) {
            return None;
        }
    }
    let rest = text.get(at..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'>' | b' ' | b'<' | b'(' | b'"'))?;
    (rest.get(end) == Some(&b'>'))
        .then(|| Some((text.get(..at + end)?, rest.get(end + 1..)?)))
        .flatten()
}

/// Lines that begin with `H=`.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let peer = Peer::read(line.text.strip_prefix(b"H=")?)?;
    let rest = peer.behind_details();
    let (sender, rest) = match rest.strip_prefix(b" F=<") {
        Some(inner) => match mailbox(inner) {
            Some((sender, rest)) => (Some(Text(sender)), rest),
            // A sender that is no address: the line is not decidable, but it says what was done.
            None => return undecidable(line, inner),
        },
        None => (None, rest),
    };
    let (account, rest) = authenticated(rest);
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    if let Some(refused) = rest.strip_prefix(b"rejected ") {
        let event = refusal(line, refused, Outcome::Rejected)?;
        let sender = sender.or(event.sender);
        return Some(Parsed::Event(peer.on(Event { sender, account, ..event })));
    }
    if let Some(refused) = rest.strip_prefix(b"temporarily rejected ") {
        let event = refusal(line, refused, Outcome::Deferred)?;
        let sender = sender.or(event.sender);
        return Some(Parsed::Event(peer.on(Event { sender, account, ..event })));
    }
    if rest.starts_with(b"sender verify ") {
        return Some(Parsed::Event(peer.on(sender_verify(line, rest))));
    }
    if rest.starts_with(b"Warning: ") {
        return Some(Parsed::Noise("acl-warning"));
    }
    if let Some(how) = rest.strip_prefix(b"incomplete transaction (") {
        let outcome = if how.starts_with(b"QUIT") || how.starts_with(b"RSET") {
            Outcome::Allowed
        } else {
            Outcome::Dropped
        };
        let reason = (outcome == Outcome::Dropped).then_some(Reason::ConnectionLost);
        let event = Event { reason, ..line.event(Kind::Disconnect, outcome) };
        return Some(Parsed::Event(peer.on(event)));
    }
    if rest.starts_with(b"dropped by ") {
        let event = Event {
            reason: Some(why::of_client(rest)),
            hostile: true,
            ..line.event(Kind::Connect, Outcome::Rejected)
        };
        return Some(Parsed::Event(peer.on(event)));
    }
    if scan::contains(rest, b": discarded by ") {
        return Some(Parsed::Noise("discarded"));
    }
    // A server that we deliver to: `H=mx.example [192.0.2.1]: SMTP error from remote ...`.
    Some(Parsed::Noise("outgoing"))
}

/// What was refused, by nobody: there is no telling where the peer stands.
fn undecidable<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let at = scan::find_last(rest, b" rejected ")?;
    let event = refusal(line, rest.get(at + b" rejected ".len()..)?, Outcome::Rejected)?;
    Some(Parsed::Event(Event { recipient: None, detail: None, ..event }))
}

/// ` A=login:bob` behind the sender: who had logged in.
fn authenticated(rest: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    let Some(inner) = rest.strip_prefix(b" A=") else { return (None, rest) };
    let end = scan::find(inner, b" rejected ")
        .into_iter()
        .chain(scan::find(inner, b" temporarily rejected "))
        .min();
    let Some((login, rest)) = end.map(|end| inner.split_at(end)) else { return (None, rest) };
    (scan::split_once(login, b":").map(|(_, account)| Text(account)), rest)
}

fn sender_verify<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let (outcome, inner) = match rest.strip_prefix(b"sender verify fail for <") {
        Some(inner) => (Outcome::Rejected, inner),
        None => {
            (Outcome::Deferred, rest.strip_prefix(b"sender verify defer for <").unwrap_or_default())
        }
    };
    // The refusal of the recipient follows and counts; this line only tells why.
    let sender = mailbox(inner).map(|(sender, _)| Text(sender));
    Event { reason: Some(Reason::SenderRejected), sender, ..line.event(Kind::Envelope, outcome) }
}

/// `RCPT <recipient>: reason`, `after DATA: reason`, `connection in "connect" ACL: reason`.
fn refusal<'a>(line: &Line<'a>, refused: &'a [u8], outcome: Outcome) -> Option<Event<'a>> {
    let event = |kind, reason: Reason| Event {
        reason: Some(reason),
        hostile: outcome == Outcome::Rejected && why::counts(reason)
            || reason == Reason::RateLimited,
        ..line.event(kind, outcome)
    };
    if let Some(inner) = refused.strip_prefix(b"RCPT ") {
        let (recipient, text) = argument(inner);
        let reason = why::of_recipient(text);
        let known = (reason == Reason::RecipientUnknown).then_some(false);
        let detail = (!text.is_empty()).then_some(Text(text));
        return Some(Event { recipient, known, detail, ..event(Kind::Envelope, reason) });
    }
    if let Some(inner) = refused.strip_prefix(b"MAIL ") {
        let (sender, text) = argument(inner);
        let detail = (!text.is_empty()).then_some(Text(text));
        return Some(Event { sender, detail, ..event(Kind::Envelope, why::of_sender(text)) });
    }
    if let Some(inner) = refused.strip_prefix(b"EHLO or HELO ") {
        let (_, text) = scan::split_once(inner, b": ").unwrap_or((inner, b""));
        return Some(event(Kind::Envelope, why::of_helo(text)));
    }
    if let Some(inner) = refused.strip_prefix(b"AUTH ") {
        let (mechanism, _) =
            scan::take_while(inner, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let mechanism = (!mechanism.is_empty()).then_some(Text(mechanism));
        let event = event(Kind::Auth, Reason::AuthDisallowed);
        let attempts = u32::from(event.hostile);
        return Some(Event { mechanism, attempts, ..event });
    }
    if let Some(inner) = refused.strip_prefix(b"connection ") {
        return Some(event(Kind::Connect, why::of_client(inner)));
    }
    if refused.starts_with(b"after DATA")
        || refused.starts_with(b"DATA")
        || refused.starts_with(b"during MIME ACL checks")
    {
        let (_, text) = scan::split_once(refused, b": ").unwrap_or((refused, b""));
        let detail = (!text.is_empty()).then_some(Text(text));
        return Some(Event { detail, ..event(Kind::Message, why::of_message(text)) });
    }
    if refused.starts_with(b"by local_scan()") {
        return Some(event(Kind::Message, Reason::ContentRejected));
    }
    let commands: [&[u8]; 7] =
        [b"VRFY", b"EXPN", b"ETRN", b"STARTTLS", b"QUIT", b"PREDATA", b"NOTQUIT"];
    commands
        .iter()
        .any(|command| refused.starts_with(command))
        .then(|| event(Kind::Command, Reason::PolicyRejected))
}

/// `<address>: reason` or `<address> PARAMETERS: reason`; the address is cut after 100 bytes, and
/// then there is none.
fn argument(inner: &[u8]) -> (Option<Text<'_>>, &[u8]) {
    let bare = inner.strip_prefix(b"<").and_then(mailbox);
    if let Some((address, rest)) = bare {
        let text = match rest.strip_prefix(b": ") {
            Some(text) => text,
            None => scan::split_once(rest, b": ").map_or(&b""[..], |(_, text)| text),
        };
        return (Some(Text(address)), text);
    }
    // The last colon: an address that is none may hold any number of them.
    let text = scan::find_last(inner, b">: ").and_then(|at| inner.get(at + 3..));
    (None, text.unwrap_or_default())
}
