//! What is done with a damaged database: it is set aside, and everything that can still be read
//! is copied into a new one.

mod copy;

use crate::{Loss, StoreError, database};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Damaged databases kept for a person to look at; older ones are removed.
const KEPT: usize = 3;

/// Moves the database into a directory `damaged-N` and tells where.
pub(crate) fn set_aside(dir: &Path) -> Result<PathBuf, StoreError> {
    let mut numbers = numbers(dir);
    let next = numbers.last().map_or(1, |last| last.saturating_add(1));
    let aside = dir.join(format!("damaged-{next}"));
    fs::create_dir_all(&aside).map_err(StoreError::io("make", &aside))?;
    for file in database::files(dir) {
        let Some(name) = file.file_name() else { continue };
        match fs::rename(&file, aside.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("set aside", &file)(error));
            }
            _ => {}
        }
    }
    numbers.push(next);
    let surplus = numbers.len().saturating_sub(KEPT);
    for old in numbers.iter().take(surplus) {
        let _ = fs::remove_dir_all(dir.join(format!("damaged-{old}")));
    }
    Ok(aside)
}

/// The numbers of the copies that are there, ascending.
fn numbers(dir: &Path) -> Vec<u64> {
    let mut numbers: Vec<u64> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("damaged-")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Sets the database aside and builds a new one from what can be read of it.
pub(crate) fn rebuild(dir: &Path, losses: &mut Vec<Loss>) -> Result<(), StoreError> {
    let aside = set_aside(dir)?;
    losses.push(Loss::new(&aside, "the journal was damaged and has been set aside here"));
    let path = dir.join(database::FILE);
    let mut new = database::open(&path)?;
    let Some(old) = open_damaged(&aside) else {
        losses.push(Loss::new(&aside, "nothing could be read of it"));
        return Ok(());
    };
    let transaction = new.transaction().map_err(StoreError::sql("salvage", &path))?;
    copy::all(&old, &transaction, &aside, dir, losses)
        .and_then(|()| transaction.commit())
        .map_err(StoreError::sql("salvage", &path))
}

/// Opens the damaged file, if need be with a new first page.
fn open_damaged(aside: &Path) -> Option<Connection> {
    let path = aside.join(database::FILE);
    let open = || -> Result<Connection, rusqlite::Error> {
        let db = Connection::open(&path)?;
        // The copy stays as it is: nothing is moved from its write-ahead log when it is closed.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        db.pragma_update(None, "cell_size_check", true)?;
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'batch'", [], |row| {
            row.get::<_, i64>(0)
        })
        .and_then(|tables| if tables == 1 { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) })?;
        Ok(db)
    };
    open().ok().or_else(|| {
        replace_first_page(&path).ok()?;
        open().ok()
    })
}

/// The first page holds the schema and where its tables begin. Every journal is made by the same
/// statements, so the first page of a new one fits; only the length of the file differs. The list
/// of free pages is given up, which costs room in a copy that is only read.
fn replace_first_page(path: &Path) -> Result<(), StoreError> {
    const PAGE: usize = 4096;
    let template = path.with_extension("template");
    let io = |action| StoreError::io(action, path);
    drop(database::open(&template)?);
    let mut page = fs::read(&template).map_err(io("read"))?;
    for file in ["template", "template-wal", "template-shm"] {
        let _ = fs::remove_file(path.with_extension(file));
    }
    page.truncate(PAGE);
    let length = fs::metadata(path).map_err(io("read"))?.len();
    let pages = u32::try_from(length / PAGE as u64).unwrap_or(u32::MAX);
    for (place, value) in [(28, pages), (32, 0), (36, 0)] {
        if let Some(field) = page.get_mut(place..place + 4) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }
    // The length counts only where these two numbers agree.
    let counter: Vec<u8> = page.get(24..28).unwrap_or_default().to_vec();
    if let Some(field) = page.get_mut(92..96) {
        field.copy_from_slice(&counter);
    }
    let file = fs::OpenOptions::new().write(true).open(path).map_err(io("repair"))?;
    file.write_all_at(&page, 0).map_err(io("repair"))
}
