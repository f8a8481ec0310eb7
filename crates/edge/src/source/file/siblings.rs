//! The other files of a log's directory, and of those to which it is rotated: where its
//! predecessors are.

use super::generation::Generation;
use crate::clock::Moment;
use crate::source::archive::Compression;
use crate::source::{FilePosition, Fingerprint};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files of a directory that are looked at.
const SIBLINGS_MAX: usize = 4096;
/// Directories beside the log that are looked into.
const DIRECTORIES_MAX: usize = 64;

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

/// The files among which the predecessors of the log at `path` are, the one that was written to
/// longest ago first: those beside it (and beside the file that a symbolic link there leads to),
/// in the directories there, and in those of `elsewhere`.
pub(super) fn list(path: &Path, elsewhere: &[PathBuf]) -> Vec<Sibling> {
    let mut siblings = Vec::new();
    let mut aside = elsewhere.to_vec();
    let target = path.is_symlink().then(|| fs::canonicalize(path).ok()).flatten();
    let target = target.filter(|target| target.parent() != path.parent());
    for log in [Some(path), target.as_deref()].into_iter().flatten() {
        let Some(directory) = log.parent() else { continue };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        add(directory, log.file_name().unwrap_or_default(), &mut siblings);
        aside.extend(directories(directory));
    }
    let name = path.file_name().unwrap_or_default();
    for directory in aside {
        // A directory with a log of the same name has the predecessors of that one.
        let is_anothers = directory.join(name).exists();
        let before = siblings.len();
        add(&directory, name, &mut siblings);
        for found in siblings.iter_mut().skip(before).filter(|_| is_anothers) {
            (found.is_rotated, found.is_related) = (false, false);
        }
    }
    siblings.sort_by_key(|sibling| (sibling.written, sibling.born, sibling.inode));
    siblings
}

/// The directories in a log's directory to which it may be rotated: those of another owner, or that
/// anybody may write to, hold what others say that the log said.
fn directories(directory: &Path) -> Vec<PathBuf> {
    let Ok(owner) = directory.metadata().map(|metadata| metadata.uid()) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let is_own = |entry: &fs::DirEntry| {
        entry.metadata().is_ok_and(|metadata| {
            metadata.is_dir() && metadata.uid() == owner && metadata.mode() & 0o002 == 0
        })
    };
    let found = entries.flatten().take(SIBLINGS_MAX).filter(is_own);
    found.take(DIRECTORIES_MAX).map(|entry| entry.path()).collect()
}

fn add(directory: &Path, name: &OsStr, siblings: &mut Vec<Sibling>) {
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
        // The copy and the emptying may have one time: where nothing came since, it is the copy.
        let is_written_after = match previous.is_blank() {
            true => self.written > previous_written,
            false => self.written >= previous_written,
        };
        let after = (self.size == 0 || is_written_after)
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
        generation.unpack(compression).ok()?;
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
