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
//! A host that says whose it is and is not in a hurry pays 0.1 for whatever it is refused: its HELO
//! lies within the domain of its sender, who is that of the time before, a minute ago or longer.
//! That is a machine which has this server as its way out by mistake, and mails a customer of its
//! own each hour. Anybody can say so, but one sender at leisure learns nothing by the second try
//! that the first did not tell him, and from 27 an hour on he is banned all the same.
//!
//! Clients with good logins pay 0.05. From a client that lately got a message accepted here it is
//! told as a finding and bans nobody: any stranger may write to a domain that moved away.
//!
//! Misses on purpose: two tries within an hour; many senders to one domain, or one
//! sender of the client's own, at leisure.

use super::scan::delivers_lately;
use super::{DetectorSpec, Seen, domain_of};
use crate::config::Points;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::{lower, short};
use crate::places;
use crate::score::Score;
use alloc::vec::Vec;
use event::{Mode, Text};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "relay-probe",
    summary: "A stranger tries whether this server relays for strangers.",
    technique: "T1595",
    misses: "Two tries within an hour; many senders to one domain, or one sender of its own, at leisure.",
};

const SAME_MESSAGE_S: u32 = 5;

/// Who waits so long between two messages is in no hurry.
const LEISURE_S: u32 = 60;

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
    let is_own = is_within(seen.event.helo.unwrap_or_default().bytes(), sender);
    let sender = short(lower(seed, sender));
    let recipient = seen.event.recipient.unwrap_or_default().bytes();
    let domain = recipient.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let is_new = row.domains.mark(lower(seed, domain));
    let is_same = row.sender == sender && !is_bounce;
    let gap_s = now_s.saturating_sub(row.sender_s);
    let is_soon = gap_s <= SAME_MESSAGE_S;
    let weight = match (is_new, is_same) {
        _ if good > 0 => relay.known,
        (_, true) if is_own && gap_s >= LEISURE_S => relay.own_sender,
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

/// True where the HELO is the sender's domain, or a host of it.
fn is_within(helo: &[u8], sender: &[u8]) -> bool {
    let Some(domain) = domain_of(Text(sender)) else { return false };
    let Some(cut) = helo.len().checked_sub(domain.len()) else { return false };
    let (host, end) = helo.split_at(cut);
    domain.contains(&b'.')
        && end.eq_ignore_ascii_case(domain)
        && host.last().is_none_or(|byte| *byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_host_is_within_its_own_domain_only() {
        let sender = b"www-data@Example.org".as_slice();
        for helo in ["example.org", "web1.example.ORG", "a.b.example.org"] {
            assert!(is_within(helo.as_bytes(), sender), "{helo}");
        }
        for helo in ["", "org", "notexample.org", "example.org.example.net", "[192.0.2.1]"] {
            assert!(!is_within(helo.as_bytes(), sender), "{helo}");
        }
        assert!(!is_within(b"localhost", b"root@localhost"));
        assert!(!is_within(b"example.org", b"") && !is_within(b"", b"a@"));
    }
}
