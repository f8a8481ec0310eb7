//! Takes from the enforcer's process what it does not need.

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// Why the process could not be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// A capability could not be dropped.
    #[error("cannot drop capabilities")]
    Capabilities(#[source] std::io::Error),
    /// `PR_SET_NO_NEW_PRIVS` failed.
    #[error("cannot set no_new_privs")]
    NoNewPrivileges(#[source] std::io::Error),
    /// There is no filter for this processor.
    #[error("no system call filter for the processor {0}")]
    Processor(&'static str),
    /// The kernel refused the filter.
    #[error("cannot set the system call filter: {0}")]
    Filter(String),
}

/// Confines the calling thread, and those it starts, to what `serve` needs: `CAP_NET_ADMIN`
/// alone, no new privileges, and system calls on what is open already, plus netlink sockets.
///
/// Everything else fails with `EPERM`: no file, no other socket, no other program. Call it before
/// any other thread exists.
///
/// # Errors
/// When the kernel has no seccomp, or the process lacks `CAP_NET_ADMIN`.
pub fn confine_enforcer() -> Result<(), ConfineError> {
    drop_capabilities().map_err(|e| ConfineError::Capabilities(e.into()))?;
    set_no_new_privs(true).map_err(|e| ConfineError::NoNewPrivileges(e.into()))?;
    let filter = filter()?;
    seccompiler::apply_filter(&filter).map_err(|e| ConfineError::Filter(e.to_string()))
}

fn drop_capabilities() -> rustix::io::Result<()> {
    let keep = CapabilitySet::NET_ADMIN;
    for capability in CapabilitySet::all().iter().filter(|c| *c != keep) {
        // The bounding set can only be lowered by who may (CAP_SETPCAP); with no_new_privs and
        // no `execve` in the filter it has no effect any more.
        if remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    let _ = clear_ambient_capability_set();
    let sets =
        CapabilitySets { effective: keep, permitted: keep, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)
}

fn filter() -> Result<BpfProgram, ConfineError> {
    let processor = std::env::consts::ARCH;
    let target = processor.try_into().map_err(|_| ConfineError::Processor(processor))?;
    let failed = |error: seccompiler::BackendError| ConfineError::Filter(error.to_string());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    let only = |argument, operator, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(failed)
    };
    let netlink = only(0, SeccompCmpOp::Eq, libc::AF_NETLINK as u64)?;
    rules.insert(libc::SYS_socket, vec![netlink]);
    for number in [libc::SYS_mmap, libc::SYS_mprotect] {
        let data_only = only(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?;
        rules.insert(number, vec![data_only]);
    }
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, target)
        .and_then(TryInto::try_into)
        .map_err(failed)
}

/// System calls that are allowed with any arguments.
const ALLOWED: &[i64] = &[
    // The loop.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_bind,
    libc::SYS_getsockname,
    libc::SYS_setsockopt,
    libc::SYS_clock_gettime,
    libc::SYS_restart_syscall,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_getrandom,
    // Signals, and the end.
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
];
