//! `recipient-harvest`: somebody tries which recipients exist.
//!
//! Algorithm: distinct unknown recipients (a sketch tells new ones) on a score with a half-life of
//! one hour, threshold 6; and more of them than half of the messages that the client had accepted
//! within the last days. So a mail server with some stale addresses in its lists is not charged: it
//! delivers more than it misses.
//!
//! Misses on purpose: one address an hour; a sender that delivers twice as much as it tries.

use super::scan::accepted;
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
    misses: "One address an hour; senders that deliver twice as much as they try.",
};

pub(crate) fn judge(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let (harvest, now_s, seed) = (engine.config.recipient_harvest, seen.now_s, engine.config.seed);
    if harvest.rule.mode == Mode::Off || !seen.event.hostile {
        return;
    }
    let accepted = accepted(engine, seen);
    let good = places::good_accounts(&engine.state, &engine.config, seen.client, now_s);
    let Some(row) = engine.state.probes.entry(seen.client.0) else { return };
    let window_s = harvest.rule.half_life_s.saturating_mul(2);
    row.turn(now_s, window_s);
    let recipient = lower(seed, seen.event.recipient.unwrap_or_default().bytes());
    row.lines.push(seen.seq);
    if !row.recipients.mark(recipient) {
        return;
    }
    let score = row.harvest.add(now_s, harvest.rule.half_life_s, 1000);
    let score_max = harvest.rule.score_max.0.saturating_mul(1 + good.min(8));
    if score < score_max || score <= accepted / harvest.accepted_per_unknown.max(1) {
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
