//! The console's certificate by ACME: a process of its own fetches it, which speaks to the
//! authority, answers its questions, and has no other right; the console reads the file that it
//! leaves.

use super::process::await_guard;
use super::{LOOK_EVERY, When};
use crate::config::Config;
use crate::failure::{Context as _, Failure};
use crate::guard::Starts;
use crate::guard::confine::Confinement;
use crate::guard::{home, identity};
use crate::{print, supervise};
use acme::{AcmeError, Kept, Request, Standing};
use console::TlsFiles;
use edge::clock::{self, Moment};
use event::Timestamp;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The directory in a state directory.
const DIR: &str = "acme";
/// Who holds this file is at it.
const LOCK: &str = "lock";
/// How often it is looked whether another certificate is due, or a try after one that failed.
const DUE_EVERY: Duration = Duration::from_secs(600);
/// How long a process may take to end that is told to.
const END_WITHIN: Duration = Duration::from_secs(2);

/// What a configuration asks of which authority.
///
/// # Errors
/// It names no host names, or a certificate besides.
fn request(config: &Config) -> Result<Option<Request>, Failure> {
    let own = &config.console;
    let Some(directory) = own.acme.directory.clone() else { return Ok(None) };
    if own.certificate.is_some() || own.key.is_some() {
        return Err(Failure::new("console: a certificate, and an authority that issues one")
            .remedy("take console.acme.directory away, or console.certificate and console.key"));
    }
    if own.names.is_empty() {
        return Err(Failure::new("console: a certificate for no name").remedy(
            "say by which names it is asked for, as console.names = [\"mail.example.org\"]",
        ));
    }
    Ok(Some(Request {
        directory,
        signed_by: own.acme.signed_by.clone(),
        email: own.acme.email.clone(),
        names: own.names.clone(),
    }))
}

fn kept(dir: &Path) -> Kept {
    Kept::in_dir(dir.join(DIR))
}

/// Where the certificate will be, where an authority issues it.
///
/// # Errors
/// What is configured contradicts itself.
pub fn files(config: &Config, dir: &Path) -> Result<Option<TlsFiles>, Failure> {
    let file = kept(dir).certificate();
    Ok(request(config)?.map(|_| TlsFiles { certificate: file.clone(), key: file }))
}

/// That no certificate could be fetched lately, and why.
pub fn failed(dir: &Path) -> Option<String> {
    let failures = kept(dir).failures().ok().filter(|failures| failures.count > 0)?;
    let last = Timestamp::from_seconds(failures.last_s);
    let times =
        if failures.count == 1 { "once".to_owned() } else { format!("{} times", failures.count) };
    Some(format!("tried {times} without success, last at {last}: {}", failures.why))
}

/// Fetches a certificate where there is none that is good for long, or with [`When::Now`].
///
/// # Errors
/// Why there is none, and what to do.
pub fn obtain(config: &Config, when: When) -> Result<(), Failure> {
    let Some(request) = request(config)? else {
        return Err(Failure::new("no authority is named that could issue a certificate").remedy(
            "set console.acme.directory and console.names, as `mailward rules --config` tells",
        ));
    };
    let dir = config.state_dir()?;
    if when == When::InTime && !await_guard(&dir, || false) {
        return Ok(());
    }
    home::keep_private();
    // While it may be had: it wants a right that is given up next.
    let listener = acme::listen(config.console.acme.listen);
    identity::become_owner(&dir)
        .context(|| format!("becoming the owner of {}", dir.display()))
        .map_err(|failure| failure.remedy("start the guard first: mailward up"))?;
    if when == When::InTime {
        // Who becomes another user has to ask again.
        supervise::end_with_parent()?;
    }
    let kept = kept(&dir);
    let Some(_lock) = lock(&kept).context(|| kept.dir().display().to_string())? else {
        return match when {
            When::InTime => Ok(()),
            _ => Err(Failure::new("another process asks the authority just now")),
        };
    };
    if !is_wanted(&request, &kept, when)? {
        return Ok(());
    }
    fetch(&request, &kept, listener)
}

/// Nothing where another process has it.
fn lock(kept: &Kept) -> std::io::Result<Option<File>> {
    match DirBuilder::new().mode(0o700).create(kept.dir()) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let file = File::create(kept.dir().join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_wanted(request: &Request, kept: &Kept, when: When) -> Result<bool, Failure> {
    let now_s = clock::now().seconds();
    match kept.standing(request, now_s).map_err(told)? {
        _ if when == When::Now => Ok(true),
        Standing::Good { .. } if when == When::InTime => Ok(false),
        Standing::Good { end_s, renew_s } => {
            let [end, renew] = [end_s, renew_s].map(Timestamp::from_seconds);
            let names = request.names.join(", ");
            print::offer(format_args!(
                "the certificate for {names} is good until {end}; another is asked for from {renew} on, or \
                 now with --now\n"
            ))?;
            Ok(false)
        }
        Standing::Wanted(_) if when == When::Due => Ok(true),
        Standing::Wanted(_) => Ok(!kept.failures().map_err(told)?.holds_at(now_s)),
    }
}

fn fetch(
    request: &Request,
    kept: &Kept,
    listener: Result<TcpListener, AcmeError>,
) -> Result<(), Failure> {
    let read = request.signed_by.iter().cloned().collect();
    let write = vec![kept.dir().to_owned()];
    let starts = Starts::default();
    Confinement { write, read, starts, speaks: true }.put_on()?;
    let obtained = listener.and_then(|listener| acme::obtain(request, kept, listener));
    let now_s = clock::now().seconds();
    if let Err(error) = obtained {
        kept.put_failure(now_s, &error.to_string()).map_err(told)?;
        return Err(told(error));
    }
    if let Standing::Good { end_s, .. } = kept.standing(request, now_s).map_err(told)? {
        let (names, end) = (request.names.join(", "), Timestamp::from_seconds(end_s));
        print::offer(format_args!("a certificate for {names}, good until {end}\n"))?;
        return Ok(());
    }
    Err(Failure::new("the authority's certificate is not the one that was asked for")
        .remedy("see what it is: openssl x509 -text -in acme/console.pem in the state directory"))
}

fn told(error: AcmeError) -> Failure {
    let remedy = match &error {
        AcmeError::File { .. } => "let the owner of the state directory read and write there",
        AcmeError::Listen { .. } => {
            "where a web server has that port, have it pass /.well-known/acme-challenge/ on to \
             another one of loopback, and name that as console.acme.listen"
        }
        AcmeError::Directory { .. } => {
            "see that console.acme.directory is right, and that this host reaches it"
        }
        AcmeError::NotProved { .. } => {
            "have the name lead to this host, and port 80 of it reached from outside: the authority \
             asks there"
        }
        AcmeError::NoHttp01 { .. } => {
            "have another program fetch the certificate, and set console.certificate and console.key"
        }
        AcmeError::Slow => "try again with `mailward console certificate`",
    };
    Failure::new(format!("no certificate: {error}")).remedy(remedy)
}

/// The process that fetches it, started again and again: it knows itself whether something is due.
pub struct Renewals {
    config: Option<PathBuf>,
    process: Option<Child>,
    next: Moment,
}

impl Renewals {
    /// Where an authority is named. What is wrong with it the process tells itself.
    pub fn start(config: &Config, path: Option<&Path>) -> Option<Renewals> {
        config.console.acme.directory.as_ref()?;
        let now = clock::monotonic();
        let mut own = Renewals { config: path.map(Path::to_path_buf), process: None, next: now };
        own.look_after();
        Some(own)
    }

    /// Call it every few seconds.
    pub fn look_after(&mut self) {
        if self.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
            || clock::monotonic() < self.next
        {
            return;
        }
        self.next = clock::monotonic().plus(DUE_EVERY);
        let mut command = Command::new("/proc/self/exe");
        command.arg0("mailward").args(["console", "certificate", "--in-time"]);
        command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC");
        if let Some(path) = &self.config {
            command.arg("--config").arg(path);
        }
        self.process = command
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| {
                print::error_line(format_args!(
                    "mailward: who fetches the certificate cannot be started: {error}"
                ));
            })
            .ok();
    }
}

impl Drop for Renewals {
    fn drop(&mut self) {
        let Some(process) = &mut self.process else { return };
        // Without the right to end another user's process: it ends by itself within minutes.
        let _ = process.kill();
        let until = clock::monotonic().plus(END_WITHIN);
        while matches!(process.try_wait(), Ok(None)) && clock::monotonic() < until {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
