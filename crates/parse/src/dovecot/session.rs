//! What happens behind a login, and deliveries: `imap(bob)<655><session>: Disconnected: ...`.
//!
//! Names here are those of accounts that exist; no line names a client.

use super::{Level, Line, session_id};
use crate::Parsed;
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

pub(super) fn parse<'a>(line: &Line<'a>) -> Parsed<'a> {
    let Some(who) = who(line) else { return without_user(line) };
    match line.service {
        b"lmtp" | b"lda" | b"deliver" | b"dovecot-lda" => delivery(line, &who),
        b"imap" | b"pop3" | b"managesieve" | b"sieve" | b"submission" => session(line, &who),
        _ => Parsed::Noise("session"),
    }
}

/// `lmtp(658): Connect from local`, `imap: Error: ...`.
fn without_user<'a>(line: &Line<'a>) -> Parsed<'a> {
    match line.service {
        b"lmtp" => Parsed::Noise("lmtp-connection"),
        b"imap" | b"pop3" | b"managesieve" | b"sieve" | b"submission" => Parsed::Noise("session"),
        _ => Parsed::Noise("helper-service"),
    }
}

struct Who<'a> {
    account: &'a [u8],
    session: Option<Text<'a>>,
    text: &'a [u8],
    level: Level,
}

/// The user in brackets, with process and session behind: from the identity of Dovecot's own
/// files, or from the front of a syslog line. A process id alone is no user.
fn who<'a>(line: &Line<'a>) -> Option<Who<'a>> {
    let source = if line.identity.is_empty() { line.text } else { line.identity };
    let inner = source.strip_prefix(b"(")?;
    let close = scan::find(inner, b")<")
        .or_else(|| scan::find(inner, b"): "))
        .or_else(|| inner.len().checked_sub(1).filter(|_| inner.ends_with(b")")))?;
    let (account, rest) = inner.split_at(close);
    let mut rest = rest.get(1..)?;
    let mut session = None;
    while let Some(inside) = rest.strip_prefix(b"<") {
        let (id, behind) = scan::split_once(inside, b">")?;
        if scan::number(id).is_none() {
            session = session_id(id);
        }
        rest = behind;
    }
    if account.is_empty() || scan::number(account).is_some() && session.is_none() {
        return None;
    }
    let (level, text) = if line.identity.is_empty() {
        super::level(rest.strip_prefix(b": ")?)
    } else {
        (line.level, line.text)
    };
    Some(Who { account, session, text, level })
}

/// `Disconnected: Logged out in=8 out=469 ...`; the other lines of a session are its own affair.
fn session<'a>(line: &Line<'a>, who: &Who<'a>) -> Parsed<'a> {
    let text = who.text;
    if who.level == Level::Debug {
        return Parsed::Noise("debug");
    }
    let ended = [&b"Disconnected"[..], b"Logged out", b"Connection closed"];
    if !ended.iter().any(|words| text.starts_with(words)) {
        return Parsed::Noise("session");
    }
    let logged_out =
        scan::contains(text.get(..48.min(text.len())).unwrap_or_default(), b"ogged out");
    let outcome = if logged_out { Outcome::Allowed } else { Outcome::Dropped };
    let timeout = !logged_out
        && scan::contains(text.get(..64.min(text.len())).unwrap_or_default(), b"nactivity");
    let reason = match (logged_out, timeout) {
        (true, _) => None,
        (false, true) => Some(Reason::Timeout),
        (false, false) => Some(Reason::ConnectionLost),
    };
    Parsed::Event(Event {
        reason,
        account: Some(Text(who.account)),
        session: who.session,
        ..line.event(Kind::Session, outcome)
    })
}

/// How a delivery ends that was done.
const SAVED: [&[u8]; 8] = [
    b": saved mail to ",
    b": stored mail into mailbox ",
    b": forwarded to ",
    b": sent vacation response to ",
    b": marked message to be discarded",
    b": discarded",
    b": redirected to ",
    b": sent notification",
];

/// And one that was not.
const FAILED: [&[u8]; 3] =
    [b": save failed to ", b": failed to store into mailbox ", b": delivery failed"];

/// `msgid=<x@y>: saved mail to INBOX`. The message id is the sender's text, so the words are
/// looked for from the right.
fn delivery<'a>(line: &Line<'a>, who: &Who<'a>) -> Parsed<'a> {
    let text = who.text;
    let text = text.strip_prefix(b"sieve: ").unwrap_or(text);
    if who.level == Level::Debug {
        return Parsed::Noise("debug");
    }
    if !text.starts_with(b"msgid=") {
        return Parsed::Noise("delivery-process");
    }
    let event = |outcome| Event {
        recipient: Some(Text(who.account)),
        account: None,
        session: who.session,
        ..line.event(Kind::Delivery, outcome)
    };
    let said = memchr::memrchr_iter(b':', text).find_map(|at| {
        let words = text.get(at..)?;
        let says = |list: &[&[u8]]| list.iter().any(|entry| words.starts_with(entry));
        (says(&SAVED) || says(&FAILED)).then(|| (at, says(&SAVED)))
    });
    let script = scan::find_last_by(text, b"execution of script ", 1);
    let failed = match said {
        Some((at, true)) if Some(at) > script => return Parsed::Event(event(Outcome::Allowed)),
        Some((at, false)) => script.max(Some(at)),
        _ => script,
    };
    let Some(at) = failed else { return Parsed::Noise("delivery-process") };
    let why = text.get(at..).unwrap_or_default();
    let full = scan::contains_ignoring_case(why, b"quota");
    let outcome = if full { Outcome::Rejected } else { Outcome::Deferred };
    let reason = full.then_some(Reason::MailboxFull);
    Parsed::Event(Event { reason, ..event(outcome) })
}
