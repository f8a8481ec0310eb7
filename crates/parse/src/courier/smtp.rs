//! Courier's SMTP server and what delivers its mail.
//!
//! `error,relay=PEER,port=N,from=<A>,to=<B>: 550 User unknown.`: the peer stands in front of all
//! that a stranger wrote. Of a message taken in it stands last: `newmsg,id=ID, auth=ACCOUNT: dns;
//! HELO (NAME [PEER])`. Real runs of 1.0.16 and 1.4.1; else by the maker's manual.

use super::Line;
use crate::{Parsed, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Reason, Text};

/// The programs behind the SMTP server.
pub(super) fn is_delivery(program: &[u8]) -> bool {
    matches!(
        program,
        b"courierd"
            | b"courieresmtp"
            | b"courierlocal"
            | b"courierdsn"
            | b"courierfilter"
            | b"courieruucp"
            | b"courierfax"
    )
}

/// A line of `courieresmtpd`.
pub(super) fn parse<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    if let Some(rest) = line.text.strip_prefix(b"started,ip=[") {
        let (peer, _) = scan::split_once(rest, b"]")?;
        let event = line.event(Kind::Connect, Outcome::Allowed);
        return Some(Parsed::Event(Event { client: scan::address(peer), ..event }));
    }
    if let Some(rest) = line.text.strip_prefix(b"ip=[") {
        return super::tls_failure(line, rest);
    }
    let (client, rest) = peer(line.text.strip_prefix(b"error,relay=")?);
    let event = refused(line, behind_ident(behind_port(rest)));
    Some(Parsed::Event(Event { client, ..event }))
}

/// The peer ends before a comma or before the colon in front of the answer; of a cut line, it is
/// none.
fn peer(text: &[u8]) -> (Option<IpAddr>, &[u8]) {
    let (word, rest) =
        scan::take_while(text, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    match rest.first() {
        Some(b',') => (scan::address(word), rest.get(1..).unwrap_or_default()),
        Some(b' ') => match word.strip_suffix(b":") {
            Some(word) => (scan::address(word), text.get(word.len()..).unwrap_or_default()),
            None => (None, rest),
        },
        _ => (None, rest),
    }
}

fn behind_port(rest: &[u8]) -> &[u8] {
    let Some(number) = rest.strip_prefix(b"port=") else { return rest };
    let (_, behind) = scan::take_while(number, |byte| byte.is_ascii_digit());
    behind.strip_prefix(b",").unwrap_or(behind)
}

/// `ident=NAME,`: what a stranger's ident service said. The peer stands before it.
fn behind_ident(rest: &[u8]) -> &[u8] {
    if !rest.starts_with(b"ident=") {
        return rest;
    }
    let end = scan::find(rest, b",msg=\"").or_else(|| scan::find(rest, b",from=<"));
    end.and_then(|end| rest.get(end + 1..)).unwrap_or(rest)
}

fn refused<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    if let Some(rest) = rest.strip_prefix(b"msg=\"") {
        let (answer, command) = scan::split_once(rest, b"\",cmd: ").unwrap_or((rest, b""));
        return command_error(line, answer, command);
    }
    if let Some(rest) = rest.strip_prefix(b"from=<") {
        return envelope(line, rest);
    }
    let answer = rest.strip_prefix(b": ").unwrap_or(rest);
    let (kind, reason) = match code(answer) {
        b"535" => (Kind::Auth, Reason::AuthFailed),
        _ => (Kind::Command, Reason::ProtocolError),
    };
    let event = line.refusal(kind, outcome(answer), reason);
    let login = kind == Kind::Auth;
    Event { hostile: login, attempts: u32::from(login), detail: Some(Text(answer)), ..event }
}

/// `535 Authentication failed.` and a command, which then holds a name or a password.
fn command_error<'a>(line: &Line<'a>, answer: &'a [u8], command: &'a [u8]) -> Event<'a> {
    let outcome = outcome(answer);
    let is_auth = command.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH"));
    match code(answer) {
        b"535" => {
            let event = line.refusal(Kind::Auth, outcome, Reason::AuthFailed);
            return Event { hostile: true, attempts: 1, account: account(line, command), ..event };
        }
        _ if is_auth => {
            let event = line.refusal(Kind::Auth, outcome, Reason::AuthDisallowed);
            let permanent = outcome == Outcome::Rejected;
            return Event { hostile: permanent, attempts: u32::from(permanent), ..event };
        }
        b"500" | b"502" | b"503" if is_hasty(command) => {
            return line.refusal(Kind::Command, outcome, Reason::ProtocolError);
        }
        b"502" | b"500" => {
            let event = line.refusal(Kind::Command, outcome, Reason::NonSmtpCommand);
            // The command may be a password that came late: it is no detail.
            return Event { hostile: true, detail: Some(Text(answer)), ..event };
        }
        b"534" => return line.refusal(Kind::Envelope, outcome, Reason::TooLarge),
        code if scan::number(code).is_none() => {
            // An error of the connection, in the system's words.
            return line.refusal(Kind::Disconnect, Outcome::Dropped, Reason::ConnectionLost);
        }
        _ => {}
    }
    let event = line.refusal(Kind::Command, outcome, Reason::ProtocolError);
    Event { hostile: outcome == Outcome::Rejected, detail: Some(Text(answer)), ..event }
}

/// True of a command that an honest server sends at once with others: where its sender or all its
/// recipients were refused, Courier knows it no more.
fn is_hasty(command: &[u8]) -> bool {
    let is = |word: &[u8]| command.get(..word.len()).is_some_and(|c| c.eq_ignore_ascii_case(word));
    is(b"RCPT TO:") || command.eq_ignore_ascii_case(b"DATA")
}

/// `AUTH LOGIN NAME`, `AUTH PLAIN AGZyYW5rQGV4YW1wbGUu NAME`: the name as it was understood stands
/// last, behind the first bytes of what was sent. With a blank in it, it could be another's.
fn account<'a>(line: &Line<'a>, command: &'a [u8]) -> Option<Text<'a>> {
    let (words, rest) = command.split_at_checked(b"AUTH LOGIN ".len())?;
    let name = if words.eq_ignore_ascii_case(b"AUTH LOGIN ") {
        rest
    } else if words.eq_ignore_ascii_case(b"AUTH PLAIN ") {
        scan::split_once(rest, b" ")?.1
    } else {
        return None;
    };
    let is_whole = line.text.len() < crate::RELAYED_MAX && !name.is_empty();
    (is_whole && !name.contains(&b' ')).then_some(Text(name))
}

/// `A>,to=<B>: 550 User unknown.`, behind `from=<`. Where a delimiter stands twice, neither address
/// is believed.
fn envelope<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let last = scan::find_last(rest, b">: ");
    let (addresses, answer) = match last.and_then(|at| rest.split_at_checked(at)) {
        Some((addresses, tail)) => (addresses, tail.get(3..).unwrap_or_default()),
        None => (rest, &b""[..]),
    };
    let (sender, recipient) = match scan::split_once(addresses, b">,to=<") {
        Some((sender, recipient)) => (sender, Some(recipient)),
        None => (addresses, None),
    };
    let plain = |text: &&[u8]| !scan::contains(text, b">,to=<") && !scan::contains(text, b">: ");
    let whole = last.is_some() && plain(&sender) && recipient.as_ref().is_none_or(plain);
    let outcome = outcome(answer);
    let (reason, counts) = reason(answer, recipient.is_some());
    let event = line.refusal(Kind::Envelope, outcome, reason);
    Event {
        hostile: counts && outcome == Outcome::Rejected,
        sender: whole.then_some(Text(sender)),
        recipient: recipient.filter(|_| whole).map(Text),
        known: (reason == Reason::RecipientUnknown).then_some(false),
        detail: (!answer.is_empty()).then_some(Text(answer)),
        ..event
    }
}

/// Why, and whether it counts where it is for good.
fn reason(answer: &[u8], has_recipient: bool) -> (Reason, bool) {
    let words = answer.get(4..).unwrap_or_default();
    if words.starts_with(b"Relaying denied") {
        (Reason::RelayDenied, true)
    } else if words.starts_with(b"User") && scan::contains(words, b"unknown") {
        (Reason::RecipientUnknown, true)
    } else if answer.is_empty() {
        (Reason::ProtocolError, true)
    } else if has_recipient {
        (Reason::RecipientRejected, false)
    } else {
        (Reason::SenderRejected, false)
    }
}

fn code(answer: &[u8]) -> &[u8] {
    answer.get(..3).unwrap_or_default()
}

fn outcome(answer: &[u8]) -> Outcome {
    if answer.first() == Some(&b'4') { Outcome::Deferred } else { Outcome::Rejected }
}

/// Lines of the queue and of deliveries. None names a client.
pub(super) fn delivery<'a>(line: &Line<'a>) -> Option<Parsed<'a>> {
    if let Some(rest) = line.text.strip_prefix(b"newmsg,id=") {
        return Some(Parsed::Event(taken_in(line, rest)));
    }
    if let Some(rest) = line.text.strip_prefix(b"id=") {
        return Some(Parsed::Event(delivered(line, rest)));
    }
    const KNOWN: [(&[u8], &str); 11] = [
        (b"started,id=", "outgoing"),
        (b"completed,id=", "completed"),
        (b"Waiting", "queue-run"),
        (b"Loading", "lifecycle"),
        (b"Started", "lifecycle"),
        (b"Initializing", "lifecycle"),
        (b"Installing", "lifecycle"),
        (b"Installed: ", "lifecycle"),
        (b"Courier ", "lifecycle"),
        (b"Purging ", "lifecycle"),
        (b"queue", "queue"),
    ];
    let known = KNOWN.iter().find(|(words, _)| line.text.starts_with(words));
    known.map(|(_, name)| Parsed::Noise(name))
}

/// `0000.5F.1, auth=ACCOUNT: dns; HELO ([PEER])`, behind `newmsg,id=`; with a name of reverse DNS
/// before the peer. Only who logged in has `auth`; the HELO name is a stranger's.
fn taken_in<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let queue_id = id(rest);
    let behind_id = rest.get(queue_id.map_or(0, |id| id.0.len())..).unwrap_or_default();
    let (login, from) = scan::split_once(behind_id, b": dns; ").unwrap_or_default();
    let account = login.strip_prefix(b", auth=").map(Text);
    let peer = from.strip_suffix(b"])").and_then(|text| {
        let at = scan::find_last(text, b"[")?;
        text.get(at + 1..)
    });
    let client = line.unless_cut(peer.and_then(scan::address));
    let account = account.filter(|_| client.is_some());
    Event { queue_id, client, account, ..line.event(Kind::Message, Outcome::Allowed) }
}

/// `0000.5F.1,from=<A>,addr=<B>,size=10,success: delivered`, behind `id=`.
fn delivered<'a>(line: &Line<'a>, rest: &'a [u8]) -> Event<'a> {
    let words = scan::find_last(rest, b"success: ");
    let (outcome, reason) = if words.is_some() {
        (Outcome::Allowed, None)
    } else if scan::contains(rest, b"status: deferred") {
        (Outcome::Deferred, Some(Reason::RemoteDeferred))
    } else {
        (Outcome::Rejected, Some(Reason::RemoteRejected))
    };
    Event { queue_id: id(rest), reason, ..line.event(Kind::Delivery, outcome) }
}

/// Digits, letters and dots up to what follows.
fn id(rest: &[u8]) -> Option<Text<'_>> {
    let (id, _) = scan::take_while(rest, |byte| byte.is_ascii_hexdigit() || byte == b'.');
    (!id.is_empty()).then_some(Text(id))
}
