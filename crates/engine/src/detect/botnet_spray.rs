//! `botnet-spray`: very many strangers fail on very many accounts, one or two tries each.
//!
//! No address, prefix or account shows anything; the site as a whole does. After Javed and Paxson
//! ("Detecting stealthy, distributed SSH brute-forcing", CCS 2013): a sequential test on the
//! aggregate first, then the question who took part.
//!
//! **The test.** `S = max(0, S + new - a Δt)`: `new` counts strangers that fail for the first time
//! and did not log in since, `a` is what is allowed in an hour ([`allowed_per_hour`]), the alarm
//! comes at `sum_max` (see [`crate::state::Episode`]). There is no baseline of failures, as there
//! is in the paper: an attacker who comes slowly and goes on for ever would become one. Honest
//! strangers are taken out one by one instead: a login takes one off, as does an account that
//! fails for the first time where it is at home (so a broken password database, where all fail,
//! adds up to nothing), and what is left of them grows with the number of places that are in use,
//! not with what strangers do. Of one /24 or /48 no more than [`OF_A_PREFIX_MAX`] count: one
//! attacker with very many addresses is `password-spray`'s. Nor does who fails on an account that
//! is under attack, or restless (below): very many clients on one account are
//! `distributed-guessing`'s.
//!
//! **Who took part.** All strangers that failed since `wait_s` before the sum left zero, for of
//! these none was judged yet ([`members`]), and that do what a tenth at least of the episode does
//! (server, service and mechanism), unless
//!
//! - they log in within `wait_s`, or within the grace of 60 s once they failed on a second account.
//!   A client that logs in for the first time within the episode, then fails on another account and
//!   does not log in again guessed right once;
//! - they repeat: a device with an old password stays with its account, a bot goes on to the next;
//!   `slow-guessing` has those who stay;
//! - their account is one that fails again and again from few places ([`is_restless`]), as the
//!   owner of such a device travels.
//!
//! A single failure from a strange address is decided on after `wait_s` only, two hours: a device
//! asks each hour at least, and a bot that tries once gains nothing by it.
//!
//! The finding is about the host whose log told of it. Who its cohort is follows from the state:
//! the pairs ([`crate::state::Pairs`]) from the episode's first on, as long as the episode lasts.
//!
//! Misses on purpose: sprays that are slower than what is allowed; bots that stay with one account
//! each; clients with a login of their own.

use super::guessing::Standing;
use super::{Attempt, DetectorSpec, Seen, distributed_guessing, grace, host_subject};
use crate::client::ClientKey;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::{lower, mix, short};
use crate::places::{self, Place};
use crate::state::{AccountRow, Pair, whole};
use alloc::vec::Vec;
use event::{Event, Evidence, Mode};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "botnet-spray",
    summary: "Very many strangers fail on the accounts of the site, a try or two each.",
    technique: "T1110.003",
    misses: "Sprays slower than what is allowed; bots that stay with one account each.",
};

/// So many strangers of one prefix count.
const OF_A_PREFIX_MAX: u32 = 2;
/// The sum goes no further than so many times its threshold, so that an alarm ends.
const SUM_FACTOR: u32 = 2;
/// The half-life of the tries on an account, and from how many on it is restless.
pub(crate) const TRIES_HALF_LIFE_S: u32 = 86_400;
const RESTLESS_MIN: u32 = 4_000;
/// For so many known places one stranger more may fail in an hour.
const PLACES_PER_STRANGER: u32 = 4_096;

/// What a stranger did, for the test.
pub(crate) fn judge(
    engine: &mut Engine,
    seen: &Seen<'_>,
    attempt: &Attempt,
    standing: &Standing,
    out: &mut Vec<Output>,
) {
    let rule = engine.config.botnet_spray;
    let Some(account) = attempt.account else { return };
    if rule.mode == Mode::Off {
        return;
    }
    // Of strangers distributed-guessing has noted it.
    if attempt.good > 0
        && let Some(row) = engine.state.accounts.entry(account)
    {
        let pair = distributed_guessing::pair(engine.config.seed, seen, attempt, account);
        row.note_pair(&mut engine.state.pairs, pair);
    }
    let is_new = attempt.good == 0
        && standing.accounts <= 1
        && standing.lines.count() == 1
        && of_prefix(engine, seen.client) <= OF_A_PREFIX_MAX
        && !is_explained(engine, account, seen.now_s);
    let allowed = allowed_per_hour(engine);
    let sum_max = engine.thresholds.strangers_sum_max;
    let newest = engine.state.pairs.newest();
    let episode = &mut engine.state.strangers;
    episode.pass(seen.now_s, allowed);
    if is_new {
        episode.add(sum_max.saturating_mul(SUM_FACTOR), newest);
    }
    episode.note(look(engine.config.seed, seen.event), attempt.line);
    if !episode.alarm(sum_max) {
        if episode.is_alarm() {
            grace::give(engine, account, seen.client, seen.now_s);
        }
        return;
    }
    let evidence = episode.lines().evidence(seen.seq);
    let verdict = verdict(engine, evidence);
    engine.find(&verdict, host_subject(seen.event), out);
    let members: Vec<Pair> = members(engine).copied().collect();
    for pair in members {
        grace::give(engine, pair.account, ClientKey(pair.client), pair.last_s);
    }
}

/// The strangers that failed within the episode, in the order in which they came.
pub(crate) fn members(engine: &Engine) -> impl Iterator<Item = &Pair> {
    let (pairs, episode) = (&engine.state.pairs, &engine.state.strangers);
    let since_s = episode.since_s(engine.config.botnet_spray.wait_s);
    pairs.since(pairs.back_to(episode.first(), since_s.unwrap_or(u32::MAX)))
}

/// True for a client whose first login came within the episode, and none since it failed: it may
/// have guessed right.
pub(crate) fn is_newcomer(engine: &Engine, client: ClientKey, failed_s: u32) -> bool {
    let episode = &engine.state.strangers;
    let since_s = episode.since_s(engine.config.botnet_spray.wait_s).filter(|_| episode.is_alarm());
    let (Some(since_s), Some((first_s, last_s))) =
        (since_s, places::logins_s(&engine.state, client))
    else {
        return false;
    };
    first_s >= since_s && last_s < failed_s
}

/// A client that failed within the episode logs in for the first time.
pub(crate) fn login(engine: &mut Engine, seen: &Seen<'_>) {
    let row = engine.state.clients.get(seen.client.0);
    let failed_s = row.map_or(0, |row| row.last_s);
    if engine.state.strangers.has(failed_s)
        && places::good_accounts(&engine.state, &engine.config, seen.client, seen.now_s) == 0
    {
        engine.state.strangers.take(1000);
    }
}

/// Counts tries on an account, wherever they come from. One that is new where the account is at
/// home takes off from the sum: what befalls owners is no attack of strangers.
pub(crate) fn note_tries(engine: &mut Engine, account: u64, place: Place, seen: &Seen<'_>) {
    let (now_s, window_s) = (seen.now_s, engine.config.distributed_guessing.window_s);
    let area = mix(seen.client.area(), engine.config.seed);
    let Some(row) = engine.state.accounts.entry(account) else { return };
    row.turn(now_s, window_s);
    row.areas.mark(area);
    let tries = row.tries.add(now_s, TRIES_HALF_LIFE_S, 1000);
    if place > Place::Strange && tries < RESTLESS_MIN / 2 {
        engine.state.strangers.take(1000);
    }
}

/// True where failures on the account say nothing of the site.
fn is_explained(engine: &Engine, account: u64, now_s: u32) -> bool {
    let row = engine.state.accounts.get(account);
    row.is_some_and(|row| row.under_attack || is_restless(row, now_s))
}

/// True for an account that fails again and again from few places: a device with an old password,
/// whose owner may travel. A spray comes back to an account from somewhere else each time.
fn is_restless(row: &AccountRow, now_s: u32) -> bool {
    let tries = row.tries.at(now_s, TRIES_HALF_LIFE_S);
    tries >= RESTLESS_MIN && row.areas.count().saturating_mul(2_000) <= tries
}

fn of_prefix(engine: &Engine, client: ClientKey) -> u32 {
    let row = engine.state.prefixes.get(places::shared_key(client.prefix()));
    row.map_or(0, |row| row.clients.count())
}

/// How many new strangers may fail in an hour: some, and more where very many users are.
fn allowed_per_hour(engine: &Engine) -> u32 {
    let places = engine.state.users.len() as u32;
    engine.config.botnet_spray.strangers_per_hour.saturating_add(places / PLACES_PER_STRANGER)
}

/// What the attempts of one attacker's program have in common.
pub(crate) fn look(seed: u64, event: &Event<'_>) -> u32 {
    let service = lower(seed, event.service.bytes());
    let mechanism = lower(seed, event.mechanism.unwrap_or_default().bytes());
    short(mix(mix(service, event.server as u64), mechanism))
}

fn verdict(engine: &Engine, evidence: Evidence) -> Verdict {
    let rule = engine.config.botnet_spray;
    let score = engine.state.strangers.sum();
    Verdict { detector: SPEC.name, mode: rule.mode, ban_s: rule.ban_s, score, evidence }
}

/// What the end of its grace means for a stranger.
pub(crate) enum AfterGrace {
    /// It took part.
    Ban(Verdict),
    /// It is too early to tell, until then, seconds.
    Wait(u32),
    /// It did not, as far as is known.
    Spare,
}

/// Whether the client of a pair took part in the episode that lasts. Whether it logs in again is
/// waited for where it `is_user`.
pub(crate) fn after_grace(engine: &Engine, pair: &Pair, is_user: bool) -> AfterGrace {
    let (rule, episode) = (engine.config.botnet_spray, &engine.state.strangers);
    let is_within = episode.since_s(rule.wait_s).is_some_and(|since_s| pair.last_s >= since_s);
    if rule.mode == Mode::Off || !episode.is_alarm() || !is_within {
        return AfterGrace::Spare;
    }
    let Some(client) = engine.state.clients.get(pair.client) else { return AfterGrace::Spare };
    let ban =
        || AfterGrace::Ban(verdict(engine, Evidence::from_iter([whole(pair.line, engine.seq)])));
    if !episode.is_common(pair.look) {
        return AfterGrace::Spare;
    }
    if client.accounts.count() >= 2 && !is_user {
        return ban();
    }
    let now_s = engine.now_s();
    let account = engine.state.accounts.get(pair.account);
    if pair.repeats > 0 || account.is_some_and(|row| is_restless(row, now_s)) {
        return AfterGrace::Spare;
    }
    let until_s = pair.last_s.saturating_add(rule.wait_s);
    if until_s > now_s { AfterGrace::Wait(until_s) } else { ban() }
}
