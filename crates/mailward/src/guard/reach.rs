//! Which directories the logs are in, and whether the guard may still read them.
//!
//! What the guard may read is settled when it is confined, and Landlock settles it by directory,
//! not by name. A directory that comes later, that takes the place of another, that is mounted over
//! it, or that a link leads to from now on, is closed to the guard until it is started again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Links that lead to links; the kernel follows no more.
const LINKS_MAX: usize = 40;
/// A log's directory that is not there yet may be read when it comes, where it comes below one of
/// these: they hold logs only.
const OF_LOGS: [&str; 1] = ["/var/log"];

/// The directories that a path leads through: its own, and those of what symbolic links at its end
/// lead to, one after another. They need not be there.
pub fn directories(path: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    let mut at = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        let directory = match at.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let target = fs::read_link(&at);
        directories.push(directory.clone());
        match target {
            Ok(target) => at = directory.join(target),
            Err(_) => break,
        }
    }
    directories
}

/// What has to be open for a log to be read: its directories, and for one that is not there yet
/// what it will be in, where that holds logs only.
pub fn to_open(path: &Path) -> Vec<PathBuf> {
    let all = directories(path);
    all.into_iter().map(|directory| nearest(&directory, &OF_LOGS).unwrap_or(directory)).collect()
}

/// Of a missing directory below one of `tops`, the nearest one above it that is there.
fn nearest(directory: &Path, tops: &[impl AsRef<Path>]) -> Option<PathBuf> {
    let top = tops.iter().find(|top| directory.starts_with(top))?;
    let within = directory.ancestors().take_while(|above| above.starts_with(top));
    within.into_iter().find(|above| above.is_dir()).map(Path::to_path_buf)
}

/// What a confined process may read, by device and inode number; `None`: everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Open(Option<BTreeSet<(u64, u64)>>);

impl Open {
    /// These and what is below them.
    pub fn only(paths: &[PathBuf]) -> Self {
        Open(Some(paths.iter().filter_map(|path| identity(path)).collect()))
    }

    fn holds(&self, path: &Path) -> bool {
        let Some(open) = &self.0 else { return true };
        path.ancestors().filter_map(identity).any(|one| open.contains(&one))
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|seen| (seen.dev(), seen.ino()))
}

/// The logs, and what may be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    /// What may be read.
    pub open: Open,
    /// Logs.
    pub logs: Vec<PathBuf>,
    /// Directories in which logs come and go.
    pub directories: Vec<PathBuf>,
}

impl Reach {
    /// A directory of a log that is there and must not be read. Looking at it by name stays free.
    pub fn lost(&self) -> Option<PathBuf> {
        let of_logs = self.logs.iter().flat_map(|log| directories(log));
        let mut all = of_logs.chain(self.directories.iter().cloned());
        all.find(|directory| directory.canonicalize().is_ok_and(|place| !self.open.holds(&place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_directory_on_the_way_counts() {
        let world = tempfile::tempdir().unwrap();
        let path = |name: &str| world.path().join(name);
        for name in ["a", "b", "c"] {
            fs::create_dir(path(name)).unwrap();
        }
        assert_eq!(directories(&path("a/log")), [path("a")], "nothing is there yet");
        symlink("../b/log", path("a/log")).unwrap();
        symlink(path("c/log"), path("b/log")).unwrap();
        assert_eq!(directories(&path("a/log")), [path("a"), path("a/../b"), path("c")]);
        symlink("log", path("c/log")).unwrap();
        assert_eq!(directories(&path("a/log")).len(), LINKS_MAX, "a circle ends");
        assert_eq!(directories(Path::new("log")), [PathBuf::from(".")]);
    }

    #[test]
    fn only_directories_of_logs_are_opened_for_what_is_to_come() {
        let world = tempfile::tempdir().unwrap();
        let path = |name: &str| world.path().join(name);
        fs::create_dir_all(path("log/there")).unwrap();
        let tops = [path("log")];
        assert_eq!(nearest(&path("log/exim/old"), &tops), Some(path("log")));
        assert_eq!(nearest(&path("log/there/x"), &tops), Some(path("log/there")));
        assert_eq!(nearest(&path("log/there"), &tops), Some(path("log/there")));
        assert_eq!(nearest(&path("other/x"), &tops), None);
        assert_eq!(nearest(&path("log/x"), &[path("log/x/y")]), None);
        assert_eq!(nearest(&path("gone/x"), &[path("gone")]), None, "nothing above the top");
    }

    #[test]
    fn a_directory_in_the_place_of_another_is_another() {
        let world = tempfile::tempdir().unwrap();
        let path = |name: &str| world.path().join(name);
        fs::create_dir_all(path("open/below")).unwrap();
        let logs = vec![path("open/log"), path("open/below/log"), path("later/log")];
        let open = Open::only(&[path("open"), path("missing")]);
        let mut reach = Reach { open, logs, directories: Vec::new() };
        assert_eq!(reach.lost(), None);
        fs::create_dir(path("later")).unwrap();
        assert_eq!(reach.lost(), Some(path("later")));
        reach.logs.pop();
        fs::create_dir(path("elsewhere")).unwrap();
        symlink("../elsewhere/log", path("open/log")).unwrap();
        assert_eq!(reach.lost(), Some(path("open/../elsewhere")));
        fs::remove_file(path("open/log")).unwrap();
        assert_eq!(reach.lost(), None);
        reach.directories.push(path("containers"));
        assert_eq!(reach.lost(), None);
        fs::rename(path("open"), path("old")).unwrap();
        fs::create_dir(path("open")).unwrap();
        assert_eq!(reach.lost(), Some(path("open")));
        assert_eq!(Reach { open: Open::default(), ..reach }.lost(), None, "not confined");
    }
}
