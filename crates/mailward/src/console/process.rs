//! Starting the console as a process of its own, and what that process does.

use super::host::Guarded;
use super::renewal::{self, Giver, Word};
use super::{LOOK_EVERY, certificate, named_files, options};
use crate::config::Config;
use crate::control;
use crate::failure::{Context as _, Failure};
use crate::guard::Starts;
use crate::guard::confine::Confinement;
use crate::print;
use crate::supervise;
use console::access::{LINK_S, Role};
use console::{Console, Options, Tls};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Threads that read the journal for pages.
const READERS: usize = 3;
/// The name of whoever comes by the link that is printed at the start.
const FIRST: &str = "admin";
/// How long it may take to end.
const END_WITHIN: Duration = Duration::from_secs(5);
/// The longest wait for a word; it is heard at once.
const HEAR_AGAIN: Duration = Duration::from_secs(3600);

/// A console that runs beside this process, and ends with it.
pub struct Child {
    process: std::process::Child,
    /// Gone when it is to end.
    giver: Option<Giver>,
}

impl Child {
    /// Starts one where the configuration wants it. What is wrong with it the console tells itself.
    /// One that is alone has nobody who calls [`Child::look_after`].
    pub fn start(
        config: &Config,
        path: Option<&Path>,
        is_recorded: bool,
        is_alone: bool,
    ) -> Option<Child> {
        if config.console.listen.is_empty() {
            return None;
        }
        let mut command = supervise::own_program(&["console", "serve"], path);
        for (flag, _) in
            [("--recorded", is_recorded), ("--alone", is_alone)].iter().filter(|it| it.1)
        {
            command.arg(flag);
        }
        // One that was fetched is in the state directory, which is the console's own.
        let started = Giver::of(named_files(config).ok().flatten()).and_then(|(giver, theirs)| {
            let process = command.stdin(Stdio::from(theirs)).spawn()?;
            Ok(Child { process, giver: Some(giver) })
        });
        started
            .map_err(|error| {
                print::error_line(format_args!("mailward: the console cannot be started: {error}"));
            })
            .ok()
    }

    /// Hands a renewed certificate over: call it every few seconds.
    pub fn look_after(&mut self) {
        self.giver.iter_mut().for_each(Giver::look);
    }

    /// True where it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The end of its standard input is the word to end: a signal to another user's process
        // needs a capability.
        drop(self.giver.take());
        for _ in 0..END_WITHIN.as_millis() / LOOK_EVERY.as_millis() {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until this process is asked to end.
///
/// # Errors
/// The console cannot listen, or may not.
pub fn serve(config: &Config, is_recorded: bool, is_alone: bool) -> Result<(), Failure> {
    supervise::end_with_parent()?;
    let signals = crate::guard::signals(&crate::guard::ENDING)?;
    let dir = config.state_dir()?;
    let is_asked = || is_asked_to_end(&signals);
    if !await_guard(&dir, is_asked) {
        return Ok(());
    }
    let Some(mut options) = begun(config, &dir, is_alone, is_asked)? else { return Ok(()) };
    let tls = options.tls.clone();
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
        console.serve(ended(signals, tls)).await;
        Ok(())
    })
}

/// Becomes who it is to be, and reads the certificate; nothing where it is to end before there is
/// one.
fn begun(
    config: &Config,
    dir: &Path,
    is_alone: bool,
    is_asked_to_end: impl Fn() -> bool,
) -> Result<Option<Options>, Failure> {
    crate::guard::home::keep_private();
    let become_owner = || {
        crate::guard::identity::become_owner(dir)
            .context(|| format!("becoming the owner of {}", dir.display()))?;
        if is_alone {
            tell_of_renewals(config);
        }
        Ok(())
    };
    let Some(fetched) = certificate::files(config, dir)? else {
        // A key that only root can read is read now, and after that no more.
        let options = options(config, dir)?;
        return become_owner().map(|()| Some(options));
    };
    become_owner()?;
    match is_there_before(&fetched.certificate, is_asked_to_end) {
        true => options(config, dir).map(Some),
        false => Ok(None),
    }
}

/// Waits for the guard, which makes the state directory and says whose it is; false where it is to
/// end before.
pub fn await_guard(dir: &Path, is_asked_to_end: impl Fn() -> bool) -> bool {
    is_there_before(&control::socket_path(dir), is_asked_to_end)
}

fn is_there_before(path: &Path, is_asked_to_end: impl Fn() -> bool) -> bool {
    while !path.exists() {
        if is_asked_to_end() {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    true
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
    Confinement { write, read, starts: Starts::default(), speaks: false }.put_on().map(drop)
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

/// Says so where nobody will see a renewed certificate, or fetch one.
fn tell_of_renewals(config: &Config) {
    if config.console.acme.directory.is_some() {
        print::error_line(format_args!(
            "mailward: console: who may not change the kernel fetches no certificate\n  \
             what to do: have a timer run `mailward console certificate` every day, as the same user"
        ));
    }
    let Ok(Some(files)) = named_files(config) else { return };
    if let Err(why) = files.open() {
        print::error_line(format_args!(
            "mailward: console: the certificate is served as it is now, a renewed one will not be: {why}\n  \
             what to do: let the owner of the state directory read console.certificate and console.key, or \
             start mailward anew after each renewal"
        ));
    }
}

/// Done when this process is asked to end: by a signal, or because who started it is gone. Takes
/// renewed certificates meanwhile.
async fn ended(signals: UnixStream, tls: Option<Arc<Tls>>) {
    let (told, mut words) = mpsc::channel(1);
    let ear = std::thread::Builder::new().name("ear".to_owned());
    if let Err(error) = ear.spawn(move || hear(&signals, &told)) {
        return print::error_line(format_args!("mailward: console: a thread: {error}"));
    }
    while let Some(word) = words.recv().await {
        match (word, &tls) {
            (Word::End, _) => return,
            (Word::Renewed(files), Some(tls)) => {
                let tls = Arc::clone(tls);
                let _ = tokio::task::spawn_blocking(move || tls.take(files)).await;
            }
            _ => {}
        }
    }
}

/// Passes on what is said to this process, up to the word to end.
fn hear(signals: &UnixStream, told: &mpsc::Sender<Word>) {
    let input = std::io::stdin();
    loop {
        supervise::wait(&[signals.as_fd(), input.as_fd()], HEAR_AGAIN);
        let word = match supervise::arrived(signals) {
            true => Word::End,
            false => renewal::heard(&input),
        };
        let is_end = matches!(word, Word::End);
        if told.blocking_send(word).is_err() || is_end {
            return;
        }
    }
}

fn is_asked_to_end(signals: &UnixStream) -> bool {
    matches!(renewal::heard(std::io::stdin()), Word::End) || supervise::arrived(signals)
}
