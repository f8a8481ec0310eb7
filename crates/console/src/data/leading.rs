//! Who most: values of a dimension with what they did, the busiest first.

use super::counts::{Line, Wanted, Words};
use event::{Event, Kind, Origin, Outcome};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Dimension, Leader, Leaders};

/// One value and what it did in the span.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Leading {
    /// Address, network, `AS64500`, `DE` or name. Bytes, for a stranger may have chosen it.
    #[serde(serialize_with = "shown")]
    pub value: Arc<[u8]>,
    /// Events that went through, were deferred, were blocked.
    pub events: [u64; 3],
    /// Logins among them: allowed, and all others.
    pub logins: [u64; 2],
    /// Messages and deliveries among them that went through.
    pub messages: u64,
    /// Accounts of a client, clients of an account: see [`Dimension`].
    pub others: u64,
    /// Where it is.
    #[serde(skip)]
    pub origin: Origin,
}

fn shown<S: serde::Serializer>(value: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&event::Text(value))
}

impl Leading {
    /// Of what the journal counts, where it is asked for.
    pub fn of(leader: &Leader<'_>, wanted: &Wanted) -> Option<Leading> {
        let mut leading = Leading::default();
        for (series, events) in leader.events() {
            if let Some(Some(words)) = wanted.get(usize::from(series)) {
                leading.take(*words, events);
            }
        }
        (leading.all() > 0).then(|| Leading {
            value: Arc::clone(leader.value),
            others: leader.others(),
            origin: leader.origin(),
            ..leading
        })
    }

    fn take(&mut self, words: Words, events: u64) {
        if let Some(sum) = self.events.get_mut(Line::of(words.outcome) as usize) {
            *sum += events;
        }
        match words.kind {
            Kind::Auth => {
                let which = usize::from(words.outcome != Outcome::Allowed);
                if let Some(sum) = self.logins.get_mut(which) {
                    *sum += events;
                }
            }
            Kind::Message | Kind::Delivery if words.outcome == Outcome::Allowed => {
                self.messages += events;
            }
            _ => {}
        }
    }

    /// All its events.
    pub fn all(&self) -> u64 {
        self.events.iter().sum()
    }
}

/// The lists of a dashboard.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lists(BTreeMap<Dimension, Vec<Leading>>);

impl Lists {
    /// Those of a dimension, the busiest first.
    pub fn of(&self, dimension: Dimension) -> &[Leading] {
        self.0.get(&dimension).map_or(&[], Vec::as_slice)
    }

    /// From what the journal counts, where it is asked for.
    pub fn add(&mut self, dimension: Dimension, leaders: &Leaders, wanted: &Wanted) {
        let mut list: Vec<Leading> =
            leaders.iter().filter_map(|leader| Leading::of(&leader, wanted)).collect();
        sort(&mut list);
        self.0.insert(dimension, list);
    }
}

fn sort(list: &mut [Leading]) {
    list.sort_by(|a, b| b.all().cmp(&a.all()).then_with(|| a.value.cmp(&b.value)));
}

/// Lists in the making, from events one by one.
#[derive(Default)]
pub struct Counting(BTreeMap<(Dimension, Vec<u8>), Counted>);

/// A value, and the others that it met.
type Counted = (Leading, BTreeSet<Vec<u8>>);

impl Counting {
    /// Takes an event.
    pub fn take(&mut self, event: &Event<'_>, words: Words) {
        for dimension in Dimension::ALL {
            let Some(value) = dimension.value(event) else { continue };
            let entry = self.0.entry((dimension, value)).or_default();
            entry.0.origin = event.origin;
            entry.0.take(words, 1);
            entry.1.extend(dimension.other(event));
        }
    }

    /// The lists.
    pub fn lists(self) -> Lists {
        let mut lists = Lists::default();
        for ((dimension, value), (mut leading, others)) in self.0 {
            leading.value = value.into();
            leading.others = others.len() as u64;
            lists.0.entry(dimension).or_default().push(leading);
        }
        lists.0.values_mut().for_each(|list| sort(list));
        lists
    }
}
