//! postscreen, dnsblog and tlsproxy: what happens before smtpd sees a client.

use super::line::{Line, detail};
use super::peer::{follows, peer, peer_and_text};
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// Lines that begin with a capital word. `None` where they are none of postscreen's.
pub(super) fn event<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    match message.first()? {
        b'C' => connect(line, message).or_else(|| command(line, message)),
        b'D' => {
            let plain = |rest| about(line, rest, Kind::Disconnect, Outcome::Allowed);
            message.strip_prefix(b"DISCONNECT ").and_then(plain).or_else(|| command(line, message))
        }
        b'P' => passed(line, message).or_else(|| pregreet(line, message)),
        b'H' => hangup(line, message),
        b'A' | b'W' | b'B' => listed(line, message).or_else(|| command(line, message)),
        b'N' => command(line, message),
        _ => None,
    }
    .or_else(|| listed(line, message))
    .or_else(|| dnsbl_rank(line, message))
}

/// An event about the peer that `rest` is, and nothing but that.
fn about<'a>(line: &Line<'a>, rest: &[u8], kind: Kind, outcome: Outcome) -> Option<Event<'a>> {
    let (peer, rest) = peer(rest)?;
    rest.is_empty().then(|| line.about(peer, kind, outcome))
}

/// `CONNECT from [a]:p to [b]:q`.
fn connect<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (peer, rest) = peer(message.strip_prefix(b"CONNECT from ")?)?;
    let told = rest.is_empty() || rest.starts_with(b" to ");
    told.then(|| line.about(peer, Kind::Connect, Outcome::Allowed))
}

/// `PASS OLD [a]:p`, `PASS NEW [a]:p`: the client was judged and may go on to smtpd.
fn passed<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let rest = message.strip_prefix(b"PASS OLD ").or_else(|| message.strip_prefix(b"PASS NEW "))?;
    about(line, rest, Kind::Envelope, Outcome::Allowed)
}

/// The access list: `ALLOWLISTED`, `DENYLISTED` and `ALLOWLIST VETO`; other words before 3.6.
fn listed<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (word, rest) = scan::word(message);
    match word {
        b"ALLOWLISTED" | b"WHITELISTED" => about(line, rest, Kind::Envelope, Outcome::Allowed),
        b"DENYLISTED" | b"BLACKLISTED" => {
            let event = about(line, rest, Kind::Envelope, Outcome::Rejected)?;
            Some(Event { reason: Some(Reason::ClientRejected), hostile: true, ..event })
        }
        b"ALLOWLIST" | b"WHITELIST" => {
            let event =
                about(line, rest.strip_prefix(b"VETO ")?, Kind::Envelope, Outcome::Deferred)?;
            Some(Event { reason: Some(Reason::ClientRejected), ..event })
        }
        _ => None,
    }
}

/// `PREGREET 12 after 0.5 from [a]:p: text`.
fn pregreet<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (count, rest) = scan::word(message.strip_prefix(b"PREGREET ")?);
    let (seconds, rest) = scan::word(rest.strip_prefix(b"after ")?);
    scan::number(count)?;
    if !is_delay(seconds) {
        return None;
    }
    let (peer, text) = peer_and_text(rest.strip_prefix(b"from ")?)?;
    let event = line.against(peer, Kind::Command, Outcome::Rejected, Reason::EarlyTalker);
    Some(Event { detail: detail(text), ..event })
}

/// `HANGUP after 0.1 from [a]:p in tests before SMTP handshake`.
fn hangup<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (seconds, rest) = scan::word(message.strip_prefix(b"HANGUP after ")?);
    if !is_delay(seconds) {
        return None;
    }
    let (peer, rest) = peer(rest.strip_prefix(b"from ")?)?;
    if !follows(rest, b" in ") {
        return None;
    }
    let event = line.about(peer, Kind::Disconnect, Outcome::Dropped);
    let stage = rest.strip_prefix(b" in ").unwrap_or_default();
    Some(Event { reason: Some(Reason::ConnectionLost), detail: detail(stage), ..event })
}

fn is_delay(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// `DNSBL rank 8 for [a]:p`: printed where the rank reaches the threshold.
fn dnsbl_rank<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (rank, rest) = scan::word(message.strip_prefix(b"DNSBL rank ")?);
    scan::number(rank)?;
    let event = about(line, rest.strip_prefix(b"for ")?, Kind::Envelope, Outcome::Rejected)?;
    let event = Event { reason: Some(Reason::Blocklisted), hostile: true, ..event };
    Some(Event { detail: Some(Text(rank)), ..event })
}

/// `reject: connect from [a]:p: all screening ports busy`: this host is short of ports.
pub(super) fn busy<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (peer, why) = peer_and_text(message.strip_prefix(b"reject: connect from ")?)?;
    let event = line.about(peer, Kind::Connect, Outcome::Deferred);
    Some(Event { reason: Some(Reason::TooManyConnections), detail: detail(why), ..event })
}

/// Tests of the dialogue: words, ` from [a]:p`, then what the client sent.
const COMMANDS: [(&[u8], Reason); 8] = [
    (b"NON-SMTP COMMAND from ", Reason::NonSmtpCommand),
    (b"COMMAND PIPELINING from ", Reason::Pipelining),
    (b"COMMAND TIME LIMIT from ", Reason::Timeout),
    (b"COMMAND COUNT LIMIT from ", Reason::TooManyErrors),
    (b"COMMAND LENGTH LIMIT from ", Reason::ProtocolError),
    (b"BARE NEWLINE from ", Reason::ProtocolError),
    (b"DATA without valid RCPT from ", Reason::ProtocolError),
    (b"BDAT without valid RCPT from ", Reason::ProtocolError),
];

fn command<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (reason, rest) = COMMANDS
        .iter()
        .find_map(|(words, reason)| Some((*reason, message.strip_prefix(*words)?)))?;
    let (peer, rest) = peer(rest)?;
    if !follows(rest, b" after ") {
        return None;
    }
    let event = line.against(peer, Kind::Command, Outcome::Rejected, reason);
    let sent = rest.strip_prefix(b" after ").unwrap_or_default();
    // A slow line is no attack, and a bare newline may be an old mailer's.
    let hostile = !matches!(reason, Reason::Timeout) && !message.starts_with(b"BARE");
    Some(Event { hostile, detail: detail(sent), ..event })
}

/// dnsblog: `addr 192.0.2.1 listed by domain zen.example as 127.0.0.4`. An allowlist's answer
/// looks the same, so it does not count against the client; postscreen's `DNSBL rank` does.
pub(super) fn dnsblog<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (text, rest) = scan::word(message.strip_prefix(b"addr ")?);
    let client = scan::address(text)?;
    let list = rest.strip_prefix(b"listed by domain ")?;
    let event = line.event(Kind::Envelope, Outcome::Allowed);
    Some(Event { client: Some(client), detail: detail(list), ..event })
}
