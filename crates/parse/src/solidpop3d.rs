//! solid-pop3d 0.15, by syslog.
//!
//! `authentication failed: no such user: x - 203.0.113.9`: the address is the last thing of the
//! line, behind ` - `, and a name may hold ` - 6.6.6.6` as well, so it is read from the right. The
//! server cuts a name at 40 bytes and a host at 384. Where the address has a name, both stand
//! there: `client.example.net (203.0.113.9)`; the name is a stranger's, and the brackets
//! are what is read.
//!
//! With PAM the attempt also stands in PAM's line, without an address: it is counted here.

use crate::scan;
use crate::{Parsed, Parser, Record};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "solidpop3d",
    versions: "0.15",
    origin: "a real run of Debian's 0.15-31; what was not met in it by the program's format strings",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    matches!(record.program.bytes(), b"solid-pop3d" | b"spop3d")
}

/// Words in front of the name, words behind it, and what they mean: outcome, reason, whether the
/// account is there, whether it is a guess. Without a name the words behind are what is left.
struct Wording {
    before: &'static [u8],
    behind: &'static [u8],
    kind: Kind,
    outcome: Outcome,
    reason: Option<Reason>,
    known: Option<bool>,
    hostile: bool,
}

const fn guess(before: &'static [u8], known: Option<bool>) -> Wording {
    let (kind, outcome, reason) = (Kind::Auth, Outcome::Rejected, Some(Reason::AuthFailed));
    Wording { before, behind: b"", kind, outcome, reason, known, hostile: true }
}

const fn login(before: &'static [u8], behind: &'static [u8]) -> Wording {
    let (kind, outcome, known) = (Kind::Auth, Outcome::Allowed, Some(true));
    Wording { before, behind, kind, outcome, reason: None, known, hostile: false }
}

const fn ended(before: &'static [u8], outcome: Outcome, reason: Option<Reason>) -> Wording {
    Wording {
        before,
        behind: b"",
        kind: Kind::Session,
        outcome,
        reason,
        known: None,
        hostile: false,
    }
}

/// Longer words first, where others begin alike.
const NAMED: [Wording; 12] = [
    guess(b"authentication failed: no such user: ", Some(false)),
    guess(b"authentication failed: can't map user name: ", None),
    guess(b"authentication failed for mapped user ", Some(true)),
    guess(b"authentication failed for user ", Some(true)),
    guess(b"APOP authentication failed for user ", Some(true)),
    guess(b"can't find APOP secret for user ", None),
    login(b"user ", b" authenticated through APOP"),
    login(b"user ", b" authenticated"),
    login(b"mapped user ", b" authenticated"),
    ended(b"session ended for mapped user ", Outcome::Allowed, None),
    ended(b"session ended for user ", Outcome::Allowed, None),
    ended(b"autologout time elapsed for user ", Outcome::Dropped, Some(Reason::Timeout)),
];

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let event = Event {
        protocol: Protocol::Pop3,
        host: record.host,
        pid: record.pid,
        ..Event::new(at, Server::Solidpop3d, Text(b"pop3"), Kind::Auth, Outcome::Rejected)
    };
    let text = record.message;
    if let Some(place) = text.strip_prefix(b"connect from ") {
        let client = peer(place);
        let (kind, outcome) = (Kind::Connect, Outcome::Allowed);
        return Parsed::Event(Event { kind, outcome, client, ..event });
    }
    told(text, event).map_or_else(|| own_affair(text), Parsed::Event)
}

/// `203.0.113.9`, or `client.example.net (203.0.113.9)`.
fn peer(place: &[u8]) -> Option<IpAddr> {
    let Some(inside) = place.strip_suffix(b")") else { return scan::address(place) };
    let open = inside.iter().rposition(|byte| *byte == b'(')?;
    scan::address(inside.get(open + 1..)?)
}

/// A line that ends in ` - ` and the peer.
fn told<'a>(text: &'a [u8], event: Event<'a>) -> Option<Event<'a>> {
    let end = scan::find_last(text, b" - ")?;
    let (front, place) = (text.get(..end)?, text.get(end + 3..)?);
    let event = Event { client: peer(place), ..event };
    for wording in &NAMED {
        let Some(rest) = front.strip_prefix(wording.before) else { continue };
        let Some(name) = rest.strip_suffix(wording.behind) else { continue };
        return Some(named(name, wording, event));
    }
    match front {
        b"session ended" => {
            let (kind, reason) = (Kind::Disconnect, Some(Reason::NoAuthAttempts));
            Some(Event { kind, outcome: Outcome::Allowed, reason, ..event })
        }
        b"wrong commands limit exceeded" => {
            let (kind, reason) = (Kind::Limit, Some(Reason::TooManyErrors));
            Some(Event { kind, reason, hostile: true, ..event })
        }
        b"root login not allowed" => {
            let account = front.get(..b"root".len()).map(Text);
            let reason = Some(Reason::AuthFailed);
            Some(Event { reason, account, hostile: true, attempts: 1, ..event })
        }
        _ => None,
    }
}

fn named<'a>(name: &'a [u8], wording: &Wording, event: Event<'a>) -> Event<'a> {
    Event {
        kind: wording.kind,
        outcome: wording.outcome,
        reason: wording.reason,
        known: wording.known,
        hostile: wording.hostile,
        attempts: u32::from(wording.kind == Kind::Auth),
        account: (!name.is_empty()).then_some(Text(name)),
        ..event
    }
}

/// Lines about mailboxes and the daemon itself.
fn own_affair(text: &[u8]) -> Parsed<'_> {
    const KNOWN: [(&[u8], &str); 13] = [
        (b"send_error(): ", "connection"),
        (b"write: ", "connection"),
        (b"mailbox: ", "internal-error"),
        (b"maildir: ", "internal-error"),
        (b"map: ", "configuration"),
        (b"user config: ", "configuration"),
        (b"config file: ", "configuration"),
        (b"command line: ", "configuration"),
        (b"Stats: ", "statistics"),
        (b"fatal error", "internal-error"),
        (b"read error", "warning"),
        (b"write error", "warning"),
        (b"can't ", "internal-error"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map_or(Parsed::Unknown, |(_, name)| Parsed::Noise(name))
}
