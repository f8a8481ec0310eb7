//! Events on their way into roll-ups and leaders: counted in memory, then written together.

use super::series::Catalogue;
use super::{Bucket, Dimension, Step};
use ::event::Event;
use std::collections::BTreeMap;

/// Steps of leaders that stay in memory after they were written: the newest go on growing.
const KEPT: usize = 3;

/// Where leaders are: step, its first second, dimension.
pub(crate) type Place = (Step, i64, Dimension);

#[derive(Debug, Default)]
struct Open {
    bucket: Bucket,
    /// What was on record before is in it.
    is_loaded: bool,
    is_changed: bool,
}

/// What is counted and not written yet.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    catalogue: Catalogue,
    rows: BTreeMap<(Step, i64, u16), u64>,
    open: BTreeMap<Place, Open>,
    /// The newest event, seconds since 1970.
    pub(crate) newest_s: i64,
}

/// What a transaction writes.
pub(crate) struct Written<'g> {
    pub(crate) series: &'g [(u16, Vec<u8>)],
    pub(crate) rows: &'g BTreeMap<(Step, i64, u16), u64>,
    pub(crate) leaders: Vec<(Place, Vec<u8>)>,
}

impl Gathering {
    /// Goes on from what is on record.
    pub(crate) fn of(series: impl Iterator<Item = (u16, Vec<u8>)>, newest_s: i64) -> Self {
        Gathering { catalogue: Catalogue::of(series), newest_s, ..Gathering::default() }
    }

    /// Counts an event, in every step that would still be kept.
    pub(crate) fn take(&mut self, event: &Event<'_>) {
        let number = self.catalogue.number(event);
        let at_s = event.at.seconds();
        self.newest_s = self.newest_s.max(at_s);
        let age_s = self.newest_s - at_s;
        let is_kept = |kept_s: Option<i64>| kept_s.is_none_or(|kept_s| age_s < kept_s);
        for step in Step::OF_ROLLUPS.into_iter().filter(|step| is_kept(step.rollups_kept_s())) {
            *self.rows.entry((step, step.floor(at_s), number)).or_default() += 1;
        }
        for step in Step::OF_LEADERS.into_iter().filter(|step| is_kept(step.leaders_kept_s())) {
            for dimension in Dimension::ALL {
                let place = (step, step.floor(at_s), dimension);
                let open = self.open.entry(place).or_default();
                open.bucket.take(dimension, event, &self.catalogue, number);
                open.is_changed = true;
            }
        }
    }

    /// Leaders that are to be written and of which earlier ones may be on record.
    pub(crate) fn missing(&self) -> Vec<Place> {
        let lacks = |open: &Open| open.is_changed && !open.is_loaded && !open.bucket.is_empty();
        self.open.iter().filter(|(_, open)| lacks(open)).map(|(place, _)| *place).collect()
    }

    /// What was on record of one of the [`Gathering::missing`]; nothing where nothing was.
    pub(crate) fn load(&mut self, place: Place, before: Option<Bucket>) {
        if let Some(open) = self.open.get_mut(&place) {
            if let Some(before) = before {
                open.bucket.merge(before);
            }
            open.is_loaded = true;
        }
    }

    /// What is to be written.
    pub(crate) fn written(&self) -> Written<'_> {
        let leaders =
            self.open.iter().filter(|(_, open)| open.is_changed && !open.bucket.is_empty());
        let leaders = leaders.map(|(place, open)| {
            let mut bucket = open.bucket.clone();
            bucket.prune(place.0.leaders_max(), |number| self.catalogue.is_allowed(number));
            (*place, bucket.encode())
        });
        Written { series: self.catalogue.new_ones(), rows: &self.rows, leaders: leaders.collect() }
    }

    /// The leaders of a day from those of its hours.
    pub(crate) fn day(&self, hours: impl Iterator<Item = Bucket>) -> Bucket {
        let mut day = Bucket::default();
        hours.for_each(|hour| day.merge(hour));
        day.prune(Step::Day.leaders_max(), |number| self.catalogue.is_allowed(number));
        day
    }

    /// From when until when something is written about, in seconds since 1970.
    pub(crate) fn changed(&self) -> Option<(i64, i64)> {
        let seconds = |(step, at, _): &(Step, i64, u16)| (*at, at + step.seconds() - 1);
        self.rows.keys().map(seconds).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The first second of the oldest day that something is written about.
    pub(crate) fn oldest_day(&self) -> i64 {
        let changed = self.open.iter().filter(|(_, open)| open.is_changed);
        changed.map(|(place, _)| Step::Day.floor(place.1)).min().unwrap_or(i64::MAX)
    }

    /// It is on record.
    pub(crate) fn recorded(&mut self) {
        self.catalogue.recorded();
        self.rows.clear();
        for step in Step::OF_LEADERS {
            let mut starts: Vec<i64> =
                self.open.keys().filter(|place| place.0 == step).map(|place| place.1).collect();
            starts.dedup();
            let kept_from = starts.iter().rev().nth(KEPT - 1).copied().unwrap_or(i64::MIN);
            self.open.retain(|place, _| place.0 != step || place.1 >= kept_from);
        }
        self.open.values_mut().for_each(|open| open.is_changed = false);
    }
}
