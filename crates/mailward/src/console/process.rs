//! Starting the console as a process of its own, and what that process does.

use super::host::Guarded;
use super::options;
use crate::config::Config;
use crate::control;
use crate::failure::{Context as _, Failure};
use crate::guard::Starts;
use crate::guard::confine::Confinement;
use crate::print;
use crate::supervise;
use console::Console;
use console::access::{LINK_S, Role};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Threads that read the journal for pages.
const READERS: usize = 3;
/// The name of whoever comes by the link that is printed at the start.
const FIRST: &str = "admin";
/// How long it may take to end.
const END_WITHIN: Duration = Duration::from_secs(5);
/// How often a guard that begins is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A console that runs beside this process, and ends with it.
pub struct Child(std::process::Child);

impl Child {
    /// Starts one where the configuration wants it. What is wrong with it the console tells itself.
    pub fn start(config: &Config, path: Option<&Path>, is_recorded: bool) -> Option<Child> {
        if config.console.listen.is_empty() {
            return None;
        }
        let mut command = Command::new("/proc/self/exe");
        command.arg0("mailward").args(["console", "serve"]).stdin(Stdio::piped());
        command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC");
        if let Some(path) = path {
            command.arg("--config").arg(path);
        }
        if is_recorded {
            command.arg("--recorded");
        }
        match command.spawn() {
            Ok(child) => Some(Child(child)),
            Err(error) => {
                print::error_line(format_args!("mailward: the console cannot be started: {error}"));
                None
            }
        }
    }

    /// True where it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The end of its standard input is the word to end: a signal to another user's process
        // needs a capability.
        drop(self.0.stdin.take());
        for _ in 0..END_WITHIN.as_millis() / LOOK_EVERY.as_millis() {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves until this process is asked to end.
///
/// # Errors
/// The console cannot listen, or may not.
pub fn serve(config: &Config, is_recorded: bool) -> Result<(), Failure> {
    supervise::end_with_parent()?;
    let signals = crate::guard::signals(&crate::guard::ENDING)?;
    let dir = config.state_dir()?;
    // The guard makes the state directory, and says whose it is.
    while !control::socket_path(&dir).exists() {
        if is_asked_to_end(&signals) {
            return Ok(());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    crate::guard::home::keep_private();
    crate::guard::identity::become_owner(&dir)
        .context(|| format!("becoming the owner of {}", dir.display()))?;
    let mut options = options(config, &dir)?;
    (options.is_recorded, options.any_port) = (is_recorded, is_recorded);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS)
        .build()
        .context(|| "the console's threads".to_owned())?;
    runtime.block_on(async {
        let host = Arc::new(Guarded::in_dir(dir.clone()));
        let console = Console::listen(options, host)
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        // While sockets could still be had; from here on it reads what strangers send.
        confine(config, &dir)?;
        announce(&console)?;
        console.serve(ended(&signals)).await;
        Ok(())
    })
}

/// Gives up what it does not need: other sockets than those it listens on, all files but its own.
fn confine(config: &Config, dir: &Path) -> Result<(), Failure> {
    let files = [&config.console.certificate, &config.console.key];
    // A renewed certificate may be another file in the same directory, and certbot's are links to
    // files in another one.
    let places =
        files.into_iter().flatten().flat_map(|file| [Some(file.clone()), file.canonicalize().ok()]);
    let read = places.flatten().map(|file| crate::guard::directory_of(&file)).collect();
    let write = vec![dir.to_owned()];
    Confinement { write, read, starts: Starts::default() }.put_on().map(drop)
}

/// Says where it is; to the first who comes, with a link that signs in.
fn announce(console: &Console) -> Result<(), Failure> {
    let Some(url) = console.url() else { return Ok(()) };
    let access = console.access();
    let told = |error: console::access::AccessError| Failure::new(error.to_string());
    let is_first = access.has_no_user().map_err(told)?;
    let text = if is_first {
        let path = access.link(FIRST, Role::Operator, LINK_S).map_err(told)?;
        format!(
            "console: {url}{path}\n         (signs in once, within 15 minutes; `mailward console link` makes another)"
        )
    } else {
        format!("console: {url}")
    };
    print::offer(format_args!("{text}\n")).map(drop)
}

/// Done when this process is asked to end: by a signal, or because who started it is gone.
async fn ended(signals: &UnixStream) {
    while !is_asked_to_end(signals) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Nothing is ever written to its standard input, so that only its end can be read there.
fn is_asked_to_end(signals: &UnixStream) -> bool {
    let stdin = std::io::stdin();
    let mut asked = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let is_over = poll(&mut asked, Some(&at_once)).is_ok_and(|ready| ready > 0);
    is_over || supervise::arrived(signals)
}
