//! mailward's own lines: tries to sign in to its console, which is a source like any other.
//!
//! `sign-in refused client=203.0.113.9 account=bob`: the address stands first, in a fixed place,
//! and what the stranger wrote is the rest of the line. `client=-` is the console's own socket.

use crate::scan;
use crate::{Parsed, Parser, Record};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "mailward",
    versions: "0.1",
    origin: "mailward writes these lines",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"mailward-console"
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    if record.message.starts_with(b"listening ") {
        return Parsed::Noise("own-affair");
    }
    tried(record, at).map_or(Parsed::Unknown, Parsed::Event)
}

fn tried<'a>(record: &Record<'a>, at: Timestamp) -> Option<Event<'a>> {
    let rest = record.message.strip_prefix(b"sign-in ")?;
    let (word, rest) = scan::split_once(rest, b" client=")?;
    let (place, account) = scan::split_once(rest, b" account=")?;
    let (outcome, reason) = match word {
        b"allowed" => (Outcome::Allowed, None),
        b"refused" => (Outcome::Rejected, Some(Reason::AuthFailed)),
        _ => return None,
    };
    let client = match place {
        b"-" => None,
        place => Some(scan::address(place)?),
    };
    Some(Event {
        protocol: Protocol::Http,
        reason,
        hostile: reason.is_some(),
        client,
        account: (!account.is_empty()).then_some(Text(account)),
        attempts: 1,
        host: record.host,
        pid: record.pid,
        ..Event::new(at, Server::Mailward, Text(b"console"), Kind::Auth, outcome)
    })
}
