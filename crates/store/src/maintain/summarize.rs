//! Summaries of batches: what runs of them are about, so that a question about one client does
//! not read all that is hot. They are made here, beside the line and not in it: a commit pays
//! nothing for them, and many small batches share one. Batches without a summary (the newest, and
//! all of a journal from an earlier version until now) are simply read.

use super::Maintainer;
use crate::StoreError;
use crate::summary::Summing;
use rusqlite::params;

/// A run ends when it has this many records. Fewer make questions sharper and the table longer.
const RECORDS: u64 = 1024;
/// Summaries that are written together.
const A_TURN: usize = 64;

/// Batches that follow each other.
struct Run {
    batch: (u64, u64),
    seq: (u64, u64),
    at: (i64, i64),
    records: u64,
}

impl Maintainer {
    pub(super) fn summarize(&self) -> Result<(), StoreError> {
        loop {
            let runs = self.next_runs()?;
            if runs.is_empty() || self.is_interrupted() {
                return Ok(());
            }
            let mut summaries = Vec::with_capacity(runs.len());
            for run in runs {
                // A batch that cannot be read has no summary, nor has its run: whoever asks is
                // told of it.
                let about = self.about(&run).unwrap_or_default();
                summaries.push((run, about));
            }
            self.write("keep summaries", |to| {
                let mut insert = to.prepare_cached(
                    "INSERT OR REPLACE INTO summary VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?;
                for (run, about) in &summaries {
                    insert.execute(params![
                        run.batch.1.cast_signed(),
                        run.batch.0.cast_signed(),
                        run.seq.0.cast_signed(),
                        run.seq.1.cast_signed(),
                        run.at.0,
                        run.at.1,
                        about
                    ])?;
                }
                Ok(())
            })?;
        }
    }

    /// The oldest runs that are complete and have no summary yet.
    fn next_runs(&self) -> Result<Vec<Run>, StoreError> {
        let read = |database: &rusqlite::Connection| -> Result<Vec<Run>, rusqlite::Error> {
            let mut statement = database.prepare_cached(
                "SELECT id, records, seq_first, seq_last, at_min, at_max FROM batch
                 WHERE id > max((SELECT segmented FROM head),
                                coalesce((SELECT max(batch_last) FROM summary), 0))
                 ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            let (mut runs, mut open) = (Vec::new(), None::<Run>);
            while let Some(row) = rows.next()? {
                let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
                let (id, records) = (number(0)?, number(1)?);
                let (seq, at) = ((number(2)?, number(3)?), (row.get(4)?, row.get(5)?));
                let first = Run { batch: (id, id), seq, at, records: 0 };
                let run = open.get_or_insert(first);
                run.batch.1 = id;
                run.seq = (run.seq.0.min(seq.0), run.seq.1.max(seq.1));
                run.at = (run.at.0.min(at.0), run.at.1.max(at.1));
                run.records = run.records.saturating_add(records);
                if run.records >= RECORDS {
                    runs.extend(open.take());
                }
                if runs.len() == A_TURN {
                    break;
                }
            }
            Ok(runs)
        };
        read(self.database()?).map_err(self.sql("read the journal"))
    }

    /// What the run's records are about.
    fn about(&self, run: &Run) -> Result<Vec<u8>, StoreError> {
        let mut summing = Summing::of(usize::try_from(run.records).unwrap_or(usize::MAX));
        for id in run.batch.0..=run.batch.1 {
            if let Some(batch) = self.batch(id)? {
                batch.records().flatten().for_each(|record| summing.add(&record));
            }
        }
        Ok(summing.finish())
    }
}
