//! Reading: questions about events and actions, decisions that hold, audit, counts, statistics.
//! Works beside the running guard, from the same or another process, and after its end.

mod charts;
mod hot;
mod kept;
mod query;
mod resolve;
mod tables;

use crate::codec::{Record, decode};
use crate::{Cursor, Loss, StoreError, database};
use ::event::Event;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

pub use charts::Rollups;
pub use kept::ChartCache;
pub use query::{Found, Search, Top};
pub use tables::{AuditEntry, Count, Sample, Source, Statistics};

/// The journal, open for reading.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    database: Connection,
    /// The journal's: one that an earlier version wrote has not all that there is to ask for.
    format: u32,
}

/// One record that was asked for, with everything it needs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Row {
    batch: u64,
    place: u64,
    source: String,
    /// The record without its length.
    body: Vec<u8>,
}

impl Row {
    fn new(batch: u64, place: u64, source: String, body: Vec<u8>) -> Self {
        Row { batch, place, source, body }
    }

    /// The record. `None` cannot happen for rows that a reader gave: they were decoded before.
    pub fn record(&self) -> Option<Record<'_>> {
        decode(&self.body).ok()
    }

    /// The event, where it is one.
    pub fn event(&self) -> Option<Event<'_>> {
        match self.record()? {
            Record::Event { event, .. } => Some(event),
            _ => None,
        }
    }

    /// The line as it was, where it is an event.
    pub fn line(&self) -> Option<&[u8]> {
        match self.record()? {
            Record::Event { line, .. } => Some(line),
            _ => None,
        }
    }

    /// Where it stands in the journal.
    pub fn cursor(&self) -> Cursor {
        Cursor { batch: self.batch, place: self.place }
    }

    /// The batch with which it was committed.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// The number of the line that it is or that brought it about.
    pub fn seq(&self) -> Option<u64> {
        self.record()?.seq()
    }

    /// The name of the event's source; empty for actions.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl Reader {
    /// Opens the journal in `dir`. It must exist; nothing is written.
    pub fn open(dir: &Path) -> Result<Reader, StoreError> {
        let (database, format) = database::open_to_read(dir)?;
        Ok(Reader { dir: dir.to_owned(), database, format })
    }

    fn sql(&self) -> impl FnOnce(rusqlite::Error) -> StoreError {
        StoreError::sql("read the journal", &self.dir.join(database::FILE))
    }
}

/// Losses told one by one; a reader that meets more keeps the first.
const LOSSES_MAX: usize = 20;

fn add_loss(losses: &mut Vec<Loss>, path: &Path, what: impl Into<String>) {
    if losses.len() < LOSSES_MAX {
        losses.push(Loss::new(path, what));
    }
}
