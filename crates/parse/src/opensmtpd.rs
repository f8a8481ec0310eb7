//! OpenSMTPD 6.8 and 7.6: the lines of `smtpd`, by syslog.
//!
//! A line about a connection begins with the session's id, 16 hexadecimal digits. The peer stands
//! in one of them only, `smtp connected address=`; a login, a refusal and the end name nobody but
//! the session, so their events have no client and whoever reads them joins by [`Event::session`].
//!
//! A stranger chooses the user name, the command, the addresses and (by his own DNS) the host name
//! behind `host=`. `smtpd` escapes blanks in a user name; a quote in a command comes as it was.
//! An answer that repeats a recipient is not escaped, so it is read from its front, and its end is
//! the line's.
//!
//! No line tells the port, so the protocol is always SMTP.

use crate::scan;
use crate::{Parsed, Parser, Record};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "opensmtpd",
    versions: "6.8, 7.6",
    origin: "real runs of 6.8 and 7.6; lines not met there by format strings and manual",
    owns,
    parse,
    own_file: None,
};

/// The daemon's name. Postfix's is `postfix/smtpd`.
fn owns(record: &Record<'_>) -> bool {
    matches!(record.program.bytes(), b"smtpd" | b"opensmtpd")
}

/// A line about a session, its id cut off.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    session: Text<'a>,
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    /// An event of a client's session.
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Smtp,
            session: Some(self.session),
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Opensmtpd, Text(b"smtp"), kind, outcome)
        }
    }

    fn refusal(&self, kind: Kind, outcome: Outcome, reason: Reason) -> Event<'a> {
        Event { reason: Some(reason), ..self.event(kind, outcome) }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some((session, text)) = behind_session(record.message) else {
        return queue_delivery(record, at).unwrap_or_else(|| own_affair(record.message));
    };
    let line = Line { text, session, at, host: record.host, pid: record.pid };
    let (part, rest) = scan::word(text);
    let line = Line { text: rest, ..line };
    let parsed = match part {
        b"smtp" => smtp(&line),
        b"mda" => delivery(&line, b"mda"),
        b"mta" => delivery(&line, b"mta").or(Some(Parsed::Noise("outgoing"))),
        _ => None,
    };
    parsed.unwrap_or(Parsed::Unknown)
}

/// `fedf7b162a029014 `.
fn behind_session(message: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let (session, rest) = message.split_at_checked(16)?;
    let is_id = session.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then_some((Text(session), rest.strip_prefix(b" ")?))
}

/// Lines about the daemon itself begin with their level.
fn own_affair(message: &[u8]) -> Parsed<'_> {
    const LEVELS: [(&[u8], &str); 11] = [
        (b"info: ", "lifecycle"),
        (b"debug: ", "debug"),
        (b"warn: ", "warning"),
        (b"fatal: ", "internal-error"),
        (b"fatal in ", "internal-error"),
        (b"Exiting", "lifecycle"),
        (b"version: ", "lifecycle"),
        (b"queue: ", "lifecycle"),
        (b"smtp-out: ", "outgoing"),
        (b"relay: ", "outgoing"),
        (b"setup_", "lifecycle"),
    ];
    let known = LEVELS.iter().find(|(words, _)| message.starts_with(words));
    known.map_or(Parsed::Unknown, |(_, name)| Parsed::Noise(name))
}

/// `None` where no grammar knows the line.
fn smtp<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let (verb, rest) = scan::word(line.text);
    let event = match verb {
        b"connected" => return connected(line, rest),
        b"disconnected" => {
            // 6.8 writes two blanks where a certificate was refused.
            disconnected(line, rest.trim_ascii_start().strip_prefix(b"reason=")?)
        }
        b"tls" if rest.starts_with(b"ciphers=") => line.event(Kind::Tls, Outcome::Allowed),
        b"tls" | b"cert-check" | b"client-cert-check" => return Some(Parsed::Noise("tls-detail")),
        b"authentication" => login(line, rest.strip_prefix(b"user=")?)?,
        b"failed-command" => return failed_command(line, rest.strip_prefix(b"command=\"")?),
        b"bad-input" => bad_input(line, rest.strip_prefix(b"result=\"")?),
        b"message" => {
            let queue_id = Some(message_id(rest.strip_prefix(b"msgid=")?, b" size=")?);
            Event {
                queue_id,
                recipients: count(rest),
                ..line.event(Kind::Message, Outcome::Allowed)
            }
        }
        b"envelope" => envelope(line, rest)?,
        _ => return None,
    };
    Some(Parsed::Event(event))
}

/// `address=203.0.113.41 host=cpe-41.isp.example`: the one place of a peer. The word behind it must
/// be there: of a cut line, the address could be another's.
fn connected<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    let (place, name) = scan::word(rest.strip_prefix(b"address=")?);
    if place == b"local" {
        return Some(Parsed::Noise("local-smtp"));
    }
    let bare = place.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(place);
    let client = name.starts_with(b"host=").then(|| scan::address(bare)).flatten();
    Some(Parsed::Event(Event { client, ..line.event(Kind::Connect, Outcome::Allowed) }))
}

/// `quit`, `disconnect`, `timeout`; other words tell of an error of the connection.
fn disconnected<'a>(line: &Line<'a>, why: &'a [u8]) -> Event<'a> {
    match why {
        b"quit" => line.event(Kind::Disconnect, Outcome::Allowed),
        b"timeout" => line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::Timeout),
        _ => Event {
            detail: (why != b"disconnect" && !why.is_empty()).then_some(Text(why)),
            ..line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::ConnectionLost)
        },
    }
}

/// `bob@example.org result=permfail`. The name is a stranger's: the result stands at the end, and a
/// blank in the name is none that `smtpd` wrote, so then the account is nobody's.
fn login<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    const RESULT: &[u8] = b" result=";
    let (name, result) = rest.split_at_checked(scan::find_last(rest, RESULT)?)?;
    let event = match result.get(RESULT.len()..)? {
        b"ok" => line.event(Kind::Auth, Outcome::Allowed),
        b"permfail" => {
            let event = line.refusal(Kind::Auth, Outcome::Rejected, Reason::AuthFailed);
            Event { hostile: true, ..event }
        }
        b"tempfail" => {
            return Some(line.refusal(Kind::Auth, Outcome::Deferred, Reason::AuthUnavailable));
        }
        _ => return None,
    };
    let is_name = !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace);
    Some(Event { account: is_name.then_some(Text(name)), attempts: 1, ..event })
}

/// `RCPT TO:<a@b.test>" result="550 Invalid recipient: <a@b.test>"`, behind the first quote.
fn failed_command<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Parsed<'a>> {
    // No release seen escapes a quote in a command; where a backslash stands before it, it is taken
    // for one of the command's first.
    let unescaped = || scan::split_once(rest, b"\" result=\"");
    let Some((command, answer)) = quoted(rest).or_else(unescaped) else {
        // What failed cannot be read; that it failed can.
        let event = line.refusal(Kind::Command, Outcome::Rejected, Reason::ProtocolError);
        return Some(Parsed::Event(Event { hostile: true, ..event }));
    };
    let outcome = match answer.first() {
        Some(b'4') => Outcome::Deferred,
        _ => Outcome::Rejected,
    };
    let event = match command {
        b"AUTH PLAIN (...)" | b"AUTH LOGIN (username)" | b"AUTH LOGIN (password)" => {
            if !answer.starts_with(b"501 ") {
                // The `authentication` line told of it.
                return Some(Parsed::Noise("login-answer"));
            }
            // Cancelled, or no base64; nobody's password was tried.
            line.refusal(Kind::Auth, outcome, Reason::AuthAborted)
        }
        _ => refused(line, command, answer, outcome),
    };
    Some(Parsed::Event(event))
}

/// Splits at the first quote without a backslash, and takes the answer's own off. `None` where no
/// answer stands behind the command.
fn quoted(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    let (command, behind) = rest.split_at_checked(end)?;
    let answer = behind.strip_prefix(b"\" result=\"")?;
    Some((command, answer.strip_suffix(b"\"").unwrap_or(answer)))
}

/// A refused command that was no part of a login. An `AUTH` with its argument holds a password, so
/// it is no detail.
fn refused<'a>(line: &Line<'a>, command: &'a [u8], answer: &[u8], outcome: Outcome) -> Event<'a> {
    let is = |word: &[u8]| command.get(..word.len()).is_some_and(|c| c.eq_ignore_ascii_case(word));
    let permanent = outcome == Outcome::Rejected;
    if is(b"AUTH") {
        let event = line.refusal(Kind::Auth, outcome, Reason::AuthDisallowed);
        return Event { hostile: permanent, attempts: u32::from(permanent), ..event };
    }
    let words = answer.get(4..).unwrap_or_default();
    if is(b"RCPT TO:") {
        let recipient = path(command);
        // One wording for relaying and for names that are not there.
        let unknown = permanent && words.starts_with(b"Invalid recipient");
        let reason = if unknown { Reason::RecipientUnknown } else { Reason::RecipientRejected };
        let event = line.refusal(Kind::Envelope, outcome, reason);
        return Event { recipient, hostile: unknown, ..event };
    }
    if is(b"MAIL FROM:") && words.ends_with(b"Must issue a STARTTLS command first") {
        let event = line.refusal(Kind::Envelope, outcome, Reason::AuthDisallowed);
        return Event { sender: path(command), ..event };
    }
    if is(b"MAIL FROM:") {
        let event = line.refusal(Kind::Envelope, outcome, Reason::SenderRejected);
        return Event { sender: path(command), hostile: permanent, ..event };
    }
    if is(b"HELO") || is(b"EHLO") {
        let event = line.refusal(Kind::Envelope, outcome, Reason::HeloRejected);
        return Event { hostile: permanent, detail: Some(Text(command)), ..event };
    }
    if is(b"DATA") {
        return line.refusal(Kind::Message, outcome, Reason::ContentRejected);
    }
    let detail = is_no_secret(command).then_some(Text(command));
    if !permanent {
        return Event { detail, ..line.event(Kind::Command, outcome) };
    }
    // A word that is none may be a slip of the keyboard; another protocol's is none.
    let reason = match is_other_protocol(command) {
        true => Reason::NonSmtpCommand,
        false => Reason::ProtocolError,
    };
    let event = line.refusal(Kind::Command, outcome, reason);
    Event { hostile: true, detail, ..event }
}

/// Where `AUTH LOGIN` is refused, some clients send name and password all the same, each a line of
/// base64: a lone word of its letters is no detail.
fn is_no_secret(command: &[u8]) -> bool {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    !command.iter().all(base64)
}

/// HTTP, TLS or SOCKS in the clear, SSH. `smtpd` prints control bytes as `\026`.
fn is_other_protocol(command: &[u8]) -> bool {
    const OTHERS: [&[u8]; 9] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"PUT ",
        b"OPTIONS ",
        b"CONNECT ",
        b"Host: ",
        b"SSH-2",
        b"\\0",
    ];
    OTHERS.iter().any(|head| command.starts_with(head))
        || command.first().is_some_and(|byte| byte.is_ascii_control() || !byte.is_ascii())
}

/// The address in `RCPT TO:<a@b.test> NOTIFY=NEVER`.
fn path(command: &[u8]) -> Option<Text<'_>> {
    let (_, inner) = scan::split_once(command, b"<")?;
    scan::split_once(inner, b">").map(|(address, _)| Text(address))
}

/// What could not be read as a command at all.
fn bad_input<'a>(line: &Line<'a>, answer: &'a [u8]) -> Event<'a> {
    let event = line.refusal(Kind::Command, Outcome::Rejected, Reason::ProtocolError);
    let answer = answer.strip_suffix(b"\"").unwrap_or(answer);
    Event { hostile: true, detail: (!answer.is_empty()).then_some(Text(answer)), ..event }
}

/// `evpid=d3ad016565b761f1 from=<a@b.test> to=<c@example.org>`.
fn envelope<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let rest = rest.strip_prefix(b"evpid=")?;
    let queue_id = Some(message_id(rest, b" from=<")?);
    let (_, rest) = scan::split_once(rest, b" from=<")?;
    let (sender, rest) = scan::split_once(rest, b"> to=<")?;
    let recipient = Some(Text(rest.strip_suffix(b">")?));
    let event = line.event(Kind::Envelope, Outcome::Allowed);
    Some(Event { queue_id, sender: Some(Text(sender)), recipient, ..event })
}

/// `msgid=d3ad0165 size=323 nrcpt=1 proto=ESMTP`, all of it the server's.
fn count(rest: &[u8]) -> u32 {
    let digits = scan::split_once(rest, b" nrcpt=").map(|(_, rest)| scan::word(rest).0);
    digits.and_then(scan::number).unwrap_or(0)
}

/// The message's id: an envelope's begins with its message's, 8 hexadecimal digits of 16.
fn message_id<'a>(rest: &'a [u8], behind: &[u8]) -> Option<Text<'a>> {
    let (digits, tail) = scan::take_while(rest, |byte| byte.is_ascii_hexdigit());
    let is_id = matches!(digits.len(), 8 | 16) && tail.starts_with(behind);
    is_id.then(|| digits.get(..8).map(Text)).flatten()
}

/// `delivery: TempFail for d3ad016565b761f1: from=<A>, to=<B>, rcpt=<->, delay=4d, stat=Expired`:
/// what the queue gave up. No session stands in front.
fn queue_delivery<'a>(record: &Record<'a>, at: Timestamp) -> Option<Parsed<'a>> {
    let message = record.message;
    let rest = message.strip_prefix(b"delivery: ").or_else(|| message.strip_prefix(b"relay: "))?;
    let (result, rest) = scan::split_once(rest, b" for ")?;
    let queue_id = Some(message_id(rest, b": from=<")?);
    let (_, rest) = scan::split_once(rest, b": from=<")?;
    let (sender, rest) = scan::split_once(rest, b">, to=<")?;
    let (recipient, _) = scan::split_once(rest, b">, rcpt=<")?;
    let (outcome, reason) = match result {
        b"TempFail" => (Outcome::Deferred, Reason::RemoteDeferred),
        _ => (Outcome::Rejected, Reason::RemoteRejected),
    };
    let event = Event::new(at, Server::Opensmtpd, Text(b"queue"), Kind::Delivery, outcome);
    Some(Parsed::Event(Event {
        protocol: Protocol::Smtp,
        host: record.host,
        pid: record.pid,
        queue_id,
        reason: Some(reason),
        sender: Some(Text(sender)),
        recipient: Some(Text(recipient)),
        ..event
    }))
}

/// `delivery evpid=... from=<...> to=<...> rcpt=<...> user=... delay=0s result=Ok stat=Delivered`,
/// with a relay result and answer in quotes. The session is the delivery's own, not a client's.
fn delivery<'a>(line: &Line<'a>, part: &'static [u8]) -> Option<Parsed<'a>> {
    let rest = line.text.strip_prefix(b"delivery evpid=")?;
    let queue_id = Some(message_id(rest, b" from=<")?);
    let (_, rest) = scan::split_once(rest, b" from=<")?;
    let (sender, rest) = scan::split_once(rest, b"> to=<")?;
    // `rcpt=` is missing where no alias led to the recipient.
    let (recipient, rest) =
        scan::split_once(rest, b"> rcpt=<").or_else(|| scan::split_once(rest, b"> user="))?;
    let (_, rest) = scan::split_once(rest, b" delay=")?;
    let (_, rest) = scan::split_once(rest, b" result=")?;
    let (result, stat) = scan::split_once(rest, b" stat=")?;
    let (outcome, reason) = match result.trim_ascii_start() {
        b"Ok" | b"\"Ok\"" => (Outcome::Allowed, None),
        b"TempFail" | b"\"TempFail\"" => (Outcome::Deferred, Some(Reason::RemoteDeferred)),
        _ => (Outcome::Rejected, Some(Reason::RemoteRejected)),
    };
    Some(Parsed::Event(Event {
        queue_id,
        session: None,
        service: Text(part),
        sender: Some(Text(sender)),
        recipient: Some(Text(recipient)),
        reason,
        detail: (!stat.is_empty()).then_some(Text(stat)),
        ..line.event(Kind::Delivery, outcome)
    }))
}
