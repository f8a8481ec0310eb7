//! `mailward completions`: for shells, and man pages, from the table of commands.

use super::{Command, program};
use crate::failure::{Context as _, Failure};
use clap::{Arg, ArgMatches};
use clap_complete::Shell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "completions",
    summary: "Print completions for a shell, or write the man pages",
    about: "Prints the completion script for a shell to standard output; with --man, writes a man page for mailward \
            and for each command into a directory.",
    examples: &[
        ("mailward completions bash > /etc/bash_completion.d/mailward", "completions for bash"),
        ("mailward completions --man /usr/local/share/man/man1", "man pages"),
    ],
    arguments: |command| {
        command
            .arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .value_parser(clap::value_parser!(Shell))
                    .required_unless_present("man")
                    .help("The shell"),
            )
            .arg(
                Arg::new("man")
                    .long("man")
                    .value_name("DIRECTORY")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("Write the man pages there"),
            )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    if let Some(directory) = matches.get_one::<PathBuf>("man") {
        man_pages(directory)?;
    }
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut program(), "mailward", &mut script);
        print!("{}", String::from_utf8_lossy(&script));
    }
    Ok(ExitCode::SUCCESS)
}

fn man_pages(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).context(|| directory.display().to_string())?;
    clap_mangen::generate_to(program(), directory).context(|| directory.display().to_string())
}
