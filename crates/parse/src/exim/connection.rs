//! Lines about a connection: its begin and end, logins, limits.

use super::host::Peer;
use super::{Line, command, envelope};
use crate::Parsed;
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// `None` where the line is none of these.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    match text.first()? {
        b'H' if text.starts_with(b"H=") => envelope::parse(line),
        b'S' if text.starts_with(b"SMTP ") => smtp(line),
        b'n' => n_words(line),
        b'N' if text.starts_with(b"No host name found") => Some(Parsed::Noise("host-name")),
        b'r' | b'R' => refused_or_rejected(line),
        b't' => t_words(line),
        b'T' if text.starts_with(b"TLS ") => tls_error(line),
        b'u' => u_words(line),
        b'C' if text.starts_with(b"Connection from ") => too_many(line),
        b'c' if text.starts_with(b"connection from ") => {
            let peer = Peer::read(text.get(b"connection from ".len()..)?)?;
            Some(Parsed::Event(peer.on(refused(line, Outcome::Rejected))))
        }
        b'i' if text.starts_with(b"ignoring AUTH=") => Some(Parsed::Noise("auth-parameter")),
        b'V' if text.starts_with(b"VRFY failed") => Some(Parsed::Noise("vrfy")),
        b'E' if text.starts_with(b"ETRN ") => Some(Parsed::Noise("etrn")),
        b'[' => Some(Parsed::Noise("outgoing-tls")).filter(|_| scan::contains(text, b"TLS")),
        _ => login(line),
    }
    .or_else(|| login(line))
}

fn n_words<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if text.starts_with(b"no host name found for IP address ")
        || text.starts_with(b"no IP address found for host ")
    {
        return Some(Parsed::Noise("host-name"));
    }
    if text.starts_with(b"no immediate delivery: ") {
        return Some(Parsed::Noise("queue"));
    }
    let rest = text.strip_prefix(b"no MAIL in ")?;
    let rest = scan::split_once(rest, b"SMTP connection from ")?.1;
    Some(Parsed::Event(no_mail(line, &Peer::read(rest)?)))
}

/// `no MAIL in SMTP connection from H D=1s A=login:bob X=... C=EHLO,AUTH,QUIT`: the only trace of
/// a login without a message. Whether the connection was lost tells another line, which counts.
fn no_mail<'a>(line: &Line<'a>, peer: &Peer<'a>) -> Event<'a> {
    let rest = peer.behind_details();
    let rest = rest.strip_prefix(b" D=").unwrap_or_default();
    let rest = rest.get(memchr::memchr(b' ', rest).unwrap_or(rest.len())..).unwrap_or_default();
    if let Some(login) = rest.strip_prefix(b" A=") {
        let ends: [&[u8]; 3] = [b" X=", b" C=", b" CV="];
        let end = ends.iter().filter_map(|end| scan::find(login, end)).min();
        let login = login.get(..end.unwrap_or(login.len())).unwrap_or_default();
        let account = scan::split_once(login, b":").map(|(_, account)| Text(account));
        let event = line.event(Kind::Auth, Outcome::Allowed);
        return peer.on(Event { account, attempts: 1, ..event });
    }
    let outcome = if rest.ends_with(b"QUIT") { Outcome::Allowed } else { Outcome::Dropped };
    let event = line.event(Kind::Disconnect, outcome);
    peer.on(Event { reason: Some(Reason::NoAuthAttempts), ..event })
}

fn smtp<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text.get(b"SMTP ".len()..)?;
    match text.first()? {
        b'c' if text.starts_with(b"connection ") => connection(line),
        b'c' if text.starts_with(b"call from ") => {
            let peer = Peer::read(text.get(b"call from ".len()..)?)?;
            Some(Parsed::Event(peer.on(call_dropped(line, peer.rest))))
        }
        b'c' if text.starts_with(b"command timeout on ") => {
            let rest = scan::split_once(text, b"connection from ")?.1;
            let event = line.event(Kind::Disconnect, Outcome::Dropped);
            Some(Parsed::Event(by_peer(rest, Event { reason: Some(Reason::Timeout), ..event })))
        }
        b'd' if text.starts_with(b"data timeout ") => {
            let rest = scan::split_once(text, b"connection from ")?.1;
            let event = line.event(Kind::Disconnect, Outcome::Dropped);
            Some(Parsed::Event(by_peer(rest, Event { reason: Some(Reason::Timeout), ..event })))
        }
        _ => command::parse(line),
    }
}

fn by_peer<'a>(text: &'a [u8], event: Event<'a>) -> Event<'a> {
    match Peer::read(text) {
        Some(peer) => peer.on(event),
        None => event,
    }
}

/// `SMTP connection from H closed by QUIT`, `lost`, `(TCP/IP connection count = 2)`.
fn connection<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let rest = scan::split_once(line.text, b" from ")?.1;
    if rest.starts_with(b"UNKNOWN") || rest.starts_with(b"NULL") {
        return Some(Parsed::Noise("local-smtp"));
    }
    let Some(peer) = Peer::read(rest) else {
        // `SMTP connection from root`: a local process.
        return Some(Parsed::Noise("local-smtp"));
    };
    let rest = peer.behind_details();
    let says = |words: &[u8]| scan::contains(rest, words);
    let ended = |outcome| line.event(Kind::Disconnect, outcome);
    let event = if rest.starts_with(b" (TCP/IP connection count") {
        line.event(Kind::Connect, Outcome::Allowed)
    } else if says(b"closed by QUIT") {
        ended(Outcome::Allowed)
    } else if says(b"lost while reading message data") {
        Event { reason: Some(Reason::ConnectionLost), ..ended(Outcome::Dropped) }
    } else if says(b" lost") {
        // No QUIT and no message: what a scan looks like.
        Event { reason: Some(Reason::ConnectionLost), hostile: true, ..ended(Outcome::Dropped) }
    } else if says(b"DROP in ACL") {
        // The refusal stands in its own line and counts there.
        Event { reason: Some(Reason::PolicyRejected), ..ended(Outcome::Dropped) }
    } else if says(b"closed ") {
        Event { reason: Some(Reason::ConnectionLost), ..ended(Outcome::Dropped) }
    } else {
        return Some(Parsed::Noise("connection"));
    };
    Some(Parsed::Event(peer.on(event)))
}

/// `dropped: too many syntax or protocol errors (last command was "GET /", C=EHLO)`.
fn call_dropped<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let detail = scan::split_once(rest, b"(last ")
        .and_then(|(_, last)| scan::split_once(last, b"\""))
        .and_then(|(_, last)| last.get(..memchr::memrchr(b'"', last)?))
        .map(Text);
    Event {
        reason: Some(Reason::TooManyErrors),
        hostile: true,
        detail,
        ..line.event(Kind::Command, Outcome::Dropped)
    }
}

fn refused<'a>(line: &Line<'a>, outcome: Outcome) -> Event<'a> {
    let event = line.event(Kind::Connect, outcome);
    Event { reason: Some(Reason::ClientRejected), hostile: outcome == Outcome::Rejected, ..event }
}

fn refused_or_rejected<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"refused connection from ") {
        return Some(Parsed::Event(by_peer(rest, refused(line, Outcome::Rejected))));
    }
    if text.starts_with(b"removed by ") || text.starts_with(b"recipient <") {
        return Some(Parsed::Noise("queue"));
    }
    if text.starts_with(b"ridiculously long message header") {
        return Some(Parsed::Noise("message-header"));
    }
    command::rejected(line)
}

fn t_words<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if let Some(rest) = text.strip_prefix(b"temporarily refused connection from ") {
        let event = Event {
            reason: Some(Reason::TooManyConnections),
            ..line.event(Kind::Connect, Outcome::Deferred)
        };
        return Some(Parsed::Event(by_peer(rest, event)));
    }
    if text.starts_with(b"too many recipients: ") {
        return command::too_many_recipients(line);
    }
    command::rejected(line)
}

fn u_words<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if text.starts_with(b"unqualified ") {
        return command::unqualified(line);
    }
    let rest = text.strip_prefix(b"unexpected ")?;
    let rest = scan::split_once(rest, b" while reading SMTP command from ")?.1;
    let event = line.event(Kind::Disconnect, Outcome::Dropped);
    let event = Event { reason: Some(Reason::ConnectionLost), ..event };
    Some(Parsed::Event(by_peer(rest, event)))
}

/// `TLS error on connection from H (SSL_accept): error:...`.
///
/// Errors behind the handshake, and alerts by which a client refuses our certificate, are no
/// attack.
fn tls_error<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let text = line.text;
    if !text.starts_with(b"TLS error") && !text.starts_with(b"TLS client") {
        return None;
    }
    let Some(peer) = scan::split_once(text, b"connection from ")
        .and_then(|(_, rest)| Peer::read(rest.strip_prefix(b"Ci=").unwrap_or(rest)))
    else {
        return Some(Parsed::Noise("tls-detail"));
    };
    let says = |words: &[u8]| scan::contains(peer.rest, words);
    let late = says(b"(recv)") || says(b"(send)") || text.starts_with(b"TLS error (SSL_");
    let ours = says(b"alert") && (says(b"certificate") || says(b"unknown ca"));
    let clean = says(b"disconnected cleanly");
    let event = line.event(Kind::Tls, Outcome::Dropped);
    let event = Event {
        reason: Some(Reason::TlsFailed),
        hostile: !(late || ours || clean),
        detail: (!peer.rest.is_empty()).then_some(Text(peer.rest)),
        ..event
    };
    Some(Parsed::Event(peer.on(event)))
}

/// `Connection from H refused: too many connections from that IP address`.
fn too_many<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let peer = Peer::read(line.text.get(b"Connection from ".len()..)?)?;
    let one_client = scan::contains(peer.rest, b"from that IP address");
    let event = Event {
        reason: Some(Reason::TooManyConnections),
        hostile: one_client,
        ..line.event(Kind::Connect, Outcome::Rejected)
    };
    Some(Parsed::Event(peer.on(event)))
}

/// `dovecot_plain authenticator failed for H: 535 Incorrect authentication data (set_id=bob)`.
fn login<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    let (name, rest) = scan::take_while(line.text, |b| b.is_ascii_alphanumeric() || b == b'_');
    let rest = rest.strip_prefix(b" ").filter(|_| !name.is_empty())?;
    if rest.starts_with(b"authenticator (") {
        return Some(Parsed::Noise("authenticator"));
    }
    let rest = rest.strip_prefix(b"authenticator failed for ")?;
    let Some(peer) = Peer::read(rest) else {
        return Some(Parsed::Event(failed_login(line, b"535 ")));
    };
    let answer = peer.behind_details().strip_prefix(b": ").unwrap_or_default();
    Some(Parsed::Event(peer.on(failed_login(line, answer))))
}

fn failed_login<'a>(line: &Line<'a>, answer: &'a [u8]) -> Event<'a> {
    let auth = |outcome, reason| Event { reason: Some(reason), ..line.event(Kind::Auth, outcome) };
    match answer.first() {
        Some(b'4') => auth(Outcome::Deferred, Reason::AuthUnavailable),
        // A client that cancels has not guessed.
        _ if answer.starts_with(b"501 Authentication cancelled") => {
            auth(Outcome::Dropped, Reason::AuthAborted)
        }
        _ => {
            let account = scan::split_once(answer, b" (set_id=")
                .and_then(|(_, id)| id.strip_suffix(b")"))
                .filter(|id| !id.is_empty())
                .map(Text);
            let event = auth(Outcome::Rejected, Reason::AuthFailed);
            Event { account, attempts: 1, hostile: true, ..event }
        }
    }
}
