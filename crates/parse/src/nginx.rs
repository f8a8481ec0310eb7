//! nginx as a mail proxy (IMAP, POP3, SMTP), its error log at `info`: a real run of 1.22.1.
//!
//! `client login failed: "..." while in http auth state, client: 203.0.113.9, server: 0.0.0.0:143,
//! login: "..."`: the words in front are fixed or the authentication server's, the login comes
//! last, as the client sent it, line feeds included.
//!
//! So in a file, in a container's log or in what journald took from standard error, a stranger who
//! tries a login can write a whole line, with any address in it. Only nginx' own syslog keeps a
//! message in one piece, and only there a client is named. Elsewhere, the address is told
//! ([`Event::forwarded`]) and nobody is blamed. Standard output of a daemon has a process id, which
//! nginx' syslog has not.

mod verdict;

use crate::{Envelope, Parsed, Parser, Record, Stamp, dns, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "nginx",
    versions: "1.22, 1.26",
    origin: "real runs of 1.22.1 and 1.26.3 as mail proxy",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    let program = record.program.bytes();
    program == b"nginx" || scan::contains(program, b"mailu") && scan::contains(program, b"front")
}

/// `2026/11/28 09:21:14 [info] 23532#23532: `.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, message) = front(line)?;
    Some(Record::new(stamp, b"nginx", message, Envelope::OwnFile))
}

/// Cuts the stamp; the level must follow.
fn front(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (clock, rest) = line.split_at_checked(19)?;
    let (true, b'/', b'/') = (rest.starts_with(b" ["), *clock.get(4)?, *clock.get(7)?) else {
        return None;
    };
    let mut iso = [0; 19];
    iso.copy_from_slice(clock);
    (iso[4], iso[7]) = (b'-', b'-');
    let (stamp, left) = record::iso_stamp(&iso)?;
    let rest = rest.strip_prefix(b" ")?;
    (left.is_empty() && behind_level(rest).is_some()).then_some((stamp, rest))
}

/// `[info] 23532#23532: `.
fn behind_level(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (level, rest) = scan::split_once(message.strip_prefix(b"[")?, b"] ")?;
    let (process, rest) = scan::take_while(rest, |byte| byte.is_ascii_digit() || byte == b'#');
    let is_front = level.iter().all(u8::is_ascii_lowercase) && scan::contains(process, b"#");
    is_front.then_some((level, rest.strip_prefix(b": ")?))
}

/// A line of a connection, its front read.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// Behind `*1 `.
    text: &'a [u8],
    /// True where the line is a message of its own, and a client may be named.
    whole: bool,
    host: Option<Text<'a>>,
    at: Timestamp,
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let message = front(record.message).map_or(record.message, |(_, message)| message);
    let Some((level, text)) = behind_level(message) else {
        // Its access log by syslog.
        return Parsed::Foreign;
    };
    let Some(text) = text.strip_prefix(b"*").and_then(|rest| scan::split_once(rest, b" ")) else {
        return Parsed::Noise(match level {
            b"notice" | b"info" | b"debug" => "lifecycle",
            b"warn" => "warning",
            _ => "internal-error",
        });
    };
    let line = Line { text: text.1, whole: is_whole(record), host: record.host, at };
    if let Some(parsed) = verdict::of(&line) {
        return parsed;
    }
    // A web server's: whatever stands behind `request`, a mail proxy has none.
    if scan::contains(line.text, b", request: \"") {
        return Parsed::Noise("web-server");
    }
    Parsed::Unknown
}

/// See above.
fn is_whole(record: &Record<'_>) -> bool {
    let own = matches!(
        record.envelope,
        Envelope::OwnFile | Envelope::Container | Envelope::Dovecot | Envelope::Exim
    );
    !own && record.pid.is_none() && record.program.bytes() == b"nginx"
}

/// What follows the words: `, client: 203.0.113.9 using starttls, server: 0.0.0.0:25, login: "a"`.
#[derive(Clone, Copy)]
struct Context<'a> {
    client: Option<IpAddr>,
    protocol: Protocol,
    login: Option<Text<'a>>,
}

impl<'a> Context<'a> {
    /// `rest` begins behind the words.
    fn read(rest: &'a [u8]) -> Self {
        let none = Context { client: None, protocol: Protocol::Unknown, login: None };
        let Some(rest) = rest.strip_prefix(b", client: ") else { return none };
        // `, server: ` must follow: of a cut line, the address could be another's.
        let Some((place, rest)) = scan::split_once(rest, b", server: ") else { return none };
        let place = place.strip_suffix(b" using starttls").unwrap_or(place);
        let (server, rest) = rest
            .split_at_checked(scan::find(rest, b", login: \"").unwrap_or(rest.len()))
            .unwrap_or((rest, b""));
        // The login is all between the quotes, but for the last words where they are nginx' own.
        let login = rest.strip_prefix(b", login: \"").and_then(|rest| {
            let end = match scan::find_last(rest, b"\", upstream: ") {
                Some(end) if !rest.ends_with(b"\"") => end,
                _ => rest.len().checked_sub(1).filter(|_| rest.ends_with(b"\""))?,
            };
            rest.get(..end)
        });
        Context { client: scan::address(place), protocol: protocol(server), login: login.map(Text) }
    }
}

/// By the port of `0.0.0.0:143`.
fn protocol(server: &[u8]) -> Protocol {
    let port = scan::find_last(server, b":").and_then(|at| server.get(at + 1..));
    match port {
        Some(b"25") => Protocol::Smtp,
        Some(b"465" | b"587") => Protocol::Submission,
        Some(b"143" | b"993") => Protocol::Imap,
        Some(b"110" | b"995") => Protocol::Pop3,
        _ => Protocol::Unknown,
    }
}

impl<'a> Line<'a> {
    fn event(&self, context: Context<'a>, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: context.protocol,
            client: context.client.filter(|_| self.whole),
            forwarded: context.client.filter(|_| !self.whole),
            account: context.login,
            host: self.host,
            ..Event::new(self.at, Server::Nginx, Text(b"nginx"), kind, outcome)
        }
    }

    /// `client 203.0.113.9:4711 connected to 0.0.0.0:25`.
    fn connected(&self) -> Option<Event<'a>> {
        let (client, rest) = dns::endpoint(self.text.strip_prefix(b"client ")?, b':')?;
        let server = rest.strip_prefix(b" connected to ")?;
        let protocol = protocol(server);
        let context = Context { client: Some(client), protocol, login: None };
        Some(self.event(context, Kind::Connect, Outcome::Allowed))
    }
}
