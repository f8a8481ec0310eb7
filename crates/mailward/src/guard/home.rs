//! The state directory, before anything is written to it or given away: made where it is not there,
//! refused where it is somebody else's or holds something else.

use crate::failure::{Context as _, Failure};
use rustix::fs::{CWD, Mode, OFlags, Stat, fchmod, fstat, openat};
use std::fs::DirBuilder;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// One of these is in every state directory.
const MARKS: [&str; 3] = ["journal.lock", "journal.db", "seed"];
/// What a file system has at its top; it stays whose it is.
pub(super) const OF_FILE_SYSTEM: &str = "lost+found";
/// What a state directory grants: its owner all, others nothing.
const MODE: u32 = 0o700;

/// Files that are made from now on are for their owner alone.
pub fn keep_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Opens the state directory at `path`. `own` is the user that it will be given to, and
/// `is_known` tells whether a user with that number is one of this host.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn open(
    path: &Path,
    own: Option<u32>,
    is_known: impl Fn(u32) -> bool,
) -> Result<OwnedFd, Failure> {
    let named = || path.display().to_string();
    DirBuilder::new()
        .recursive(true)
        .mode(MODE)
        .create(path)
        .context(named)
        .map_err(|failure| failure.remedy("name a directory that can be written: state.dir"))?;
    let starter = rustix::process::geteuid().as_raw();
    let is_trusted = |uid: u32| uid == 0 || uid == starter || Some(uid) == own;
    let place = place(path, is_trusted)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = openat(CWD, &place, flags, Mode::empty()).context(named)?;
    let owner = fstat(&dir).context(named)?.st_uid;
    let held = held(&dir).context(named)?;
    // A user that was removed may have been that of an earlier guard.
    let was_ours = starter == 0 && held == Held::Ours && !is_known(owner);
    if !is_trusted(owner) && !was_ours {
        return Err(Failure::new(format!("{} belongs to the user {owner}", path.display()))
            .remedy(
                "name a directory of your own, or one that is not there: state.dir; \
             or chown it to who starts mailward",
            ));
    }
    match held {
        Held::Nothing | Held::Ours => Ok(dir),
        Held::Others(name) => Err(Failure::new(format!(
            "{} is no state directory: it holds {name} and no journal",
            path.display()
        ))
        .remedy("name an empty directory, or one that is not there: state.dir")),
    }
}

/// Where a path leads. A link is followed that none but the trusted can have made.
fn place(path: &Path, is_trusted: impl Fn(u32) -> bool) -> Result<PathBuf, Failure> {
    let named = || path.display().to_string();
    let seen = path.symlink_metadata().context(named)?;
    if seen.is_symlink() && !is_trusted(seen.uid()) {
        return Err(Failure::new(format!(
            "{} is a link that the user {} made",
            path.display(),
            seen.uid()
        ))
        .remedy("name the directory itself: state.dir"));
    }
    path.canonicalize().context(named)
}

/// What is in a directory.
#[derive(PartialEq, Eq, Debug)]
enum Held {
    Nothing,
    /// A journal, or what comes with one.
    Ours,
    /// Something else, such as this.
    Others(String),
}

fn held(dir: &OwnedFd) -> rustix::io::Result<Held> {
    let mut held = Held::Nothing;
    let mut entries = rustix::fs::Dir::read_from(dir)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if MARKS.contains(&name.as_str()) {
            return Ok(Held::Ours);
        }
        if ![".", "..", OF_FILE_SYSTEM].contains(&name.as_str()) {
            held = Held::Others(name);
        }
    }
    Ok(held)
}

/// Takes the directory's rights from all but its owner. Told where that fails: what is made in it
/// is private all the same.
pub fn close(dir: &OwnedFd, path: &Path) {
    let is_open = |seen: Stat| seen.st_mode & 0o077 != 0;
    if fstat(dir).is_ok_and(is_open)
        && let Err(error) = fchmod(dir, Mode::from_raw_mode(MODE))
    {
        crate::print::error_line(format_args!(
            "mailward: {} stays open to other users ({error}); what to do: chmod 700",
            path.display()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn refused(path: &Path, own: Option<u32>, known: bool) -> String {
        open(path, own, |_| known).unwrap_err().to_string()
    }

    #[test]
    fn one_that_is_new_empty_or_ours_is_opened_and_closed_to_others() {
        let world = tempfile::tempdir().unwrap();
        let path = |name: &str| world.path().join(name);
        open(&path("a/new"), None, |_| true).unwrap();
        assert_eq!((mode(&path("a")), mode(&path("a/new"))), (0o700, 0o700));
        for (name, file) in
            [("empty", None), ("lock", Some("journal.lock")), ("seed", Some("seed"))]
        {
            fs::create_dir(path(name)).unwrap();
            fs::create_dir(path(name).join(OF_FILE_SYSTEM)).unwrap();
            if let Some(file) = file {
                fs::write(path(name).join(file), "x").unwrap();
                fs::write(path(name).join("ballast"), "x").unwrap();
            }
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
            let dir = open(&path(name), None, |_| true).unwrap();
            close(&dir, &path(name));
            assert_eq!(mode(&path(name)), 0o700, "{name}");
        }
        symlink(path("empty"), path("link")).unwrap();
        open(&path("link"), None, |_| true).unwrap();
    }

    #[test]
    fn one_that_holds_something_else_is_refused_and_stays_as_it_is() {
        let world = tempfile::tempdir().unwrap();
        let home = world.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("letter"), "x").unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        let told = refused(&home, None, true);
        assert!(told.contains("holds letter") && told.contains("state.dir"), "{told}");
        assert_eq!(mode(&home), 0o755);
        assert!(refused(&home.join("letter"), None, true).contains("state.dir"));
    }

    #[test]
    fn one_of_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let world = tempfile::tempdir().unwrap();
        let path = |name: &str| world.path().join(name);
        fs::create_dir(path("prepared")).unwrap();
        if chown(path("prepared"), Some(61_000), None).is_err() {
            return eprintln!("skipped: no such user in this namespace");
        }
        assert!(refused(&path("prepared"), None, false).contains("belongs to the user 61000"));
        open(&path("prepared"), Some(61_000), |_| true).unwrap();
        fs::write(path("prepared/journal.lock"), "").unwrap();
        assert!(refused(&path("prepared"), Some(7), true).contains("belongs to the user 61000"));
        // The user of an earlier guard, who was removed.
        open(&path("prepared"), Some(7), |_| false).unwrap();
        symlink(path("new"), path("link")).unwrap();
        fs::create_dir(path("new")).unwrap();
        std::os::unix::fs::lchown(path("link"), Some(61_000), None).unwrap();
        assert!(refused(&path("link"), None, true).contains("link that the user 61000 made"));
    }
}
