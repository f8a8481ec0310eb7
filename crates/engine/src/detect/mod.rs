//! The detectors: one file each, one row each, and the way of an event through them.

pub(crate) mod bait_account;
pub(crate) mod blocked_surge;
pub(crate) mod botnet_spray;
pub(crate) mod brute_force;
pub(crate) mod connection_flood;
pub(crate) mod deferred_surge;
pub(crate) mod distributed_guessing;
pub(crate) mod exploit_attempt;
mod grace;
mod guessing;
pub(crate) mod mx_surge;
pub(crate) mod outbound_surge;
pub(crate) mod password_spray;
pub(crate) mod recipient_harvest;
pub(crate) mod relay_probe;
pub(crate) mod scan;
pub(crate) mod slow_guessing;
pub(crate) mod spam_campaign;
pub(crate) mod takeover;

pub use exploit_attempt::{KnownAttack, attack as known_attack};
pub(crate) use grace::over as grace_over;
use guessing::Pace;
pub(crate) use guessing::score_max;
pub(crate) use scan::delivers;

use crate::client::ClientKey;
use crate::decide::Target;
use crate::engine::{Engine, Output};
use crate::hash::{lower, mix};
use crate::places::{self, Place};
use crate::session::{self, Line, News};
use crate::stale::{self, Excuse};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Subject, Text};

/// What the documentation says of a detector. Its keys are those of [`crate::KEYS`] whose path
/// begins with its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DetectorSpec {
    /// Its name in findings, decisions and configuration.
    pub name: &'static str,
    /// What it recognises, in one sentence.
    pub summary: &'static str,
    /// The technique in MITRE ATT&CK (Enterprise).
    pub technique: &'static str,
    /// What it misses on purpose.
    pub misses: &'static str,
}

/// All detectors.
pub const DETECTORS: &[DetectorSpec] = &[
    brute_force::SPEC,
    slow_guessing::SPEC,
    password_spray::SPEC,
    distributed_guessing::SPEC,
    botnet_spray::SPEC,
    connection_flood::SPEC,
    scan::SPEC,
    relay_probe::SPEC,
    recipient_harvest::SPEC,
    exploit_attempt::SPEC,
    bait_account::SPEC,
    mx_surge::SPEC,
    outbound_surge::SPEC,
    spam_campaign::SPEC,
    blocked_surge::SPEC,
    deferred_surge::SPEC,
    takeover::SPEC,
];

/// An event of a client, with what all detectors want to know.
pub(crate) struct Seen<'a> {
    pub seq: u64,
    pub now_s: u32,
    /// How long before now it was written.
    pub late_s: u32,
    pub client: ClientKey,
    pub address: IpAddr,
    pub event: &'a Event<'a>,
}

impl Seen<'_> {
    fn line(&self, seed: u64) -> Line<'_> {
        let Seen { seq, now_s, client, event, .. } = *self;
        Line { seed, event, client, now_s, seq }
    }

    pub fn target(&self) -> Target {
        Target::Client(self.client, Some(self.address))
    }
}

/// A failed login, or several that one line tells of.
pub(crate) struct Attempt {
    /// Hash of the name; none where no line has one.
    pub account: Option<u64>,
    /// The name, in lower case, where an earlier line had it and it was short enough.
    pub name: Option<Box<[u8]>>,
    /// The line that tells of it.
    pub line: u64,
    /// How many attempts are new; 0 where other lines told of them, but not of the account.
    pub count: u32,
    /// How many of these the line's own account and secret are known of: one, but where a syslog
    /// daemon wrote one line for several.
    pub named: u32,
    pub known: Option<bool>,
    /// Account and secret, where the line has a tag of it.
    pub secret: Option<u32>,
    /// False where no password was tested (a mechanism that is not offered).
    pub tested: bool,
    pub place: Place,
    /// How many accounts logged in from this client.
    pub good: u32,
    /// What it is put down to.
    pub excuse: Excuse,
}

/// True for what a filter behind the mail server says of a client: the mail server told of the same
/// connection and message. A filter's own web interface is another matter.
pub(crate) const fn tells_again(event: &Event<'_>) -> bool {
    event.server.is_filter()
        && !matches!(event.protocol, Protocol::Http)
        && matches!(event.kind, Kind::Connect | Kind::Message)
}

impl Attempt {
    /// True where the account is not at home anywhere near, and nobody logged in from there.
    pub const fn is_of_stranger(&self) -> bool {
        matches!(self.place, Place::Strange) && self.good == 0
    }
}

/// The domain of an address; none where there is no `@`, or nothing behind it.
pub(crate) fn domain_of(Text(address): Text<'_>) -> Option<&[u8]> {
    let at = address.iter().rposition(|byte| *byte == b'@')?;
    address.get(at + 1..).filter(|domain| !domain.is_empty())
}

/// The host whose log it stands in.
pub(crate) fn host_of<'a>(event: &Event<'a>) -> &'a [u8] {
    event.host.unwrap_or(Text(b"localhost")).bytes()
}

/// The same, as a subject: names of hosts are the same in every case.
pub(crate) fn host_subject(event: &Event<'_>) -> Subject {
    Subject::Host(host_of(event).to_ascii_lowercase().into())
}

/// The way of an event through the detectors. What honest servers write most leaves at the top.
#[inline]
pub(crate) fn event(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let event = seen.event;
    if tells_again(event) {
        return;
    }
    match (event.kind, event.outcome) {
        (Kind::Delivery | Kind::Session, _) | (Kind::Tls, Outcome::Allowed) => return,
        (Kind::Query, _) => return mx_surge::judge(engine, seen, out),
        (Kind::Message, Outcome::Allowed) => {
            return connection_flood::accepted(engine, seen.client, seen.now_s);
        }
        (Kind::Connect, Outcome::Allowed) => return connection_flood::connect(engine, seen, out),
        (Kind::Auth, Outcome::Allowed) => return login(engine, seen, out),
        (Kind::Disconnect, Outcome::Allowed)
            if !event.hostile && event.reason.is_none() && event.server != Server::Exchange =>
        {
            return recipient_harvest::left(engine, seen, out);
        }
        _ => {}
    }
    rarer(engine, seen, out);
}

/// So long after a ban began its client's last connections have ended: mail servers wait for five
/// minutes, Exchange for ten.
const LAST_LINES_S: u32 = 900;

/// What honest servers write seldom.
fn rarer(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let event = seen.event;
    blocked_surge::refused(engine, seen, out);
    deferred_surge::deferred(engine, seen, out);
    if let Some(held_s) = engine.held_for_s(seen.client) {
        if held_s <= LAST_LINES_S {
            session::done_with(&mut engine.state, &seen.line(engine.config.seed));
        }
        return;
    }
    if exploit_attempt::judge(engine, seen, out) {
        return;
    }
    if event.hostile && event.attempts > 0 {
        return attempt(engine, seen, out);
    }
    settle(engine, seen, out);
    let Some(reason) = event.reason else { return connection_flood::passed(engine, seen) };
    if event.hostile && session::is_repeated(&mut engine.state, &seen.line(engine.config.seed)) {
        return;
    }
    match reason {
        Reason::RelayDenied => relay_probe::judge(engine, seen, out),
        Reason::RecipientUnknown => recipient_harvest::judge(engine, seen, out),
        _ => scan::judge(engine, seen, reason, out),
    }
}

/// What a line that is no failed login says of one.
fn settle(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let line = seen.line(engine.config.seed);
    if let Some(news) = session::settled(&mut engine.state, &line) {
        failed(engine, seen, news, out);
    }
}

fn login(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    settle(engine, seen, out);
    connection_flood::accepted(engine, seen.client, seen.now_s);
    let Some(name) = seen.event.account else { return };
    let account = lower(engine.config.seed, name.bytes());
    if bait_account::judge(engine, seen, account, out) {
        return;
    }
    let has_failed = engine.state.clients.get(seen.client.0).is_some();
    if has_failed {
        botnet_spray::login(engine, seen);
    }
    if !places::is_fresh(&mut engine.state, account, seen.client, seen.now_s) {
        let failed = engine.state.clients.get(seen.client.0);
        let is_believed = guessing::is_believed(engine, seen, account, failed);
        let is_told = takeover::login(engine, seen, account, out);
        if is_believed && !is_told {
            places::note(&mut engine.state, &engine.config, account, seen.client, seen.now_s);
        }
    }
    if has_failed {
        guessing::credit(engine, seen, account);
    }
    distributed_guessing::login(engine, seen, account, out);
}

fn attempt(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let line = seen.line(engine.config.seed);
    if let Some(name) = seen.event.account
        && bait_account::judge(engine, seen, lower(line.seed, name.bytes()), out)
    {
        return;
    }
    if let (Some(true), Some(name)) = (seen.event.known, seen.event.account) {
        stale::exists(engine, lower(line.seed, name.bytes()), seen.now_s);
    }
    if let Some(news) = session::news(&mut engine.state, &line) {
        failed(engine, seen, news, out);
    }
}

/// What is new of failed logins, through the detectors that weigh it.
fn failed(engine: &mut Engine, seen: &Seen<'_>, news: News, out: &mut Vec<Output>) {
    let (event, client, now_s) = (seen.event, seen.client, seen.now_s);
    let account = news.account;
    let place = account.map_or(Place::Strange, |account| {
        places::place(&engine.state, &engine.config, account, client, now_s)
    });
    let tag = event.secret_tag.map(|tag| lower(engine.config.seed, tag.bytes()));
    let attempt = Attempt {
        account,
        name: news.name,
        line: news.line,
        count: news.attempts,
        named: event.times.clamp(1, news.attempts.max(1)),
        known: event.known,
        secret: tag.map(|tag| crate::hash::short(mix(tag, account.unwrap_or_default()))),
        tested: event.reason != Some(Reason::AuthDisallowed),
        place,
        good: places::good_accounts(&engine.state, &engine.config, client, now_s),
        excuse: Excuse::Nothing,
    };
    let attempt = Attempt { excuse: stale::excuse(engine, seen, &attempt), ..attempt };
    if let Some(account) = account.filter(|_| attempt.count > 0) {
        botnet_spray::note_tries(engine, account, place, seen);
    }
    let Some(standing) = guessing::count(engine, seen, &attempt) else { return };
    let is_held = guessing::judge(engine, seen, &attempt, &standing, Pace::Fast, out)
        || guessing::judge(engine, seen, &attempt, &standing, Pace::Slow, out);
    let is_suspect = !is_held && password_spray::judge(engine, seen, &attempt, &standing, out);
    if attempt.excuse != Excuse::Gone {
        distributed_guessing::judge(engine, seen, &attempt, out);
    }
    let is_newcomer = || botnet_spray::is_newcomer(engine, client, now_s);
    if attempt.place == Place::Strange && (attempt.good == 0 || is_newcomer()) {
        botnet_spray::judge(engine, seen, &attempt, &standing, out);
    }
    if let (true, Some(account)) = (is_suspect, account) {
        grace::give(engine, account, client, now_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KEYS;

    #[test]
    fn every_detector_has_its_keys() {
        for spec in DETECTORS {
            let mode = alloc::format!("{}.mode", spec.name);
            assert!(KEYS.iter().any(|key| key.path == mode), "{}", spec.name);
            assert!(spec.technique.starts_with('T') && !spec.summary.is_empty());
        }
    }
}
