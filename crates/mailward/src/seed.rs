//! The key of the engine's hash function, one for each state directory.
//!
//! Under a key that everybody knows, a stranger could choose account names that fall into one bit
//! of a sketch, and be counted as one. So it is drawn at the first start and kept beside the
//! journal. A checkpoint was made under a key, so that one wins over what the file says.

use crate::failure::{Context as _, Failure};
use edge::random;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

fn file(dir: &Path) -> PathBuf {
    dir.join("seed")
}

/// The key of a state directory, where it has one that may be read.
pub fn known(dir: &Path) -> Option<u64> {
    let text = fs::read_to_string(file(dir)).ok()?;
    let digits = text.strip_suffix('\n')?;
    let is_whole = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The configuration of an engine that only looks: with the key of the state directory, so that a
/// replay decides as the guard did.
pub fn under(dir: Option<&Path>, config: engine::Config) -> engine::Config {
    engine::Config { seed: dir.and_then(known).unwrap_or(config.seed), ..config }
}

/// The key of a state directory; drawn and kept where there is none.
pub fn drawn(dir: &Path) -> Result<u64, Failure> {
    if let Some(seed) = known(dir) {
        return Ok(seed);
    }
    let seed = random::number().context(|| "the system's randomness".into())?;
    keep(dir, seed)?;
    Ok(seed)
}

/// Keeps a key, whole or not at all.
pub fn keep(dir: &Path, seed: u64) -> Result<(), Failure> {
    write(dir, seed).context(|| file(dir).display().to_string())
}

fn write(dir: &Path, seed: u64) -> io::Result<()> {
    let temporary = dir.join("seed.tmp");
    let _ = fs::remove_file(&temporary);
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    new.write_all(format!("{seed:016x}\n").as_bytes())?;
    new.sync_all()?;
    fs::rename(&temporary, file(dir))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_drawn_once_and_for_its_owner_only() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(known(one.path()), None);
        let seed = drawn(one.path()).unwrap();
        assert_eq!(drawn(one.path()).unwrap(), seed);
        assert_eq!(under(Some(one.path()), engine::Config::default()).seed, seed);
        assert_ne!(drawn(other.path()).unwrap(), seed);
        assert_ne!(seed, engine::Config::default().seed);
        let mode = fs::metadata(file(one.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_torn_one_is_drawn_anew() {
        let dir = tempfile::tempdir().unwrap();
        for torn in ["", "12ab", "0123456789abcdef", "+123456789abcdef\n", "\u{e9}123456789abcde\n"]
        {
            fs::write(file(dir.path()), torn).unwrap();
            assert_eq!(known(dir.path()), None, "{torn}");
        }
        drawn(dir.path()).unwrap();
        assert!(known(dir.path()).is_some());
    }
}
