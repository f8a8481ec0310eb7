//! `connection-flood`: connections faster than any honest client makes them.
//!
//! Algorithm: a score of connections with a half-life of 60 s, threshold 120, which is a steady
//! 1.4 a second. Each message that is accepted and each login gives one connection back, so a mail
//! server or a webmail that is busy but useful does not climb; clients with good logins and those
//! that deliver here may make four times more. Postfix tells of a connection twice where postscreen
//! stands before smtpd: what postscreen lets pass gives one back. The kernel's rate limits act long
//! before; this one sees what goes on for long and what logs tell of hosts in front.
//!
//! Misses on purpose: floods of many clients each below that pace.

use super::scan::is_useful;
use super::{DetectorSpec, Seen};
use crate::client::ClientKey;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::score::Score;
use alloc::vec::Vec;
use event::{Evidence, Kind, Mode, Outcome, Server};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "connection-flood",
    summary: "A client connects faster than any honest one.",
    technique: "T1499.002",
    misses: "Floods of many clients, each of them slow.",
};

/// Time in which accepted messages fade: a day, seconds.
pub(crate) const ACCEPTED_HALF_LIFE_S: u32 = 86_400;

pub(crate) fn connect(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let flood = engine.config.connection_flood;
    if flood.rule.mode == Mode::Off {
        return;
    }
    let Some(row) = engine.state.traffic.entry(seen.client.0) else { return };
    let passed_s = row.late.caught_up_s(seen.late_s, seen.now_s);
    if passed_s > 0 {
        row.connects.fade_by(passed_s, flood.rule.half_life_s);
    }
    let score = row.connects.add(seen.now_s, flood.rule.half_life_s, 1000);
    if score < flood.rule.score_max.0 || engine.is_held(seen.client) {
        return;
    }
    let factor = if is_useful(engine, seen) { flood.known_factor } else { 1 };
    if score < flood.rule.score_max.0.saturating_mul(factor) {
        return;
    }
    if let Some(row) = engine.state.traffic.touch(seen.client.0) {
        row.connects = Score::default();
    }
    let verdict = Verdict {
        detector: SPEC.name,
        mode: flood.rule.mode,
        ban_s: flood.rule.ban_s,
        score,
        evidence: Evidence::from_iter([seen.seq]),
    };
    engine.convict(&verdict, seen.target(), out);
}

/// postscreen lets the client pass to smtpd, which tells of the connection again.
pub(crate) fn passed(engine: &mut Engine, seen: &Seen<'_>) {
    let event = seen.event;
    let is_postscreen = event.server == Server::Postfix
        && event.service.bytes().ends_with(b"postscreen")
        && (event.kind, event.outcome) == (Kind::Envelope, Outcome::Allowed);
    let half_life_s = engine.config.connection_flood.rule.half_life_s;
    if is_postscreen && let Some(row) = engine.state.traffic.touch(seen.client.0) {
        row.connects.add(seen.now_s, half_life_s, 0);
        row.connects.take(1000);
    }
}

/// A message was accepted, or a login done.
pub(crate) fn accepted(engine: &mut Engine, client: ClientKey, now_s: u32) {
    let half_life_s = engine.config.connection_flood.rule.half_life_s;
    if let Some(row) = engine.state.traffic.entry(client.0) {
        row.connects.add(now_s, half_life_s, 0);
        row.connects.take(1000);
        row.accepted.add(now_s, ACCEPTED_HALF_LIFE_S, 1000);
    }
}
