//! What the guard gives up before it reads the first hostile byte: every capability but that of
//! reading logs, new privileges, all of the file system that it does not need, and system calls.

use super::filter::{self, Starts};
use super::reach::{self, Open};
use crate::failure::{Context as _, Failure};
use edge::surroundings::LogPlace;
use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};
use std::path::PathBuf;

/// What is read besides the logs: the surroundings, the zone database, programs (`journalctl`).
const READ: [&str; 7] = ["/proc", "/etc", "/usr", "/lib", "/lib64", "/bin", "/run/systemd"];
/// Where journald keeps its files.
const READ_JOURNALD: [&str; 3] = ["/var/log", "/run/log", "/var/lib/systemd"];
/// Reading logs, whoever's they are.
pub(super) const KEEP: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;
/// What a program that is started may take for granted.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// What is left to the guard.
#[derive(Clone, Debug, Default)]
pub struct Confinement {
    /// Directories that it writes to.
    pub write: Vec<PathBuf>,
    /// Files and directories that it reads besides what every guard reads.
    pub read: Vec<PathBuf>,
    /// What it starts.
    pub starts: Starts,
    /// It speaks to other hosts itself.
    pub speaks: bool,
}

impl Confinement {
    /// What these logs, and this hook (a program and its arguments), need.
    pub fn of(write: Vec<PathBuf>, places: &[LogPlace], hook: &[String]) -> Self {
        let mut read = Vec::new();
        let mut starts = Starts { journalctl: false, hook: !hook.is_empty() };
        for place in places {
            match place {
                LogPlace::File(path) => read.extend(reach::to_open(path)),
                LogPlace::Journald { .. } => {
                    starts.journalctl = true;
                    read.extend(READ_JOURNALD.iter().map(PathBuf::from));
                }
            }
        }
        // The hook itself, where it lies, and the script that an interpreter is given.
        read.extend(hook.iter().map(PathBuf::from).filter(|path| path.is_absolute()));
        Confinement { write, read, starts, speaks: false }
    }

    /// Gives up everything else, for this thread and all that it starts; tells what may still be
    /// read. A kernel without Landlock keeps the file system open.
    ///
    /// # Errors
    /// What could not be given up.
    pub fn put_on(&self) -> Result<Open, Failure> {
        set_no_new_privs(true).context(|| "no_new_privs".to_owned())?;
        drop_capabilities().context(|| "giving up capabilities".to_owned())?;
        let open = self.restrict().context(|| "Landlock".to_owned())?;
        filter::put_on(self.starts, self.speaks)
            .map_err(|error| Failure::new(format!("the system call filter: {error}")))?;
        Ok(open)
    }

    fn restrict(&self) -> Result<Open, landlock::RulesetError> {
        let abi = ABI::V4;
        let read = READ.iter().map(PathBuf::from).chain(self.read.iter().cloned());
        // A log's directory may be a link; what it leads to is what the kernel asks for.
        let resolved: Vec<PathBuf> = read.filter_map(|path| path.canonicalize().ok()).collect();
        let open = Open::only(&[resolved.as_slice(), &self.write].concat());
        let mut ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            // No signal to a process that the guard did not start.
            .scope(Scope::Signal)?
            .create()?
            .add_rules(path_beneath_rules(&resolved, AccessFs::from_read(abi)))?
            .add_rules(path_beneath_rules(&self.write, AccessFs::from_all(abi)))?;
        let data: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile;
        for device in DEVICES.iter().filter_map(|path| PathFd::new(path).ok()) {
            ruleset = ruleset.add_rule(PathBeneath::new(device, data))?;
        }
        let status = ruleset.restrict_self()?;
        Ok(if status.ruleset == RulesetStatus::NotEnforced { Open::default() } else { open })
    }
}

/// Nothing that is started may gain another capability. Only who has `CAP_SETPCAP` may say so; with
/// `no_new_privs` nothing is gained anyway.
pub(super) fn lower_bounding_set() {
    for capability in CapabilitySet::all().iter().filter(|capability| *capability != KEEP) {
        if remove_capability_from_bounding_set(capability).is_err() {
            return;
        }
    }
}

fn drop_capabilities() -> rustix::io::Result<()> {
    lower_bounding_set();
    let held = rustix::thread::capabilities(None)?;
    let kept = held.permitted & KEEP;
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)
}
