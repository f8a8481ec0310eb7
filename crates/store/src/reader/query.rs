//! Questions about events and actions, newest first: the hot batches, then the segments.

use super::{Reader, Row, add_loss};
use crate::codec::Record;
use crate::filter::{Cursor, Filter, What};
use crate::segment::{Family, Name, Segment};
use crate::{Loss, StoreError, database};
use ::event::{Event, Subject, Timestamp};
use std::collections::BTreeMap;

/// Rows that one question can bring, whatever its limit.
const ROWS_MAX: usize = 100_000;
/// Distinct values that are counted exactly; when there are more, the rare ones give way.
const DISTINCT_MAX: usize = 200_000;

/// The answer to a question.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// What was found.
    pub rows: Vec<Row>,
    /// True where the limit cut it off.
    pub cut: bool,
    /// What could not be read; there may have been more to find in it.
    pub losses: Vec<Loss>,
    /// Where the search was given up: what stands before this was not looked at.
    pub stopped: Option<Cursor>,
}

/// How a search goes.
#[derive(Clone, Copy)]
pub struct Search<'s> {
    /// Asked between two parts of the journal: a search that takes too long is given up.
    pub is_enough: &'s dyn Fn() -> bool,
    /// False: events of history come without their lines, which is quicker where they are counted.
    pub with_lines: bool,
}

impl Default for Search<'_> {
    fn default() -> Self {
        Search { is_enough: &|| false, with_lines: true }
    }
}

/// The answer to "who most".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Top {
    /// Clients with their numbers of events, the busiest first.
    pub clients: Vec<(String, u64)>,
    /// What could not be read.
    pub losses: Vec<Loss>,
}

/// A segment of the catalogue.
struct Listed {
    name: Name,
    seq: (u64, u64),
    at: (Timestamp, Timestamp),
}

impl Reader {
    /// Records that the filter asks for, newest first in the journal's order.
    pub fn query(&self, filter: &Filter, limit: usize) -> Result<Found, StoreError> {
        self.search(filter, limit, Search::default())
    }

    /// The same, until it is enough. Only a search for events alone is given up.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn search(
        &self,
        filter: &Filter,
        limit: usize,
        search: Search<'_>,
    ) -> Result<Found, StoreError> {
        let search = match filter.what {
            What::Events => search,
            What::Actions | What::All => Search { is_enough: &|| false, ..search },
        };
        let limit = limit.min(ROWS_MAX);
        let mut found = Found::default();
        // One snapshot for the catalogue and the batches: a segment made meanwhile is not seen
        // twice, and what it took over is still there.
        let snapshot = self.database.unchecked_transaction().map_err(self.sql())?;
        let path = self.dir.join(database::FILE);
        if let Err(error) = self.query_batches(filter, limit, search, &mut found) {
            add_loss(&mut found.losses, &path, error.to_string());
        }
        let segments = self.segments().unwrap_or_else(|error| {
            add_loss(&mut found.losses, &path, format!("the catalogue of segments: {error}"));
            Vec::new()
        });
        drop(snapshot);
        if found.rows.len() < limit && found.stopped.is_none() {
            self.query_segments(&segments, filter, limit, search, &mut found);
        }
        found.cut = found.rows.len() >= limit || found.stopped.is_some();
        found.rows.truncate(limit);
        Ok(found)
    }

    /// The story of a subject: its events and all that was found, decided and ordered about it,
    /// oldest first; the newest `limit` of them.
    pub fn story(&self, subject: &Subject, limit: usize) -> Result<Found, StoreError> {
        let mut found = self.query(&Filter::about(subject.clone()), limit)?;
        found.rows.reverse();
        Ok(found)
    }

    /// The lines with these numbers, oldest first.
    pub fn lines(&self, lines: &[u64]) -> Result<Found, StoreError> {
        let mut found = self.query(&Filter::lines(lines), lines.len().saturating_mul(2))?;
        found.rows.reverse();
        Ok(found)
    }

    /// Findings, decisions and expiries and what else is no event, newest first.
    pub fn actions(&self, limit: usize) -> Result<Found, StoreError> {
        self.query(&Filter { what: What::Actions, ..Filter::default() }, limit)
    }

    /// The clients with the most events that the filter asks for, the busiest first.
    pub fn top_clients(&self, filter: &Filter, limit: usize) -> Result<Top, StoreError> {
        let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        let mut losses = Vec::new();
        let filter = Filter { what: What::Events, ..filter.clone() };
        let snapshot = self.database.unchecked_transaction().map_err(self.sql())?;
        self.each_hot(&filter, &mut losses, &|| false, &mut |record, _, _, _| {
            if let Record::Event { event: Event { client: Some(client), .. }, .. } = record {
                count(&mut counts, client.to_string().into_bytes());
            }
            true
        })?;
        let segments = self.segments()?;
        drop(snapshot);
        for listed in relevant(&segments, &filter, Family::Events) {
            let each = |segment: Segment, counts: &mut BTreeMap<Vec<u8>, u64>| {
                for group in 0..segment.row_groups() {
                    segment.clients(group, &filter)?.into_iter().for_each(|c| count(counts, c));
                }
                Ok::<(), StoreError>(())
            };
            let done = Segment::open(&self.dir, &listed.name).and_then(|s| each(s, &mut counts));
            self.told(done, listed, &mut losses);
        }
        let mut top: Vec<_> = counts.into_iter().collect();
        top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        top.truncate(limit);
        let named =
            |(client, n): (Vec<u8>, u64)| (String::from_utf8_lossy(&client).into_owned(), n);
        Ok(Top { clients: top.into_iter().map(named).collect(), losses })
    }

    fn query_batches(
        &self,
        filter: &Filter,
        limit: usize,
        search: Search<'_>,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let names = self.source_names()?;
        let Found { rows, losses, stopped, .. } = found;
        let mut inside: Vec<Row> = Vec::new();
        let walked =
            self.each_hot(filter, losses, search.is_enough, &mut |record, body, batch, place| {
                if inside.last().is_some_and(|row| row.batch != batch) {
                    rows.extend(inside.drain(..).rev());
                    if rows.len() >= limit {
                        return false;
                    }
                }
                let source = match record {
                    Record::Event { source, .. } => {
                        names.get(&source.0).cloned().unwrap_or_default()
                    }
                    _ => String::new(),
                };
                inside.push(Row::new(batch, place, source, body.to_vec()));
                true
            });
        rows.extend(inside.drain(..).rev());
        *stopped = walked?;
        Ok(())
    }

    fn query_segments(
        &self,
        segments: &[Listed],
        filter: &Filter,
        limit: usize,
        search: Search<'_>,
        found: &mut Found,
    ) {
        // The two families cover the same batches: each is asked for all that is wanted, then
        // they are put in the journal's order.
        let wanted = limit - found.rows.len();
        let mut rows = Vec::new();
        for (family, asked) in
            [(Family::Events, filter.wants_events()), (Family::Actions, filter.wants_actions())]
        {
            let mut of_family = Vec::new();
            for listed in relevant(segments, filter, family).filter(|_| asked) {
                let done = Segment::open(&self.dir, &listed.name)
                    .and_then(|segment| find(&segment, filter, wanted, search, &mut of_family));
                match done {
                    Ok(stopped) => found.stopped = stopped,
                    Err(error) => self.told(Err(error), listed, &mut found.losses),
                }
                if of_family.len() >= wanted || found.stopped.is_some() {
                    break;
                }
            }
            rows.append(&mut of_family);
        }
        rows.sort_unstable_by(|a, b| b.cmp(a));
        found.rows.append(&mut rows);
    }

    /// A segment that retention has removed meanwhile is no loss.
    fn told(&self, done: Result<(), StoreError>, listed: &Listed, losses: &mut Vec<Loss>) {
        match done {
            Err(StoreError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound
                    && self
                        .segments()
                        .is_ok_and(|now| now.iter().all(|other| other.name != listed.name)) => {}
            Err(error) => {
                let path = self.dir.join(listed.name.to_string());
                add_loss(losses, &path, format!("a segment cannot be read: {error}"));
            }
            Ok(()) => {}
        }
    }

    fn segments(&self) -> Result<Vec<Listed>, StoreError> {
        let read = || -> Result<Vec<Listed>, rusqlite::Error> {
            let mut statement = self.database.prepare_cached(
                "SELECT name, seq_first, seq_last, at_min, at_max FROM segment
                 ORDER BY batch_last DESC",
            )?;
            let rows = statement.query_map([], |row| {
                let name: String = row.get(0)?;
                let seq =
                    (row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned());
                let at = (Timestamp(row.get(3)?), Timestamp(row.get(4)?));
                Ok(Name::parse(&name).map(|name| Listed { name, seq, at }))
            })?;
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(self.sql())
    }
}

fn relevant<'a>(
    segments: &'a [Listed],
    filter: &'a Filter,
    family: Family,
) -> impl Iterator<Item = &'a Listed> {
    segments.iter().filter(move |listed| {
        listed.name.family == family
            && filter.spans(listed.at.0, listed.at.1)
            && filter.covers(listed.seq.0, listed.seq.1)
            && filter.is_before(listed.name.batch_first, 0)
            && filter.is_after(listed.name.batch_last)
    })
}

/// The newest `wanted` matching rows of a segment, newest row group first; where it was enough
/// before that, the place before which nothing was looked at.
fn find(
    segment: &Segment,
    filter: &Filter,
    wanted: usize,
    search: Search<'_>,
    rows: &mut Vec<Row>,
) -> Result<Option<Cursor>, StoreError> {
    let mut looked_at = None;
    for group in (0..segment.row_groups()).rev() {
        let left = wanted.saturating_sub(rows.len());
        if left == 0 {
            break;
        }
        if let Some(looked_at) = looked_at.filter(|_| (search.is_enough)()) {
            return segment.begins(looked_at).map(Some);
        }
        if let Some(before) = filter.before
            && segment.begins(group)? >= before
        {
            continue;
        }
        let found = segment.find(group, filter, left, search.with_lines)?;
        let asked = found.into_iter().rev().filter(|row| filter.is_after(row.batch));
        rows.extend(asked.map(|row| {
            let body = row.record.get(4..).unwrap_or_default().to_vec();
            Row::new(row.batch, row.place, row.source, body)
        }));
        looked_at = Some(group);
    }
    Ok(None)
}

/// Counts one more. When too many distinct values are held, those seen once give way.
fn count(counts: &mut BTreeMap<Vec<u8>, u64>, value: Vec<u8>) {
    *counts.entry(value).or_default() += 1;
    let mut floor = 1;
    while counts.len() > DISTINCT_MAX {
        counts.retain(|_, n| *n > floor);
        floor *= 2;
    }
}
