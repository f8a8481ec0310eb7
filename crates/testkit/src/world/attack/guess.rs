//! The guesser: names and passwords from somewhere, at some pace, at some door.

use super::source::Source;
use super::targets::Targets;
use crate::world::chance::Chance;
use crate::world::clock::{Micros, SECOND, seconds};
use crate::world::servers::Service;
use crate::world::session::submission::Way;
use crate::world::session::{Answer, Try};
use crate::world::stage::{Mind, Stage};
use crate::world::write::dovecot::Protocol;
use std::net::IpAddr;

/// Where he knocks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    Mailbox(Protocol),
    Smtp(Way),
}

impl Door {
    pub fn any(chance: &mut Chance) -> Self {
        let way = |service, mechanism, has_tls| {
            Door::Smtp(Way { service, mechanism, quits: false, has_tls })
        };
        match chance.below(10) {
            0..3 => Door::Mailbox(Protocol::Imap),
            3 => Door::Mailbox(Protocol::Pop3),
            4..6 => way(Service::Submission, "LOGIN", true),
            6 => way(Service::Submissions, "PLAIN", true),
            _ => way(Service::Smtpd, "LOGIN", false),
        }
    }
}

/// When the next try comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// About every so many seconds, give or take a share.
    Even(f64, f64),
    /// Without memory.
    Random(f64),
    /// So many at so many seconds, then a rest.
    Bursts { count: u64, gap_s: f64, rest_s: f64 },
}

impl Pace {
    fn gap(self, chance: &mut Chance, turn: u64) -> Micros {
        seconds(match self {
            Pace::Even(mean, share) => chance.about(mean, share),
            Pace::Random(mean) => chance.exponential(mean),
            Pace::Bursts { count, rest_s, .. } if turn.is_multiple_of(count) => {
                chance.about(rest_s, 0.15)
            }
            Pace::Bursts { gap_s, .. } => chance.about(gap_s, 0.4),
        })
    }
}

pub(crate) struct Guesser {
    pub source: Source,
    pub door: Door,
    pub targets: Targets,
    pub pace: Pace,
    /// Tries left.
    pub left: u64,
    /// No later than that.
    pub until: Micros,
    /// An account of his own, and after how many tries he logs in to it.
    pub own: Option<(u32, u64)>,
    /// Of guesses at accounts that there are, those that are right. He goes on all the same.
    pub hits: f64,
    /// How often he was refused in a row; he gives up in the end.
    pub refusals: u32,
    /// The try that is right, if one is.
    pub right_at: Option<u64>,
    /// From where he came in.
    pub entered: Option<IpAddr>,
}

/// Somebody with one address tries so often whether the door is open again.
const PATIENCE: u32 = 40;

impl Mind for Guesser {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if self.left == 0 || stage.at >= self.until {
            return None;
        }
        let client = self.source.next(stage.site, stage.at)?;
        if !stage.admits(client) {
            self.refusals += 1;
            let wait = self.source.refused(stage.chance);
            let is_lone = wait > 600 * SECOND;
            return (!is_lone || self.refusals < PATIENCE).then_some(stage.at + wait);
        }
        self.refusals = 0;
        let turn = self.targets.turn;
        if let Some((own, every)) = self.own
            && turn % every == every - 1
        {
            self.launder(stage, client, own);
        }
        self.guess(stage, client);
        let gap = self.pace.gap(stage.chance, self.targets.turn);
        Some(stage.at + gap)
    }
}

impl Guesser {
    fn guess(&mut self, stage: &mut Stage<'_>, client: IpAddr) {
        self.left -= 1;
        let is_planned = self.right_at == Some(self.targets.turn);
        let (name, secret) = self.targets.next();
        let is_hit = self.hits > 0.0 && name.account.is_some() && stage.chance.is(self.hits);
        let is_right = is_planned || is_hit;
        let attempt = Try { client, name: &name.text, account: name.account, secret, is_right };
        match knock(stage, self.door, &attempt) {
            Answer::In if is_planned => {
                self.entered = Some(client);
                self.left = 0;
            }
            // In an outage nobody knows: he comes to it again in the next round.
            Answer::Unchecked if is_planned => {
                self.right_at = Some(self.targets.turn - 1 + self.targets.names.len() as u64);
            }
            _ => {}
        }
    }

    /// The right password of an account of his own, from where he guesses.
    fn launder(&mut self, stage: &mut Stage<'_>, client: IpAddr, own: u32) {
        let name = stage.site.login(own);
        let attempt = Try { client, name, account: Some(own), secret: 1, is_right: true };
        knock(stage, self.door, &attempt);
    }
}

/// One try at a door.
pub(crate) fn knock(stage: &mut Stage<'_>, door: Door, attempt: &Try<'_>) -> Answer {
    match door {
        Door::Mailbox(protocol) => {
            let open = stage.pause(300, 3_000);
            stage.mailbox(protocol, attempt, open)
        }
        Door::Smtp(way) => stage.submit(way, attempt, "User", &[]),
    }
}
