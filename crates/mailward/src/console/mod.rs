//! The console's process: it serves pages, reads the journal, and orders over the guard's control
//! socket. It has no privilege, and if it dies the guard goes on.

#[cfg(feature = "acme")]
pub mod certificate;
#[cfg(not(feature = "acme"))]
#[path = "without_acme.rs"]
pub mod certificate;
mod host;
mod process;
mod renewal;

pub use host::Guarded;
pub use process::{Child, serve};

use crate::config::Config;
use crate::failure::Failure;
use console::{Options, Tls, TlsFiles};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The console's socket in a state directory.
pub const SOCKET: &str = "console.sock";
/// How often it is looked for what another process is to do soon.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// When a certificate is fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Where one is due, and the last failure is long enough ago; nothing is said where not.
    InTime,
    /// Where one is due.
    Due,
    /// Whatever there is.
    Now,
}

/// Where certificate and key are, by a person's word or because an authority issues them.
///
/// # Errors
/// What is configured contradicts itself.
fn tls_files(config: &Config, dir: &Path) -> Result<Option<TlsFiles>, Failure> {
    match certificate::files(config, dir)? {
        Some(files) => Ok(Some(files)),
        None => named_files(config),
    }
}

/// Whether what is configured contradicts itself, for who tries a configuration out.
///
/// # Errors
/// It does.
pub fn check(config: &Config) -> Result<(), Failure> {
    certificate::check(config)?;
    named_files(config).map(drop)
}

/// Where a person said that they are.
///
/// # Errors
/// It was said of one of them.
fn named_files(config: &Config) -> Result<Option<TlsFiles>, Failure> {
    match (&config.console.certificate, &config.console.key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsFiles { certificate: certificate.clone(), key: key.clone() }))
        }
        _ => Err(Failure::new("console: a certificate without a key, or a key without one")
            .remedy("set both console.certificate and console.key, or neither")),
    }
}

/// What a configuration asks for. Reads certificate and key: call it before rights are given up.
///
/// # Errors
/// Certificate and key do not belong together, or cannot be read.
pub fn options(config: &Config, dir: &Path) -> Result<Options, Failure> {
    let own = &config.console;
    let read = |files: TlsFiles| {
        Tls::read(&files).map(Arc::new).map_err(|error| {
            Failure::new(format!("console: {error}")).remedy(
                "have console.certificate (with its chain) and console.key (of that certificate) there, and \
                 readable by who starts mailward",
            )
        })
    };
    Ok(Options {
        listen: own.listen.clone(),
        socket: Some(dir.join(SOCKET)),
        dir: dir.to_owned(),
        tls: tls_files(config, dir)?.map(read).transpose()?,
        names: own.names.clone(),
        is_open: own.open,
        is_recorded: false,
        any_port: false,
    })
}
