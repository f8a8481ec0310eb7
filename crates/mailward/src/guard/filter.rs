//! The system calls that the guard, and what it starts, must not make (seccomp(2)).
//!
//! What the guard itself needs is little, but `journalctl` and the hook inherit the filter, and
//! what they call changes from release to release. So it is a list of what is refused: what nobody
//! who reads logs has a use for ends the process (SIGSYS, which the parent reports and the kernel's
//! audit names), what ordinary programs try and do without fails with `EPERM`. Where the guard
//! starts no program, both end it, and so does starting one.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;

/// What is started from the guard, as configured.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Starts {
    /// `journalctl`, which needs nothing but files.
    pub journalctl: bool,
    /// A hook, which may speak to other hosts.
    pub hook: bool,
}

impl Starts {
    const fn any(self) -> bool {
        self.journalctl || self.hook
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Puts the filter on, for this thread and all that it starts. `speaks`: it may open connections to
/// other hosts.
///
/// # Errors
/// What failed, where the kernel or the processor knows no such filter.
pub fn put_on(starts: Starts, speaks: bool) -> Result<(), String> {
    let failed = |error: BackendError| error.to_string();
    // Who asks for an address has the C library try what it is configured to.
    let refuse = if starts.any() || speaks {
        SeccompAction::Errno(libc::EPERM as u32)
    } else {
        SeccompAction::KillProcess
    };
    let programs = [
        // `clone3` hides its flags in memory; the C library goes back to `clone` when told that
        // there is no such call.
        build(only(&[libc::SYS_clone3]), SeccompAction::Errno(libc::ENOSYS as u32)),
        build(refused(starts, speaks).map_err(failed)?, refuse),
        build(only(FORBIDDEN), SeccompAction::KillProcess),
    ];
    for program in programs {
        seccompiler::apply_filter(&program?).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn build(mut rules: Rules, action: SeccompAction) -> Result<BpfProgram, String> {
    let processor = std::env::consts::ARCH;
    let target =
        processor.try_into().map_err(|_| format!("no filter for the processor {processor}"))?;
    #[cfg(target_arch = "x86_64")]
    rules.extend(x32(&rules));
    SeccompFilter::new(rules, SeccompAction::Allow, action, target)
        .and_then(TryInto::try_into)
        .map_err(|error: BackendError| error.to_string())
}

/// The same calls by the numbers of the x32 form, which the kernel takes for the same processor.
#[cfg(target_arch = "x86_64")]
fn x32(rules: &Rules) -> Rules {
    const X32: i64 = 0x4000_0000;
    // Those that have other numbers there (arch/x86/entry/syscalls/syscall_64.tbl).
    const OTHERS: [(i64, i64); 6] = [
        (libc::SYS_execve, 520),
        (libc::SYS_ptrace, 521),
        (libc::SYS_kexec_load, 528),
        (libc::SYS_process_vm_readv, 539),
        (libc::SYS_process_vm_writev, 540),
        (libc::SYS_execveat, 545),
    ];
    rules
        .iter()
        .map(|(number, rules)| {
            let other = OTHERS.iter().find(|(usual, _)| usual == number);
            (other.map_or(*number, |(_, other)| *other) | X32, rules.clone())
        })
        .collect()
}

fn only(numbers: &[i64]) -> Rules {
    numbers.iter().map(|number| (*number, Vec::new())).collect()
}

fn when(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, BackendError> {
    let conditions: Result<Vec<SeccompCondition>, BackendError> = conditions
        .iter()
        .map(|(argument, operator, value)| {
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
        })
        .collect();
    SeccompRule::new(conditions?)
}

/// What is refused besides [`FORBIDDEN`].
fn refused(starts: Starts, speaks: bool) -> Result<Rules, BackendError> {
    use SeccompCmpOp::{MaskedEq, Ne};
    let mut rules = only(REFUSED);
    let local = (0, Ne, libc::AF_UNIX as u64);
    let mut families = vec![local];
    if starts.hook || speaks {
        families.extend([(0, Ne, libc::AF_INET as u64), (0, Ne, libc::AF_INET6 as u64)]);
    }
    rules.insert(libc::SYS_socket, vec![when(&families)?]);
    let mut clones = Vec::new();
    for flag in NAMESPACES {
        clones.push(when(&[(0, MaskedEq(*flag as u64), *flag as u64)])?);
    }
    if !starts.any() {
        clones.push(when(&[(0, MaskedEq(libc::CLONE_THREAD as u64), 0)])?);
        rules.extend(only(STARTING));
    }
    // The C library asks for addresses by code that it loads.
    if !starts.any() && !speaks {
        for number in [libc::SYS_mmap, libc::SYS_mprotect] {
            let code = libc::PROT_EXEC as u64;
            rules.insert(number, vec![when(&[(2, MaskedEq(code), code)])?]);
        }
    }
    rules.insert(libc::SYS_clone, clones);
    Ok(rules)
}

/// Namespaces of one's own: the door to most of the kernel's faults.
const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Starts another program, or another process.
const STARTING: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

/// Ordinary programs try these and go on without.
const REFUSED: &[i64] = &[
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_syslog,
    libc::SYS_chroot,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
];

/// Nobody who reads logs has a use for these.
const FORBIDDEN: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_bpf,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // By it CAP_DAC_READ_SEARCH reaches files that Landlock keeps away.
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];
