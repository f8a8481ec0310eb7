//! `scan`: what no mail client says, and visits that try every door.
//!
//! Algorithm: a score with a half-life of one hour, threshold 2.7 (three points that have
//! faded a little).
//!
//! - Enough by itself: HTTP, SOCKS or other rubbish on a mail port (also inside a TLS port, where
//!   OpenSSL names it), talking before the greeting. No mail client does either.
//! - One point each: too many errors, bad syntax, HELO refused for good, commands pipelined early,
//!   a proxy header from somebody who is no proxy.
//! - Weak signs, half a point, together 1 at most, so that they never suffice alone: TLS failed,
//!   connected and left, no login tried, a login given up. Monitors, load balancers and phones on
//!   a bad line do all of these for ever.
//! - Weak signs do suffice where one visit (a run of signs with pauses under 20 s) touches four or
//!   more services with twice as many signs as services: a monitor touches each port once, a
//!   scanner comes back to each with its probes.
//!
//! A client with good logins, or one that delivers mail here, is charged a quarter and no weak
//! signs. A clean leave (QUIT, log-out) is no sign.
//!
//! Misses on purpose: a port scan that touches each port once and says nothing.

use super::connection_flood::ACCEPTED_HALF_LIFE_S;
use super::{DetectorSpec, Seen};
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::lower;
use crate::places;
use crate::score::Score;
use crate::state::TrafficRow;
use alloc::vec::Vec;
use event::{Mode, Outcome, Reason};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "scan",
    summary: "Rubbish on mail ports, talking early, and visits that try every door.",
    technique: "T1595.002",
    misses: "Visits that touch each port once and say nothing.",
};

/// So many accepted messages (they fade within days) make a client a mail server that delivers
/// here.
const DELIVERS_MIN: u32 = 10_000;

/// One accepted message, faded for three days, in thousandths.
const ACCEPTED_MIN: u32 = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sign {
    Enough,
    Point,
    Weak,
    Nothing,
}

fn sign(seen: &Seen<'_>, reason: Reason) -> Sign {
    let event = seen.event;
    let detail = event.detail.unwrap_or_default().bytes();
    let contains = |words: &[u8]| detail.windows(words.len()).any(|part| part == words);
    match reason {
        Reason::NonSmtpCommand | Reason::EarlyTalker if event.hostile => Sign::Enough,
        Reason::TlsFailed if contains(b"http request") || contains(b"https proxy request") => {
            Sign::Enough
        }
        Reason::TooManyErrors
        | Reason::ProtocolError
        | Reason::HeloRejected
        | Reason::Pipelining
        | Reason::Untrusted
            if event.hostile =>
        {
            Sign::Point
        }
        Reason::NoAuthAttempts if event.outcome == Outcome::Allowed => Sign::Nothing,
        Reason::ConnectionLost if is_mid_message(detail) => Sign::Nothing,
        Reason::TlsFailed
        | Reason::NoAuthAttempts
        | Reason::ConnectionLost
        | Reason::AuthAborted
        | Reason::AuthDisallowed => Sign::Weak,
        _ => Sign::Nothing,
    }
}

/// Connections that break within a message are a matter of networks and filters.
fn is_mid_message(stage: &[u8]) -> bool {
    [&b"DATA"[..], b"BDAT", b"END-OF-MESSAGE", b"RCPT", b"MAIL", b"RSET", b"AUTH"]
        .iter()
        .any(|command| stage.starts_with(command))
}

pub(crate) fn judge(engine: &mut Engine, seen: &Seen<'_>, reason: Reason, out: &mut Vec<Output>) {
    let (scan, now_s, seed) = (engine.config.scan, seen.now_s, engine.config.seed);
    let sign = sign(seen, reason);
    if sign == Sign::Nothing || scan.rule.mode == Mode::Off {
        return;
    }
    let is_useful = is_useful(engine, seen);
    let half_life_s = scan.rule.half_life_s;
    let share = if is_useful { 4 } else { 1 };
    let Some(row) = engine.state.probes.entry(seen.client.0) else { return };
    row.catch_up(seen.late_s, seen.now_s, &engine.config);
    row.lines.push(seen.seq);
    let (strong, weak) = match sign {
        Sign::Enough => (scan.rule.score_max.0.div_ceil(share), 0),
        Sign::Point => (1000 / share, 0),
        _ if is_useful => return,
        _ => (0, scan.weak.0),
    };
    let strong = row.scan.add(now_s, half_life_s, strong);
    let weak = row.weak.add(now_s, half_life_s, weak).min(scan.weak_max.0);
    if sign == Sign::Weak {
        if now_s.saturating_sub(row.visit_s) > scan.visit_gap_s {
            (row.visit_signs, row.visit_services) = (0, 0);
        }
        row.visit_s = now_s;
        row.visit_signs = row.visit_signs.saturating_add(1);
        let service = lower(seed, seen.event.service.bytes());
        row.visit_services |= engine.state.services.bit(service);
    }
    let services = row.visit_services.count_ones();
    let is_round =
        services >= scan.services_min && u32::from(row.visit_signs) >= services.saturating_mul(2);
    let score = strong.saturating_add(weak);
    if score < scan.rule.score_max.0 && !is_round {
        return;
    }
    (row.scan, row.weak) = (Score::default(), Score::default());
    (row.visit_signs, row.visit_services) = (0, 0);
    let evidence = row.lines.evidence(seen.seq);
    let verdict = Verdict {
        detector: SPEC.name,
        mode: scan.rule.mode,
        ban_s: scan.rule.ban_s,
        score: score.max(if is_round { scan.rule.score_max.0 } else { 0 }),
        evidence,
    };
    engine.convict(&verdict, seen.target(), out);
}

/// True for clients with good logins and for mail servers that deliver here.
pub(crate) fn is_useful(engine: &Engine, seen: &Seen<'_>) -> bool {
    accepted(engine, seen) >= DELIVERS_MIN
        || places::good_accounts(&engine.state, &engine.config, seen.client, seen.now_s) > 0
}

/// True where a message of the client was accepted within three days. What such a client says of
/// strangers' messages is told; no stranger may have it banned by them.
pub(crate) fn delivers_lately(engine: &Engine, seen: &Seen<'_>) -> bool {
    engine.state.traffic.get(seen.client.0).is_some_and(|row| delivers(row, seen.now_s))
}

/// The same of a row.
pub(crate) fn delivers(row: &TrafficRow, now_s: u32) -> bool {
    row.accepted.at(now_s, ACCEPTED_HALF_LIFE_S) >= ACCEPTED_MIN
}

/// Messages accepted from the client, thousandths, faded.
pub(crate) fn accepted(engine: &Engine, seen: &Seen<'_>) -> u32 {
    let row = engine.state.traffic.get(seen.client.0);
    row.map_or(0, |row| row.accepted.at(seen.now_s, ACCEPTED_HALF_LIFE_S))
}
