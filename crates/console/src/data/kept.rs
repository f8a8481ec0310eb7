//! What was read of the journal and stays as it is: who looks often reads what came since.

use super::actions::{Action, actions};
use event::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{ChartCache, Filter, Reader, StoreError};

/// Findings, decisions and the like that are looked at for a view.
const ACTIONS_MAX: usize = 2_000;
/// Lines whose time is kept.
const TIMES_MAX: usize = 4_096;

/// What is kept; shared by all who look.
#[derive(Default)]
pub struct Kept {
    /// Counts.
    pub charts: ChartCache,
    latest: Mutex<Option<Latest>>,
    times: Mutex<BTreeMap<u64, Timestamp>>,
}

/// The newest actions.
struct Latest {
    /// Nothing that was committed after this batch is among them.
    batch: u64,
    /// All that happened from then on, unless it is cut.
    from: Timestamp,
    /// There were more than are kept.
    is_cut: bool,
    /// The newest first.
    list: Vec<Arc<Action>>,
}

impl Latest {
    fn read(reader: &Reader, from: Timestamp) -> Result<Latest, StoreError> {
        let begun = Latest { batch: 0, from, is_cut: false, list: Vec::new() };
        begun.brought_up(reader)
    }

    /// With what was committed since.
    fn brought_up(mut self, reader: &Reader) -> Result<Latest, StoreError> {
        // Asked for before the rows: one that is committed meanwhile may be seen, never missed.
        let (batch, _) = reader.version()?;
        if batch == self.batch {
            return Ok(self);
        }
        let after = (self.batch > 0).then_some(self.batch);
        let filter = Filter { from: Some(self.from), after, ..Filter::default() };
        let (new, is_cut) = actions(reader, &filter, ACTIONS_MAX)?;
        let seen = new.first().map_or(0, |action| action.batch);
        let mut list: Vec<Arc<Action>> = new.into_iter().map(Arc::new).collect();
        list.append(&mut self.list);
        self.is_cut |= is_cut || list.len() > ACTIONS_MAX;
        list.truncate(ACTIONS_MAX);
        Ok(Latest { batch: batch.max(seen), list, ..self })
    }

    /// True where what is kept answers for this span.
    fn covers(&self, from: Timestamp, until: Timestamp) -> bool {
        let is_newest = self.list.first().is_none_or(|action| action.at < until);
        if self.is_cut { is_newest } else { self.from <= from }
    }
}

impl Kept {
    /// What was found, decided and ordered between these times, the newest first; no more than
    /// can be looked at.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn actions(
        &self,
        reader: &Reader,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Arc<Action>>, StoreError> {
        let mut kept = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut latest = match kept.take() {
            Some(latest) => latest.brought_up(reader)?,
            None => Latest::read(reader, from)?,
        };
        if !latest.covers(from, until) && from < latest.from {
            latest = Latest::read(reader, from)?;
        }
        let latest = kept.insert(latest);
        if latest.covers(from, until) {
            let of_span = |one: &&Arc<Action>| one.at >= from && one.at < until;
            return Ok(latest.list.iter().filter(of_span).cloned().collect());
        }
        drop(kept);
        let filter = Filter { from: Some(from), until: Some(until), ..Filter::default() };
        let (list, _) = actions(reader, &filter, ACTIONS_MAX)?;
        Ok(list.into_iter().map(Arc::new).collect())
    }

    /// When these lines were written, as far as they are on record.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn times(
        &self,
        reader: &Reader,
        lines: &[u64],
    ) -> Result<BTreeMap<u64, Timestamp>, StoreError> {
        let mut kept = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<u64> =
            lines.iter().copied().filter(|line| !kept.contains_key(line)).collect();
        if !missing.is_empty() {
            if kept.len() + missing.len() > TIMES_MAX {
                kept.clear();
            }
            // One that is not on record any more is not looked for again.
            kept.extend(missing.iter().map(|line| (*line, Timestamp(i64::MIN))));
            let rows = reader.query(&Filter::lines(&missing), missing.len())?.rows;
            let found = rows.iter().filter_map(|row| Some((row.seq()?, row.event()?.at)));
            kept.extend(found.collect::<Vec<_>>());
        }
        let known = lines.iter().filter_map(|line| Some((*line, *kept.get(line)?)));
        Ok(known.filter(|(_, at)| at.0 > i64::MIN).collect())
    }
}
