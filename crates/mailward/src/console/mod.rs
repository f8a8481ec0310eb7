//! The console's process: it serves pages, reads the journal, and orders over the guard's control
//! socket. It has no privilege, and if it dies the guard goes on.

mod host;
mod process;

pub use process::{Child, serve};

use crate::config::Config;
use crate::failure::Failure;
use console::{Options, TlsFiles};
use std::path::Path;

/// The console's socket in a state directory.
pub const SOCKET: &str = "console.sock";

/// What a configuration asks for.
///
/// # Errors
/// Certificate and key do not belong together.
pub fn options(config: &Config, dir: &Path) -> Result<Options, Failure> {
    let own = &config.console;
    let tls = match (&own.certificate, &own.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
        }
        _ => {
            return Err(Failure::new("console: a certificate without a key, or a key without one")
                .remedy("set both console.certificate and console.key, or neither"));
        }
    };
    Ok(Options {
        listen: own.listen.clone(),
        socket: Some(dir.join(SOCKET)),
        dir: dir.to_owned(),
        tls,
        names: own.names.clone(),
        is_open: own.open,
        is_recorded: false,
        any_port: false,
    })
}
