//! HCL Domino 9 to 14: the server's console log, a file of its own. No Domino was run: lines are
//! made from the maker's documentation and pages of administrators.
//!
//! `[007577:000017-00007F621246D700] 20.03.2026 07:36:42   http: bob [203.0.113.9] ...`: the
//! process may be missing, and the date is written as the host's language has it. With AM or PM the
//! month comes first, else the day does, if both can be.
//!
//! Names stand left of the address, which is read from the right, behind Domino's own last words.
//! `smtp: bob [ADDRESS] authentication failure using internet password` is an attempt, of any
//! protocol. `SMTP Server: Authentication failed for user bob` (or another server's) tells of it
//! again, or alone, and can have another name of the same person: the engine counts both once.

use crate::{Envelope, LocalStamp, Parsed, Parser, Record, Stamp, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "domino",
    versions: "9 to 14",
    origin: "the maker's documentation and pages of administrators: no run",
    owns,
    parse,
    own_file: Some(own_file),
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"domino"
}

/// A process and a date, or a date alone with two blanks or a process behind it.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (has_process, rest) = match process(line) {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (stamp, rest) = match rest.get(4) {
        Some(b'-') if has_process => record::iso_stamp(rest)?,
        _ => local_stamp(rest)?,
    };
    let (blanks, rest) = scan::take_while(rest, |byte| byte == b' ');
    let behind = process(rest);
    let is_own = has_process || behind.is_some() || blanks.len() >= 2;
    is_own.then(|| Record::new(stamp, b"domino", behind.unwrap_or(rest), Envelope::OwnFile))
}

/// `[0A44:000F-080C] `: process, and thread.
fn process(text: &[u8]) -> Option<&[u8]> {
    let hex = |text| scan::take_while(text, |byte: u8| byte.is_ascii_hexdigit());
    let (process, rest) = hex(text.strip_prefix(b"[")?);
    let (first, rest) = hex(rest.strip_prefix(b":")?);
    let (second, rest) = hex(rest.strip_prefix(b"-")?);
    let all = !process.is_empty() && !first.is_empty() && !second.is_empty();
    rest.strip_prefix(b"] ").filter(|_| all)
}

/// `20.03.2026 07:36:42`, `22-06-2026 09:56:12`, `14/12/2026 18:04:33`, `08/18/2026 09:30:00 PM`.
fn local_stamp(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (head, rest) = text.split_at_checked(19)?;
    let number = |from: usize, to: usize| scan::number(head.get(from..to)?);
    let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
    let mark = *head.get(2)?;
    let fits = [(5, mark), (10, b' '), (13, b':'), (16, b':')];
    if !matches!(mark, b'.' | b'-' | b'/')
        || !fits.iter().all(|(at, byte)| head.get(*at) == Some(byte))
    {
        return None;
    }
    let (first, second) = (small(0)?, small(3)?);
    let (half, rest) = match rest.get(..3) {
        Some(b" AM") => (Some(0), rest.get(3..)?),
        Some(b" PM") => (Some(12), rest.get(3..)?),
        _ => (None, rest),
    };
    let is_month_first = match half {
        Some(_) => first <= 12,
        None => second > 12,
    };
    let (month, day) = if is_month_first { (first, second) } else { (second, first) };
    let hour = match half {
        Some(half) => small(11)? % 12 + half,
        None => small(11)?,
    };
    let (minute, second) = (small(14)?, small(17)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let year = Some(i32::try_from(number(6, 10)?).ok()?);
    let stamp = LocalStamp { year, month, day, hour, minute, second, micros: 0 };
    Some((Stamp::Local(stamp), rest))
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some((task, text)) = scan::split_once(record.message, b": ") else {
        return own_affair(record.message);
    };
    let line = Line { task, text, at };
    let event = failed_password(&line).or_else(|| failed_login(&line)).or_else(|| match task {
        b"SMTP Server" => smtp(&line),
        b"IMAP Server" | b"POP3 Server" | b"LDAP Server" => mailbox(&line),
        b"Router" => delivery(&line),
        _ => None,
    });
    event.map_or_else(|| own_affair(record.message), Parsed::Event)
}

fn own_affair(message: &[u8]) -> Parsed<'_> {
    const HEADS: [(&[u8], &str); 15] = [
        (b"Mail Router ", "lifecycle"),
        (b"Router: ", "queue"),
        (b"SMTPClient: ", "outgoing"),
        (b"HTTP Server: ", "lifecycle"),
        (b"HTTP JVM: ", "lifecycle"),
        (b"JVM: ", "lifecycle"),
        (b"AMgr: ", "agent"),
        (b"Agent Manager: ", "agent"),
        (b"Opened session for ", "notes-client"),
        (b"Closed session for ", "notes-client"),
        (b"Recovery Manager: ", "lifecycle"),
        (b"DAOS ", "storage"),
        (b"Event Monitor", "lifecycle"),
        (b"Index update process ", "lifecycle"),
        (b"Database ", "storage"),
    ];
    const TAILS: [&[u8]; 4] = [b" started", b" shutdown", b" Started", b" Shutdown"];
    let known = HEADS.iter().find(|(head, _)| message.starts_with(head)).map(|(_, name)| *name);
    let ends = TAILS.iter().any(|tail| message.ends_with(tail));
    known.or(ends.then_some("lifecycle")).map_or(Parsed::Unknown, Parsed::Noise)
}

/// A line, its task cut off.
#[derive(Clone, Copy)]
struct Line<'a> {
    task: &'a [u8],
    text: &'a [u8],
    at: Timestamp,
}

impl<'a> Line<'a> {
    fn event(&self, kind: Kind, outcome: Outcome) -> Event<'a> {
        let protocol = match self.task {
            b"smtp" | b"SMTP Server" => Protocol::Smtp,
            b"imap" | b"IMAP Server" => Protocol::Imap,
            b"pop3" | b"POP3 Server" => Protocol::Pop3,
            b"http" => Protocol::Http,
            _ => Protocol::Unknown,
        };
        Event { protocol, ..Event::new(self.at, Server::Domino, Text(self.task), kind, outcome) }
    }

    /// What stands before the last `words`, and the address behind them, which ends the line.
    fn trailing(&self, words: &[u8]) -> Option<(&'a [u8], Option<IpAddr>)> {
        let at = scan::find_last(self.text, words)?;
        let place = self.text.get(at + words.len()..)?;
        Some((self.text.get(..at)?, scan::address(bare(place))))
    }
}

/// `[203.0.113.9]` or `203.0.113.9`.
fn bare(place: &[u8]) -> &[u8] {
    place.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(place)
}

/// Without ` (no such user)` at the end, and whether there is one.
fn without_verdict(text: &[u8]) -> (&[u8], Option<bool>) {
    match text.strip_suffix(b" (no such user)") {
        Some(text) => (text, Some(false)),
        None => (text, None),
    }
}

/// `bob [203.0.113.9] authentication failure using internet password`, of the tasks `http`, `smtp`,
/// `imap`, `pop3`, `ldap`; a lock stands behind it. `IP Address` instead of a name: the address is
/// locked.
fn failed_password<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    const FAILED: &[u8] = b"] authentication failure using internet password";
    let (text, known) = without_verdict(line.text);
    let at = scan::find_last(text, FAILED)?;
    let behind = text.get(at + FAILED.len()..)?;
    let head = text.get(..at)?;
    let (user, place) = match scan::find_last(head, b"[") {
        Some(open) => (head.get(..open)?.trim_ascii_end(), head.get(open + 1..)?),
        None => (&b""[..], &b""[..]),
    };
    // No other task's words, which can repeat a stranger's, begin like these.
    let is_task = line.task.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !is_task || !(behind.is_empty() || behind.starts_with(b":") || behind == b" ") {
        return None;
    }
    let is_address = user == b"IP Address";
    let is_locked = scan::contains(behind, b"locked out") && !is_address;
    let reason = if is_locked { Reason::AccountDisabled } else { Reason::AuthFailed };
    Some(Event {
        client: scan::address(place),
        account: (!user.is_empty() && !is_address).then_some(Text(user)),
        known,
        reason: Some(reason),
        hostile: !is_locked,
        attempts: u32::from(!is_locked),
        ..line.event(Kind::Auth, Outcome::Rejected)
    })
}

/// `Authentication failed for user bob ; connecting host 203.0.113.9`, of the servers of SMTP,
/// IMAP, POP3 and LDAP.
fn failed_login<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    const FAILED: &[u8] = b"Authentication failed for user ";
    if !line.task.ends_with(b" Server") || !line.text.starts_with(FAILED) {
        return None;
    }
    let (text, known) = without_verdict(line.text);
    let parts = Line { text, ..*line }.trailing(b"; connecting host ");
    let (head, client) = parts.unwrap_or((&b""[..], None));
    let user = head.strip_prefix(FAILED).map(|user| user.strip_suffix(b" ").unwrap_or(user));
    Some(Event {
        client,
        account: user.and_then(name),
        known,
        reason: Some(Reason::AuthFailed),
        hostile: true,
        attempts: 1,
        ..line.event(Kind::Auth, Outcome::Rejected)
    })
}

fn smtp<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    if line.text.starts_with(b"Authentication succeeded for user ") {
        let (head, client) = line.trailing(b"; connecting host ")?;
        let user = head.strip_prefix(b"Authentication succeeded for user ")?;
        return Some(logged_in(line, user, client));
    }
    if let Some(rest) = line.text.strip_prefix(b"Message rejected. Authenticated user ") {
        return Some(foreign_sender(line, rest));
    }
    if let Some(rest) = line.text.strip_prefix(b"Message ") {
        let (id, rest) = scan::word(rest);
        let is_id = id.len() == 8 && id.iter().all(u8::is_ascii_hexdigit);
        let is_received = is_id && rest.starts_with(b"(MessageID");
        let event = line.event(Kind::Message, Outcome::Allowed);
        return is_received.then_some(Event { queue_id: Some(Text(id)), ..event });
    }
    visit(line)
}

/// `bob from host 203.0.113.9 sending mail from eve@b.test failed to match directory address ...`:
/// a stranger's words on both sides, so where Domino's stand there twice, nobody is believed.
fn foreign_sender<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    const HOST: &[u8] = b" from host ";
    const FROM: &[u8] = b" sending mail from ";
    let event = line.event(Kind::Envelope, Outcome::Rejected);
    let event = Event { reason: Some(Reason::SenderRejected), ..event };
    let parts = scan::split_once(rest, HOST).filter(|(_, behind)| !scan::contains(behind, HOST));
    let Some((user, behind)) = parts else { return event };
    let Some((place, _)) = scan::split_once(behind, FROM) else { return event };
    Event { client: scan::address(bare(place)), account: name(user), ..event }
}

/// `ann logged in from 203.0.113.9` (IMAP), `ann logged in; connecting host 203.0.113.9` (POP3).
fn mailbox<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    for words in [&b" logged in from "[..], b" logged in; connecting host "] {
        if let Some((user, client @ Some(_))) = line.trailing(words) {
            return Some(logged_in(line, user, client));
        }
    }
    let out = line.trailing(b" logged out; connecting host ");
    let out = out.or_else(|| Some((line.text.strip_suffix(b" logged out")?, None)));
    if let Some((user, client)) = out {
        let event = line.event(Kind::Session, Outcome::Allowed);
        return Some(Event { client, account: name(user), ..event });
    }
    visit(line)
}

fn logged_in<'a>(line: &Line<'a>, user: &'a [u8], client: Option<IpAddr>) -> Event<'a> {
    let event = line.event(Kind::Auth, Outcome::Allowed);
    Event { client, account: name(user.trim_ascii()), attempts: 1, ..event }
}

/// `mail.example.net (203.0.113.9) connected`, `203.0.113.9 disconnected. 1 message[s] received`.
/// The name is reverse DNS and has no blank.
fn visit<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (first, rest) = scan::word(line.text);
    let (second, behind) = scan::word(rest);
    let inner = second.strip_prefix(b"(").and_then(|inner| inner.strip_suffix(b")"));
    let (place, rest) = match inner {
        Some(inner) => (inner, behind),
        None => (first, rest),
    };
    let client = Some(scan::address(bare(place))?);
    let kind = match rest {
        b"connected" => Kind::Connect,
        b"disconnected" => Kind::Disconnect,
        _ if rest.starts_with(b"disconnected. ") => Kind::Disconnect,
        _ => return None,
    };
    Some(Event { client, ..line.event(kind, Outcome::Allowed) })
}

/// `Message 0053C0B7 delivered to ...`, `Message 0053C0B7 transferred to ...`: who it is from and
/// for are words without marks around them, so neither is told.
fn delivery<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (id, rest) = scan::word(line.text.strip_prefix(b"Message ")?);
    let is_id = id.len() == 8 && id.iter().all(u8::is_ascii_hexdigit);
    let (word, _) = scan::word(rest);
    let is_done = matches!(word, b"delivered" | b"transferred" | b"forwarded");
    let event = line.event(Kind::Delivery, Outcome::Allowed);
    (is_id && is_done).then_some(Event { queue_id: Some(Text(id)), ..event })
}

fn name(text: &[u8]) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_languages() {
        for (text, expected) in [
            ("20.03.2026 07:36:42", Some((3, 20, 7))),
            ("22-06-2026 09:56:12", Some((6, 22, 9))),
            ("14/12/2026 18:04:33", Some((12, 14, 18))),
            ("12/14/2026 18:04:33", Some((12, 14, 18))),
            ("08/18/2026 09:30:00 PM", Some((8, 18, 21))),
            ("08/09/2026 12:30:00 AM", Some((8, 9, 0))),
            ("13/13/2026 09:30:00", None),
            ("20.03-2026 07:36:42", None),
            ("20.03.2026 27:36:42", None),
            ("20.03.2026 07:36", None),
        ] {
            let read = local_stamp(text.as_bytes()).map(|(stamp, rest)| match stamp {
                Stamp::Local(stamp) if rest.is_empty() => (stamp.month, stamp.day, stamp.hour),
                _ => (0, 0, 0),
            });
            assert_eq!(read, expected, "{text}");
        }
    }
}
