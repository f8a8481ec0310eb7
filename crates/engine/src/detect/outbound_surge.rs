//! `outbound-surge`: an account sends more mail, to other people, or to worse addresses than usual.
//!
//! Who is behind a message is known from the line of its submission, by its queue id; the queue
//! manager says to how many it goes, the delivery agents to whom and what became of it. A message
//! that no account sent is its host's, where that is this host (`pickup`), loopback or an address
//! of a private network: a web form, a script, a copier.
//!
//! Algorithm, for each account and each such host, recipients within about an hour (a score that
//! halves in an hour):
//!
//! 1. *Strangers*: four fifths of them were never written to before (Lin et al. find hijacked
//!    accounts by the number and novelty of recipients, precision .97, recall .96), and weighed by
//!    where the messages came from they are `recipients_min` at least, and `surge_factor` times the
//!    most that is usual. A recipient counts double where an account that has places of its own
//!    sends from another: prefixes (/24, /48) from which it sent three days ago and since. From its
//!    own he counts a quarter: who writes to many at once does so from where he always is, and who
//!    stole a password does not. One, where there is no such place yet, or the mail comes from a
//!    private address, as a webmail's does.
//! 2. *Refused*: a fifth of them is refused for good, and they are as many, weighed or not. What is
//!    refused because a block list names this host does not count, here and in the next.
//! 3. *Bad list*: a sequential test (Wald 1945; SPOT: Duan et al., "Detecting spam zombies by
//!    monitoring outgoing messages", IEEE TDSC 2012) of recipients that are refused for good: an
//!    honest account has 1 in 20, a spammer's list 1 in 2. Refused: `ln(.5/.05)` more, taken:
//!    `ln(.95/.5)` less, not below nothing; told from 9.2 on, which honest luck reaches once in ten
//!    thousand lists.
//! 4. *Quota*: `quota` recipients, whoever they are, where that is three times what is usual.
//!
//! What is usual is the most of a day, from the next day on, half of it gone after two weeks; it
//! rises by half a day at most, so that nobody raises it with the burst itself.
//!
//! The *whole server* is judged by two rates, against what is usual for it at this hour of the week
//! ([`crate::rate`]): strangers, weighed as above, and recipients refused for good, of all accounts
//! and hosts whose mail it sends, in ten minutes. They are `server_strangers_min` or
//! `server_refused_min` at least, and `server_factor` times what is usual, in two windows. Of one
//! account no more than four different ones count at weight one, whoever he writes to: so neither a
//! newsletter, nor a list, nor a few people with greetings are a surge of the server, and many
//! accounts that stay below all of the above are. Known recipients do not count: on a Monday
//! morning everybody writes to them.
//!
//! It proposes to hold an account's messages and bans nobody: whose computer the mail comes from is
//! often the victim. Of a host, and of the server, it tells.
//!
//! Misses on purpose: an account that always sends so much; spam to people whom the account writes
//! to, at its usual pace; spam to good addresses from the owner's own place, below four times
//! `recipients_min`; a wave of fewer than five accounts, or below `server_factor` times what a busy
//! server sends to strangers anyway.

use super::deferred_surge::names_block;
use super::{DetectorSpec, blocked_surge, host_of};
use crate::client::ClientKey;
use crate::config::{Outbound, Surge};
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::{lower, mix, short};
use crate::join::ShortName;
use crate::state::{MailRow, SenderRow, State};
use crate::table::Row as _;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::net::IpAddr;
use event::{Event, Kind, Measure, Mode, Outcome, Subject, Text, canonical};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "outbound-surge",
    summary: "An account, or all of a server, sends more than usual to strangers or bad addresses.",
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
/// How much a recipient weighs, thousandths: of a message from a place that the account did not
/// send from for days; from one of which nobody knows whose it is, as a webmail's; from its own.
const AWAY: u32 = 2_000;
const ANYWHERE: u32 = 1_000;
const OWN: u32 = 250;
/// So many times what is usual passes the quota.
const QUOTA_FACTOR: u32 = 3;
/// A message to more is counted before anybody says what became of it.
const FEW: u32 = 5;
/// So many strangers of one sender, at weight one, and so many refusals count for the whole server
/// in ten minutes: what one does alone is told of himself.
const SERVER_PARTS: u64 = 4;
/// From so many recipients on lines are kept as evidence, thousandths: most messages stay alone.
const EVIDENCE_MIN: u32 = 3_000;
/// Hosts have keys of their own.
const HOST: u64 = 0x686f_7374;

/// What an event says of outbound mail. Most say nothing.
#[inline]
pub(crate) fn note(engine: &mut Engine, event: &Event<'_>, out: &mut Vec<Output>) {
    let Some(queue_id) = event.queue_id else { return };
    if engine.config.outbound_surge.mode == Mode::Off {
        return;
    }
    // Where nobody sends, nothing is anybody's.
    let has_mails = engine.state.mails.len() > 0;
    match (event.kind, event.outcome) {
        (Kind::Auth | Kind::Message, Outcome::Allowed) => {
            if let Some(sender) = sender(event) {
                taken(engine, event, queue_id, &sender);
            }
            if event.recipients > 0 && (has_mails || event.account.is_some()) {
                announced(engine, event, queue_id, out);
            }
        }
        (Kind::Delivery, _) if has_mails => delivered(engine, event, queue_id, out),
        _ => {}
    }
}

/// Who hands a message in: an account, or a host that may send without a login.
enum Sender<'a> {
    Account(Text<'a>),
    /// An address of a private network or this host's.
    Client(IpAddr),
    /// A program on the host that wrote the line.
    Host(Text<'a>),
}

#[inline]
fn sender<'a>(event: &Event<'a>) -> Option<Sender<'a>> {
    if let Some(account) = event.account {
        return Some(Sender::Account(account));
    }
    if event.kind != Kind::Message || event.recipients > 0 && event.client.is_none() {
        return None;
    }
    match event.client {
        Some(client) => is_private(client).then_some(Sender::Client(client)),
        None if event.service.bytes() == b"pickup" => Some(Sender::Host(Text(host_of(event)))),
        None => None,
    }
}

/// Loopback and the networks of RFC 1918 and RFC 4193: nobody there is a stranger's mail server.
const fn is_private(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback(),
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

/// A message was taken in from somebody who may send. His row is left alone until it is known what
/// became of the message.
fn taken(engine: &mut Engine, event: &Event<'_>, queue_id: Text<'_>, from: &Sender<'_>) {
    let (key, now_s, seed) = (key(engine, event, queue_id), engine.now_s(), engine.config.seed);
    let sender = match from {
        Sender::Account(name) => lower(seed, name.bytes()),
        Sender::Client(client) => mix(address_hash(*client), HOST),
        Sender::Host(name) => mix(lower(seed, name.bytes()), HOST),
    };
    let Some(mail) = engine.state.mails.entry(key) else { return };
    let is_stale = now_s.saturating_sub(mail.stamp_s) > MAIL_S;
    mail.stamp_s = now_s;
    if mail.sender == sender && !is_stale {
        return;
    }
    *mail = MailRow::with_key(key);
    (mail.sender, mail.stamp_s) = (sender, now_s);
    let client = event.client.and_then(ClientKey::of);
    mail.place = client.map_or(0, |client| short(mix(client.prefix().0, seed)));
    mail.is_private = event.client.is_some_and(is_private);
    mail.is_host = !matches!(from, Sender::Account(_));
    mail.name = match from {
        Sender::Account(name) | Sender::Host(name) => ShortName::of(name.bytes()),
        Sender::Client(client) => ShortName::of(client.to_string().as_bytes()),
    };
}

fn address_hash(client: IpAddr) -> u64 {
    match canonical(client) {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => mix((v6.to_bits() >> 64) as u64, v6.to_bits() as u64),
    }
}

/// The queue manager says to how many a message goes. Few are counted with what became of them.
fn announced(engine: &mut Engine, event: &Event<'_>, queue_id: Text<'_>, out: &mut Vec<Output>) {
    let (key, now_s) = (key(engine, event, queue_id), engine.now_s());
    let Some(mail) = mail_of(&mut engine.state, key, now_s) else { return };
    mail.is_announced = true;
    mail.uncounted += event.recipients.saturating_sub(mail.recipients);
    mail.recipients = mail.recipients.max(event.recipients);
    if mail.uncounted > FEW {
        count(engine, event, key, None, out);
    }
}

/// What became of one recipient.
fn delivered(engine: &mut Engine, event: &Event<'_>, queue_id: Text<'_>, out: &mut Vec<Output>) {
    let Some(Text(recipient)) = event.recipient else { return };
    let (key, now_s) = (key(engine, event, queue_id), engine.now_s());
    let Some(mail) = mail_of(&mut engine.state, key, now_s) else { return };
    mail.finals = mail.finals.saturating_add(u32::from(event.outcome != Outcome::Deferred));
    mail.uncounted += mail.finals.saturating_sub(mail.recipients);
    mail.recipients = mail.recipients.max(mail.finals);
    let recipient = lower(engine.config.seed, recipient);
    // Who has this host on a block list says nothing of the recipient, nor of the sender.
    let outcome = match event.outcome {
        Outcome::Rejected if names_block(event) => Outcome::Deferred,
        outcome => outcome,
    };
    count(engine, event, key, Some((recipient, outcome)), out);
}

/// The message behind a queue id, where somebody sent it who is looked at.
fn mail_of(state: &mut State, key: u64, now_s: u32) -> Option<&mut MailRow> {
    let mail = state.mails.touch(key)?;
    if now_s.saturating_sub(mail.stamp_s) > MAIL_S {
        return None;
    }
    mail.stamp_s = now_s;
    Some(mail)
}

/// Counts what of a message is not counted yet for its sender, and judges it.
fn count(
    engine: &mut Engine,
    event: &Event<'_>,
    key: u64,
    recipient: Option<(u64, Outcome)>,
    out: &mut Vec<Output>,
) {
    let (now_s, seq) = (engine.now_s(), engine.seq);
    let Some(mail) = engine.state.mails.touch(key) else { return };
    let more = core::mem::take(&mut mail.uncounted).saturating_mul(1000);
    let mail = *mail;
    // Nothing more will come of it.
    if mail.is_announced && mail.finals >= mail.recipients {
        engine.state.mails.remove(key);
    }
    let Some(sender) = engine.state.senders.entry(mail.sender) else { return };
    sender.end_of_day(now_s);
    sender.tally.fade(now_s, HOUR_S);
    let weight = sender.messages_of(&mail, more, now_s);
    let news = recipient.map(|(recipient, outcome)| {
        let is_fresh = sender.recipient(recipient, outcome, now_s);
        News { recipient, weight, is_fresh, is_refused: outcome == Outcome::Rejected }
    });
    if sender.tally.recipients >= EVIDENCE_MIN {
        sender.lines.push(seq);
    }
    let least = engine.config.outbound_surge.recipients_min.saturating_mul(1000);
    if sender.tally.weighed.max(sender.tally.recipients) >= least || sender.bad >= BAD_MAX {
        judge(engine, &mail, now_s, out);
    }
    if let Some(news) = news.filter(|news| news.is_fresh || news.is_refused) {
        judge_server(engine, event, mail.sender, news, out);
    }
}

/// A recipient, as the whole server sees him.
#[derive(Clone, Copy)]
struct News {
    recipient: u64,
    /// Thousandths.
    weight: u32,
    is_fresh: bool,
    is_refused: bool,
}

impl News {
    /// What he adds to the strangers to whom all write, as hashes: so many as he weighs, of each
    /// sender a few only.
    fn parts(self, sender: u64) -> impl Iterator<Item = u64> {
        let part = self.part(sender);
        let rest = u32::from(self.recipient % 1000 < u64::from(self.weight % 1000));
        (0..u64::from(self.weight / 1000 + rest)).map(move |copy| mix(part, copy))
    }

    const fn part(self, sender: u64) -> u64 {
        mix(sender, (self.recipient >> 32) % SERVER_PARTS)
    }
}

/// A stranger, or a refusal, more in what all of a mail server send.
fn judge_server(
    engine: &mut Engine,
    event: &Event<'_>,
    sender: u64,
    news: News,
    out: &mut Vec<Output>,
) {
    let Outbound { mode, server_factor: surge_factor, .. } = engine.config.outbound_surge;
    let Outbound { server_strangers_min, server_refused_min, .. } = engine.config.outbound_surge;
    let rule = |least| Surge { mode, least, surge_factor };
    let (strangers, refusals) = (rule(server_strangers_min), rule(server_refused_min));
    let server = lower(engine.config.seed, host_of(event));
    let (now_s, seq) = (engine.now_s(), engine.seq);
    let Some(row) = engine.state.surges.servers.entry(server) else { return };
    row.turn(now_s, &strangers, &refusals);
    let mut told = None;
    if news.is_fresh {
        let parts = news.parts(sender);
        told = parts.filter_map(|part| row.strangers.note(part, seq, now_s, &strangers)).last();
    }
    if news.is_refused {
        told = row.refused.note(news.part(sender), seq, now_s, &refusals).or(told);
    }
    if let Some(told) = told {
        blocked_surge::tell(engine, &SPEC, strangers, event, told, out);
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
            self.forget_latest();
        }
    }

    /// More recipients of a message, in thousandths. How much each of them weighs.
    fn messages_of(&mut self, mail: &MailRow, more: u32, now_s: u32) -> u32 {
        let place = (mail.place != 0 && !mail.is_host).then_some(mail.place);
        let weight = match place.and_then(|place| self.from(place, now_s)) {
            Some(false) => AWAY,
            Some(true) if !mail.is_private => OWN,
            // Of who never sent for days nobody knows where he is at home.
            _ => ANYWHERE,
        };
        let weighed = u64::from(more) * u64::from(weight) / 1000;
        let tally = &mut self.tally;
        tally.recipients = tally.recipients.saturating_add(more);
        tally.weighed = tally.weighed.saturating_add(u32::try_from(weighed).unwrap_or(u32::MAX));
        self.day_most = self.day_most.max(tally.recipients);
        weight
    }

    /// Somebody whom it writes to, and what became of it. True where it never wrote to him before.
    fn recipient(&mut self, recipient: u64, outcome: Outcome, now_s: u32) -> bool {
        let is_fresh = self.known.note(recipient, &mut self.known_s, now_s, KNOWN_S);
        let is_final = outcome != Outcome::Deferred;
        let is_failed = outcome == Outcome::Rejected;
        let add = |part: &mut u32, is_so: bool| {
            *part = part.saturating_add(u32::from(is_so) * 1000);
        };
        add(&mut self.tally.named, is_fresh || is_final);
        add(&mut self.tally.fresh, is_fresh);
        add(&mut self.tally.failed, is_failed);
        match (is_final, is_failed) {
            (true, true) => self.bad = self.bad.saturating_add(REFUSED),
            (true, false) => self.bad = self.bad.saturating_sub(TAKEN),
            _ => {}
        }
        is_fresh
    }

    /// How far what it sends now is beyond what it may; the points of it, thousandths.
    fn surge(&self, rule: &Outbound, now_s: u32) -> Option<u32> {
        let tally = self.tally;
        let usual = self.usual.at(now_s, USUAL_HALF_LIFE_S);
        let is_share = |part: u32, percent: u32| {
            u64::from(part) * 100 >= u64::from(tally.named) * u64::from(percent)
        };
        let least = rule.recipients_min.saturating_mul(1000);
        let is_many =
            |recipients: u32| recipients >= least.max(usual.saturating_mul(rule.surge_factor));
        let is_surge = tally.named >= least / 4
            && (is_many(tally.weighed) && is_share(tally.fresh, rule.fresh_percent)
                || is_many(tally.weighed.max(tally.recipients))
                    && is_share(tally.failed, rule.failed_percent));
        let is_list = self.bad >= BAD_MAX;
        let is_quota = tally.recipients >= rule.quota.saturating_mul(1000)
            && tally.recipients >= usual.saturating_mul(QUOTA_FACTOR);
        (is_surge || is_list || is_quota).then_some(tally.recipients)
    }
}

/// Whose mail it is; none where the name was too long.
fn subject(mail: &MailRow) -> Option<Subject> {
    let name = mail.name.lower()?;
    if !mail.is_host {
        return Some(Subject::Account(name));
    }
    let address = core::str::from_utf8(&name).ok().and_then(|name| name.parse().ok());
    Some(address.map_or(Subject::Host(name), Subject::Client))
}

fn judge(engine: &mut Engine, mail: &MailRow, now_s: u32, out: &mut Vec<Output>) {
    let rule = engine.config.outbound_surge;
    let Some(sender) = engine.state.senders.touch(mail.sender) else { return };
    let Some(score) = sender.surge(&rule, now_s) else { return };
    if sender.told_s != 0 && now_s.saturating_sub(sender.told_s) < PAUSE_S {
        return;
    }
    (sender.told_s, sender.bad) = (now_s, 0);
    let evidence = sender.lines.evidence(engine.seq);
    let Some(subject) = subject(mail) else { return };
    let verdict =
        Verdict { detector: SPEC.name, mode: rule.mode, ban_s: rule.hold_s, score, evidence };
    match subject {
        Subject::Account(_) => engine.propose(&verdict, subject, Measure::Hold, out),
        _ => engine.find(&verdict, subject, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Input};
    use alloc::format;
    use event::{Server, Timestamp};

    /// Whom forty messages to strangers are told of, that no account sent.
    fn told(client: Option<&str>, service: &str) -> Option<Subject> {
        let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
        for number in 0..40 {
            let at = Timestamp::from_seconds(1_700_000_000 + number * 20);
            let (id, stranger) = (format!("A{number}"), format!("stranger{number}@example.net"));
            let (kind, allowed) = (Kind::Message, Outcome::Allowed);
            let begin = Event {
                client: client.map(|client| client.parse().unwrap()),
                queue_id: Some(Text(id.as_bytes())),
                host: Some(Text(b"mail")),
                ..Event::new(at, Server::Postfix, Text(service.as_bytes()), kind, allowed)
            };
            let queued = Event { client: None, service: Text(b"qmgr"), recipients: 1, ..begin };
            let sent = Event {
                kind: Kind::Delivery,
                service: Text(b"smtp"),
                recipient: Some(Text(stranger.as_bytes())),
                recipients: 0,
                ..queued
            };
            for event in [begin, queued, sent] {
                engine.step(number as u64, &Input::Event(&event), &mut out);
            }
        }
        assert!(out.len() <= 1, "told once, nothing decided: {out:?}");
        out.into_iter().find_map(|output| match output {
            Output::Finding(finding) => Some(finding.subject),
            _ => None,
        })
    }

    #[test]
    fn a_host_that_sends_without_a_login_is_told_of_where_it_is_one_of_ours() {
        assert_eq!(told(None, "pickup"), Some(Subject::Host((*b"mail").into())));
        let inside = "192.168.7.9".parse().unwrap();
        assert_eq!(told(Some("192.168.7.9"), "smtpd"), Some(Subject::Client(inside)));
        assert_eq!(told(Some("198.51.100.7"), "smtpd"), None, "mail that comes in");
    }
}
