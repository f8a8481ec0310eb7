//! Checkpoints of the engine's state: files beside the database, so that a start steps only what
//! came after the newest usable one.

use crate::journal::{Mark, Shared};
use crate::{Loss, StoreError};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"MWCHECK1";
const HEAD: usize = 8 + 8 + 8 + 8 + 4;
/// How many are kept: one to use, two for the case that it is torn or ahead of the database
/// after a power cut.
pub(crate) const KEPT: usize = 3;

/// A checkpoint that can be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The commit after which it was taken.
    pub mark: Mark,
    /// Its file.
    pub path: PathBuf,
}

impl Checkpoint {
    /// Reads the engine's bytes, checked against their checksum.
    pub fn load(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = fs::read(&self.path).map_err(StoreError::io("read", &self.path))?;
        let damaged = || StoreError::damaged(&self.path, "not a whole checkpoint");
        let (head, body) = bytes.split_at_checked(HEAD).ok_or_else(damaged)?;
        let good = head.get(..HEAD - 4).is_some_and(|head| *head == head_of(self.mark, body))
            && head.get(HEAD - 4..) == Some(&crc32fast::hash(body).to_le_bytes());
        if !good {
            return Err(damaged());
        }
        bytes.drain(..HEAD);
        Ok(bytes)
    }
}

fn head_of(mark: Mark, body: &[u8]) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    for number in [mark.batch, mark.seq, body.len() as u64] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    head
}

/// Writes checkpoints; can be sent to another thread, so that a large one does not hold up the
/// line.
#[derive(Clone, Debug)]
pub struct CheckpointWriter {
    dir: PathBuf,
    shared: Arc<Shared>,
}

impl CheckpointWriter {
    pub(crate) fn new(dir: &Path, shared: Arc<Shared>) -> Self {
        CheckpointWriter { dir: dir.to_owned(), shared }
    }

    /// Keeps the engine's state as it was right after the commit that `mark` tells. Written
    /// under another name, flushed to the disk, then renamed: a crash leaves the old ones.
    pub fn write(&self, mark: Mark, state: &[u8]) -> Result<(), StoreError> {
        let path = self.dir.join(name(mark));
        let temporary = path.with_extension("tmp");
        let written = write_synced(&temporary, mark, state);
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(StoreError::io("write", &temporary))?;
        fs::rename(&temporary, &path).map_err(StoreError::io("rename", &temporary))?;
        sync_dir(&self.dir)?;
        self.shared.checkpoint_is_good(mark);
        for old in list(&self.dir).into_iter().skip(KEPT) {
            let _ = fs::remove_file(old.path);
        }
        Ok(())
    }
}

fn write_synced(path: &Path, mark: Mark, state: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&head_of(mark, state))?;
    file.write_all(&crc32fast::hash(state).to_le_bytes())?;
    file.write_all(state)?;
    file.sync_data()
}

pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io("flush", dir))
}

fn name(mark: Mark) -> String {
    format!("checkpoint-{:020}-{:020}.bin", mark.batch, mark.seq)
}

/// All checkpoints by name, newest first, unread.
pub(crate) fn list(dir: &Path) -> Vec<Checkpoint> {
    let mut found: Vec<Checkpoint> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let numbers = name.to_str()?.strip_prefix("checkpoint-")?.strip_suffix(".bin")?;
            let (batch, seq) = numbers.split_once('-')?;
            let mark = Mark { batch: batch.parse().ok()?, seq: seq.parse().ok()? };
            Some(Checkpoint { mark, path: entry.path() })
        })
        .collect();
    found.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.mark.batch));
    found
}

/// The usable ones, newest first: not ahead of the database, and with nothing missing between
/// them and the oldest batch that is still kept for stepping again.
///
/// Those ahead (after a power cut) are removed, as the numbers of their batches will be given
/// again. Where nothing else is left (the database was lost), the newest of them is kept and
/// `mark` is moved up to it: the engine's whole state is worth more than lines counted twice.
pub(crate) fn usable(
    dir: &Path,
    oldest: u64,
    mark: &mut Mark,
    losses: &mut Vec<Loss>,
) -> Vec<Checkpoint> {
    let newest = mark.batch;
    let (mut ahead, mut usable): (Vec<_>, Vec<_>) =
        list(dir).into_iter().partition(|checkpoint| checkpoint.mark.batch > newest);
    usable.retain(|checkpoint| checkpoint.mark.batch.saturating_add(1) >= oldest);
    if usable.is_empty() && !ahead.is_empty() {
        let kept = ahead.remove(0);
        losses.push(Loss::new(
            &kept.path,
            "the checkpoint is newer than the journal and the only one left: it is used, and \
             lines read since may be read again",
        ));
        *mark = Mark { batch: kept.mark.batch, seq: mark.seq.max(kept.mark.seq) };
        usable.push(kept);
    }
    for checkpoint in ahead {
        let what = "the checkpoint is newer than the journal (after a power cut); removed";
        losses.push(Loss::new(&checkpoint.path, what));
        let _ = fs::remove_file(&checkpoint.path);
    }
    usable
}
