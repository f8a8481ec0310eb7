//! `outbound-surge`: an account sends more mail, to other people, or to worse addresses than usual.
//!
//! Who is behind a message is known from the line of its submission, by its queue id; the queue
//! manager says to how many it goes, the delivery agents to whom and what became of it.
//!
//! Algorithm, for each account, recipients within about an hour (a score that halves in an hour):
//!
//! 1. *Surge*: at least `recipients_min`, and `surge_factor` times the most that is usual, and
//!    either four fifths of them were never written to before (Lin et al. find hijacked accounts by
//!    the number and novelty of recipients, precision .97, recall .96) or a fifth is refused for
//!    good. What is usual is the most of a day, from the next day on, half of it gone after two
//!    weeks; it rises by half a day at most, so that nobody raises it with the burst itself.
//! 2. *Bad list*: a sequential test (Wald 1945; SPOT: Duan et al., "Detecting spam zombies by
//!    monitoring outgoing messages", IEEE TDSC 2012) of recipients that are refused for good: an
//!    honest account has 1 in 20, a spammer's list 1 in 2. Refused: `ln(.5/.05)` more, taken:
//!    `ln(.95/.5)` less, not below nothing; told from 9.2 on, which honest luck reaches once in ten
//!    thousand lists.
//! 3. *Quota*: `quota` recipients, whoever they are, where that is three times what is usual.
//!
//! It proposes to hold the account's messages and bans nobody: whose computer the mail comes from
//! is often the victim.
//!
//! Misses on purpose: an account that always sends so much; spam to people whom the account writes
//! to, at its usual pace.

use super::DetectorSpec;
use crate::config::Outbound;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::{lower, mix};
use crate::join::ShortName;
use crate::score::Score;
use crate::state::{MailRow, SenderRow};
use crate::table::Row as _;
use alloc::vec::Vec;
use event::{Event, Kind, Measure, Mode, Outcome, Subject, Text};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "outbound-surge",
    summary: "An account sends more than it does, to strangers, or to a bad list of addresses.",
    technique: "T1586.002",
    misses: "Accounts that always send as much; spam to known people at the usual pace.",
};

const HOUR_S: u32 = 3_600;
const DAY_S: u32 = 24 * HOUR_S;
const USUAL_HALF_LIFE_S: u32 = 14 * DAY_S;
/// For so long a recipient is known at least.
const KNOWN_S: u32 = 60 * DAY_S;
/// So long after its last line a queue id is another message's.
const MAIL_S: u32 = 5 * DAY_S;
/// It is told again after so long.
const PAUSE_S: u32 = 6 * HOUR_S;
/// `1000 ln(.5 / .05)`, `1000 ln(.95 / .5)` and `1000 ln(1 / .0001)`.
const REFUSED: u32 = 2_303;
const TAKEN: u32 = 642;
const BAD_MAX: u32 = 9_210;
/// So many times what is usual passes the quota.
const QUOTA_FACTOR: u32 = 3;

/// What an event says of outbound mail. Most say nothing.
#[inline]
pub(crate) fn note(engine: &mut Engine, event: &Event<'_>, out: &mut Vec<Output>) {
    let Some(queue_id) = event.queue_id else { return };
    if engine.config.outbound_surge.mode == Mode::Off {
        return;
    }
    // Where nobody logged in to send, nothing is anybody's.
    let has_mails = engine.state.mails.len() > 0;
    match (event.kind, event.outcome) {
        (Kind::Auth | Kind::Message, Outcome::Allowed)
            if event.account.is_some() || has_mails && event.recipients > 0 =>
        {
            taken(engine, event, queue_id, out);
        }
        (Kind::Delivery, _) if has_mails => delivered(engine, event, queue_id, out),
        _ => {}
    }
}

/// The key of a message: its id on its host, of its server. No id comes again while its message is
/// in the queue, and what left the queue left the table.
pub(crate) fn key(engine: &Engine, event: &Event<'_>, queue_id: Text<'_>) -> u64 {
    let host = event.host.unwrap_or_default().bytes();
    // Hosts of one log differ at an end of their names; all of them would be read for each line.
    let ends = [host.first_chunk::<8>(), host.last_chunk::<8>()];
    let [first, last] =
        ends.map(|end| end.map_or(host.len() as u64, |end| u64::from_le_bytes(*end)));
    let place = mix(first ^ event.server as u64, last);
    mix(place, lower(engine.config.seed, queue_id.bytes()))
}

/// A message was taken in; or the queue manager says to how many it goes.
fn taken(engine: &mut Engine, event: &Event<'_>, queue_id: Text<'_>, out: &mut Vec<Output>) {
    let (key, now_s) = (key(engine, event, queue_id), engine.now_s());
    if let Some(name) = event.account {
        let account = lower(engine.config.seed, name.bytes());
        let Some(mail) = engine.state.mails.entry(key) else { return };
        let is_stale = now_s.saturating_sub(mail.stamp_s) > MAIL_S;
        if mail.account != account || is_stale {
            *mail = MailRow::with_key(key);
        }
        (mail.account, mail.stamp_s) = (account, now_s);
        if let Some(sender) = engine.state.senders.entry(account)
            && sender.name == ShortName::default()
        {
            sender.name = ShortName::of(name.bytes());
        }
    }
    if event.recipients > 0 {
        let counts = |mail: &mut MailRow| {
            mail.is_announced = true;
            let more = event.recipients.saturating_sub(mail.recipients);
            mail.recipients = mail.recipients.max(event.recipients);
            more
        };
        count(engine, key, counts, None, out);
    }
}

/// What became of one recipient.
fn delivered(engine: &mut Engine, event: &Event<'_>, queue_id: Text<'_>, out: &mut Vec<Output>) {
    let key = key(engine, event, queue_id);
    let recipient = event.recipient.map(|Text(name)| lower(engine.config.seed, name));
    let Some(recipient) = recipient else { return };
    let is_final = event.outcome != Outcome::Deferred;
    let counts = |mail: &mut MailRow| {
        mail.finals = mail.finals.saturating_add(u32::from(is_final));
        let more = mail.finals.saturating_sub(mail.recipients);
        mail.recipients = mail.recipients.max(mail.finals);
        more
    };
    count(engine, key, counts, Some((recipient, event.outcome)), out);
}

/// Counts for the account behind a message, and judges it.
fn count(
    engine: &mut Engine,
    key: u64,
    more: impl FnOnce(&mut MailRow) -> u32,
    recipient: Option<(u64, Outcome)>,
    out: &mut Vec<Output>,
) {
    let (now_s, seq) = (engine.now_s(), engine.seq);
    let Some(mail) = engine.state.mails.touch(key) else { return };
    if now_s.saturating_sub(mail.stamp_s) > MAIL_S {
        return;
    }
    mail.stamp_s = now_s;
    let (account, more) = (mail.account, more(mail));
    // Nothing more will come of it.
    if mail.is_announced && mail.finals >= mail.recipients {
        engine.state.mails.remove(key);
    }
    let Some(sender) = engine.state.senders.entry(account) else { return };
    sender.end_of_day(now_s);
    let recipients = sender.recipients.add(now_s, HOUR_S, more.saturating_mul(1000));
    sender.day_most = sender.day_most.max(recipients);
    if let Some((recipient, outcome)) = recipient {
        sender.recipient(recipient, outcome, now_s);
    }
    sender.lines.push(seq);
    let least = engine.config.outbound_surge.recipients_min.saturating_mul(1000);
    if recipients >= least || sender.bad >= BAD_MAX {
        judge(engine, account, now_s, out);
    }
}

impl SenderRow {
    /// What was the most of a day becomes usual when it is over.
    fn end_of_day(&mut self, now_s: u32) {
        if self.day_s == 0 || now_s.saturating_sub(self.day_s) >= DAY_S {
            let usual = self.usual.at(now_s, USUAL_HALF_LIFE_S);
            // A beginner's first day is what it is.
            let rises_to = if self.day_s == 0 || usual == 0 { u32::MAX } else { usual / 2 * 3 };
            if self.day_most > usual {
                self.usual.take(u32::MAX);
                self.usual.add(now_s, USUAL_HALF_LIFE_S, self.day_most.min(rises_to));
            }
            (self.day_s, self.day_most) = (now_s.max(1), 0);
        }
    }

    /// Somebody whom it writes to, and what became of it.
    fn recipient(&mut self, recipient: u64, outcome: Outcome, now_s: u32) {
        let is_fresh = self.known.note(recipient, now_s, KNOWN_S);
        let is_final = outcome != Outcome::Deferred;
        let is_failed = outcome == Outcome::Rejected;
        if is_fresh || is_final {
            self.named.add(now_s, HOUR_S, 1000);
        }
        if is_fresh {
            self.fresh.add(now_s, HOUR_S, 1000);
        }
        if is_failed {
            self.failed.add(now_s, HOUR_S, 1000);
        }
        match (is_final, is_failed) {
            (true, true) => self.bad = self.bad.saturating_add(REFUSED),
            (true, false) => self.bad = self.bad.saturating_sub(TAKEN),
            _ => {}
        }
    }

    /// How far what it sends now is beyond what it may; the points of it, thousandths.
    fn surge(&self, rule: &Outbound, now_s: u32) -> Option<u32> {
        let hour = |score: Score| score.at(now_s, HOUR_S);
        let recipients = hour(self.recipients);
        let usual = self.usual.at(now_s, USUAL_HALF_LIFE_S);
        let share = |part: Score, percent: u32| {
            u64::from(hour(part)) * 100 >= u64::from(hour(self.named)) * u64::from(percent)
        };
        let least = (rule.recipients_min * 1000).max(usual.saturating_mul(rule.surge_factor));
        let is_surge = recipients >= least
            && hour(self.named) >= rule.recipients_min * 500
            && (share(self.fresh, rule.fresh_percent) || share(self.failed, rule.failed_percent));
        let is_list = self.bad >= BAD_MAX;
        let is_quota = recipients >= rule.quota.saturating_mul(1000)
            && recipients >= usual.saturating_mul(QUOTA_FACTOR);
        (is_surge || is_list || is_quota).then_some(recipients)
    }
}

fn judge(engine: &mut Engine, account: u64, now_s: u32, out: &mut Vec<Output>) {
    let rule = engine.config.outbound_surge;
    let Some(sender) = engine.state.senders.touch(account) else { return };
    let Some(score) = sender.surge(&rule, now_s) else { return };
    if sender.told_s != 0 && now_s.saturating_sub(sender.told_s) < PAUSE_S {
        return;
    }
    (sender.told_s, sender.bad) = (now_s, 0);
    let (Some(name), lines) = (sender.name.lower(), sender.lines) else { return };
    let evidence = lines.evidence(engine.seq);
    let verdict =
        Verdict { detector: SPEC.name, mode: rule.mode, ban_s: rule.hold_s, score, evidence };
    engine.propose(&verdict, Subject::Account(name), Measure::Hold, out);
}
