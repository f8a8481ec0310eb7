//! What went wrong, where, and what to do: printed once, by `main`.

use event::Text;
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
        // A file's name or what somebody else's error quotes may hold anything.
        for (number, line) in self.what.split('\n').enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(out, "{end}{}", Text(line.as_bytes()))?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_safe_to_show() {
        let failure = Failure::new("a\u{1b}[31m.log: no such file\n  b").remedy("name another");
        let shown = "a\\u{1b}[31m.log: no such file\n  b\n  what to do: name another";
        assert_eq!(failure.to_string(), shown);
    }
}
