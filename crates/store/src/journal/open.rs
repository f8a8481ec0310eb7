//! Opening: what holds, how far every source was read, which checkpoints can be used; and what
//! was found broken.

use super::pending::Pending;
use super::{Journal, Mark, Options, Position, Shared, SourceId};
use crate::checkpoint::{self, Checkpoint};
use crate::codec::{self, Record, decode};
use crate::segment::{self, Segment};
use crate::{Loss, StoreError, database, salvage};
use ::event::{Decision, Incident};
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const LOCK: &str = "journal.lock";

/// What the journal knows when it is opened.
#[derive(Debug, Default)]
pub struct Recovery {
    /// How far each source had been read.
    pub positions: Vec<Position>,
    /// The last line on record; the next one is `seq + 1`.
    pub seq: u64,
    /// Checkpoints of the engine's state, newest first: load one, restore the engine, then
    /// [`Journal::replay`] what came after its mark.
    pub checkpoints: Vec<Checkpoint>,
    /// The decisions that hold, as committed. Some may have passed their end.
    pub holds: Vec<Decision>,
    /// The incidents that are not over.
    pub incidents: Vec<Incident>,
    /// The greatest number of an incident; 0 where there was none.
    pub incident_last: u64,
    /// What was broken and what is lost by it; empty in the ordinary case.
    pub losses: Vec<Loss>,
}

/// What the tables say.
#[derive(Default)]
struct Loaded {
    mark: Mark,
    oldest: u64,
    sources: BTreeMap<String, SourceId>,
    recovery: Recovery,
}

impl Journal {
    /// Opens the journal in `dir`, makes it where there is none, and salvages it where it is
    /// damaged: damage is told in [`Recovery::losses`] and never an error. Errors are a directory
    /// that cannot be written, a full disk, another process, a later format.
    pub fn open(dir: &Path, options: Options) -> Result<(Journal, Recovery), StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(StoreError::io("make", dir))?;
        let lock = lock(dir)?;
        remove_temporary(dir);
        let mut losses = Vec::new();
        let (database, mut loaded) = open_or_salvage(dir, &mut losses)?;
        loaded.recovery.losses.append(&mut losses);
        let journal = Journal {
            dir: dir.to_owned(),
            database,
            options,
            pending: Pending::after(loaded.mark.seq),
            mark: loaded.mark,
            sources: loaded.sources,
            shared: Arc::new(Shared::default()),
            losses: Vec::new(),
            _lock: lock,
        };
        Ok((journal, loaded.recovery))
    }

    /// Replaces a database that turned out to be damaged while running. What is in memory (the
    /// open batch, the sources' names) is kept and goes with the commit that is tried again.
    pub(super) fn salvage_running(&mut self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let _turn = shared.turn();
        let memory =
            Connection::open_in_memory().map_err(StoreError::sql("open", Path::new(":memory:")))?;
        drop(std::mem::replace(&mut self.database, memory));
        shared.generation.fetch_add(1, Ordering::SeqCst);
        let mut losses = Vec::new();
        salvage::rebuild(&self.dir, &mut losses)?;
        let (database, loaded) = open_or_salvage(&self.dir, &mut losses)?;
        self.database = database;
        self.losses.append(&mut losses);
        self.mark.batch = self.mark.batch.max(loaded.mark.batch);
        let known = self.sources.iter().map(|(name, id)| (*id, name.clone()));
        self.pending.new_sources = known.collect();
        Ok(())
    }

    /// What was found broken since the last call, while running.
    pub fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

/// Held by the one process that writes.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing is not enough: a child that is just being started holds a copy for a moment.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn lock(dir: &Path) -> Result<Lock, StoreError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(StoreError::io("lock", &path)(source)),
    }
}

/// Half-written checkpoints and segments of a process that died.
fn remove_temporary(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "tmp") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn open_or_salvage(dir: &Path, losses: &mut Vec<Loss>) -> Result<(Connection, Loaded), StoreError> {
    match open_and_load(dir, losses) {
        Err(StoreError::Damaged { .. } | StoreError::Database { .. }) => {}
        other => return other,
    }
    salvage::rebuild(dir, losses)?;
    match open_and_load(dir, losses) {
        Err(StoreError::Damaged { path, what }) => {
            losses.push(Loss::new(&path, format!("{what}; started with an empty journal")));
            salvage::set_aside(dir)?;
            open_and_load(dir, losses)
        }
        other => other,
    }
}

fn open_and_load(dir: &Path, losses: &mut Vec<Loss>) -> Result<(Connection, Loaded), StoreError> {
    let path = dir.join(database::FILE);
    let db = database::open(&path)?;
    let mut found = Vec::new();
    let mut loaded =
        load(&db, &path, &mut found).map_err(StoreError::sql("read the journal", &path))?;
    losses.append(&mut found);
    step_over_history(dir, &mut loaded);
    loaded.recovery.checkpoints = checkpoint::usable(dir, loaded.oldest, &mut loaded.mark, losses);
    loaded.recovery.seq = loaded.mark.seq;
    Ok((db, loaded))
}

/// A database that was lost or removed knows nothing of the segments that are still there: their
/// numbers must not be given again.
fn step_over_history(dir: &Path, loaded: &mut Loaded) {
    for name in segment::names(dir) {
        if name.batch_last > loaded.mark.batch {
            loaded.mark.batch = name.batch_last;
            if let Ok(segment) = Segment::open(dir, &name) {
                let ((_, seq), _) = segment.spans();
                loaded.mark.seq = loaded.mark.seq.max(seq);
            }
        }
    }
}

fn load(db: &Connection, path: &Path, losses: &mut Vec<Loss>) -> Result<Loaded, rusqlite::Error> {
    let mut loaded = Loaded::default();
    let (seq, batch): (i64, i64) =
        db.query_row("SELECT seq, batch FROM head", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (oldest, newest): (Option<i64>, Option<i64>) = db.query_row(
        "SELECT (SELECT min(id) FROM batch), (SELECT max(id) FROM batch)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let batch = batch.max(newest.unwrap_or(0)).cast_unsigned();
    loaded.mark = Mark { batch, seq: seq.cast_unsigned() };
    loaded.oldest = oldest.map_or(batch + 1, i64::cast_unsigned);
    load_sources(db, path, &mut loaded, losses)?;
    load_holds(db, path, &mut loaded, losses)?;
    load_incidents(db, path, &mut loaded, losses)?;
    Ok(loaded)
}

fn load_sources(
    db: &Connection,
    path: &Path,
    loaded: &mut Loaded,
    losses: &mut Vec<Loss>,
) -> Result<(), rusqlite::Error> {
    let mut statement = db.prepare("SELECT id, name, position, position_crc FROM source")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, source): (u32, String) = (row.get(0)?, row.get(1)?);
        let (position, crc): (Option<String>, Option<u32>) = (row.get(2)?, row.get(3)?);
        loaded.sources.insert(source.clone(), SourceId(id));
        match position {
            Some(position) if crc == Some(crc32fast::hash(position.as_bytes())) => {
                loaded.recovery.positions.push(Position { source, position });
            }
            Some(_) => losses.push(Loss::new(
                path,
                format!("the position of source {source} is damaged; it is read as if new"),
            )),
            None => {}
        }
    }
    Ok(())
}

fn load_holds(
    db: &Connection,
    path: &Path,
    loaded: &mut Loaded,
    losses: &mut Vec<Loss>,
) -> Result<(), rusqlite::Error> {
    let sql = "SELECT decision FROM hold ORDER BY subject, measure";
    let decode = |row: &Row<'_>| Ok(hold(row.get_ref(0)?.as_blob().unwrap_or_default()));
    let (holds, unreadable) = load_all(db, sql, decode)?;
    loaded.recovery.holds = holds;
    if unreadable > 0 {
        let what = format!("{unreadable} decisions that hold are damaged and forgotten");
        losses.push(Loss::new(path, what));
    }
    Ok(())
}

fn load_incidents(
    db: &Connection,
    path: &Path,
    loaded: &mut Loaded,
    losses: &mut Vec<Loss>,
) -> Result<(), rusqlite::Error> {
    let last: Option<i64> = db.query_row("SELECT max(id) FROM incident", [], |row| row.get(0))?;
    loaded.recovery.incident_last = last.unwrap_or_default().cast_unsigned();
    let sql = "SELECT incident FROM incident WHERE state < 2 ORDER BY id";
    let (incidents, unreadable) = load_all(db, sql, decode_incident)?;
    loaded.recovery.incidents = incidents;
    if unreadable > 0 {
        let what = format!("{unreadable} incidents are damaged and forgotten");
        losses.push(Loss::new(path, what));
    }
    Ok(())
}

/// All rows that can be read, and how many cannot.
fn load_all<T>(
    db: &Connection,
    sql: &str,
    decode: impl Fn(&Row<'_>) -> Result<Option<T>, rusqlite::Error>,
) -> Result<(Vec<T>, u64), rusqlite::Error> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    let (mut found, mut unreadable) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        match decode(row)? {
            Some(one) => found.push(one),
            None => unreadable += 1,
        }
    }
    Ok((found, unreadable))
}

/// An incident as it stands, over or not.
pub(crate) fn incident(db: &Connection, number: u64) -> Result<Option<Incident>, rusqlite::Error> {
    db.prepare_cached("SELECT incident FROM incident WHERE id = ?1")?
        .query_row([number.cast_signed()], decode_incident)
        .optional()
        .map(Option::flatten)
}

/// An incident from its row; nothing where it is damaged.
pub(crate) fn decode_incident(row: &Row<'_>) -> Result<Option<Incident>, rusqlite::Error> {
    Ok(codec::incident::decode(row.get_ref(0)?.as_blob().unwrap_or_default()).ok())
}

/// A decision that holds, from its row: CRC-32, length, record.
pub(crate) fn hold(bytes: &[u8]) -> Option<Decision> {
    let (crc, record) = bytes.split_first_chunk::<4>()?;
    if crc32fast::hash(record) != u32::from_le_bytes(*crc) {
        return None;
    }
    match decode(record.get(4..)?) {
        Ok(Record::Decision { decision, .. }) => Some(decision),
        _ => None,
    }
}
