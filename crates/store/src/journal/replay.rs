//! Reading the journal back in its own order: to step the engine again after a checkpoint.

use super::{Journal, Mark};
use crate::batch::Batch;
use crate::codec::{Record, decode};
use crate::{Loss, StoreError, database};
use ::event::{Command, Order, Timestamp};
use rusqlite::OptionalExtension;

/// What a replay went through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Batches read.
    pub batches: u64,
    /// Records handed over.
    pub records: u64,
    /// Batches and records that could not be read.
    pub losses: Vec<Loss>,
}

/// What an allowlist comes about by.
#[derive(Clone, PartialEq, Debug)]
pub enum AllowlistInput {
    /// An operator's order to allow, or to no longer.
    Order(Command),
    /// The clock was set, and with it until when earlier orders hold.
    ClockSet {
        /// Event time then.
        at: Timestamp,
        /// How far all moved.
        by_micros: i64,
    },
}

/// Losses told one by one; more are only counted in the last.
const LOSSES_MAX: usize = 20;

impl Journal {
    /// Hands every record committed after `from` to `each`, oldest first. Those with
    /// [`Record::is_input`] are to be stepped again, with the same sequence numbers; the outputs
    /// among them are what the engine said then, and are on record already.
    ///
    /// What cannot be read is stepped over and told.
    pub fn replay(
        &self,
        from: Mark,
        mut each: impl FnMut(&Record<'_>),
    ) -> Result<Replayed, StoreError> {
        let path = self.dir.join(database::FILE);
        let mut done = Replayed::default();
        let mut unreadable = 0_u64;
        let first = self.oldest_batch()?.max(from.batch + 1);
        if first > from.batch + 1 {
            let what = format!(
                "batches {} to {} are in history only: the engine's state does not include them",
                from.batch + 1,
                first - 1
            );
            done.losses.push(Loss::new(&path, what));
        }
        for id in first..=self.mark.batch {
            let batch = self.batch(id);
            self.shared.met(&batch);
            match batch {
                Ok(Some(batch)) => {
                    done.batches += 1;
                    for record in batch.records() {
                        match record {
                            Ok(record) => {
                                done.records += 1;
                                each(&record);
                            }
                            Err(_) => unreadable += 1,
                        }
                    }
                }
                Ok(None) => {}
                Err(error) if done.losses.len() < LOSSES_MAX => {
                    done.losses.push(Loss::new(&path, format!("batch {id}: {error}")));
                }
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            let what = format!("{unreadable} more records or batches cannot be read");
            done.losses.push(Loss::new(&path, what));
        }
        Ok(done)
    }

    /// What the allowlist came about by, oldest first, as far as the audit trail goes back.
    pub fn allowlist_inputs(&self) -> Result<Vec<AllowlistInput>, StoreError> {
        let path = self.dir.join(database::FILE);
        let read = || -> Result<Vec<AllowlistInput>, rusqlite::Error> {
            let mut statement = self.database.prepare("SELECT record FROM audit ORDER BY id")?;
            let mut rows = statement.query([])?;
            let mut inputs = Vec::new();
            while let Some(row) = rows.next()? {
                let record = row.get_ref(0)?.as_blob().unwrap_or_default();
                match decode(record.get(4..).unwrap_or_default()) {
                    Ok(Record::Command { command, .. })
                        if matches!(
                            command.order,
                            Order::Allow { .. } | Order::Disallow { .. }
                        ) =>
                    {
                        inputs.push(AllowlistInput::Order(command));
                    }
                    Ok(Record::ClockSet { at, by_micros }) => {
                        inputs.push(AllowlistInput::ClockSet { at, by_micros });
                    }
                    _ => {}
                }
            }
            Ok(inputs)
        };
        let inputs = read().map_err(StoreError::sql("read the audit trail", &path));
        self.shared.met(&inputs);
        inputs
    }

    /// The oldest batch that is kept for stepping again.
    fn oldest_batch(&self) -> Result<u64, StoreError> {
        let path = self.dir.join(database::FILE);
        self.database
            .query_row("SELECT min(id) FROM batch", [], |row| row.get::<_, Option<i64>>(0))
            .map(|id| id.map_or(self.mark.batch + 1, i64::cast_unsigned))
            .map_err(StoreError::sql("read the journal", &path))
    }

    fn batch(&self, id: u64) -> Result<Option<Batch>, StoreError> {
        let path = self.dir.join(database::FILE);
        let sql = |action| StoreError::sql(action, &path);
        let mut statement = self
            .database
            .prepare_cached("SELECT data FROM batch WHERE id = ?1")
            .map_err(sql("read the journal"))?;
        let opened = statement
            .query_row([id.cast_signed()], |row| {
                Ok(Batch::open(row.get_ref(0)?.as_blob().unwrap_or_default(), &path))
            })
            .optional()
            .map_err(sql("read the journal"))?;
        opened.transpose()
    }
}
