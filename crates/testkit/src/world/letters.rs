//! What honest people and machines write, and to whom.

use super::chance::mix;
use super::names::{self, PROVIDERS};
use super::people::Person;
use super::session::message::{Mail, To};
use super::stage::Stage;
use super::write::postfix::Fate;

/// How many people somebody writes to at all.
const CONTACTS: usize = 140;

/// A message to one or a few that are known, now and then to somebody new.
pub(crate) fn personal(stage: &mut Stage<'_>, person: &Person) -> Mail {
    let count = match stage.chance.below(10) {
        0..7 => 1,
        7..9 => 2,
        _ => stage.chance.within(3, 6),
    };
    let to = (0..count).map(|_| recipient(stage, person)).collect();
    mail(stage, person, to)
}

fn recipient(stage: &mut Stage<'_>, person: &Person) -> To {
    let accounts = stage.site.people as usize;
    if stage.chance.is(0.3) {
        return To::Here(stage.chance.index(accounts) as u32);
    }
    match stage.chance.is(0.06) {
        true => stranger(stage),
        false => {
            let rank = stage.chance.rank(CONTACTS);
            contact(stage, person, rank)
        }
    }
}

/// The `rank`th of those whom this person knows.
fn contact(stage: &mut Stage<'_>, person: &Person, rank: usize) -> To {
    let key = mix(person.seed, 500 + rank as u64);
    let domain = match key % 10 {
        0..4 => (key >> 8) % PROVIDERS,
        _ => (key >> 8) % stage.site.domains,
    };
    // Even a known mailbox goes away, or is full.
    let fate = match stage.chance.below(1_000) {
        0..4 => Fate::Unknown,
        4..44 => Fate::Later,
        _ => Fate::Sent,
    };
    To::There { domain, user: key >> 20, fate }
}

/// Somebody who was never written to. Addresses are mistyped, too.
pub(crate) fn stranger(stage: &mut Stage<'_>) -> To {
    let domain = match stage.chance.is(0.3) {
        true => stage.chance.below(PROVIDERS),
        false => stage.chance.below(stage.site.domains),
    };
    let fate = match stage.chance.below(100) {
        0..3 => Fate::Unknown,
        3 => Fate::NoDomain,
        4..14 => Fate::Later,
        _ => Fate::Sent,
    };
    To::There { domain, user: stage.chance.bits() >> 20, fate }
}

/// One message to many.
pub(crate) fn circular(
    stage: &mut Stage<'_>,
    person: &Person,
    count: usize,
    strangers: bool,
) -> Mail {
    let to = (0..count)
        .map(|rank| match strangers || rank >= CONTACTS {
            true => stranger(stage),
            false => contact(stage, person, rank),
        })
        .collect();
    mail(stage, person, to)
}

fn mail(stage: &mut Stage<'_>, person: &Person, to: Vec<To>) -> Mail {
    Mail {
        from: stage.site.login(person.account).to_owned(),
        to,
        subject: names::subject(stage.chance.bits()),
        size: stage.chance.log_normal(9_000.0, 1.4) as u64 + 700,
        is_spam: false,
    }
}
