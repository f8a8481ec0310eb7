//! The SQLite file: its tables, and how a connection to it is opened.

use crate::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database inside the journal's directory.
pub(crate) const FILE: &str = "journal.db";
/// `PRAGMA user_version`. 1: without the table `summary`; 2: without counts for charts; 3: without
/// incidents, roll-ups of five minutes and the table `turn`.
pub(crate) const FORMAT: u32 = 4;

/// From which format on there are summaries, counts for charts, incidents and turns of counting.
pub(crate) const SUMMARIES_FROM: u32 = 2;
pub(crate) const ROLLUPS_FROM: u32 = 3;
pub(crate) const INCIDENTS_FROM: u32 = 4;

/// How long a connection waits for another's lock.
pub(crate) const BUSY: Duration = Duration::from_secs(10);
/// Questions that stay prepared.
const STATEMENTS_MAX: usize = 64;

/// Everything at once: the tables are made in this order in every database, so that the root
/// pages have the same numbers and a lost first page can be put back (see `salvage`).
pub(crate) const SCHEMA: &str = "
CREATE TABLE head(id INTEGER PRIMARY KEY CHECK (id = 0), seq INTEGER NOT NULL,
  segmented INTEGER NOT NULL, batch INTEGER NOT NULL);
CREATE TABLE source(id INTEGER PRIMARY KEY, name TEXT NOT NULL, position TEXT, position_crc INTEGER,
  lines INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0,
  noise INTEGER NOT NULL DEFAULT 0, unknown INTEGER NOT NULL DEFAULT 0);
CREATE TABLE batch(id INTEGER PRIMARY KEY, seq_first INTEGER NOT NULL, seq_last INTEGER NOT NULL,
  at_min INTEGER NOT NULL, at_max INTEGER NOT NULL, records INTEGER NOT NULL,
  bytes INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE hold(subject BLOB NOT NULL, measure INTEGER NOT NULL, until INTEGER,
  decision BLOB NOT NULL, PRIMARY KEY(subject, measure)) WITHOUT ROWID;
CREATE TABLE audit(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  operator TEXT NOT NULL, reason TEXT NOT NULL, record BLOB NOT NULL);
CREATE TABLE count(hour INTEGER NOT NULL, server INTEGER NOT NULL, outcome INTEGER NOT NULL,
  reason INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(hour, server, outcome, reason)) WITHOUT ROWID;
CREATE TABLE sample(id INTEGER PRIMARY KEY, source INTEGER NOT NULL, seq INTEGER NOT NULL,
  why TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE segment(name TEXT PRIMARY KEY, family INTEGER NOT NULL,
  batch_first INTEGER NOT NULL, batch_last INTEGER NOT NULL,
  seq_first INTEGER NOT NULL, seq_last INTEGER NOT NULL,
  at_min INTEGER NOT NULL, at_max INTEGER NOT NULL,
  rows INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO head VALUES(0, 0, 0, 0);
";

/// What format 2 has more than format 1. Made last, so that the root pages of the other tables
/// are the same in journals that began with either.
const SUMMARIES: &str = "
CREATE TABLE summary(batch_last INTEGER PRIMARY KEY, batch_first INTEGER NOT NULL,
  seq_first INTEGER NOT NULL, seq_last INTEGER NOT NULL,
  at_min INTEGER NOT NULL, at_max INTEGER NOT NULL, about BLOB NOT NULL);
";

/// What format 3 has more: see `rollup`.
const ROLLUPS: &str = "
CREATE TABLE rolled(id INTEGER PRIMARY KEY CHECK (id = 0), batch INTEGER NOT NULL,
  groups INTEGER NOT NULL, newest INTEGER NOT NULL);
CREATE TABLE series(id INTEGER PRIMARY KEY, words BLOB NOT NULL);
CREATE TABLE rollup(step INTEGER NOT NULL, at INTEGER NOT NULL, series INTEGER NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY(step, at, series)) WITHOUT ROWID;
CREATE TABLE leader(id INTEGER PRIMARY KEY, step INTEGER NOT NULL, dimension INTEGER NOT NULL,
  at INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE(step, dimension, at));
INSERT INTO rolled VALUES(0, 0, 0, 0);
";

/// What format 4 has more: incidents; counts of five minutes from those of a minute; what the
/// latest turns of counting changed, from when until when. The numbers of turns begin anywhere, so
/// that who remembers one takes no other journal for the same.
const INCIDENTS: &str = "
CREATE TABLE turn(id INTEGER PRIMARY KEY, oldest INTEGER NOT NULL, newest INTEGER NOT NULL);
CREATE TABLE incident(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, at INTEGER NOT NULL,
  incident BLOB NOT NULL);
CREATE INDEX incident_not_over ON incident(id) WHERE state < 2;
INSERT INTO turn VALUES((random() >> 16) & 0xffffffffff, 0, 0);
INSERT INTO rollup SELECT 300, at / 300 * 300, series, sum(n) FROM rollup WHERE step = 60
  GROUP BY 2, 3;
";

/// Opens for writing; makes the tables in an empty file.
///
/// `synchronous=NORMAL`: a power cut may lose the newest commits, never a part of one. The
/// sources' positions go back with them, so the same lines are read again.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let sql = |action| StoreError::sql(action, path);
    let db = Connection::open(path).map_err(sql("open the journal"))?;
    let setup = || -> Result<u32, rusqlite::Error> {
        tune(&db)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        db.pragma_update(None, "cache_size", -8192)?;
        db.pragma_query_value(None, "user_version", |row| row.get(0))
    };
    let format = setup().map_err(sql("prepare the journal"))?;
    if format > FORMAT {
        return Err(StoreError::Newer { path: path.to_owned(), found: format, known: FORMAT });
    }
    if format < FORMAT {
        bring_up(&db, format).map_err(sql("make the journal's tables"))?;
    }
    Ok(db)
}

/// What holds for writers and readers. A question is planned once, whatever is asked for with it
/// (QPSG): with STAT4, which the library is built with, it would be planned anew for other values.
fn tune(db: &Connection) -> Result<(), rusqlite::Error> {
    db.busy_timeout(BUSY)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    db.pragma_update(None, "cell_size_check", true)
}

/// Makes the tables that a journal of this format has not: all of them in an empty file (0).
fn bring_up(db: &Connection, format: u32) -> Result<(), rusqlite::Error> {
    let transaction = db.unchecked_transaction()?;
    if format < 1 {
        transaction.execute_batch(SCHEMA)?;
    }
    if format < SUMMARIES_FROM {
        transaction.execute_batch(SUMMARIES)?;
    }
    if format < ROLLUPS_FROM {
        transaction.execute_batch(ROLLUPS)?;
    }
    if format < INCIDENTS_FROM {
        transaction.execute_batch(INCIDENTS)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Opens for reading, beside a writer or after its end. Tells the format as well: an older
/// journal stays as it is.
pub(crate) fn open_to_read(dir: &Path) -> Result<(Connection, u32), StoreError> {
    let path = dir.join(FILE);
    let sql = |action| StoreError::sql(action, &path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(&path, flags).map_err(sql("open the journal"))?;
    let setup = || -> Result<u32, rusqlite::Error> {
        tune(&db)?;
        db.pragma_query_value(None, "user_version", |row| row.get(0))
    };
    let found = setup().map_err(sql("read the journal"))?;
    if found > FORMAT {
        return Err(StoreError::Newer { path, found, known: FORMAT });
    }
    Ok((db, found))
}

/// The database and the two files that SQLite keeps beside it.
pub(crate) fn files(dir: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| dir.join(format!("{FILE}{suffix}")))
}
