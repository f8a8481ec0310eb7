//! Refusals and other verdicts: `NOQUEUE: reject: RCPT from peer: 554 5.7.1 <a>: Relay access
//! denied; from=<b> to=<c> proto=ESMTP helo=<d>`, and the same from milters and postscreen.
//!
//! The peer stands in front of everything that the client chose, so it is always right. Behind it,
//! Postfix prints addresses and the HELO name as the client gave them, quotes removed, so that no
//! grammar can tell a delimiter from a text that holds one. Where a delimiter occurs twice,
//! nothing behind the peer is believed, and the line counts as a protocol error: no honest
//! address looks like that.

use super::line::{Line, detail};
use super::peer::peer_and_text;
use crate::scan;
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

/// What Postfix did.
#[derive(Clone, Copy, PartialEq)]
enum Action {
    /// Refused, for good or for now as the code says.
    Refuse,
    /// Would have been refused (`warn_if_reject`).
    Warn,
    /// Was noted, changed or let through.
    Note,
    Hold,
    Discard,
}

fn action(word: &[u8]) -> Option<Action> {
    Some(match word {
        b"reject" | b"milter-reject" | b"proxy-reject" | b"delay_reject" => Action::Refuse,
        b"hold" | b"milter-hold" => Action::Hold,
        b"discard" | b"milter-discard" => Action::Discard,
        b"reject_warning" => Action::Warn,
        b"warn" | b"warning" | b"info" | b"permit" | b"prepend" | b"bcc" | b"redirect"
        | b"filter" | b"delay" | b"replace" | b"strip" | b"dunno" | b"pass" | b"proxy-accept"
        | b"milter-accept" | b"milter-replace" | b"milter-quarantine" => Action::Note,
        _ => return None,
    })
}

/// What follows the queue id: `ACTION: STAGE from PEER: TEXT`.
pub(super) fn event<'a>(
    line: &Line<'a>,
    queue_id: Option<Text<'a>>,
    rest: &'a [u8],
) -> Option<Event<'a>> {
    let (word, rest) = scan::split_once(rest, b": ")?;
    let verb = action(word)?;
    let (stage, rest) = scan::take_while(rest, |b| b.is_ascii_uppercase() || b == b'-');
    let milter = word.starts_with(b"milter-");
    if let Some(rest) = rest.strip_prefix(b" from ").filter(|_| !stage.is_empty()) {
        let (peer, text) = peer_and_text(rest)?;
        let event = line.about(peer, kind(stage, verb), Outcome::Allowed);
        return Some(judged(Event { queue_id, ..event }, verb, milter, text));
    }
    // A filter before the queue (`STAGE: TEXT`) names no peer. Nor is one taken from cleanup's
    // `header Subject: TEXT from PEER;`, where it stands behind the stranger's text: a line that
    // was cut there would name whom he likes. The queue id leads to the peer.
    let known = [&b"header "[..], b"body ", b"mime-error ", b"milter-header ", b"milter-body "]
        .iter()
        .any(|words| rest.starts_with(words));
    let well_formed = if stage.is_empty() { known } else { rest.starts_with(b": ") };
    if !well_formed {
        return None;
    }
    let event = line.event(Kind::Message, outcome(verb, None));
    let reason = (!matches!(verb, Action::Note | Action::Warn)).then_some(Reason::ContentRejected);
    let event = Event { queue_id, reason, detail: detail(rest), ..event };
    Some(subject(rest).map_or(event, |(mail_subject, fields)| Event {
        mail_subject: Some(mail_subject),
        sender: fields.sender,
        recipient: fields.recipient,
        helo: fields.helo,
        ..event
    }))
}

/// What a message says of itself: `header Subject: TEXT from PEER; from=<a> to=<b> ...`. All of it
/// is the sender's word, and where he wrote Postfix's own words into it, it is longer than it was;
/// the envelope is then not believed.
fn subject(rest: &[u8]) -> Option<(Text<'_>, Fields<'_>)> {
    const NAME: usize = b"header Subject:".len();
    let name = rest.get(..NAME)?;
    if !name.eq_ignore_ascii_case(b"header Subject:") {
        return None;
    }
    let text = rest.get(NAME..)?;
    let tail = scan::find_last(text, b"; from=<").unwrap_or(text.len());
    let (words, envelope) = text.split_at_checked(tail)?;
    let end = scan::find_last(words, b" from ").unwrap_or(words.len());
    let twice = scan::contains(words, b"; from=<");
    let fields = split_fields(envelope).filter(|_| !twice).map(|(_, fields)| fields);
    Some((Text(words.get(..end)?.trim_ascii()), fields.unwrap_or_default()))
}

/// The part of the dialogue that was judged.
fn kind(stage: &[u8], verb: Action) -> Kind {
    match stage {
        _ if matches!(verb, Action::Hold | Action::Discard) => Kind::Message,
        b"CONNECT" => Kind::Connect,
        b"HELO" | b"EHLO" | b"MAIL" | b"RCPT" => Kind::Envelope,
        b"DATA" | b"BDAT" | b"END-OF-MESSAGE" => Kind::Message,
        b"AUTH" => Kind::Auth,
        b"STARTTLS" => Kind::Tls,
        _ => Kind::Command,
    }
}

fn outcome(verb: Action, code_class: Option<u8>) -> Outcome {
    match (verb, code_class) {
        (Action::Note | Action::Warn, _) => Outcome::Allowed,
        (Action::Hold, _) | (Action::Refuse, Some(b'4')) => Outcome::Deferred,
        (Action::Refuse | Action::Discard, _) => Outcome::Rejected,
    }
}

fn judged<'a>(mut event: Event<'a>, verb: Action, milter: bool, text: &'a [u8]) -> Event<'a> {
    let (class, text) = behind_code(text);
    event.outcome = outcome(verb, class);
    let Some((words, fields)) = split_fields(text) else {
        event.reason = Some(Reason::ProtocolError);
        // A relay passes such an address on: refused for now, it is nobody's offence.
        event.hostile = verb == Action::Refuse && class == Some(b'5');
        event.detail = detail(text);
        return event;
    };
    event.sender = fields.sender;
    event.recipient = fields.recipient;
    event.helo = fields.helo;
    event.detail = detail(phrase(words));
    if verb == Action::Note {
        return event;
    }
    event.reason = match verb {
        Action::Refuse if milter => Some(milter_reason(words)),
        Action::Refuse | Action::Warn => reason(words),
        _ if milter => Some(Reason::ContentRejected),
        _ => Some(Reason::PolicyRejected),
    };
    match event.reason {
        Some(Reason::RecipientUnknown) => event.known = Some(false),
        // postscreen leaves the code (421) out.
        Some(Reason::TooManyConnections) => event.outcome = Outcome::Deferred,
        _ => {}
    }
    // On a submission port it is a user who mistypes: a stranger is refused before recipients are.
    let typing_error =
        event.protocol == Protocol::Submission && event.reason == Some(Reason::RecipientUnknown);
    let counts = is_hostile(event.reason, class == Some(b'5')) && !typing_error;
    event.hostile = verb == Action::Refuse && counts;
    event
}

/// `554 5.7.1 ` or `5.7.1 `: the class digit, and the text behind.
fn behind_code(text: &[u8]) -> (Option<u8>, &[u8]) {
    let (word, rest) = scan::word(text);
    let is_code = word.len() == 3 && scan::number(word).is_some();
    let (first, rest) = if is_code { (word.first().copied(), rest) } else { (None, text) };
    let (word, behind) = scan::word(rest);
    let is_status = matches!(word, [b'2' | b'4' | b'5', b'.', b'0'..=b'9', ..])
        && word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if is_status { (first.or(word.first().copied()), behind) } else { (first, rest) }
}

#[derive(Clone, Copy, Default)]
struct Fields<'a> {
    sender: Option<Text<'a>>,
    recipient: Option<Text<'a>>,
    helo: Option<Text<'a>>,
}

/// Postfix's words and the fields behind them; `None` where a field's delimiter stands twice.
fn split_fields(text: &[u8]) -> Option<(&[u8], Fields<'_>)> {
    let start = [&b"; from=<"[..], b"; to=<", b"; proto="]
        .iter()
        .find_map(|delimiter| scan::find(text, delimiter));
    let Some(start) = start else { return Some((text, Fields::default())) };
    let (words, tail) = (text.get(..start)?, text.get(start + 2..)?);
    let mut fields = Fields::default();
    let mut rest = tail;
    if let Some(sender) = rest.strip_prefix(b"from=<") {
        let (value, behind) = until_field(sender);
        (fields.sender, rest) = (Some(value), behind);
    }
    if let Some(recipient) = rest.strip_prefix(b"to=<") {
        let (value, behind) = until_field(recipient);
        (fields.recipient, rest) = (Some(value), behind);
    }
    if let Some((_, helo)) = scan::split_once(rest, b"helo=<") {
        // `sasl_username=<name>` may follow, or be a part of the HELO name: no account is read.
        let end = scan::find(helo, b"> sasl_username=<");
        let end = end.or_else(|| scan::find_last(helo, b">")).unwrap_or(helo.len());
        fields.helo = Some(Text(helo.get(..end)?));
    }
    let twice = scan::contains(tail, b"; from=<")
        || scan::contains(words, b"=") && scan::contains(words, b" helo=<");
    let forged = [fields.sender, fields.recipient, fields.helo]
        .iter()
        .flatten()
        .filter(|field| scan::contains(field.bytes(), b"="))
        .any(|field| FIELDS.iter().any(|name| scan::contains(field.bytes(), name)));
    (!twice && !forged).then_some((words, fields))
}

/// What no address of an honest client holds.
const FIELDS: [&[u8]; 4] = [b"from=<", b"to=<", b"helo=<", b"proto="];

/// An address up to `> to=<` or `> proto=` (postscreen: `>, to=<`), and the rest from the field's
/// name on.
fn until_field(text: &[u8]) -> (Text<'_>, &[u8]) {
    for at in memchr::memchr_iter(b'>', text) {
        let behind = text.get(at + 1..).unwrap_or_default();
        let behind = behind.strip_prefix(b",").unwrap_or(behind);
        let Some(field) = behind.strip_prefix(b" ") else { continue };
        if field.starts_with(b"to=<") || field.starts_with(b"proto=") {
            return (Text(text.get(..at).unwrap_or_default()), field);
        }
    }
    (Text(text.strip_suffix(b">").unwrap_or(text)), b"")
}

/// The words behind `<what was refused>: `, whose end is the last `>: `.
fn phrase(words: &[u8]) -> &[u8] {
    if words.first() != Some(&b'<') {
        return words;
    }
    scan::find_last(words, b">: ").and_then(|at| words.get(at + 3..)).unwrap_or(words)
}

/// Postfix's fixed words. What stands in no row is an access map's or a policy service's text.
const REASONS: [(&[u8], Reason); 24] = [
    (b"Relay access denied", Reason::RelayDenied),
    (b"Recipient address rejected: User unknown", Reason::RecipientUnknown),
    (b"Recipient address rejected: undeliverable address", Reason::RecipientUnknown),
    (b"Recipient address rejected: unverified address", Reason::RecipientRejected),
    (b"Recipient address rejected: Domain ", Reason::RecipientRejected),
    (b"Recipient address rejected: need fully-qualified", Reason::RecipientRejected),
    (b"Recipient address rejected: Multi-recipient", Reason::RecipientRejected),
    (b"Recipient address rejected: Improper use of SMTP", Reason::Pipelining),
    (b"Data command rejected: Improper use of SMTP", Reason::Pipelining),
    (b"Sender address rejected: ", Reason::SenderRejected),
    (b"Helo command rejected: ", Reason::HeloRejected),
    (b"Client host rejected: ", Reason::ClientRejected),
    (b"Unverified Client host rejected: ", Reason::ClientRejected),
    (b"Message size exceeds ", Reason::TooLarge),
    (b"Error: message file too big", Reason::TooLarge),
    (b"Error: too many recipients", Reason::RateLimited),
    (b"Error: too much mail", Reason::RateLimited),
    (b"Error: bare ", Reason::ProtocolError),
    (b"Protocol error", Reason::ProtocolError),
    (b"Service currently unavailable", Reason::Greylisted),
    (b"too many connections", Reason::TooManyConnections),
    (b"all server ports busy", Reason::TooManyConnections),
    (b"all screening ports busy", Reason::TooManyConnections),
    (b"Must issue a STARTTLS command first", Reason::AuthDisallowed),
];

/// Words that blame the server itself.
const OWN_FAULTS: [&[u8]; 4] = [
    b"Temporary lookup failure",
    b"Server configuration ",
    b"Insufficient system storage",
    b"Error: queue file write error",
];

fn reason(words: &[u8]) -> Option<Reason> {
    if words.starts_with(b"Service unavailable; ") && scan::contains(words, b"] blocked using ") {
        return Some(Reason::Blocklisted);
    }
    let phrase = phrase(words);
    let first = phrase.first();
    let fixed = REASONS.iter().find(|row| row.0.first() == first && phrase.starts_with(row.0));
    let fixed = fixed.map(|row| row.1);
    if fixed.is_some_and(|reason| reason != Reason::ClientRejected) {
        return fixed;
    }
    if scan::contains_ignoring_case(phrase, b"greylist")
        || scan::contains_ignoring_case(phrase, b"graylist")
    {
        return Some(Reason::Greylisted);
    }
    if OWN_FAULTS.iter().any(|fault| phrase.starts_with(fault)) {
        return None;
    }
    fixed.or(Some(Reason::PolicyRejected))
}

fn milter_reason(words: &[u8]) -> Reason {
    if scan::contains_ignoring_case(words, b"greylist") {
        Reason::Greylisted
    } else {
        Reason::ContentRejected
    }
}

/// Whether a refusal counts against the client. What an honest server meets on its way (greylists,
/// policies, a full disk, a name server that is down) does not.
fn is_hostile(reason: Option<Reason>, permanent: bool) -> bool {
    match reason {
        Some(
            Reason::RelayDenied
            | Reason::RecipientUnknown
            | Reason::Blocklisted
            | Reason::Pipelining
            | Reason::ProtocolError,
        ) => true,
        Some(Reason::HeloRejected | Reason::SenderRejected | Reason::ClientRejected) => permanent,
        _ => false,
    }
}
