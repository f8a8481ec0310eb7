//! Who writes to the site from elsewhere: providers, small servers, newsletters, forwarders, and
//! those who are wrong here without meaning ill.

use super::build::Builder;
use super::chance::{Chance, mix};
use super::clock::{DAY, HOUR, MINUTE, Micros, SECOND, seconds, weekday};
use super::internet::Trade;
use super::names::{self, Peer};
use super::session::inbound::{Incoming, Target};
use super::stage::{Mind, Stage};
use super::truth::Kind;
use std::net::IpAddr;

pub(crate) fn inbound(builder: &mut Builder<'_>) {
    let numbers = builder.numbers.clone();
    let total = numbers.accounts * numbers.inbound_per_day;
    for number in 0..names::PROVIDERS {
        let rate = total * 0.6 / names::PROVIDERS as f64;
        server(builder, Kind::Provider, number, rate);
    }
    for number in 0..numbers.small_servers as u64 {
        server(builder, Kind::SmallServer, number, total * 0.3 / numbers.small_servers);
    }
    for number in 0..numbers.bulk_senders as u64 {
        server(builder, Kind::Bulk, number, 60.0);
    }
    for number in 0..numbers.forwarders as u64 {
        server(builder, Kind::Forwarder, number, total * 0.02);
    }
    for number in 0..numbers.retired_mx as u64 {
        retired(builder, number);
    }
    for number in 0..numbers.backscatters as u64 {
        backscatter(builder, number);
    }
    for number in 0..numbers.vrfy_askers as u64 {
        asker(builder, number);
    }
}

/// A server, or a provider's many, that brings messages.
struct Server {
    kind: Kind,
    domain: String,
    hosts: Vec<Peer>,
    per_day: f64,
    seed: u64,
    has_tls: bool,
    /// The greylist has not seen it yet; what it put off then comes again.
    is_known: bool,
    again: Option<Incoming>,
    /// Left of a newsletter's issue.
    issue: u64,
}

fn server(builder: &mut Builder<'_>, kind: Kind, number: u64, mean: f64) {
    if mean <= 0.0 {
        return;
    }
    let mut chance = builder.chance(kind, number);
    let chance = &mut chance;
    let domain = match kind {
        Kind::Provider => names::domain(number),
        _ => names::domain(names::PROVIDERS + mix(number, kind as u64) % builder.site.domains),
    };
    let (trade, count, at_home) = match kind {
        Kind::Provider => (Trade::Senders, chance.within(6, 40), None),
        Kind::Bulk => (Trade::Senders, chance.within(1, 4), None),
        _ => (Trade::Hosting, 1, chance.is(0.6).then_some(true)),
    };
    let operator = builder.site.internet.of(chance, trade, at_home);
    let base = chance.bits();
    let hosts: Vec<Peer> = (0..count as u64)
        .map(|n| Peer {
            name: Some(format!("mail-{}.{domain}", 10 + n * 3)),
            ip: match kind == Kind::Provider && n % 4 == 3 {
                true => builder.site.internet.v6(operator, base, n).into(),
                false => builder.site.internet.v4(operator, mix(base, n)).into(),
            },
        })
        .collect();
    let per_day = match kind {
        Kind::Provider | Kind::Bulk => chance.about(mean, 0.6),
        _ => chance.log_normal(mean * 0.7, 0.8).max(0.05),
    };
    if kind == Kind::SmallServer {
        builder.neighbours.extend(hosts.iter().map(|host| (domain.clone(), host.clone())));
    }
    let server = Server {
        kind,
        domain,
        hosts,
        per_day,
        seed: chance.bits(),
        has_tls: chance.is(0.85),
        is_known: !matches!(kind, Kind::SmallServer | Kind::Forwarder) || chance.is(0.5),
        again: None,
        issue: 0,
    };
    let begins = builder.start + seconds(chance.exponential(86_400.0 / per_day));
    builder.add(kind, None, None, begins, Box::new(server));
}

impl Mind for Server {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let peer = stage.chance.pick(&self.hosts).clone();
        if !stage.admits(peer.ip) {
            // A server keeps what it could not bring.
            return Some(stage.at + seconds(stage.chance.between(300.0, 1_800.0)));
        }
        let incoming = match self.again.take() {
            Some(again) => Incoming { is_new: false, is_greylisted: false, ..again },
            None => self.message(stage, &peer),
        };
        if !self.is_known {
            let incoming = Incoming { is_new: true, is_greylisted: true, ..incoming };
            stage.receive(&peer, &incoming);
            self.is_known = true;
            self.again = Some(incoming);
            return Some(stage.at + seconds(stage.chance.between(320.0, 1_400.0)));
        }
        stage.receive(&peer, &incoming);
        Some(self.next(stage))
    }
}

impl Server {
    fn next(&mut self, stage: &mut Stage<'_>) -> Micros {
        if self.kind != Kind::Bulk {
            return stage.at + stage.busy_gap(self.per_day);
        }
        self.issue += 1;
        if !self.issue.is_multiple_of(self.per_day as u64 + 1) {
            return stage.at + seconds(stage.chance.between(1.0, 20.0));
        }
        // The next issue: a week later, on this newsletter's day.
        let zone = stage.site.zone;
        let today = zone.day(stage.at);
        let day = (today + 1..today + 8).find(|day| weekday(*day) == (self.seed % 5) as i64);
        zone.at(day.unwrap_or(today + 7), 6.0) + stage.chance.within(0, 5 * HOUR)
    }

    fn message(&mut self, stage: &mut Stage<'_>, peer: &Peer) -> Incoming {
        let accounts = stage.site.people as usize;
        let wrong = match self.kind {
            Kind::Bulk => 0.05,
            Kind::SmallServer => 0.012,
            _ => 0.006,
        };
        let count = if stage.chance.is(0.85) { 1 } else { stage.chance.within(2, 4) };
        let targets = (0..count)
            .map(|_| {
                let account = stage.chance.index(accounts) as u32;
                match stage.chance.is(wrong) {
                    true => Target::Nobody(gone(stage, account)),
                    false => Target::Here(account),
                }
            })
            .collect();
        let user = names::stranger(stage.chance.bits() >> 10);
        let is_spam = self.kind == Kind::Forwarder && stage.chance.is(0.3)
            || self.kind == Kind::Provider && stage.chance.is(0.02);
        let subject = match (self.kind, is_spam) {
            (Kind::Bulk, _) => format!("Offers of the week, issue {}", self.issue / 50 + 1),
            (_, true) => format!("You have won no. {}", stage.chance.below(99_999)),
            _ => names::subject(stage.chance.bits()),
        };
        Incoming {
            from: match self.kind {
                Kind::Bulk => format!("bounce-{}@{}", stage.chance.below(90_000), self.domain),
                _ => format!("{user}@{}", self.domain),
            },
            helo: peer.name.clone().unwrap_or_default(),
            targets,
            subject,
            size: stage.chance.log_normal(12_000.0, 1.3) as u64 + 900,
            is_spam,
            has_tls: self.has_tls,
            is_new: false,
            is_greylisted: false,
            quits: true,
        }
    }
}

/// A name that was here once, or is mistyped.
fn gone(stage: &mut Stage<'_>, account: u32) -> String {
    let login = stage.site.login(account);
    let local = login.split('@').next().unwrap_or_default();
    match stage.chance.below(3) {
        0 => format!("{local}s"),
        1 => local.replacen('e', "", 1).replacen('.', "", 1) + "x",
        _ => format!("old.{local}"),
    }
}

/// A host that has this one as its way out, by mistake.
struct Retired {
    peer: Peer,
    domain: String,
    until: Micros,
}

fn retired(builder: &mut Builder<'_>, number: u64) {
    let mut chance = builder.chance(Kind::RetiredMx, number);
    let operator = builder.site.internet.of(&mut chance, Trade::Hosting, Some(true));
    let domain = names::domain(30_000 + number);
    let ip: IpAddr = builder.site.internet.v4(operator, chance.bits()).into();
    let begins = begins(builder, &mut chance);
    let peer = Peer { name: Some(format!("web1.{domain}")), ip };
    let until = begins + chance.within(2, 20) * DAY;
    builder.add(Kind::RetiredMx, None, None, begins, Box::new(Retired { peer, domain, until }));
}

fn begins(builder: &Builder<'_>, chance: &mut Chance) -> Micros {
    let hours = (builder.end - builder.start) / HOUR;
    builder.start + chance.within(hours / 20, hours * 8 / 10) * HOUR
}

impl Mind for Retired {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if stage.admits(self.peer.ip) {
            let to = names::domain(stage.chance.below(400));
            let target = format!("{}@{to}", names::stranger(stage.chance.bits() >> 9));
            let incoming = Incoming {
                from: format!("www-data@{}", self.domain),
                helo: format!("web1.{}", self.domain),
                targets: vec![Target::Elsewhere(target)],
                subject: String::new(),
                size: 900,
                is_spam: false,
                has_tls: true,
                is_new: false,
                is_greylisted: false,
                quits: true,
            };
            let peer = self.peer.clone();
            stage.receive(&peer, &incoming);
        }
        let next = stage.at + seconds(stage.chance.log_normal(3_600.0, 0.9)).max(4 * MINUTE);
        (next < self.until).then_some(next)
    }
}

/// A wave of bounces for messages that somebody sent under this site's name.
struct Backscatter {
    hosts: Vec<Peer>,
    left: u64,
}

fn backscatter(builder: &mut Builder<'_>, number: u64) {
    let mut chance = builder.chance(Kind::Backscatter, number);
    let chance = &mut chance;
    let hosts = (0..chance.within(30, 90) as u64)
        .map(|n| {
            let operator = builder.site.internet.of(chance, Trade::Hosting, None);
            let domain = names::domain(40_000 + number * 100 + n);
            let ip = builder.site.internet.v4(operator, chance.bits()).into();
            Peer { name: Some(format!("mail.{domain}")), ip }
        })
        .collect();
    let left = chance.within(100, 500) as u64;
    let begins = begins(builder, chance);
    builder.add(Kind::Backscatter, None, None, begins, Box::new(Backscatter { hosts, left }));
}

impl Mind for Backscatter {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let peer = stage.chance.pick(&self.hosts).clone();
        if stage.admits(peer.ip) {
            // Forged senders: most of them are nobody, some exist.
            let target = match stage.chance.is(0.2) {
                true => Target::Here(stage.chance.index(stage.site.people as usize) as u32),
                false => Target::Nobody(names::stranger(stage.chance.bits() >> 7) + "77"),
            };
            let incoming = Incoming {
                from: String::new(),
                helo: peer.name.clone().unwrap_or_default(),
                targets: vec![target],
                subject: "Undelivered Mail Returned to Sender".to_owned(),
                size: 4_000,
                is_spam: false,
                has_tls: true,
                is_new: false,
                is_greylisted: false,
                quits: true,
            };
            stage.receive(&peer, &incoming);
        }
        self.left -= 1;
        let next = stage.at + seconds(stage.chance.exponential(60.0)).max(SECOND);
        (self.left > 0).then_some(next)
    }
}

/// An administrator elsewhere who looks by hand whether somebody is here.
struct Asker {
    peer: Peer,
}

fn asker(builder: &mut Builder<'_>, number: u64) {
    let mut chance = builder.chance(Kind::VrfyAsker, number);
    let operator = builder.site.internet.of(&mut chance, Trade::Offices, Some(true));
    let ip: IpAddr = builder.site.internet.v4(operator, chance.bits()).into();
    let peer = Peer { name: builder.site.internet.reverse(ip), ip };
    let begins = begins(builder, &mut chance);
    builder.add(Kind::VrfyAsker, None, None, begins, Box::new(Asker { peer }));
}

impl Mind for Asker {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        if stage.admits(self.peer.ip) {
            let account = stage.chance.index(stage.site.people as usize) as u32;
            let name = gone(stage, account);
            let peer = self.peer.clone();
            stage.verify(&peer, "admin-pc.example", &name);
        }
        let wait = match stage.chance.is(0.4) {
            true => stage.chance.between(20.0, 120.0),
            false => stage.chance.between(5.0, 20.0) * 86_400.0,
        };
        Some(stage.at + seconds(wait))
    }
}
