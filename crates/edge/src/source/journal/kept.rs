//! Where journald keeps a journal, and whether it can be read: `journalctl` says nothing where it
//! may read a part of it only, or where there is none.

use crate::source::{Problem, ProblemKind};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories of systemd-journald.service(8), below the root.
pub(crate) const DIRECTORIES: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// What all of a host's services log to; users' files lie beside it.
const FILE: &str = "system.journal";

/// What to do about a journal that may not be read.
pub(crate) const REMEDY_PERMISSION: &str =
    "start as root, or add the user to the group systemd-journal";
/// What to do about a journal that is not there.
pub(crate) const REMEDY_MISSING: &str =
    "see that systemd-journald runs and keeps a journal (Storage= in journald.conf)";

/// What is wrong with the journal of this machine, or of its namespace, in these directories.
/// `machine` is its id; `None`: of any.
pub(crate) fn problem(
    directories: &[PathBuf],
    machine: Option<&str>,
    namespace: Option<&str>,
) -> Option<Problem> {
    let mut forbidden = None;
    for directory in directories {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                forbidden.get_or_insert(directory.clone());
                continue;
            }
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            if !entry.path().is_dir() {
                continue;
            }
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_of(name, machine, namespace)) else {
                continue;
            };
            match can_read(&directory.join(name)) {
                Ok(()) => return None,
                Err(Some(path)) => forbidden = forbidden.or(Some(path)),
                Err(None) => {}
            }
        }
    }
    let (kind, about, remedy) = match forbidden {
        Some(path) => (ProblemKind::Permission, path.display().to_string(), REMEDY_PERMISSION),
        None => {
            let places = directories.iter().map(|directory| directory.display().to_string());
            (ProblemKind::Missing, places.collect::<Vec<_>>().join(", "), REMEDY_MISSING)
        }
    };
    Some(Problem { kind, about, system: Some(remedy.to_owned()) })
}

/// True for the directory of a machine's journal: its id, and behind a dot the namespace.
fn is_of(name: &str, machine: Option<&str>, namespace: Option<&str>) -> bool {
    let (id, of) = match name.split_once('.') {
        Some((id, of)) => (id, Some(of)),
        None => (name, None),
    };
    machine.is_none_or(|machine| machine == id) && of == namespace
}

/// Whether a program that this process starts can read the journal in a directory; else what it
/// may not read, if that is why. access(2) judges a user without the capability to read
/// everything, which this process may have and hands on to nobody.
fn can_read(directory: &Path) -> Result<(), Option<PathBuf>> {
    let file = directory.join(FILE);
    for (path, wanted) in [(directory, Access::READ_OK | Access::EXEC_OK), (&file, Access::READ_OK)]
    {
        match access(path, wanted) {
            Ok(()) => {}
            Err(Errno::ACCESS | Errno::PERM) => return Err(Some(path.to_owned())),
            Err(_) => return Err(None),
        }
    }
    Ok(())
}

/// The id of this machine, as machine-id(5) keeps it.
pub(crate) fn machine_id(root: &Path) -> Option<String> {
    let id = fs::read_to_string(root.join("etc/machine-id")).ok()?;
    let id = id.trim();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_journal_is_there_and_can_be_read_or_it_is_told_why_not() {
        let world = tempfile::tempdir().unwrap();
        let directories = [world.path().join("var"), world.path().join("run")];
        let look = |namespace| problem(&directories, Some(ID), namespace).map(|found| found.kind);
        assert_eq!(look(None), Some(ProblemKind::Missing), "no directory");
        let own = directories[1].join(ID);
        fs::create_dir_all(&own).unwrap();
        fs::create_dir_all(directories[0].join("another")).unwrap();
        fs::write(directories[0].join("another/system.journal"), "").unwrap();
        assert_eq!(look(None), Some(ProblemKind::Missing), "another machine's");
        fs::write(own.join("user-1000.journal"), "").unwrap();
        assert_eq!(look(None), Some(ProblemKind::Missing), "users' only");
        fs::write(own.join(FILE), "").unwrap();
        assert_eq!(look(None), None);
        assert_eq!(look(Some("mail")), Some(ProblemKind::Missing));
        fs::create_dir_all(directories[1].join(format!("{ID}.mail"))).unwrap();
        fs::write(directories[1].join(format!("{ID}.mail/system.journal")), "").unwrap();
        assert_eq!(look(Some("mail")), None);
        if !rustix::process::geteuid().is_root() {
            return;
        }
        // As another user, who may read only what users logged; access(2) asks the real one.
        fs::set_permissions(world.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(own.join(FILE), fs::Permissions::from_mode(0o640)).unwrap();
        let as_nobody = || {
            std::thread::scope(|scope| {
                let asked = scope.spawn(|| {
                    let nobody = rustix::thread::Uid::from_raw(65_534);
                    rustix::thread::set_thread_res_uid(nobody, nobody, nobody).ok()?;
                    problem(&directories, Some(ID), None)
                });
                asked.join().unwrap()
            })
        };
        let Some(found) = as_nobody() else { return };
        assert_eq!(found.kind, ProblemKind::Permission);
        assert!(found.to_string().ends_with(&format!(
            "{ID}/system.journal: no permission to read ({REMEDY_PERMISSION})"
        )));
        fs::set_permissions(own.join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(as_nobody(), None);
    }
}
