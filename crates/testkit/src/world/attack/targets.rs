//! Whom a guesser tries, and with what.

use crate::world::build::Builder;
use crate::world::chance::{Chance, mix};
use crate::world::names;
use std::collections::BTreeSet;

/// A name as an attacker writes it.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub text: String,
    /// The account that answers to it.
    pub account: Option<u32>,
}

/// In which order names and passwords come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Each name with one password, then each with the next: a spray, and lists.
    NamesFirst,
    /// Each name with some passwords, then the next.
    PasswordsFirst(u64),
    /// Each name once, with a password of its own: stuffing.
    Pairs,
}

#[derive(Clone, Debug)]
pub(crate) struct Targets {
    pub names: Vec<Name>,
    pub order: Order,
    pub turn: u64,
    /// Tells this attacker's passwords from others'.
    pub seed: u64,
}

impl Targets {
    pub fn next(&mut self) -> (&Name, u64) {
        let count = self.names.len().max(1) as u64;
        let (name, password) = match self.order {
            Order::NamesFirst => (self.turn % count, self.turn / count),
            Order::PasswordsFirst(tries) => (self.turn / tries % count, self.turn % tries),
            Order::Pairs => (self.turn % count, mix(self.turn, self.seed)),
        };
        self.turn += 1;
        // The commonest passwords are on everybody's list.
        let secret = if password < 40 { mix(password, 1) } else { mix(password, self.seed) };
        (&self.names[name as usize], secret)
    }
}

/// An account as it is.
pub(crate) fn account(builder: &Builder<'_>, account: u32) -> Name {
    Name { text: builder.site.login(account).to_owned(), account: Some(account) }
}

/// Accounts drawn without repetition.
pub(crate) fn some(builder: &Builder<'_>, chance: &mut Chance, count: usize) -> Vec<Name> {
    let total = u64::from(builder.site.people);
    let mut list: Vec<u32> = (0..total as u32).collect();
    for place in 0..count.min(list.len()) {
        let other = place + chance.below(total - place as u64) as usize;
        list.swap(place, other);
    }
    list.truncate(count);
    list.into_iter().map(|number| account(builder, number)).collect()
}

/// A list as it is sold: some accounts, many names that nobody has here, in any order.
pub(crate) fn sold(
    builder: &Builder<'_>,
    chance: &mut Chance,
    known: usize,
    unknown: usize,
) -> Vec<Name> {
    let mut list = some(builder, chance, known);
    list.extend((0..unknown).map(|_| nobody(builder, chance)));
    let mut seen = BTreeSet::new();
    list.retain(|name| seen.insert(name.text.clone()));
    shuffle(chance, &mut list);
    list
}

pub(crate) fn shuffle<T>(chance: &mut Chance, list: &mut [T]) {
    for place in (1..list.len()).rev() {
        list.swap(place, chance.index(place + 1));
    }
}

/// A name that looks like one of here.
pub(crate) fn nobody(builder: &Builder<'_>, chance: &mut Chance) -> Name {
    let local = match chance.is(0.4) {
        true => (*chance.pick(&names::COMMON)).to_owned(),
        false => format!("{}{}", names::stranger(chance.bits() >> 8), chance.below(90) + 10),
    };
    let text = match chance.is(0.75) {
        true => format!("{local}@{}", builder.site.domain),
        false => local,
    };
    // `anna.keller10` may be somebody: then it is.
    let account = builder.site.accounts.iter().position(|account| account.login == text);
    Name { text, account: account.map(|number| number as u32) }
}

/// The forms in which one name can be written. Of those that Dovecot folds into the account
/// (capitals), the truth names the account; of others nobody.
pub(crate) fn odd(builder: &Builder<'_>, chance: &mut Chance, number: u32) -> Name {
    let login = builder.site.login(number);
    let (local, domain) = login.split_once('@').unwrap_or((login, ""));
    let (text, account) = match chance.below(9) {
        0 => (login.to_uppercase(), Some(number)),
        1 => (format!("{}{}@{domain}", local[..1].to_uppercase(), &local[1..]), Some(number)),
        2 => (local.to_owned(), None),
        3 => (format!("{local}+{}@{domain}", chance.below(900)), None),
        4 => (format!("{local}@mail.{domain}"), None),
        5 => (format!("{}@{domain}", local.replace('a', "\u{430}").replace('e', "\u{435}")), None),
        6 => (format!("{}@{domain}", local.repeat(12)), None),
        7 => (format!("{}...", login.get(..login.len() - 5).unwrap_or(login)), None),
        _ => (format!("{domain}\\{local}"), None),
    };
    Name { text, account }
}
