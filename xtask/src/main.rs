//! `cargo xtask COMMAND`: the chores of this repository, the same at the desk and in CI.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    xtask::run(&arguments)
}
