//! Copying what can be read of a damaged database into a new one.

use crate::batch::Batch;
use crate::codec::{Record, encode, measure_code, put_subject};
use crate::database::{FORMAT, INCIDENTS_FROM};
use crate::{Loss, segment};
use ::event::{Measure, Mode, Subject};
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params, params_from_iter};
use std::path::Path;

/// Look-ups by number in the part of a table that cannot be walked.
const PROBES_MAX: i64 = 100_000;

struct Table {
    name: &'static str,
    columns: &'static str,
    count: usize,
    key: &'static str,
    /// From this format on it is there.
    format: u32,
}

const fn table(
    name: &'static str,
    count: usize,
    key: &'static str,
    columns: &'static str,
) -> Table {
    Table { name, columns, count, key, format: 1 }
}

const TABLES: [Table; 7] = [
    table("source", 8, "id", "id, name, position, position_crc, lines, events, noise, unknown"),
    table("hold", 4, "subject, measure", "subject, measure, until, decision"),
    table("audit", 6, "id", "id, seq, at, operator, reason, record"),
    table("count", 5, "hour, server, outcome, reason", "hour, server, outcome, reason, n"),
    Table { format: INCIDENTS_FROM, ..table("incident", 4, "id", "id, state, at, incident") },
    table("sample", 5, "id", "id, source, seq, why, line"),
    table(
        "segment",
        10,
        "name",
        "name, family, batch_first, batch_last, seq_first, seq_last, at_min, at_max, rows, bytes",
    ),
];

type Outcome = Result<(), rusqlite::Error>;

pub(super) fn all(
    old: &Connection,
    new: &Transaction<'_>,
    aside: &Path,
    dir: &Path,
    losses: &mut Vec<Loss>,
) -> Outcome {
    // Where not even that can be read, all of them count as lost that cannot be.
    let format = old.pragma_query_value(None, "user_version", |row| row.get(0));
    let format: u32 = format.unwrap_or(FORMAT);
    for table in TABLES.iter().filter(|table| table.format <= format) {
        let (rows, whole) = copy(old, new, table)?;
        if !whole {
            let what = format!("table {}: {rows} rows saved, the others are lost", table.name);
            losses.push(Loss::new(aside, what));
        }
    }
    let (saved, damaged, whole) = batches(old, new, aside)?;
    if damaged > 0 || !whole {
        let what = format!("batches: {saved} saved, {damaged} found damaged, others may be lost");
        losses.push(Loss::new(aside, what));
    }
    head(old, new, dir)
}

/// Walks a table from the front; where that fails, from the back as well. Tells how many rows
/// were copied, and whether these are all.
fn copy(
    old: &Connection,
    new: &Transaction<'_>,
    table: &Table,
) -> Result<(u64, bool), rusqlite::Error> {
    let marks = vec!["?"; table.count].join(", ");
    let insert = format!("INSERT OR IGNORE INTO {} VALUES({marks})", table.name);
    let mut copied = 0;
    for order in ["ASC", "DESC"] {
        let keys: Vec<String> = table.key.split(", ").map(|key| format!("{key} {order}")).collect();
        let select =
            format!("SELECT {} FROM {} ORDER BY {}", table.columns, table.name, keys.join(", "));
        let mut into = new.prepare_cached(&insert)?;
        let Ok(mut statement) = old.prepare(&select) else { return Ok((copied, false)) };
        let Ok(mut rows) = statement.query([]) else { continue };
        loop {
            match rows.next() {
                Ok(None) => return Ok((copied, order == "ASC")),
                Err(_) => break,
                Ok(Some(row)) => {
                    let values: Result<Vec<Value>, _> =
                        (0..table.count).map(|column| row.get(column)).collect();
                    // A row that does not fit the new table (a damaged type) is left behind.
                    if let Ok(values) = values {
                        let changed = into.execute(params_from_iter(values));
                        copied += changed.map_or(0, |changed| changed as u64);
                    }
                }
            }
        }
    }
    Ok((copied, false))
}

/// Copies the batches that match their checksum, and brings positions and decisions that hold up
/// to date from them.
fn batches(
    old: &Connection,
    new: &Transaction<'_>,
    aside: &Path,
) -> Result<(u64, u64, bool), rusqlite::Error> {
    let (mut saved, mut damaged) = (0, 0);
    let mut take = |row: &rusqlite::Row<'_>| -> Result<i64, rusqlite::Error> {
        let id: i64 = row.get(0)?;
        let blob = row.get_ref(7)?.as_blob().unwrap_or_default();
        match Batch::open(blob, aside) {
            Ok(_) => {
                let mut values = Vec::new();
                for column in 0..8 {
                    values.push(row.get::<_, Value>(column)?);
                }
                saved += new
                    .prepare_cached("INSERT OR IGNORE INTO batch VALUES(?, ?, ?, ?, ?, ?, ?, ?)")?
                    .execute(params_from_iter(values))? as u64;
            }
            Err(_) => damaged += 1,
        }
        Ok(id)
    };
    let mut ends = [None, None];
    let mut whole = false;
    for (order, end) in ["ASC", "DESC"].into_iter().zip(&mut ends) {
        let Ok(mut statement) = old.prepare(&format!("SELECT * FROM batch ORDER BY id {order}"))
        else {
            break;
        };
        let Ok(mut rows) = statement.query([]) else { continue };
        whole = loop {
            match rows.next() {
                Ok(Some(row)) => *end = take(row).ok().or(*end),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        if whole {
            break;
        }
    }
    if let ([Some(front), Some(back)], false) = (ends, whole) {
        for id in (front + 1..back).take(PROBES_MAX as usize) {
            let found = old.query_row("SELECT * FROM batch WHERE id = ?1", [id], |row| take(row));
            let _ = found;
        }
    }
    replay(new, aside)?;
    Ok((saved, damaged, whole))
}

/// Applies positions and decisions of the saved batches, in order, to the tables.
fn replay(new: &Transaction<'_>, aside: &Path) -> Outcome {
    let mut statement = new.prepare("SELECT data FROM batch ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Ok(batch) = Batch::open(row.get_ref(0)?.as_blob().unwrap_or_default(), aside) else {
            continue;
        };
        for record in batch.records().flatten() {
            match record {
                Record::Position { source, name, position } => {
                    new.prepare_cached(
                        "INSERT INTO source(id, name, position, position_crc) VALUES(?1, ?2, ?3, ?4)
                         ON CONFLICT DO UPDATE SET position = ?3, position_crc = ?4",
                    )?
                    .execute(params![
                        source.0,
                        name,
                        position,
                        crc32fast::hash(position.as_bytes())
                    ])?;
                }
                Record::Decision { ref decision, .. } if decision.mode == Mode::Enforce => {
                    let mut plain = Vec::new();
                    encode(&mut plain, &Record::Decision { seq: 0, decision: decision.clone() });
                    let mut checked = crc32fast::hash(&plain).to_le_bytes().to_vec();
                    checked.append(&mut plain);
                    let (subject, measure) = key(&decision.subject, decision.measure);
                    new.prepare_cached("INSERT OR REPLACE INTO hold VALUES(?1, ?2, ?3, ?4)")?
                        .execute(params![
                            subject,
                            measure,
                            decision.until.map(|until| until.0),
                            checked
                        ])?;
                }
                Record::Expiry { ref expiry, .. } => {
                    let (subject, measure) = key(&expiry.subject, expiry.measure);
                    new.prepare_cached("DELETE FROM hold WHERE subject = ?1 AND measure = ?2")?
                        .execute(params![subject, measure])?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn key(subject: &Subject, measure: Measure) -> (Vec<u8>, u8) {
    let mut bytes = Vec::new();
    put_subject(&mut bytes, subject);
    (bytes, measure_code(measure))
}

/// The newest numbers that anything tells: the old head, the batches, the catalogue; the files
/// where none of these can be read.
fn head(old: &Connection, new: &Transaction<'_>, dir: &Path) -> Outcome {
    let told = old.query_row("SELECT seq, segmented, batch FROM head", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    let number = |sql: &str| {
        new.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(|n| n.unwrap_or(0))
    };
    let last_batch = number("SELECT max(id) FROM batch")?;
    let last_seq = number("SELECT max(seq_last) FROM batch")?;
    let catalogued = number("SELECT max(batch_last) FROM segment")?;
    let catalogued_seq = number("SELECT max(seq_last) FROM segment")?;
    let (seq, segmented, batch) = told.unwrap_or((0, 0, 0));
    let mut segmented = segmented.max(catalogued);
    if segmented == 0 {
        let files = segment::names(dir);
        segmented = files.last().map_or(0, |name| name.batch_last.cast_signed());
    }
    new.execute(
        "UPDATE head SET seq = ?1, segmented = ?2, batch = ?3",
        params![
            seq.max(last_seq).max(catalogued_seq),
            segmented,
            batch.max(last_batch).max(segmented)
        ],
    )?;
    Ok(())
}
