//! `distributed-guessing`: many clients fail on one account, each once or twice.
//!
//! Algorithm: for each account, distinct failing prefixes (/24, /48) and distinct failing clients
//! by linear counting over a day at least. From 8 prefixes or 15 clients on, the account is *under
//! attack*, until the counts have fallen by half. Javed and Paxson ("Detecting stealthy,
//! distributed SSH brute-forcing", CCS 2013) find the attack in the aggregate first and then ask
//! which sources took part; so does this: then all clients that failed on the account within the
//! window are decided on, and newcomers one by one while it lasts.
//!
//! The owner is spared, by three rules. A client that is known-good for the account (or within its
//! /16 or /32, for phones that roam), or has a good login of any account, neither counts nor is
//! decided on. Nobody is decided on before a grace period of 60 s is over (see [`super::grace`]).
//! A login on the
//! account from a client that was banned for it lifts the ban. So evidence that is keyed by an
//! account bans strangers, never the places where its users are.
//!
//! An account that is not there can be guessed at for ever, and nobody gets in. But who had it is
//! perhaps gone, and a phone that roams or a provider that fetched mail from a pool of addresses
//! goes on asking. So it counts as under attack only where it fails from five areas (/16, /32).
//!
//! Misses on purpose: accounts tried from fewer places; clients that own another account here.

use super::{Attempt, DetectorSpec, Seen, botnet_spray, grace};
use crate::client::ClientKey;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::mix;
use crate::jitter::Thresholds;
use crate::state::Pair;
use alloc::vec::Vec;
use event::{Evidence, Mode, Subject};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "distributed-guessing",
    summary: "Many clients fail on one account, a few tries each.",
    technique: "T1110.001",
    misses: "Accounts tried from fewer than eight networks; clients with a login of their own.",
};

/// An account that is not there is under attack from so many /16 or /32 on.
const ABSENT_AREAS_MIN: u32 = 5;

pub(crate) fn judge(
    engine: &mut Engine,
    seen: &Seen<'_>,
    attempt: &Attempt,
    out: &mut Vec<Output>,
) {
    let rule = engine.config.distributed_guessing;
    let Some(account) = attempt.account else { return };
    if !attempt.is_of_stranger() {
        return;
    }
    let (now_s, seed, client) = (seen.now_s, engine.config.seed, seen.client);
    let Thresholds { prefixes_min, clients_min, .. } = engine.thresholds;
    let Some(row) = engine.state.accounts.entry(account) else { return };
    row.turn(now_s, rule.window_s);
    row.prefixes.mark(mix(client.prefix().0, seed));
    row.clients.mark(mix(client.0, seed));
    row.lines.push(attempt.line);
    row.is_absent = attempt.known.map_or(row.is_absent, |known| !known);
    let is_in_few_areas = row.is_absent && row.areas.count() < ABSENT_AREAS_MIN;
    let (prefixes, clients) = (row.prefixes.count(), row.clients.count());
    let is_many = |part: u32| prefixes * part >= prefixes_min || clients * part >= clients_min;
    let was_under_attack = row.under_attack;
    row.under_attack =
        rule.mode != Mode::Off && !is_in_few_areas && is_many(if was_under_attack { 2 } else { 1 });
    let pair = pair(seed, seen, attempt, account);
    row.note_pair(&mut engine.state.pairs, pair);
    if !row.under_attack {
        return;
    }
    if was_under_attack {
        return grace::give(engine, account, client, now_s);
    }
    let (newest, lines) = (row.newest, row.lines);
    let named = seen.event.account.map(|name| name.bytes().to_ascii_lowercase().into());
    if let Some(name) = named.or_else(|| attempt.name.clone()) {
        let evidence = lines.evidence(seen.seq);
        let verdict = verdict(engine, prefixes.max(clients), evidence);
        engine.find(&verdict, Subject::Account(name), out);
    }
    cohort(engine, account, newest, out);
}

/// The pair of a client that failed and its account.
pub(crate) fn pair(seed: u64, seen: &Seen<'_>, attempt: &Attempt, account: u64) -> Pair {
    Pair {
        account,
        client: seen.client.0,
        last_s: seen.now_s,
        line: attempt.line as u32,
        look: botnet_spray::look(seed, seen.event),
        ..Pair::default()
    }
}

fn verdict(engine: &Engine, sources: u32, evidence: Evidence) -> Verdict {
    let rule = &engine.config.distributed_guessing;
    Verdict {
        detector: SPEC.name,
        mode: rule.mode,
        ban_s: rule.ban_s,
        score: sources.saturating_mul(1000),
        evidence,
    }
}

/// All that failed on the account within the window: those whose grace is over at once, the others
/// when it is.
fn cohort(engine: &mut Engine, account: u64, newest: u32, out: &mut Vec<Output>) {
    let rule = engine.config.distributed_guessing;
    let now_s = engine.now_s();
    let mut members: Vec<Pair> = engine.state.pairs.of(account, newest).copied().collect();
    members.reverse();
    for pair in members {
        let age_s = now_s.saturating_sub(pair.last_s);
        if age_s > rule.window_s {
            continue;
        }
        if age_s >= rule.grace_s {
            grace::over(engine, account, pair.client, out);
        } else {
            grace::give(engine, account, ClientKey(pair.client), pair.last_s);
        }
    }
}

/// What the end of its grace means for a client that failed on an account; `line` tells of it.
pub(crate) fn after_grace(engine: &Engine, account: u64, line: u64) -> Option<Verdict> {
    let row = engine.state.accounts.get(account)?;
    let sources = row.prefixes.count().max(row.clients.count());
    Some(verdict(engine, sources, Evidence::from_iter([line])))
}

/// A login on the account lifts a ban that was made for failing on it.
pub(crate) fn login(engine: &mut Engine, seen: &Seen<'_>, account: u64, out: &mut Vec<Output>) {
    if engine.holds.is_empty() {
        return;
    }
    let subject = seen.client.subject();
    let for_this = |rule: &str| rule == SPEC.name;
    if engine.holds.get(&subject).is_some_and(|hold| for_this(&hold.rule))
        && engine.state.pairs.get(account, seen.client.0).is_some()
    {
        engine.lift(&subject, "login", out);
    }
}
