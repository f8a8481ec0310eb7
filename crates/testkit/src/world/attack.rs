//! Attackers, each campaign with a schedule, pools and habits of its own; and what befalls others.

mod guess;
mod guessers;
mod hold;
mod mx;
mod noise;
mod smtp;
mod source;
mod spam;
mod surge;
mod targets;
mod thief;
mod thieves;

use super::build::Builder;
use super::chance::Chance;
use super::clock::{HOUR, Micros, SECOND};
use super::truth::Kind;

/// All campaigns of the plan.
pub(crate) fn attacks(builder: &mut Builder<'_>) {
    for (kind, count) in &builder.plan.attacks {
        for number in 0..*count {
            let mut chance = builder.chance(*kind, u64::from(number));
            let begins = begins(builder, &mut chance);
            campaign(builder, &mut chance, *kind, begins);
        }
    }
}

/// Within the middle of the world, so that there is a life before and after.
fn begins(builder: &Builder<'_>, chance: &mut Chance) -> Micros {
    let length = builder.end - builder.start;
    builder.start + length / 10 + chance.within(0, length / 2 / SECOND) * SECOND + HOUR / 7
}

fn campaign(builder: &mut Builder<'_>, chance: &mut Chance, kind: Kind, begins: Micros) {
    // Each knows its own kinds.
    for add in [
        guessers::campaign,
        hold::campaign,
        thieves::campaign,
        smtp::campaign,
        noise::campaign,
        spam::campaign,
        mx::campaign,
        surge::campaign,
    ] {
        add(builder, chance, kind, begins);
    }
}
