//! Machines that write mail: newsletters, mailing lists, invoices.

use super::build::Builder;
use super::chance::{Chance, mix};
use super::clock::{DAY, HOUR, MINUTE, Micros, date, seconds, weekday};
use super::internet::Trade;
use super::machines;
use super::names::PROVIDERS;
use super::session::message::{Mail, To};
use super::session::submission::CLIENT;
use super::session::{Answer, Try};
use super::stage::{Mind, Stage};
use super::truth::Kind;
use super::write::postfix::Fate;
use std::net::IpAddr;

pub(crate) fn senders(builder: &mut Builder<'_>) {
    let numbers = builder.numbers.clone();
    for number in 0..numbers.newsletters as u64 {
        let recipients = numbers.newsletter_recipients as u64;
        circular(builder, Kind::Newsletter, number, recipients);
    }
    for number in 0..numbers.invoice_machines as u64 {
        circular(builder, Kind::Invoices, number, 240);
    }
    for number in 0..numbers.lists as u64 {
        list(builder, number);
    }
}

/// A newsletter or a run of invoices: one message to each of a list, on its day.
struct Circular {
    kind: Kind,
    client: IpAddr,
    account: u32,
    recipients: u64,
    seed: u64,
    /// The next of the list; at the end of it, the next run is waited for.
    turn: u64,
    issue: u64,
}

fn circular(builder: &mut Builder<'_>, kind: Kind, number: u64, recipients: u64) {
    let mut chance = builder.chance(kind, number);
    let operator = builder.site.internet.of(&mut chance, Trade::Hosting, Some(true));
    let account = builder.account(&format!("{}{number}", kind.name()));
    let sender = Circular {
        kind,
        client: builder.site.internet.v4(operator, chance.bits()).into(),
        account,
        recipients,
        seed: chance.bits(),
        turn: u64::MAX,
        issue: 0,
    };
    builder.add(kind, None, Some(sender.account), builder.start + MINUTE, Box::new(sender));
}

impl Mind for Circular {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if self.turn >= self.recipients {
            self.turn = 0;
            self.issue += 1;
            return Some(self.next_run(stage));
        }
        if !stage.admits(self.client) {
            return Some(stage.at + 10 * MINUTE);
        }
        let name = stage.site.login(self.account);
        let attempt = Try {
            client: self.client,
            name,
            account: Some(self.account),
            secret: 3,
            is_right: true,
        };
        let count = (self.recipients - self.turn).min(8);
        let mails: Vec<Mail> = (0..count).map(|nth| self.mail(stage, self.turn + nth)).collect();
        if stage.submit(CLIENT, &attempt, "crm.example", &mails) != Answer::In {
            return Some(stage.at + 5 * MINUTE);
        }
        self.turn += count;
        Some(stage.at + seconds(stage.chance.about(12.0, 0.3)))
    }
}

impl Circular {
    /// Newsletters on a Tuesday, invoices on the last days of a month.
    fn next_run(&self, stage: &mut Stage<'_>) -> Micros {
        let zone = stage.site.zone;
        let today = zone.day(stage.at);
        let is_day = |day: i64| match self.kind {
            Kind::Newsletter => weekday(day) == 1,
            _ => date(day + 1).2 == 1,
        };
        let day = (today + 1..today + 40).find(|day| is_day(*day)).unwrap_or(today + 7);
        zone.at(day, 9.0) + stage.chance.within(0, 2 * HOUR)
    }

    fn mail(&self, stage: &mut Stage<'_>, place: u64) -> Mail {
        let key = mix(self.seed, place);
        // Stale ones are taken off the list after some issues; new ones come.
        let is_stale = mix(key, self.issue / 3).is_multiple_of(70);
        let to = member(stage, key, is_stale);
        let subject = match self.kind {
            Kind::Newsletter => format!("News from us, no. {}", self.issue),
            _ => format!("Invoice {}-{:05}", 4_000 + self.issue, place),
        };
        let from = stage.site.login(self.account).to_owned();
        Mail { from, to: vec![to], subject, size: 24_000 + key % 9_000, is_spam: false }
    }
}

/// Somebody on a list.
fn member(stage: &mut Stage<'_>, key: u64, is_stale: bool) -> To {
    let domain = match key % 10 {
        0..6 => (key >> 8) % PROVIDERS,
        _ => (key >> 8) % stage.site.domains,
    };
    let fate = match (is_stale, stage.chance.below(100)) {
        (true, _) => Fate::Unknown,
        (_, 0..3) => Fate::Later,
        _ => Fate::Sent,
    };
    To::There { domain, user: key >> 20, fate }
}

/// A mailing list: what a member writes goes to all, by a program on this host.
struct List {
    members: u64,
    seed: u64,
    per_day: f64,
    from: String,
}

fn list(builder: &mut Builder<'_>, number: u64) {
    let mut chance: Chance = builder.chance(Kind::MailingList, number);
    let list = List {
        members: chance.within(30, 160) as u64,
        seed: chance.bits(),
        per_day: chance.log_normal(4.0, 0.6),
        from: format!("list{number}-bounces@{}", builder.site.domain),
    };
    let begins = builder.start + chance.within(0, DAY / 4);
    builder.add(Kind::MailingList, None, None, begins, Box::new(list));
}

impl Mind for List {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let to = (0..self.members)
            .map(|place| {
                let key = mix(self.seed, place);
                member(stage, key, key.is_multiple_of(150))
            })
            .collect();
        let subject = format!("[list] {}", machines::subject(stage));
        let mail = Mail { from: self.from.clone(), to, subject, size: 6_000, is_spam: false };
        stage.inject(&mail);
        Some(stage.at + stage.busy_gap(self.per_day))
    }
}
