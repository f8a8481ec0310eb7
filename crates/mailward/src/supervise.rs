//! The parent of the guard and the enforcer: starts both, ends both, and starts both again when
//! one dies. It reads nothing that a stranger wrote.
//!
//! They are started together because the guard, once it has given up its privileges, could not
//! start an enforcer. The kernel keeps its bans meanwhile.

use crate::failure::{Context as _, Failure};
use crate::link::{self, ToGuard, Word};
use crate::notify::Notify;
use crate::print;
use crate::screen::Screen;
use edge::clock::{self, Moment};
use edge::enforce::kernel::KernelError;
use edge::enforce::{EnforceError, EnforcerLock};
use edge::surroundings::MailClient;
use event::Server;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGSYS};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, IsTerminal as _, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Restarts closer together than this are slowed down.
const QUICK: Duration = Duration::from_secs(10);
/// How often the surroundings are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a child may take to end.
const END_WITHIN: Duration = Duration::from_secs(20);
/// Restarts right after the first start that are given up: the cause was told then.
const TRIES_AT_START: u32 = 1;

/// What runs beside the two, and does nothing that they need; dropped, it ends.
pub type Beside = Option<Box<dyn FnMut()>>;
/// Starts it, for the configuration in this file. What it gives is called every few seconds.
pub type StartBeside = fn(Option<&Path>) -> Beside;

/// Why both are ended.
enum Cause {
    /// By a signal that asks for it.
    Asked,
    /// By SIGHUP: the configuration is read anew.
    Renewed,
    /// One of the two ended; which, and how.
    Died(&'static str, ExitStatus),
}

/// What comes to this process from outside.
struct Signals {
    ending: UnixStream,
    hang_up: UnixStream,
    deaths: UnixStream,
    /// A terminal that is closed says so by SIGHUP.
    at_terminal: bool,
}

impl Signals {
    fn begin() -> Result<Self, Failure> {
        Ok(Signals {
            ending: crate::guard::signals(&crate::guard::ENDING)?,
            hang_up: crate::guard::signals(&[SIGHUP])?,
            deaths: crate::guard::signals(&[SIGCHLD])?,
            at_terminal: std::io::stdout().is_terminal(),
        })
    }

    /// What was asked for since the last call. A configuration with errors, or that cannot start,
    /// is told, and the one before stays in force.
    fn asked(&self, config: Option<&Path>, screen: &mut Screen) -> Option<Cause> {
        let hung_up = arrived(&self.hang_up);
        if arrived(&self.ending) || (hung_up && self.at_terminal) {
            return Some(Cause::Asked);
        }
        if !hung_up {
            return None;
        }
        let new = crate::config::load(config);
        match new.and_then(|new| crate::guard::try_out::try_out(&new)) {
            Ok(()) => Some(Cause::Renewed),
            Err(failure) => {
                screen.show(format!(
                    "mailward up: the configuration before stays in force: {failure}\n"
                ));
                None
            }
        }
    }
}

struct Pair {
    guard: Child,
    enforcer: Child,
    link: ToGuard,
    beside: Beside,
}

/// What can be done where the kernel cannot be changed: without root, without the capability (in a
/// container), or without nftables.
pub fn remedy(error: &EnforceError) -> &'static str {
    if !rustix::process::geteuid().is_root() {
        return "run as root (sudo mailward up) to have attackers banned";
    }
    match error {
        EnforceError::Kernel(KernelError::NotPermitted) => {
            "give it CAP_NET_ADMIN (a container: --cap-add NET_ADMIN) to have attackers banned"
        }
        _ => "load the kernel module nf_tables, or run where it is",
    }
}

/// The lock by which a network namespace has one enforcer. One that is about to end is waited for.
pub fn lock() -> Result<EnforcerLock, Failure> {
    let lock = EnforcerLock::take(END_WITHIN / 4).map_err(|error| {
        Failure::new(error.to_string()).remedy(
            "one guard reads all logs of a host: stop that one, or have this one observe, with \
             mode = \"observe\" and a state.dir of its own",
        )
    })?;
    if !lock.is_held() {
        print::error_line(format_args!(
            "mailward: another user has the socket @mailward-enforcer, by which a second guard is noticed; going on \
             without (`ss -xlp` names the process)"
        ));
    }
    Ok(lock)
}

/// Has the kernel end this process when its parent ends: alone it could not be started again, and
/// its state directory would be taken.
pub fn end_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        .context(|| "the signal for the parent's end".to_owned())
}

/// Runs both until SIGINT or SIGTERM; SIGHUP has the configuration read anew.
pub fn run(path: Option<&Path>, lock: &EnforcerLock, beside: StartBeside) -> Result<(), Failure> {
    let signals = Signals::begin()?;
    let mut notify = Notify::from_environment();
    // A terminal that stands still must not keep a dead guard from being started again.
    let mut screen = Screen::on(std::io::stderr()).context(|| "a thread".to_owned())?;
    let mut pause = Duration::ZERO;
    let mut starts = 0;
    loop {
        let began = clock::monotonic();
        let mut pair = start(path, beside)?;
        starts += 1;
        let cause = watch(&mut pair, path, lock, &signals, &mut notify, &mut screen)?;
        if matches!(cause, Cause::Asked) {
            notify.stopping();
        }
        let guard_status = end(pair)?;
        let (which, status) = match cause {
            Cause::Asked => return outcome(guard_status),
            Cause::Renewed => {
                screen.show("mailward up: starting with a new configuration\n".to_owned());
                continue;
            }
            Cause::Died(which, status) => (which, status),
        };
        let lived = clock::monotonic().since(began);
        // Who ended by itself said why, and would again; who was killed would not have ended.
        if lived < QUICK && starts <= TRIES_AT_START && status.code().is_some_and(|code| code != 0)
        {
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
        screen.show(format!(
            "mailward up: the {which} ended ({status}{}); starting again; bans in the kernel stay\n",
            forbidden(status)
        ));
        notify.alive(&format!("the {which} ended; starting again"));
        if sleep(&signals.ending, pause) {
            return Ok(());
        }
    }
}

/// What a process did that its system call filter ended.
fn forbidden(status: ExitStatus) -> &'static str {
    if status.signal() == Some(SIGSYS) {
        ": it made a system call that it must not make; `journalctl -k | grep type=1326` names it"
    } else {
        ""
    }
}

fn outcome(status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("the guard ended with {status}")).remedy("see what it said above"))
}

fn start(config: Option<&Path>, beside: StartBeside) -> Result<Pair, Failure> {
    let (ours, theirs) = link::pair().context(|| "a socket pair".to_owned())?;
    let (up, down) = link::pair().context(|| "a socket pair".to_owned())?;
    let mut link = ToGuard::begin(up, &ours).context(|| "a socket pair".to_owned())?;
    drop(ours);
    let enforcer =
        child("enforcer", None, theirs).context(|| "starting the enforcer".to_owned())?;
    link.tell(crate::guard::surroundings().protected());
    match child("guard", config, down) {
        Ok(guard) => Ok(Pair { guard, enforcer, link, beside: beside(config) }),
        Err(error) => {
            let mut enforcer = enforcer;
            let _ = enforcer.kill();
            let _ = enforcer.wait();
            Err(Failure::new(format!("starting the guard: {error}")))
        }
    }
}

fn child(name: &str, config: Option<&Path>, socket: OwnedFd) -> std::io::Result<Child> {
    own_program(&[name], config).stdin(Stdio::from(socket)).spawn()
}

/// Another process of this program, which does not speak to systemd.
pub fn own_program(words: &[&str], config: Option<&Path>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("mailward").args(words);
    command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC");
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    command
}

/// Waits for a signal, or for the end of one of the two. Meanwhile tells the guard who is not to be
/// banned: this process sees the connections of administrators.
fn watch(
    pair: &mut Pair,
    config: Option<&Path>,
    lock: &EnforcerLock,
    signals: &Signals,
    notify: &mut Notify,
    screen: &mut Screen,
) -> Result<Cause, Failure> {
    let mut look_at = clock::monotonic().plus(LOOK_EVERY);
    let mut ready = false;
    let mut clients = BTreeSet::new();
    loop {
        if let Some((which, status)) = ended(pair)? {
            return Ok(Cause::Died(which, status));
        }
        for word in pair.link.hear() {
            match word {
                Word::Ready => {
                    ready = true;
                    notify.ready();
                }
                Word::Alive(status) => notify.alive(&status),
            }
        }
        let due = look_at.since(clock::monotonic());
        if due.is_zero() {
            look_at = clock::monotonic().plus(LOOK_EVERY);
            pair.beside.iter_mut().for_each(|look_after| look_after());
            lock.answer();
            let surroundings = crate::guard::surroundings();
            pair.link.tell(surroundings.protected());
            let seen: BTreeSet<MailClient> = surroundings.mail_clients.into_iter().collect();
            let mut came: BTreeMap<Option<Server>, u32> = BTreeMap::new();
            seen.difference(&clients).for_each(|one| *came.entry(one.server).or_default() += 1);
            clients = seen;
            for (server, count) in came {
                pair.link.clients_came(server, count);
            }
            if !ready {
                // A large journal takes its time.
                notify.alive("the journal is being read");
            }
        }
        let Signals { ending, hang_up, deaths, .. } = signals;
        let on = [ending.as_fd(), hang_up.as_fd(), deaths.as_fd(), pair.link.as_fd()];
        if wait(&on, due.max(Duration::from_millis(10)))
            && let Some(cause) = signals.asked(config, screen)
        {
            return Ok(cause);
        }
        arrived(deaths);
    }
}

/// Which of the two ended, and how.
fn ended(pair: &mut Pair) -> Result<Option<(&'static str, ExitStatus)>, Failure> {
    let guard = |child: &mut Child| child.try_wait().context(|| "waiting for the guard".to_owned());
    if let Some(status) = guard(&mut pair.guard)? {
        return Ok(Some(("guard", status)));
    }
    let enforcer = pair.enforcer.try_wait().context(|| "waiting for the enforcer".to_owned())?;
    let Some(status) = enforcer else { return Ok(None) };
    // An enforcer ends well only when the guard is gone, which may be seen a moment later.
    let until = clock::monotonic().plus(Duration::from_secs(1));
    while status.success() && clock::monotonic() < until {
        if let Some(status) = guard(&mut pair.guard)? {
            return Ok(Some(("guard", status)));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Some(("enforcer", status)))
}

/// Ends both: the guard in its own time (it commits), the enforcer by losing its socket.
fn end(pair: Pair) -> Result<ExitStatus, Failure> {
    let Pair { mut guard, mut enforcer, link, beside } = pair;
    drop(beside);
    // Its end is the word to end, for a signal to another user's process needs a capability.
    drop(link);
    let status = wait_or_kill(&mut guard)?;
    wait_or_kill(&mut enforcer)?;
    Ok(status)
}

fn wait_or_kill(child: &mut Child) -> Result<ExitStatus, Failure> {
    let deadline = clock::monotonic().plus(END_WITHIN);
    loop {
        if let Some(status) = child.try_wait().context(|| "waiting for a process".to_owned())? {
            return Ok(status);
        }
        if clock::monotonic() >= deadline {
            child.kill().context(|| "ending a process that does not end".to_owned())?;
            return child.wait().context(|| "waiting for a process".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// True where a signal came before the time was over.
fn sleep(signals: &UnixStream, pause: Duration) -> bool {
    let until: Moment = clock::monotonic().plus(pause);
    while clock::monotonic() < until {
        if wait(&[signals.as_fd()], until.since(clock::monotonic())) && arrived(signals) {
            return true;
        }
    }
    false
}

/// Waits until there is something to read from one of these; false where there was not.
pub fn wait(on: &[BorrowedFd<'_>], at_most: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut descriptors: Vec<PollFd<'_>> =
        on.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
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
