//! Readers of the journal, for threads that may block: opened when needed, kept for the next.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use store::{Reader, StoreError};

/// Readers that are kept open. Each has a page cache of its own.
const KEPT_MAX: usize = 4;

/// Readers of one journal.
pub struct Readers {
    dir: PathBuf,
    free: Mutex<Vec<Reader>>,
}

impl Readers {
    /// Of the journal in this directory. It need not be there yet.
    pub fn of(dir: PathBuf) -> Self {
        Readers { dir, free: Mutex::default() }
    }

    /// Asks a reader. One that failed may be of a database that was replaced by a salvaged one:
    /// another is opened and asked again.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn ask<T>(
        &self,
        question: impl Fn(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.free().pop();
        if let Some(reader) = kept
            && let Ok(answer) = question(&reader)
        {
            self.keep(reader);
            return Ok(answer);
        }
        let reader = Reader::open(&self.dir)?;
        let answer = question(&reader)?;
        self.keep(reader);
        Ok(answer)
    }

    fn keep(&self, reader: Reader) {
        let mut free = self.free();
        if free.len() < KEPT_MAX {
            free.push(reader);
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
