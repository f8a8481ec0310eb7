//! Cyrus: `cyrus/imap`, `cyrus/pop3s`, `cyrus/lmtpunix`, ... on Debian; bare `imap`, `pop3`,
//! `lmtpd` elsewhere.
//!
//! `badlogin: HOST [PEER] MECHANISM (NAME) [WHY]`: the peer stands left of the name. Left of the
//! peer stands at most one word, the reverse DNS name; right of it the mechanism, which is a
//! stranger's word. Where two words look like a peer, it is nobody.
//!
//! A failed login counts on its `badlogin` line; `SASL ...` before it is noise. A login that went
//! through names the account without the default domain.

mod own;

use crate::scan;
use crate::{Parsed, Parser, Record};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "cyrus",
    versions: "3.6, 3.10",
    origin: "real runs of 3.6 and 3.10; lines not met in them by its format strings",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    let program = record.program.bytes();
    program.starts_with(b"cyrus/") || protocol(program).is_some() || own::is_helper(program)
}

/// Of the services as Debian and others call them; `None` for what is no service of a client.
fn protocol(program: &[u8]) -> Option<Protocol> {
    let service = program.strip_prefix(b"cyrus/").unwrap_or(program);
    Some(match service {
        b"imap" | b"imaps" => Protocol::Imap,
        b"pop3" | b"pop3s" => Protocol::Pop3,
        b"lmtp" | b"lmtpd" | b"lmtpunix" => Protocol::Lmtp,
        b"sieve" | b"timsieved" => Protocol::Sieve,
        b"nntp" | b"nntps" | b"nntpd" | b"sync_server" | b"syncserver" | b"mupdate" => {
            Protocol::Unknown
        }
        _ => return None,
    })
}

#[derive(Clone, Copy)]
struct Line<'a> {
    program: Text<'a>,
    protocol: Protocol,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        let service = self.program.bytes();
        let service = Text(service.strip_prefix(b"cyrus/").unwrap_or(service));
        Event {
            protocol: self.protocol,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Cyrus, service, kind, outcome)
        }
    }

    fn refusal(&self, kind: Kind, outcome: Outcome, reason: Reason) -> Event<'a> {
        Event { reason: Some(reason), ..self.event(kind, outcome) }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let program = record.program;
    let protocol = match protocol(program.bytes()) {
        Some(protocol) => protocol,
        None if program.bytes().starts_with(b"cyrus/http") => Protocol::Http,
        None => Protocol::Unknown,
    };
    let line = Line { program, protocol, at, host: record.host, pid: record.pid };
    let text = record.message;
    let event = if let Some(rest) = text.strip_prefix(b"badlogin: ") {
        Some(failed(&line, rest))
    } else if let Some(rest) = text.strip_prefix(b"login: ") {
        Some(login(&line, rest))
    } else {
        other(&line, text)
    };
    match event {
        Some(event) => Parsed::Event(event),
        None => own::affair(program.bytes(), text).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

/// `cpe-41.isp.example [203.0.113.41] ` or `[203.0.113.41] `, and what follows. No peer where the
/// line ends there, or where a word behind it looks like one, too.
fn peer(text: &[u8]) -> (Option<IpAddr>, &[u8]) {
    let (first, behind) = scan::word(text);
    let (second, rest) = scan::word(behind);
    let is_name = bracketed(second).is_some();
    let (place, rest) = if is_name { (second, rest) } else { (first, behind) };
    let (next, _) = scan::word(rest);
    let ambiguous = next.is_empty() || bracketed(next).is_some();
    let ambiguous = ambiguous || is_name && bracketed(first).is_some();
    let client = bracketed(place).filter(|_| !ambiguous);
    (client, if bracketed(place).is_some() { rest } else { text })
}

fn bracketed(word: &[u8]) -> Option<IpAddr> {
    scan::address(word.strip_prefix(b"[")?.strip_suffix(b"]")?)
}

/// `PLAIN (NAME) [SASL(-13): authentication failure: ...]`, `plaintext (NAME) invalid user`, and
/// forms without a name; behind `badlogin: `.
fn failed<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let (client, rest) = peer(rest);
    let (mechanism, rest) = scan::word(rest);
    let (name, why) = name_and_why(rest);
    let (outcome, reason, counts) = verdict(why);
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let is_mechanism = !mechanism.is_empty() && mechanism.iter().all(is_word);
    let mechanism = (client.is_some() && is_mechanism).then_some(Text(mechanism));
    let account = name.filter(|name| !name.is_empty() && *name != b"-notset-").map(Text);
    let unknown = [&b"[SASL(-20)"[..], b"[SASL(-13): user not found", b"[user not found"]
        .iter()
        .any(|words| why.starts_with(words));
    Event {
        client,
        mechanism,
        account: account.filter(|_| client.is_some()),
        known: unknown.then_some(false),
        hostile: counts,
        attempts: u32::from(counts),
        ..line.refusal(Kind::Auth, outcome, reason)
    }
}

/// The name is a stranger's, and may hold the words behind it: the last ones are the server's.
fn name_and_why(rest: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(inner) = rest.strip_prefix(b"(") else { return (None, rest) };
    let end = scan::find_last(inner, b") [").or_else(|| scan::find_last(inner, b") "));
    match end.and_then(|end| inner.split_at_checked(end)) {
        Some((name, why)) => (Some(name), why.get(2..).unwrap_or_default()),
        None => (None, rest),
    }
}

/// What it means, and whether a password was guessed.
fn verdict(why: &[u8]) -> (Outcome, Reason, bool) {
    let starts = |words: &[&[u8]]| words.iter().any(|word| why.starts_with(word));
    if starts(&[b"[SASL(-1):", b"[SASL(-2):", b"[generic failure", b"[SASL(-8):"]) {
        (Outcome::Deferred, Reason::AuthUnavailable, false)
    } else if starts(&[b"[SASL(-15)", b"[SASL(-16)", b"[encryption needed", b"[mechanism too weak"])
        || starts(&[b"[SASL(-4):", b"[no mechanism available", b"login refused"])
    {
        (Outcome::Rejected, Reason::AuthDisallowed, false)
    } else if starts(&[
        b"[SASL(-5):",
        b"[bad protocol / cancel",
        b"error base64",
        b"expected string",
    ]) {
        (Outcome::Rejected, Reason::AuthAborted, false)
    } else if starts(&[b"[SASL(-14)", b"[authorization failure", b"[account disabled"]) {
        (Outcome::Rejected, Reason::AccountDisabled, false)
    } else {
        (Outcome::Rejected, Reason::AuthFailed, true)
    }
}

/// `[203.0.113.42] carol plaintext+TLS User logged in SESSIONID=<...>`, behind `login: `. The
/// account is one of the server's; an anonymous login's word is a stranger's.
fn login<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let (client, rest) = peer(rest);
    let event = Event { client, attempts: 1, ..line.event(Kind::Auth, Outcome::Allowed) };
    if let Some(word) = rest.strip_prefix(b"anonymous ") {
        let account = rest.get(..b"anonymous".len()).map(Text);
        return Event { account, detail: Some(Text(word)), ..event };
    }
    let (rest, session) = match scan::find_last(rest, b" SESSIONID=<") {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 12..)),
        None => (rest, None),
    };
    let session = session.and_then(|id| id.strip_suffix(b">")).map(Text);
    let words = rest.strip_suffix(b" User logged in").unwrap_or_default();
    let Some(at) = scan::find_last(words, b" ") else { return Event { session, ..event } };
    let (name, mechanism) = (words.get(..at), words.get(at + 1..).unwrap_or_default());
    let mechanism = mechanism.strip_suffix(b"+TLS").unwrap_or(mechanism);
    let account = name.filter(|name| !name.is_empty() && client.is_some()).map(Text);
    Event { session, account, mechanism: Some(Text(mechanism)), ..event }
}

/// `sessionid=<ID> userid=<NAME> id.name=<...>`, of 3.10, behind `session ended: `. Without a login
/// the name is empty; what stands behind it, the client says of itself.
fn ended<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (id, rest) = scan::split_once(rest.strip_prefix(b"sessionid=<")?, b"> userid=<")?;
    let (name, _) = scan::split_once(rest, b">")?;
    let session = Some(Text(id));
    if name.is_empty() {
        return Some(Event { session, ..line.event(Kind::Disconnect, Outcome::Allowed) });
    }
    let account = Some(Text(name));
    Some(Event { session, account, ..line.event(Kind::Session, Outcome::Allowed) })
}

/// Other lines about a client or a message.
fn other<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    if let Some(rest) = text.strip_prefix(b"session ended: ") {
        return ended(line, rest);
    }
    if text.starts_with(b"starttls: ") {
        return Some(line.event(Kind::Tls, Outcome::Allowed));
    }
    const FAILED: [&[u8]; 6] = [
        b"STARTTLS negotiation failed: ",
        b"imaps TLS negotiation failed: ",
        b"pop3s TLS negotiation failed: ",
        b"TLS negotiation failed: ",
        b"[pop3d] STARTTLS failed: ",
        b"STARTTLS failed: ",
    ];
    if let Some(place) = FAILED.iter().find_map(|words| text.strip_prefix(*words)) {
        let client = last_peer(place);
        return Some(Event {
            client,
            ..line.refusal(Kind::Tls, Outcome::Rejected, Reason::TlsFailed)
        });
    }
    if text.starts_with(b"Connection reset by peer")
        || text.starts_with(b"Lost connection to client")
    {
        return Some(line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::ConnectionLost));
    }
    if text.starts_with(b"Connection timed out") || text.starts_with(b"idle for too long") {
        return Some(line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::Timeout));
    }
    if text.starts_with(b"Too many open connections") {
        return Some(line.refusal(Kind::Limit, Outcome::Rejected, Reason::TooManyConnections));
    }
    if text.starts_with(b"Delivered: ") {
        return Some(line.event(Kind::Delivery, Outcome::Allowed));
    }
    if let Some(rest) = text.strip_prefix(b"verify_user(") {
        let (recipient, why) = rest.split_at_checked(scan::find_last(rest, b") failed: ")?)?;
        let full = scan::contains(why, b"quota");
        let reason = if full { Reason::MailboxFull } else { Reason::RecipientUnknown };
        let recipient = Some(Text(recipient));
        return Some(Event {
            recipient,
            ..line.refusal(Kind::Envelope, Outcome::Rejected, reason)
        });
    }
    None
}

/// `cpe-41.isp.example [203.0.113.41]` that ends the line.
fn last_peer(text: &[u8]) -> Option<IpAddr> {
    let (first, rest) = scan::word(text);
    if rest.is_empty() { bracketed(first) } else { bracketed(rest) }
}
