//! `relay-probe`: somebody tries whether this server relays for strangers.
//!
//! Algorithm: a score with a half-life of one hour, threshold 2.7 (three points that have
//! faded a little). A refused relay with a new
//! envelope sender weighs one point, with the sender of the one before half a point, and a further
//! recipient of that sender within five seconds 0.15: testers vary the sender (nmap's
//! `smtp-open-relay` has 16 combinations), while a user who forgot SMTP AUTH has one sender, maybe
//! several recipients, and presses "send" a few times. Clients with good logins pay 0.05.
//!
//! Misses on purpose: two tries within an hour.

use super::{DetectorSpec, Seen};
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::{lower, short};
use crate::places;
use crate::score::Score;
use alloc::vec::Vec;
use event::Mode;

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "relay-probe",
    summary: "A stranger tries whether this server relays for strangers.",
    technique: "T1595",
    misses: "Two tries within an hour.",
};

const SAME_MESSAGE_S: u32 = 5;

pub(crate) fn judge(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let (relay, now_s, seed) = (engine.config.relay_probe, seen.now_s, engine.config.seed);
    if relay.rule.mode == Mode::Off || !seen.event.hostile {
        return;
    }
    let good = places::good_accounts(&engine.state, &engine.config, seen.client, now_s);
    let Some(row) = engine.state.probes.entry(seen.client.0) else { return };
    let sender = short(lower(seed, seen.event.sender.unwrap_or_default().bytes()));
    let is_same = row.sender == sender;
    let weight = match is_same {
        _ if good > 0 => relay.known,
        true if now_s.saturating_sub(row.sender_s) <= SAME_MESSAGE_S => relay.same_message,
        true => relay.same_sender,
        false => crate::config::Points(1000),
    };
    (row.sender, row.sender_s) = (sender, now_s);
    row.lines.push(seen.seq);
    let score = row.relay.add(now_s, relay.rule.half_life_s, weight.0);
    if score < relay.rule.score_max.0 {
        return;
    }
    row.relay = Score::default();
    let evidence = row.lines.evidence(seen.seq);
    let verdict = Verdict {
        detector: SPEC.name,
        mode: relay.rule.mode,
        ban_s: relay.rule.ban_s,
        score,
        evidence,
    };
    engine.convict(&verdict, seen.target(), out);
}
