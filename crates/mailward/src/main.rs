//! The program: see `mailward::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailward::cli::main()
}
