//! `deferred-surge`: mail of ours is not taken elsewhere, or mail to here is put off.
//!
//! - *A domain*: for each domain that put a message off, a sequential test (Wald 1945) of whether
//!   it puts off nine of ten messages or one in ten: `+ ln(.9 / .1)` for a message that it puts off
//!   for the first time, `- ln(.9 / .1)` for one that it takes, not below nothing. From 9.2 on
//!   (five messages more than it took; chance comes there once in e^9.2 beginnings), and half an
//!   hour after the first of them, it is told: its server is down, or has us on its block list.
//!   A greylist takes what comes again, and so is none; where the answer calls itself one, it does
//!   not count at all.
//!   Refused for good counts as put off, where the answer names a block list or our reputation;
//!   that is no greylist, and is told at once.
//! - *All domains*: how many put something off in ten minutes, against what is usual at this hour
//!   of the week ([`crate::rate`]): our address is on a block list, or our resolver is down.
//! - *To here*: from how many networks mail was put off, for any cause but greylisting, against
//!   what is usual: a filter, a policy service or the disk behind the mail server fails.
//!
//! It tells, and bans nobody. What a delivery that works costs is one comparison, but within an
//! hour of one that does not.
//!
//! Misses on purpose: domains to which fewer than five messages go while they are down.

use super::{DetectorSpec, Seen, blocked_surge, domain_of};
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::{lower, mix};
use alloc::boxed::Box;
use alloc::vec::Vec;
use event::{Event, Kind, Mode, Outcome, Reason, Subject};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "deferred-surge",
    summary: "Mail to a domain, to many, or from many networks to here is put off; we are listed.",
    technique: "T1499",
    misses: "Domains to which few messages go; greylisting.",
};

/// `1000 ln(.9 / .1)`.
const PUT_OFF: u32 = 2_197;
const TAKEN: u32 = 2_197;
const SUM_MIN: u32 = 9_210;
const SUM_MAX: u32 = 2 * SUM_MIN;
/// It must have lasted for so long: a greylist's first answer has been followed by another.
const LASTS_S: u32 = 1_800;
/// So long after its latest deferral a domain is forgotten, unless it is told.
const MEMORY_S: u32 = 3_600;
/// While it lasts, a domain is told again after so long.
const PAUSE_S: u32 = 86_400;

/// What became of a message to a recipient.
#[inline]
pub(crate) fn note(engine: &mut Engine, event: &Event<'_>, out: &mut Vec<Output>) {
    if event.kind != Kind::Delivery {
        return;
    }
    match event.outcome {
        Outcome::Allowed => {
            let deferral_s = engine.state.surges.deferral_s;
            if deferral_s != 0 && engine.now_s().saturating_sub(deferral_s) < MEMORY_S {
                taken(engine, event);
            }
        }
        Outcome::Deferred => put_off(engine, event, out),
        Outcome::Rejected if names_block(event) => put_off(engine, event, out),
        _ => {}
    }
}

fn taken(engine: &mut Engine, event: &Event<'_>) {
    let Some(domain) = event.recipient.and_then(domain_of) else { return };
    let key = lower(engine.config.seed, domain);
    if let Some(row) = engine.state.surges.domains.touch(key) {
        row.sum = row.sum.saturating_sub(TAKEN);
        if row.sum == 0 {
            row.clear();
        }
    }
}

/// `Greylisted, see ...`, `greylisting in action`: as many servers say by themselves.
fn is_greylist(event: &Event<'_>) -> bool {
    event.reason == Some(Reason::Greylisted) || has_one_of(event, &[b"greylist", b"graylist"])
}

/// What the next server says where it is our address that it does not want: `Client host [a]
/// blocked using b` (Postfix), `on our block list` (Outlook), `the ip is in Spamhaus's list`
/// (Yahoo), `low reputation of the sending IP address` (Gmail), `IP address is block listed` (GMX),
/// `banned sending IP`, a look-up page of a DNS list.
const BLOCKS: [&[u8]; 9] = [
    b"blocked using",
    b"block list",
    b"blocklist",
    b"blacklist",
    b"denylist",
    b"reputation",
    b"spamhaus",
    b"dnsbl",
    b"banned sending ip",
];

/// True where a next server refuses the message for what this host is, not for what is in it.
pub(super) fn names_block(event: &Event<'_>) -> bool {
    has_one_of(event, &BLOCKS)
}

fn has_one_of(event: &Event<'_>, words: &[&[u8]]) -> bool {
    let text = event.detail.map_or(&b""[..], |detail| detail.bytes());
    words.iter().any(|word| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

fn put_off(engine: &mut Engine, event: &Event<'_>, out: &mut Vec<Output>) {
    let (rule, seed) = (engine.config.deferred_surge, engine.config.seed);
    let (now_s, seq) = (engine.now_s(), engine.seq);
    let Some(domain) = event.recipient.and_then(domain_of) else { return };
    // A full mailbox is its owner's matter, not its server's.
    let is_full = event.reason == Some(Reason::MailboxFull);
    if rule.mode == Mode::Off || is_full || is_greylist(event) {
        return;
    }
    let key = lower(seed, domain);
    let surges = &mut engine.state.surges;
    surges.deferral_s = now_s;
    if let Some(told) = surges.undelivered.note(key, seq, now_s, &rule) {
        blocked_surge::tell(engine, &SPEC, rule, event, told, out);
    }
    let Some(row) = engine.state.surges.domains.entry(key) else { return };
    let age_s = now_s.saturating_sub(row.last_s);
    if row.last_s == 0 || age_s > MEMORY_S && row.sum < SUM_MIN || age_s > PAUSE_S {
        row.clear();
        row.first_s = now_s;
    }
    row.last_s = now_s;
    row.lines.push(seq);
    let message = event.queue_id.unwrap_or_default();
    if row.messages.note(mix(lower(seed, message.bytes()), key)) {
        row.sum = row.sum.saturating_add(PUT_OFF).min(SUM_MAX);
    }
    let is_told = row.told_s != 0 && now_s.saturating_sub(row.told_s) < PAUSE_S;
    let is_final = event.outcome == Outcome::Rejected;
    let is_long = is_final || now_s.saturating_sub(row.first_s) >= LASTS_S;
    if is_told || !is_long || row.sum < SUM_MIN {
        return;
    }
    row.told_s = now_s;
    let (score, evidence) = (row.sum, row.lines.evidence(seq));
    let verdict = Verdict { detector: SPEC.name, mode: rule.mode, ban_s: 0, score, evidence };
    let name: Box<[u8]> = domain.to_ascii_lowercase().into();
    engine.find(&verdict, Subject::Host(name), out);
}

/// A client was told to come again.
pub(crate) fn deferred(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let Seen { event, client, now_s, seq, .. } = *seen;
    let rule = engine.config.deferred_surge;
    let is_mail = matches!(event.kind, Kind::Connect | Kind::Envelope | Kind::Message);
    let is_put_off = is_mail && event.outcome == Outcome::Deferred;
    if rule.mode == Mode::Off || !is_put_off || is_greylist(event) {
        return;
    }
    let network = mix(client.prefix().0, engine.config.seed);
    if let Some(told) = engine.state.surges.put_off.note(network, seq, now_s, &rule) {
        blocked_surge::tell(engine, &SPEC, rule, event, told, out);
    }
}
