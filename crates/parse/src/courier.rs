//! Courier: `imapd`, `pop3d` and their `-ssl` twins, `courieresmtpd`, `courierd`, `authdaemond`.
//!
//! A line of IMAP and POP3 is a verb and fields: `LOGIN FAILED, user=NAME, ip=[PEER], port=[N]`.
//! The name is a stranger's and stands left of the peer, so fields are taken off the end, as long
//! as they are ones that Courier writes there, until the first that is `ip=[...]`. A line of SMTP
//! begins with the peer (`error,relay=PEER,`); all behind it is a stranger's.
//!
//! A failed login counts on its `LOGIN FAILED` line; `LOGOUT` without a name is only an end.
//! A longer line than Courier writes for honest names may have been cut behind a stranger's copy
//! of such fields: its client is nobody.

mod smtp;

use crate::scan;
use crate::{Parsed, Parser, RELAYED_MAX, Record};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "courier",
    versions: "IMAP and POP3 of 5.0 and 5.2; SMTP of 1.0 and 1.4",
    origin: "real runs of IMAP and POP3 5.0.13 and 5.2.11, SMTP 1.0.16 and 1.4.1; else the manual",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    let program = record.program.bytes();
    protocol(program) != Protocol::Unknown
        || matches!(program, b"authdaemond" | b"courierlogger" | b"couriertcpd" | b"couriertls")
        || smtp::is_delivery(program)
}

fn protocol(program: &[u8]) -> Protocol {
    match program {
        b"imapd" | b"imapd-ssl" | b"courier-imapd" => Protocol::Imap,
        b"pop3d" | b"pop3d-ssl" | b"courier-pop3d" => Protocol::Pop3,
        b"courieresmtpd" | b"esmtpd" => Protocol::Smtp,
        b"esmtpd-msa" | b"esmtpd-ssl" => Protocol::Submission,
        _ => Protocol::Unknown,
    }
}

#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    program: Text<'a>,
    protocol: Protocol,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: self.protocol,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Courier, self.program, kind, outcome)
        }
    }

    fn refusal(&self, kind: Kind, outcome: Outcome, reason: Reason) -> Event<'a> {
        Event { reason: Some(reason), ..self.event(kind, outcome) }
    }

    /// An address that stands right of a stranger's text is none in a line that may be cut.
    fn unless_cut(&self, client: Option<IpAddr>) -> Option<IpAddr> {
        client.filter(|_| self.text.len() < RELAYED_MAX)
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let program = record.program.bytes();
    let line = Line {
        text: behind_level(record.message),
        program: record.program,
        protocol: protocol(program),
        at,
        host: record.host,
        pid: record.pid,
    };
    let parsed = match program {
        b"authdaemond" => Some(Parsed::Noise("authenticator")),
        b"courierlogger" | b"couriertcpd" => Some(Parsed::Noise("lifecycle")),
        b"couriertls" => Some(Parsed::Noise("tls-library")),
        _ if smtp::is_delivery(program) => smtp::delivery(&line),
        _ if matches!(line.protocol, Protocol::Imap | Protocol::Pop3) => mailbox(&line),
        _ => smtp::parse(&line),
    };
    parsed.or_else(|| any_daemon(&line)).unwrap_or(Parsed::Unknown)
}

/// Courier's logger takes these off; without it they stay.
fn behind_level(message: &[u8]) -> &[u8] {
    let levels = [&b"INFO: "[..], b"ERR: ", b"DEBUG: ", b"ALERT: ", b"WARN: "];
    levels.iter().find_map(|level| message.strip_prefix(*level)).unwrap_or(message)
}

/// A line of `imapd` or `pop3d`. `None` where it is not Courier's.
fn mailbox<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    if line.text.starts_with(b"LOGIN: ") {
        // DEBUG_LOGIN; it can hold the password.
        return Some(Parsed::Noise("debug"));
    }
    if let Some(rest) = line.text.strip_prefix(b"ip=[") {
        return tls_failure(line, rest);
    }
    let (verb, rest) = scan::split_once(line.text, b", ")?;
    let (name, client) = name_and_peer(rest);
    let client = line.unless_cut(client);
    let account = client.and(name).and_then(|name| name.strip_prefix(b"user="));
    let account = account.filter(|name| !name.is_empty()).map(Text);
    let event = match verb {
        b"Connection" => line.event(Kind::Connect, Outcome::Allowed),
        b"LOGIN" => Event { attempts: 1, ..line.event(Kind::Auth, Outcome::Allowed) },
        b"LOGIN FAILED" => failed(line, name.unwrap_or(rest)),
        b"LOGOUT" if account.is_some() => line.event(Kind::Session, Outcome::Allowed),
        b"LOGOUT" => line.event(Kind::Disconnect, Outcome::Allowed),
        b"TIMEOUT" | b"Timeout" => ended(line, account, Reason::Timeout),
        b"DISCONNECTED" | b"Disconnected" => ended(line, account, Reason::ConnectionLost),
        _ => return None,
    };
    Some(Parsed::Event(Event { client, account, ..event }))
}

/// The mechanism is one word of the server's list; a stranger's that is none is refused earlier.
fn failed<'a>(line: &Line<'a>, name: &'a [u8]) -> Event<'a> {
    let mechanism = name.strip_prefix(b"method=").filter(|word| {
        !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    });
    let event = line.refusal(Kind::Auth, Outcome::Rejected, Reason::AuthFailed);
    Event { hostile: true, attempts: 1, mechanism: mechanism.map(Text), ..event }
}

fn ended<'a>(line: &Line<'a>, account: Option<Text<'a>>, reason: Reason) -> Event<'a> {
    let kind = if account.is_some() { Kind::Session } else { Kind::Disconnect };
    line.refusal(kind, Outcome::Dropped, reason)
}

/// `user=NAME, ip=[PEER], port=[N], rcvd=1`: from the end, what the server wrote.
fn name_and_peer(rest: &[u8]) -> (Option<&[u8]>, Option<IpAddr>) {
    let mut left = rest;
    loop {
        let (before, field) = match scan::find_last(left, b", ") {
            Some(at) => (left.get(..at), left.get(at + 2..).unwrap_or_default()),
            None => (None, left),
        };
        if let Some(inner) = field.strip_prefix(b"ip=[").and_then(|f| f.strip_suffix(b"]")) {
            return (before, scan::address(inner));
        }
        match before {
            Some(before) if is_servers(field) => left = before,
            _ => return (None, None),
        }
    }
}

/// A field that stands behind the peer: `port=[4711]`, `time=0`, `protocol=IMAP`.
fn is_servers(field: &[u8]) -> bool {
    const COUNTS: [&[u8]; 11] = [
        b"headers",
        b"body",
        b"rcvd",
        b"sent",
        b"time",
        b"top",
        b"retr",
        b"starttls",
        b"stls",
        b"maildir",
        b"tls",
    ];
    let Some((key, value)) = scan::split_once(field, b"=") else { return false };
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match key {
        b"protocol" => value.iter().all(u8::is_ascii_alphanumeric),
        b"port" => value
            .strip_prefix(b"[")
            .and_then(|inner| inner.strip_suffix(b"]"))
            .is_some_and(is_number),
        _ => COUNTS.contains(&key) && is_number(value),
    }
}

/// `ip=[PEER], couriertls: accept: ...` and the like, behind `ip=[`.
fn tls_failure<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let (inner, why) = scan::split_once(rest, b"], ")?;
    let event = match why.starts_with(b"Unexpected SSL connection shutdown") {
        true => line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::ConnectionLost),
        false => line.refusal(Kind::Tls, Outcome::Rejected, Reason::TlsFailed),
    };
    Some(Parsed::Event(Event { client: scan::address(inner), detail: Some(Text(why)), ..event }))
}

/// Lines that any of the daemons may write; `None` for those of another `imapd`.
fn any_daemon<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    if let Some(peer) = line.text.strip_prefix(b"Maximum connection limit reached for ") {
        let client = line.unless_cut(scan::address(peer));
        let event = line.refusal(Kind::Limit, Outcome::Rejected, Reason::TooManyConnections);
        return Some(Parsed::Event(Event { client, ..event }));
    }
    if line.text.starts_with(b"authentication error") {
        let event = line.refusal(Kind::Auth, Outcome::Deferred, Reason::AuthUnavailable);
        return Some(Parsed::Event(event));
    }
    if line.text.ends_with(b" maximum active connections.") {
        return Some(Parsed::Noise("stress"));
    }
    const KNOWN: [(&[u8], &str); 9] = [
        (b"couriertls: ", "tls-library"),
        (b"chdir ", "internal-error"),
        (b"Error ", "internal-error"),
        (b"Failed ", "internal-error"),
        (b"Cannot ", "internal-error"),
        (b"maildir", "internal-error"),
        (b"bind: ", "internal-error"),
        (b"stopping", "lifecycle"),
        (b"Restarting", "lifecycle"),
    ];
    let known = KNOWN.iter().find(|(words, _)| line.text.starts_with(words));
    known.map(|(_, name)| Parsed::Noise(name))
}
