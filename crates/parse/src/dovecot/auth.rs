//! `auth` and `auth-worker`, which say why a login failed.
//!
//! 2.3 writes `passwd-file(NAME,IP,<SESSION>): REASON`, 2.4 `auth(NAME,IP,sasl:plain)<SESSION>:
//! passwd-file: REASON`. The name is a stranger's and can hold brackets, addresses and reasons. So
//! every closing bracket with a known reason behind it, up to the end of the line, is a reading of
//! the line; the last one is the real one where its reason is fixed words. Where a reason ends in
//! a stranger's text (a user name, a password) more than one reading can hold, and then the line
//! names nobody: the failure counts by the line that the login process writes.

use super::reason::{Verdict, verdict};
use super::{Level, Line, session_id};
use crate::Parsed;
use crate::scan::{self, address};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Reason, Text};

pub(super) fn parse<'a>(line: &Line<'a>) -> Parsed<'a> {
    let readings = readings(line);
    match readings.last {
        Some(reading) => reading.says(line, readings.unsure),
        None => match (line.level, readings.stranger) {
            (Level::Problem, Some(who)) => {
                let event = line.event(Kind::Auth, Outcome::Deferred);
                let event = Event { reason: Some(Reason::AuthUnavailable), ..event };
                Parsed::Event(who.on(event))
            }
            (Level::Problem, None) => Parsed::Noise("auth-process"),
            _ => without_identity(line.text),
        },
    }
}

/// Lines about the process itself.
fn without_identity<'a>(text: &[u8]) -> Parsed<'a> {
    const KNOWN: [&[u8]; 12] = [
        b"auth client ",
        b"client in: ",
        b"client out: ",
        b"client passdb out: ",
        b"master in: ",
        b"master out: ",
        b"master userdb out: ",
        b"Authentication cache ",
        b"SIGHUP received",
        b"Read auth token",
        b"Loading modules",
        b"passwd-file ",
    ];
    match KNOWN.iter().any(|head| text.starts_with(head)) {
        true => Parsed::Noise("auth-process"),
        false => Parsed::Unknown,
    }
}

/// Who a reading says it was.
#[derive(Clone, Copy, Default)]
struct Identity<'a> {
    account: Option<Text<'a>>,
    client: Option<IpAddr>,
    mechanism: Option<Text<'a>>,
    session: Option<Text<'a>>,
}

impl<'a> Identity<'a> {
    fn on(&self, event: Event<'a>) -> Event<'a> {
        Event {
            account: self.account,
            client: self.client,
            mechanism: self.mechanism,
            session: self.session,
            ..event
        }
    }
}

#[derive(Clone, Copy)]
struct Reading<'a> {
    identity: Identity<'a>,
    verdict: Verdict<'a>,
}

impl<'a> Reading<'a> {
    fn says(&self, line: &Line<'a>, unsure: bool) -> Parsed<'a> {
        let (kind, outcome) = match self.verdict.outcome {
            Some(outcome) => (self.verdict.kind, outcome),
            None => return Parsed::Noise("auth-step"),
        };
        let event = Event {
            reason: self.verdict.reason,
            hostile: self.verdict.hostile,
            attempts: u32::from(self.verdict.is_attempt),
            ..line.event(kind, outcome)
        };
        if unsure {
            return Parsed::Event(event);
        }
        let event = self.identity.on(event);
        Parsed::Event(Event {
            account: event.account.or(self.verdict.account),
            known: self.verdict.known,
            secret_tag: self.verdict.secret_tag,
            ..event
        })
    }
}

struct Readings<'a> {
    last: Option<Reading<'a>>,
    /// More than one reading holds, and they differ in what they say of the client.
    unsure: bool,
    /// Who it was where no reason is known but only one place can be the end of the name.
    stranger: Option<Identity<'a>>,
}

/// So many closing brackets are looked at, from the right. A user name has at most 64 bytes here,
/// but a password may have any number of them.
const BRACKETS_MAX: usize = 64;

fn readings<'a>(line: &Line<'a>) -> Readings<'a> {
    let mut found = Readings { last: None, unsure: false, stranger: None };
    let text = behind_worker(line.text);
    let own_file = identity_in_brackets(line.identity);
    // 2.4 in its own file: the name begins in front of the level word, which framing took.
    let begins_before = line.identity.starts_with(b"(") && !is_process(line.identity);
    let start = if begins_before { None } else { name_start(text) };
    // Behind a worker's number a driver is named: otherwise the number is a stranger's name.
    let is_behind_worker = text.len() < line.text.len();
    let start = start.filter(|start| *start > 1 || !is_behind_worker);
    let mut strangers = 0;
    for (count, at) in memchr::memrchr_iter(b')', text).enumerate() {
        if count == BRACKETS_MAX {
            found.unsure |= found.last.is_none_or(|last| last.verdict.is_open);
            return found;
        }
        let Some((session, rest)) = behind_bracket(text.get(at + 1..).unwrap_or_default()) else {
            continue;
        };
        let inside = start.and_then(|start| text.get(start..at));
        let identity = identity(inside.unwrap_or(text.get(..at).unwrap_or_default()), session);
        let identity = match inside {
            Some(_) => identity,
            None => Identity { account: None, ..identity },
        };
        if let Some(verdict) = verdict(rest, line.level == Level::Problem) {
            found.unsure |= found.may_run_over(&verdict, identity) && !names_nobody(text);
            found.add(Reading { identity, verdict });
        } else if identity.client.is_some() {
            strangers += 1;
            // The rightmost is the server's own, unless its reason holds a stranger's text.
            found.stranger.get_or_insert(identity);
        }
    }
    if let Some(identity) = own_file
        && let Some(verdict) = verdict(text, line.level == Level::Problem)
    {
        found.unsure |= found.may_run_over(&verdict, identity);
        found.add(Reading { identity, verdict });
    }
    if strangers != 1 {
        found.stranger = None;
    }
    found
}

impl<'a> Readings<'a> {
    /// True where an open reason may have run over the real one, whose words nobody knows: another
    /// address stands in a bracket to its right.
    fn may_run_over(&self, verdict: &Verdict<'_>, identity: Identity<'_>) -> bool {
        let other = self.stranger.is_some_and(|stranger| stranger.client != identity.client);
        verdict.is_open && self.last.is_none() && other
    }

    /// Readings come from the right to the left.
    fn add(&mut self, reading: Reading<'a>) {
        match &self.last {
            None => self.last = Some(reading),
            Some(last) => {
                // A further reading to the left holds only if its own reason runs to the end of
                // the line over the one found before.
                self.unsure |= reading.verdict.is_open
                    && (reading.identity.client != last.identity.client
                        || reading.identity.account != last.identity.account);
            }
        }
    }
}

/// `plain(?,203.0.113.9,<...>): `: a mechanism's own line about a name that was not taken. Behind
/// it comes that name, and no password database's reason can.
fn names_nobody(text: &[u8]) -> bool {
    const MECHANISMS: [&[u8]; 8] = [
        b"plain",
        b"login",
        b"cram-md5",
        b"digest-md5",
        b"scram-sha-1",
        b"scram-sha-256",
        b"xoauth2",
        b"oauthbearer",
    ];
    let (driver, rest) = scan::take_while(text, |byte| byte != b'(');
    MECHANISMS.contains(&driver) && rest.starts_with(b"(?,")
}

/// Skips what a worker of 2.3 writes in front: `(658): conn unix:auth-worker (pid=1,uid=2):
/// auth-worker<3>: `.
fn behind_worker(text: &[u8]) -> &[u8] {
    let text = match text.strip_prefix(b"(") {
        Some(inner) => {
            let (digits, rest) = scan::take_while(inner, |byte| byte.is_ascii_digit());
            match rest.strip_prefix(b"): ") {
                Some(rest) if !digits.is_empty() => super::level(rest).1,
                _ => text,
            }
        }
        None => text,
    };
    if !text.starts_with(b"conn ") {
        return text;
    }
    scan::split_once(text, b"): auth-worker<")
        .and_then(|(_, rest)| scan::split_once(rest, b">: "))
        .map_or(text, |(_, rest)| rest)
}

/// Where the name starts: behind `passwd-file(`, or behind the bracket that follows the service.
fn name_start(text: &[u8]) -> Option<usize> {
    let (driver, rest) =
        scan::take_while(text, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    rest.starts_with(b"(").then_some(driver.len() + 1)
}

/// `(658)`: a worker of 2.3.
fn is_process(brackets: &[u8]) -> bool {
    let inside = brackets.strip_prefix(b"(").and_then(|inner| inner.strip_suffix(b")"));
    inside.is_some_and(|pid| !pid.is_empty() && pid.iter().all(u8::is_ascii_digit))
}

/// `(NAME,IP,sasl:plain)<658><SESSION>` of Dovecot's own files.
fn identity_in_brackets(brackets: &[u8]) -> Option<Identity<'_>> {
    let inner = brackets.strip_prefix(b"(")?;
    let close = memchr::memrchr(b')', inner)?;
    let (name, rest) = inner.split_at(close);
    if is_process(brackets) {
        return None;
    }
    let session = sessions(rest.get(1..)?)?.0;
    Some(identity(name, session))
}

/// What follows a closing bracket that ends an identity: `<658>` and `<SESSION>` or neither, a
/// colon, the level word of Dovecot's own files, a worker's `request [3]: `.
fn behind_bracket(rest: &[u8]) -> Option<(Option<Text<'_>>, &[u8])> {
    let (session, rest) = match rest.first()? {
        b':' => (None, rest),
        b'<' => sessions(rest)?,
        _ => return None,
    };
    let rest = super::level(rest.strip_prefix(b": ")?).1;
    let rest = match rest.strip_prefix(b"request [") {
        Some(inner) => scan::split_once(inner, b"]: ").map_or(rest, |(_, rest)| rest),
        None => rest,
    };
    Some((session, rest))
}

/// `<658><SESSION>`: the last that is no process id is the session.
fn sessions(mut rest: &[u8]) -> Option<(Option<Text<'_>>, &[u8])> {
    let mut session = None;
    for _ in 0..2 {
        let Some(inner) = rest.strip_prefix(b"<") else { break };
        let (id, behind) = scan::split_once(inner, b">")?;
        if scan::number(id).is_none() {
            session = session_id(id);
        }
        rest = behind;
    }
    Some((session, rest))
}

/// `NAME[,IP][,sasl:MECH][,master][,<SESSION>]`, from the right end.
fn identity<'a>(inside: &'a [u8], session: Option<Text<'a>>) -> Identity<'a> {
    let mut identity = Identity { session, ..Identity::default() };
    let mut name = inside;
    if let Some(open) = name.strip_suffix(b">")
        && let Some(at) = scan::find_last(open, b",<")
        && let Some(id) = session_id(open.get(at + 2..).unwrap_or_default())
    {
        identity.session = Some(id);
        name = open.get(..at).unwrap_or_default();
    }
    name = name.strip_suffix(b",master").unwrap_or(name);
    if let Some(at) = scan::find_last(name, b",sasl:") {
        let mechanism = name.get(at + b",sasl:".len()..).unwrap_or_default();
        if mechanism.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            identity.mechanism = Some(Text(mechanism));
            name = name.get(..at).unwrap_or_default();
        }
    }
    if let Some(at) = memchr::memrchr(b',', name)
        && let Some(client) = address(name.get(at + 1..).unwrap_or_default())
    {
        identity.client = Some(client);
        name = name.get(..at).unwrap_or_default();
    }
    identity.account = (!name.is_empty() && name != b"?").then_some(Text(name));
    identity
}
