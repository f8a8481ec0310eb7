//! `spam-campaign`: one message from many strangers at once.
//!
//! A newsletter is one sender and few networks; what many people write by themselves (a greeting,
//! an answer) comes from servers that write to here anyway. A campaign is the same words from many
//! networks that never did: bots. So each message is put to the keys of what it says
//! ([`crate::fold`]: the whole subject, and two by min-wise hashing of its runs of three words),
//! and each key runs a sequential test (Page's CUSUM, Biometrika 1954, of the likelihood ratio of
//! Wald 1945) of whether strangers send it more than they send all else:
//!
//! - a message from a stranger's network (/24, /48), once each: `+ ln(.8 / p)`,
//! - any from a network whose mail was accepted on two earlier days: `- ln((1 - p) / .2)`, not
//!   below nothing, where `p` is the share of strangers in all mail of late. A network of one day
//!   is neither.
//!
//! A key is a campaign from a sum of 12 on (chance comes there once in e^12 beginnings), where the
//! strangers are in `networks_min` different /16 or /32, are three of five of its messages, and
//! have `senders_min` domains of senders or of HELO names. An answer (`Re:`) needs twice the sum,
//! and is none where an account of ours wrote the like. While strangers are more than half of all
//! mail, as on the first day, nothing is told.
//!
//! Where no subject is logged, or the message was refused before it had one, the domain of the HELO
//! name stands in its place: refused mail alone is weighed, to a sum of 18, in twice as many
//! networks and as many domains of senders; one organisation is not in so many.
//!
//! Whoever sent it, before or after it was found, is named: strangers' addresses, for the
//! blocklist, and senders whose domain has no good history; a server with history is told only,
//! with the sender whose account was stolen there; so is an account of ours. A sender of a domain
//! of ours, which bots forge, is never proposed. What a campaign brings makes no history.
//!
//! Misses on purpose: fewer strangers than that; campaigns through servers that always write to
//! here; words that everybody writes ([`crate::fold::Folded::is_telling`]); the null sender.

use super::outbound_surge;
use super::{DetectorSpec, domain_of, tells_again};
use crate::client::ClientKey;
use crate::decide::{Target, Verdict};
use crate::engine::{Engine, Output};
use crate::fold::fold;
use crate::hash::{lower, mix};
use crate::join::ShortName;
use crate::sketch;
use crate::state::{CampaignRow, whole};
use alloc::vec::Vec;
use core::net::IpAddr;
use event::{Event, Evidence, Kind, Measure, Mode, Outcome, Reason, Subject, Text};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "spam-campaign",
    summary: "One message comes from many strangers at once.",
    technique: "T1566",
    misses: "Fewer than eight strange networks; mail through known servers; the null sender.",
};

/// `1000 ln(.8 / (k / 64))` and `1000 ln((1 - k / 64) / .2)` for a share of strangers of `k` of 64,
/// from 1 to 32.
const STRANGER: [u32; 32] = [
    3936, 3243, 2837, 2549, 2326, 2144, 1990, 1856, 1739, 1633, 1538, 1451, 1371, 1297, 1228, 1163,
    1103, 1045, 991, 940, 891, 845, 800, 758, 717, 678, 640, 604, 568, 535, 502, 470,
];
const KNOWN: [u32; 32] = [
    1594, 1578, 1561, 1545, 1528, 1511, 1494, 1476, 1458, 1440, 1421, 1402, 1382, 1363, 1342, 1322,
    1301, 1279, 1257, 1235, 1212, 1188, 1164, 1139, 1114, 1088, 1061, 1034, 1006, 977, 947, 916,
];
/// From this sum on it is a campaign, thousandths; and where the HELO name alone is alike.
const SUM_MIN: u32 = 12_000;
const WEAK_SUM_MIN: u32 = 18_000;
const SUM_MAX: u32 = 60_000;
/// Earlier days with accepted mail that make a network known.
const KNOWN_DAYS: u32 = 2;
/// So many make good history, where the first is long enough ago.
const HISTORY_DAYS_MIN: u32 = 5;
const DAY_S: u32 = 86_400;
/// After such a pause the next message is another story.
const EPISODE_S: u32 = 3 * DAY_S;
/// For so long what an account of ours wrote is answered.
const ANSWERED_S: u32 = 30 * DAY_S;
/// A subject is logged so soon after its message arrived.
const ARRIVAL_S: u32 = 600;
/// Where no subject was logged for so long, none will be.
const SUBJECTS_S: u32 = DAY_S;
/// A member is told again after so long.
const PAUSE_S: u32 = DAY_S;
/// Where no subjects are logged one message in so many tells who writes to here.
const SAMPLE: u64 = 8;

const OF_NETWORK: u64 = 1;
const OF_DOMAIN: u64 = 2;
const OF_HELO: u64 = 3;
const OF_SENDER: u64 = 4;

/// How well the network is known that a message came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Stranger,
    /// Since yesterday.
    New,
    Known,
}

/// A message, or one that was refused.
struct Message<'a> {
    client: ClientKey,
    address: IpAddr,
    sender: &'a [u8],
    helo: &'a [u8],
    standing: Standing,
    is_reply: bool,
    seq: u64,
    now_s: u32,
}

/// What an event says of messages. Most say nothing.
#[inline]
pub(crate) fn note(engine: &mut Engine, event: &Event<'_>, out: &mut Vec<Output>) {
    let is_message = matches!(event.kind, Kind::Message | Kind::Envelope | Kind::Auth);
    if !is_message || engine.config.spam_campaign.mode == Mode::Off {
        return;
    }
    match (event.mail_subject, event.kind, event.outcome) {
        (Some(subject), ..) => with_subject(engine, event, subject, out),
        (None, Kind::Message, Outcome::Allowed) => arrived(engine, event),
        (None, Kind::Envelope, Outcome::Rejected) if event.hostile => refused(engine, event, out),
        _ => {}
    }
}

/// A message was taken in: its subject may follow.
fn arrived(engine: &mut Engine, event: &Event<'_>) {
    let now_s = engine.now_s();
    let subject_s = engine.state.mailings.subject_s;
    if subject_s != 0 && now_s.saturating_sub(subject_s) < SUBJECTS_S {
        let (Some(address), Some(queue_id)) = (event.client, event.queue_id) else { return };
        let key = outbound_surge::key(engine, event, queue_id);
        if let Some(row) = engine.state.mailings.arrivals.entry(key) {
            row.set_address(address);
            row.stamp_s = now_s;
        }
    } else if engine.seq.is_multiple_of(SAMPLE) && !tells_again(event) {
        if let Some(client) = event.client.and_then(ClientKey::of) {
            let is_stranger = standing(engine, client, now_s) == Standing::Stranger;
            engine.state.mailings.note_share(is_stranger);
            befriend(engine, mix(client.prefix().0, OF_NETWORK), now_s);
        }
        if let Some(domain) = event.sender.and_then(domain_of) {
            befriend(engine, domain_key(engine, domain), now_s);
        }
    }
}

fn befriend(engine: &mut Engine, key: u64, now_s: u32) {
    if let Some(row) = engine.state.mailings.partners.entry(key) {
        row.note(now_s);
    }
}

fn standing(engine: &Engine, client: ClientKey, now_s: u32) -> Standing {
    let row = engine.state.mailings.partners.get(mix(client.prefix().0, OF_NETWORK));
    match row.map_or(0, |row| row.days_before(now_s)) {
        0 => Standing::Stranger,
        1..KNOWN_DAYS => Standing::New,
        _ => Standing::Known,
    }
}

/// Mail to this recipient is for here: whoever forges such a sender, means an account of ours.
fn own_domain(engine: &mut Engine, event: &Event<'_>) {
    let Some(domain) = event.recipient.and_then(domain_of) else { return };
    let key = domain_key(engine, domain);
    if let Some(row) = engine.state.mailings.partners.entry(key) {
        row.is_own = true;
    }
}

/// Mail with this sender's domain has been accepted over weeks, or it is a domain of ours.
fn has_history(engine: &Engine, domain: &[u8], now_s: u32) -> bool {
    let since_s = engine.config.spam_campaign.history_days.saturating_mul(DAY_S);
    let row = engine.state.mailings.partners.get(domain_key(engine, domain));
    row.is_some_and(|row| {
        let is_old = now_s.saturating_sub(row.first_s) >= since_s;
        row.is_own || is_old && row.days_before(now_s) >= HISTORY_DAYS_MIN
    })
}

fn domain_key(engine: &Engine, domain: &[u8]) -> u64 {
    mix(lower(engine.config.seed, domain), OF_DOMAIN)
}

/// The last two labels of a name: about who has it. Of a bare word or an address nobody does.
fn owner(name: &[u8]) -> Option<&[u8]> {
    let mut dots = name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.');
    dots.next()?;
    let from = dots.next().map_or(0, |(at, _)| at + 1);
    let owner = name.get(from..)?;
    owner.iter().any(u8::is_ascii_alphabetic).then_some(owner)
}

fn with_subject(
    engine: &mut Engine,
    event: &Event<'_>,
    Text(subject): Text<'_>,
    out: &mut Vec<Output>,
) {
    let now_s = engine.now_s();
    engine.state.mailings.subject_s = now_s;
    let key = event.queue_id.map(|queue_id| outbound_surge::key(engine, event, queue_id));
    let recipient = event.recipient.unwrap_or_default();
    let folded = fold(subject, recipient.bytes());
    let seed = engine.config.seed;
    let keys = if folded.is_telling() { folded.keys(seed) } else { [0; 3] };
    let mail = key.and_then(|key| engine.state.mails.get(key)).filter(|mail| !mail.is_host);
    let own = event.account.map(|name| ShortName::of(name.bytes()));
    let own = own.or(mail.map(|mail| mail.name));
    if own.is_some() {
        return own_message(engine, keys, own.filter(|_| !folded.is_reply), out);
    }
    let arrival = key.and_then(|key| engine.state.mailings.arrivals.get(key));
    let arrival = arrival.filter(|row| now_s.saturating_sub(row.stamp_s) <= ARRIVAL_S);
    let Some(address) = event.client.or(arrival.map(|row| row.address())) else { return };
    let Some(mut message) = message(engine, event, address) else { return };
    message.is_reply = folded.is_reply;
    own_domain(engine, event);
    let is_spam = matches!(event.reason, Some(Reason::Spam | Reason::Virus));
    if is_spam {
        message.standing = Standing::Stranger;
    }
    let helo = helo_key(engine, &message);
    let mut is_suspect = is_spam || event.outcome != Outcome::Allowed;
    for key in keys.into_iter().filter(|key| *key != 0) {
        is_suspect |= judge(engine, key, &message, false, out);
    }
    is_suspect |= helo.is_some_and(|key| belongs(engine, key, &message, out));
    if !is_suspect {
        learn(engine, &message);
    }
}

/// What is common to both kinds of messages. Bounces, and whoever is protected, are nobody's.
fn message<'a>(engine: &Engine, event: &Event<'a>, address: IpAddr) -> Option<Message<'a>> {
    let client = ClientKey::of(address)?;
    let sender = event.sender.unwrap_or_default().bytes();
    let is_null = event.sender.is_some() && sender.is_empty();
    if is_null || engine.shelter.of(&client.network(), engine.now).is_some() {
        return None;
    }
    let now_s = engine.now_s();
    Some(Message {
        client,
        address,
        sender,
        helo: event.helo.unwrap_or_default().bytes(),
        standing: standing(engine, client, now_s),
        is_reply: false,
        seq: engine.seq,
        now_s,
    })
}

fn helo_key(engine: &Engine, message: &Message<'_>) -> Option<u64> {
    let owner = owner(message.helo)?;
    Some(mix(lower(engine.config.seed, owner), OF_HELO))
}

/// Ordinary mail: who sent it is better known from now on.
fn learn(engine: &mut Engine, message: &Message<'_>) {
    let now_s = message.now_s;
    engine.state.mailings.note_share(message.standing == Standing::Stranger);
    befriend(engine, mix(message.client.prefix().0, OF_NETWORK), now_s);
    if let Some(domain) = domain_of(Text(message.sender)) {
        befriend(engine, domain_key(engine, domain), now_s);
    }
}

/// An account of ours wrote it: whoever answers is no campaign, and where it is one already, the
/// account is part of it.
fn own_message(
    engine: &mut Engine,
    keys: [u64; 3],
    name: Option<ShortName>,
    out: &mut Vec<Output>,
) {
    let (now_s, seq) = (engine.now_s(), engine.seq);
    let mut found = None;
    for key in keys.into_iter().filter(|key| *key != 0) {
        if let Some(row) = engine.state.mailings.campaigns.entry(key) {
            row.own_s = now_s;
            found = found.or((row.found_s != 0).then_some((row.sum, row.lines)));
        }
    }
    let (Some((score, mut lines)), Some(name)) = (found, name.and_then(|name| name.lower())) else {
        return;
    };
    let key = mix(lower(engine.config.seed, &name), OF_SENDER);
    if is_told(engine, key, now_s) {
        return;
    }
    lines.push(seq);
    let verdict = verdict(engine, score, lines.evidence(seq));
    engine.find(&verdict, Subject::Account(name), out);
}

/// A recipient was refused to a client: before any subject, his HELO name is all there is.
fn refused(engine: &mut Engine, event: &Event<'_>, out: &mut Vec<Output>) {
    let Some(message) = event.client.and_then(|address| message(engine, event, address)) else {
        return;
    };
    if event.reason == Some(Reason::RecipientUnknown) {
        own_domain(engine, event);
    }
    if let Some(key) = helo_key(engine, &message).filter(|_| !message.sender.is_empty()) {
        judge(engine, key, &message, true, out);
    }
}

/// Weighs the message for one key, and names who is part of it. True where it is a campaign, or
/// half of one.
fn judge(
    engine: &mut Engine,
    key: u64,
    message: &Message<'_>,
    is_weak: bool,
    out: &mut Vec<Output>,
) -> bool {
    let (seed, rule) = (engine.config.seed, engine.config.spam_campaign);
    let share = engine.state.mailings.share_in_64();
    let Some(row) = engine.state.mailings.campaigns.entry(key) else { return false };
    let answers = message.is_reply && message.now_s.saturating_sub(row.own_s) < ANSWERED_S;
    if answers && row.own_s != 0 {
        return false;
    }
    row.weigh(message, share, seed);
    let is_new = row.found_s == 0 && row.is_campaign(&rule, is_weak, message.is_reply);
    if is_new {
        row.found_s = message.now_s;
    }
    let (is_found, is_suspect) = (row.found_s != 0, row.sum >= SUM_MIN / 2);
    row.wait(message.client.0);
    keep(engine, message);
    if is_found {
        name_members(engine, key, out);
    }
    is_suspect
}

/// Names the message's client where the key is a campaign's; weighs nothing but what speaks
/// against that.
fn belongs(engine: &mut Engine, key: u64, message: &Message<'_>, out: &mut Vec<Output>) -> bool {
    let (seed, share) = (engine.config.seed, engine.state.mailings.share_in_64());
    let Some(row) = engine.state.mailings.campaigns.touch(key) else { return false };
    if message.standing == Standing::Known {
        row.weigh(message, share, seed);
        return false;
    }
    if row.found_s == 0 {
        return false;
    }
    row.wait(message.client.0);
    row.last_s = message.now_s;
    keep(engine, message);
    name_members(engine, key, out);
    true
}

impl CampaignRow {
    fn weigh(&mut self, message: &Message<'_>, share: u32, seed: u64) {
        if message.now_s.saturating_sub(self.last_s) > EPISODE_S {
            self.clear();
        }
        self.last_s = message.now_s;
        self.lines.push(message.seq);
        let place = share.clamp(1, 32) as usize - 1;
        let is_told = share <= 32;
        match message.standing {
            Standing::Stranger => {
                if !self.networks.note(mix(message.client.prefix().0, seed)) {
                    return;
                }
                let more = STRANGER.get(place).copied().unwrap_or(0);
                self.sum = self.sum.saturating_add(if is_told { more } else { 0 }).min(SUM_MAX);
                self.strangers = self.strangers.saturating_add(1);
                self.areas |= sketch::bit(mix(message.client.area(), seed));
                let bit =
                    |name: &[u8]| owner(name).map_or(0, |name| sketch::bit(lower(seed, name)));
                self.domains |= bit(domain_of(Text(message.sender)).unwrap_or_default());
                self.helos |= bit(message.helo);
            }
            Standing::New => {}
            Standing::Known => {
                self.others = self.others.saturating_add(1);
                self.sum = self.sum.saturating_sub(KNOWN.get(place).copied().unwrap_or(0));
                if self.sum == 0 {
                    self.clear();
                    self.last_s = message.now_s;
                }
            }
        }
    }

    fn is_campaign(&self, rule: &crate::config::Campaigns, is_weak: bool, is_reply: bool) -> bool {
        let (sum_min, times) = match (is_weak, is_reply) {
            (true, _) => (WEAK_SUM_MIN, 2),
            (_, true) => (2 * SUM_MIN, 1),
            _ => (SUM_MIN, 1),
        };
        // All HELO names of a weak key are one owner's.
        let helos = if is_weak { 0 } else { sketch::estimate(self.helos) };
        let senders = sketch::estimate(self.domains).max(helos);
        self.sum >= sum_min
            && sketch::estimate(self.areas) >= rule.networks_min * times
            && senders >= rule.senders_min * times
            && self.strangers * 5 >= (self.strangers + self.others) * 3
    }
}

/// Remembers who sent it.
fn keep(engine: &mut Engine, message: &Message<'_>) {
    if let Some(row) = engine.state.mailings.members.entry(message.client.0) {
        row.set_address(message.address);
        row.sender = ShortName::of(message.sender);
        row.line = message.seq as u32;
    }
}

/// Names all of a campaign who were not named yet.
fn name_members(engine: &mut Engine, key: u64, out: &mut Vec<Output>) {
    let Some(row) = engine.state.mailings.campaigns.touch(key) else { return };
    let (waiting, sum, lines) = (row.take_waiting(), row.sum, row.lines);
    for member in waiting.into_iter().filter(|member| *member != 0) {
        name_member(engine, ClientKey(member), sum, lines.evidence(engine.seq), out);
    }
}

fn name_member(
    engine: &mut Engine,
    client: ClientKey,
    score: u32,
    lines: Evidence,
    out: &mut Vec<Output>,
) {
    let (now_s, seq) = (engine.now_s(), engine.seq);
    let Some(row) = engine.state.mailings.members.get(client.0).copied() else { return };
    let own = whole(row.line, seq);
    let mut lines: Vec<u64> = lines.lines().iter().copied().chain([own]).collect();
    lines.sort_unstable();
    lines.dedup();
    let verdict = verdict(engine, score, lines.into_iter().collect());
    let is_known = standing(engine, client, now_s) == Standing::Known;
    if !is_told(engine, client.0, now_s) && !engine.is_held(client) {
        let target = Target::Client(client, Some(row.address()));
        match is_known {
            true => engine.find(&verdict, target.subject(), out),
            false => engine.convict(&verdict, target, out),
        }
    }
    name_sender(engine, &verdict, row.sender, is_known, out);
}

/// The sender of a server with history had his account stolen there. Any other is a name that a
/// bot made up, or somebody's: his who has history here is left alone.
fn name_sender(
    engine: &mut Engine,
    verdict: &Verdict,
    sender: ShortName,
    is_known: bool,
    out: &mut Vec<Output>,
) {
    let now_s = engine.now_s();
    let Some(name) = sender.lower() else { return };
    let Some(domain) = domain_of(Text(&name)) else { return };
    let has_history = has_history(engine, domain, now_s);
    let key = mix(lower(engine.config.seed, &name), OF_SENDER);
    if has_history && !is_known || is_told(engine, key, now_s) {
        return;
    }
    let subject = Subject::Sender(name);
    match has_history || is_known {
        true => engine.find(verdict, subject, out),
        false => engine.propose(verdict, subject, Measure::Ban, out),
    }
}

/// True where it was told lately; it is told now.
fn is_told(engine: &mut Engine, member: u64, now_s: u32) -> bool {
    let Some(row) = engine.state.mailings.members.entry(member) else { return true };
    if row.told_s != 0 && now_s.saturating_sub(row.told_s) < PAUSE_S {
        return true;
    }
    row.told_s = now_s.max(1);
    false
}

fn verdict(engine: &Engine, score: u32, evidence: Evidence) -> Verdict {
    let rule = engine.config.spam_campaign;
    Verdict { detector: SPEC.name, mode: rule.mode, ban_s: rule.block_s, score, evidence }
}
