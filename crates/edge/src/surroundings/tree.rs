//! Reads small files below a root directory.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file that are read; none that is of interest here is larger.
const FILE_MAX: u64 = 8 * 1024 * 1024;
/// Entries of a directory that are looked at.
const ENTRIES_MAX: usize = 65_536;

/// The file system as seen from a root.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(super) fn new(root: &Path) -> Self {
        Tree { root: root.to_owned() }
    }

    /// Where `path`, absolute or not, really is.
    pub(super) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a file; bytes that are no UTF-8 are replaced.
    pub(super) fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        let mut bytes = Vec::new();
        let file = File::open(self.at(path)).ok()?;
        file.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// True where something is at `path`.
    pub(super) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.at(path).exists()
    }

    /// Where a symbolic link leads.
    pub(super) fn link(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read_link(self.at(path)).ok().map(|target| target.to_string_lossy().into_owned())
    }

    /// True where what `path` leads to is root's, and nobody else may write to it.
    pub(super) fn is_of_root(&self, path: impl AsRef<Path>) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        const OTHERS_WRITE: u32 = 0o022;
        let seen = fs::metadata(self.at(path));
        seen.is_ok_and(|seen| seen.uid() == 0 && seen.mode() & OTHERS_WRITE == 0)
    }

    /// The names in a directory, sorted; `None` where it cannot be listed.
    pub(super) fn names(&self, path: impl AsRef<Path>) -> Option<Vec<String>> {
        let entries = fs::read_dir(self.at(path)).ok()?;
        let entries = entries.flatten().take(ENTRIES_MAX);
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        Some(names)
    }
}
