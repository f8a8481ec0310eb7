//! What the kind of a line and its comment say.

use super::Line;
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// `None` where the line says nothing of a client, an account or a message.
///
/// A recipient or sender with a blank in it puts its rest at the comment's begin: the tag, which
/// stands left of them, goes first, then a login that failed, whose words end the line. What names
/// an address or lets somebody in is believed only where there is neither.
pub(super) fn of<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    if WATCHED.iter().any(|tag| scan::contains(line.tags, tag)) {
        return None;
    }
    if let Some(event) = kind(line) {
        return Some(event);
    }
    let is_own = line.sender.is_none() && line.recipient.is_none() && !is_unread(line);
    if let Some(event) = failed_login(line, is_own) {
        return Some(event);
    }
    if only_watched(line.comment) {
        return None;
    }
    if let Some(found) = line.comment.strip_prefix(b"[spam found] ") {
        return Some(spam(line, found));
    }
    if is_unread(line) {
        return hidden_spam(line);
    }
    login(line, is_own).or_else(|| is_own.then(|| connection(line)).flatten())
}

/// True where the comment begins with a sender that could not be read.
fn is_unread(line: &Line<'_>) -> bool {
    line.comment.starts_with(b"<")
}

/// `warning: SMTP authentication failed on 127.0.0.1:125`, which ends the line. A stranger behind a
/// relay cannot end it: a bracket of ASSP's stands behind his sender and behind his subject.
fn failed_login<'a>(line: &Line<'a>, is_own: bool) -> Option<Event<'a>> {
    const FAILED: &[u8] = b"warning: SMTP authentication failed on ";
    let event = || {
        let reason = Reason::AuthFailed;
        let event = line.refusal(Kind::Auth, Outcome::Rejected, reason, true);
        Event { attempts: 1, ..event }
    };
    if is_own && line.comment.starts_with(FAILED) {
        return Some(event());
    }
    let at = scan::find_last(line.comment, FAILED)?;
    let server = line.comment.get(at + FAILED.len()..)?;
    let is_last = server.last().is_some_and(u8::is_ascii_alphanumeric);
    (is_last && !server.contains(&b' ') && !server.contains(&b'>')).then(event)
}

/// Spam behind a sender that could not be read: it counts, unless he wrote words that say that it
/// was only watched.
fn hidden_spam<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    const FOUND: &[u8] = b" [spam found] ";
    let at = scan::find(line.comment, FOUND)?;
    let event = spam(line, line.comment.get(at + FOUND.len()..)?);
    let watched = WATCHED.iter().any(|tag| scan::contains(line.comment, tag));
    Some(Event { hostile: event.hostile && !watched, mail_subject: None, ..event })
}

/// What was only scored, or let through in a test.
fn only_watched(words: &[u8]) -> bool {
    WATCHED.iter().any(|tag| words.starts_with(tag))
}

const WATCHED: [&[u8]; 3] = [b"[monitoring]", b"[scoring]", b"[testmode]"];

/// What its other lines are about.
pub(super) fn noise(line: &Line<'_>) -> Option<&'static str> {
    const HEADS: [(&[u8], &str); 14] = [
        (b"info: ", "filter-detail"),
        (b"Info: ", "lifecycle"),
        (b"warning: ", "warning"),
        (b"Warning: ", "warning"),
        (b"error: ", "internal-error"),
        (b"Error: ", "internal-error"),
        (b"Adminupdate: ", "configuration"),
        (b"Admin", "web-interface"),
        (b"Configerror", "configuration"),
        (b"email", "filter-detail"),
        (b"Email", "filter-detail"),
        (b"PenaltyBox: ", "statistics"),
        (b"Saving ", "lifecycle"),
        (b"*** ", "upstream-error"),
    ];
    let known = HEADS.iter().find(|(head, _)| line.comment.starts_with(head));
    known.map(|(_, name)| *name).or_else(|| {
        // A line of a message, or of a worker, by the front that no other file has.
        let has_front = line.session.is_some() || !line.tags.is_empty();
        has_front.then_some("filter-detail")
    })
}

/// `(REASON) [SUBJECT] -> FILE;` or `and possibly passing because ...`.
fn spam<'a>(line: &Line<'a>, found: &'a [u8]) -> Event<'a> {
    let (reason, hostile) = match line.kind {
        b"DNSBL" => (Reason::Blocklisted, true),
        b"InvalidHELO" | b"ForgedHELO" | b"BlackHELO" | b"SuspiciousHelo" => {
            (Reason::HeloRejected, true)
        }
        b"UnknownLocalSender" | b"ForgedLocalSender" | b"BlackDomain" | b"SpoofedSender" => {
            (Reason::SenderRejected, true)
        }
        b"SPF" | b"PersonalBlack" | b"MissingMX" | b"MissingMXA" | b"BATV" | b"Backscatter" => {
            (Reason::SenderRejected, false)
        }
        b"PTRmissing" | b"PTRinvalid" | b"CountryCode" | b"Organization" => {
            (Reason::ClientRejected, false)
        }
        b"VIRUS" => (Reason::Virus, false),
        b"Attachment" => (Reason::ContentRejected, false),
        _ => (Reason::Spam, false),
    };
    let passed = found.starts_with(b"and possibly passing");
    let outcome = if passed { Outcome::Allowed } else { Outcome::Rejected };
    let event = line.refusal(Kind::Message, outcome, reason, hostile && !passed);
    Event { mail_subject: subject(found), ..event }
}

/// `(REASON) [SUBJECT] -> FILE;`
fn subject(found: &[u8]) -> Option<Text<'_>> {
    let (_, rest) = scan::split_once(found, b") [")?;
    let end = scan::find_last(rest, b"] -> ").or_else(|| scan::find_last(rest, b"]"))?;
    rest.get(..end).map(Text)
}

/// Logins, as the mail server behind ASSP answers them.
fn login<'a>(line: &Line<'a>, is_own: bool) -> Option<Event<'a>> {
    let says = |words: &[u8]| line.comment.starts_with(words);
    if says(b"max sender authentication errors ") || says(b"too many (") {
        let reason = Reason::TooManyErrors;
        return Some(line.refusal(Kind::Limit, Outcome::Dropped, reason, true));
    }
    if is_own && says(b"authenticated to ") {
        let event = line.event(Kind::Auth, Outcome::Allowed);
        return Some(Event { attempts: 1, ..event });
    }
    line.kind.ends_with(b"encryption_required").then(|| {
        let event = line.refusal(Kind::Auth, Outcome::Rejected, Reason::AuthDisallowed, false);
        Event { attempts: 1, ..event }
    })
}

/// By the tag.
fn kind<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    use Outcome::{Deferred, Dropped, Rejected};
    let (kind, outcome, reason, hostile) = match line.kind {
        b"RelayAttempt" => (Kind::Envelope, Rejected, Reason::RelayDenied, true),
        b"InvalidAddress" => (Kind::Envelope, Rejected, Reason::RecipientUnknown, true),
        b"MalformedAddress" => (Kind::Envelope, Rejected, Reason::ProtocolError, true),
        b"Trap" if line.comment.starts_with(b"penalty trap address") => {
            (Kind::Envelope, Rejected, Reason::RecipientRejected, true)
        }
        b"BounceAddress" | b"InternalAddress" => {
            (Kind::Envelope, Rejected, Reason::RecipientRejected, false)
        }
        b"Delayed" => (Kind::Envelope, Deferred, Reason::Greylisted, false),
        b"MaxErrors" | b"MaxAUTHErrors" => (Kind::Limit, Dropped, Reason::TooManyErrors, true),
        b"IPfrequency" | b"IPperDomain" => (Kind::Limit, Rejected, Reason::RateLimited, false),
        b"MaxRealMessageSize" | b"MaxMessageSize" | b"messageSize" => {
            (Kind::Message, Rejected, Reason::TooLarge, false)
        }
        b"MessageOK" => return Some(line.event(Kind::Message, Outcome::Allowed)),
        _ => return None,
    };
    let known = (reason == Reason::RecipientUnknown).then_some(false);
    Some(Event { known, ..line.refusal(kind, outcome, reason, hostile) })
}

/// Lines about a connection name its address in the comment, at a place of its own.
fn connection<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let comment = line.comment;
    let behind = |head: &[u8]| comment.strip_prefix(head);
    if let Some(rest) = behind(b"Connected: session:").or_else(|| behind(b"Connected: ")) {
        let (first, rest) = scan::word(rest);
        let place = if first.contains(&b':') { first } else { scan::word(rest).0 };
        let whole = rest.starts_with(b"> ") || scan::contains(rest, b" > ");
        let client = whole.then(|| host_of(place)).flatten();
        return Some(Event { client, ..line.event(Kind::Connect, Outcome::Allowed) });
    }
    if let Some(rest) = behind(b"Disconnected: session:") {
        let (_, rest) = scan::word(rest);
        let (place, rest) = scan::word(rest);
        let client = (!rest.is_empty()).then(|| address_of(place)).flatten();
        return Some(Event { client, ..line.event(Kind::Disconnect, Outcome::Allowed) });
    }
    if let Some(rest) = behind(b"Blocked ") {
        let (place, why) = scan::word(rest);
        if why.starts_with(b"- too many AUTH errors") {
            let event =
                line.refusal(Kind::Connect, Outcome::Rejected, Reason::ClientRejected, false);
            return Some(Event { client: address_of(place), ..event });
        }
    }
    if let Some(rest) = behind(b"Limiting ") {
        let (place, why) = scan::word(rest);
        let client = scan::address(place).filter(|_| why.starts_with(b"connections to "));
        let reason = Reason::TooManyConnections;
        let event = line.refusal(Kind::Limit, Outcome::Dropped, reason, false);
        return client.map(|client| Event { client: Some(client), ..event });
    }
    denied(line)
}

/// `203.0.113.9:4711 denied by droplist strict: ...`: before the connection has an address of its
/// own in the line.
fn denied<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let (place, why) = scan::word(line.comment);
    why.strip_prefix(b"denied by ")?;
    let client = line.client.or_else(|| host_of(place));
    let event = line.refusal(Kind::Connect, Outcome::Rejected, Reason::ClientRejected, true);
    Some(Event { client, detail: Some(Text(why)), ..event })
}

fn address_of(place: &[u8]) -> Option<core::net::IpAddr> {
    scan::address(place).or_else(|| host_of(place))
}

/// `203.0.113.9:4711`, `[2001:db8::9]:4711` or `2001:db8::9:4711`, whose last number is the port.
fn host_of(place: &[u8]) -> Option<core::net::IpAddr> {
    let (host, port) = place.split_at_checked(scan::find_last(place, b":")?)?;
    scan::number(port.get(1..)?)?;
    let bare = host.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(host);
    scan::address(bare)
}
