//! The busiest values of every dimension in one step of time.

use super::series::Catalogue;
use super::{Dimension, Distinct};
use crate::codec::bytes::{Bytes, put_bytes, put_number, sealed, unsealed};
use ::event::{Event, Origin};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const FORMAT: u8 = 1;
/// Values of a dimension that are counted at once in memory. When there are more, the lesser half
/// goes to the rest.
const VALUES_MAX: usize = 4096;
/// Bytes of a value that count: what a stranger made longer is the same value.
pub const VALUE_MAX: usize = 160;

/// Numbers of events by series, in no order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Events(pub(super) Vec<(u16, u64)>);

impl Events {
    fn add(&mut self, series: u16, events: u64) {
        match self.0.iter_mut().find(|(number, _)| *number == series) {
            Some((_, sum)) => *sum += events,
            None => self.0.push((series, events)),
        }
    }

    pub(super) fn merge(&mut self, other: &Events) {
        other.0.iter().for_each(|(series, events)| self.add(*series, *events));
    }

    /// The sum over the series that are wanted.
    pub fn sum(&self, wanted: impl Fn(u16) -> bool) -> u64 {
        self.0.iter().filter(|(series, _)| wanted(*series)).map(|(_, events)| events).sum()
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_number(out, self.0.len() as u64);
        for (series, events) in &self.0 {
            put_number(out, u64::from(*series));
            put_number(out, *events);
        }
    }

    fn take(input: &mut Bytes<'_>) -> Option<Events> {
        let count = input.number().ok()?;
        let pair = |input: &mut Bytes<'_>| {
            Some((u16::try_from(input.number().ok()?).ok()?, input.number().ok()?))
        };
        let pairs: Option<Vec<(u16, u64)>> = (0..count).map(|_| pair(input)).collect();
        Some(Events(pairs?))
    }
}

/// What is counted of one value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counted {
    pub(super) events: Events,
    pub(super) others: Distinct,
    pub(super) origin: Origin,
}

/// The values of one dimension.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Bucket {
    /// Whoever lists them shares their names.
    pub(super) values: BTreeMap<Arc<[u8]>, Counted>,
    pub(super) rest: Events,
}

impl Bucket {
    /// Counts an event where it has a value of this dimension.
    pub(crate) fn take(
        &mut self,
        dimension: Dimension,
        event: &Event<'_>,
        series: &Catalogue,
        number: u16,
    ) {
        let Some(mut value) = dimension.value(event) else { return };
        value.truncate(VALUE_MAX);
        let counted = match self.values.get_mut(&*value) {
            Some(counted) => counted,
            None => self.values.entry(value.into()).or_default(),
        };
        counted.events.add(number, 1);
        if !event.origin.is_unknown() && matches!(dimension, Dimension::Client | Dimension::Network)
        {
            counted.origin = event.origin;
        }
        if let Some(other) = dimension.other(event) {
            counted.others.add(&other);
        }
        if self.values.len() > VALUES_MAX {
            self.prune(VALUES_MAX / 2, |number| series.is_allowed(number));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.rest.0.is_empty()
    }

    pub(crate) fn merge(&mut self, other: Bucket) {
        self.rest.merge(&other.rest);
        for (value, theirs) in other.values {
            let ours = self.values.entry(value).or_default();
            ours.events.merge(&theirs.events);
            ours.others.merge(&theirs.others);
            if ours.origin.is_unknown() {
                ours.origin = theirs.origin;
            }
        }
    }

    /// How many values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Keeps `max` values, half of them for their events, half for those that were not allowed.
    pub(crate) fn prune(&mut self, max: usize, is_allowed: impl Fn(u16) -> bool) {
        if self.values.len() <= max {
            return;
        }
        let kept: BTreeSet<Arc<[u8]>> = {
            let mut ranked: Vec<(&Arc<[u8]>, u64, u64)> = self
                .values
                .iter()
                .map(|(value, counted)| {
                    let refused = counted.events.sum(|number| !is_allowed(number));
                    (value, counted.events.sum(|_| true), refused)
                })
                .collect();
            ranked.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(b.0)));
            let mut by_events = ranked.split_off((max / 2).min(ranked.len()));
            by_events.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
            by_events.truncate(max - ranked.len());
            ranked.iter().chain(&by_events).map(|(value, ..)| Arc::clone(value)).collect()
        };
        let rest = &mut self.rest;
        self.values.retain(|value, counted| {
            let is_kept = kept.contains(value);
            if !is_kept {
                rest.merge(&counted.events);
            }
            is_kept
        });
    }

    /// As it is stored, sealed: the rest's events, then every value with what is counted of it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        sealed(FORMAT, |out| {
            self.rest.put(out);
            put_number(out, self.values.len() as u64);
            for (value, counted) in &self.values {
                put_bytes(out, value);
                put_number(out, u64::from(counted.origin.operator));
                out.extend_from_slice(&counted.origin.country);
                counted.others.put(out);
                counted.events.put(out);
            }
        })
    }

    /// The inverse of [`Bucket::encode`]; nothing where it is damaged.
    pub(crate) fn decode(blob: &[u8]) -> Option<Bucket> {
        let mut input = Bytes(unsealed(FORMAT, blob)?);
        let rest = Events::take(&mut input)?;
        let mut values = BTreeMap::new();
        for _ in 0..input.number().ok()? {
            let value = input.bytes().ok()?.into();
            let operator = u32::try_from(input.number().ok()?).ok()?;
            let origin = Origin { operator, country: input.array().ok()? };
            let others = Distinct::take(&mut input)?;
            let events = Events::take(&mut input)?;
            values.insert(value, Counted { events, others, origin });
        }
        Some(Bucket { values, rest })
    }
}

#[cfg(test)]
mod tests;
