//! `mailward reference`: the generated pages of the documentation, from the tables of keys.

use super::Command;
use crate::config::reference;
use crate::failure::Failure;
use clap::{Arg, ArgMatches};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "reference",
    summary: "Print a generated page of the documentation",
    about: "Prints the reference of all configuration keys as Markdown, or a configuration file with every key at \
            its default, commented out. `cargo xtask doc` writes both where they belong.",
    examples: &[
        ("mailward reference configuration", "the tables of docs/configuration.md"),
        ("mailward reference example", "a configuration file to begin with"),
    ],
    arguments: |command| {
        command.arg(
            Arg::new("page")
                .value_name("PAGE")
                .value_parser(["configuration", "example"])
                .required(true)
                .help("Which one"),
        )
    },
    run,
    hidden: true,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    match matches.get_one::<String>("page").map(String::as_str) {
        Some("example") => print!("{}", reference::example()),
        _ => print!("{}", reference::page()),
    }
    Ok(ExitCode::SUCCESS)
}
