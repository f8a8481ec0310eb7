//! Lines about a connection, many of which begin with the peer.

use super::{Line, peer};
use crate::{Parsed, scan};
use event::{Event, Kind, Outcome, Reason, Text};

/// `None` where the line is none of these.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let event = worded(line).or_else(|| inquiry(line));
    event.or_else(|| command(line)).or_else(|| silent(line)).map(Parsed::Event)
}

/// Lines with a fixed word in front.
fn worded<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"lost input channel from ") {
        let end = scan::find_last(rest, b" after ")?;
        let end = scan::find_last(rest.get(..end)?, b" to ")?;
        let client = peer::whole(rest.get(..end)?);
        let event = line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::ConnectionLost);
        return Some(Event { client, ..event });
    }
    if let Some(rest) = text.strip_prefix(b"timeout waiting for input from ") {
        let (place, _) = rest.split_at_checked(scan::find_last(rest, b" during ")?)?;
        let event = line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::Timeout);
        return Some(Event { client: peer::whole(place), ..event });
    }
    if let Some(rest) = text.strip_prefix(b"rejecting commands from ") {
        let end = scan::find_last(rest, b" due to pre-greeting traffic")?;
        let client = peer::whole(rest.get(..end)?);
        let event = line.refusal(Kind::Connect, Outcome::Rejected, Reason::EarlyTalker);
        return Some(Event { client, hostile: true, ..event });
    }
    if text.starts_with(b"rejecting ") && text.ends_with(b" due to traffic before response") {
        // `rejecting server EHLO from PEER due to ...`
        let end = text.len() - b" due to traffic before response".len();
        let client = text.get(..end).and_then(|text| peer::last(text, b" from "));
        let event = line.refusal(Kind::Command, Outcome::Rejected, Reason::EarlyTalker);
        return Some(Event { client, hostile: true, ..event });
    }
    if text.starts_with(b"unauthorized PIPELINING, sleeping, relay=") {
        let client = peer::last(text, b", relay=");
        let event = line.refusal(Kind::Command, Outcome::Tarpitted, Reason::Pipelining);
        return Some(Event { client, hostile: true, ..event });
    }
    if text.starts_with(b"invalid domain name (") {
        let client = peer::last(text, b") from ");
        let event = line.refusal(Kind::Envelope, Outcome::Rejected, Reason::HeloRejected);
        return Some(Event { client, hostile: true, ..event });
    }
    if let Some(rest) = text.strip_prefix(b"connect from ") {
        let event = line.event(Kind::Connect, Outcome::Allowed);
        return Some(Event { client: peer::whole(rest), ..event });
    }
    if text.starts_with(b"\"") && scan::contains(text, b"\" command from ") {
        // A command that only attacks use. A refused address in quotes can look the same, so the
        // client is nobody; the queue id leads to him.
        let event = line.refusal(Kind::Command, Outcome::Rejected, Reason::ProtocolError);
        return Some(Event { hostile: true, ..event });
    }
    if text.starts_with(b"collect: ") {
        return Some(line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::ConnectionLost));
    }
    None
}

/// `PEER did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA-v4`. Who logged in and sent
/// nothing has such a line, too.
fn silent<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let end = scan::find_last(line.text, b" did not issue MAIL/EXPN/VRFY/ETRN during connection")?;
    let client = peer::whole(line.text.get(..end)?);
    Some(Event { client, ..line.event(Kind::Disconnect, Outcome::Allowed) })
}

/// `PEER: WORDS`. Only the line of an open proxy has a stranger's text behind the peer.
fn command<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let about = |words: &[u8]| peer::before(line.text, words);
    let refused = |reason| line.refusal(Kind::Command, Outcome::Rejected, reason);
    let (client, event) = if let Some((client, _)) = about(b": probable open proxy: command=") {
        (client, refused(Reason::NonSmtpCommand))
    } else if let Some((client, _)) = about(b": possible SMTP attack: command=") {
        (client, refused(Reason::TooManyErrors))
    } else if let Some((client, _)) = about(b": Possible SMTP RCPT flood, ") {
        (client, line.refusal(Kind::Limit, Outcome::Tarpitted, Reason::TooManyErrors))
    } else if let Some((client, _)) = about(b": SMTP violation, input too long: ") {
        (client, refused(Reason::ProtocolError))
    } else {
        return None;
    };
    Some(Event { client, hostile: true, ..event })
}

/// `PEER: VRFY root [rejected]`, `PEER: EXPN staff`, `PEER: ETRN host`. The text may hold a copy of
/// the words, so they stand once or the client is nobody.
fn inquiry<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let verb = |text: &[u8]| {
        let word = scan::word(text).0;
        [&b"VRFY"[..], b"EXPN", b"ETRN"].iter().any(|verb| word.eq_ignore_ascii_case(verb))
    };
    let (head, rest) = scan::split_once(line.text, b"]: ")
        .or_else(|| scan::split_once(line.text, b"] (may be forged): "))?;
    if !verb(rest) {
        return None;
    }
    let copied = scan::contains(rest, b"]: ") || scan::contains(rest, b"] (may be forged): ");
    let place = line.text.get(..head.len() + 1)?;
    let client = peer::whole(place).filter(|_| !copied);
    let refused = rest.ends_with(b" [rejected]");
    let event = if refused {
        line.refusal(Kind::Command, Outcome::Rejected, Reason::PolicyRejected)
    } else {
        line.event(Kind::Command, Outcome::Allowed)
    };
    Some(Event { client, hostile: refused, detail: Some(Text(rest)), ..event })
}
