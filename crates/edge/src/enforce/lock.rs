//! One enforcer in a network namespace: two with different desired states would undo each other's
//! bans for ever.
//!
//! The lock is an abstract name of a unix socket: such names belong to the network namespace, as
//! the packet filter does, and end with the process. Anybody may take a name, so a holder who can
//! be no enforcer is not heeded: no local user keeps the enforcer away.

use crate::clock;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept, bind, connect, listen,
    socket_with, sockopt,
};
use rustix::process::{Pid, geteuid};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The abstract name of the lock.
pub const LOCK_NAME: &[u8] = b"mailward-enforcer";
/// Those who may ask who the holder is until it [answers](EnforcerLock::answer).
pub const ASKERS_MAX: i32 = 128;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Held while it lives.
#[derive(Debug)]
pub struct EnforcerLock {
    /// None where a stranger has the name.
    socket: Option<OwnedFd>,
}

/// Why the lock is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another enforcer holds it.
    #[error("another guard drives the packet filter of this network namespace{}", of(*.process))]
    Held {
        /// The process that holds it, where this one can see it.
        process: Option<i32>,
    },
    /// The socket failed.
    #[error("the lock of the enforcer: {0}")]
    Socket(std::io::Error),
}

fn of(process: Option<i32>) -> String {
    process.map_or_else(String::new, |process| format!(" (the process {process})"))
}

/// Who has the name.
enum Holder {
    /// Who may drive an enforcer: the process, where it can be seen.
    Enforcer(Option<i32>),
    /// Nobody who does: another user than root and this one, or one who does not answer.
    Stranger,
}

impl EnforcerLock {
    /// Takes it, or waits up to so long for one who is about to end.
    ///
    /// # Errors
    /// When another enforcer goes on holding it.
    pub fn take(patience: Duration) -> Result<EnforcerLock, LockError> {
        let begun = clock::monotonic();
        let failed = |error: Errno| LockError::Socket(error.into());
        loop {
            let is_over = clock::monotonic().since(begun) >= patience;
            if let Some(socket) = bound().map_err(failed)? {
                return Ok(EnforcerLock { socket: Some(socket) });
            }
            if is_over {
                return match holder().map_err(failed)? {
                    Holder::Enforcer(process) => Err(LockError::Held { process }),
                    Holder::Stranger => Ok(EnforcerLock { socket: None }),
                };
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Lets those go who asked for the holder: the kernel has told them. To be called now and then,
    /// for when too many wait, nobody else is told.
    pub fn answer(&self) {
        let Some(socket) = &self.socket else { return };
        for _ in 0..ASKERS_MAX {
            if accept(socket).is_err() {
                return;
            }
        }
    }

    /// False where somebody who can be no enforcer has the name: then nothing keeps a second one
    /// away.
    pub const fn is_held(&self) -> bool {
        self.socket.is_some()
    }
}

fn socket() -> Result<(OwnedFd, SocketAddrUnix), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok((socket, SocketAddrUnix::new_abstract_name(LOCK_NAME)?))
}

/// The name, where it is free.
fn bound() -> Result<Option<OwnedFd>, Errno> {
    let (socket, name) = socket()?;
    match bind(&socket, &name) {
        Ok(()) => {
            listen(&socket, ASKERS_MAX)?;
            Ok(Some(socket))
        }
        Err(Errno::ADDRINUSE) => Ok(None),
        Err(error) => Err(error),
    }
}

fn holder() -> Result<Holder, Errno> {
    let (socket, name) = socket()?;
    match connect(&socket, &name) {
        Ok(()) => {}
        Err(Errno::CONNREFUSED | Errno::AGAIN) => return Ok(Holder::Stranger),
        Err(error) => return Err(error),
    }
    let holder = sockopt::socket_peercred(&socket)?;
    if !holder.uid.is_root() && holder.uid != geteuid() {
        return Ok(Holder::Stranger);
    }
    // The kernel says 0 for a process of another process namespace.
    Ok(Holder::Enforcer(Some(Pid::as_raw(Some(holder.pid))).filter(|process| *process > 0)))
}
