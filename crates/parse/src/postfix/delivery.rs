//! Messages on their way: qmgr, pickup, and the delivery agents' `to=<...>, ..., status=...`.

use super::line::{Line, detail};
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// Stands behind the sender, who may have written it, too: the last one is qmgr's.
const SIZE: &[u8] = b">, size=";

/// qmgr: `QUEUEID: from=<a>, size=1, nrcpt=1 (queue active)`, or `status=expired`.
#[inline(always)] // an event is large to return
pub(super) fn from<'a>(line: &Line<'a>, queue_id: Text<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let rest = rest.strip_prefix(b"from=<")?;
    let queue_id = Some(queue_id);
    if let Some(end) = scan::find_last(rest, SIZE) {
        let sender = Some(Text(rest.get(..end)?));
        let size = rest.get(end + SIZE.len()..).unwrap_or_default();
        let recipients = scan::split_once(size, b", nrcpt=")
            .and_then(|(_, rest)| scan::number(scan::word(rest).0))
            .unwrap_or(0);
        let event = line.event(Kind::Message, Outcome::Allowed);
        return Some(Event { queue_id, sender, recipients, ..event });
    }
    let end = scan::find_last(rest, b">, status=")?;
    let sender = Some(Text(rest.get(..end)?));
    let status = rest.get(end + b">, status=".len()..)?;
    let outcome =
        if status.starts_with(b"deferred") { Outcome::Deferred } else { Outcome::Rejected };
    let event = line.event(Kind::Delivery, outcome);
    Some(Event { queue_id, sender, detail: detail(status), ..event })
}

/// pickup: `QUEUEID: uid=1000 from=<user>`: a message from this host.
pub(super) fn uid<'a>(line: &Line<'a>, queue_id: Text<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (digits, rest) = scan::word(rest.strip_prefix(b"uid=")?);
    scan::number(digits)?;
    let sender = rest.strip_prefix(b"from=<")?;
    let end = scan::find_last(sender, b">")?;
    let event = line.event(Kind::Message, Outcome::Allowed);
    Some(Event { queue_id: Some(queue_id), sender: Some(Text(sender.get(..end)?)), ..event })
}

/// A delivery agent: `QUEUEID: to=<a>, orig_to=<b>, relay=c, ..., dsn=2.0.0, status=sent (text)`.
///
/// The addresses are strangers' text and so are the next server's words; Postfix's own lie
/// between. The recipient ends at the first delimiter, and the status is the first behind it.
#[inline(always)] // an event is large to return
pub(super) fn to<'a>(line: &Line<'a>, queue_id: Text<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let rest = rest.strip_prefix(b"to=<")?;
    let end = memchr::memchr_iter(b'>', rest).find(|at| {
        let rest = rest.get(*at..).unwrap_or_default();
        rest.starts_with(b">, relay=") || rest.starts_with(b">, orig_to=<")
    })?;
    let recipient = Some(Text(rest.get(..end)?));
    let rest = rest.get(end..)?;
    let (_, behind) = scan::split_once(rest, b", dsn=")?;
    let (dsn, behind) = scan::split_once(behind, b", status=")?;
    let (status, text) = scan::word(behind);
    let text = text.strip_prefix(b"(").unwrap_or(text);
    let text = text.strip_suffix(b")").unwrap_or(text);
    let own =
        matches!(line.daemon(), b"local" | b"virtual" | b"pipe" | b"error" | b"retry" | b"lmtp");
    let outcome = match status {
        b"sent" | b"deliverable" => Outcome::Allowed,
        b"deferred" => Outcome::Deferred,
        b"bounced" | b"undeliverable" | b"expired" => Outcome::Rejected,
        _ => return None,
    };
    let reason = match outcome {
        Outcome::Allowed => None,
        _ if matches!(dsn, b"4.2.2" | b"5.2.2") => Some(Reason::MailboxFull),
        Outcome::Rejected if own && matches!(dsn, b"5.1.1" | b"5.1.0" | b"5.1.6") => {
            Some(Reason::RecipientUnknown)
        }
        Outcome::Deferred => Some(Reason::RemoteDeferred),
        _ => Some(Reason::RemoteRejected),
    };
    let known = (reason == Some(Reason::RecipientUnknown)).then_some(false);
    let event = line.event(Kind::Delivery, outcome);
    Some(Event {
        queue_id: Some(queue_id),
        recipient,
        reason,
        known,
        detail: detail(text),
        ..event
    })
}
