//! Writing to standard output where somebody may have stopped reading.
//!
//! `print!` and `println!` of this crate come through here: those of the standard library panic
//! when the reader went away (`mailward query | head`).

use crate::failure::Failure;
use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

macro_rules! print {
    ($($part:tt)*) => { $crate::print::out(format_args!($($part)*)) };
}

macro_rules! println {
    () => { $crate::print::out(format_args!("\n")) };
    ($($part:tt)*) => { $crate::print::out(format_args!("{}\n", format_args!($($part)*))) };
}

/// For a command: a reader that went away ends it, and that is no failure; nothing else can be
/// done for it. What cannot be written for another cause (a full disk) is a failure.
pub fn out(text: Arguments<'_>) {
    match offer(text) {
        Ok(true) => {}
        Ok(false) => std::process::exit(0),
        Err(failure) => {
            error_line(format_args!("mailward: {failure}"));
            std::process::exit(1);
        }
    }
}

/// For a command that has something to clean up: false where the reader went away.
pub fn offer(text: Arguments<'_>) -> Result<bool, Failure> {
    match std::io::stdout().write_fmt(text) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(format!("standard output: {error}"))),
    }
}

/// A line to standard error, if anybody reads it.
pub fn error_line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
