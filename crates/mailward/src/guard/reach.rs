//! Which directories the logs are in, and whether the guard may still read them.
//!
//! What the guard may read is settled when it is confined, and Landlock settles it by directory,
//! not by name. A directory that comes later, that takes the place of another, that is mounted over
//! it, or that a link leads to from now on, is closed to the guard until it is started again.

use super::directory_of;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Links that lead to links; the kernel follows no more.
const LINKS_MAX: usize = 40;
/// A log's directory that is not there yet may be read when it comes, where it comes below one of
/// these: they hold logs only.
const OF_LOGS: [&str; 1] = ["/var/log"];

/// A path, and what symbolic links at its end lead to, one after another. None of them needs to be
/// there. A link that is neither root's nor one's own is not followed: whoever may write to the
/// directory of a log would else open any other directory to the guard.
fn steps(path: &Path) -> Vec<PathBuf> {
    let own = rustix::process::geteuid().as_raw();
    let mut steps = vec![path.to_path_buf()];
    let mut at = path.to_path_buf();
    while steps.len() < LINKS_MAX
        && let Ok(seen) = fs::symlink_metadata(&at)
        && (seen.uid() == 0 || seen.uid() == own)
        && let Ok(target) = fs::read_link(&at)
    {
        at = directory_of(&at).join(target);
        steps.push(at.clone());
    }
    steps
}

/// What has to be open for a file to be read and its predecessors to be found: its directory. The
/// root holds everything, so of a file there it is the file alone.
fn place(file: &Path) -> PathBuf {
    let directory = directory_of(file);
    let is_root = directory.canonicalize().is_ok_and(|place| place == Path::new("/"));
    if is_root { file.to_path_buf() } else { directory }
}

fn places(path: &Path) -> impl Iterator<Item = PathBuf> {
    steps(path).into_iter().map(|step| place(&step))
}

/// What has to be open for a log to be read: its directories, and for one that is not there yet
/// what it will be in, where that holds logs only.
pub fn to_open(path: &Path) -> Vec<PathBuf> {
    places(path).map(|place| nearest(&place, &OF_LOGS).unwrap_or(place)).collect()
}

/// A link on the way to a log that another user made and that leads to another directory.
pub fn strange_link(path: &Path) -> Option<PathBuf> {
    let last = steps(path).pop()?;
    let leads_to = directory_of(&path.canonicalize().ok()?);
    let is_strange = last.is_symlink() && directory_of(&last).canonicalize().ok()? != leads_to;
    is_strange.then_some(last)
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
        let of_logs = self.logs.iter().flat_map(|log| places(log));
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
        let directories = |path: &Path| places(path).collect::<Vec<_>>();
        assert_eq!(directories(&path("a/log")), [path("a")], "nothing is there yet");
        symlink("../b/log", path("a/log")).unwrap();
        symlink(path("c/log"), path("b/log")).unwrap();
        assert_eq!(directories(&path("a/log")), [path("a"), path("a/../b"), path("c")]);
        symlink("log", path("c/log")).unwrap();
        assert_eq!(directories(&path("a/log")).len(), LINKS_MAX, "a circle ends");
        assert_eq!(directories(Path::new("log")), [PathBuf::from(".")]);
        assert_eq!(directories(Path::new("/mail.log")), [PathBuf::from("/mail.log")]);
    }

    /// The user of a mail server owns the directory of its log.
    #[test]
    fn a_link_that_another_user_made_opens_nothing() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let world = tempfile::tempdir().unwrap();
        let path = |name: &str| world.path().join(name);
        for name in ["log", "secret"] {
            fs::create_dir(path(name)).unwrap();
        }
        symlink(path("secret/log"), path("log/log")).unwrap();
        let open = Open::only(&[path("log")]);
        let logs = vec![path("log/log")];
        let reach = Reach { open, logs, directories: Vec::new() };
        fs::write(path("secret/log"), "x").unwrap();
        assert_eq!(strange_link(&path("log/log")), None);
        assert_eq!(to_open(&path("log/log")), [path("log"), path("secret")]);
        assert_eq!(reach.lost(), Some(path("secret")));
        if std::os::unix::fs::lchown(path("log/log"), Some(61_000), None).is_err() {
            return eprintln!("skipped: no such user in this namespace");
        }
        assert_eq!(to_open(&path("log/log")), [path("log")]);
        assert_eq!(strange_link(&path("log/log")), Some(path("log/log")));
        assert_eq!(reach.lost(), None, "nor does it have the guard started again");
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
