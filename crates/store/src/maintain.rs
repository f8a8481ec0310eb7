//! Maintenance, from a thread and connection of its own: moves what SQLite's write-ahead log
//! holds into the database, batches into segments, and what is too old out of the journal.

mod history;
mod retention;
mod roll;
mod summarize;

use crate::journal::Shared;
use crate::rollup::Gathering;
use crate::{Journal, Loss, StoreError, database};
use ::event::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// When batches become history, and how long things are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// A segment is made when this many records wait for it.
    pub segment_records: u64,
    /// A segment is made at the latest when its oldest record is this old.
    pub segment_age_s: i64,
    /// Records before compression that are kept for stepping the engine again while it has made
    /// no checkpoint; older ones stay in history only.
    pub replay_bytes: u64,
    /// Events are kept for so long.
    pub events_age_s: i64,
    /// Findings, decisions, expiries, commands, notes, audit and counts are kept for so long.
    pub actions_age_s: i64,
    /// All segments together are no larger; the oldest events give way.
    pub history_bytes: u64,
    /// The number of segments is no larger; the oldest events give way.
    pub segments: u64,
}

impl Default for Policy {
    fn default() -> Self {
        const DAY_S: i64 = 86_400;
        Policy {
            segment_records: 512 << 10,
            segment_age_s: DAY_S,
            replay_bytes: 4 << 30,
            events_age_s: 90 * DAY_S,
            actions_age_s: 400 * DAY_S,
            history_bytes: 16 << 30,
            segments: 4096,
        }
    }
}

/// What one round of maintenance did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Maintained {
    /// Segments made.
    pub segments_made: u64,
    /// Records moved into them.
    pub records_moved: u64,
    /// Segments removed because of age or size.
    pub segments_removed: u64,
    /// Batches deleted because they are in history and no longer needed for a start.
    pub batches_deleted: u64,
    /// What could not be read or was found without a place in the catalogue.
    pub losses: Vec<Loss>,
}

/// Does the maintenance. Made by [`Journal::maintainer`]; may be sent to another thread.
#[derive(Debug)]
pub struct Maintainer {
    dir: PathBuf,
    shared: Arc<Shared>,
    policy: Policy,
    open: Option<(u64, Connection)>,
    /// Files without a catalogue entry are looked for once.
    adopted: bool,
    /// Batches counted so far (up to this number), and their bytes before compression.
    counted: (u64, u64),
    /// What is counted for charts.
    rolling: Option<Gathering>,
    /// Leaders are made of all days before this second.
    days_until: i64,
    interrupted: Arc<AtomicBool>,
}

/// Ends the round of maintenance that runs, and every later one, before its work is done: the
/// program is to end, and a round may take a minute. May be used from any thread.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Ends it. What is half-made is given up.
    pub fn interrupt(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The write-ahead log is emptied, with writers waiting, only when it has grown beyond this.
const LOG_BYTES: u64 = 32 << 20;

impl Journal {
    /// The maintenance of this journal, to be run every few seconds from a thread of its own.
    pub fn maintainer(&self, policy: Policy) -> Maintainer {
        Maintainer {
            dir: self.dir().to_owned(),
            shared: self.shared(),
            policy,
            open: None,
            adopted: false,
            counted: (0, 0),
            rolling: None,
            days_until: i64::MIN,
            interrupted: Arc::default(),
        }
    }
}

impl Maintainer {
    /// What ends the maintenance from another thread.
    pub fn interrupt(&self) -> Interrupt {
        Interrupt(Arc::clone(&self.interrupted))
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// One round. `now` is the time by which age is measured. On an error the round ends where
    /// it is; every step leaves the journal whole, and the next round goes on.
    pub fn maintain(&mut self, now: Timestamp) -> Result<Maintained, StoreError> {
        let done = self.round(now);
        self.shared.met(&done);
        done
    }

    fn round(&mut self, now: Timestamp) -> Result<Maintained, StoreError> {
        let mut done = Maintained::default();
        if self.is_interrupted() {
            return Ok(done);
        }
        self.connect()?;
        // On a full disk the log cannot be moved; what is too old or too much goes all the same.
        let moved = self.move_log();
        if !self.adopted {
            self.adopt(&mut done)?;
            self.adopted = true;
        }
        self.retain(now, &mut done)?;
        moved?;
        self.make_all_segments(now, &mut done)?;
        self.summarize()?;
        if self.is_interrupted() {
            return Ok(done);
        }
        self.roll()?;
        self.make_days()?;
        self.delete_batches(&mut done)?;
        self.retain(now, &mut done)?;
        self.shrink()?;
        self.move_log()?;
        Ok(done)
    }

    fn path(&self) -> PathBuf {
        self.dir.join(database::FILE)
    }

    fn sql(&self, action: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError + use<> {
        StoreError::sql(action, &self.path())
    }

    /// Opens the database, again where it was replaced by a salvaged one.
    fn connect(&mut self) -> Result<(), StoreError> {
        let generation = self.shared.generation.load(Ordering::SeqCst);
        if self.open.as_ref().is_none_or(|(opened, _)| *opened != generation) {
            self.open = None;
            let _turn = self.shared.turn();
            self.open = Some((generation, database::open(&self.path())?));
            self.adopted = false;
            self.counted = (0, 0);
            self.rolling = None;
            self.days_until = i64::MIN;
        }
        Ok(())
    }

    fn database(&self) -> Result<&Connection, StoreError> {
        let path = self.path();
        self.open
            .as_ref()
            .map(|(_, connection)| connection)
            .ok_or_else(|| StoreError::damaged(&path, "not open"))
    }

    /// A short write while the journal waits at the gate. If the database was replaced meanwhile,
    /// nothing is done.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        let _turn = self.shared.turn();
        let (generation, _) = self.open.as_ref().map_or((u64::MAX, ()), |(g, _)| (*g, ()));
        if generation != self.shared.generation.load(Ordering::SeqCst) {
            let source = std::io::Error::other("replaced by a salvaged one meanwhile");
            return Err(StoreError::Io { action, path: self.path(), source });
        }
        let run = |database: &Connection| {
            let transaction = Transaction::new_unchecked(database, TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run(self.database()?).map_err(self.sql(action))
    }

    /// Segments, while they are due. One that failed (a full disk) may leave files that nobody
    /// knows: the next round removes them, else each round would leave some more.
    fn make_all_segments(
        &mut self,
        now: Timestamp,
        done: &mut Maintained,
    ) -> Result<(), StoreError> {
        loop {
            match self.make_segments(now, done) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    self.adopted = false;
                    return Err(error);
                }
            }
        }
    }

    /// Moves the write-ahead log's content into the database. The bulk is moved beside the
    /// writer; only a log that has grown large is emptied while the writer waits, and then little
    /// is left to move. The writer never waits for a reader: where one still needs the log, it is
    /// emptied another time.
    fn move_log(&self) -> Result<(), StoreError> {
        let run = |mode: &str| -> Result<(), StoreError> {
            self.database()?
                .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
                .map_err(self.sql("move the write-ahead log"))
        };
        run("PASSIVE")?;
        let log = self.dir.join(format!("{}-wal", database::FILE));
        if std::fs::metadata(&log).is_ok_and(|file| file.len() > LOG_BYTES) {
            run("PASSIVE")?;
            let waits = |time| self.database()?.busy_timeout(time).map_err(self.sql("set a limit"));
            let _turn = self.shared.turn();
            waits(Duration::ZERO)?;
            let emptied = run("TRUNCATE");
            waits(database::BUSY)?;
            emptied?;
        }
        Ok(())
    }

    /// Gives pages that are free back to the file system, a few at a time.
    fn shrink(&self) -> Result<(), StoreError> {
        const PAGES_KEPT: i64 = 4096;
        const PAGES_A_TURN: i64 = 512;
        const TURNS: usize = 64;
        for _ in 0..TURNS {
            let free: i64 = self
                .database()?
                .query_row("PRAGMA freelist_count", [], |row| row.get(0))
                .map_err(self.sql("count free pages"))?;
            if free < PAGES_KEPT + PAGES_A_TURN {
                break;
            }
            let _turn = self.shared.turn();
            self.database()?
                .execute_batch(&format!("PRAGMA incremental_vacuum({PAGES_A_TURN})"))
                .map_err(self.sql("give back free pages"))?;
        }
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
