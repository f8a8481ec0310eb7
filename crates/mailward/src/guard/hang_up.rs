//! SIGHUP to a guard without a parent. It asks for the configuration to be read anew, which needs a
//! new start: the privileges that a start takes are given up, and starting a program, be it this
//! one, ends the process (`filter.rs`). So the guard ends with a failure, and who started it starts
//! it again: systemd takes an end with 0, or by this signal, for one that was wanted.

use crate::config;
use crate::failure::Failure;
use crate::supervise::arrived;
use rustix::event::{PollFd, PollFlags};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// What is known to answer SIGHUP.
pub(super) struct HangUp {
    signals: UnixStream,
    /// A terminal that is closed says so by SIGHUP.
    at_terminal: bool,
    /// The configuration, where it was named.
    config: Option<PathBuf>,
}

impl HangUp {
    pub(super) fn begin(config: Option<PathBuf>) -> Result<Self, Failure> {
        Ok(HangUp {
            signals: super::signals(&[signal_hook::consts::SIGHUP])?,
            at_terminal: std::io::stdout().is_terminal(),
            config,
        })
    }

    pub(super) fn poll<'a>(&'a self, descriptors: &mut Vec<PollFd<'a>>) {
        descriptors.push(PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN));
    }

    /// How the guard is to end, where it is to. A configuration with errors is told, and the one
    /// before stays in force.
    pub(super) fn asked(&self) -> Option<Result<(), Failure>> {
        if !arrived(&self.signals) {
            return None;
        }
        if self.at_terminal {
            return Some(Ok(()));
        }
        if let Err(failure) = config::load(self.config.as_deref())
            && !self.is_closed()
        {
            crate::print::error_line(format_args!(
                "mailward up: the configuration before stays in force: {failure}"
            ));
            return None;
        }
        let what = "SIGHUP: this guard reads a new configuration at its start only";
        Some(Err(Failure::new(what).remedy("start it again; systemd does")))
    }

    /// Whether the configuration is kept from this process, which says nothing of what is in it.
    fn is_closed(&self) -> bool {
        let file = self.config.as_deref().unwrap_or(Path::new(config::DEFAULT_FILE));
        File::open(file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    }
}
