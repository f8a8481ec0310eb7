//! The other files of a log's directory: where its rotated predecessors are.

use super::generation::Generation;
use crate::clock::Moment;
use crate::source::archive::Compression;
use crate::source::{FilePosition, Fingerprint};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files of a directory that are looked at.
const SIBLINGS_MAX: usize = 4096;

/// A regular file beside the log.
#[derive(Debug)]
pub(super) struct Sibling {
    pub(super) path: PathBuf,
    pub(super) dev: u64,
    pub(super) inode: u64,
    /// Its name is the log's with a number or date, as logrotate and Exim give.
    pub(super) is_rotated: bool,
    born: Option<SystemTime>,
    written: SystemTime,
    size: u64,
    /// Its name begins like the log's.
    is_related: bool,
}

/// The files beside `path` (and beside the file that a symbolic link there leads to), the one
/// that was written to longest ago first.
pub(super) fn list(path: &Path) -> Vec<Sibling> {
    let mut siblings = Vec::new();
    add(path, &mut siblings);
    if path.is_symlink()
        && let Ok(target) = fs::canonicalize(path)
        && target.parent() != path.parent()
    {
        add(&target, &mut siblings);
    }
    siblings.sort_by_key(|sibling| (sibling.written, sibling.born, sibling.inode));
    siblings
}

fn add(path: &Path, siblings: &mut Vec<Sibling>) {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten().take(SIBLINGS_MAX) {
        let Ok(metadata) = entry.metadata() else { continue };
        if !metadata.is_file() {
            continue;
        }
        let (is_related, is_rotated) = kinship(name.as_bytes(), entry.file_name().as_bytes());
        siblings.push(Sibling {
            path: entry.path(),
            dev: metadata.dev(),
            inode: metadata.ino(),
            is_rotated,
            born: metadata.created().ok(),
            written: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            size: metadata.size(),
            is_related,
        });
    }
}

/// Whether `other` is named after the log `name`, and whether it is a rotated, unpacked one:
/// `mail.log.1`, `mail.log-20261121`, `mail-20261121.log`, `mainlog.01`.
fn kinship(name: &[u8], other: &[u8]) -> (bool, bool) {
    let (stem, extension) = match memchr::memrchr(b'.', name) {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, &b""[..]),
    };
    if name == other || !other.starts_with(stem) {
        return (false, false);
    }
    let mark = |bytes: &[u8]| {
        bytes.first().is_some_and(|first| b".-_".contains(first))
            && bytes.iter().any(u8::is_ascii_digit)
            && bytes.iter().all(|byte| byte.is_ascii_digit() || b".-_T:".contains(byte))
    };
    let behind = other.strip_prefix(name).is_some_and(mark);
    let within =
        other.strip_prefix(stem).and_then(|rest| rest.strip_suffix(extension)).is_some_and(mark);
    (true, behind || within)
}

impl Sibling {
    /// True where it was at the log's path after `previous` and before `found`, if any.
    pub(super) fn is_between(&self, previous: &Generation, found: Option<&Generation>) -> bool {
        let (previous_born, previous_written) = previous.times();
        // Copies of an earlier truncation are younger than the file that they were copied from;
        // but it was written to after they were. An empty file was not written to at all yet.
        let after = (self.size == 0 || self.written >= previous_written)
            && self.born.zip(previous_born).is_none_or(|(own, previous)| own > previous);
        let found_born = found.and_then(|found| found.times().0);
        let late = |(own, found)| own > found;
        after && !self.born.zip(found_born).is_some_and(late)
    }

    /// Opens it, if `position` can be in it.
    fn open_at(&self, position: &FilePosition, now: Moment) -> Option<Generation> {
        if self.size < position.offset {
            return None;
        }
        let generation = Generation::open(&self.path, now).ok()?;
        generation.begins_like(&position.fingerprint).then_some(generation)
    }

    /// Opens it unpacked, if it is compressed and `position` can be in it.
    fn open_packed_at(&self, position: &FilePosition, now: Moment) -> Option<Generation> {
        let mut generation = Generation::open(&self.path, now).ok()?;
        let compression = generation.compression();
        if compression == Compression::Plain {
            return None;
        }
        let mut head = Vec::with_capacity(Fingerprint::MAX);
        let file = File::open(&self.path).ok()?;
        let unpacked = compression.unpack(file).ok()?;
        unpacked.take(Fingerprint::MAX as u64).read_to_end(&mut head).ok()?;
        if !position.fingerprint.matches(&head) {
            return None;
        }
        generation.unpack(compression, &head).ok()?;
        Some(generation)
    }
}

/// Finds the file that `position` is in, none of those in `taken`: by inode number, else a copy
/// of it by its fingerprint, else a compressed copy.
pub(super) fn find(
    siblings: &[Sibling],
    position: &FilePosition,
    taken: &[&Generation],
    now: Moment,
) -> Option<Generation> {
    let free = || {
        siblings.iter().rev().filter(|sibling| !taken.iter().any(|known| known.is_sibling(sibling)))
    };
    let same = free().filter(|sibling| sibling.inode == position.inode);
    if let Some(found) = same.flat_map(|sibling| sibling.open_at(position, now)).next() {
        return Some(found);
    }
    if position.fingerprint.covered == 0 {
        return None;
    }
    let related = || free().filter(|sibling| sibling.is_related);
    if let Some(mut copy) = related().flat_map(|sibling| sibling.open_at(position, now)).next() {
        copy.is_copy();
        return Some(copy);
    }
    related().flat_map(|sibling| sibling.open_packed_at(position, now)).next()
}

/// Finds the rotated file that has the inode number of `position` and does not hold it.
pub(super) fn find_rewritten(
    siblings: &[Sibling],
    position: &FilePosition,
    taken: &[&Generation],
    now: Moment,
) -> Option<Generation> {
    let sibling = siblings.iter().find(|sibling| {
        sibling.is_rotated
            && sibling.inode == position.inode
            && !taken.iter().any(|known| known.is_sibling(sibling))
    })?;
    match sibling.open_at(position, now) {
        Some(_) => None,
        None => Generation::open(&sibling.path, now).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_known() {
        for (name, other, expected) in [
            ("mail.log", "mail.log.1", (true, true)),
            ("mail.log", "mail.log-20261121", (true, true)),
            ("mail.log", "mail-20261121.log", (true, true)),
            ("mail.log", "mail.log.1.gz", (true, false)),
            ("mail.log", "mail.log", (false, false)),
            ("mail.log", "mail.log.bak", (true, false)),
            ("mainlog", "mainlog.01", (true, true)),
            ("mainlog", "rejectlog.01", (false, false)),
            ("mail.log", "mail.err", (true, false)),
        ] {
            assert_eq!(kinship(name.as_bytes(), other.as_bytes()), expected, "{name} {other}");
        }
    }
}
