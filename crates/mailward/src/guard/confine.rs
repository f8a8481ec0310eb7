//! What the guard gives up before it reads the first hostile byte: every capability but that of
//! reading logs, new privileges, and all of the file system that it does not need.

use crate::failure::{Context as _, Failure};
use edge::surroundings::LogPlace;
use landlock::{
    ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    path_beneath_rules,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use std::path::{Path, PathBuf};

/// What is read besides the logs: the surroundings, the zone database, programs (`journalctl`).
const READ: [&str; 6] = ["/proc", "/etc", "/usr", "/lib", "/lib64", "/bin"];
/// Where journald keeps its files.
const READ_JOURNALD: [&str; 4] = ["/var/log", "/run/log", "/run/systemd", "/var/lib/systemd"];

/// Gives it up, for this thread and all that it starts. A kernel without Landlock only loses the
/// capabilities.
pub fn give_up(write: &[PathBuf], places: &[LogPlace]) -> Result<(), Failure> {
    set_no_new_privs(true).context(|| "no_new_privs".to_owned())?;
    let keep = CapabilitySet::DAC_READ_SEARCH;
    let held = rustix::thread::capabilities(None).context(|| "capabilities".to_owned())?;
    let kept = held.permitted & keep;
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).context(|| "giving up capabilities".to_owned())?;
    restrict(write, places).context(|| "Landlock".to_owned())
}

fn restrict(write: &[PathBuf], places: &[LogPlace]) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V4;
    let mut read: Vec<PathBuf> = READ.iter().map(PathBuf::from).collect();
    for place in places {
        match place {
            LogPlace::File(path) => read.extend(path.parent().map(Path::to_path_buf)),
            LogPlace::Journald { .. } => read.extend(READ_JOURNALD.iter().map(PathBuf::from)),
        }
    }
    // A log's directory may be a link; what it leads to is what the kernel asks for.
    let resolved: Vec<PathBuf> = read.iter().filter_map(|path| path.canonicalize().ok()).collect();
    Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(&resolved, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(write, AccessFs::from_all(abi)))?
        .restrict_self()
        .map(drop)
}
