//! Writing to standard output where somebody may have stopped reading.
//!
//! `print!` and `println!` of this crate come through here: those of the standard library panic
//! when the reader went away (`mailward query | head`).

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
    let Err(error) = std::io::stdout().write_fmt(text) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    error_line(format_args!("mailward: standard output: {error}"));
    std::process::exit(1);
}

/// A line to standard error, if anybody reads it.
pub fn error_line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
