//! smtpd's connections: connect, disconnect, lost, TLS, limits, commands that are none.

use super::line::{Line, detail};
use super::peer::{follows, peer, peer_and_text};
use crate::scan;
use event::{CommandCounts, Event, Kind, Outcome, Reason, Text};

/// `connect from peer`.
#[inline(always)] // an event is large to return
pub(super) fn connect<'a>(line: &Line<'a>, rest: &[u8]) -> Option<Event<'a>> {
    let (peer, rest) = peer(rest)?;
    rest.is_empty().then(|| line.about(peer, Kind::Connect, Outcome::Allowed))
}

/// `disconnect from peer ehlo=1 auth=0/3 quit=1 commands=2/5`: each command with its successes and,
/// where some failed, all tries.
#[inline(always)] // an event is large to return
pub(super) fn disconnect<'a>(line: &Line<'a>, rest: &[u8]) -> Option<Event<'a>> {
    let (peer, rest) = peer(rest)?;
    if !is_counts(rest) {
        return None;
    }
    let counts = counts(rest);
    let failed = counts.auth_all.saturating_sub(counts.auth_ok);
    let event = line.about(peer, Kind::Disconnect, Outcome::Allowed);
    let hostile = failed > 0 && counts.auth_ok == 0;
    Some(Event {
        commands: (!rest.is_empty()).then_some(counts),
        attempts: failed,
        hostile,
        reason: hostile.then_some(Reason::AuthFailed),
        ..event
    })
}

/// ` ehlo=1 ...`, perhaps cut.
fn is_counts(rest: &[u8]) -> bool {
    let Some(rest) = rest.strip_prefix(b" ") else { return rest.is_empty() };
    let (_, after) = scan::take_while(rest, |byte| byte.is_ascii_lowercase());
    follows(after, b"=")
}

fn counts(text: &[u8]) -> CommandCounts {
    let mut counts = CommandCounts::default();
    let mut rest = text;
    while let Some((name, ok, all, behind)) = usual_token(rest).or_else(|| token(rest)) {
        match name {
            b"auth" => (counts.auth_ok, counts.auth_all) = (ok, all),
            b"mail" => (counts.mail_ok, counts.mail_all) = (ok, all),
            b"rcpt" => (counts.rcpt_ok, counts.rcpt_all) = (ok, all),
            b"unknown" => counts.unknown = all,
            b"commands" => (counts.ok, counts.all) = (ok, all),
            _ => {}
        }
        rest = behind;
    }
    counts
}

/// A command, its successes, all its tries, and what follows.
type Token<'a> = (&'a [u8], u32, u32, &'a [u8]);

/// ` ehlo=1 `: nearly all commands have four letters and came less than ten times.
#[inline]
fn usual_token(text: &[u8]) -> Option<Token<'_>> {
    match text {
        [b' ', a, b, c, d, b'=', ok @ b'0'..=b'9', b' ', ..]
            if [a, b, c, d].iter().all(|letter| letter.is_ascii_lowercase()) =>
        {
            let ok = u32::from(ok - b'0');
            Some((text.get(1..5)?, ok, ok, text.get(7..)?))
        }
        _ => None,
    }
}

#[inline]
fn token(text: &[u8]) -> Option<Token<'_>> {
    let token = text.strip_prefix(b" ")?;
    let (name, numbers) = scan::take_while(token, |byte| byte.is_ascii_lowercase());
    let (ok, behind) = numbers.strip_prefix(b"=").and_then(count)?;
    let (all, behind) = behind.strip_prefix(b"/").and_then(count).unwrap_or((ok, behind));
    Some((name, ok, all, behind))
}

#[inline]
fn count(text: &[u8]) -> Option<(u32, &[u8])> {
    if let [digit @ b'0'..=b'9', rest @ ..] = text
        && !rest.first().is_some_and(u8::is_ascii_digit)
    {
        return Some((u32::from(digit - b'0'), rest));
    }
    let (digits, rest) = scan::take_while(text, |byte| byte.is_ascii_digit());
    Some((scan::number(digits)?, rest))
}

/// Ways in which a connection ends early, each followed by ` after COMMAND[ (N bytes)] from peer`.
const ENDINGS: [(&[u8], Reason); 3] = [
    (b"lost connection after ", Reason::ConnectionLost),
    (b"timeout after ", Reason::Timeout),
    (b"too many errors after ", Reason::TooManyErrors),
];

/// `lost connection after AUTH from peer`; the command is Postfix's own word for it.
pub(super) fn ended<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (reason, rest) = ENDINGS
        .iter()
        .find_map(|(words, reason)| Some((*reason, message.strip_prefix(*words)?)))?;
    let (stage, rest) = stage(rest)?;
    let (peer, rest) = peer(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let event = line.about(peer, Kind::Disconnect, Outcome::Dropped);
    let hostile = reason == Reason::TooManyErrors;
    Some(Event { reason: Some(reason), hostile, detail: Some(Text(stage)), ..event })
}

/// A command's name in capitals, perhaps with `(N bytes)` behind it, up to ` from `.
fn stage(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (stage, rest) = scan::take_while(rest, |byte| byte.is_ascii_uppercase() || byte == b'-');
    if stage.is_empty() {
        return None;
    }
    let rest = match rest.strip_prefix(b" (") {
        Some(count) => {
            let (_, rest) = scan::take_while(count, |byte| byte.is_ascii_digit());
            rest.strip_prefix(b" bytes)")?
        }
        None => rest,
    };
    Some((stage, rest.strip_prefix(b" from ")?))
}

/// `SSL_accept error from peer: lost connection`.
pub(super) fn tls_failed<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (peer, why) = peer_and_text(rest)?;
    let (reason, outcome) = match why {
        b"lost connection" | b"Connection reset by peer" | b"Broken pipe" => {
            (Reason::ConnectionLost, Outcome::Dropped)
        }
        b"Connection timed out" => (Reason::Timeout, Outcome::Dropped),
        _ => (Reason::TlsFailed, Outcome::Rejected),
    };
    // Old software fails for ever without any ill will: how many and where else is the engine's.
    let event = line.about(peer, Kind::Tls, outcome);
    Some(Event { reason: Some(reason), detail: detail(why), ..event })
}

/// `Anonymous TLS connection established from peer: TLSv1.3 with cipher ...`; the first word says
/// how far the client's certificate was checked.
#[inline(always)] // an event is large to return
pub(super) fn tls_established<'a>(line: &Line<'a>, message: &'a [u8]) -> Option<Event<'a>> {
    let (trust, rest) = scan::word(message);
    if !matches!(trust, b"Anonymous" | b"Trusted" | b"Untrusted" | b"Verified") {
        return None;
    }
    let rest = rest.strip_prefix(b"TLS connection ")?;
    let rest =
        rest.strip_prefix(b"established from ").or_else(|| rest.strip_prefix(b"reused from "))?;
    let (peer, cipher) = peer_and_text(rest)?;
    let event = line.about(peer, Kind::Tls, Outcome::Allowed);
    Some(Event { detail: detail(cipher), ..event })
}

/// Limits of one client, as in `Connection rate limit exceeded: 6 from peer for service smtpd`.
const LIMITS: [(&[u8], Kind, Reason); 6] = [
    (b"Connection rate limit exceeded: ", Kind::Limit, Reason::RateLimited),
    (b"Connection concurrency limit exceeded: ", Kind::Limit, Reason::TooManyConnections),
    (b"Message delivery request rate limit exceeded: ", Kind::Limit, Reason::RateLimited),
    (b"Recipient address rate limit exceeded: ", Kind::Limit, Reason::RateLimited),
    (b"New TLS session rate limit exceeded: ", Kind::Limit, Reason::RateLimited),
    (b"AUTH command rate limit exceeded: ", Kind::Auth, Reason::RateLimited),
];

/// A limit that a client reached. A login that was refused so is an attempt that nobody checked.
pub(super) fn limited<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    let (kind, reason, rest) = LIMITS
        .iter()
        .find_map(|(words, kind, reason)| Some((*kind, *reason, text.strip_prefix(*words)?)))?;
    let (count, rest) = scan::word(rest);
    scan::number(count)?;
    let (peer, rest) = peer(rest.strip_prefix(b"from ")?)?;
    if !follows(rest, b" for service ") {
        return None;
    }
    let attempts = u32::from(kind == Kind::Auth);
    let event = line.against(peer, kind, Outcome::Deferred, reason);
    Some(Event { attempts, detail: Some(Text(count)), ..event })
}

/// `non-SMTP command from peer: text`.
pub(super) fn non_smtp<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (peer, sent) = peer_and_text(rest)?;
    let event = line.against(peer, Kind::Command, Outcome::Rejected, Reason::NonSmtpCommand);
    Some(Event { detail: detail(sent), ..event })
}

/// `improper command pipelining after EHLO from peer: text`; after `CONNECT` it was sent before the
/// greeting.
pub(super) fn pipelining<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (stage, rest) = stage(rest)?;
    let (peer, sent) = peer_and_text(rest)?;
    let reason = if stage == b"CONNECT" { Reason::EarlyTalker } else { Reason::Pipelining };
    let event = line.against(peer, Kind::Command, Outcome::Rejected, reason);
    Some(Event { detail: detail(sent), ..event })
}

/// `Illegal address syntax from peer in MAIL command: text`, and what else begins with a peer and
/// is an error of syntax.
pub(super) fn bad_syntax<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (peer, rest) = peer(rest)?;
    if !follows(rest, b" in ") && !follows(rest, b": ") {
        return None;
    }
    let sent = scan::split_once(rest, b": ").map(|(_, sent)| sent).unwrap_or_default();
    let event = line.against(peer, Kind::Command, Outcome::Rejected, Reason::ProtocolError);
    // An address may be another's, whose mail the peer passes on; a command is its own.
    let inner = sent.strip_prefix(b"<").and_then(|inner| inner.strip_suffix(b">")).unwrap_or(sent);
    let (sender, recipient, own) = match rest {
        _ if rest.starts_with(b" in MAIL command: ") => (detail(inner), None, None),
        _ if rest.starts_with(b" in RCPT command: ") => (None, detail(inner), None),
        _ => (None, None, detail(sent)),
    };
    Some(Event { sender, recipient, detail: own, ..event })
}

/// `reject: ETRN text... from peer`: the peer stands behind a stranger's text, so it is nobody.
pub(super) fn refused_etrn<'a>(line: &Line<'a>, text: &'a [u8]) -> Option<Event<'a>> {
    let rest = text.strip_prefix(b"reject: ETRN ")?;
    let event = line.event(Kind::Command, Outcome::Rejected);
    Some(Event { reason: Some(Reason::PolicyRejected), detail: detail(rest), ..event })
}

/// `haproxy read: short protocol header: text`: somebody spoke to a port that only the proxy may
/// speak to. Postfix does not say who.
pub(super) fn proxy_header<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let event = line.event(Kind::Connect, Outcome::Rejected);
    Event { reason: Some(Reason::Untrusted), detail: detail(rest), ..event }
}

/// TLS was asked for and this server has none to give.
pub(super) fn tls_unavailable<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (peer, rest) = peer(rest)?;
    if !follows(rest, b" for service ") {
        return None;
    }
    let event = line.about(peer, Kind::Tls, Outcome::Deferred);
    Some(Event { reason: Some(Reason::TlsFailed), ..event })
}

/// anvil: `statistics: max connection rate 4/60s for (587:192.0.2.1) at Nov 21 16:18:13`.
pub(super) fn statistics<'a>(line: &Line<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (measure, rest) = scan::split_once(rest, b" for (")?;
    let (ident, _) = scan::split_once(rest, b") at ")?;
    // `service:address`; a service that is itself an address with a port makes this ambiguous, and
    // an aggregated network (`address/prefix`) is nobody.
    let (_, address) = scan::split_once(ident, b":")?;
    let event = line.event(Kind::Limit, Outcome::Allowed);
    let plain =
        !ident.starts_with(b"[") && !scan::contains(ident.split(|b| *b == b':').next()?, b".");
    let client = if plain { scan::address(address) } else { None };
    Some(Event { client, detail: Some(Text(measure)), ..event })
}
