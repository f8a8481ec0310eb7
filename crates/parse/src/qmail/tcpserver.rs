//! `tcpserver` and `rblsmtpd` of ucspi-tcp: who connected, and who was sent away at once.

use super::Line;
use crate::{Parsed, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

/// `pid 4711 from 203.0.113.9`, `ok`, `deny`, `end 4711 status 0`, behind the program's name. The
/// port served is not told: mail's `tcpserver` is run for SMTP and POP3.
pub(super) fn tcpserver<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    let (verb, rest) = scan::word(text);
    let (digits, rest) = scan::word(rest);
    let event = |kind, outcome| Event {
        protocol: Protocol::Unknown,
        pid: scan::number(digits),
        ..line.event(b"tcpserver", kind, outcome)
    };
    let event = match verb {
        b"pid" => {
            let client = scan::address(rest.strip_prefix(b"from ")?);
            Event {
                client: client.filter(|_| line.whole),
                ..event(Kind::Connect, Outcome::Allowed)
            }
        }
        b"deny" => {
            let client = denied(rest).filter(|_| line.whole);
            let reason = Some(Reason::ClientRejected);
            Event { client, reason, ..event(Kind::Connect, Outcome::Rejected) }
        }
        b"end" if rest.starts_with(b"status ") => event(Kind::Disconnect, Outcome::Allowed),
        b"ok" => return Some(Parsed::Noise("connection")),
        b"status:" => return Some(Parsed::Noise("statistics")),
        b"warning:" => return Some(Parsed::Noise("warning")),
        b"fatal:" | b"usage:" => return Some(Parsed::Noise("internal-error")),
        _ => return None,
    };
    Some(Parsed::Event(event))
}

/// `mx.example.org:192.0.2.1:25 NAME:203.0.113.9:INFO:47743`. Name and info (by `ident`) are a
/// stranger's: a colon in either, or an IPv6 address, and the place is not sure.
fn denied(rest: &[u8]) -> Option<core::net::IpAddr> {
    let (_local, remote) = scan::word(rest);
    let mut parts = remote.split(|byte| *byte == b':');
    let (_name, place, _info, port) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let fits = parts.next().is_none() && scan::number(port).is_some();
    fits.then(|| scan::address(place)).flatten()
}

/// `203.0.113.9 pid 4711: 451 http://www.example.net/query?ip=203.0.113.9`, and badiprbl's
/// `badiprbl: ip 203.0.113.9 rbl: ...`. The text comes from the list, its front from `tcpserver`.
pub(super) fn blocklist<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    let text = text.strip_prefix(b"badiprbl: ").unwrap_or(text);
    let event = line.event(b"rblsmtpd", Kind::Connect, Outcome::Rejected);
    let event = Event { reason: Some(Reason::Blocklisted), hostile: true, ..event };
    if let Some(rest) = text.strip_prefix(b"ip ") {
        let (place, rest) = scan::word(rest);
        let words = rest.strip_prefix(b"rbl: ")?;
        let detail = Some(Text(words));
        return Some(Parsed::Event(Event { client: scan::address(place), detail, ..event }));
    }
    let (place, rest) = scan::word(text);
    let (digits, words) = scan::split_once(rest.strip_prefix(b"pid ")?, b": ")?;
    let temporary = words.starts_with(b"451 ");
    let outcome = if temporary { Outcome::Deferred } else { Outcome::Rejected };
    let (client, pid, detail) = (scan::address(place), scan::number(digits), Some(Text(words)));
    Some(Parsed::Event(Event { client, pid, detail, outcome, ..event }))
}
