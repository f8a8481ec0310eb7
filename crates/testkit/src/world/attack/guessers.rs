//! The campaigns of guessers, by kind.

use super::guess::{Door, Guesser, Pace};
use super::source::{Source, at_most, botnet, prefix6, server};
use super::targets::{self, Name, Order, Targets};
use crate::world::build::Builder;
use crate::world::chance::Chance;
use crate::world::clock::Micros;
use crate::world::internet::{Contract, Trade};
use crate::world::truth::{GroupId, Kind};
use std::net::Ipv4Addr;

/// What one kind does, before the seed has its say.
struct Shape {
    source: Source,
    names: Vec<Name>,
    order: Order,
    pace: Pace,
    tries: u64,
    days: f64,
    own: Option<(u32, u64)>,
    /// Of guesses at accounts that there are, those that are right.
    hits: f64,
    door: Option<Door>,
}

impl Shape {
    fn new(source: Source, names: Vec<Name>, pace: Pace, tries: u64, days: f64) -> Self {
        let order = Order::NamesFirst;
        Shape { source, names, order, pace, tries, days, own: None, hits: 0.0, door: None }
    }
}

/// Adds the campaign, if it is one of guessers.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    if kind == Kind::DistributedLists {
        return lists(builder, chance, begins);
    }
    let shape = match kind {
        Kind::FastOne | Kind::FastList => fast(builder, chance, kind),
        Kind::SlowMinute | Kind::SlowHour | Kind::SlowDay | Kind::SlowWeek => {
            slow(builder, chance, kind)
        }
        Kind::UnderThreshold | Kind::Launderer | Kind::BehindOffice | Kind::BehindCarrier => {
            hidden(builder, chance, kind)
        }
        Kind::DistributedHours | Kind::DistributedDays | Kind::LockOut => {
            distributed(builder, chance, kind)
        }
        Kind::Stuffing | Kind::OddNames => listed(builder, chance, kind),
        Kind::SprayAddress
        | Kind::Spray64
        | Kind::Spray48
        | Kind::Spray32
        | Kind::Spray24
        | Kind::SprayBotnet => spray(builder, chance, kind),
        _ => return,
    };
    let group = builder.group(kind);
    let victim = match shape.names.as_slice() {
        [one] => one.account,
        _ => None,
    };
    let guesser = guesser(builder, chance, shape, begins);
    builder.add(kind, Some(group), victim, begins, Box::new(guesser));
}

fn guesser(builder: &Builder<'_>, chance: &mut Chance, shape: Shape, begins: Micros) -> Guesser {
    Guesser {
        source: shape.source,
        door: shape.door.unwrap_or_else(|| Door::any(chance)),
        targets: Targets { names: shape.names, order: shape.order, turn: 0, seed: chance.bits() },
        pace: shape.pace,
        left: shape.tries,
        until: at_most(builder, begins, shape.days),
        own: shape.own,
        hits: shape.hits,
        refusals: 0,
        right_at: None,
        entered: None,
    }
}

fn victim(builder: &Builder<'_>, chance: &mut Chance) -> Vec<Name> {
    targets::some(builder, chance, 1)
}

fn fast(builder: &Builder<'_>, chance: &mut Chance, kind: Kind) -> Shape {
    let source = Source::one(server(builder, chance));
    let gap_s = chance.log_normal(2.5, 0.6);
    let tries = chance.within(200, 3_000) as u64;
    match kind {
        Kind::FastOne => {
            let names = victim(builder, chance);
            Shape::new(source, names, Pace::Even(gap_s, 0.5), tries, 3.0)
        }
        _ => {
            let (known, unknown) = (chance.within(5, 40) as usize, chance.within(40, 300) as usize);
            let names = targets::sold(builder, chance, known, unknown);
            let order = match chance.is(0.5) {
                true => Order::NamesFirst,
                false => Order::PasswordsFirst(chance.within(3, 12) as u64),
            };
            Shape { order, ..Shape::new(source, names, Pace::Even(gap_s, 0.5), tries, 3.0) }
        }
    }
}

fn slow(builder: &Builder<'_>, chance: &mut Chance, kind: Kind) -> Shape {
    let source = Source::one(server(builder, chance));
    let names = match chance.is(0.5) {
        true => victim(builder, chance),
        false => targets::sold(builder, chance, 12, 20),
    };
    let (mean_s, days) = match kind {
        Kind::SlowMinute => (60.0, 4.0),
        Kind::SlowHour => (1_200.0, 14.0),
        Kind::SlowDay => (3_600.0, 30.0),
        _ => (5.0 * 3_600.0, 60.0),
    };
    let mean_s = chance.about(mean_s, 0.15);
    let pace = match chance.is(0.6) {
        true => Pace::Even(mean_s, 0.2),
        false => Pace::Random(mean_s),
    };
    Shape::new(source, names, pace, u64::MAX, days)
}

/// Those who look like others, or stay below what others count.
fn hidden(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind) -> Shape {
    let names = targets::sold(builder, chance, 25, 10);
    match kind {
        Kind::UnderThreshold => {
            let pace = Pace::Bursts { count: 4, gap_s: 40.0, rest_s: chance.about(700.0, 0.1) };
            let source = Source::one(server(builder, chance));
            Shape::new(source, names, pace, u64::MAX, 21.0)
        }
        Kind::Launderer => {
            let own = builder.account(&format!("customer{}", chance.below(9_000)));
            let every = chance.within(3, 8) as u64;
            let source = Source::one(server(builder, chance));
            let shape = Shape::new(source, names, Pace::Random(90.0), 1_500, 10.0);
            Shape { own: Some((own, every)), ..shape }
        }
        Kind::BehindOffice => {
            let office = match builder.site.offices.is_empty() {
                true => server(builder, chance),
                // Where many are, some are not honest.
                false => builder.site.offices[chance.rank(builder.site.offices.len())],
            };
            Shape::new(Source::one(office), names, Pace::Random(25.0), 600, 3.0)
        }
        _ => {
            let internet = &builder.site.internet;
            let operator = internet.of(chance, Trade::Phones, Some(true));
            let contract = Contract::new(internet, chance, Some(operator));
            let source = Source::Phone(Contract { has_v6: false, ..contract });
            Shape::new(source, names, Pace::Random(40.0), 600, 5.0)
        }
    }
}

fn distributed(builder: &Builder<'_>, chance: &mut Chance, kind: Kind) -> Shape {
    let bots = builder.numbers.bots.max(1.0) as usize;
    let addresses = botnet(builder, chance, bots);
    let names = victim(builder, chance);
    let (hours, uses, wraps) = match kind {
        Kind::DistributedHours => (chance.between(2.0, 8.0), 1, false),
        Kind::DistributedDays => (chance.between(60.0, 160.0), 1, false),
        // Lock-out: a few tries from each, again and again.
        _ => (chance.between(24.0, 72.0), 3, true),
    };
    let gap_s = hours * 3_600.0 / bots as f64;
    let tries = (bots as u64) * u64::from(uses);
    let source = Source::List { addresses, uses, turn: 0, wraps };
    Shape::new(source, names, Pace::Random(gap_s), tries, hours / 24.0 * 3.0 + 1.0)
}

fn listed(builder: &Builder<'_>, chance: &mut Chance, kind: Kind) -> Shape {
    let few = (0..chance.within(2, 5)).map(|_| server(builder, chance)).collect();
    let source = Source::List { addresses: few, uses: 1, turn: 0, wraps: true };
    if kind == Kind::Stuffing {
        let known = builder.site.people as usize / 5;
        let names = targets::sold(builder, chance, known, known * 3);
        let tries = names.len() as u64;
        let gap_s = chance.log_normal(6.0, 0.7);
        let shape = Shape::new(source, names, Pace::Random(gap_s), tries, 7.0);
        // Who uses one password everywhere is in somebody's list.
        return Shape { order: Order::Pairs, hits: 0.01, ..shape };
    }
    let victims = targets::some(builder, chance, 8);
    let names = (0..120)
        .filter_map(|_| {
            let account = chance.pick(&victims).account?;
            Some(targets::odd(builder, chance, account))
        })
        .collect();
    Shape::new(source, names, Pace::Random(50.0), 500, 5.0)
}

fn spray(builder: &Builder<'_>, chance: &mut Chance, kind: Kind) -> Shape {
    let known = builder.site.people as usize * 7 / 10;
    let names = targets::sold(builder, chance, known, known / 5);
    let rounds = chance.within(1, 3) as u64;
    let tries = names.len() as u64 * rounds;
    let is_sequential = chance.is(0.4);
    let net6 = |builder: &Builder<'_>, chance: &mut Chance, length| Source::Net6 {
        base: prefix6(builder, chance, length),
        length,
        turn: 0,
        is_sequential,
    };
    let source = match kind {
        Kind::SprayAddress => Source::one(server(builder, chance)),
        Kind::Spray64 => net6(builder, chance, 64),
        Kind::Spray48 => net6(builder, chance, 48),
        Kind::Spray32 => net6(builder, chance, 32),
        Kind::Spray24 => {
            let operator = builder.site.internet.of(chance, Trade::Hosting, Some(false));
            let base: Ipv4Addr = builder.site.internet.v4(operator, chance.bits());
            Source::Net24 { base, turn: 0 }
        }
        _ => {
            let count = (builder.numbers.bots / 2.0).max(1.0) as usize;
            let addresses = botnet(builder, chance, count);
            Source::List { addresses, uses: 1, turn: 0, wraps: true }
        }
    };
    let gap_s = chance.log_normal(15.0, 0.9).max(1.0);
    // Microsoft: about one in a hundred accounts that nothing else protects.
    Shape { hits: 0.004, ..Shape::new(source, names, Pace::Random(gap_s), tries, 6.0) }
}

/// A botnet on many accounts: each bot goes through a part of one list, and the parts overlap.
fn lists(builder: &mut Builder<'_>, chance: &mut Chance, begins: Micros) {
    let group: GroupId = builder.group(Kind::DistributedLists);
    let bots = (builder.numbers.bots / 8.0).max(2.0) as usize;
    let known = builder.site.people as usize / 4;
    let whole = targets::sold(builder, chance, known, known);
    let addresses = botnet(builder, chance, bots);
    let door = Door::any(chance);
    let hours = chance.between(12.0, 96.0);
    for address in addresses {
        let part: Vec<Name> = whole.iter().filter(|_| chance.is(0.25)).cloned().collect();
        if part.is_empty() {
            continue;
        }
        let tries = chance.within(6, 30) as u64;
        let pace = Pace::Random(hours * 3_600.0 / tries as f64);
        let shape = Shape::new(Source::one(address), part, pace, tries, hours / 24.0 * 3.0);
        let guesser = guesser(builder, chance, Shape { door: Some(door), ..shape }, begins);
        let first = begins + chance.within(0, 3_600_000_000);
        let kind = Kind::DistributedLists;
        builder.add(kind, Some(group), None, first, Box::new(guesser));
    }
}
