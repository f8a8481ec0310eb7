//! Counts of steps that are over, kept in memory: who looks again reads only what came since.
//!
//! What is kept is good as long as no turn of counting changed it. The journal remembers what the
//! latest turns changed (table `turn`); where it cannot tell any more, all is read anew.

use super::Reader;
use crate::StoreError;
use crate::database::INCIDENTS_FROM;
use crate::rollup::{Bucket, Dimension, Rollup, Step};
use rusqlite::params;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Roll-ups that are kept: 24 bytes each.
const ROLLUPS_MAX: usize = 1 << 20;
/// Values of leaders that are kept: about 250 bytes each.
const VALUES_MAX: usize = 1 << 17;
/// A step that the latest turns changed goes on growing, whatever the newest event is: a source
/// may lag behind. So many turns count: a minute, or less.
const TURNS_RECENT: i64 = 30;

/// Counts that are kept for those who look often; shared by all readers of one journal.
#[derive(Debug)]
pub struct ChartCache {
    pub(super) rollups: Mutex<Kept<Step, Vec<Rollup>>>,
    pub(super) leaders: Mutex<Kept<(Step, Dimension), Bucket>>,
}

impl Default for ChartCache {
    fn default() -> Self {
        ChartCache {
            rollups: Mutex::new(Kept::of(ROLLUPS_MAX)),
            leaders: Mutex::new(Kept::of(VALUES_MAX)),
        }
    }
}

/// Seconds, the end excluded.
pub(super) type Seconds = (i64, i64);

/// Sums of spans of time, the latest used first.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    entries: VecDeque<Entry<K, V>>,
    cost_max: usize,
}

/// A sum.
#[derive(Debug)]
pub(super) struct Entry<K, V> {
    key: K,
    /// Over these steps.
    pub(super) span: Seconds,
    /// The turn that was the latest when it was made.
    turn: i64,
    cost: usize,
    pub(super) value: Arc<V>,
}

impl<K: Clone, V> Clone for Entry<K, V> {
    fn clone(&self) -> Self {
        let (key, value) = (self.key.clone(), Arc::clone(&self.value));
        Entry { key, value, span: self.span, turn: self.turn, cost: self.cost }
    }
}

impl<K: Copy + PartialEq, V> Kept<K, V> {
    fn of(cost_max: usize) -> Self {
        Kept { entries: VecDeque::new(), cost_max }
    }

    /// Takes out the one whose span fits and reaches furthest. It is to be put back.
    fn take(&mut self, key: K, fits: impl Fn(Seconds) -> bool) -> Option<Entry<K, V>> {
        let entries = self.entries.iter().enumerate();
        let fitting = entries.filter(|(_, entry)| entry.key == key && fits(entry.span));
        let (place, _) = fitting.max_by_key(|(_, entry)| entry.span.1)?;
        self.entries.remove(place)
    }

    fn put(&mut self, entry: Entry<K, V>) {
        self.entries.push_front(entry);
        let mut cost = 0;
        self.entries.retain(|entry| {
            cost += entry.cost;
            cost <= self.cost_max
        });
    }
}

type Grow<'g, V> = &'g dyn Fn(Option<&V>, Seconds) -> Result<V, StoreError>;

/// What one question needs to keep sums: the key, which spans may be gone on from, and how.
pub(super) struct Growing<'g, K, V> {
    pub(super) key: K,
    pub(super) step: Step,
    /// What is asked for.
    pub(super) span: Seconds,
    pub(super) fits: &'g dyn Fn(Seconds) -> bool,
    /// Adds the steps of a span to what there is, and leaves out what was before the one that is
    /// asked for; `None`: there is nothing yet.
    pub(super) grow: Grow<'g, V>,
    pub(super) cost: &'g dyn Fn(&V) -> usize,
}

impl Reader {
    /// The sum of the steps that are over, as far as possible from what is kept, and from when on
    /// the rest is to be read. `None`: all of it.
    pub(super) fn over<K: Copy + PartialEq, V>(
        &self,
        kept: &Mutex<Kept<K, V>>,
        asked: &Growing<'_, K, V>,
    ) -> Result<Option<Entry<K, V>>, StoreError> {
        let Some(turn) = self.turn()? else { return Ok(None) };
        let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lock().take(asked.key, asked.fits);
        let found = match found {
            Some(entry) if self.is_as_it_was(&entry, turn)? => Some(Entry { turn, ..entry }),
            _ => None,
        };
        let over_until = self.over_until(asked.step, turn)?.min(asked.span.1);
        let reached = found.as_ref().map_or(asked.span.0, |entry| entry.span.1);
        let grown = if over_until > reached {
            let before = found.as_ref().map(|entry| &*entry.value);
            let value = Arc::new((asked.grow)(before, (reached, over_until))?);
            let (cost, span) = ((asked.cost)(&value), (asked.span.0, over_until));
            Some(Entry { key: asked.key, span, turn, cost, value })
        } else {
            None
        };
        let mut kept = lock();
        // Another may ask for a shorter span again: both are kept, while there is room.
        found.iter().for_each(|entry| kept.put(entry.clone()));
        grown.iter().for_each(|entry| kept.put(entry.clone()));
        Ok(grown.or(found))
    }

    /// The latest turn of counting.
    fn turn(&self) -> Result<Option<i64>, StoreError> {
        if self.format < INCIDENTS_FROM {
            return Ok(None);
        }
        let turns = self.list("SELECT max(id) FROM turn", [], |row| row.get(0))?;
        Ok(turns.into_iter().next())
    }

    fn is_as_it_was<K, V>(&self, entry: &Entry<K, V>, turn: i64) -> Result<bool, StoreError> {
        if entry.turn == turn {
            return Ok(true);
        }
        let known = self.list(
            "SELECT EXISTS (SELECT 1 FROM turn WHERE id <= ?1) AND ?1 < ?2
               AND NOT EXISTS (SELECT 1 FROM turn WHERE id > ?1 AND oldest < ?4 AND newest >= ?3)",
            params![entry.turn, turn, entry.span.0, entry.span.1],
            |row| row.get(0).map(Some),
        )?;
        Ok(known.into_iter().next().unwrap_or(false))
    }

    /// Steps before this are over, as far as one can tell.
    fn over_until(&self, step: Step, turn: i64) -> Result<i64, StoreError> {
        let seconds = self.list(
            "SELECT min((SELECT newest FROM rolled),
               coalesce((SELECT min(oldest) FROM turn WHERE id > ?1 AND newest > 0), 1 << 62))",
            [turn - TURNS_RECENT],
            |row| row.get(0).map(Some),
        )?;
        Ok(step.floor(seconds.into_iter().next().unwrap_or(0)))
    }
}
