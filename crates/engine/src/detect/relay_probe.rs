//! `relay-probe`: somebody tries whether this server relays for strangers.
//!
//! Algorithm: a score with a half-life of one hour, threshold 2.7 (three points that have
//! faded a little). What a prober varies is the target, so a refused relay to a new domain weighs
//! one point. To a domain that was tried already it weighs
//!
//! - 0.15 for a further recipient of the same sender within five seconds, half a point later: a
//!   user who forgot SMTP AUTH has one sender, maybe several recipients, and presses "send" a few
//!   times;
//! - one point with another sender within five seconds: testers go through senders like that
//!   (nmap's `smtp-open-relay` has 16 combinations);
//! - nothing with another sender later, or with none: that is a mail server that follows an MX
//!   record which somebody who moved away forgot here: mail and bounces of whomever for one domain.
//!
//! Clients with good logins pay 0.05. From a client that lately got a message accepted here it is
//! told as a finding and bans nobody: any stranger may write to a domain that moved away.
//!
//! Misses on purpose: two tries within an hour; many senders to one domain at leisure.

use super::scan::delivers_lately;
use super::{DetectorSpec, Seen};
use crate::config::Points;
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
    misses: "Two tries within an hour; many senders to one domain at leisure.",
};

const SAME_MESSAGE_S: u32 = 5;

pub(crate) fn judge(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let (relay, now_s, seed) = (engine.config.relay_probe, seen.now_s, engine.config.seed);
    if relay.rule.mode == Mode::Off || !seen.event.hostile {
        return;
    }
    let good = places::good_accounts(&engine.state, &engine.config, seen.client, now_s);
    let delivers = delivers_lately(engine, seen);
    let window_s = engine.config.recipient_harvest.rule.half_life_s.saturating_mul(2);
    let Some(row) = engine.state.probes.entry(seen.client.0) else { return };
    row.catch_up(seen.late_s, seen.now_s, &engine.config);
    row.turn(now_s, window_s);
    let sender = seen.event.sender.unwrap_or_default().bytes();
    let is_bounce = seen.event.sender.is_some() && sender.is_empty();
    let sender = short(lower(seed, sender));
    let recipient = seen.event.recipient.unwrap_or_default().bytes();
    let domain = recipient.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let is_new = row.domains.mark(lower(seed, domain));
    let is_same = row.sender == sender && !is_bounce;
    let is_soon = now_s.saturating_sub(row.sender_s) <= SAME_MESSAGE_S;
    let weight = match (is_new, is_same) {
        _ if good > 0 => relay.known,
        (true, _) => Points::whole(1),
        (false, true) if is_soon => relay.same_message,
        (false, true) => relay.same_sender,
        (false, false) if is_soon => Points::whole(1),
        (false, false) => Points(0),
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
    match delivers {
        true => engine.find(&verdict, seen.client.subject(), out),
        false => engine.convict(&verdict, seen.target(), out),
    }
}
