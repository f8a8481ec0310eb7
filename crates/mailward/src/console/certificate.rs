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
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// The directory in a state directory.
const DIR: &str = "acme";
/// Where some systems have what resolves names, and whom they trust, by links that lead elsewhere
/// than who is confined may read.
const READ: [&str; 4] =
    ["/etc/resolv.conf", "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"];
/// How often it is looked whether another certificate is due, or a try after one that failed.
const DUE_EVERY: Duration = Duration::from_secs(300);
/// How long a process may take to end that is told to.
const END_WITHIN: Duration = Duration::from_secs(2);

/// What a configuration asks of which authority.
///
/// # Errors
/// It names no host names, or such as no authority can prove, or a certificate besides.
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
    let names = own.names.iter().map(|name| host_name(name)).collect::<Result<_, _>>()?;
    let acme = &own.acme;
    let (signed_by, email) = (acme.signed_by.clone(), acme.email.clone());
    Ok(Some(Request { directory, signed_by, email, names }))
}

/// A name as certificates have it (RFC 5280, 4.2.1.6).
fn host_name(name: &str) -> Result<String, Failure> {
    let own = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let is_address = own.parse::<IpAddr>().is_ok();
    if own.is_empty() || is_address || !own.bytes().all(is_fine) {
        return Err(Failure::new(format!("console: no certificate can be had for {name}")).remedy(
            "have host names in console.names, no addresses and no *; write one with other letters as \
             xn--...",
        ));
    }
    Ok(own)
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

/// That no certificate could be fetched at the last try, and why.
pub fn failed(dir: &Path) -> Option<String> {
    let failures = kept(dir).failures().ok().filter(|failures| failures.count > 0)?;
    let last = Timestamp::from_seconds(failures.last_s);
    let times =
        if failures.count == 1 { "once".to_owned() } else { format!("{} times", failures.count) };
    Some(format!("tried {times} without success, last at {last}: {}", failures.why))
}

/// Whether what is configured contradicts itself, for who tries a configuration out.
///
/// # Errors
/// It does.
pub fn check(config: &Config) -> Result<(), Failure> {
    request(config).map(drop)
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
    if when == When::InTime {
        supervise::end_with_parent()?;
        await_guard(&dir, || false);
    }
    home::keep_private();
    let kept = kept(&dir);
    if !identity::as_guard(|| is_wanted(&request, &kept, when))? {
        return Ok(());
    }
    // While it may be had: it wants a right that is given up next.
    let listener = acme::listen(config.console.acme.listen);
    confine(&dir, &kept, &request, when)?;
    let Some(_lock) = kept.lock().map_err(told)? else {
        return match when {
            When::InTime => Ok(()),
            _ => Err(Failure::new("another process asks the authority just now")),
        };
    };
    // Another process may have fetched it meanwhile.
    match when == When::InTime && !is_wanted(&request, &kept, when)? {
        true => Ok(()),
        false => fetch(&request, &kept, listener),
    }
}

/// Becomes the owner of the state directory, and gives up all but its part of it.
fn confine(dir: &Path, kept: &Kept, request: &Request, when: When) -> Result<(), Failure> {
    identity::become_owner(dir)
        .context(|| format!("becoming the owner of {}", dir.display()))
        .map_err(|failure| failure.remedy("start the guard first: mailward up"))?;
    if when == When::InTime {
        // Who becomes another user has to ask again.
        supervise::end_with_parent()?;
    }
    own_directory(kept.dir()).context(|| kept.dir().display().to_string())?;
    let read = READ.iter().map(PathBuf::from).chain(request.signed_by.clone()).collect();
    let write = vec![kept.dir().to_owned()];
    Confinement { write, read, starts: Starts::default(), speaks: true }.put_on().map(drop)
}

/// Makes it where it is not there; a link is none.
fn own_directory(dir: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made,
    }
    match dir.symlink_metadata()?.is_dir() {
        true => Ok(()),
        false => Err(std::io::Error::from(ErrorKind::NotADirectory)),
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
    let now_s = clock::now().seconds();
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => {
            // Nobody was asked; it is told again after a while, not every few minutes.
            kept.put_failure(now_s, &error.to_string()).map_err(told)?;
            return Err(told(error));
        }
    };
    let end_s = acme::obtain(request, kept, listener, now_s).map_err(told)?;
    let (names, end) = (request.names.join(", "), Timestamp::from_seconds(end_s));
    print::offer(format_args!("a certificate for {names}, good until {end}\n")).map(drop)
}

fn told(error: AcmeError) -> Failure {
    let remedy = match &error {
        AcmeError::File { .. } => "let the owner of the state directory read and write there",
        AcmeError::Listen { error, .. } if error.kind() == ErrorKind::PermissionDenied => {
            "a port below 1024 needs CAP_NET_BIND_SERVICE: run `systemctl edit mailward`, and add the \
             lines `[Service]` and `CapabilityBoundingSet=CAP_NET_BIND_SERVICE`"
        }
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
        AcmeError::Slow { .. } => "try again with `mailward console certificate`",
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
        let words = ["console", "certificate", "--in-time"];
        self.process = supervise::own_program(&words, self.config.as_deref())
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
