//! Counts attempts once, although servers tell of one attempt on up to three lines.
//!
//! - Dovecot's `auth` names each failure at once, its login process the number of all when the
//!   connection ends: joined by the session, in either order, as they may stand in two files. As
//!   many count as the one that tells of more of them does.
//! - With SMTP AUTH, Dovecot's `auth` (no session) and Postfix's `SASL ... failed` or Exim's `535`
//!   tell of the same attempt, in either order: within a minute one of each pairs off, by client. A
//!   client cannot gain a free guess by this: each line excuses only a line of the other kind.
//! - Postfix's `disconnect ... auth=0/3` counts what no line told before, by (host, process,
//!   client). Where no process is written, connections of a client cannot be told apart: what the
//!   lines told more of than one's count stays for the next.
//! - Exim writes a refusal to two logs, which may be two files that are read one after the other:
//!   two lines of one client that are the same, their second included, are one, if they come within
//!   a day. A third is new again, so a fast guesser at least counts half.
//! - PAM and saslauthd tell once more what the server that asks them tells: they pair off in the
//!   same way, with whatever other server.
//! - Roundcube's `errors` and, where it is on, `userlogins` tell of the same attempt, as do Horde
//!   and its IMP: they pair off in the same way.
//! - Two password databases of Dovecot make two lines of one attempt: the same session and account
//!   within a second is one.
//! - Exchange, Domino, Kerio and Zimbra tell of one attempt twice in logs of their own
//!   ([`exchange`], [`own_files`]).
//!
//! Where a server says that a login failed for no fault of the client's, no other line of it
//! counts: not the attempt, and not the account as one more that was tried.

mod exchange;
mod own_files;

use crate::client::ClientKey;
use crate::hash::{lower, mix, short};
use crate::state::{SessionRow, State};
use crate::table::Row;
use alloc::boxed::Box;
use event::{Event, Kind, Reason, Server, Text};

const PAIR_S: u32 = 60;
const STALE_S: u32 = 86_400;

const SESSION: u64 = 0x53;
const CONNECTION: u64 = 0x43;
const SMTP_AUTH: u64 = 0x41;
const EXIM: u64 = 0x58;
const PAM: u64 = 0x50;
const SASLAUTHD: u64 = 0x4c;
const WEBMAIL: u64 = 0x57;

/// A line about a client.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    /// Key of the hash.
    pub seed: u64,
    pub event: &'a Event<'a>,
    pub client: ClientKey,
    pub now_s: u32,
    /// Its number.
    pub seq: u64,
}

/// What a line says of failed logins that no line before it did. All that detectors weigh of a
/// failure comes from here.
pub(crate) struct News {
    /// How many attempts; 0 where other lines told of them, but not of the account.
    pub attempts: u32,
    /// Hash of the account's name; none where nothing tells it.
    pub account: Option<u64>,
    /// The name, in lower case, where an earlier line had it and it was short enough.
    pub name: Option<Box<[u8]>>,
    /// The line that is their evidence.
    pub line: u64,
}

impl News {
    fn of(line: &Line<'_>, attempts: u32) -> Self {
        let account = line.event.account.map(|name| lower(line.seed, name.bytes()));
        News { attempts, account, name: None, line: line.seq }
    }
}

/// What an event that tells of failed logins says that is new. `None` where that is nothing.
pub(crate) fn news(state: &mut State, line: &Line<'_>) -> Option<News> {
    let Line { event, .. } = *line;
    if event.server == Server::Exchange {
        return exchange::news(state, line);
    }
    let is_excused = is_excused(state, line);
    let attempts = new_attempts(state, line);
    let news = News::of(line, attempts);
    let is_known = match event.server {
        // The line before named the account, too, if by another name (Zimbra's `mailbox.log` has
        // what was typed, an alias for example), or said that it is locked (Domino).
        Server::Zimbra | Server::Domino => true,
        Server::Dovecot if event.session.is_some() => !is_from_auth(event),
        _ => is_excused || news.account.is_none(),
    };
    (attempts > 0 || !is_known).then_some(news)
}

/// The news of an event of any kind.
pub(crate) fn any_news(state: &mut State, line: &Line<'_>) -> Option<News> {
    match line.event.hostile && line.event.attempts > 0 {
        true => news(state, line),
        false => settled(state, line),
    }
}

/// Takes note of what a client does while it is banned: it is not counted, and what later lines of
/// the same connection tell of it again is not either, also where the ban is lifted meanwhile.
pub(crate) fn done_with(state: &mut State, line: &Line<'_>) {
    let _ = any_news(state, line);
    if line.event.attempts == 0 && line.event.hostile && line.event.reason.is_some() {
        let _ = is_repeated(state, line);
    }
}

/// True where a login failed, and no password was found to be wrong.
pub(crate) fn is_untested(event: &Event<'_>) -> bool {
    matches!(
        event.reason,
        Some(Reason::AuthUnavailable | Reason::AccountDisabled | Reason::AuthAborted)
    )
}

/// Takes note of a line that is no failed login, but says what other lines of one mean: that it
/// counts, which is returned, or that the client is not to blame.
#[inline]
pub(crate) fn settled(state: &mut State, line: &Line<'_>) -> Option<News> {
    let Line { event, now_s, .. } = *line;
    match event.server {
        Server::Exchange => return exchange::settled(state, line),
        _ if event.kind != Kind::Auth || !is_untested(event) => {}
        // The connection's counts have it, too.
        Server::Postfix => told(state, connection(line), event.times, now_s),
        Server::Dovecot if event.reason != Some(Reason::AuthAborted) => {
            dovecot_untested(state, line);
        }
        Server::Domino => own_files::untested(state, line),
        _ => {}
    }
    None
}

/// How many attempts an event adds to what was counted before.
fn new_attempts(state: &mut State, line: &Line<'_>) -> u32 {
    let Line { event, client, now_s, .. } = *line;
    let pair = |state: &mut State, service: u64, side: Side, count: u32| match count {
        0 => 0,
        _ => pair(state, mix(client.0, service), side, count, now_s),
    };
    match event.server {
        Server::Pam => {
            speaks(state, PAM, now_s);
            return pair(state, PAM, Side::Service, event.attempts);
        }
        Server::Saslauthd => {
            speaks(state, SASLAUTHD, now_s);
            let new = pair(state, SASLAUTHD, Side::Service, event.attempts);
            return match is_spoken(state, PAM, now_s) {
                true => pair(state, PAM, Side::Server, new),
                false => new,
            };
        }
        // Asks no password service; its Postfix does.
        Server::Zimbra => return own_files::paired(state, line),
        _ => {}
    }
    let mut new = match event.server {
        Server::Dovecot => dovecot(state, line),
        Server::Postfix => postfix(state, line),
        Server::Exim => exim(state, line),
        Server::Roundcube | Server::Horde => {
            let side = match event.service.bytes() {
                b"errors" | b"imp" => Side::Service,
                _ => Side::Server,
            };
            let place = WEBMAIL | (event.server as u64) << 8;
            pair(state, place, side, event.attempts)
        }
        Server::Domino | Server::Kerio => own_files::paired(state, line),
        _ => event.attempts,
    };
    for service in [SASLAUTHD, PAM] {
        if is_spoken(state, service, now_s) {
            new = pair(state, service, Side::Server, new);
        }
    }
    new
}

/// Notes that a password service tells of attempts: few hosts' do, and others pay nothing for it.
fn speaks(state: &mut State, service: u64, now_s: u32) {
    if let Some(row) = row(state, service, now_s, STALE_S) {
        row.stamp_s = now_s;
    }
}

fn is_spoken(state: &State, service: u64, now_s: u32) -> bool {
    let row = state.sessions.get(service);
    row.is_some_and(|row| now_s.saturating_sub(row.stamp_s) <= STALE_S)
}

/// Who of two speaks: the service that tests passwords, or the server that asks it.
#[derive(Clone, Copy)]
enum Side {
    Service,
    Server,
}

/// How many of the attempts that one side tells of the other side has not told within a minute.
fn pair(state: &mut State, key: u64, side: Side, attempts: u32, now_s: u32) -> u32 {
    let Some(row) = row(state, key, now_s, PAIR_S) else { return attempts };
    row.stamp_s = now_s;
    let (own, other) = match side {
        Side::Service => (&mut row.counted, &mut row.other),
        Side::Server => (&mut row.other, &mut row.counted),
    };
    let paired = attempts.min(*other);
    *other -= paired;
    *own = own.saturating_add(attempts - paired);
    attempts - paired
}

fn row(state: &mut State, key: u64, now_s: u32, stale_s: u32) -> Option<&mut SessionRow> {
    let row = state.sessions.entry(key)?;
    if now_s.saturating_sub(row.stamp_s) > stale_s {
        *row = SessionRow::with_key(key);
    }
    Some(row)
}

fn dovecot(state: &mut State, line: &Line<'_>) -> u32 {
    let Line { seed, event, client, now_s, .. } = *line;
    let is_auth = is_from_auth(event);
    let Some(key) = dovecot_session(line) else {
        return if is_auth {
            from_auth(state, client, event.attempts, now_s)
        } else {
            from_server(state, client, event.attempts, now_s)
        };
    };
    let mark = short(event.account.map_or(0, |name| lower(seed, name.bytes())));
    let Some(row) = row(state, key, now_s, STALE_S) else { return event.attempts };
    let known = row.counted.max(row.other);
    if !is_auth {
        row.other = row.other.max(event.attempts);
    } else if row.counted > 0 && row.mark == mark && now_s.saturating_sub(row.stamp_s) <= 1 {
        return 0;
    } else {
        row.counted = row.counted.saturating_add(event.attempts);
        row.mark = mark;
    }
    row.stamp_s = now_s;
    row.counted.max(row.other) - known
}

/// True for a line of the process that tests passwords, and not of one that asks it.
fn is_from_auth(event: &Event<'_>) -> bool {
    event.service.bytes().starts_with(b"auth")
}

fn dovecot_session(line: &Line<'_>) -> Option<u64> {
    let Line { seed, event, client, .. } = *line;
    event.session.map(|Text(session)| mix(lower(seed, session), mix(client.0, SESSION)))
}

/// Of a login that `auth` excuses, the login process or the server that asked tells as of any other
/// failure.
fn dovecot_untested(state: &mut State, line: &Line<'_>) {
    let Line { event, client, now_s, .. } = *line;
    if !is_from_auth(event) {
        return;
    }
    match dovecot_session(line) {
        Some(key) => told(state, key, event.times, now_s),
        None if event.reason == Some(Reason::AccountDisabled) => {
            let first = from_auth(state, client, event.times, now_s);
            let key = mix(client.0, SMTP_AUTH);
            if let Some(row) = row(state, key, now_s, PAIR_S).filter(|_| first > 0) {
                row.mark = row.mark.saturating_add(first);
            }
        }
        None => {}
    }
}

/// True where Dovecot's `auth` excused the login that the other server is to tell of; excuses as
/// often as its line came.
fn is_excused(state: &mut State, line: &Line<'_>) -> bool {
    let Line { event, client, now_s, .. } = *line;
    let asks = matches!(event.server, Server::Postfix | Server::Exim) && event.kind == Kind::Auth;
    let Some(row) = state.sessions.touch(mix(client.0, SMTP_AUTH)).filter(|_| asks) else {
        return false;
    };
    let is_excused = row.mark > 0 && now_s.saturating_sub(row.stamp_s) <= PAIR_S;
    if is_excused {
        row.mark = row.mark.saturating_sub(event.times);
    }
    is_excused
}

/// Notes attempts that a later line's count has, too.
fn told(state: &mut State, key: u64, attempts: u32, now_s: u32) {
    if let Some(row) = row(state, key, now_s, STALE_S) {
        row.counted = row.counted.saturating_add(attempts);
        row.stamp_s = now_s;
    }
}

/// Dovecot's word on attempts that Postfix or Exim will tell, or has told.
fn from_auth(state: &mut State, client: ClientKey, attempts: u32, now_s: u32) -> u32 {
    pair(state, mix(client.0, SMTP_AUTH), Side::Service, attempts, now_s)
}

/// The other server's word.
fn from_server(state: &mut State, client: ClientKey, attempts: u32, now_s: u32) -> u32 {
    pair(state, mix(client.0, SMTP_AUTH), Side::Server, attempts, now_s)
}

/// A connection of Postfix.
fn connection(line: &Line<'_>) -> u64 {
    let Line { seed, event, client, .. } = *line;
    let host = lower(seed, event.host.unwrap_or_default().bytes());
    let process = u64::from(event.pid.unwrap_or_default());
    mix(mix(host, process ^ CONNECTION << 32), client.0)
}

fn postfix(state: &mut State, line: &Line<'_>) -> u32 {
    let Line { event, client, now_s, .. } = *line;
    let key = connection(line);
    if event.kind == Kind::Disconnect {
        let told = match state.sessions.touch(key) {
            Some(row) if now_s.saturating_sub(row.stamp_s) <= STALE_S => {
                let told = row.counted;
                row.counted = told.saturating_sub(event.attempts);
                // Of lines without a process, the rest is another connection's.
                if event.pid.is_some() || row.counted == 0 {
                    state.sessions.remove(key);
                }
                told
            }
            _ => 0,
        };
        let untold = event.attempts.saturating_sub(told);
        return if untold == 0 { 0 } else { from_server(state, client, untold, now_s) };
    }
    told(state, key, event.attempts, now_s);
    from_server(state, client, event.attempts, now_s)
}

/// True where Exim tells of the same for the second time, in another of its logs.
pub(crate) fn is_repeated(state: &mut State, line: &Line<'_>) -> bool {
    line.event.server == Server::Exim && new_tellings(state, line) == 0
}

/// Of the messages that one line is for (a syslog daemon writes one for several), how many tell of
/// what Exim did not tell before.
fn new_tellings(state: &mut State, line: &Line<'_>) -> u32 {
    let Line { seed, event, client, now_s, .. } = *line;
    let text = |text: Option<Text<'_>>| lower(seed, text.unwrap_or_default().bytes());
    let mut key = mix(event.kind as u64, event.reason.map_or(0, |reason| reason as u64 + 1));
    key = mix(key, event.at.seconds() as u64 ^ u64::from(event.pid.unwrap_or_default()) << 32);
    for part in [event.account, event.queue_id, event.recipient, event.sender, event.detail] {
        key = mix(key, text(part));
    }
    let Some(row) = row(state, mix(key, mix(client.0, EXIM)), now_s, STALE_S) else {
        return event.times;
    };
    row.stamp_s = now_s;
    // After a pair the next one of the same look is new.
    let before = row.counted & 1;
    let all = before.saturating_add(event.times);
    row.counted = all & 1;
    all.div_ceil(2) - before
}

/// What Exim's attempts are, each told twice.
fn exim(state: &mut State, line: &Line<'_>) -> u32 {
    let Line { event, client, now_s, .. } = *line;
    let new = new_tellings(state, line);
    let attempts = (event.attempts / event.times.max(1)).saturating_mul(new);
    if attempts == 0 { 0 } else { from_server(state, client, attempts, now_s) }
}
