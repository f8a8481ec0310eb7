//! What the loggers say.

use super::{Line, pair};
use crate::{Parsed, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

pub(super) fn parse<'a>(line: &Line<'a>) -> Parsed<'a> {
    let event = match line.logger {
        b"security" => return audited(line),
        b"imap" => visit(line, Protocol::Imap),
        b"pop" => visit(line, Protocol::Pop3),
        b"lmtp" => delivery(line),
        b"SoapEngine" => {
            let failed = line.text.strip_prefix(b"handler exception: ");
            failed.and_then(|text| failed_login(line, web(line), text))
        }
        // Of an account that is none, the logger of accounts tells.
        b"account" => failed_login(line, by_thread(line), line.text),
        _ => None,
    };
    event.map_or_else(|| Parsed::Noise(noise(line)), Parsed::Event)
}

fn noise(line: &Line<'_>) -> &'static str {
    match (line.level, line.logger) {
        (b"ERROR" | b"FATAL", _) => "internal-error",
        (b"WARN", _) => "warning",
        (b"DEBUG" | b"TRACE", _) => "debug",
        (_, b"imap" | b"pop" | b"lmtp" | b"soap" | b"SoapEngine") => "command",
        (_, b"smtp") => "outgoing",
        _ => "lifecycle",
    }
}

/// Postfix's logins come by SOAP, too, with `oproto=smtp`.
fn web(line: &Line<'_>) -> Protocol {
    match line.context.protocol {
        b"smtp" => Protocol::Smtp,
        _ => Protocol::Http,
    }
}

fn by_thread(line: &Line<'_>) -> Protocol {
    match line.thread {
        name if name.starts_with(b"Imap") => Protocol::Imap,
        name if name.starts_with(b"Pop3") => Protocol::Pop3,
        _ => web(line),
    }
}

/// `cmd=Auth; account=bob@example.org; protocol=imap; error=authentication failed for [bob], ...;`:
/// pairs as in the context, with a blank between them.
fn audited<'a>(line: &Line<'a>) -> Parsed<'a> {
    let (mut command, mut account, mut protocol, mut error) = (&b""[..], &b""[..], &b""[..], None);
    let mut rest = line.text;
    while let Some((key, value, behind)) = pair(rest) {
        match key {
            b"cmd" => command = value,
            b"account" => account = value,
            b"protocol" => protocol = value,
            b"error" => error = Some(value),
            _ => {}
        }
        rest = behind.strip_prefix(b" ").unwrap_or(behind);
    }
    if !matches!(command, b"Auth" | b"AdminAuth" | b"PreAuth") {
        return Parsed::Noise("audit");
    }
    let protocol = match protocol {
        b"imap" => Protocol::Imap,
        b"pop3" => Protocol::Pop3,
        _ => web(line),
    };
    let again = command == b"AdminAuth";
    let account = name(account);
    let event = match error {
        Some(error) => refused(line, protocol, reason_of(error)),
        // Written before the password is tested.
        None if again => return Parsed::Noise("audit"),
        None => Event { attempts: 1, ..line.event(protocol, Kind::Auth, Outcome::Allowed) },
    };
    let attempts = if again { 0 } else { event.attempts };
    // What was typed, where the account has another name: `mailbox.log` has that alone.
    let typed = error.and_then(typed).filter(|typed| Some(*typed) != account);
    Parsed::Event(Event { account, attempts, detail: typed, ..event })
}

/// Lines of the IMAP and POP3 loggers.
fn visit<'a>(line: &Line<'a>, protocol: Protocol) -> Option<Event<'a>> {
    const AUTHENTICATED: &[u8] = b" authenticated, mechanism=";
    let text = line.text;
    let event = |kind, outcome| line.event(protocol, kind, outcome);
    if let Some(rest) = text.strip_prefix(b"user ")
        && let Some(at) = scan::find_last(rest, AUTHENTICATED)
    {
        let mechanism = rest.get(at + AUTHENTICATED.len()..).map(|rest| scan::word(rest).0);
        let event = Event { attempts: 1, ..event(Kind::Auth, Outcome::Allowed) };
        return Some(Event {
            account: rest.get(..at).and_then(name),
            mechanism: mechanism.and_then(name),
            ..event
        });
    }
    match text {
        b"connected" => return Some(event(Kind::Connect, Outcome::Allowed)),
        b"disconnected without handshake" => {
            let event = event(Kind::Disconnect, Outcome::Dropped);
            return Some(Event { reason: Some(Reason::ConnectionLost), ..event });
        }
        _ if text.starts_with(b"dropping connection") || text.starts_with(b"disconnected") => {
            return Some(event(Kind::Disconnect, Outcome::Allowed));
        }
        _ => {}
    }
    failed_login(line, protocol, text)
}

/// `authentication failed for [bob] (invalid password)`, `[bob], invalid password`, and
/// `bob (no such account)`. These loggers write a name's line break as it is: a line that ends in
/// a name tells of a failure, and of nobody.
fn failed_login<'a>(line: &Line<'a>, protocol: Protocol, text: &'a [u8]) -> Option<Event<'a>> {
    let rest = text.strip_prefix(FAILED)?;
    let Some((account, why)) = name_and_reason(rest, b" (") else {
        let failed = refused(line, protocol, b"");
        return Some(Event { client: None, forwarded: None, ..failed });
    };
    Some(Event { account: name(account), ..refused(line, protocol, why) })
}

const FAILED: &[u8] = b"authentication failed for ";

/// The name in the brackets of `authentication failed for [bob], invalid password`.
fn typed(error: &[u8]) -> Option<Text<'_>> {
    let inner = error.strip_prefix(FAILED)?.strip_prefix(b"[")?;
    inner.get(..scan::find_last(inner, b"]")?).and_then(name)
}

/// Why `cmd=Auth` failed. A stranger's name stands before the reason, or behind a colon, as in
/// `no such account: bob`.
fn reason_of(error: &[u8]) -> &[u8] {
    match error.strip_prefix(FAILED) {
        Some(rest) => name_and_reason(rest, b", ").map_or(b"", |(_, why)| why),
        None => scan::split_once(error, b": ").map_or(error, |(why, _)| why),
    }
}

/// What stands behind `authentication failed for`: a name in brackets, and a reason, which may be
/// left out, behind the last bracket; or a name without, and behind the last `between` the reason.
fn name_and_reason<'a>(rest: &'a [u8], between: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let Some(inner) = rest.strip_prefix(b"[") else {
        let (account, why) = rest.split_at_checked(scan::find_last(rest, between)?)?;
        return is_reason(why).then_some((account, why));
    };
    let (account, behind) = inner.split_at_checked(scan::find_last(inner, b"]")?)?;
    let why = behind.strip_prefix(b"]")?;
    (why.is_empty() || is_reason(why)).then_some((account, why))
}

fn is_reason(why: &[u8]) -> bool {
    why.starts_with(b", ") || why.starts_with(b" (") && why.ends_with(b")")
}

fn refused<'a>(line: &Line<'a>, protocol: Protocol, why: &[u8]) -> Event<'a> {
    let says = |words: &[u8]| scan::contains(why, words);
    let reason = if says(b"lockout") || says(b"status is") || says(b"must change password") {
        Reason::AccountDisabled
    } else if says(b"system failure") || says(b"unable to reach") || says(b"timed out") {
        Reason::AuthUnavailable
    } else {
        Reason::AuthFailed
    };
    let hostile = reason == Reason::AuthFailed;
    let outcome = match reason {
        Reason::AuthUnavailable => Outcome::Deferred,
        _ => Outcome::Rejected,
    };
    let unknown = says(b"account not found") || says(b"no such account");
    Event {
        reason: Some(reason),
        hostile,
        attempts: u32::from(hostile),
        known: unknown.then_some(false),
        ..line.event(protocol, Kind::Auth, outcome)
    }
}

/// `Delivering message: size=1029 bytes, nrcpts=1, sender=a@b.test, msgid=<1@b.test>`: sender and
/// Message-ID are a stranger's, and what stands before them is not.
fn delivery<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let rest = line.text.strip_prefix(b"Delivering message: size=")?;
    let (_, rest) = scan::split_once(rest, b", nrcpts=")?;
    let (digits, rest) = scan::split_once(rest, b", sender=")?;
    let sender = scan::split_once(rest, b", msgid=").map(|(sender, _)| Text(sender));
    Some(Event {
        sender,
        recipients: scan::number(digits).unwrap_or(0),
        ..line.event(Protocol::Lmtp, Kind::Delivery, Outcome::Allowed)
    })
}

fn name(text: &[u8]) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Text(text))
}
