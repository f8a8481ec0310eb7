//! Batches become segments.
//!
//! 1. The files are written and flushed under other names, then renamed. 2. One transaction
//!    enters them into the catalogue and raises `head.segmented`: from here on readers take these
//!    batches from the files. 3. The batches are deleted when no start needs them. A crash between
//!    1 and 2 leaves files that nobody knows; they are removed and written again. A crash between
//!    2 and 3 leaves batches that readers step over.

use super::{Maintained, Maintainer, remove};
use crate::batch::Batch;
use crate::segment::{self, Name, Segment, Written, write};
use crate::{Loss, StoreError, database};
use ::event::Timestamp;
use rusqlite::{Transaction, params};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Records in one segment, at most (a batch more).
const SEGMENT_RECORDS_MAX: u64 = 1 << 20;
const DAY_S: i64 = 86_400;

impl Maintainer {
    /// Makes the next segments where enough waits or it waits too long. True where there may be
    /// more to do.
    pub(super) fn make_segments(
        &self,
        now: Timestamp,
        done: &mut Maintained,
    ) -> Result<bool, StoreError> {
        let Some((first, last, records)) = self.next_span(now)? else { return Ok(false) };
        self.flush_log()?;
        let sources = self.sources()?;
        let mut losses = Vec::new();
        let going = |_: &u64| !self.is_interrupted();
        let batches = (first..=last).take_while(going).filter_map(|id| match self.batch(id) {
            Ok(batch) => batch.map(|batch| (id, batch)),
            Err(error) => {
                losses.push(Loss::new(&self.path(), format!("batch {id}: {error}")));
                None
            }
        });
        let written = write(&self.dir, batches, (first, last), &sources)?;
        if self.is_interrupted() {
            return written
                .iter()
                .try_for_each(|s| remove(&self.dir.join(s.name.to_string())))
                .map(|()| false);
        }
        done.losses.append(&mut losses);
        self.write("enter segments into the catalogue", |to| {
            for segment in &written {
                enter(to, segment)?;
            }
            to.execute("UPDATE head SET segmented = ?1", [last.cast_signed()])?;
            forget_summaries(to)
        })?;
        done.segments_made += written.len() as u64;
        done.records_moved += records;
        Ok(true)
    }

    /// A segment is on the disk for good before its entry is. Its batches must be so before: after
    /// a power cut that took them back, its lines would be read, and be there, a second time.
    fn flush_log(&self) -> Result<(), StoreError> {
        let log = self.dir.join(format!("{}-wal", database::FILE));
        match fs::File::open(&log).and_then(|file| file.sync_data()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io("flush", &log)(error))
            }
            _ => Ok(()),
        }
    }

    /// The batches of the next segment, if it is due: first, last, records.
    fn next_span(&self, now: Timestamp) -> Result<Option<(u64, u64, u64)>, StoreError> {
        let read = || -> Result<Option<(u64, u64, u64)>, rusqlite::Error> {
            let database = self.open.as_ref().map(|(_, database)| database);
            let Some(database) = database else { return Ok(None) };
            let mut statement = database.prepare_cached(
                "SELECT id, records, at_max FROM batch
                 WHERE id > (SELECT segmented FROM head) ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            let (mut first, mut last, mut records) = (0, 0, 0_u64);
            let (mut oldest, mut day) = (None, None);
            while let Some(row) = rows.next()? {
                let id = row.get::<_, i64>(0)?.cast_unsigned();
                let at = Timestamp(row.get(2)?);
                let today = at.seconds().div_euclid(DAY_S);
                let new_day = day.is_some_and(|day| day != today);
                if records >= SEGMENT_RECORDS_MAX
                    || (new_day && records >= self.policy.segment_records)
                {
                    break;
                }
                day = Some(today);
                first = if first == 0 { id } else { first };
                oldest = oldest.or(Some(at));
                last = id;
                records += row.get::<_, i64>(1)?.cast_unsigned();
            }
            let old = oldest
                .is_some_and(|at: Timestamp| at.plus_seconds(self.policy.segment_age_s) <= now);
            let due = records >= self.policy.segment_records || (old && records > 0);
            Ok(due.then_some((first, last, records)))
        };
        read().map_err(self.sql("read the journal"))
    }

    pub(super) fn batch(&self, id: u64) -> Result<Option<Batch>, StoreError> {
        let path = self.path();
        let mut statement = self
            .database()?
            .prepare_cached("SELECT data FROM batch WHERE id = ?1")
            .map_err(self.sql("read the journal"))?;
        let mut rows = statement.query([id.cast_signed()]).map_err(self.sql("read the journal"))?;
        let Some(row) = rows.next().map_err(self.sql("read the journal"))? else {
            return Ok(None);
        };
        let data = row.get_ref(0).map_err(self.sql("read the journal"))?;
        Batch::open(data.as_blob().unwrap_or_default(), &path).map(Some)
    }

    fn sources(&self) -> Result<BTreeMap<u32, String>, StoreError> {
        let read = |database: &rusqlite::Connection| {
            let mut statement = database.prepare_cached("SELECT id, name FROM source")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_, _>>()
        };
        read(self.database()?).map_err(self.sql("read the sources"))
    }

    /// Deletes batches that are in history and that neither of the newest two checkpoints needs
    /// which this run knows to be good.
    pub(super) fn delete_batches(&mut self, done: &mut Maintained) -> Result<(), StoreError> {
        const A_TURN: i64 = 32;
        let safe = self.shared.safe_batch();
        let beyond = self.beyond_replay_bytes()?;
        let limit = safe.max(beyond).cast_signed();
        loop {
            let deleted = self.write("delete batches", |from| {
                from.prepare_cached(
                    "DELETE FROM batch WHERE id IN (SELECT id FROM batch
                     WHERE id <= min((SELECT segmented FROM head), ?1) ORDER BY id LIMIT ?2)",
                )?
                .execute(params![limit, A_TURN])
            })?;
            done.batches_deleted += deleted as u64;
            if deleted < A_TURN as usize {
                return Ok(());
            }
        }
    }

    /// The newest batch with more than the allowed bytes behind it; 0 where there is none. All
    /// batches are looked at only when the sum of those that came since the last time says so.
    fn beyond_replay_bytes(&mut self) -> Result<u64, StoreError> {
        let (counted, bytes) = self.counted;
        let sum = |database: &rusqlite::Connection| {
            database.query_row(
                "SELECT coalesce(max(id), ?1), coalesce(sum(bytes), 0) FROM batch WHERE id > ?1",
                [counted.cast_signed()],
                |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?)),
            )
        };
        let (newest, more) = sum(self.database()?).map_err(self.sql("read the journal"))?;
        let bytes = bytes.saturating_add(more.cast_unsigned());
        self.counted = (newest, bytes);
        if bytes <= self.policy.replay_bytes {
            return Ok(0);
        }
        let walk = |database: &rusqlite::Connection| -> Result<(u64, u64), rusqlite::Error> {
            let mut statement =
                database.prepare_cached("SELECT id, bytes FROM batch ORDER BY id DESC")?;
            let mut rows = statement.query([])?;
            let mut kept = 0_u64;
            while let Some(row) = rows.next()? {
                kept = kept.saturating_add(row.get::<_, i64>(1)?.cast_unsigned());
                if kept > self.policy.replay_bytes {
                    return Ok((row.get::<_, i64>(0)?.cast_unsigned(), self.policy.replay_bytes));
                }
            }
            Ok((0, kept))
        };
        let (beyond, kept) = walk(self.database()?).map_err(self.sql("read the journal"))?;
        self.counted = (newest, kept);
        Ok(beyond)
    }

    /// Files that are in no catalogue: those of a crash are removed, those of a journal whose
    /// catalogue was lost are entered again. Entries whose file is gone are told and taken out.
    pub(super) fn adopt(&self, done: &mut Maintained) -> Result<(), StoreError> {
        let mut known = self.known()?;
        for name in segment::names(&self.dir) {
            if known.remove(&name.to_string()) {
                continue;
            }
            let path = self.dir.join(name.to_string());
            if self.is_still_in_batches(&name)? {
                remove(&path)?;
                continue;
            }
            match Segment::open(&self.dir, &name) {
                Ok(segment) => {
                    let (seq, at) = segment.spans();
                    let bytes = fs::metadata(&path).map_or(0, |file| file.len());
                    let found = Written { name, seq, at, rows: segment.rows(), bytes };
                    self.write("enter a segment into the catalogue", |to| {
                        enter(to, &found)?;
                        let last = found.name.batch_last.cast_signed();
                        to.execute("UPDATE head SET segmented = max(segmented, ?1)", [last])?;
                        forget_summaries(to)
                    })?;
                    done.losses.push(Loss::new(&path, "was in no catalogue; entered again"));
                }
                Err(error) => {
                    let set_aside = path.with_extension("parquet.damaged");
                    let _ = fs::rename(&path, &set_aside);
                    done.losses.push(Loss::new(&set_aside, format!("set aside: {error}")));
                }
            }
        }
        for gone in known {
            let path = self.dir.join(&gone);
            if matches!(fs::exists(&path), Ok(false)) {
                self.write("take a segment out of the catalogue", |from| {
                    from.execute("DELETE FROM segment WHERE name = ?1", [&gone])
                })?;
                let what = "the segment was removed by somebody else; its records are lost";
                done.losses.push(Loss::new(&path, what));
            }
        }
        Ok(())
    }

    fn known(&self) -> Result<BTreeSet<String>, StoreError> {
        let read = |database: &rusqlite::Connection| {
            let mut statement = database.prepare("SELECT name FROM segment")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()
        };
        read(self.database()?).map_err(self.sql("read the catalogue"))
    }

    fn is_still_in_batches(&self, name: &Name) -> Result<bool, StoreError> {
        let read = |database: &rusqlite::Connection| {
            database.query_row(
                "SELECT EXISTS(SELECT 1 FROM batch WHERE id > (SELECT segmented FROM head)
                 AND id BETWEEN ?1 AND ?2)",
                params![name.batch_first.cast_signed(), name.batch_last.cast_signed()],
                |row| row.get(0),
            )
        };
        read(self.database()?).map_err(self.sql("read the journal"))
    }
}

/// What is in history has summaries of its own there.
fn forget_summaries(to: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    to.execute("DELETE FROM summary WHERE batch_last <= (SELECT segmented FROM head)", [])?;
    Ok(())
}

fn enter(to: &Transaction<'_>, segment: &Written) -> Result<(), rusqlite::Error> {
    to.prepare_cached(
        "INSERT OR REPLACE INTO segment VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        segment.name.to_string(),
        segment.name.family.code(),
        segment.name.batch_first.cast_signed(),
        segment.name.batch_last.cast_signed(),
        segment.seq.0.cast_signed(),
        segment.seq.1.cast_signed(),
        segment.at.0.0,
        segment.at.1.0,
        segment.rows.cast_signed(),
        segment.bytes.cast_signed()
    ])?;
    Ok(())
}
