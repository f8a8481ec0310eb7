//! `mailward reference`: the pages that are made from the tables, for the documentation's build.

use super::{COMMANDS, Command};
use crate::config::reference as configuration;
use crate::failure::Failure;
use clap::{Arg, ArgMatches};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "reference",
    summary: "Print a page of the documentation",
    about: "Prints what the documentation takes from the program's tables.",
    examples: &[("mailward reference example", "a configuration file with every key")],
    arguments: |command| {
        command.arg(Arg::new("page").value_name("PAGE").required(true).value_parser([
            "configuration",
            "example",
            "commands",
            "detectors",
        ]))
    },
    run,
    hidden: true,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let page = match matches.get_one::<String>("page").map(String::as_str) {
        Some("configuration") => configuration::page(),
        Some("example") => configuration::example(),
        Some("detectors") => configuration::detectors(),
        _ => commands(),
    };
    print!("{page}");
    Ok(ExitCode::SUCCESS)
}

fn commands() -> String {
    let mut out = String::new();
    for command in COMMANDS.iter().filter(|command| !command.hidden) {
        out.push_str(&format!(
            "\n## mailward {}\n\n{}\n\n```console\n",
            command.name, command.about
        ));
        for (line, what) in command.examples {
            out.push_str(&format!("# {what}\n$ {line}\n"));
        }
        out.push_str("```\n");
    }
    out
}
