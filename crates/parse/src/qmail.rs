//! qmail, netqmail and notqmail, with what is run around them: tcpserver, rblsmtpd, vpopmail,
//! spamdyke, CHKUSER.
//!
//! Lines come by syslog (splogger puts a stamp of its own in front: `1764312341.123456 new msg 7`)
//! or from multilog's files, stamped by TAI64N (`@4000000065...`). `qmail-smtpd` itself logs
//! nothing; who connected is said by `tcpserver`, whose number of the process joins its lines.
//!
//! vpopmail writes the address behind the name (`x@:203.0.113.9`), so it is read from the right,
//! and of IPv4 only: in IPv6 the colons of the name and of the address cannot be told apart.
//! spamdyke and CHKUSER write a stranger's words on both sides: where the words in front of the
//! address stand twice, the client is nobody.

mod spamdyke;
mod tcpserver;
mod vpopmail;

use crate::record::tai64n;
use crate::scan;
use crate::{Envelope, Parsed, Parser, Record, Stamp};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "qmail",
    versions: "1.03, netqmail 1.06, notqmail 1.09; ucspi-tcp 0.88, vpopmail 5.4, spamdyke 5",
    origin: "made from the manuals and format strings; tcpserver of ucspi-tcp 0.88 from a real run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    let program = record.program.bytes();
    let known: [&[u8]; 8] = [
        b"qmail",
        b"smtpd",
        b"tcpserver",
        b"rblsmtpd",
        b"badiprbl",
        b"spamdyke",
        b"vpopmail",
        b"multilog",
    ];
    known.contains(&program) || program.starts_with(b"qmail-") || program.starts_with(b"vchkpw-")
}

/// multilog's files. Their lines name no program: the words of the line do.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (at, message) = tai64n::label(line)?;
    Some(Record::new(Stamp::Utc(at), b"qmail", message, Envelope::OwnFile))
}

/// A line, its fronts cut off.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
    /// False where the line is so long that its writer or syslog may have cut it.
    whole: bool,
}

/// vpopmail cuts its lines at 500 bytes, syslog at 1024.
const WHOLE_MAX: usize = 450;

impl<'a> Line<'a> {
    fn event(&self, service: &'static [u8], kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Smtp,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Qmail, Text(service), kind, outcome)
        }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let whole = record.message.len() < WHOLE_MAX;
    let program = record.program.bytes();
    let text = behind_name(program, behind_splogger(record.message));
    let line = Line { text, at, host: record.host, pid: record.pid, whole };
    let parsed = match program {
        b"spamdyke" => spamdyke::parse(&line, text),
        b"tcpserver" => tcpserver::tcpserver(&line, text),
        b"rblsmtpd" | b"badiprbl" => tcpserver::blocklist(&line, text),
        _ if program.starts_with(b"vchkpw-") => vpopmail::parse(&line, program, text),
        _ => of_program(&line),
    };
    parsed.unwrap_or(Parsed::Unknown)
}

/// What a service writes to standard error names it once more: `tcpserver[7]: tcpserver: ok ...`.
fn behind_name<'a>(program: &[u8], message: &'a [u8]) -> &'a [u8] {
    match program {
        b"tcpserver" | b"rblsmtpd" => {
            let rest = message.strip_prefix(program).and_then(|rest| rest.strip_prefix(b": "));
            rest.unwrap_or(message)
        }
        _ => message,
    }
}

/// `1764312341.123456 `, with or without a colon behind it.
fn behind_splogger(message: &[u8]) -> &[u8] {
    let (stamp, rest) = scan::take_while(message, |byte| byte.is_ascii_digit() || byte == b'.');
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    match rest.strip_prefix(b" ") {
        Some(rest) if stamp.len() == 17 && stamp.get(10) == Some(&b'.') => rest,
        _ => message,
    }
}

/// The line begins with the name of its program, or is of `qmail-send`.
fn of_program<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let (name, rest) = scan::take_while(line.text, is_name);
    let text = behind_tag(rest).unwrap_or_default();
    match name {
        b"tcpserver" => tcpserver::tcpserver(line, text),
        b"rblsmtpd" | b"badiprbl" => tcpserver::blocklist(line, text),
        b"spamdyke" => spamdyke::parse(line, text),
        b"CHKUSER" => spamdyke::chkuser(line, rest.strip_prefix(b" ")?),
        b"qmail-smtpd" => {
            let text = text.strip_prefix(b"CHKUSER ")?;
            spamdyke::chkuser(line, text)
        }
        _ if name.starts_with(b"vchkpw-") => vpopmail::parse(line, name, text),
        _ => send(line),
    }
}

/// `: ` or `[123]: `.
fn behind_tag(rest: &[u8]) -> Option<&[u8]> {
    let rest = match rest.strip_prefix(b"[") {
        Some(inside) => scan::split_once(inside, b"]")?.1,
        None => rest,
    };
    rest.strip_prefix(b": ")
}

/// `qmail-send`: what becomes of messages.
fn send<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"info msg ") {
        return information(line, rest);
    }
    if let Some(rest) = text.strip_prefix(b"starting delivery ") {
        return starting(line, rest);
    }
    if let Some(rest) = text.strip_prefix(b"delivery ") {
        return delivery(line, rest);
    }
    const KNOWN: [(&[u8], &str); 10] = [
        (b"new msg ", "queue"),
        (b"end msg ", "queue-removed"),
        (b"bounce msg ", "bounce"),
        (b"double bounce: ", "bounce"),
        (b"triple bounce: ", "bounce"),
        (b"status: ", "statistics"),
        (b"running", "lifecycle"),
        (b"exiting", "lifecycle"),
        (b"warning: ", "warning"),
        (b"alert: ", "internal-error"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map(|(_, name)| Parsed::Noise(name))
}

/// A number and what stands behind it.
fn numbered(bytes: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let (digits, rest) = scan::take_while(bytes, |byte| byte.is_ascii_digit());
    (!digits.is_empty()).then_some((Text(digits), rest))
}

/// `7: bytes 456 from <x@y.test> qp 789 uid 64011`.
fn information<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let (id, rest) = numbered(rest)?;
    let (_bytes, rest) = numbered(rest.strip_prefix(b": bytes ")?)?;
    let rest = rest.strip_prefix(b" from <")?;
    let end = scan::find_last(rest, b"> qp ")?;
    let event = line.event(b"qmail-send", Kind::Message, Outcome::Allowed);
    let sender = Some(Text(rest.get(..end)?));
    Some(Parsed::Event(Event { queue_id: Some(id), sender, ..event }))
}

/// `3: msg 7 to remote x@y.test`: an envelope that goes on, known later by the delivery's number.
fn starting<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let (delivery, rest) = numbered(rest)?;
    let (id, rest) = numbered(rest.strip_prefix(b": msg ")?)?;
    let to = rest.strip_prefix(b" to ")?;
    let recipient = to.strip_prefix(b"remote ").or_else(|| to.strip_prefix(b"local "))?;
    let event = line.event(b"qmail-send", Kind::Envelope, Outcome::Allowed);
    Some(Parsed::Event(Event {
        session: Some(delivery),
        queue_id: Some(id),
        recipient: Some(Text(recipient)),
        ..event
    }))
}

/// `3: success: 203.0.113.9_accepted_message./`: the next server's words, with `_` for blanks.
fn delivery<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let (delivery, rest) = numbered(rest)?;
    let rest = rest.strip_prefix(b": ")?;
    let (verdict, words) = scan::split_once(rest, b": ")?;
    let (outcome, reason) = match verdict {
        b"success" => (Outcome::Allowed, None),
        b"deferral" => (Outcome::Deferred, Some(Reason::RemoteDeferred)),
        b"failure" => (Outcome::Rejected, Some(Reason::RemoteRejected)),
        _ => return None,
    };
    let event = line.event(b"qmail-send", Kind::Delivery, outcome);
    let detail = (!words.is_empty()).then_some(Text(words));
    Some(Parsed::Event(Event { session: Some(delivery), reason, detail, ..event }))
}
