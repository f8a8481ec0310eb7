//! How a world is put together before its first line.

use super::chance::{Chance, mix};
use super::clock::{DAY, HOUR, MINUTE, Micros, Zone};
use super::house::House;
use super::internet::{Internet, Trade};
use super::names::{self, Peer};
use super::plan::{Numbers, Plan};
use super::site::{Account, Site};
use super::stage::Mind;
use super::truth::{Actor, ActorId, Group, GroupId, Kind};
use super::{attack, devices, inbound, machines, people, resolver, senders};
use std::collections::BTreeMap;

/// A mind with its chance.
pub(crate) struct Role {
    pub mind: Box<dyn Mind>,
    pub chance: Chance,
}

pub(crate) struct Builder<'p> {
    pub plan: &'p Plan,
    pub numbers: &'p Numbers,
    pub start: Micros,
    pub end: Micros,
    pub site: Site,
    pub actors: Vec<Actor>,
    pub roles: Vec<Role>,
    pub wakes: Vec<(Micros, ActorId)>,
    pub groups: Vec<Group>,
    /// Domain and server of small sites that write to this one.
    pub neighbours: Vec<(String, Peer)>,
    counts: BTreeMap<Kind, u64>,
}

impl<'p> Builder<'p> {
    pub fn new(plan: &'p Plan, seed: u64) -> Self {
        let end = plan.start + plan.numbers.days as i64 * DAY;
        Builder {
            plan,
            numbers: &plan.numbers,
            start: plan.start,
            end,
            site: site(plan, seed, end),
            actors: Vec::new(),
            roles: Vec::new(),
            wakes: Vec::new(),
            groups: Vec::new(),
            neighbours: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// All who live in this world.
    pub fn people_it(&mut self) {
        // The first of all: the mail server itself.
        let next_letter = self.start + 6 * HOUR + 25 * MINUTE;
        let house = Box::new(House { next_letter });
        self.site.mail_host = self.add(Kind::MailHost, None, None, self.start + MINUTE, house);
        let people = people::people(self);
        devices::devices(self, &people);
        machines::machines(self, &people);
        senders::senders(self);
        inbound::inbound(self);
        resolver::resolver(self);
        attack::attacks(self);
    }

    /// Somebody who acts from `begins` on.
    pub fn add(
        &mut self,
        kind: Kind,
        group: Option<GroupId>,
        account: Option<u32>,
        begins: Micros,
        mind: Box<dyn Mind>,
    ) -> ActorId {
        let count = self.counts.entry(kind).or_insert(0);
        *count += 1;
        // By kind and number within it: more of one kind changes nothing in the lives of others.
        let stream = mix(word(kind.name()), *count);
        let id = ActorId(self.actors.len() as u32);
        self.actors.push(Actor::new(kind, group, account));
        self.roles.push(Role { mind, chance: Chance::new(self.site.seed, stream) });
        self.wakes.push((begins, id));
        if let Some(group) = group.and_then(|group| self.groups.get_mut(group.0 as usize)) {
            group.actors.push(id);
        }
        id
    }

    /// An account that is no person's.
    pub fn account(&mut self, local: &str) -> u32 {
        let login = format!("{local}@{}", self.site.domain);
        self.site.accounts.push(Account::new(login));
        self.site.accounts.len() as u32 - 1
    }

    pub fn group(&mut self, kind: Kind) -> GroupId {
        self.groups.push(Group { kind, actors: Vec::new() });
        GroupId(self.groups.len() as u32 - 1)
    }

    /// Chance for what is settled before the start, by kind and number.
    pub fn chance(&self, kind: Kind, number: u64) -> Chance {
        Chance::new(self.site.seed, mix(word(kind.name()), 1 << 40 | number))
    }
}

fn word(text: &str) -> u64 {
    text.bytes().fold(17, |sum, byte| mix(sum, u64::from(byte)))
}

fn site(plan: &Plan, seed: u64, end: Micros) -> Site {
    let internet = Internet::new(seed);
    let mut chance = Chance::new(seed, 900_000);
    let numbers = &plan.numbers;
    let domain = names::domain(names::PROVIDERS + 20_000 + chance.below(900));
    let accounts = (0..numbers.accounts.max(1.0) as u32)
        .map(|n| Account::new(format!("{}@{domain}", names::person(seed, n))))
        .collect();
    let offices = (0..numbers.offices as u64)
        .map(|n| {
            let operator = internet.of(&mut chance, Trade::Offices, Some(true));
            internet.v4(operator, 9_000 + n).into()
        })
        .collect();
    let days = ((end - plan.start) / DAY).max(1);
    let outages = (0..chance.poisson(numbers.outages_per_year * days as f64 / 365.0))
        .map(|_| {
            let from = plan.start + chance.within(0, days * 24) * HOUR + chance.within(0, HOUR);
            (from, from + chance.within(HOUR / 20, HOUR / 3))
        })
        .collect();
    let zone = Zone { offset_h: internet.home().1 };
    Site {
        seed,
        settings: plan.settings,
        v4: internet.v4(0, 25),
        v6: internet.v6(0, 1, 25),
        webmail: internet.v4(0, 80),
        internet,
        domain,
        zone,
        accounts,
        people: numbers.accounts.max(1.0) as u32,
        outages,
        domains: numbers.domains.max(1.0) as u64,
        mail_host: ActorId(0),
        offices,
        allowed: Vec::new(),
        happenings: Vec::new(),
    }
}
