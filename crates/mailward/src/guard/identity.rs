//! The user that the guard runs as: the system user `mailward`, where the host has one. It keeps
//! one capability, that of reading logs, and owns its state directory.

use super::confine::{KEEP, lower_bounding_set};
use super::home::OF_FILE_SYSTEM;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, fchown, fstat, openat};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_keep_capabilities,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

/// The name of the user.
pub const NAME: &str = "mailward";
/// Its members read journald's files.
const READERS: &str = "systemd-journal";
/// Directories below one another in a state directory.
const DEPTH_MAX: u32 = 8;

/// A user of this host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

/// As whom the guard goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Identity {
    /// As the user `mailward`, with this number.
    Own(u32),
    /// As whoever started it, and why.
    Started(String),
}

/// Why the state directory or the identity is neither the one nor the other.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be given away.
    #[error("giving {path} to the user {uid}: {error}")]
    Owner {
        /// The state directory.
        path: String,
        /// To whom.
        uid: u32,
        /// Why not.
        error: Errno,
    },
    /// The change stopped half way.
    #[error("becoming the user {NAME}: {0}")]
    Change(Errno),
}

impl User {
    /// The user `mailward` of this host's own files; other directories of users are not asked.
    pub fn find() -> Option<User> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        User::of(&read("/etc/passwd"), &read("/etc/group"))
    }

    /// As passwd(5) and group(5) say.
    fn of(passwd: &str, group: &str) -> Option<User> {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(NAME))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        if uid == 0 || gid == 0 {
            return None;
        }
        let is_of_it = |line: &&str| {
            let mut fields = line.split(':');
            let name = fields.next();
            name == Some(READERS)
                || fields.nth(2).is_some_and(|members| members.split(',').any(|one| one == NAME))
        };
        let number = |line: &str| line.split(':').nth(2)?.parse().ok().filter(|gid| *gid != 0);
        let groups = group.lines().filter(is_of_it).filter_map(number).collect();
        Some(User { uid, gid, groups })
    }

    /// Whether a user with this number is one of this host's own files.
    pub fn is_known(uid: u32) -> bool {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let number = |line: &str| line.split(':').nth(2)?.parse().ok();
        users.lines().filter_map(number).any(|known: u32| known == uid)
    }

    /// Its number.
    pub const fn uid(&self) -> u32 {
        self.uid
    }
}

/// Who the guard will be when root starts it here, for `mailward check`.
pub fn outlook() -> String {
    let starter = rustix::process::geteuid();
    match User::find() {
        _ if !starter.is_root() => format!("reads logs as the user {}", starter.as_raw()),
        Some(user) => format!("reads logs as the user {NAME} ({})", user.uid),
        None => format!(
            "reads logs as root without root's capabilities; a system user {NAME} (packaging) would \
             take the rest"
        ),
    }
}

/// The user that the guard will be, where it may not write to this directory.
pub fn cannot_write(dir: &Path) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt as _;
    let user = User::find().filter(|_| rustix::process::geteuid().is_root())?;
    let seen = std::fs::metadata(dir).ok()?;
    let of_group = seen.gid() == user.gid || user.groups.contains(&seen.gid());
    let bit = match (seen.uid() == user.uid, of_group) {
        (true, _) => 0o200,
        (false, true) => 0o020,
        (false, false) => 0o002,
    };
    (seen.mode() & bit == 0).then_some(NAME)
}

/// Does this with the rights of a program that the guard will start.
pub fn as_guard<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    let user = User::find().filter(|_| rustix::process::geteuid().is_root());
    std::thread::scope(|scope| {
        // The identity is the thread's own, and ends with it.
        let thread = scope.spawn(|| {
            if let Some(user) = user {
                let groups: Vec<Gid> = user.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
                let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
                // Where that may not be, the guard will be root, too.
                let _ = set_thread_groups(&groups)
                    .and_then(|()| set_thread_res_gid(gid, gid, gid))
                    .and_then(|()| set_thread_res_uid(uid, uid, uid));
            }
            act()
        });
        match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Becomes the user `mailward`, and gives it the state directory `dir`, whose name is `path`, with
/// what is in it and was made by a guard.
/// Where there is no such user, or no right to become it, the guard goes on as it was started, and
/// takes the directory back from a user that it once belonged to.
///
/// Call it while there is one thread, for the identity is each thread's own.
///
/// # Errors
/// When the directory, or the identity, would be half the one and half the other.
pub fn assume(user: Option<User>, dir: &OwnedFd, path: &Path) -> Result<Identity, IdentityError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(Identity::Started("it was not started by root".to_owned()));
    }
    let Some(user) = user else {
        take_back(dir);
        return Ok(Identity::Started(format!("there is no user {NAME}")));
    };
    let held = capabilities(None).map_err(IdentityError::Change)?.effective;
    if !held.contains(CapabilitySet::SETUID | CapabilitySet::SETGID) {
        take_back(dir);
        return Ok(Identity::Started("it lacks CAP_SETUID and CAP_SETGID".to_owned()));
    }
    match give(dir, user.uid, user.gid) {
        Ok(()) => {}
        // No right to, or (in a user namespace) no such number.
        Err(Errno::PERM | Errno::INVAL) => {
            return Ok(Identity::Started(format!(
                "{} cannot be given to the user {NAME}",
                path.display()
            )));
        }
        Err(error) => {
            let path = path.display().to_string();
            return Err(IdentityError::Owner { path, uid: user.uid, error });
        }
    }
    change(&user).map_err(IdentityError::Change)?;
    Ok(Identity::Own(user.uid))
}

/// Becomes the user whose directory this is, without any capability, where root does this and the
/// directory is another's: a process beside the guard.
///
/// Call it while there is one thread.
///
/// # Errors
/// The change stopped half way.
pub fn become_owner(dir: &Path) -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    let drop_all = || {
        lower_bounding_set();
        set_capabilities(
            None,
            CapabilitySets { effective: none, permitted: none, inheritable: none },
        )
    };
    let owner = rustix::fs::stat(dir)?;
    if !rustix::process::geteuid().is_root() || owner.st_uid == 0 {
        return drop_all();
    }
    let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    drop_all()
}

/// What cannot be taken back is told when it cannot be written.
fn take_back(dir: &OwnedFd) {
    let _ = give(dir, 0, 0);
}

fn change(user: &User) -> rustix::io::Result<()> {
    let groups: Vec<Gid> = user.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    lower_bounding_set();
    set_thread_groups(&groups)?;
    set_thread_res_gid(gid, gid, gid)?;
    set_keep_capabilities(true)?;
    set_thread_res_uid(uid, uid, uid)?;
    set_keep_capabilities(false)?;
    let kept = capabilities(None)?.permitted & KEEP;
    let inheritable = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable })
}

/// Gives a directory, with the directories and files in it, to a user. Each is opened before it is
/// given, and no link is followed: the directory may have belonged to a guard that was taken over.
/// A file with a second name elsewhere is left alone, and what belongs to neither root nor the
/// owner of the directory: no guard made it. Sockets and the like are made anew.
fn give(dir: &OwnedFd, uid: u32, gid: u32) -> rustix::io::Result<()> {
    let before = fstat(dir)?.st_uid;
    Owner { uid, gid, before }.give_directory(dir, DEPTH_MAX)
}

struct Owner {
    uid: u32,
    gid: u32,
    /// Whose the directory was.
    before: u32,
}

impl Owner {
    fn give_directory(&self, dir: &OwnedFd, depth: u32) -> rustix::io::Result<()> {
        let mut entries = rustix::fs::Dir::read_from(dir)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name();
            let is_of_file_system =
                depth == DEPTH_MAX && name.to_bytes() == OF_FILE_SYSTEM.as_bytes();
            if name.to_bytes() != b"." && name.to_bytes() != b".." && !is_of_file_system {
                self.give_entry(dir.as_fd(), name, depth)?;
            }
        }
        // Last, so that a walk that was cut short is seen by the owner of the directory.
        self.give_one(dir.as_fd(), &fstat(dir)?)
    }

    fn give_entry(&self, dir: BorrowedFd<'_>, name: &CStr, depth: u32) -> rustix::io::Result<()> {
        let seen = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(seen) => seen,
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error),
        };
        if ![0, self.before, self.uid].contains(&seen.st_uid) {
            return Ok(());
        }
        let kind = FileType::from_raw_mode(seen.st_mode);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match kind {
            FileType::Directory if depth > 0 => {
                let flags = flags | OFlags::DIRECTORY;
                let below = openat(dir, name, flags, Mode::empty())?;
                self.give_directory(&below, depth - 1)
            }
            FileType::RegularFile => {
                let file = openat(dir, name, flags, Mode::empty())?;
                let seen = fstat(&file)?;
                let is_plain = FileType::from_raw_mode(seen.st_mode) == FileType::RegularFile;
                if is_plain && seen.st_nlink == 1 {
                    self.give_one(file.as_fd(), &seen)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn give_one(&self, file: BorrowedFd<'_>, seen: &Stat) -> rustix::io::Result<()> {
        if (seen.st_uid, seen.st_gid) == (self.uid, self.gid) {
            return Ok(());
        }
        fchown(file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn the_user_is_read_with_its_groups_and_never_root() {
        let group =
            "root:x:0:\nadm:x:4:syslog,mailward\nsystemd-journal:x:990:\nmail:x:8:amailward\n";
        let passwd = "root:x:0:0::/:/bin/sh\nmailward:x:991:992:Mailward:/:/bin/false\n";
        let user = User::of(passwd, group).unwrap();
        assert_eq!(user, User { uid: 991, gid: 992, groups: vec![4, 990] });
        for none in ["", "mailward:x:0:0::/:\n", "mailward:x:\n", "mailwards:x:9:9::/:\n"] {
            assert_eq!(User::of(none, group), None);
        }
    }

    /// Giving files away needs root.
    #[test]
    fn a_directory_is_given_with_all_in_it_and_no_link_is_followed() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let world = tempfile::tempdir().unwrap();
        let path = |name: &str| world.path().join(name);
        std::fs::create_dir_all(path("state/below")).unwrap();
        std::fs::create_dir(path("state/lost+found")).unwrap();
        for name in ["precious", "state/file", "state/below/file", "state/other"] {
            std::fs::write(path(name), "x").unwrap();
        }
        let dir = std::fs::File::open(path("state")).unwrap().into();
        std::os::unix::fs::symlink(path("precious"), path("state/link")).unwrap();
        std::fs::hard_link(path("precious"), path("state/hard")).unwrap();
        let owner = |name: &str| {
            let seen = std::fs::symlink_metadata(path(name)).unwrap();
            (seen.uid(), seen.gid())
        };
        if std::os::unix::fs::chown(path("state/other"), Some(993), Some(993)).is_err() {
            return eprintln!("skipped: no such user in this namespace");
        }
        give(&dir, 991, 992).unwrap();
        for name in ["state", "state/file", "state/below", "state/below/file"] {
            assert_eq!(owner(name), (991, 992), "{name}");
        }
        assert_eq!(owner("precious"), (0, 0));
        assert_eq!(owner("state/link"), (0, 0));
        assert_eq!(owner("state/other"), (993, 993), "no guard made it");
        assert_eq!(owner("state/lost+found"), (0, 0));
        give(&dir, 0, 0).unwrap();
        assert_eq!(owner("state/below/file"), (0, 0));
    }
}
