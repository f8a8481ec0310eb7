//! `recipient-harvest`: somebody tries which recipients exist.
//!
//! Algorithm: distinct unknown recipients (a sketch tells new ones; once it is nearly full every
//! one counts as new) on a score with a half-life of one hour, threshold 6. From a client that got
//! a message accepted within three days, five times as much, and more than half of the messages
//! that it had accepted lately, up to [`EXCUSED_MAX`] excused ones: so a mail server with some
//! stale addresses in its lists is not charged, and no number of accepted messages is a licence.
//!
//! Not counted: bounces and call-outs (the null sender), which servers send about mail that others
//! forged; recipients that a user who logged in mistyped.
//!
//! Misses on purpose: one address an hour; a sender that delivers twice as much as it tries; what
//! asks with the null sender.

use super::scan::{accepted, delivers_lately};
use super::{DetectorSpec, Seen};
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::lower;
use crate::places;
use crate::score::Score;
use alloc::vec::Vec;
use event::Mode;

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "recipient-harvest",
    summary: "A client tries which recipients exist.",
    technique: "T1589.002",
    misses: "One address an hour; senders that deliver twice as much as they try; the null sender.",
};

/// Accepted messages excuse so many unknown recipients at most, thousandths.
const EXCUSED_MAX: u32 = 500_000;
/// How many times higher the threshold of a client is that delivers here.
const DELIVERS_FACTOR: u32 = 5;
/// From so many bits on a sketch hardly tells new things from old ones.
const NEARLY_FULL: u32 = 40;

pub(crate) fn judge(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let (harvest, now_s, seed) = (engine.config.recipient_harvest, seen.now_s, engine.config.seed);
    if harvest.rule.mode == Mode::Off || !seen.event.hostile || !is_counted(seen) {
        return;
    }
    let excused = accepted(engine, seen) / harvest.accepted_per_unknown.max(1);
    let factor = if delivers_lately(engine, seen) { DELIVERS_FACTOR } else { 1 };
    let good = places::good_accounts(&engine.state, &engine.config, seen.client, now_s);
    let Some(row) = engine.state.probes.entry(seen.client.0) else { return };
    row.catch_up(seen.late_s, seen.now_s, &engine.config);
    let window_s = harvest.rule.half_life_s.saturating_mul(2);
    row.turn(now_s, window_s);
    let recipient = lower(seed, seen.event.recipient.unwrap_or_default().bytes());
    row.lines.push(seen.seq);
    let is_nearly_full = row.recipients.bits().count_ones() >= NEARLY_FULL;
    if !row.recipients.mark(recipient) && !is_nearly_full {
        return;
    }
    let score = row.harvest.add(now_s, harvest.rule.half_life_s, 1000);
    let score_max = harvest.rule.score_max.0.saturating_mul((1 + good.min(8)).max(factor));
    if score < score_max || score <= excused.min(EXCUSED_MAX) {
        return;
    }
    row.harvest = Score::default();
    let evidence = row.lines.evidence(seen.seq);
    let verdict = Verdict {
        detector: SPEC.name,
        mode: harvest.rule.mode,
        ban_s: harvest.rule.ban_s,
        score,
        evidence,
    };
    engine.convict(&verdict, seen.target(), out);
}

/// Whether it says anything of the client that it asked for somebody who is not there.
fn is_counted(seen: &Seen<'_>) -> bool {
    let is_bounce = seen.event.sender.is_some_and(|sender| sender.bytes().is_empty());
    !is_bounce && seen.event.account.is_none()
}
