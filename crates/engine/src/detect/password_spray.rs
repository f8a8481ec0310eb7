//! `password-spray`: failures on many different accounts, a few tries each.
//!
//! Algorithm: distinct accounts that failed, by linear counting (see [`crate::sketch`]), for each
//! client and for each /24 or /48, over a day at least. A client is caught from 5 accounts on, a
//! prefix from 10 on with three clients or more. Accounts that are at home there (a known-good
//! place, or the /24 or /48 of one) are not counted, and each account with good logins excuses two
//! that fail: so an office behind a NAT or a provider's prefix with many of our users is not a
//! spray until most of what it does fails.
//!
//! A spray by a prefix is told of, and bans its clients one by one, never the prefix: a provider's
//! /24 with three bots in it has 250 homes whose people are not our users today, and may be
//! tomorrow. While the spray lasts, a client of the prefix is banned with its failure on a second
//! account, or where a minute after a single failure it has not logged in ([`super::grace`]). So
//! each newcomer costs the attacker an address and gives him a guess. The prefix follows by the
//! rule `prefix` when new clients keep coming: from 12 banned addresses of a /24 on, a twentieth
//! of all that there are. An attack from one prefix is over after about
//! `prefix_accounts_min + prefix.clients_min` guesses, 22 by default, which is next to nothing;
//! there is no need to guess from three clients what the other 253 are.
//!
//! Sources: Microsoft and Proofpoint describe sprays as one or two passwords over many accounts,
//! from many addresses of a few networks; counting distinct accounts by prefix follows from that.
//!
//! Misses on purpose: sprays with fewer accounts, and those over so many networks that each shows
//! fewer than ten (`distributed-guessing` sees the accounts among them that are tried often).

use super::guessing::Standing;
use super::{Attempt, DetectorSpec, Seen};
use crate::client::ClientKey;
use crate::config::Spray;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::mix;
use crate::places::{self, Place};
use crate::sketch::{self, Sketch};
use alloc::vec::Vec;
use event::{Evidence, Mode, Subject};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "password-spray",
    summary: "A client or a prefix fails on many different accounts.",
    technique: "T1110.003",
    misses: "Fewer than five accounts by a client and fewer than ten by its prefix.",
};

/// A prefix is judged from so many failing clients on; fewer are judged one by one.
const PREFIX_CLIENTS_MIN: u32 = 3;

/// True where a client is to be given grace: it failed once, and its prefix sprays.
pub(crate) fn judge(
    engine: &mut Engine,
    seen: &Seen<'_>,
    attempt: &Attempt,
    standing: &Standing,
    out: &mut Vec<Output>,
) -> bool {
    let rule = engine.config.password_spray;
    let Some(account) = attempt.account else { return false };
    if rule.mode == Mode::Off || attempt.place >= Place::Prefix {
        return false;
    }
    let is_spray = standing.accounts >= rule.client_accounts_min
        && standing.accounts > attempt.good.saturating_mul(rule.excused_by_good);
    if is_spray {
        if let Some(row) = engine.state.clients.touch(seen.client.0) {
            row.accounts = Sketch::default();
        }
        let verdict = verdict(&rule, standing.accounts, standing.lines.evidence(seen.seq));
        engine.convict(&verdict, seen.target(), out);
    }
    let Some(verdict) = judge_prefix(engine, seen, account, attempt.line, out) else {
        return false;
    };
    if attempt.good > 0 || engine.is_held(seen.client) {
        return false;
    }
    if standing.accounts < 2 {
        return true;
    }
    engine.decide(&verdict, seen.target(), out);
    false
}

/// What the end of its grace means for a client whose prefix sprays; `line` tells of its failure.
pub(crate) fn after_grace(engine: &Engine, client: ClientKey, line: u64) -> Option<Verdict> {
    let rule = &engine.config.password_spray;
    let row = engine.state.prefixes.get(places::shared_key(client.prefix()))?;
    (row.spray_until_s > engine.now_s() && rule.mode != Mode::Off)
        .then(|| verdict(rule, row.accounts.count(), Evidence::from_iter([line])))
}

fn verdict(rule: &Spray, accounts: u32, evidence: Evidence) -> Verdict {
    Verdict {
        detector: SPEC.name,
        mode: rule.mode,
        ban_s: rule.ban_s,
        score: accounts.saturating_mul(1000),
        evidence,
    }
}

/// Counts a failure for the prefix. While the prefix sprays, what is held against its clients.
fn judge_prefix(
    engine: &mut Engine,
    seen: &Seen<'_>,
    account: u64,
    line: u64,
    out: &mut Vec<Output>,
) -> Option<Verdict> {
    let (rule, now_s, seed) = (engine.config.password_spray, seen.now_s, engine.config.seed);
    let prefix = seen.client.prefix();
    let row = engine.state.prefixes.entry(places::shared_key(prefix))?;
    let windows = sketch::turn(&mut row.window_s, now_s, rule.window_s);
    row.accounts.rotate(windows);
    row.clients.rotate(windows);
    row.accounts.mark(account);
    row.clients.mark(mix(seen.client.0, seed));
    row.lines.push(line);
    let (accounts, clients, lines) = (row.accounts.count(), row.clients.count(), row.lines);
    let lasts = row.spray_until_s > now_s;
    if accounts < rule.prefix_accounts_min || clients < PREFIX_CLIENTS_MIN {
        return None;
    }
    let good = || places::good_accounts_of_prefix(&engine.state, &engine.config, prefix, now_s);
    if !lasts && accounts <= good().saturating_mul(rule.excused_by_good) {
        return None;
    }
    let verdict = verdict(&rule, accounts, lines.evidence(seen.seq));
    if !lasts {
        if let Some(row) = engine.state.prefixes.touch(places::shared_key(prefix)) {
            row.spray_until_s = now_s.saturating_add(rule.window_s);
        }
        engine.find(&verdict, Subject::Network(prefix.network()), out);
    }
    Some(verdict)
}
