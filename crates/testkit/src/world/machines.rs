//! Machines that read mail, and people's shared mailboxes: teams, copiers, monitors, backups.

use super::build::Builder;
use super::chance::mix;
use super::clock::{DAY, HOUR, MINUTE, Micros, SECOND, seconds};
use super::devices;
use super::internet::{OperatorIx, Trade};
use super::names;
use super::people::Person;
use super::servers::Service;
use super::session::message::{Mail, To};
use super::session::submission::{CLIENT, Way};
use super::session::{Answer, Try};
use super::stage::{Mind, Stage};
use super::truth::{Habit, Kind};
use super::write::dovecot::Protocol;
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) fn machines(builder: &mut Builder<'_>, people: &[Arc<Person>]) {
    let numbers = builder.numbers.clone();
    for number in 0..numbers.teams as u64 {
        team(builder, people, number);
    }
    for person in people {
        fetcher(builder, person);
    }
    for number in 0..numbers.copiers as u64 {
        copier(builder, Kind::Copier, number);
    }
    for number in 0..numbers.broken_copiers as u64 {
        copier(builder, Kind::BrokenCopier, number);
    }
    for number in 0..numbers.monitors as u64 {
        monitor(builder, Kind::Monitor, number);
    }
    for number in 0..numbers.wrong_monitors as u64 {
        monitor(builder, Kind::WrongMonitor, number);
    }
    for number in 0..numbers.backups as u64 {
        backup(builder, number);
    }
}

const TEAMS: [&str; 8] =
    ["info", "sales", "support", "office", "accounting", "hr", "service", "reception"];

/// Members see one mailbox in their own programs, each from his own places.
fn team(builder: &mut Builder<'_>, people: &[Arc<Person>], number: u64) {
    let mut chance = builder.chance(Kind::Team, number);
    let name = TEAMS[number as usize % TEAMS.len()];
    let account = match number < TEAMS.len() as u64 {
        true => builder.account(name),
        false => builder.account(&format!("{name}{number}")),
    };
    for _ in 0..chance.within(3, 9) {
        let member = Arc::clone(chance.pick(people));
        let shared = Person {
            account,
            seed: mix(u64::from(account), 0x7ea3),
            changes: Vec::new(),
            forgets: Vec::new(),
            habits: Vec::new(),
            types: false,
            mails_per_day: member.mails_per_day / 3.0,
            ..Person::clone(&member)
        };
        devices::add(builder, &mut chance, &Arc::new(shared), Kind::Team, 1.0);
    }
}

/// An address in an office, or one that a business has for itself.
fn fixed(builder: &Builder<'_>, chance: &mut super::chance::Chance) -> IpAddr {
    match builder.site.offices.is_empty() || chance.is(0.3) {
        true => {
            let operator = builder.site.internet.of(chance, Trade::Offices, Some(true));
            builder.site.internet.v4(operator, chance.bits()).into()
        }
        false => *chance.pick(&builder.site.offices),
    }
}

struct Copier {
    client: IpAddr,
    account: u32,
    is_broken: bool,
    mechanism: &'static str,
    /// Tries left for the job that does not go through.
    tries: u32,
}

fn copier(builder: &mut Builder<'_>, kind: Kind, number: u64) {
    let mut chance = builder.chance(kind, number);
    let account = builder.account(&format!("scan{number}-{}", kind.name()));
    let copier = Copier {
        client: fixed(builder, &mut chance),
        account,
        is_broken: kind == Kind::BrokenCopier,
        mechanism: chance.pick::<&str>(&["NTLM", "CRAM-MD5", "DIGEST-MD5", "GSSAPI"]),
        tries: 0,
    };
    let begins = builder.start + chance.within(0, DAY);
    builder.add(kind, None, Some(copier.account), begins, Box::new(copier));
}

impl Mind for Copier {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let hour = stage.site.zone.hour(stage.at);
        if !stage.site.is_working_day(stage.at) || !(7.5..19.0).contains(&hour) {
            return Some(stage.next_workday(8.0) + stage.chance.within(0, 3 * HOUR));
        }
        if !stage.admits(self.client) {
            return Some(stage.at + 5 * MINUTE);
        }
        if self.is_broken {
            stage.submit_wrongly(self.client, self.mechanism);
            self.tries = if self.tries == 0 { 4 } else { self.tries - 1 };
            let wait = if self.tries > 0 { 5.0 * 60.0 } else { 10_000.0 };
            return Some(stage.at + seconds(stage.chance.about(wait, 0.1)));
        }
        let count = stage.site.people as usize;
        let mail = Mail {
            from: stage.site.login(self.account).to_owned(),
            to: vec![To::Here(stage.chance.index(count) as u32)],
            subject: format!("Scan from MFP-{:04}", self.account % 9_973),
            size: stage.chance.log_normal(600_000.0, 0.9) as u64,
            is_spam: false,
        };
        let name = stage.site.login(self.account);
        let attempt = right(self.client, name, self.account);
        let way = Way { has_tls: false, mechanism: "LOGIN", ..CLIENT };
        stage.submit(way, &attempt, "copier", &[mail]);
        Some(stage.at + seconds(stage.chance.exponential(2_400.0)).max(20 * SECOND))
    }
}

fn right<'a>(client: IpAddr, name: &'a str, account: u32) -> Try<'a> {
    Try { client, name, account: Some(account), secret: 2, is_right: true }
}

struct Monitor {
    client: IpAddr,
    account: u32,
    is_wrong: bool,
    every: Micros,
    door: u64,
}

fn monitor(builder: &mut Builder<'_>, kind: Kind, number: u64) {
    let mut chance = builder.chance(kind, number);
    let operator = builder.site.internet.of(&mut chance, Trade::Hosting, None);
    let is_wrong = kind == Kind::WrongMonitor;
    let account = builder.account(&format!("check{number}-{}", kind.name()));
    let client = builder.site.internet.v4(operator, chance.bits()).into();
    if is_wrong {
        // Who makes a machine guess by design knows its address.
        builder.site.allowed.push(client);
    }
    let monitor = Monitor {
        client,
        account,
        is_wrong,
        every: if is_wrong { 5 * MINUTE } else { MINUTE },
        door: number,
    };
    let begins = builder.start + chance.within(0, MINUTE);
    builder.add(kind, None, Some(monitor.account), begins, Box::new(monitor));
}

impl Mind for Monitor {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if stage.admits(self.client) {
            let name = stage.site.login(self.account);
            let attempt =
                Try { is_right: !self.is_wrong, ..right(self.client, name, self.account) };
            if self.is_wrong || self.door.is_multiple_of(2) {
                let open = stage.pause(10, 90);
                stage.mailbox(Protocol::Imap, &attempt, open);
            } else {
                stage.greet(self.client, Service::Submission);
                stage.silent_mailbox(Protocol::Pop3, self.client, false);
            }
        }
        Some(stage.at + self.every + stage.pause(-30, 30))
    }
}

struct Backup {
    client: IpAddr,
    accounts: Vec<u32>,
    turn: usize,
}

fn backup(builder: &mut Builder<'_>, number: u64) {
    let mut chance = builder.chance(Kind::Backup, number);
    let share = builder.numbers.backup_share;
    let accounts = (0..builder.site.people).filter(|_| chance.is(share)).collect();
    let client = fixed(builder, &mut chance);
    let backup = Backup { client, accounts, turn: 0 };
    let begins = builder.site.zone.at(builder.site.zone.day(builder.start), 26.0);
    builder.add(Kind::Backup, None, None, begins, Box::new(backup));
}

impl Mind for Backup {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let zone = stage.site.zone;
        let tomorrow = zone.at(zone.day(stage.at) + 1, 2.0) + stage.pause(0, 90_000);
        if self.turn >= self.accounts.len() || !stage.admits(self.client) {
            self.turn = 0;
            return Some(tomorrow);
        }
        let account = self.accounts[self.turn];
        self.turn += 1;
        let name = stage.site.login(account);
        let open = seconds(stage.chance.log_normal(4.0, 1.0));
        stage.mailbox(Protocol::Imap, &right(self.client, name, account), open);
        Some(stage.at + open + stage.pause(50, 500))
    }
}

/// A large provider that fetches a mailbox for its user by POP3, from any of its many addresses.
struct Fetcher {
    person: Arc<Person>,
    operator: OperatorIx,
    base: u64,
    every: Micros,
    /// The user tells it of a new password late.
    stale_until: Micros,
    failures: u32,
}

fn fetcher(builder: &mut Builder<'_>, person: &Arc<Person>) {
    let mut chance = builder.chance(Kind::Fetcher, u64::from(person.account));
    if !chance.is(builder.numbers.fetch_share) || person.has(Habit::Joins) {
        return;
    }
    let late = seconds(chance.log_normal(3.0 * 86_400.0, 0.8));
    let fetcher = Fetcher {
        person: Arc::clone(person),
        operator: builder.site.internet.of(&mut chance, Trade::Senders, Some(false)),
        base: chance.below(3),
        every: chance.within(5, 60) * MINUTE,
        stale_until: person.changes.first().map_or(Micros::MIN, |change| change + late),
        failures: 0,
    };
    let begins = builder.start + chance.within(0, DAY / 4);
    builder.add(Kind::Fetcher, None, Some(person.account), begins, Box::new(fetcher));
}

impl Mind for Fetcher {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let at = stage.at;
        let host = self.base * 1_000 + stage.chance.below(120);
        let client = stage.site.internet.v4(self.operator, host).into();
        if stage.admits(client) {
            let epoch = self.person.epoch(at);
            let known = if at < self.stale_until { epoch.saturating_sub(1) } else { epoch };
            let account = self.person.account;
            let name = stage.site.login(account);
            let secret = self.person.secret(known);
            let is_right = known == epoch;
            let attempt = Try { client, name, account: Some(account), secret, is_right };
            let open = seconds(stage.chance.log_normal(2.0, 0.6));
            let answer = stage.mailbox(Protocol::Pop3, &attempt, open);
            self.failures = if answer == Answer::In { 0 } else { self.failures + 1 };
        }
        // It asks less often where it is turned away.
        let slower = i64::from(self.failures.clamp(1, 24));
        Some(at + self.every * slower + stage.pause(-60_000, 60_000))
    }
}

/// A scan's or report's subject of a machine.
pub(crate) fn subject(stage: &mut Stage<'_>) -> String {
    names::subject(stage.chance.bits())
}
