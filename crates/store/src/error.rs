//! What can go wrong, and what was found broken and set aside.

use crate::CodecError;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why the journal could not do something. Each says what failed and where; the remedy is the
/// program's to add.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk, a quota or a size limit is full. Nothing was half-written; what was to be
    /// committed is kept in memory and goes with the next commit.
    #[error("no room left for {path}")]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Another process writes this journal.
    #[error("{path} is in use by another process")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database refused for another cause.
    #[error("cannot {action}: {source}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file does not hold what its checksum or format says.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In which way.
        what: String,
    },
    /// The journal was written by a later version.
    #[error("{path} has format {found}, this version reads up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest that this version knows.
        known: u32,
    },
    /// An engine checkpoint was offered while records are not yet committed.
    #[error("a checkpoint must follow a commit")]
    NotCommitted,
    /// Bytes that are no record.
    #[error("not a record: {0}")]
    Codec(#[from] CodecError),
}

impl StoreError {
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::FileTooLarge => StoreError::Full { path },
            _ => StoreError::Io { action, path, source },
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl ToString) -> Self {
        StoreError::Damaged { path: path.to_owned(), what: what.to_string() }
    }

    /// Sorts what SQLite says into full, damaged and the rest.
    pub(crate) fn sql(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(rusqlite::Error) -> StoreError + use<> {
        let path = path.to_owned();
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full { path },
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                StoreError::Damaged { path, what: source.to_string() }
            }
            _ => StoreError::Database { action, source },
        }
    }

    /// True where trying again later, with nothing repaired, may succeed.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            StoreError::Full { .. } | StoreError::Io { .. } | StoreError::Database { .. }
        )
    }
}

/// Something that was found broken when the journal was opened or read, and what became of it.
/// The program shows these; none of them keeps it from starting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// The file.
    pub path: PathBuf,
    /// What was wrong and what is lost by it, as one sentence.
    pub what: String,
}

impl Loss {
    pub(crate) fn new(path: &Path, what: impl Into<String>) -> Self {
        Loss { path: path.to_owned(), what: what.into() }
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.path.display(), self.what)
    }
}
