//! Postfix 3.4 to 3.10: smtpd, postscreen, queue and delivery.
//!
//! One grammar serves all daemons, because the wording of each line is its own and because
//! syslog's RFC 5424 form loses the daemon's name. A message begins with words of Postfix's own: a
//! severity, a queue id, or a verb; these lead to one place where the peer stands.
//!
//! Postfix prints `?` for controls and for bytes that are no UTF-8, so no stranger can begin a
//! line; he can write any other text behind the peer. What was seen of each line's format, in the
//! daemons themselves: the manual pages smtpd(8), postscreen(8), anvil(8), and lines of Postfix
//! 3.7.11 and 3.10.13 under attack (`corpora/postfix`).

mod delivery;
mod line;
mod noise;
mod peer;
mod postscreen;
mod reject;
mod sasl;
mod smtpd;

use crate::{Parsed, Parser, Record, scan};
use event::{Event, Kind, Outcome, Reason, Text, Timestamp};
use line::{Line, detail};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "postfix",
    versions: "3.4 to 3.10",
    origin: "runs of 3.7.11 and 3.10.13 under attack; the manual pages",
    owns,
    parse,
    own_file: None,
};

/// `postfix/smtpd`, `postfix-out/smtpd` (a second instance) and bare `postfix`.
fn owns(record: &Record<'_>) -> bool {
    let Some(rest) = record.program.bytes().strip_prefix(b"postfix") else { return false };
    match rest.first() {
        None | Some(b'/') => true,
        Some(b'-') => rest.contains(&b'/'),
        Some(_) => false,
    }
}

/// Begins with the lines that smtpd writes most. The long way leads to the same: none of these
/// words can begin a queue id or a severity. Each makes its event where it is returned, as one is
/// large.
fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let line = Line::of(record, at);
    let message = record.message;
    match message.first() {
        Some(b'c') => {
            if let Some(peer) = message.strip_prefix(b"connect from ")
                && let Some(event) = smtpd::connect(&line, peer)
            {
                return Parsed::Event(event);
            }
        }
        Some(b'd') => {
            if let Some(peer) = message.strip_prefix(b"disconnect from ")
                && let Some(event) = smtpd::disconnect(&line, peer)
            {
                return Parsed::Event(event);
            }
        }
        Some(b'A') if message.starts_with(b"Anonymous TLS") => {
            if let Some(event) = smtpd::tls_established(&line, message) {
                return Parsed::Event(event);
            }
        }
        Some(b'N') if message.starts_with(b"NOQUEUE: r") => {
            let rest = message.get(b"NOQUEUE: ".len()..).unwrap_or_default();
            if let Some(event) = reject::event(&line, None, rest) {
                return Parsed::Event(event);
            }
        }
        _ => {}
    }
    any(&line, message)
}

fn any<'a>(line: &Line<'a>, message: &'a [u8]) -> Parsed<'a> {
    if let Some((severity, text)) = severity(message) {
        return troubled(line, severity, text);
    }
    if let Some((id, rest)) = queue_id(message) {
        return queued(line, id, rest);
    }
    match plain(line, message) {
        Parsed::Unknown => noise::daemon(line.daemon()).map_or(Parsed::Unknown, Parsed::Noise),
        parsed => parsed,
    }
}

/// `warning: ` and the other words for how bad it is.
fn severity(message: &[u8]) -> Option<(&'static str, &[u8])> {
    let (word, text) = match message.first()? {
        b'w' => ("warning", message.strip_prefix(b"warning: ")?),
        b'f' => ("fatal", message.strip_prefix(b"fatal: ")?),
        b'e' => ("error", message.strip_prefix(b"error: ")?),
        b'p' => ("panic", message.strip_prefix(b"panic: ")?),
        _ => return None,
    };
    Some((word, text))
}

/// `3E3249AE22C: ` (hexadecimal), `4Zx9Bb1Qz3z1Kx: ` (the long form: 52 characters, no vowels) or
/// `NOQUEUE: `.
fn queue_id(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut seen, mut length) = (0, 0);
    for byte in message.iter().take(24) {
        let class = ID_CLASS[usize::from(*byte)];
        if class == 0 {
            break;
        }
        seen |= class;
        length += 1;
    }
    let hexadecimal = seen & !(DIGIT | HEX_CONSONANT | HEX_VOWEL) == 0;
    let long = seen & (HEX_VOWEL | VOWEL) == 0;
    if !(hexadecimal && length >= 5 || long && length >= 10) {
        return no_queue(message);
    }
    let (id, rest) = message.split_at_checked(length)?;
    Some((id, rest.strip_prefix(b": ")?))
}

const DIGIT: u8 = 1;
const HEX_CONSONANT: u8 = 2;
const HEX_VOWEL: u8 = 4;
const CONSONANT: u8 = 8;
const VOWEL: u8 = 16;

/// What each byte may be in a queue id; 0 ends it.
const ID_CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'A' | b'E' => HEX_VOWEL,
            b'B' | b'C' | b'D' | b'F' => HEX_CONSONANT,
            b'a' | b'e' | b'i' | b'o' | b'u' | b'I' | b'O' | b'U' => VOWEL,
            b'a'..=b'z' | b'A'..=b'Z' => CONSONANT,
            _ => 0,
        };
        byte += 1;
    }
    table
};

fn no_queue(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = message.strip_prefix(b"NOQUEUE: ")?;
    Some((message.get(..7)?, rest))
}

/// What follows a queue id.
fn queued<'a>(line: &Line<'a>, id: &'a [u8], rest: &'a [u8]) -> Parsed<'a> {
    let text = Text(id);
    let queue_id = (id != b"NOQUEUE").then_some(text);
    let event = match rest.first() {
        // Two of three lines of a queue are these.
        Some(b'r') if rest == b"removed" => return Parsed::Noise("queue-removed"),
        Some(b'm') if rest.starts_with(b"message-id=") => return Parsed::Noise("message-id"),
        Some(b'f') if rest.starts_with(b"from=<") => match delivery::from(line, text, rest) {
            Some(event) => return Parsed::Event(event),
            None => None,
        },
        Some(b't') if rest.starts_with(b"to=<") => match delivery::to(line, text, rest) {
            Some(event) => return Parsed::Event(event),
            None => None,
        },
        Some(b'c') => rest
            .strip_prefix(b"client=")
            .filter(|_| queue_id.is_some())
            .and_then(|rest| sasl::client(line, text, rest)),
        Some(b'u') => delivery::uid(line, text, rest),
        Some(b'l' | b't') => smtpd::ended(line, rest).map(|event| Event { queue_id, ..event }),
        _ => None,
    };
    let event = event.or_else(|| reject::event(line, queue_id, rest)).or_else(|| {
        let (peer, _) = peer::peer_and_text(rest.strip_prefix(b"abort: TLS from ")?)?;
        let event = line.about(peer, Kind::Tls, Outcome::Dropped);
        Some(Event { reason: Some(Reason::TlsFailed), ..event })
    });
    match event {
        Some(event) => Parsed::Event(event),
        None => noise::queue(rest).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

/// What follows `warning: ` and the like.
fn troubled<'a>(line: &Line<'a>, severity: &'static str, text: &'a [u8]) -> Parsed<'a> {
    let event = match text.first() {
        Some(b'n') => text
            .strip_prefix(b"non-SMTP command from ")
            .and_then(|rest| smtpd::non_smtp(line, rest)),
        Some(b'i') => text
            .strip_prefix(b"improper command pipelining after ")
            .and_then(|rest| smtpd::pipelining(line, rest)),
        Some(b'I') => text
            .strip_prefix(b"Illegal address syntax from ")
            .and_then(|rest| smtpd::bad_syntax(line, rest)),
        Some(b'h') => proxy_or_name(line, text),
        Some(b'A' | b'C' | b'M' | b'N' | b'R') => {
            smtpd::limited(line, text).or_else(|| no_tls(line, text))
        }
        Some(b'W') => no_tls(line, text),
        Some(b'r') => smtpd::refused_etrn(line, text),
        _ => None,
    };
    if let Some(event) = event.or_else(|| peer_first(line, text)) {
        return Parsed::Event(event);
    }
    if let Some((id, rest)) = queue_id(text) {
        return message_warning(line, id, rest);
    }
    let name = noise::warning(text).or_else(|| noise::daemon(line.daemon()));
    match (name, severity) {
        (Some(name), _) => Parsed::Noise(name),
        (None, "warning") => Parsed::Unknown,
        (None, severity) => Parsed::Noise(severity),
    }
}

/// `warning: peer: SASL ...`, `warning: peer: request longer than ...`.
fn peer_first<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    let (peer, rest) = peer::peer(text)?;
    let rest = rest.strip_prefix(b": ")?;
    if let Some(rest) = rest.strip_prefix(b"SASL ") {
        return Some(sasl::failed(line, peer, rest));
    }
    let fault = rest.starts_with(b"request longer than ") || rest.starts_with(b"malformed BDAT ");
    fault.then(|| smtpd::bad_syntax(line, text)).flatten()
}

/// `haproxy read: text` and `hostname NAME does not resolve to address ADDRESS[: why]`.
///
/// The name is DNS text, but Postfix drops one that has a space before it looks. The address is
/// taken only where words follow it: at the end of a line nobody can tell `192.0.2.1` from the
/// front of `192.0.2.17`. A `connect from` follows anyway.
fn proxy_or_name<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix(b"haproxy read: ") {
        return Some(smtpd::proxy_header(line, rest));
    }
    let (name, rest) = scan::word(text.strip_prefix(b"hostname ")?);
    let rest = rest.strip_prefix(b"does not resolve to address ").filter(|_| !name.is_empty())?;
    let client = scan::split_once(rest, b": ").and_then(|(address, _)| scan::address(address));
    let event = line.event(Kind::Envelope, Outcome::Allowed);
    Some(Event { client, detail: detail(name), ..event })
}

/// Clients that asked for TLS in vain.
fn no_tls<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    [
        &b"Refusing STARTTLS request from "[..],
        b"Refusing TLS service request from ",
        b"Wrapper-mode request dropped from ",
    ]
    .iter()
    .find_map(|words| smtpd::tls_unavailable(line, text.strip_prefix(*words)?))
}

/// `warning: QUEUEID: message rejected: hopcount exceeded` and what else befalls a message.
fn message_warning<'a>(line: &Line<'a>, id: &'a [u8], rest: &'a [u8]) -> Parsed<'a> {
    let refused = [&b"message rejected: "[..], b"queue file size limit exceeded"]
        .iter()
        .any(|words| rest.starts_with(words));
    if !refused {
        return Parsed::Noise("message-warning");
    }
    let reason = rest.starts_with(b"queue file").then_some(Reason::TooLarge);
    let event = line.event(Kind::Message, Outcome::Rejected);
    Parsed::Event(Event { queue_id: Some(Text(id)), reason, detail: detail(rest), ..event })
}

/// A message without severity and queue id.
fn plain<'a>(line: &Line<'a>, message: &'a [u8]) -> Parsed<'a> {
    let event = match message.first() {
        Some(b'c') => {
            message.strip_prefix(b"connect from ").and_then(|rest| smtpd::connect(line, rest))
        }
        Some(b'd') => {
            message.strip_prefix(b"disconnect from ").and_then(|rest| smtpd::disconnect(line, rest))
        }
        Some(b'l' | b't') => smtpd::ended(line, message),
        Some(b's') => {
            message.strip_prefix(b"statistics: ").and_then(|rest| smtpd::statistics(line, rest))
        }
        // A warning in some releases.
        Some(b'i') => message
            .strip_prefix(b"improper command pipelining after ")
            .and_then(|rest| smtpd::pipelining(line, rest)),
        Some(b'T') => message
            .strip_prefix(b"TLS handshake failed for service=smtpd peer=")
            .and_then(|rest| smtpd::tls_failed(line, rest)),
        Some(b'S') => message
            .strip_prefix(b"SSL_accept error from ")
            .and_then(|rest| smtpd::tls_failed(line, rest)),
        Some(b'a') => postscreen::dnsblog(line, message),
        Some(b'r') => {
            postscreen::busy(line, message).or_else(|| reject::event(line, None, message))
        }
        _ => None,
    };
    if let Some(event) = event {
        return Parsed::Event(event);
    }
    if line.daemon() == b"tlsproxy"
        && (message.starts_with(b"CONNECT ") || message.starts_with(b"DISCONNECT "))
    {
        // postscreen, which hands the connection over, has told already.
        return Parsed::Noise("tls-proxy");
    }
    let event = smtpd::tls_established(line, message).or_else(|| postscreen::event(line, message));
    match event {
        Some(event) => Parsed::Event(event),
        None => noise::plain(message).map_or_else(|| peer_detail(message), Parsed::Noise),
    }
}

/// `peer: TLS cipher list ...` and other details of a connection, at raised log levels.
fn peer_detail(message: &[u8]) -> Parsed<'_> {
    match peer::peer(message) {
        Some((_, rest)) if rest.starts_with(b": ") => Parsed::Noise("session-detail"),
        _ => Parsed::Unknown,
    }
}
