//! What people read and write mail with.

use super::build::Builder;
use super::chance::{Chance, mix};
use super::clock::{DAY, HOUR, MINUTE, Micros, SECOND, seconds};
use super::letters;
use super::names;
use super::people::{Person, Place};
use super::session::submission::CLIENT;
use super::session::{Answer, Try};
use super::site::Shut;
use super::stage::{Mind, Stage};
use super::truth::{Habit, Kind};
use super::write::dovecot::Protocol;
use std::net::IpAddr;
use std::sync::Arc;

/// One mail program of one person.
struct Device {
    kind: Kind,
    person: Arc<Person>,
    number: u64,
    protocol: Protocol,
    /// The time between two looks at the mailbox.
    interval: Micros,
    /// Holds the connection open until the next look (IDLE).
    stays: bool,
    next_look: Micros,
    next_send: Micros,
    /// The share of the person's mail that is written here.
    share: f64,
    /// The old password stays here until then.
    stale_until: Micros,
    /// Lives from, until.
    life: (Micros, Micros),
    /// Wrong tries left before the right one: a new phone is being set up, a password is typed.
    fumbles: u32,
    /// The program was told to ask no more after the account was shut.
    gives_up_at: Micros,
    last_day: i64,
    events: Vec<Event>,
}

/// How the password came to be what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Typed {
    Right,
    Wrongly,
    /// It was right once.
    Stale,
}

/// Something that this person does once: greetings, invitations.
struct Event {
    at: Micros,
    recipients: u32,
    size: usize,
    strangers: bool,
}

impl Mind for Device {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let at = stage.at;
        if at >= self.life.1 {
            return None;
        }
        let client = self.address(stage);
        if let Some(next) = self.sleeps(stage) {
            return Some(next);
        }
        if !stage.admits(client) {
            // The program tries again by itself; a phone has another way after a while.
            let again = at + seconds(stage.chance.between(240.0, 1_500.0));
            self.next_look = self.next_look.max(again);
            self.next_send = self.next_send.max(again);
            return Some(again);
        }
        if at >= self.next_send {
            self.send(stage, client);
        }
        if at >= self.next_look {
            self.look(stage, client);
        }
        Some(self.next_look.min(self.next_send).max(at + SECOND))
    }
}

impl Device {
    /// The end of the time in which this program is not used, if it is not used now.
    fn sleeps(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let (at, person) = (stage.at, &self.person);
        let zone = person.zone;
        let day = zone.day(at);
        let hour = zone.hour(at);
        let (from, until) = match self.kind {
            Kind::Desktop | Kind::Webmail | Kind::Team => person.works,
            Kind::Tablet => (18.0, 22.8),
            _ => (6.3, 23.6),
        };
        let works = person.is_at_work(at, stage.site.seed) || person.trip(at).is_some();
        let idle_day = match self.kind {
            Kind::Desktop | Kind::Webmail | Kind::Team => {
                !works && mix(person.seed, day as u64) % 10 < 9
            }
            _ => false,
        };
        if idle_day || hour >= until || hour < from {
            let next = if hour < from && !idle_day { day } else { day + 1 };
            let jitter = stage.chance.between(0.0, 0.7);
            let wake = zone.at(next, from + jitter).max(at + 10 * MINUTE);
            self.next_look = wake;
            self.next_send = wake + self.gap(stage);
            return Some(wake);
        }
        None
    }

    fn address(&self, stage: &Stage<'_>) -> IpAddr {
        let (at, site, person) = (stage.at, stage.site, &self.person);
        if self.kind == Kind::Webmail {
            return site.webmail.into();
        }
        let turn = (at / (4 * HOUR)) as u64;
        if let Some(operator) = person.vpn.filter(|_| mix(person.seed, turn) % 10 < 3) {
            // Many share an exit, and each connection of the tunnel has another.
            return site.internet.v4(operator, mix(person.seed, turn) % 300).into();
        }
        let hour = person.zone.hour(at);
        if let Some(trip) = person.trip(at) {
            let in_hotel = !(9.0..18.0).contains(&hour) || self.kind != Kind::Phone;
            return if in_hotel { trip.hotel } else { trip.contract.address(&site.internet, at) };
        }
        let goes_out = self.kind == Kind::Phone;
        match (person.place(at, site.seed, goes_out), person.office) {
            (Place::Office, Some(office)) => office,
            (Place::Road, _) => person.contract.address(&site.internet, at),
            _ => person.home_line(at).address(&site.internet, self.number, at),
        }
    }

    /// What this program believes the password to be, and whether it was just typed wrongly.
    fn secret(&mut self, stage: &Stage<'_>) -> (u64, Typed) {
        let at = stage.at;
        let epoch = self.person.epoch(at);
        if self.fumbles > 0 {
            self.fumbles -= 1;
            let typed = mix(self.person.secret(epoch), 1 + u64::from(self.fumbles) % 3);
            return (typed, Typed::Wrongly);
        }
        let known = if at < self.stale_until { epoch.saturating_sub(1) } else { epoch };
        let typed = if known == epoch { Typed::Right } else { Typed::Stale };
        (self.person.secret(known), typed)
    }

    fn look(&mut self, stage: &mut Stage<'_>, client: IpAddr) {
        let at = stage.at;
        let day = self.person.zone.day(at);
        if day != self.last_day {
            self.last_day = day;
            self.first_of_day(stage, day);
        }
        let site = stage.site;
        let login = site.login(self.person.account);
        // A slip in the name, now and then, where it is typed.
        let slipped = self.fumbles > 1 && stage.chance.is(0.25);
        let misspelt = if slipped { misspell(login, stage.chance.bits()) } else { String::new() };
        let (secret, typed) = self.secret(stage);
        let (name, account) = match slipped {
            true => (misspelt.as_str(), None),
            false => (login, Some(self.person.account)),
        };
        let is_right = typed == Typed::Right && !slipped;
        let attempt = Try { client, name, account, secret, is_right };
        let wait = self.interval + stage.chance.within(-self.interval / 8, self.interval / 8);
        let open = if self.stays { wait - 2 * SECOND } else { stage.pause(300, 9_000) };
        let answer = stage.mailbox(self.protocol, &attempt, open);
        self.next_look = at + wait;
        match answer {
            Answer::In => {}
            // Typed again at once.
            Answer::Wrong if typed == Typed::Wrongly => {
                self.next_look = at + seconds(stage.chance.log_normal(12.0, 0.5)).max(3 * SECOND);
            }
            Answer::Wrong | Answer::Locked | Answer::Shut(Shut::Expired) => {}
            Answer::Shut(Shut::Gone) => {
                // Not yet hired: the device is not set up. Left: goes on until it is wiped.
                if at >= self.gives_up_at {
                    self.life.1 = at;
                }
            }
            Answer::Unchecked => {
                // When all is well again, all come at once.
                let end = site.outage(at).unwrap_or(at);
                let soon = at + seconds(stage.chance.between(20.0, 90.0));
                self.next_look = match stage.chance.is(0.5) {
                    true => soon,
                    false => end + seconds(stage.chance.between(0.0, 60.0)),
                };
            }
        }
    }

    /// At the first look of a day a typed password may be wrong, and one may be forgotten.
    fn first_of_day(&mut self, stage: &mut Stage<'_>, day: i64) {
        let typed =
            matches!(self.kind, Kind::Webmail) || self.kind == Kind::Desktop && self.person.types;
        if typed && stage.chance.is(self.person.slips) {
            let more = if self.person.has(Habit::CapsLock) { 2 } else { 0 };
            self.fumbles = 1 + stage.chance.below(2 + more) as u32;
        }
        let zone = self.person.zone;
        if typed && self.person.forgets.iter().any(|at| zone.day(*at) == day) {
            self.fumbles = stage.chance.within(3, 9) as u32;
        }
    }

    /// The time to the next message that is written here.
    fn gap(&self, stage: &mut Stage<'_>) -> Micros {
        let per_day = self.person.mails_per_day * self.share;
        if per_day < 0.01 {
            return 400 * DAY;
        }
        // Spread over some nine hours.
        seconds(stage.chance.exponential(9.0 * 3_600.0 / per_day)).max(20 * SECOND)
    }

    fn send(&mut self, stage: &mut Stage<'_>, client: IpAddr) {
        let at = stage.at;
        let gap = self.gap(stage);
        self.next_send = at + gap;
        let event = self.events.iter().position(|event| event.at <= at);
        let mails = match event.map(|place| &mut self.events[place]) {
            Some(event) => {
                let count = (event.recipients as usize).min(event.size);
                event.recipients -= count as u32;
                if event.recipients > 0 {
                    self.next_send = at + seconds(stage.chance.log_normal(200.0, 0.6));
                }
                vec![letters::circular(stage, &self.person, count, event.strangers)]
            }
            None => vec![letters::personal(stage, &self.person)],
        };
        self.events.retain(|event| event.recipients > 0);
        let login = stage.site.login(self.person.account);
        let (secret, typed) = self.secret(stage);
        let account = Some(self.person.account);
        let is_right = typed == Typed::Right;
        let attempt = Try { client, name: login, account, secret, is_right };
        let helo = match self.kind {
            Kind::Webmail => "webmail.example".to_owned(),
            _ => names::computer(self.number),
        };
        if stage.submit(CLIENT, &attempt, &helo, &mails) != Answer::In {
            // What lies in the outbox is tried again; what an event is about goes out later.
            self.next_send = at + stage.chance.within(5, 15) * MINUTE;
        }
    }
}

/// Two letters in the wrong order, or one missing.
fn misspell(login: &str, bits: u64) -> String {
    let mut bytes = login.as_bytes().to_vec();
    let end = login.find('@').unwrap_or(login.len()).max(3);
    let at = 1 + (bits % (end as u64 - 2)) as usize;
    if bits >> 32 & 1 == 0 && bytes[at] != bytes[at + 1] {
        bytes.swap(at, at + 1);
    } else {
        bytes.remove(at);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text == login { format!("x{login}") } else { text }
}

/// The devices of all people.
pub(crate) fn devices(builder: &mut Builder<'_>, people: &[Arc<Person>]) {
    for person in people {
        let mut chance = Chance::new(builder.site.seed, 2_000_000 + u64::from(person.account));
        let chance = &mut chance;
        if !chance.is(builder.numbers.device_share) {
            continue;
        }
        let webmail_only = chance.is(builder.numbers.webmail_share);
        let has_phone = chance.is(builder.numbers.phone_share);
        let has_tablet = chance.is(builder.numbers.tablet_share);
        let here = if has_phone { 0.8 } else { 1.0 };
        match webmail_only {
            true => add(builder, chance, person, Kind::Webmail, here),
            false => add(builder, chance, person, Kind::Desktop, here),
        }
        if has_phone {
            add(builder, chance, person, Kind::Phone, 0.2);
        }
        if has_tablet {
            add(builder, chance, person, Kind::Tablet, 0.0);
        }
    }
}

pub(crate) fn add(
    builder: &mut Builder<'_>,
    chance: &mut Chance,
    person: &Arc<Person>,
    kind: Kind,
    share: f64,
) {
    let minutes = match kind {
        Kind::Desktop => *chance.pick(&[3, 5, 10, 10, 15, 29, 29, 29]),
        Kind::Phone => *chance.pick(&[5, 10, 15, 15, 15, 20, 30, 30]),
        Kind::Tablet => *chance.pick(&[15, 30, 60]),
        Kind::Team => *chance.pick(&[10, 15, 29]),
        _ => *chance.pick(&[60, 120, 240]),
    };
    let mut life = (builder.start, builder.end);
    let joins = joining(builder, person);
    // Nobody knows an old password of an account that there was not yet.
    let stale_until = match stale_until(person, chance, kind) {
        _ if person.changes.first().is_some_and(|change| *change < joins) => Micros::MIN,
        until => until,
    };
    if person.has(Habit::NewPhone) && kind == Kind::Phone {
        let days = (builder.end - builder.start) / DAY;
        let change = builder.start + chance.within(days / 10, days * 9 / 10) * DAY + 17 * HOUR;
        let old = (life.0, change);
        life.0 = change;
        place(builder, chance, person, kind, (old, minutes, share, stale_until, 0));
    }
    let fumbles = if life.0 > builder.start { chance.within(0, 3) as u32 } else { 0 };
    place(builder, chance, person, kind, (life, minutes, share, stale_until, fumbles));
}

/// When there is an account; the least time where there always was.
fn joining(builder: &Builder<'_>, person: &Person) -> Micros {
    let shut = &builder.site.accounts[person.account as usize].shut;
    let before = shut.iter().find(|(from, _, shut)| *from == Micros::MIN && *shut == Shut::Gone);
    before.map_or(Micros::MIN, |(_, until, _)| *until)
}

/// Phones and tablets keep an old password for days to weeks, desks ask.
fn stale_until(person: &Person, chance: &mut Chance, kind: Kind) -> Micros {
    let Some(change) = person.changes.first().filter(|_| person.has(Habit::StalePassword)) else {
        return Micros::MIN;
    };
    let keeps = match kind {
        Kind::Phone => chance.is(0.75),
        Kind::Tablet => chance.is(0.85),
        // Somebody sits before it, or it is an old one that runs in a corner.
        Kind::Desktop => !person.types && chance.is(0.12),
        _ => false,
    };
    match keeps {
        true => change + seconds(chance.log_normal(5.0 * 86_400.0, 0.8)),
        false => change + chance.within(10, 400) * SECOND,
    }
}

type Shape = ((Micros, Micros), i64, f64, Micros, u32);

fn place(
    builder: &mut Builder<'_>,
    chance: &mut Chance,
    person: &Arc<Person>,
    kind: Kind,
    shape: Shape,
) {
    let (life, minutes, share, stale_until, fumbles) = shape;
    let begins = life.0 + chance.within(0, DAY / SECOND) * SECOND;
    let begins = if fumbles > 0 { life.0 } else { begins };
    let joined = builder.site.accounts[person.account as usize]
        .shut
        .iter()
        .find(|(from, _, shut)| *from == Micros::MIN && *shut == Shut::Gone)
        .map_or(begins, |(_, until, _)| *until + chance.within(0, 6 * HOUR));
    let gives_up_at = builder.site.accounts[person.account as usize]
        .shut
        .iter()
        .find(|(from, _, shut)| *from > Micros::MIN && *shut == Shut::Gone)
        .map_or(Micros::MAX, |(from, ..)| from + seconds(chance.log_normal(9.0 * 86_400.0, 0.8)));
    let device = Device {
        kind,
        person: Arc::clone(person),
        number: chance.bits(),
        protocol: match kind == Kind::Desktop && chance.is(0.08) {
            true => Protocol::Pop3,
            false => Protocol::Imap,
        },
        interval: minutes * MINUTE,
        stays: minutes == 29 || minutes == 30 || kind == Kind::Webmail,
        next_look: begins,
        next_send: begins + 10 * MINUTE,
        share,
        stale_until,
        life,
        fumbles,
        gives_up_at,
        last_day: i64::MIN,
        events: events(builder, chance, person, kind),
    };
    let begins = begins.max(joined);
    let id = builder.add(kind, None, Some(person.account), begins, Box::new(device));
    builder.actors[id.0 as usize].habits.clone_from(&person.habits);
}

fn events(builder: &Builder<'_>, chance: &mut Chance, person: &Person, kind: Kind) -> Vec<Event> {
    let mut events = Vec::new();
    if !matches!(kind, Kind::Desktop | Kind::Webmail) {
        return events;
    }
    let zone = person.zone;
    if person.has(Habit::Greets) {
        let days = zone.day(builder.start)..zone.day(builder.end);
        let greeting = 12 + chance.below(9) as i64;
        for day in days.filter(|day| {
            let (_, month, dom) = super::clock::date(*day);
            month == 12 && dom == greeting
        }) {
            let recipients = chance.within(150, 220) as u32;
            events.push(Event { at: zone.at(day, 10.0), recipients, size: 200, strangers: false });
        }
    }
    if person.has(Habit::Invites) {
        let days = ((builder.end - builder.start) / DAY).max(1);
        let day = zone.day(builder.start) + chance.within(days / 10, days * 9 / 10);
        let recipients = chance.within(40, 160) as u32;
        events.push(Event { at: zone.at(day, 9.5), recipients, size: 12, strangers: true });
    }
    events
}
