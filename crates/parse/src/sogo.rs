//! SOGo 5.8 and 5.12: `sogo.log`, which it writes itself, and the same lines by journald or syslog.
//!
//! The address in a line is what SOGo takes for the remote host: the header
//! `x-webobjects-remote-host`, else `X-Forwarded-For`, else the connection's peer. A single address
//! is the client: the proxy set it. A list is what a proxy made of a client's own header: its last
//! address goes into [`Event::forwarded`], and the client is nobody.
//!
//! A stranger chooses the user name and, before a list's last address, the header, both with quotes
//! and with the words of the format. They also hold line breaks: what stands behind one in a user
//! name is a line of its own, and if two are there, nobody can tell it from SOGo's.
//!
//! A failed login on the page is told by `SOGoRootPage Login from`, and once more by the request's
//! line with 403, which is noise. One of a calendar or phone is told by `tried wrong password`,
//! which names no client; the request's line behind it, with 401, names him, and does not tell
//! whether a password was tried at all: clients ask without one first.

use crate::{Envelope, Parsed, Parser, Record, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "sogo",
    versions: "5.8, 5.12",
    origin: "real runs of 5.8.0 and 5.12.1; the source's format strings for lines not met there",
    owns,
    parse,
    own_file: Some(own_file),
};

/// The daemon and its tools: `sogod`, `sogo-tool`, `sogo-ealarms-notify`.
fn owns(record: &Record<'_>) -> bool {
    is_sogo(record.program.bytes())
}

fn is_sogo(program: &[u8]) -> bool {
    matches!(program, b"sogod" | b"sogo") || program.starts_with(b"sogo-")
}

/// `Nov 28 08:54:16 sogod [96]: message`: a blank before the process, which syslog does not write.
/// Its library writes `2026-11-28 09:13:56.489 sogod[103:103] message`.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, program, pid, message) = match record::syslog_stamp(line) {
        Some((stamp, rest)) => {
            let (program, rest) = scan::word(rest.strip_prefix(b" ")?);
            let (pid, message) = scan::split_once(rest.strip_prefix(b"[")?, b"]: ")?;
            (stamp, program, pid, message)
        }
        None => {
            let (stamp, rest) = record::iso_stamp(line)?;
            let (tag, message) = scan::word(rest.strip_prefix(b" ")?);
            let (program, pids) = scan::split_once(tag.strip_suffix(b"]")?, b"[")?;
            (stamp, program, scan::split_once(pids, b":")?.0, message)
        }
    };
    let pid = Some(scan::number(pid).filter(|_| is_sogo(program))?);
    Some(Record { pid, ..Record::new(stamp, program, message, Envelope::OwnFile) })
}

#[derive(Clone, Copy)]
struct Line<'a> {
    at: Timestamp,
    host: Option<Text<'a>>,
    pid: Option<u32>,
}

impl<'a> Line<'a> {
    fn event(&self, part: &'static [u8], kind: Kind, outcome: Outcome) -> Event<'a> {
        Event {
            protocol: Protocol::Http,
            host: self.host,
            pid: self.pid,
            ..Event::new(self.at, Server::Sogo, Text(part), kind, outcome)
        }
    }

    fn wrong_password(&self, part: &'static [u8]) -> Event<'a> {
        let event = self.event(part, Kind::Auth, Outcome::Rejected);
        Event { reason: Some(Reason::AuthFailed), hostile: true, attempts: 1, ..event }
    }
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    // What a service writes to its standard error has SOGo's own front behind the journal's.
    let inner = own_file(record.message);
    let text = inner.map_or(record.message, |inner| inner.message);
    let line = Line { at, host: record.host, pid: record.pid };
    if let Some(rest) = text.strip_prefix(b"SOGoRootPage ")
        && let Some(event) = login(&line, rest)
    {
        return Parsed::Event(event);
    }
    if let Some(event) = authenticator(&line, text).or_else(|| logged_off(&line, text)) {
        return Parsed::Event(event);
    }
    affair(text).map(Parsed::Noise).or_else(|| request(&line, text)).unwrap_or(Parsed::Unknown)
}

/// `Login from 'ADDRESS' for user 'NAME' might not have worked - password policy: 0` and its like.
fn login<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    const FAILED: Ending = (b"' might not have worked - password policy: ", b"  bound: ");
    const DONE: Ending = (b"' - expire = ", b"  grace = ");
    if let Some(rest) = rest.strip_prefix(b"Login ") {
        let event = line.wrong_password(b"login");
        let event = if is_right_but_unfit(rest) { unfit(event) } else { event };
        return Some(placed(event, rest, FAILED));
    }
    if let Some(rest) = rest.strip_prefix(b"successful login ") {
        let event = line.event(b"login", Kind::Auth, Outcome::Allowed);
        return Some(placed(Event { attempts: 1, ..event }, rest, DONE));
    }
    let quoted = |words: &[u8], end: &[u8]| rest.strip_prefix(words)?.strip_suffix(end);
    if let Some(name) = quoted(b"Invalid TOTP key for '", b"'") {
        return Some(Event { account: Some(Text(name)), ..line.wrong_password(b"totp") });
    }
    let name = quoted(b"Missing TOTP key for '", b"', asking it..")?;
    let event = line.event(b"totp", Kind::Auth, Outcome::Challenged);
    Some(Event { account: Some(Text(name)), ..event })
}

/// `password policy: 0  grace: -1  expire: -1  bound: 1`: the directory took the password, which
/// has to be changed. Without such a policy the first number is 65535 and the last is any.
fn is_right_but_unfit(rest: &[u8]) -> bool {
    let policy = |end: usize| rest.get(end..)?.strip_prefix(b" - password policy: ");
    let numbers = scan::find_last(rest, b" - password policy: ").and_then(policy);
    numbers.is_some_and(|n| is_numbers(n) && !n.starts_with(b"65535 ") && n.ends_with(b"bound: 1"))
}

fn unfit(event: Event<'_>) -> Event<'_> {
    Event { reason: Some(Reason::AccountDisabled), hostile: false, attempts: 0, ..event }
}

/// The words behind the user name, and those before the last number.
type Ending = (&'static [u8], &'static [u8]);

/// Reads `from 'ADDRESS' for user 'NAME' might not ...: 65535  grace: -1`: numbers end the line. A
/// line that has none was broken by the user name, or cut; what stands in it is nobody's.
fn placed<'a>(event: Event<'a>, rest: &'a [u8], (end, last): Ending) -> Event<'a> {
    let whole = || {
        let (body, numbers) = rest.split_at_checked(scan::find_last(rest, end)?)?;
        let numbers = numbers.get(end.len()..)?;
        (scan::contains(numbers, last) && is_numbers(numbers)).then_some(body)
    };
    let Some(body) = whole() else { return event };
    if let Some(name) = body.strip_prefix(b"for user '") {
        // Releases that name no address.
        return Event { account: Some(Text(name)), ..event };
    }
    let Some(body) = body.strip_prefix(b"from '") else { return event };
    // A broken line of one user name, and what SOGo wrote behind it, are no name of one user.
    let forged = scan::contains(body, end);
    match user(body).filter(|_| !forged) {
        Some((place, name)) => {
            let (client, forwarded) = remote(place);
            Event { client, forwarded, account: Some(Text(name)), ..event }
        }
        None => event,
    }
}

/// `65535  grace: -1  expire: -1  bound: 0`, behind the first words: numbers and their names.
fn is_numbers(text: &[u8]) -> bool {
    let mut words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let known = |word: &[u8]| {
        let digits = word.strip_prefix(b"-").unwrap_or(word);
        matches!(word, b"grace:" | b"expire:" | b"bound:" | b"grace" | b"=")
            || !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    text.last().is_some_and(u8::is_ascii_digit) && words.all(known)
}

/// `ADDRESS' for user 'NAME`, or `A, B' for user 'NAME`. `None` where the words between the two
/// stand there twice and the first are perhaps those of a header that a proxy added to.
fn user(body: &[u8]) -> Option<(&[u8], &[u8])> {
    const BETWEEN: &[u8] = b"' for user '";
    let (place, name) = scan::split_once(body, BETWEEN)?;
    let mut rest = name;
    while let Some((header, behind)) = scan::split_once(rest, BETWEEN) {
        if latest(header).is_some() {
            return None;
        }
        rest = behind;
    }
    Some((place, name))
}

/// Client and latest hop.
fn remote(place: &[u8]) -> (Option<IpAddr>, Option<IpAddr>) {
    match scan::address(place) {
        Some(client) => (Some(client), None),
        None => (None, latest(place)),
    }
}

/// The last address of a list.
fn latest(list: &[u8]) -> Option<IpAddr> {
    let comma = scan::find_last(list, b",")?;
    scan::address(list.get(comma + 1..)?.trim_ascii())
}

/// `<0x0x55c5[SOGoDAVAuthenticator]> tried wrong password for user 'NAME'!`.
fn authenticator<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    const AUTHENTICATOR: &[u8] = b"Authenticator]> ";
    let (object, text) = scan::split_once(text.strip_prefix(b"<0x")?, AUTHENTICATOR)?;
    let is_object = object.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'[');
    let text = is_object.then_some(text)?;
    if let Some(name) = text.strip_prefix(b"tried wrong password for user '") {
        // Without its end, a line break in it broke the line.
        let account = name.strip_suffix(b"'!").map(Text);
        return Some(Event { account, ..line.wrong_password(b"dav") });
    }
    let name = text.strip_prefix(b"got empty password for user '")?.strip_suffix(b"'!").map(Text);
    let event = line.event(b"dav", Kind::Auth, Outcome::Rejected);
    Some(Event { reason: Some(Reason::NoAuthAttempts), account: name, ..event })
}

/// `SOGoUserHomePage user 'NAME' logged off`.
fn logged_off<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    let (page, rest) = scan::word(text);
    let name = rest.strip_prefix(b"user '")?.strip_suffix(b"' logged off")?;
    let is_page = page.starts_with(b"SOGo") && page.iter().all(u8::is_ascii_alphanumeric);
    let event = line.event(b"login", Kind::Session, Outcome::Allowed);
    is_page.then_some(Event { account: Some(Text(name)), ..event })
}

/// `ADDRESS "POST /SOGo/connect HTTP/1.0" 403 33/50 0.011 - - 0 - 13`. A path has no blank, so
/// words are counted from the right; what is left of them is the address, or a stranger's header.
fn request<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Parsed<'a>> {
    let (head, tail) = text.split_at_checked(scan::find_last(text, b"\" ")?)?;
    let (status, tail) = scan::word(tail.get(2..)?);
    let (sizes, tail) = scan::word(tail);
    let is_size = |byte: &u8| byte.is_ascii_digit() || *byte == b'/';
    let whole = status.len() == 3 && sizes.contains(&b'/') && sizes.iter().all(is_size);
    // The line's end must be there: a cut one may have lost what tells where the address ends.
    scan::number(status).filter(|_| whole && is_end(tail))?;
    let mut words = head.rsplitn(4, |byte| *byte == b' ');
    let (_version, path, method) = (words.next()?, words.next()?, words.next()?);
    let method = method.strip_prefix(b"\"")?;
    let (client, forwarded) = remote(words.next()?);
    if path.ends_with(b"/connect") && method == b"POST" && matches!(status, b"200" | b"403") {
        return Some(Parsed::Noise("login-answer"));
    }
    let (kind, outcome) = match status {
        b"401" => (Kind::Auth, Outcome::Rejected),
        [b'4', ..] => (Kind::Command, Outcome::Rejected),
        [b'5', ..] => (Kind::Command, Outcome::Deferred),
        _ => (Kind::Command, Outcome::Allowed),
    };
    Some(Parsed::Event(Event { client, forwarded, ..line.event(b"request", kind, outcome) }))
}

/// `0.011 - - 0 - 13`: seconds, two words of the compression, memory, and numbers of the process,
/// which older releases do not have.
fn is_end(tail: &[u8]) -> bool {
    let words = tail.split(|byte| *byte == b' ').count();
    let known = |byte: &u8| byte.is_ascii_digit() || b" .-%KM?".contains(byte);
    (4..=6).contains(&words) && !tail.ends_with(b" ") && tail.iter().all(known)
}

const KNOWN: &[(&str, &str)] = &[
    ("[ERROR] ", "internal-error"),
    ("[FATAL] ", "internal-error"),
    ("[WARN] ", "warning"),
    ("[INFO] ", "debug"),
    ("[DEBUG] ", "debug"),
    ("INFO(", "debug"),
    ("WARN(", "warning"),
    ("ERROR(", "internal-error"),
    ("<0x", "debug"),
    ("|SOGo| ", "debug"),
    (">", "internal-error"),
    ("version ", "lifecycle"),
    ("vmem size check", "lifecycle"),
    ("All products loaded", "lifecycle"),
    ("SOGoRootPage ", "debug"),
    ("SOGo watchdog", "lifecycle"),
    ("EXCEPTION", "internal-error"),
];

/// What SOGo says of itself.
fn affair(text: &[u8]) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words.as_bytes()));
    known.map(|(_, name)| *name)
}
