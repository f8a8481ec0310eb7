//! `recipient-harvest`: somebody tries which recipients exist.
//!
//! Algorithm: distinct unknown recipients (a sketch tells new ones; once it is nearly full every
//! one counts as new) on a score with a half-life of one hour, threshold 6. From a client that got
//! a message accepted within three days, five times as much, and more than half of the messages
//! that it had accepted lately, up to [`EXCUSED_MAX`] excused ones: so a mail server with some
//! stale addresses in its lists is not charged, and no number of accepted messages is a licence.
//!
//! Bounces and call-outs (the null sender), which servers send about mail that others forged, are
//! not counted, however many: each is another recipient of ours who never existed. But a bounce has
//! one recipient, for it goes to one return path (RFC 5321, 4.5.5; RFC 3464): what one connection
//! asks for beyond one for each `MAIL` is no bounce, and a point each. Postfix tells that when the
//! client leaves. Exim's call-outs may ask for a second one, which nobody can have, once a week.
//! Recipients that a user who logged in mistyped are not counted either.
//!
//! **From all over.** A botnet asks for one or two from each address. The same test as in
//! `botnet-spray` ([`crate::state::Episode`]) counts clients that never delivered and ask for an
//! unknown recipient for the first time in a day: `S = max(0, S + new - a Δt)`, alarm at
//! [`ASKERS_MAX`]. Who took part asked since the sum left zero for two or more, or for one in the
//! name of a sender that a tenth of the others have. Ten minutes later it is banned, unless it
//! delivered meanwhile, or its /24 or /48 does, as a provider's outgoing servers do that all have
//! the same stale list.
//!
//! Misses on purpose: one address an hour; a sender that delivers twice as much as it tries; null
//! senders that ask for one recipient at a time.

use super::scan::{accepted, delivers_lately};
use super::{DetectorSpec, Seen, host_subject};
use crate::client::ClientKey;
use crate::decide::{Target, Verdict};
use crate::engine::{Engine, Output};
use crate::hash::{lower, short};
use crate::neighbours;
use crate::places;
use crate::score::Score;
use crate::state::ProbeRow;
use alloc::vec::Vec;
use event::{Evidence, Mode};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "recipient-harvest",
    summary: "A client tries which recipients exist.",
    technique: "T1589.002",
    misses: "One address an hour; senders that deliver twice as much as they try; the null sender, \
             one recipient at a time.",
};

/// Accepted messages excuse so many unknown recipients at most, thousandths.
const EXCUSED_MAX: u32 = 500_000;
/// How many times higher the threshold of a client is that delivers here.
const DELIVERS_FACTOR: u32 = 5;
/// No connection of smtpd lasts longer than this from its last recipient to its end.
const CONNECTION_MAX_S: u32 = 1_000;
/// From so many bits on a sketch hardly tells new things from old ones.
const NEARLY_FULL: u32 = 40;

/// So many clients that never delivered may ask for somebody unknown in an hour.
const ASKERS_PER_HOUR: u32 = 8;
/// How many more than that, added up, are a harvest by many.
pub(crate) const ASKERS_MAX: u32 = 20;
/// Unknown recipients of a day from which a client took part in one: two, of which one fades.
const ASKED_MIN: u32 = 1_500;
const DAY_S: u32 = 86_400;
/// How long who took part may still deliver.
const ASKER_WAIT_S: i64 = 600;
/// The account in timers of those who took part: that of no name.
pub(crate) const NO_ACCOUNT: u64 = 0;

pub(crate) fn judge(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let harvest = engine.config.recipient_harvest;
    if harvest.rule.mode == Mode::Off || !seen.event.hostile || seen.event.account.is_some() {
        return;
    }
    let delivers = delivers_lately(engine, seen);
    let Some(row) = engine.state.probes.entry(seen.client.0) else { return };
    row.catch_up(seen.late_s, seen.now_s, &engine.config);
    row.turn(seen.now_s, harvest.rule.half_life_s.saturating_mul(2));
    let recipient = seen.event.recipient.unwrap_or_default();
    row.lines.push(seen.seq);
    if seen.event.sender.is_some_and(|sender| sender.bytes().is_empty()) {
        (row.null_s, row.null_pid) = (seen.now_s.max(1), seen.event.pid.unwrap_or_default());
        return;
    }
    let is_nearly_full = row.recipients.bits().count_ones() >= NEARLY_FULL;
    if !row.recipients.mark(lower(engine.config.seed, recipient.bytes())) && !is_nearly_full {
        return;
    }
    let asked_before = row.asked.at(seen.now_s, DAY_S);
    row.asked.add(seen.now_s, DAY_S, 1000);
    row.asked_s = seen.now_s;
    let sender = seen.event.sender.unwrap_or_default();
    row.asked_by = short(lower(engine.config.seed, sender.bytes()));
    let (is_first, asked_by) = (asked_before < ASKED_MIN - 1000, row.asked_by);
    if !charge(engine, seen, 1, delivers, out) && !delivers {
        ask(engine, seen, is_first, asked_by, out);
    }
}

/// A client leaves, and Postfix tells how often it said what: bounces with more recipients than
/// messages are none.
#[inline]
pub(crate) fn left(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    if let Some(did) = seen.event.commands
        && did.rcpt_all > did.mail_all
        && did.rcpt_all > did.rcpt_ok
    {
        let extra = (did.rcpt_all - did.rcpt_ok).min(did.rcpt_all - did.mail_all);
        left_asking(engine, seen, extra, out);
    }
}

fn left_asking(engine: &mut Engine, seen: &Seen<'_>, extra: u32, out: &mut Vec<Output>) {
    let Some(row) = engine.state.probes.touch(seen.client.0) else { return };
    let is_same = row.null_pid == seen.event.pid.unwrap_or_default();
    let age_s = seen.now_s.saturating_sub(row.null_s);
    if row.null_s == 0 || !is_same || age_s > CONNECTION_MAX_S {
        return;
    }
    row.null_s = 0;
    if engine.config.recipient_harvest.rule.mode != Mode::Off {
        let delivers = delivers_lately(engine, seen);
        charge(engine, seen, extra, delivers, out);
    }
}

/// Adds to the client's score; true where it is banned by now.
fn charge(
    engine: &mut Engine,
    seen: &Seen<'_>,
    unknown: u32,
    delivers: bool,
    out: &mut Vec<Output>,
) -> bool {
    let (harvest, now_s) = (engine.config.recipient_harvest, seen.now_s);
    let excused = accepted(engine, seen) / harvest.accepted_per_unknown.max(1);
    let factor = if delivers { DELIVERS_FACTOR } else { 1 };
    let good = places::good_accounts(&engine.state, &engine.config, seen.client, now_s);
    let base = engine.thresholds.harvest_score_max;
    let Some(row) = engine.state.probes.touch(seen.client.0) else { return false };
    let score = row.harvest.add(now_s, harvest.rule.half_life_s, unknown.saturating_mul(1000));
    let score_max = base.saturating_mul((1 + good.min(8)).max(factor));
    if score < score_max || score <= excused.min(EXCUSED_MAX) {
        return false;
    }
    row.harvest = Score::default();
    let evidence = row.lines.evidence(seen.seq);
    engine.convict(&verdict(engine, score, evidence), seen.target(), out);
    engine.is_held(seen.client)
}

fn verdict(engine: &Engine, score: u32, evidence: Evidence) -> Verdict {
    let rule = engine.config.recipient_harvest.rule;
    Verdict { detector: SPEC.name, mode: rule.mode, ban_s: rule.ban_s, score, evidence }
}

/// Somebody who never delivered asks for somebody unknown: what the site as a whole sees.
fn ask(engine: &mut Engine, seen: &Seen<'_>, is_first: bool, sender: u32, out: &mut Vec<Output>) {
    let sum_max = engine.thresholds.askers_sum_max;
    let episode = &mut engine.state.askers;
    episode.pass(seen.now_s, ASKERS_PER_HOUR);
    if is_first {
        episode.add(sum_max * 2, 0);
        episode.note(sender, seen.seq);
    }
    let deadline = engine.now.plus_seconds(ASKER_WAIT_S);
    if !episode.alarm(sum_max) {
        let row = engine.state.probes.get(seen.client.0);
        if row.is_some_and(|row| took_part(engine, row)) {
            engine.timers.set_grace(deadline, NO_ACCOUNT, seen.client.0);
        }
        return;
    }
    let evidence = episode.lines().evidence(seen.seq);
    let verdict = verdict(engine, engine.state.askers.sum(), evidence);
    engine.find(&verdict, host_subject(seen.event), out);
    let rows = engine.state.probes.iter().filter(|row| took_part(engine, row));
    for client in rows.map(|row| row.key).collect::<Vec<u64>>() {
        engine.timers.set_grace(deadline, NO_ACCOUNT, client);
    }
}

/// True for who asked within the episode that lasts: for two or more, or for one in the name of a
/// sender that many of the others have, too.
fn took_part(engine: &Engine, row: &ProbeRow) -> bool {
    let episode = &engine.state.askers;
    episode.is_alarm()
        && episode.has(row.asked_s)
        && (row.asked.at(engine.now_s(), DAY_S) >= ASKED_MIN || episode.is_common(row.asked_by))
}

/// Who took part had time to deliver.
pub(crate) fn after_wait(engine: &mut Engine, client: ClientKey, out: &mut Vec<Output>) {
    let now_s = engine.now_s();
    let Some(row) = engine.state.probes.get(client.0) else { return };
    if !took_part(engine, row)
        || engine.is_held(client)
        || places::good_accounts(&engine.state, &engine.config, client, now_s) > 0
        || neighbours::deliver(engine, client.prefix())
    {
        return;
    }
    let score = row.asked.at(now_s, DAY_S);
    let verdict = verdict(engine, score, row.lines.evidence(engine.seq));
    engine.convict(&verdict, Target::Client(client, None), out);
}
