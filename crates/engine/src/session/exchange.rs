//! Exchange's SMTP: `User Name: bob`, then an answer, in one session.
//!
//! What the answer says decides: `535` that the password was wrong, `454 4.7.0` that none was
//! tested. So a name waits for it. The last attempt of a connection is answered with that there
//! were too many, and who does not wait gets no answer: then the end of the connection counts the
//! name, and so does the next name. A `535` without a name counts by itself.
//!
//! Until its answer nothing is known of a name but what is asked of every name at once
//! (`bait-account`, `exploit-attempt`). An answer comes five seconds later, Exchange's tarpit.

use super::own_files::is_wrong;
use super::{Line, News, STALE_S};
use crate::hash::{lower, mix};
use crate::join::ShortName;
use crate::state::{JoinRow, State, whole};
use event::{Kind, Outcome, Protocol, Text};

const EXCHANGE: u64 = 0x45;

/// The connection of an SMTP session.
fn connection(line: &Line<'_>) -> Option<u64> {
    let Line { seed, event, client, .. } = *line;
    let is_smtp = matches!(event.protocol, Protocol::Smtp | Protocol::Submission);
    let Text(session) = event.session.filter(|_| is_smtp)?;
    let host = lower(seed, event.host.unwrap_or_default().bytes());
    Some(mix(mix(lower(seed, session), host), mix(client.0, EXCHANGE)))
}

/// What a line of a failed login says. `None`: nothing yet, a name waits.
pub(super) fn news(state: &mut State, line: &Line<'_>) -> Option<News> {
    let Line { event, now_s, seq, .. } = *line;
    let at_once = News::of(line, event.attempts);
    let Some(key) = connection(line).filter(|_| is_wrong(event)) else {
        return Some(at_once);
    };
    let waits = take(state, key, line);
    let Some(account) = at_once.account else { return Some(waits.unwrap_or(at_once)) };
    let name = ShortName::of(event.account.unwrap_or_default().bytes());
    if let Some(row) = state.joins.entry(key) {
        (row.stamp_s, row.address, row.account) = (now_s, [account, seq], name);
    }
    waits
}

/// What a line about something else says of the name that waits in its connection: an end or too
/// many errors that it had no other answer, a login or a password that was not tested that it does
/// not count.
pub(super) fn settled(state: &mut State, line: &Line<'_>) -> Option<News> {
    let Line { event, .. } = *line;
    let (is_end, is_excuse) = match (event.kind, event.outcome) {
        (Kind::Disconnect | Kind::Limit, _) => (true, false),
        (Kind::Auth, Outcome::Allowed) => (false, true),
        (Kind::Auth, _) => (false, super::is_untested(event)),
        _ => (false, false),
    };
    if !is_end && !is_excuse {
        return None;
    }
    take(state, connection(line)?, line).filter(|_| is_end)
}

/// The name that waits in a connection; it waits no longer.
fn take(state: &mut State, key: u64, line: &Line<'_>) -> Option<News> {
    let JoinRow { stamp_s, address: [account, named], account: name, .. } =
        *state.joins.get(key)?;
    state.joins.remove(key);
    (line.now_s.abs_diff(stamp_s) <= STALE_S).then_some(News {
        attempts: 1,
        account: Some(account),
        name: name.lower(),
        line: whole(named as u32, line.seq),
    })
}
