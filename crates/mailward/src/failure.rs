//! What went wrong, where, and what to do: printed once, by `main`.

use std::fmt;
use std::process::ExitCode;

/// A failure of the program, with its remedy.
#[derive(Debug)]
pub struct Failure {
    /// What failed, and where.
    pub what: String,
    /// What the reader can do about it.
    pub remedy: Option<String>,
    /// 1 for a failure, 2 for wrong usage.
    pub code: u8,
}

impl Failure {
    /// A failure at run time (exit code 1).
    pub fn new(what: impl Into<String>) -> Self {
        Failure { what: what.into(), remedy: None, code: 1 }
    }

    /// Wrong usage (exit code 2).
    pub fn usage(what: impl Into<String>) -> Self {
        Failure { what: what.into(), remedy: None, code: 2 }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.what)?;
        if let Some(remedy) = &self.remedy {
            write!(out, "\n  what to do: {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Adds what was being done to somebody else's error.
pub trait Context<T> {
    /// `context: error`.
    fn context(self, context: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn context(self, context: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{}: {error}", context())))
    }
}
