//! Built without ACME: nobody fetches a certificate.

use super::When;
use crate::config::Config;
use crate::failure::Failure;
use console::TlsFiles;
use std::path::Path;

/// None is fetched.
///
/// # Errors
/// One is to be.
pub fn files(config: &Config, _: &Path) -> Result<Option<TlsFiles>, Failure> {
    check(config).map(|()| None)
}

/// Whether none is to be fetched.
///
/// # Errors
/// One is.
pub fn check(config: &Config) -> Result<(), Failure> {
    config.console.acme.directory.as_ref().map_or(Ok(()), |_| Err(failure()))
}

/// Nothing was tried.
pub const fn failed(_: &Path) -> Option<String> {
    None
}

/// Nothing can be fetched.
///
/// # Errors
/// Always.
pub fn obtain(_: &Config, _: When) -> Result<(), Failure> {
    Err(failure())
}

fn failure() -> Failure {
    Failure::new("console.acme: this mailward was built without ACME")
        .remedy("build it with --features acme, or set console.certificate and console.key")
}

/// Nothing that could be renewed.
pub enum Renewals {}

impl Renewals {
    /// None.
    pub const fn start(_: &Config, _: Option<&Path>) -> Option<Renewals> {
        None
    }

    /// There is nothing.
    pub const fn look_after(&mut self) {}
}
