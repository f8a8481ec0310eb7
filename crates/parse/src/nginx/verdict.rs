//! What the words of a connection's line say.

use super::{Context, Line};
use crate::{Parsed, scan};
use event::{Event, Kind, Outcome, Reason, Text};

/// `None` where the words are no mail proxy's.
pub(super) fn of<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    if let Some(event) = line.connected() {
        return Some(Parsed::Event(event));
    }
    if let Some(rest) = line.text.strip_prefix(b"client login failed: \"") {
        return Some(Parsed::Event(failed(line, rest)));
    }
    if let Some(rest) = line.text.strip_prefix(b"client logged in") {
        let context = Context::read(rest);
        let event = line.event(context, Kind::Auth, Outcome::Allowed);
        // On port 25, nobody logs in: it is passed on.
        return Some(match context.login {
            Some(_) => Parsed::Event(Event { attempts: 1, ..event }),
            None => Parsed::Noise("session-detail"),
        });
    }
    if let Some(rest) = line.text.strip_prefix(b"proxied session done") {
        let event = line.event(Context::read(rest), Kind::Disconnect, Outcome::Allowed);
        return Some(Parsed::Event(event));
    }
    if line.text.starts_with(b"SSL_shutdown() failed ") {
        return Some(Parsed::Noise("tls-library"));
    }
    rubbish(line).or_else(|| behind(line)).or_else(|| fixed(line)).map(Parsed::Event)
}

/// `STATUS" while in http auth state, client: ...`: the status is the authentication server's word.
fn failed<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    use Outcome::{Deferred, Rejected};
    const STATUSES: [(&[u8], Outcome, Reason, bool); 4] = [
        (b"Authentication credentials invalid", Rejected, Reason::AuthFailed, true),
        (b"AUTH not supported", Rejected, Reason::AuthDisallowed, true),
        (b"Must issue a STARTTLS command first", Rejected, Reason::AuthDisallowed, false),
        (b"Temporary authentication failure", Deferred, Reason::RateLimited, false),
    ];
    const STATE: &[u8] = b"\" while in http auth state";
    let known = STATUSES.iter().find(|(status, ..)| rest.starts_with(status));
    let (outcome, reason, hostile) = known
        .map_or((Rejected, Reason::AuthFailed, true), |(_, outcome, reason, hostile)| {
            (*outcome, *reason, *hostile)
        });
    // Another server's status may hold a stranger's words.
    let is_clear = known.is_some() || is_told_once(rest);
    let tail =
        scan::split_once(rest, STATE).filter(|_| is_clear).map_or(&b""[..], |(_, tail)| tail);
    let detail = known.is_none().then(|| scan::split_once(rest, STATE)).flatten();
    Event {
        reason: Some(reason),
        hostile,
        attempts: 1,
        detail: detail.map(|(status, _)| Text(status)),
        ..line.event(Context::read(tail), Kind::Auth, outcome)
    }
}

/// Lines that hold a command of the client's, left of the address: that is believed only where its
/// words stand once.
fn rubbish<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    const HEADS: [(&[u8], Kind, Reason); 3] = [
        (b"client was rejected: \"", Kind::Envelope, Reason::AuthDisallowed),
        (b"client sent too long command \"", Kind::Command, Reason::ProtocolError),
        (b"client sent invalid command: \"", Kind::Command, Reason::ProtocolError),
    ];
    let (head, kind, reason) = HEADS.iter().find(|(head, ..)| line.text.starts_with(head))?;
    let rest = line.text.get(head.len()..)?;
    let tail = scan::find(rest, b", client: ").filter(|_| is_told_once(rest));
    let context = Context::read(tail.and_then(|at| rest.get(at..)).unwrap_or_default());
    let event = line.event(context, *kind, Outcome::Rejected);
    // What an honest server sends at once, which was told to log in.
    let is_hasty = *head == HEADS[2].0 && rest.starts_with(b"DATA\" ");
    Some(Event { reason: Some(*reason), hostile: !is_hasty, ..event })
}

/// `upstream sent invalid response: "..." while ...`: the server behind refused who may log in.
fn behind<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let rest = line.text.strip_prefix(b"upstream sent invalid response: \"")?;
    let tail = scan::find(rest, b", client: ").filter(|_| is_told_once(rest));
    let context = Context::read(tail.and_then(|at| rest.get(at..)).unwrap_or_default());
    let event = line.event(context, Kind::Auth, Outcome::Deferred);
    Some(Event { reason: Some(Reason::AuthUnavailable), attempts: 1, ..event })
}

/// Lines whose words are nginx' own, up to the address.
fn fixed<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    use Outcome::{Deferred, Dropped, Rejected};
    const HEADS: [(&[u8], Kind, Outcome, Reason, bool); 13] = [
        (b"client sent invalid base64 ", Kind::Auth, Rejected, Reason::AuthFailed, true),
        (b"client sent invalid login ", Kind::Auth, Rejected, Reason::AuthFailed, true),
        (b"client sent invalid password ", Kind::Auth, Rejected, Reason::AuthFailed, true),
        (b"client sent invalid CRAM-MD5 ", Kind::Auth, Rejected, Reason::AuthFailed, true),
        (b"client sent too many invalid ", Kind::Command, Rejected, Reason::ProtocolError, true),
        (b"client sent plain HTTP ", Kind::Tls, Rejected, Reason::TlsFailed, false),
        (b"client timed out", Kind::Disconnect, Dropped, Reason::Timeout, false),
        (b"client closed ", Kind::Disconnect, Dropped, Reason::ConnectionLost, false),
        (b"client prematurely closed ", Kind::Disconnect, Dropped, Reason::ConnectionLost, false),
        (b"peer closed connection in SSL ", Kind::Tls, Rejected, Reason::TlsFailed, false),
        (b"SSL_do_handshake() failed ", Kind::Tls, Rejected, Reason::TlsFailed, false),
        (b"auth http server ", Kind::Auth, Deferred, Reason::AuthUnavailable, false),
        (b"recv() failed ", Kind::Disconnect, Dropped, Reason::ConnectionLost, false),
    ];
    let (_, kind, outcome, reason, hostile) =
        HEADS.iter().find(|(head, ..)| line.text.starts_with(head))?;
    let at = scan::find(line.text, b", client: ");
    let (words, tail) = line.text.split_at_checked(at.unwrap_or(line.text.len()))?;
    // A web server's line has the same words.
    let before_login = scan::split_once(tail, b", login: \"").map_or(tail, |(before, _)| before);
    if scan::contains(before_login, b", request: \"") {
        return None;
    }
    let (kind, outcome, reason) = match scan::contains(words, b" upstream") {
        true => (Kind::Auth, Deferred, Reason::AuthUnavailable),
        false => (*kind, *outcome, *reason),
    };
    let is_login = kind == Kind::Auth;
    let event = line.event(Context::read(tail), kind, outcome);
    Some(Event { reason: Some(reason), hostile: *hostile, attempts: u32::from(is_login), ..event })
}

/// nginx cuts its lines at 2,048 bytes: a long command could leave the stranger's words at the end.
const MAX_LINE: usize = 1000;

fn is_told_once(words: &[u8]) -> bool {
    const CLIENT: &[u8] = b", client: ";
    words.len() <= MAX_LINE && scan::find(words, CLIENT) == scan::find_last(words, CLIENT)
}
