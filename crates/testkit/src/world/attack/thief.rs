//! Who has a password that is not his, and what he does with the account.

use super::guess::Guesser;
use super::source::Source;
use crate::world::chance::Chance;
use crate::world::clock::{DAY, HOUR, MINUTE, Micros, SECOND, seconds};
use crate::world::names::{self, PROVIDERS};
use crate::world::session::message::{Mail, To};
use crate::world::session::submission::CLIENT;
use crate::world::session::{Answer, Try};
use crate::world::stage::{Mind, Stage};
use crate::world::write::dovecot::Protocol;
use crate::world::write::postfix::Fate;

/// What the account is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum After {
    /// As much spam as goes out before somebody notices.
    Burst,
    /// A few messages, each day some more.
    Ramp,
    /// Reading, for weeks.
    Quiet,
    /// Mail that looks like the owner's, more from week to week, then a burst.
    Poison { until: Micros },
    /// One of many accounts: a few messages an hour, as a person might write, until the list ends.
    Share { gap: Micros },
}

/// What a run of spam is about.
const SPAM: [&str; 6] = [
    "Your parcel # waits",
    "Security alert # for your account",
    "Shared document no. #",
    "Re: payment #",
    "Pills for less: # offers",
    "Your prize # is ready",
];

pub(crate) struct Thief {
    pub account: u32,
    pub source: Source,
    pub after: After,
    /// Messages left.
    pub left: u64,
    pub until: Micros,
    /// When he came first.
    pub came: Option<Micros>,
    /// Turned away so often.
    pub failures: u32,
    /// Words of this spam run.
    pub seed: u64,
}

impl Thief {
    pub fn new(
        chance: &mut Chance,
        account: u32,
        source: Source,
        after: After,
        until: Micros,
    ) -> Self {
        let left = match after {
            After::Burst | After::Poison { .. } => chance.within(150, 1_500) as u64,
            After::Ramp => 4_000,
            After::Quiet => 0,
            After::Share { .. } => chance.within(12, 60) as u64,
        };
        Thief { account, source, after, left, until, came: None, failures: 0, seed: chance.bits() }
    }

    fn read(&mut self, stage: &mut Stage<'_>, client: std::net::IpAddr) -> Answer {
        let name = stage.site.login(self.account);
        let open = seconds(stage.chance.log_normal(240.0, 1.0));
        let attempt = Try { client, name, account: Some(self.account), secret: 4, is_right: true };
        stage.mailbox(Protocol::Imap, &attempt, open)
    }

    fn write(&mut self, stage: &mut Stage<'_>, client: std::net::IpAddr) -> Answer {
        let mails: Vec<Mail> = match self.after {
            _ if self.is_quiet_time(stage.at) => vec![self.mail(stage, 1, true)],
            After::Share { .. } => {
                let count = stage.chance.within(1, 2) as u64;
                vec![self.mail(stage, count, false)]
            }
            _ => (0..stage.chance.within(1, 4))
                .map(|_| {
                    let count = stage.chance.log_normal(6.0, 0.9).clamp(1.0, 60.0) as u64;
                    self.mail(stage, count, false)
                })
                .collect(),
        };
        self.left = self.left.saturating_sub(mails.len() as u64);
        let name = stage.site.login(self.account);
        let attempt = Try { client, name, account: Some(self.account), secret: 4, is_right: true };
        stage.submit(CLIENT, &attempt, &names::computer(self.seed), &mails)
    }

    /// While he makes the account used to him.
    fn is_quiet_time(&self, at: Micros) -> bool {
        matches!(self.after, After::Poison { until } if at < until)
    }

    fn mail(&self, stage: &mut Stage<'_>, count: u64, is_hidden: bool) -> Mail {
        let to = (0..count)
            .map(|_| {
                let domain = match stage.chance.is(0.5) {
                    true => stage.chance.below(PROVIDERS),
                    false => stage.chance.below(stage.site.domains),
                };
                let fate = match stage.chance.below(100) {
                    _ if is_hidden => Fate::Sent,
                    0..18 => Fate::Unknown,
                    18..28 => Fate::Unwanted,
                    28..32 => Fate::NoDomain,
                    32..40 => Fate::Later,
                    _ => Fate::Sent,
                };
                To::There { domain, user: stage.chance.bits() >> 18, fate }
            })
            .collect();
        let subject = match is_hidden {
            true => names::subject(stage.chance.bits()),
            false => {
                let words = SPAM[(self.seed % SPAM.len() as u64) as usize];
                words.replace('#', &stage.chance.below(90_000).to_string())
            }
        };
        let from = stage.site.login(self.account).to_owned();
        Mail {
            from,
            to,
            subject,
            size: stage.chance.log_normal(4_000.0, 0.5) as u64,
            is_spam: true,
        }
    }

    /// The time to the next message.
    fn gap(&self, stage: &mut Stage<'_>, came: Micros) -> Micros {
        let day = (stage.at - came) as f64 / DAY as f64;
        let grown = |from: f64, daily: f64, most: f64| {
            let mut rate = from;
            for _ in 0..day as u32 {
                rate = (rate * daily).min(most);
            }
            rate
        };
        let per_day = match self.after {
            After::Poison { until } if stage.at < until => grown(5.0, 1.11, 70.0),
            After::Ramp => grown(3.0, 1.45, 900.0),
            After::Share { gap } => {
                return seconds(stage.chance.exponential(gap as f64 / SECOND as f64));
            }
            _ => return seconds(stage.chance.log_normal(8.0, 1.0)).max(seconds(0.5)),
        };
        stage.busy_gap(per_day)
    }
}

impl Mind for Thief {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let at = stage.at;
        if at >= self.until || self.failures > 4 {
            return None;
        }
        let client = self.source.next(stage.site, at)?;
        if !stage.admits(client) {
            self.failures += 1;
            return Some(at + self.source.refused(stage.chance));
        }
        let is_first = self.came.is_none();
        let came = *self.came.get_or_insert(at);
        // Whose passwords are many does not look into each mailbox.
        let looks = is_first && !matches!(self.after, After::Share { .. });
        let reads = looks || self.after == After::Quiet;
        let answer = match reads {
            true => self.read(stage, client),
            false => self.write(stage, client),
        };
        if answer != Answer::In && answer != Answer::Unchecked {
            self.failures += 1;
            return Some(at + seconds(stage.chance.between(60.0, 4_000.0)));
        }
        let gap = match (self.after, looks) {
            (After::Quiet, _) => seconds(stage.chance.log_normal(5.0 * 3_600.0, 0.7)),
            // Minutes to hours to value a mailbox.
            (_, true) => seconds(stage.chance.log_normal(1_500.0, 1.0)).min(9 * HOUR),
            _ => self.gap(stage, came),
        };
        (self.after == After::Quiet || self.left > 0).then_some(at + gap.max(MINUTE / 120))
    }
}

/// A guesser whose guess is right one day, and then a thief.
pub(crate) struct Burglar {
    pub guesser: Guesser,
    pub thief: Thief,
    /// The thief comes from where the guess was right.
    pub stays: bool,
}

impl Mind for Burglar {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if self.guesser.entered.is_some() {
            return self.thief.wake(stage);
        }
        let next = self.guesser.wake(stage);
        let Some(client) = self.guesser.entered else { return next };
        if self.stays {
            self.thief.source = Source::one(client);
        }
        // A third goes on at once; the others sell what they found.
        let wait = match stage.chance.is(0.35) {
            true => stage.chance.between(60.0, 1_800.0),
            false => stage.chance.log_normal(10.0 * 3_600.0, 0.9),
        };
        Some(stage.at + seconds(wait))
    }
}
