//! Logins: `SASL ... authentication failed`, `... aborted`, and `client=..., sasl_username=...`.

use super::line::{Line, detail};
use super::peer::{Peer, peer};
use crate::scan;
use event::{Event, Kind, Outcome, Reason, Text};

/// The longest mechanism name there is (RFC 4422, 3.1).
const MECHANISM_MAX: usize = 20;

const USERNAME: &[u8] = b", sasl_username=";

/// Reasons that say that the server could not check, whole, as Postfix's Dovecot client and the
/// Cyrus library word them.
const UNAVAILABLE: [&[u8]; 7] = [
    b"Connection lost to authentication server",
    b"Can't connect to authentication server",
    b"Authentication backend error",
    b"Temporary authentication failure",
    b"temporary failure",
    b"generic failure",
    b"authentication server unavailable",
];

/// What follows `warning: peer: SASL `. Only logins that failed are told this way, so each of
/// these lines counts against the peer, whole or not, but for those that blame the server.
///
/// `MECHANISM authentication failed: REASON, sasl_username=NAME`: the mechanism is what the client
/// sent; one that is more than a word cannot have been accepted, stands in quotes and may hold any
/// text, so nothing behind it is read. The reason is the server's own. So the *first*
/// `, sasl_username=` behind a plain mechanism is Postfix's, and all behind it is the name, which
/// may hold the same words again.
pub(super) fn failed<'a>(line: &Line<'a>, peer: Peer, rest: &'a [u8]) -> Event<'a> {
    let (mechanism, words) = scan::word(rest);
    if !is_mechanism(mechanism) {
        let event = line.against(peer, Kind::Auth, Outcome::Rejected, Reason::AuthDisallowed);
        return Event { attempts: 1, detail: detail(rest), ..event };
    }
    let mechanism = Some(Text(mechanism));
    if words == b"authentication aborted" {
        let event = line.about(peer, Kind::Auth, Outcome::Rejected);
        return Event { reason: Some(Reason::AuthAborted), mechanism, ..event };
    }
    let words = words.strip_prefix(b"authentication failed: ").unwrap_or(words);
    let (why, account) = match scan::split_once(words, USERNAME) {
        Some((why, name)) => (why, username(name)),
        None => (words, None),
    };
    if UNAVAILABLE.contains(&why) {
        let event = line.about(peer, Kind::Auth, Outcome::Deferred);
        let reason = Some(Reason::AuthUnavailable);
        return Event { reason, mechanism, account, detail: detail(why), ..event };
    }
    // 3.10 repeats the mechanism, which is but a word here.
    let disallowed =
        why.starts_with(b"Invalid authentication mechanism") || why == b"no mechanism available";
    let reason = if disallowed { Reason::AuthDisallowed } else { Reason::AuthFailed };
    let event = line.against(peer, Kind::Auth, Outcome::Rejected, reason);
    Event { attempts: 1, mechanism, account, detail: detail(why), ..event }
}

fn is_mechanism(text: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= MECHANISM_MAX
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A name as logged; Postfix says `(unavailable)` where it knows none, which a cut line may end in.
fn username(name: &[u8]) -> Option<Text<'_>> {
    (!b"(unavailable)".starts_with(name)).then_some(Text(name))
}

/// What follows `QUEUEID: client=`: a message begins, for a user who has logged in or for anybody.
pub(super) fn client<'a>(line: &Line<'a>, queue_id: Text<'a>, rest: &'a [u8]) -> Option<Event<'a>> {
    let (peer, rest) = peer(rest)?;
    let queue_id = Some(queue_id);
    let Some(sasl) = rest.strip_prefix(b", sasl_method=") else {
        // `, orig_client=` and the like (XFORWARD) tell of another's peer.
        if !rest.is_empty() && !rest.starts_with(b", ") {
            return None;
        }
        return Some(Event { queue_id, ..line.about(peer, Kind::Message, Outcome::Allowed) });
    };
    let event = line.about(peer, Kind::Auth, Outcome::Allowed);
    let event = Event { queue_id, attempts: 1, ..event };
    let (mechanism, rest) = scan::take_while(sasl, |byte| byte != b',');
    let event = Event { mechanism: is_mechanism(mechanism).then_some(Text(mechanism)), ..event };
    let Some(name) = rest.strip_prefix(USERNAME) else { return Some(event) };
    // These may follow; what they hold is the sender's (AUTH=) or a proxy's word.
    let end = [&b", sasl_sender="[..], b", orig_queue_id=", b", orig_client="]
        .iter()
        .filter_map(|follower| scan::find(name, follower))
        .min()
        .unwrap_or(name.len());
    Some(Event { account: name.get(..end).and_then(username), ..event })
}
