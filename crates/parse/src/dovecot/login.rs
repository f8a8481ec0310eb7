//! Login processes: `Login: user=<bob>, method=PLAIN, rip=192.0.2.9, lip=..., session=<...>`.
//!
//! The fields follow the text of the message (`login_log_format`), the user name first. A name can
//! hold `>, method=PLAIN, rip=6.6.6.6, lip=..., session=<x>` itself. Nothing to the right of the
//! last `, rip=` is a stranger's, but for one case (see [`certificate_subject`]), so the last group
//! is the real one, and the name is all between the first `user=<` and the `>` before that group.

use super::{Level, Line, session_id};
use crate::Parsed;
use crate::scan::{self, address};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Reason, Text};

/// Dovecot cuts a user name here (`str_sanitize`, bytes).
const USER_MAX: usize = 80;

pub(super) fn parse<'a>(line: &Line<'a>) -> Parsed<'a> {
    let text = line.text;
    match text.first() {
        Some(b'L') => {
            if text.starts_with(b"Login: ") || text.starts_with(b"Logged in: ") {
                return success(line);
            }
            if text.starts_with(b"Login aborted: ") {
                return end(line);
            }
            if text.starts_with(b"Login failed: ") {
                return refused(line, Reason::AuthDisallowed);
            }
        }
        Some(b'D') if text.starts_with(b"Disconnected") => return end(line),
        Some(b'A') => {
            if text.starts_with(b"Aborted login") {
                return end(line);
            }
            if text.starts_with(b"Authenticate ") {
                return refused(line, Reason::AuthDisallowed);
            }
            if text.starts_with(b"APOP failed: ") {
                return refused(line, Reason::AuthFailed);
            }
            if text.starts_with(b"Auth process not responding") {
                return Parsed::Event(unavailable(line));
            }
        }
        Some(b'M') if text.starts_with(b"Maximum number of connections from user+IP exceeded") => {
            return Parsed::Event(too_many_connections(line));
        }
        Some(b'h') if text.starts_with(b"haproxy") => return proxy_header(line),
        Some(b'C') if text.starts_with(b"Client ") => return proxy_header(line),
        Some(b'p') if text.starts_with(b"proxy(") || text.starts_with(b"proxy:") => {
            return forwarded(line);
        }
        Some(b'S') if text.starts_with(b"Started proxying") => return success(line),
        Some(b'I') if text.starts_with(b"ID sent: ") => return Parsed::Noise("client-id"),
        Some(b'a') if text.starts_with(b"access(") => return access(line),
        _ => {}
    }
    match line.level {
        Level::Problem => Parsed::Noise("login-process"),
        _ => rest(text),
    }
}

fn rest<'a>(text: &[u8]) -> Parsed<'a> {
    const KNOWN: [&[u8]; 7] = [
        b"Diffie-Hellman key exchange",
        b"SSL is disabled",
        b"Failed to initialize",
        b"Received ",
        b"Disabling",
        b"login_",
        b"Auth server",
    ];
    if KNOWN.iter().any(|head| text.starts_with(head)) {
        return Parsed::Noise("login-process");
    }
    Parsed::Unknown
}

/// The fields behind the message.
#[derive(Clone, Copy, Default)]
struct Tail<'a> {
    client: Option<IpAddr>,
    account: Option<Text<'a>>,
    mechanism: Option<Text<'a>>,
    session: Option<Text<'a>>,
    /// What stands between the addresses and the session: `TLS`, `TLS handshaking: ...`.
    transport: &'a [u8],
}

impl<'a> Tail<'a> {
    #[inline]
    fn on(&self, event: Event<'a>) -> Event<'a> {
        Event {
            client: self.client,
            account: self.account,
            mechanism: self.mechanism,
            session: self.session,
            ..event
        }
    }
}

/// Reads the fields from the right end.
fn tail(text: &[u8]) -> Tail<'_> {
    let Some(at) = scan::find_last_by(text, b", rip=", 2) else { return Tail::default() };
    let (before, group) = text.split_at(at);
    let mut tail = group_fields(group);
    let (left, mechanism) = before_group(before);
    tail.mechanism = mechanism;
    const USER: &[u8] = b": user=<";
    let name = scan::find(left, USER).and_then(|start| left.get(start + USER.len()..));
    if name.is_some_and(certificate_subject) {
        return Tail { session: tail.session, ..Tail::default() };
    }
    let name = name.and_then(|name| name.strip_suffix(b">"));
    tail.account = name.filter(|name| !name.is_empty()).map(Text);
    tail
}

/// The fields of a line that comes from before any login: its user name is empty, so the group
/// behind it is the real one, whatever a client's certificate says further right.
fn tail_without_user(text: &[u8]) -> Tail<'_> {
    const EMPTY: &[u8] = b": user=<>, rip=";
    match scan::find(text, b": user=<") {
        Some(at) if text.get(at..).is_some_and(|rest| rest.starts_with(EMPTY)) => {
            group_fields(text.get(at + b": user=<>".len()..).unwrap_or_default())
        }
        _ => tail(text),
    }
}

/// True where the text before the last group is too long for a user name and tells of a client's
/// certificate. Its subject stands behind the addresses (`ssl_verify_client_cert=yes`) and is the
/// only text of a stranger there; then the line is not decidable from the right.
fn certificate_subject(name: &[u8]) -> bool {
    name.len() > USER_MAX + b">".len() && scan::contains(name, b" SSL certificate: ")
}

/// `, rip=A, lip=B, mpid=N, TLS, session=<S>`: an address counts only where something follows it,
/// as a line that was cut inside an address would name another client.
fn group_fields(group: &[u8]) -> Tail<'_> {
    let rest = group.strip_prefix(b", rip=").unwrap_or_default();
    let Some(end) = scan::find_byte(rest, b',') else { return Tail::default() };
    let (client, rest) = rest.split_at(end);
    let mut tail = Tail { client: address(client), ..Tail::default() };
    let rest = match scan::find_last_by(rest, b", session=<", 10) {
        Some(at) => {
            let (before, session) = rest.split_at(at);
            let session = session.strip_prefix(b", session=<").and_then(|s| s.strip_suffix(b">"));
            tail.session = session.and_then(session_id);
            before
        }
        None => rest,
    };
    let rest = behind_field(behind_field(rest, b", lip="), b", mpid=");
    tail.transport = rest.strip_prefix(b", ").unwrap_or_default();
    tail
}

fn behind_field<'a>(bytes: &'a [u8], field: &[u8]) -> &'a [u8] {
    match bytes.strip_prefix(field) {
        Some(rest) => {
            let end = scan::find_byte(rest, b',').unwrap_or(rest.len());
            rest.get(end..).unwrap_or_default()
        }
        None => bytes,
    }
}

/// Takes `, method=PLAIN` from the end.
fn before_group(before: &[u8]) -> (&[u8], Option<Text<'_>>) {
    const FIELD: &[u8] = b", method=";
    if before.ends_with(b">") {
        return (before, None);
    }
    let found = scan::find_last_by(before, FIELD, 5).and_then(|at| {
        let (left, method) = before.split_at(at);
        let method = method.get(FIELD.len()..)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        method.iter().all(plain).then_some((left, Some(Text(method))))
    });
    found.unwrap_or((before, None))
}

fn success<'a>(line: &Line<'a>) -> Parsed<'a> {
    let event = Event { attempts: 1, ..line.event(Kind::Auth, Outcome::Allowed) };
    Parsed::Event(tail(line.text).on(event))
}

fn refused<'a>(line: &Line<'a>, reason: Reason) -> Parsed<'a> {
    let event = line.event(Kind::Auth, Outcome::Rejected);
    let event = Event { reason: Some(reason), attempts: 1, hostile: true, ..event };
    Parsed::Event(tail(line.text).on(event))
}

fn unavailable<'a>(line: &Line<'a>) -> Event<'a> {
    let event = line.event(Kind::Auth, Outcome::Deferred);
    tail(line.text).on(Event { reason: Some(Reason::AuthUnavailable), ..event })
}

/// The password was right: a user with many devices, not a guess.
fn too_many_connections<'a>(line: &Line<'a>) -> Event<'a> {
    let event = line.event(Kind::Auth, Outcome::Rejected);
    tail(line.text).on(Event { reason: Some(Reason::TooManyConnections), ..event })
}

/// A line of a login process that hands connections on to another Dovecot. The name in front, the
/// user's, decides nothing: a failure anywhere in the text is a failure.
fn forwarded<'a>(line: &Line<'a>) -> Parsed<'a> {
    if scan::contains(line.text, b": Login failed") {
        return refused(line, Reason::AuthFailed);
    }
    if scan::contains(line.text, b"tarted proxying to ") {
        return success(line);
    }
    Parsed::Noise("proxy")
}

/// `haproxy: Client not trusted (rip=A)`, `haproxy(v1): ... (address=`text', rip=A)`: a stranger
/// who speaks to a port that is meant for the proxy, or a header that is none.
fn proxy_header<'a>(line: &Line<'a>) -> Parsed<'a> {
    let text = line.text;
    let client = if let Some(at) = scan::find(text, b"Client disconnected (rip=") {
        text.get(at + b"Client disconnected (rip=".len()..)
            .and_then(|rest| scan::split_once(rest, b")"))
            .map(|(client, _)| client)
    } else {
        scan::find_last(text, b"rip=")
            .and_then(|at| text.get(at + b"rip=".len()..)?.strip_suffix(b")"))
    };
    let event = line.event(Kind::Connect, Outcome::Dropped);
    Parsed::Event(Event {
        reason: Some(Reason::Untrusted),
        hostile: scan::contains(text, b"Client not trusted"),
        client: client.and_then(address),
        ..event
    })
}

/// `access(tcpwrap): Client refused (rip=A)`.
fn access<'a>(line: &Line<'a>) -> Parsed<'a> {
    let client = scan::split_once(line.text, b": Client refused (rip=")
        .and_then(|(_, rest)| address(rest.strip_suffix(b")")?));
    if client.is_none() {
        return Parsed::Noise("login-process");
    }
    let event = line.event(Kind::Connect, Outcome::Rejected);
    Parsed::Event(Event { reason: Some(Reason::ClientRejected), hostile: true, client, ..event })
}

/// The end of a connection that did not become a session: 2.3's `Disconnected: ...`, `Aborted
/// login ...`, 2.4's `Login aborted: ...`.
fn end<'a>(line: &Line<'a>) -> Parsed<'a> {
    let text = line.text;
    let head_end = scan::find(text, b": user=<").unwrap_or(text.len());
    let head = text.get(..head_end).unwrap_or(text);
    if scan::contains(head, b"user+IP exceeded") {
        return Parsed::Event(too_many_connections(line));
    }
    // The detail in brackets is the first with a word of it behind the bracket; what stands
    // before is the server's own text, too.
    let detail = memchr::memchr_iter(b'(', head).find_map(|at| detail(head.get(at + 1..)?));
    match detail {
        Some(Detail::Failed(failure)) => Parsed::Event(failed(line, failure)),
        Some(Detail::NoAttempts { waited_s }) => Parsed::Event(left(line, head, waited_s)),
        Some(Detail::Handshake) => {
            let tail = tail_without_user(text);
            Parsed::Event(tls_failed(line, &tail))
        }
        None => Parsed::Event(left(line, head, 0)),
    }
}

#[derive(Clone, Copy)]
enum Detail {
    Failed(Failure),
    NoAttempts { waited_s: u32 },
    Handshake,
}

#[derive(Clone, Copy)]
struct Failure {
    outcome: Outcome,
    reason: Reason,
    hostile: bool,
    known: Option<bool>,
    attempts: u32,
}

/// What stands in brackets at the end of the message. 2.4 has `, N attempts in M secs` behind
/// each of them, 2.3 only behind the first two.
fn detail(text: &[u8]) -> Option<Detail> {
    if let Some(rest) = text.strip_prefix(b"no auth attempts in ") {
        let (digits, _) = scan::take_while(rest, |byte| byte.is_ascii_digit());
        return Some(Detail::NoAttempts { waited_s: scan::number(digits).unwrap_or(0) });
    }
    if text.starts_with(b"no auth attempts") {
        return Some(Detail::NoAttempts { waited_s: 0 });
    }
    if let Some(rest) = text.strip_prefix(b"disconnected before auth was ready, waited ") {
        let (digits, _) = scan::take_while(rest, |byte| byte.is_ascii_digit());
        return Some(Detail::NoAttempts { waited_s: scan::number(digits).unwrap_or(0) });
    }
    if text.starts_with(b"disconnected during TLS handshake") {
        return Some(Detail::Handshake);
    }
    let (prefix, kind) = CAUSES.iter().find(|(prefix, _)| text.starts_with(prefix.as_bytes()))?;
    let behind = text.get(prefix.len()..).unwrap_or_default();
    Some(Detail::Failed(kind.failure(attempts(behind))))
}

/// `, 3 attempts in 2 secs)`; `None` where the line does not tell.
fn attempts(text: &[u8]) -> Option<u32> {
    let (digits, rest) = scan::take_while(text.strip_prefix(b", ")?, |byte| byte.is_ascii_digit());
    rest.starts_with(b" attempts").then(|| scan::number(digits)).flatten()
}

#[derive(Clone, Copy)]
enum Cause {
    /// Counts each attempt.
    Guess(Reason),
    /// The password was sent and the client left before the answer, which Dovecot delays for a
    /// wrong password: whoever guesses and does not wait leaves this line.
    LeftBeforeAnswer,
    /// The client left in the dialogue: the last attempt was no guess, those before were.
    Unfinished,
    /// The password was right, and the account may not log in.
    Disabled,
    /// The password was right, and a limit was reached.
    Limited,
    /// The server could not tell.
    Unavailable,
    /// No certificate, or a bad one.
    Certificate,
}

const CAUSES: &[(&str, Cause)] = &[
    ("auth failed", Cause::Guess(Reason::AuthFailed)),
    ("authorization failed", Cause::Guess(Reason::AuthFailed)),
    ("tried to use disallowed", Cause::Guess(Reason::AuthDisallowed)),
    ("tried to use unsupported auth mechanism", Cause::Guess(Reason::AuthDisallowed)),
    ("anonymous logins disabled", Cause::Guess(Reason::AuthDisallowed)),
    ("sent invalid base64 in response", Cause::Guess(Reason::AuthFailed)),
    ("user disabled", Cause::Guess(Reason::AccountDisabled)),
    ("password expired", Cause::Disabled),
    ("login disabled", Cause::Disabled),
    ("disconnected while authenticating", Cause::LeftBeforeAnswer),
    ("disconnected while finishing login", Cause::Unavailable),
    ("client didn't finish SASL auth", Cause::Unfinished),
    ("aborted authentication", Cause::Unfinished),
    ("auth aborted by client", Cause::Unfinished),
    ("auth process communication failure", Cause::Unavailable),
    ("auth service reported temporary failure", Cause::Unavailable),
    ("auth referral", Cause::Unavailable),
    ("internal failure", Cause::Unavailable),
    ("proxy dest auth failed", Cause::Guess(Reason::AuthFailed)),
    ("proxy dest authentication failure", Cause::Guess(Reason::AuthFailed)),
    ("proxy dest ", Cause::Unavailable),
    ("connection limit reached", Cause::Limited),
    ("cert required, client didn't start TLS", Cause::Certificate),
    ("client sent an invalid cert", Cause::Certificate),
    ("client sent an untrusted cert", Cause::Certificate),
    ("client didn't send a cert", Cause::Certificate),
    ("client_limit and process_limit was hit", Cause::Unavailable),
    ("The process is shutting down", Cause::Unavailable),
];

impl Cause {
    fn failure(self, attempts: Option<u32>) -> Failure {
        let rejected = |reason| Failure {
            outcome: Outcome::Rejected,
            reason,
            hostile: false,
            known: None,
            attempts: attempts.unwrap_or(1),
        };
        match self {
            Cause::Guess(Reason::AccountDisabled) => {
                Failure { hostile: true, known: Some(true), ..rejected(Reason::AccountDisabled) }
            }
            Cause::Guess(reason) => Failure { hostile: true, ..rejected(reason) },
            Cause::LeftBeforeAnswer => Failure {
                outcome: Outcome::Dropped,
                hostile: true,
                ..rejected(Reason::AuthAborted)
            },
            Cause::Unfinished => {
                let guesses = attempts.unwrap_or(1).saturating_sub(1);
                Failure {
                    outcome: Outcome::Dropped,
                    hostile: guesses > 0,
                    attempts: guesses,
                    ..rejected(Reason::AuthAborted)
                }
            }
            Cause::Disabled => Failure { known: Some(true), ..rejected(Reason::AccountDisabled) },
            Cause::Limited => Failure { known: Some(true), ..rejected(Reason::TooManyConnections) },
            Cause::Unavailable => {
                Failure { outcome: Outcome::Deferred, ..rejected(Reason::AuthUnavailable) }
            }
            Cause::Certificate => {
                Failure { hostile: true, attempts: 0, ..rejected(Reason::ClientRejected) }
            }
        }
    }
}

fn failed<'a>(line: &Line<'a>, failure: Failure) -> Event<'a> {
    tail(line.text).on(Event {
        reason: Some(failure.reason),
        hostile: failure.hostile,
        known: failure.known,
        attempts: failure.attempts,
        ..line.event(Kind::Auth, failure.outcome)
    })
}

/// A connection that ended without a login.
///
/// Who says goodbye (`Aborted login by logging out`, `Logged out`) is a monitor or a program that
/// looks around, and not hostile. `Inactivity` is not either: its line is written minutes after
/// the act, so it could start a ban that is long over, and phones hold connections open. Who
/// hangs up at once, or talks what is no command, is what a scan looks like.
fn left<'a>(line: &Line<'a>, head: &[u8], waited_s: u32) -> Event<'a> {
    let tail = tail_without_user(line.text);
    if tail.transport.starts_with(b"TLS handshaking") || failed_in_tls(tail.transport) {
        return tls_failed(line, &tail);
    }
    let says = |words: &[u8]| scan::contains(head, words);
    let base = line.event(Kind::Disconnect, Outcome::Dropped);
    let event = if says(b"ogged out") || says(b"logging out") {
        let reason = Some(Reason::NoAuthAttempts);
        Event { outcome: Outcome::Allowed, reason, ..base }
    } else if says(b"Too many invalid commands") || says(b"Too many bad commands") {
        let reason = Some(Reason::TooManyErrors);
        Event { kind: Kind::Command, reason, hostile: true, ..base }
    } else if says(b"HTTP") {
        let reason = Some(Reason::NonSmtpCommand);
        Event { kind: Kind::Command, reason, hostile: true, ..base }
    } else if says(b"too large") || says(b"Input buffer full") || says(b"parse error") {
        let reason = Some(Reason::ProtocolError);
        Event { kind: Kind::Command, reason, hostile: true, ..base }
    } else if says(b"nactivity") {
        Event { reason: Some(Reason::Timeout), ..base }
    } else if says(b"shutting down") || says(b"queue full") || says(b"auth server") {
        Event { reason: Some(Reason::AuthUnavailable), ..base }
    } else {
        // A client that waited for long has hung itself up, as phones do.
        let hostile = waited_s < AT_ONCE_S;
        Event { reason: Some(Reason::NoAuthAttempts), hostile, ..base }
    };
    tail.on(event)
}

/// Who leaves sooner has not waited for anything.
const AT_ONCE_S: u32 = 30;

fn failed_in_tls(transport: &[u8]) -> bool {
    transport.starts_with(b"TLS: ") && scan::contains(transport, b"failed")
}

/// A handshake that failed. A client that refuses our certificate says so by an alert: that is an
/// honest client and our certificate, not an attack.
fn tls_failed<'a>(line: &Line<'a>, tail: &Tail<'a>) -> Event<'a> {
    let refuses_ours = scan::contains(tail.transport, b" alert ")
        && ALERTS.iter().any(|alert| scan::contains(tail.transport, alert.as_bytes()));
    let event = Event {
        reason: Some(Reason::TlsFailed),
        hostile: !refuses_ours,
        ..line.event(Kind::Tls, Outcome::Dropped)
    };
    tail.on(event)
}

const ALERTS: [&str; 4] = ["certificate", "unknown ca", "access denied", "user cancel"];
