//! `blocked-surge`: more networks than usual have their mail or connections refused.
//!
//! Counted are the networks (/24, /48) in ten minutes of which a connection, a HELO, a sender, a
//! recipient, a command or a message was refused for good, against what is usual at this hour of
//! the week ([`crate::rate`]: EWMA and CUSUM): one client that is refused a thousand times is one.
//! Failed logins are other detectors'. It tells of a flood, or of a block list, a filter or a
//! configuration that suddenly refuses everybody; it is about the host, and bans nobody.
//!
//! Misses on purpose: surges of fewer than `networks_min` networks, or by few; what a firewall
//! refuses, which no log tells.

use super::{DetectorSpec, Seen, host_subject, tells_again};
use crate::config::Surge;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::mix;
use alloc::vec::Vec;
use event::{Event, Evidence, Kind, Mode, Outcome};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "blocked-surge",
    summary: "Far more networks than usual are refused, all over the site.",
    technique: "T1498",
    misses: "Surges of few networks; what a firewall refuses.",
};

/// Something was refused to a client.
pub(crate) fn refused(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let Seen { event, client, now_s, seq, .. } = *seen;
    let rule = engine.config.blocked_surge;
    if rule.mode == Mode::Off || !is_refused(event) || tells_again(event) {
        return;
    }
    let network = mix(client.prefix().0, engine.config.seed);
    if let Some(told) = engine.state.surges.blocked.note(network, seq, now_s, &rule) {
        tell(engine, &SPEC, rule, event, told, out);
    }
}

fn is_refused(event: &Event<'_>) -> bool {
    let is_mail =
        matches!(event.kind, Kind::Connect | Kind::Envelope | Kind::Command | Kind::Message);
    is_mail && event.outcome == Outcome::Rejected
}

/// Tells of a count that is too high, about the host that wrote the line.
pub(super) fn tell(
    engine: &Engine,
    spec: &DetectorSpec,
    rule: Surge,
    event: &Event<'_>,
    (count, evidence): (u32, Evidence),
    out: &mut Vec<Output>,
) {
    let score = count.saturating_mul(1000);
    let verdict = Verdict { detector: spec.name, mode: rule.mode, ban_s: 0, score, evidence };
    engine.find(&verdict, host_subject(event), out);
}
