//! Notice of changes, by inotify(7). Only a wake-up: losing a notice loses time, never a line.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What to be told of a directory: something came, went or changed its mode.
const DIRECTORY: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// What to be told of the log: it grew, shrank, or its name changed.
const FILE: WatchFlags =
    WatchFlags::MODIFY.union(WatchFlags::MOVE_SELF).union(WatchFlags::DELETE_SELF);

/// Notices that only say that there is more to read.
const GREW: ReadFlags = ReadFlags::MODIFY;

/// Watches a path's directories and the open file.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: Option<OwnedFd>,
    fine: bool,
}

impl Watch {
    pub(super) fn new() -> Self {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok();
        Watch { fine: inotify.is_some(), inotify }
    }

    /// Watches the directory of `path`, or the nearest one above it that is there, and that of
    /// the file that a symbolic link at `path` leads to. Watching twice is once. True where
    /// changes will be noticed.
    pub(super) fn look_at(&mut self, path: &Path) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        let mut directories = vec![nearest_directory(path)];
        if path.is_symlink()
            && let Ok(target) = std::fs::canonicalize(path)
        {
            directories.push(nearest_directory(&target));
        }
        self.fine = directories
            .iter()
            .all(|directory| inotify::add_watch(inotify, directory, DIRECTORY).is_ok());
        self.fine
    }

    /// Watches the open file itself, whatever its name is or becomes.
    pub(super) fn follow(&mut self, file: &File) {
        let Some(inotify) = &self.inotify else { return };
        // The magic link leads to the open file, not to a path.
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.fine &= inotify::add_watch(inotify, link, FILE).is_ok();
    }

    /// True where changes are noticed.
    pub(super) fn notices(&self) -> bool {
        self.fine
    }

    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Takes all notices; true where the path must be looked at again.
    pub(super) fn changed(&mut self) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(inotify, &mut buffer);
        let mut changed = false;
        while let Ok(notice) = reader.next() {
            changed |= !notice.events().difference(GREW).is_empty();
        }
        changed
    }
}

fn nearest_directory(path: &Path) -> PathBuf {
    let directories = path.ancestors().skip(1);
    let nearest = directories.into_iter().find(|directory| directory.is_dir());
    match nearest {
        Some(directory) if directory.as_os_str().is_empty() => PathBuf::from("."),
        Some(directory) => directory.to_owned(),
        None if path.is_absolute() => PathBuf::from("/"),
        None => PathBuf::from("."),
    }
}
