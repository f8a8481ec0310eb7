//! UW IMAP: `imapd` and `ipop3d` (also Panda's), by syslog.
//!
//! `Login failed user=x auth=x host=name.example [203.0.113.9]`: the address is the last thing of
//! the line, in brackets, behind the name that the stranger's reverse DNS gave; it is read from the
//! right. The server cuts user and host at 80 bytes: a host of 80 may have lost its address, or end
//! in a name that looks like one, so then the client is nobody.
//!
//! The account is read where ` auth=` and ` host=` stand once. After the third failure a line more,
//! `Excessive login failures`, tells of the same attempts, which counted one by one.

use crate::scan;
use crate::{Parsed, Parser, Record};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "uwimap",
    versions: "2004 to 2007f",
    origin: "made from the source's format strings",
    owns,
    parse,
    own_file: None,
};

/// Cyrus and Courier have an `imapd`, too: what is not known here is theirs.
fn owns(record: &Record<'_>) -> bool {
    matches!(record.program.bytes(), b"imapd" | b"imapsd" | b"ipop3d" | b"ipop3sd" | b"ipop2d")
}

/// The words at the front, and what they mean. Behind them stands `user=` or `host=`.
type Meaning = (&'static [u8], Kind, Outcome, Option<Reason>, Counts);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// A failed login.
    Guess,
    /// A login that went through.
    Login,
    /// Told on another line, or no attempt.
    Nothing,
}

const MEANINGS: [Meaning; 17] = [
    (b"Login failed ", Kind::Auth, Outcome::Rejected, Some(Reason::AuthFailed), Counts::Guess),
    (b"Login failure ", Kind::Auth, Outcome::Rejected, Some(Reason::AuthFailed), Counts::Guess),
    (
        b"Excessive login failures ",
        Kind::Limit,
        Outcome::Rejected,
        Some(Reason::TooManyErrors),
        Counts::Nothing,
    ),
    (
        b"Login disabled ",
        Kind::Auth,
        Outcome::Rejected,
        Some(Reason::AuthDisallowed),
        Counts::Nothing,
    ),
    (b"Login ", Kind::Auth, Outcome::Allowed, None, Counts::Login),
    (b"Authenticated ", Kind::Auth, Outcome::Allowed, None, Counts::Login),
    (b"Preauthenticated ", Kind::Auth, Outcome::Allowed, None, Counts::Login),
    (b"Auth ", Kind::Auth, Outcome::Allowed, None, Counts::Login),
    (b"APOP ", Kind::Auth, Outcome::Allowed, None, Counts::Login),
    (b"Logout ", Kind::Session, Outcome::Allowed, None, Counts::Nothing),
    (b"Autologout ", Kind::Session, Outcome::Dropped, Some(Reason::Timeout), Counts::Nothing),
    (b"Killed (lost mailbox lock) ", Kind::Session, Outcome::Dropped, None, Counts::Nothing),
    (b"Command stream end of file", Kind::Disconnect, Outcome::Dropped, LOST, Counts::Nothing),
    (b"Unexpected client disconnect", Kind::Disconnect, Outcome::Dropped, LOST, Counts::Nothing),
    (b"Connection reset by peer", Kind::Disconnect, Outcome::Dropped, LOST, Counts::Nothing),
    (b"Connection timed out", Kind::Disconnect, Outcome::Dropped, LOST, Counts::Nothing),
    (b"Broken pipe", Kind::Disconnect, Outcome::Dropped, LOST, Counts::Nothing),
];

const LOST: Option<Reason> = Some(Reason::ConnectionLost);

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let program = record.program.bytes();
    let pop = program.starts_with(b"ipop");
    let event = Event {
        protocol: if pop { Protocol::Pop3 } else { Protocol::Imap },
        host: record.host,
        pid: record.pid,
        ..Event::new(at, Server::Uwimap, record.program, Kind::Auth, Outcome::Rejected)
    };
    let text = record.message;
    let meaning = MEANINGS.iter().find(|(words, ..)| text.starts_with(words));
    let told = match meaning {
        Some(meaning) => about_user(text, meaning, event),
        None => mechanism(text, event).or_else(|| service_init(text, event)),
    };
    told.map_or_else(|| own_affair(text), Parsed::Event)
}

/// `user=x auth=x host=name [203.0.113.9]`, and what a POP3 line has behind it.
fn about_user<'a>(text: &'a [u8], meaning: &Meaning, event: Event<'a>) -> Option<Event<'a>> {
    let (words, kind, outcome, reason, counts) = meaning;
    let rest = text.get(words.len()..)?;
    // `, while reading line user=`
    let (_, fields) = match rest.strip_prefix(b"user=") {
        Some(fields) => (&b""[..], fields),
        None if rest.starts_with(b", ") || rest.starts_with(b" ") => {
            scan::split_once(rest, b" user=")?
        }
        None => return None,
    };
    // Nothing of Cyrus' or Courier's `Login` lines looks like this.
    let at = scan::find_last(fields, b" host=")?;
    let named = scan::find(fields, b" host=") == Some(at);
    let user = fields.get(..at).filter(|_| named).and_then(account);
    Some(Event {
        kind: *kind,
        outcome: *outcome,
        reason: *reason,
        hostile: *counts == Counts::Guess,
        attempts: u32::from(*counts != Counts::Nothing),
        account: user,
        client: client(without_counts(fields)),
        ..event
    })
}

/// `x auth=x`, or the name alone. `???` stands for nobody.
fn account(user: &[u8]) -> Option<Text<'_>> {
    let name = match scan::split_once(user, b" auth=") {
        Some((_, behind)) if scan::contains(behind, b" auth=") => return None,
        Some((name, _)) => name,
        None => user,
    };
    (!name.is_empty() && name != b"???").then_some(Text(name))
}

/// ` nmsgs=3/4`, ` ndele=0` and ` no mailbox` behind the host.
fn without_counts(fields: &[u8]) -> &[u8] {
    let mut fields = fields.strip_suffix(b" no mailbox").unwrap_or(fields);
    for name in [&b" ndele="[..], b" nmsgs="] {
        let Some(at) = scan::find_last(fields, name) else { continue };
        let (front, count) = fields.split_at_checked(at).unwrap_or((fields, b""));
        let count = count.get(name.len()..).unwrap_or_default();
        if count.iter().all(|byte| byte.is_ascii_digit() || *byte == b'/') {
            fields = front;
        }
    }
    fields
}

/// The longest host that the server writes whole.
const HOST_MAX: usize = 80;

/// `name.example [203.0.113.9]`, at the end of the line.
fn client(fields: &[u8]) -> Option<IpAddr> {
    let at = scan::find_last(fields, b"host=")?;
    let host = fields.get(at + 5..)?;
    let inside = host.strip_suffix(b"]").filter(|_| host.len() < HOST_MAX)?;
    let open = inside.iter().rposition(|byte| *byte == b'[')?;
    scan::address(inside.get(open + 1..)?)
}

/// `AUTHENTICATE LOGIN failure host=name [203.0.113.9]`. The mechanism is a stranger's word.
fn mechanism<'a>(text: &'a [u8], event: Event<'a>) -> Option<Event<'a>> {
    let rest = text.strip_prefix(b"AUTHENTICATE ")?;
    let at = scan::find_last(rest, b" failure host=")?;
    let word = rest.get(..at)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let known = !word.is_empty() && word.iter().all(is_name);
    Some(Event {
        reason: Some(Reason::AuthFailed),
        hostile: true,
        attempts: 1,
        mechanism: known.then_some(Text(word)),
        client: client(rest),
        ..event
    })
}

/// `imap service init from 203.0.113.9`. No line is so short that it would be cut.
fn service_init<'a>(text: &'a [u8], event: Event<'a>) -> Option<Event<'a>> {
    let (front, place) = scan::split_once(text, b" service init from ")?;
    let known = matches!(
        front,
        b"imap"
            | b"imaps"
            | b"imaps SSL"
            | b"imap SSL"
            | b"pop3"
            | b"pop3s"
            | b"pop3s SSL"
            | b"pop3 SSL"
            | b"pop2"
    ) || front.starts_with(b"port ");
    let event = Event { kind: Kind::Connect, outcome: Outcome::Allowed, ..event };
    known.then_some(Event { client: scan::address(place), ..event })
}

/// Lines about mailboxes and the daemon itself.
fn own_affair(text: &[u8]) -> Parsed<'_> {
    const KNOWN: [(&[u8], &str); 9] = [
        (b"Moved ", "session-detail"),
        (b"Mailbox vulnerable - ", "warning"),
        (b"Error opening or locking INBOX ", "session-detail"),
        (b"Trying to get mailbox lock from process ", "session-detail"),
        (b"Killed (shutdown)", "lifecycle"),
        (b"Unable to load certificate from ", "configuration"),
        (b"Unable to load private key from ", "configuration"),
        (b"SSL error status: ", "tls-detail"),
        (b"SSL context failed", "configuration"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map_or(Parsed::Unknown, |(_, name)| Parsed::Noise(name))
}
