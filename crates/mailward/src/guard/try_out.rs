//! Whether a configuration that was read could start a guard: what a start needs of this host,
//! tried without changing anything. What is tried here, the start itself does by the same
//! functions.
//!
//! A port that another process has is found at the start only: who asks may be who has it.

use super::{home, identity::User, start};
use crate::config::{Config, Syslog};
use crate::failure::{Context as _, Failure};
use edge::source::{SyslogError, SyslogOptions, SyslogTls};
use edge::stamp::Zone;
use edge::surroundings::{LogPlace, Surroundings};
use std::path::{Path, PathBuf};

/// Tries all of it.
///
/// # Errors
/// Why a guard with this configuration would end at once, and what to do.
pub fn try_out(config: &Config) -> Result<(), Failure> {
    zone(config)?;
    syslog(config)?;
    #[cfg(feature = "console")]
    crate::console::check(config)?;
    state_dir(config)?;
    let found = start::surroundings();
    something_to_read(config, &found, &start::places(config, &found))
}

/// The zone of times in the logs that name none.
pub fn zone(config: &Config) -> Result<Zone, Failure> {
    if config.source.zone.is_empty() {
        return Ok(Zone::local());
    }
    Zone::named(&config.source.zone).map_err(|error| Failure::new(format!("source.zone: {error}")))
}

/// How syslog of other hosts is received, where that is configured. The files of TLS are of use.
pub fn syslog(config: &Config) -> Result<Option<SyslogOptions>, Failure> {
    let Syslog { listen, peers, connections_max, certificate, key, senders_ca } =
        &config.source.syslog;
    if listen.is_empty() {
        return Ok(None);
    }
    if peers.is_empty() {
        return Err(Failure::new("source.syslog.listen is set, and source.syslog.peers is empty")
            .remedy("list the addresses that may send syslog, for nobody else is read"));
    }
    let connections_max = usize::try_from(*connections_max).unwrap_or(usize::MAX);
    let tls = certificate.clone().zip(key.clone()).map(|(certificate, key)| SyslogTls {
        certificate,
        key,
        senders_ca: senders_ca.clone(),
    });
    let options = SyslogOptions { peers: peers.clone(), connections_max, tls };
    options.check(listen).map_err(|error| no_syslog(&error))?;
    Ok(Some(options))
}

/// Why syslog cannot be received, and what to do.
pub fn no_syslog(error: &SyslogError) -> Failure {
    let remedy = match error {
        SyslogError::Address(..) => {
            "name an address of this host and a port that is free; a port below 1024 needs \
             CAP_NET_BIND_SERVICE in the unit's CapabilityBoundingSet"
        }
        SyslogError::File { .. } => {
            "name readable PEM files in source.syslog.certificate, source.syslog.key and, where \
             senders show certificates, source.syslog.senders_ca"
        }
        SyslogError::NoCertificate(_) => "set source.syslog.certificate and source.syslog.key",
    };
    Failure::new(format!("source.syslog.listen: {error}")).remedy(remedy)
}

/// The state directory, which is one, or can be made.
pub fn state_dir(config: &Config) -> Result<PathBuf, Failure> {
    let dir = config.state_dir()?;
    if dir.exists() {
        // It may be another user's, to whom it was given: only who makes it needs to write here.
        home::open(&dir, User::find().map(|user| user.uid()), User::is_known)?;
    } else {
        writable(&dir)?;
    }
    Ok(dir)
}

/// Whether the state directory, or the nearest of its parents that is there, can be written.
pub fn writable(dir: &Path) -> Result<(), Failure> {
    let there = dir.ancestors().find(|path| path.exists()).unwrap_or(dir);
    rustix::fs::access(there, rustix::fs::Access::WRITE_OK)
        .context(|| dir.display().to_string())
        .map_err(|failure| failure.remedy("name a directory that can be written: state.dir"))
}

/// Whether any line can come from anywhere.
pub fn something_to_read(
    config: &Config,
    found: &Surroundings,
    places: &[LogPlace],
) -> Result<(), Failure> {
    let source = &config.source;
    let elsewhere =
        !source.syslog.listen.is_empty() || source.dnstap.is_some() || source.containers.is_some();
    if places.is_empty() && !elsewhere { Err(nothing_to_read(found)) } else { Ok(()) }
}

fn nothing_to_read(found: &Surroundings) -> Failure {
    let mut what = "nothing to guard by: no log of a mail server was found".to_owned();
    if found.servers.is_empty() {
        what.push_str(", and no mail server that is understood here is installed or running");
    }
    for lack in &found.lacks {
        what.push_str(&format!("\n  {lack}"));
    }
    Failure::new(what).remedy(
        "install a mail server, or name its log with source.files in the configuration; \
         `mailward up --demo` shows a recorded hostile day without one",
    )
}
