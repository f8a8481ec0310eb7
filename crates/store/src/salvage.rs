//! What is done with a damaged database: it is set aside, and everything that can still be read
//! is copied into a new one.

use crate::{Loss, StoreError, database};
use std::fs;
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
    Ok(())
}
