//! The parent of the guard and the enforcer: starts both, ends both, and starts both again when
//! one dies. It reads nothing that a stranger wrote.
//!
//! They are started together because the guard, once it has given up its privileges, could not
//! start an enforcer. The kernel keeps its bans meanwhile.

use crate::config::Config;
use crate::failure::{Context as _, Failure};
use crate::print;
use edge::clock::{self, Moment};
use event::Network;
use signal_hook::consts::SIGCHLD;
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Restarts closer together than this are slowed down.
const QUICK: Duration = Duration::from_secs(10);
/// How often the surroundings are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The file in the state directory that tells the guard who is never banned.
const SURROUNDINGS: &str = "surroundings";
/// More of it are not read.
const TOLD_MAX: usize = 4096;
/// The longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a child may take to end.
const END_WITHIN: Duration = Duration::from_secs(20);
/// Restarts right after the first start that are given up: the cause was told then.
const TRIES_AT_START: u32 = 1;

struct Pair {
    guard: Child,
    enforcer: Child,
}

/// What a user without root, or without nftables, can do.
pub fn remedy() -> &'static str {
    if rustix::process::geteuid().is_root() {
        "load the kernel module nf_tables, or run where it is"
    } else {
        "run as root (sudo mailward up) to have attackers banned"
    }
}

/// Runs both until SIGINT or SIGTERM.
pub fn run(path: Option<&Path>, config: &Config) -> Result<(), Failure> {
    let state = config.state_dir();
    let signals = crate::guard::signals(&crate::guard::ENDING)?;
    let deaths = crate::guard::signals(&[SIGCHLD])?;
    let mut pause = Duration::ZERO;
    let mut starts = 0;
    loop {
        let began = clock::monotonic();
        tell(&state);
        let mut pair = start(path)?;
        starts += 1;
        let ended = watch(&mut pair, &state, &signals, &deaths)?;
        let guard_status = end(&mut pair)?;
        let Some((which, status)) = ended else { return outcome(guard_status) };
        let lived = clock::monotonic().since(began);
        // Who ended by itself said why, and would again; who was killed would not have ended.
        if lived < QUICK && starts <= TRIES_AT_START && status.code().is_some() {
            return Err(Failure::new(format!(
                "the {which} ended right after its start ({status})"
            ))
            .remedy("see what it said above"));
        }
        pause = if lived < QUICK {
            (pause * 2 + Duration::from_secs(1)).min(PAUSE_MAX)
        } else {
            Duration::ZERO
        };
        print::error_line(format_args!(
            "mailward up: the {which} ended ({status}); starting again; bans in the kernel stay"
        ));
        if sleep(&signals, pause) {
            return Ok(());
        }
    }
}

fn outcome(status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("the guard ended with {status}")).remedy("see what it said above"))
}

fn start(config: Option<&Path>) -> Result<Pair, Failure> {
    let (ours, theirs) = socketpair().context(|| "a socket pair".to_owned())?;
    let enforcer =
        child("enforcer", None, theirs).context(|| "starting the enforcer".to_owned())?;
    match child("guard", config, ours) {
        Ok(guard) => Ok(Pair { guard, enforcer }),
        Err(error) => {
            let mut enforcer = enforcer;
            let _ = enforcer.kill();
            let _ = enforcer.wait();
            Err(Failure::new(format!("starting the guard: {error}")))
        }
    }
}

/// The socket between the two: datagrams that keep their order and their bounds.
fn socketpair() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

fn child(name: &str, config: Option<&Path>, socket: OwnedFd) -> std::io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("mailward").arg(name).stdin(Stdio::from(socket));
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    command.spawn()
}

/// Writes down who is never banned, for the guard to read: this process can still see which
/// connections belong to administrators. What cannot be written is told by the guard's own look.
fn tell(state: &Path) {
    let networks = crate::guard::surroundings().protected();
    let text: String = networks.iter().map(|network| format!("{network}\n")).collect();
    let path = state.join(SURROUNDINGS);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return;
    }
    let new = state.join(format!("{SURROUNDINGS}.new"));
    let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state);
    let _ = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path));
}

/// What the parent wrote down; nothing where there is no parent.
pub fn told(state: &Path) -> Vec<Network> {
    let text = std::fs::read_to_string(state.join(SURROUNDINGS)).unwrap_or_default();
    text.lines().take(TOLD_MAX).filter_map(|line| line.parse().ok()).collect()
}

/// Waits for a signal (`None`) or for the end of one of the two (its name, and how).
fn watch(
    pair: &mut Pair,
    state: &Path,
    signals: &UnixStream,
    deaths: &UnixStream,
) -> Result<Option<(&'static str, ExitStatus)>, Failure> {
    loop {
        for (child, name) in [(&mut pair.guard, "guard"), (&mut pair.enforcer, "enforcer")] {
            let status = child.try_wait().context(|| format!("waiting for the {name}"))?;
            if let Some(status) = status {
                return Ok(Some((name, status)));
            }
        }
        if wait(&[signals, deaths], LOOK_EVERY) && arrived(signals) {
            return Ok(None);
        }
        tell(state);
        arrived(deaths);
    }
}

/// Ends both: the guard in its own time (it commits), the enforcer by losing its socket.
fn end(pair: &mut Pair) -> Result<ExitStatus, Failure> {
    // Where it ended already, its number may be another's by now.
    let runs = pair.guard.try_wait().context(|| "waiting for the guard".to_owned())?.is_none();
    if runs && let Some(pid) = rustix::process::Pid::from_raw(pair.guard.id().cast_signed()) {
        // It may have got the terminal's signal itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let status = wait_or_kill(&mut pair.guard)?;
    wait_or_kill(&mut pair.enforcer)?;
    Ok(status)
}

fn wait_or_kill(child: &mut Child) -> Result<ExitStatus, Failure> {
    let deadline = clock::monotonic().plus(END_WITHIN);
    loop {
        if let Some(status) = child.try_wait().context(|| "waiting for a process".to_owned())? {
            return Ok(status);
        }
        if clock::monotonic() >= deadline {
            let _ = child.kill();
            return child.wait().context(|| "waiting for a process".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// True where a signal came before the time was over.
fn sleep(signals: &UnixStream, pause: Duration) -> bool {
    let until: Moment = clock::monotonic().plus(pause);
    while clock::monotonic() < until {
        if wait(&[signals], until.since(clock::monotonic())) && arrived(signals) {
            return true;
        }
    }
    false
}

fn wait(on: &[&UnixStream], at_most: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut descriptors: Vec<PollFd<'_>> =
        on.iter().map(|socket| PollFd::new(*socket, PollFlags::IN)).collect();
    let timeout = Timespec {
        tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(60),
        tv_nsec: i64::from(at_most.subsec_nanos()),
    };
    poll(&mut descriptors, Some(&timeout)).is_ok_and(|ready| ready > 0)
}

/// True where a signal came; takes it.
pub fn arrived(mut signals: &UnixStream) -> bool {
    let mut bytes = [0; 64];
    match signals.read(&mut bytes) {
        Ok(count) => count > 0,
        Err(error) => {
            error.kind() != ErrorKind::WouldBlock && error.kind() != ErrorKind::Interrupted
        }
    }
}
