//! The hot batches: which of them a question must read, and reading them.

use super::{Reader, add_loss};
use crate::batch::Batch;
use crate::codec::{Record, Sort, decode, sort};
use crate::database::SUMMARIES_FROM;
use crate::filter::{Cursor, Filter};
use crate::needle::Needle;
use crate::summary::Asked;
use crate::{Loss, StoreError, database};
use ::event::Timestamp;
use rusqlite::{Row as SqlRow, params};
use std::path::Path;

/// Takes a matching record with its bytes, batch and place, and says whether to go on.
pub(super) type Each<'e> = dyn FnMut(&Record<'_>, &[u8], u64, u64) -> bool + 'e;

impl Reader {
    /// Hands the matching records of the batches that are in no segment yet to `each`: newest
    /// batch first, but each batch from its beginning. `each` says whether to go on. Where it was
    /// enough before the end, gives the place before which nothing was looked at.
    pub(super) fn each_hot(
        &self,
        filter: &Filter,
        losses: &mut Vec<Loss>,
        is_enough: &dyn Fn() -> bool,
        each: &mut Each<'_>,
    ) -> Result<Option<Cursor>, StoreError> {
        let path = self.dir.join(database::FILE);
        let mut statement = self
            .database
            .prepare_cached(
                "SELECT id, data, seq_first, seq_last FROM batch
                 WHERE id BETWEEN ?1 AND ?2 AND at_max >= ?3 AND at_min < ?4 ORDER BY id DESC",
            )
            .map_err(self.sql())?;
        let from = filter.from.map_or(i64::MIN, |at| at.0);
        let until = filter.until.map_or(i64::MAX, |at| at.0);
        // Nothing of a batch stands before its first place.
        let last_asked = |before: Cursor| before.batch.saturating_sub(u64::from(before.place == 0));
        let to = filter.before.map_or(i64::MAX, |before| last_asked(before).cast_signed());
        let behind = filter.after.map_or(i64::MIN, |after| after.saturating_add(1).cast_signed());
        let mut last_read = None;
        for (first, last) in self.to_read(filter).map_err(self.sql())? {
            let mut batches = statement
                .query(params![first.max(behind), last.min(to), from, until])
                .map_err(self.sql())?;
            while let Some(row) = batches.next().map_err(self.sql())? {
                if let Some(last) = last_read.filter(|_| is_enough()) {
                    return Ok(Some(Cursor { batch: last, place: 0 }));
                }
                last_read = Some(row.get::<_, i64>(0).map_err(self.sql())?.cast_unsigned());
                if !each_in(row, filter, &path, losses, each).map_err(self.sql())? {
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// Spans of batches that may hold what is asked for, newest first: all but those whose
    /// summary denies it.
    fn to_read(&self, filter: &Filter) -> Result<Vec<(i64, i64)>, rusqlite::Error> {
        let segmented: i64 =
            self.database.query_row("SELECT segmented FROM head", [], |row| row.get(0))?;
        let mut spans = Vec::new();
        let mut last = i64::MAX;
        // Where the summaries cannot be read, all batches are.
        for (first, behind) in self.denied(filter, segmented).unwrap_or_default() {
            spans.push((behind.saturating_add(1), last));
            last = first.saturating_sub(1);
        }
        spans.push((segmented.saturating_add(1), last));
        spans.retain(|(first, last)| first <= last);
        Ok(spans)
    }

    /// Spans of batches that hold nothing of what is asked for, newest first.
    fn denied(&self, filter: &Filter, segmented: i64) -> Result<Vec<(i64, i64)>, rusqlite::Error> {
        let asked = Asked::by(filter);
        let is_bound = filter.from.is_some() || filter.until.is_some() || filter.lines.is_some();
        let mut denied = Vec::new();
        if self.format < SUMMARIES_FROM || (asked.is_none() && !is_bound) {
            return Ok(denied);
        }
        let mut statement = self.database.prepare_cached(
            "SELECT batch_first, batch_last, seq_first, seq_last, at_min, at_max, about
             FROM summary WHERE batch_last > ?1 ORDER BY batch_last DESC",
        )?;
        let mut rows = statement.query([segmented])?;
        while let Some(row) = rows.next()? {
            let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            let about = row.get_ref(6)?.as_blob().unwrap_or_default();
            let may_hold = filter.spans(Timestamp(row.get(4)?), Timestamp(row.get(5)?))
                && filter.covers(number(2)?, number(3)?)
                && asked.as_ref().is_none_or(|asked| asked.may_be_in(about));
            if !may_hold {
                denied.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(denied)
    }
}

/// Hands over the matching records of one batch. False where that is enough.
fn each_in(
    row: &SqlRow<'_>,
    filter: &Filter,
    path: &Path,
    losses: &mut Vec<Loss>,
    each: &mut Each<'_>,
) -> Result<bool, rusqlite::Error> {
    let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
    let id = number(0)?;
    if !filter.covers(number(2)?, number(3)?) {
        return Ok(true);
    }
    let batch = match Batch::open(row.get_ref(1)?.as_blob().unwrap_or_default(), path) {
        Ok(batch) => batch,
        Err(error) => {
            add_loss(losses, path, format!("batch {id}: {error}"));
            return Ok(true);
        }
    };
    // Lines stand in a batch as they were: where the text is nowhere in it, no record is decoded.
    if filter.text.as_ref().is_some_and(|text| !Needle::of(text).is_in(batch.bytes())) {
        return Ok(true);
    }
    let mut records = batch.records();
    let mut place = 0;
    while let Some(body) = records.next_body() {
        let Ok(body) = body else { continue };
        let sort = sort(body);
        if sort == Sort::Other {
            continue;
        }
        // Most records are events: where none is asked for, none is decoded.
        let record = filter.wants(sort).then(|| decode(body).ok()).flatten();
        if let Some(record) = record
            && filter.is_before(id, place)
            && filter.matches(&record)
            && !each(&record, body, id, place)
        {
            return Ok(false);
        }
        place += 1;
    }
    Ok(true)
}
