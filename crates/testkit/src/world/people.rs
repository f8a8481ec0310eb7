//! Honest people: where they are, what they know, what happens to them.
//!
//! A person's life is settled when the world begins, as a list of dates. What the devices do
//! follows from it at any time, so nothing about a person has to be carried on.

use super::build::Builder;
use super::chance::{Chance, mix};
use super::clock::{DAY, HOUR, Micros, Zone, is_working_day};
use super::internet::{Contract, Line, OperatorIx, Trade};
use super::names::PROVIDERS;
use super::site::Shut;
use super::truth::Habit;
use std::net::IpAddr;
use std::sync::Arc;

/// A journey: the nights behind a hotel's address, the days on a foreign carrier.
#[derive(Clone, Debug)]
pub(crate) struct Trip {
    pub from: Micros,
    pub until: Micros,
    pub hotel: IpAddr,
    pub contract: Contract,
}

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub account: u32,
    pub seed: u64,
    pub zone: Zone,
    /// Hours of the working day.
    pub works: (f64, f64),
    pub office: Option<IpAddr>,
    /// Weekdays at home, as bits.
    pub home_days: u8,
    pub home: Line,
    pub moves: Option<(Micros, Line)>,
    pub contract: Contract,
    /// Whose private network hides where the person is, now and then.
    pub vpn: Option<OperatorIx>,
    pub trips: Vec<Trip>,
    /// Days off.
    pub away: Vec<(Micros, Micros)>,
    /// When the password changed.
    pub changes: Vec<Micros>,
    /// When it was forgotten.
    pub forgets: Vec<Micros>,
    pub mails_per_day: f64,
    /// How often a typed password is wrong.
    pub slips: f64,
    /// Types the password at each start of the mail program.
    pub types: bool,
    pub habits: Vec<Habit>,
}

/// Where a device is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Home,
    Office,
    Road,
}

impl Person {
    pub fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    /// How often the password has changed.
    pub fn epoch(&self, at: Micros) -> u64 {
        self.changes.iter().filter(|change| **change <= at).count() as u64
    }

    /// The password of an epoch, or what is typed instead of it.
    pub fn secret(&self, epoch: u64) -> u64 {
        mix(self.seed, epoch)
    }

    pub fn is_away(&self, at: Micros) -> bool {
        self.away.iter().any(|(from, until)| (*from..*until).contains(&at))
    }

    pub fn trip(&self, at: Micros) -> Option<&Trip> {
        self.trips.iter().find(|trip| (trip.from..trip.until).contains(&at))
    }

    /// True on a day on which this person works.
    pub fn is_at_work(&self, at: Micros, site_seed: u64) -> bool {
        let day = self.zone.day(at);
        is_working_day(day, site_seed) && !self.is_away(at)
    }

    /// Where a laptop or phone is. `slot` makes short ways: lunch, shops, trains.
    pub fn place(&self, at: Micros, site_seed: u64, goes_out: bool) -> Place {
        let hour = self.zone.hour(at);
        let (from, until) = self.works;
        let weekday = super::clock::weekday(self.zone.day(at));
        let slot = mix(self.seed, (at / (HOUR / 2)) as u64) % 100;
        let in_office = self.office.is_some()
            && self.is_at_work(at, site_seed)
            && self.home_days >> weekday & 1 == 0;
        if in_office && hour >= from && hour < until {
            return if goes_out && slot < 30 { Place::Road } else { Place::Office };
        }
        let on_the_way =
            in_office && (hour >= from - 0.8 && hour < from || hour >= until && hour < until + 0.8);
        let out = (9.0..22.0).contains(&hour) && slot < 22;
        if goes_out && (on_the_way || out) { Place::Road } else { Place::Home }
    }

    pub fn home_line(&self, at: Micros) -> &Line {
        match &self.moves {
            Some((when, line)) if *when <= at => line,
            _ => &self.home,
        }
    }
}

/// All people of the site, one for each account.
pub(crate) fn people(builder: &mut Builder<'_>) -> Vec<Arc<Person>> {
    let count = builder.site.people;
    (0..count).map(|account| Arc::new(person(builder, account))).collect()
}

fn person(builder: &mut Builder<'_>, account: u32) -> Person {
    let mut chance = Chance::new(builder.site.seed, 1_000_000 + u64::from(account));
    let chance = &mut chance;
    let internet = &builder.site.internet;
    let offset_h = match chance.is(0.06) {
        true => chance.within(-6, 8),
        false => builder.site.zone.offset_h,
    };
    let from = chance.about(8.3, 0.12);
    let offices = &builder.site.offices;
    let office = (!offices.is_empty() && chance.is(builder.numbers.office_share))
        .then(|| offices[chance.rank(offices.len())]);
    let mut person = Person {
        account,
        seed: chance.bits(),
        zone: Zone { offset_h },
        works: (from, from + chance.about(8.6, 0.1)),
        office,
        home_days: (chance.bits() & chance.bits()) as u8,
        home: Line::home(internet, chance, Some(offset_h == builder.site.zone.offset_h)),
        moves: None,
        contract: Contract::new(internet, chance, None),
        vpn: None,
        trips: Vec::new(),
        away: Vec::new(),
        changes: Vec::new(),
        forgets: Vec::new(),
        mails_per_day: chance.log_normal(builder.numbers.mails_per_day, 0.8).min(80.0),
        slips: chance.log_normal(0.03, 0.7).min(0.25),
        types: chance.is(builder.numbers.typing_share),
        habits: Vec::new(),
    };
    days_off(builder, chance, &mut person);
    habits(builder, chance, &mut person);
    journeys(builder, chance, &mut person);
    person.changes.sort_unstable();
    let account = &mut builder.site.accounts[person.account as usize];
    if chance.is(builder.numbers.answers_share) {
        account.answers.clone_from(&person.away);
    }
    if chance.is(builder.numbers.forward_share) {
        account.forward = Some((chance.below(PROVIDERS), chance.bits() >> 20));
        person.habits.push(Habit::Forwards);
    }
    if chance.is(builder.numbers.vpn_share) {
        person.vpn = Some(builder.site.internet.of(chance, Trade::Vpn, None));
        person.habits.push(Habit::UsesVpn);
    }
    person
}

/// About 28 days off a year, in pieces of one to three weeks.
fn days_off(builder: &Builder<'_>, chance: &mut Chance, person: &mut Person) {
    let (start, end) = (builder.start, builder.end);
    let years = (end - start) as f64 / (365 * DAY) as f64;
    for _ in 0..chance.poisson(2.4 * years) {
        let from = start + chance.within(0, (end - start) / DAY) * DAY;
        let until = from + chance.within(4, 20) * DAY;
        person.away.push((from, until));
    }
}

/// What befalls this person while the world lasts. Shares are of a year.
fn habits(builder: &mut Builder<'_>, chance: &mut Chance, person: &mut Person) {
    let numbers = builder.numbers.clone();
    let (start, end) = (builder.start, builder.end);
    let years = ((end - start) as f64 / (365 * DAY) as f64).min(1.0);
    let day = |chance: &mut Chance| {
        let days = (end - start) / DAY;
        start + chance.within(days / 20, (days * 9 / 10).max(1)) * DAY
    };
    let happens = |chance: &mut Chance, share: f64| chance.is(share * years);
    if happens(chance, numbers.stale_share) {
        let change = day(chance) + 9 * HOUR;
        person.changes.push(change);
        person.habits.push(Habit::StalePassword);
    }
    if happens(chance, numbers.forgets_share) {
        let back = person.away.first().map_or(day(chance), |(_, until)| *until);
        let monday = person.zone.at(person.zone.day(back), person.works.0 + 0.2);
        person.forgets.push(monday);
        person.changes.push(monday + chance.within(30, 120) * super::clock::MINUTE);
        person.habits.push(Habit::Forgets);
    }
    if chance.is(numbers.caps_share) {
        person.slips = person.slips.max(0.15);
        person.habits.push(Habit::CapsLock);
    }
    if happens(chance, numbers.moves_share) {
        let line = Line::home(&builder.site.internet, chance, Some(true));
        person.moves = Some((day(chance), line));
        person.habits.push(Habit::MovesHouse);
    }
    if happens(chance, numbers.phone_share_new) {
        person.habits.push(Habit::NewPhone);
    }
    let shut = &mut builder.site.accounts[person.account as usize].shut;
    if happens(chance, numbers.expires_share) {
        let from = day(chance);
        shut.push((from, from + chance.within(1, 6) * DAY, Shut::Expired));
        person.habits.push(Habit::Expires);
    } else if happens(chance, numbers.leaves_share) {
        shut.push((day(chance), Micros::MAX, Shut::Gone));
        person.habits.push(Habit::Leaves);
    } else if happens(chance, numbers.joins_share) {
        shut.push((Micros::MIN, day(chance), Shut::Gone));
        person.habits.push(Habit::Joins);
    }
    if chance.is(numbers.greets_share) {
        person.habits.push(Habit::Greets);
    }
    if happens(chance, numbers.invites_share) {
        person.habits.push(Habit::Invites);
    }
}

fn journeys(builder: &Builder<'_>, chance: &mut Chance, person: &mut Person) {
    let years = (builder.end - builder.start) as f64 / (365 * DAY) as f64;
    if !chance.is(builder.numbers.travels_share) {
        return;
    }
    person.habits.push(Habit::Travels);
    let internet = &builder.site.internet;
    for _ in 0..chance.poisson(5.0 * years).max(1) {
        let days = (builder.end - builder.start) / DAY;
        let from = builder.start + chance.within(0, days) * DAY + 7 * HOUR;
        let operator = internet.of(chance, Trade::Offices, Some(false));
        let country = internet.operators()[operator].country;
        let carrier = internet.in_country(chance, Trade::Phones, country);
        person.trips.push(Trip {
            from,
            until: from + chance.within(2, 9) * DAY,
            // One of the few hotels of a town: guests of this site meet there.
            hotel: internet.v4(operator, chance.below(4)).into(),
            contract: Contract::new(internet, chance, Some(carrier)),
        });
    }
}
