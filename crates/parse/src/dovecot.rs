//! Dovecot 2.3 and 2.4: login processes, `auth`, and what happens behind a login.
//!
//! One failed login leaves up to two lines: `auth` names the reason at once (with
//! `auth_verbose=yes`), the login process counts the attempts when the connection ends. Both carry
//! the session, by which they are joined.
//!
//! A user name is text that a stranger chose and stands in front of the address. So the fields of
//! a login line are read from its right end, and those of an `auth` line from the fixed words of
//! its reason; see [`login`] and [`auth`].

mod auth;
mod login;
mod reason;
mod session;

use crate::scan;
use crate::{Envelope, Parsed, Parser, Record};
use event::{Event, Kind, Outcome, Protocol, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "dovecot",
    versions: "2.3.19, 2.4.1",
    origin: "real runs of both, and the format strings of both sources",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    let program = record.program.bytes();
    program == b"dovecot" || record.envelope == Envelope::Dovecot || {
        let (service, _) = scan::take_while(program, is_service);
        area(service) != Area::Unknown
    }
}

/// A line, cut into the parts that all areas share.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// `imap-login`, `auth`, `auth-worker`, `lmtp`.
    service: &'a [u8],
    /// What Dovecot's own files have in brackets behind the service: `(bob)<655><session>`.
    /// Syslog lines have it at the front of `text`.
    identity: &'a [u8],
    level: Level,
    text: &'a [u8],
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

/// Syslog lines name the level only above `Info`; framing has taken it from Dovecot's own files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Info,
    Debug,
    Problem,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Area {
    Login,
    Auth,
    Session,
    Other(&'static str),
    Unknown,
}

impl<'a> Line<'a> {
    #[inline]
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: protocol(self.service),
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Dovecot, Text(self.service), kind, outcome)
        }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some(line) = cut(record, at) else { return Parsed::Unknown };
    match area(line.service) {
        _ if line.level == Level::Debug => Parsed::Noise("debug"),
        Area::Login => login::parse(&line),
        Area::Auth => auth::parse(&line),
        Area::Session => session::parse(&line),
        Area::Other(name) => Parsed::Noise(name),
        Area::Unknown => Parsed::Unknown,
    }
}

fn cut<'a>(record: &Record<'a>, at: Timestamp) -> Option<Line<'a>> {
    let program = record.program.bytes();
    let (service, identity, text) = if program == b"dovecot" {
        let (service, rest) = service(record.message)?;
        match rest.first()? {
            b':' => (service, &b""[..], rest.strip_prefix(b": ").or(rest.strip_prefix(b":"))?),
            b'(' | b'<' => (service, &b""[..], rest),
            _ => return None,
        }
    } else {
        let (service, identity) = scan::take_while(program, is_service);
        // A module of PAM that the program asked: `pam_unix(imap:auth): `. See `crate::pam`.
        if record.message.starts_with(b"pam_") || identity == b"(pam_unix)" {
            return None;
        }
        (service, identity, record.message)
    };
    let (level, text) = level(text);
    Some(Line { service, identity, level, text, at, host: record.host, pid: record.pid })
}

/// The name of a service at the front. `None` where no colon or bracket ends it.
#[inline]
fn service(message: &[u8]) -> Option<(&[u8], &[u8])> {
    const USUAL: [&[u8]; 5] = [b"imap-login:", b"imap(", b"auth:", b"lmtp(", b"pop3-login:"];
    if let Some(usual) = USUAL.iter().find(|usual| message.starts_with(usual)) {
        return message.split_at_checked(usual.len() - 1);
    }
    let (service, rest) = scan::take_while(message, is_service);
    (!rest.is_empty()).then_some((service, rest))
}

fn is_service(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

/// Takes a level word from the front.
fn level(text: &[u8]) -> (Level, &[u8]) {
    let (level, word) = match text.first() {
        Some(b'I') => (Level::Info, &b"Info: "[..]),
        Some(b'D') => (Level::Debug, &b"Debug: "[..]),
        Some(b'W') => (Level::Problem, &b"Warning: "[..]),
        Some(b'E') => (Level::Problem, &b"Error: "[..]),
        Some(b'F') => (Level::Problem, &b"Fatal: "[..]),
        Some(b'P') => (Level::Problem, &b"Panic: "[..]),
        _ => return (Level::Info, text),
    };
    match text.strip_prefix(word) {
        Some(rest) => (level, rest),
        None => (Level::Info, text),
    }
}

fn area(service: &[u8]) -> Area {
    match service {
        b"imap-login"
        | b"pop3-login"
        | b"managesieve-login"
        | b"submission-login"
        | b"imap-urlauth-login"
        | b"sieve-login"
        | b"lmtp-login" => Area::Login,
        b"auth" | b"auth-worker" => Area::Auth,
        b"imap"
        | b"pop3"
        | b"managesieve"
        | b"sieve"
        | b"submission"
        | b"lmtp"
        | b"lda"
        | b"deliver"
        | b"imap-hibernate"
        | b"indexer-worker"
        | b"imap-urlauth"
        | b"imap-urlauth-worker"
        | b"quota-status"
        | b"dsync-local"
        | b"dsync-server"
        | b"doveadm"
        | b"doveadm-server"
        | b"dovecot-lda" => Area::Session,
        b"master" => Area::Other("master"),
        b"anvil" => Area::Other("anvil"),
        b"stats" | b"old-stats" | b"stats-writer" | b"openmetrics" => Area::Other("stats"),
        b"config" | b"doveconf" | b"ssl-params" => Area::Other("configuration"),
        b"log" => Area::Other("log"),
        b"indexer" => Area::Other("indexer"),
        b"dict" | b"dict-async" | b"dict-expire" | b"director" | b"replicator" | b"aggregator"
        | b"ipc" | b"dns-client" | b"dns_client" | b"tcpwrap" | b"script" | b"script-login"
        | b"health-check" | b"welcome" | b"last-login" | b"script-pool" => {
            Area::Other("helper-service")
        }
        _ => Area::Unknown,
    }
}

fn protocol(service: &[u8]) -> Protocol {
    match service {
        b"imap" | b"imap-login" | b"imap-hibernate" | b"imap-urlauth-login" => Protocol::Imap,
        b"pop3" | b"pop3-login" => Protocol::Pop3,
        b"managesieve" | b"sieve" | b"managesieve-login" | b"sieve-login" => Protocol::Sieve,
        b"submission" | b"submission-login" => Protocol::Submission,
        b"lmtp" | b"lmtp-login" => Protocol::Lmtp,
        _ => Protocol::Unknown,
    }
}

/// A session id: Dovecot's own are base64; what a trusted proxy forwards may hold a little more.
fn session_id(bytes: &[u8]) -> Option<Text<'_>> {
    let plain = |byte: &u8| SESSION_ID[usize::from(*byte)];
    (!bytes.is_empty() && bytes.len() <= 128 && bytes.iter().all(plain)).then_some(Text(bytes))
}

/// Which bytes a session id may hold.
const SESSION_ID: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        table[byte] = value.is_ascii_alphanumeric()
            || matches!(value, b'+' | b'/' | b'=' | b'-' | b'_' | b'.' | b':');
        byte += 1;
    }
    table
};
