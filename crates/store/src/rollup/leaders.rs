//! Leaders for those who look: those of steps that are over, and those of the newest.

use super::bucket::{Bucket, Counted, Events};
use ::event::Origin;
use std::sync::Arc;

/// The busiest values of a dimension over a span of time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Leaders {
    /// Of steps that are over: others may be looking at the same.
    pub(crate) over: Arc<Bucket>,
    /// Of steps that go on growing.
    pub(crate) open: Bucket,
}

/// One value of a dimension and what it did.
#[derive(Clone, Copy, Debug)]
pub struct Leader<'l> {
    /// The value: an address, a network, `AS64500`, `DE`, a name. A name may be cut.
    pub value: &'l Arc<[u8]>,
    over: Option<&'l Counted>,
    open: Option<&'l Counted>,
}

impl Leaders {
    /// All values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Leader<'_>> {
        let Leaders { over, open } = self;
        let before = over.values.iter().map(|(value, counted)| Leader {
            value,
            over: Some(counted),
            open: open.values.get(value),
        });
        let new = open.values.iter().filter(|(value, _)| !over.values.contains_key(*value));
        before.chain(new.map(|(value, counted)| Leader { value, over: None, open: Some(counted) }))
    }

    /// One value.
    pub fn get(&self, value: &[u8]) -> Option<Leader<'_>> {
        let before = self.over.values.get_key_value(value);
        let new = self.open.values.get_key_value(value);
        let (value, _) = before.or(new)?;
        let (over, open) = (before.map(|found| found.1), new.map(|found| found.1));
        Some(Leader { value, over, open })
    }

    /// All other values together: events by series; a series may stand there twice.
    pub fn rest(&self) -> impl Iterator<Item = (u16, u64)> {
        pairs(&self.over.rest).chain(pairs(&self.open.rest))
    }
}

fn pairs(events: &Events) -> impl Iterator<Item = (u16, u64)> {
    events.0.iter().copied()
}

impl<'l> Leader<'l> {
    fn parts(&self) -> impl Iterator<Item = &'l Counted> + use<'l> {
        self.over.into_iter().chain(self.open)
    }

    /// Its events by series; a series may stand there twice.
    pub fn events(&self) -> impl Iterator<Item = (u16, u64)> + use<'l> {
        self.parts().flat_map(|counted| pairs(&counted.events))
    }

    /// How many others it met: see [`super::Dimension`].
    pub fn others(&self) -> u64 {
        match (self.over, self.open) {
            (Some(over), Some(open)) => {
                let mut both = over.others.clone();
                both.merge(&open.others);
                both.count()
            }
            _ => self.parts().map(|counted| counted.others.count()).sum(),
        }
    }

    /// Where a client or network is, as far as known.
    pub fn origin(&self) -> Origin {
        let known = self.parts().map(|counted| counted.origin);
        known.into_iter().find(|origin| !origin.is_unknown()).unwrap_or_default()
    }
}
