//! The campaigns that end in a stolen account, by kind.

use super::guess::{Door, Guesser, Pace};
use super::source::{Source, at_most, botnet, server};
use super::targets::{self, Order, Targets};
use super::thief::{After, Burglar, Thief};
use crate::world::build::Builder;
use crate::world::chance::Chance;
use crate::world::clock::{DAY, HOUR, Micros, SECOND};
use crate::world::internet::Trade;
use crate::world::truth::Kind;

/// Adds the campaign, if it is one of these.
pub(crate) fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    let after = match kind {
        Kind::GuessedBurst | Kind::PhishedBurst => After::Burst,
        Kind::PhishedRamp => After::Ramp,
        Kind::GuessedQuiet | Kind::PhishedQuiet => After::Quiet,
        Kind::Poison => {
            let weeks = (builder.end - begins) * 2 / 3;
            let until = begins + chance.within(14, 24) * DAY;
            After::Poison { until: until.min(begins + weeks) }
        }
        Kind::PhishedMany => return many(builder, chance, begins),
        _ => return,
    };
    let is_guessed = matches!(kind, Kind::GuessedBurst | Kind::GuessedQuiet);
    let group = builder.group(kind);
    let victim = open_account(builder, chance, begins);
    let source = places(builder, chance, after);
    let until = at_most(builder, begins, 28.0);
    let thief = Thief::new(chance, victim, source, after, until);
    let mind: Box<dyn crate::world::stage::Mind> = match is_guessed {
        true => {
            let guesser = breaker(builder, chance, victim, begins);
            Box::new(Burglar { guesser, thief, stays: chance.is(0.4) })
        }
        false => Box::new(thief),
    };
    builder.add(kind, Some(group), Some(victim), begins, mind);
}

/// A list of phished passwords that is used up in one wave: each account sends a little, out of two
/// bots of its own, so that none of them is loud.
fn many(builder: &mut Builder<'_>, chance: &mut Chance, begins: Micros) {
    let kind = Kind::PhishedMany;
    let group = builder.group(kind);
    for _ in 0..chance.within(25, 45) {
        // Whom another campaign has, too, would be counted for one of them only.
        let is_free = |builder: &Builder<'_>, victim: u32| {
            !builder.actors.iter().any(|a| a.kind.is_attack() && a.account == Some(victim))
        };
        let victim = (0..20)
            .map(|_| open_account(builder, chance, begins))
            .find(|victim| is_free(builder, *victim));
        let Some(victim) = victim else { return };
        let addresses = botnet(builder, chance, 2);
        let source = Source::List { addresses, uses: 6, turn: 0, wraps: true };
        let after = After::Share { gap: chance.within(HOUR / 8, HOUR / 3) };
        let until = at_most(builder, begins, 3.0);
        let thief = Thief::new(chance, victim, source, after, until);
        let first = begins + chance.within(0, HOUR);
        builder.add(kind, Some(group), Some(victim), first, Box::new(thief));
    }
}

/// An account that is open for the weeks in which it is wanted.
fn open_account(builder: &Builder<'_>, chance: &mut Chance, begins: Micros) -> u32 {
    let count = builder.site.people as usize;
    (0..50)
        .map(|_| chance.index(count))
        .find(|account| {
            let account = &builder.site.accounts[*account];
            (0..20).all(|day| account.shut_at(begins + day * DAY).is_none())
        })
        .unwrap_or(0) as u32
}

/// A place that this user never was: others' lines, rented servers, private networks.
fn places(builder: &Builder<'_>, chance: &mut Chance, after: After) -> Source {
    let count = match after {
        After::Burst => chance.within(1, 6),
        After::Quiet => chance.within(2, 8),
        After::Ramp | After::Poison { .. } | After::Share { .. } => chance.within(1, 2),
    };
    let addresses = (0..count)
        .map(|_| {
            let trade = *chance.pick(&[Trade::Vpn, Trade::Hosting, Trade::Homes, Trade::Phones]);
            let operator = builder.site.internet.of(chance, trade, Some(false));
            builder.site.internet.v4(operator, chance.bits()).into()
        })
        .collect();
    Source::List { addresses, uses: chance.within(1, 25) as u32, turn: 0, wraps: true }
}

/// Guesses on one account or a list, of which one is right in the end.
fn breaker(builder: &Builder<'_>, chance: &mut Chance, victim: u32, begins: Micros) -> Guesser {
    let mut names = match chance.is(0.5) {
        true => Vec::new(),
        false => targets::sold(builder, chance, 30, 30),
    };
    names.retain(|name| name.account != Some(victim));
    names.push(targets::account(builder, victim));
    let count = names.len() as u64;
    let rounds = match count {
        1 => chance.within(60, 400) as u64,
        _ => chance.within(2, 8) as u64,
    };
    let (source, pace) = match chance.below(3) {
        0 => (Source::one(server(builder, chance)), Pace::Random(chance.log_normal(40.0, 1.0))),
        1 => (Source::one(server(builder, chance)), Pace::Even(chance.about(900.0, 0.3), 0.3)),
        _ => {
            let addresses = botnet(builder, chance, (count * rounds).min(400) as usize);
            let source = Source::List { addresses, uses: 1, turn: 0, wraps: true };
            (source, Pace::Random(chance.log_normal(120.0, 0.8)))
        }
    };
    Guesser {
        source,
        door: Door::any(chance),
        targets: Targets { names, order: Order::NamesFirst, turn: 0, seed: chance.bits() },
        pace,
        left: u64::MAX,
        until: at_most(builder, begins, 20.0) - SECOND,
        own: None,
        hits: 0.0,
        refusals: 0,
        // The victim stands last in the list.
        right_at: Some(count * rounds - 1),
        entered: None,
    }
}
