//! The command line: one row of [`COMMANDS`] per command.
//!
//! Help, completions and man pages are made from this table; a test walks it. To add a command:
//! one file here, one row.

mod allow;
mod ban;
mod bans;
mod blocklist;
mod check;
mod completions;
#[cfg(feature = "console")]
mod console;
mod geo;
mod incidents;
mod parse;
mod parsers;
mod process;
mod query;
mod reference;
mod replay;
mod rules;
mod status;
#[cfg(feature = "console")]
mod top;
mod unban;
mod up;
mod walk;
mod why;

use crate::control::{self, Request};
use crate::failure::Failure;
use clap::{Arg, ArgAction, ArgMatches};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A command: a row of [`COMMANDS`].
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// One line for the list of commands.
    pub summary: &'static str,
    /// What it does, for its own help and man page.
    pub about: &'static str,
    /// How it is used: the command, and what it does.
    pub examples: &'static [(&'static str, &'static str)],
    /// Adds its arguments.
    pub arguments: fn(clap::Command) -> clap::Command,
    /// Does it.
    pub run: fn(&ArgMatches) -> Result<ExitCode, Failure>,
    /// Not listed: started by mailward itself, or by its build.
    pub hidden: bool,
}

/// The longest reason of an order, in bytes.
const REASON_MAX: usize = 1_000;

/// All commands, in the order of the help.
pub const COMMANDS: &[&Command] = &[
    &up::COMMAND,
    &parse::COMMAND,
    &replay::COMMAND,
    &status::COMMAND,
    #[cfg(feature = "console")]
    &top::COMMAND,
    &bans::COMMAND,
    &incidents::COMMAND,
    &blocklist::COMMAND,
    &why::COMMAND,
    &ban::COMMAND,
    &unban::COMMAND,
    &allow::COMMAND,
    &check::COMMAND,
    &query::COMMAND,
    #[cfg(feature = "console")]
    &console::COMMAND,
    &parsers::COMMAND,
    &geo::COMMAND,
    &walk::COMMAND,
    &rules::COMMAND,
    &completions::COMMAND,
    &reference::COMMAND,
    &process::GUARD,
    &process::ENFORCER,
];

/// Runs the program and prints a failure once.
pub fn main() -> ExitCode {
    let matches = match program().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are no errors: clap says so by its exit code.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let Some((name, arguments)) = matches.subcommand() else { return ExitCode::from(2) };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return ExitCode::from(2);
    };
    match (command.run)(arguments) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("mailward {name}: {failure}");
            failure.exit_code()
        }
    }
}

/// The whole command line, for parsing, help, completions and man pages.
pub fn program() -> clap::Command {
    let program = clap::Command::new("mailward")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Guards mail servers that face the internet")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(
            "Start with: mailward replay /var/log/mail.log (what would have been decided), then: mailward up",
        );
    COMMANDS.iter().fold(program, |program, command| program.subcommand(subcommand(command)))
}

fn subcommand(command: &Command) -> clap::Command {
    let mut examples = String::new();
    for (line, what) in command.examples {
        examples.push_str(&format!("  {line}\n      {what}\n"));
    }
    let mut clap = clap::Command::new(command.name)
        .about(command.summary)
        .long_about(command.about)
        .hide(command.hidden);
    if !examples.is_empty() {
        clap = clap.after_help(format!("Examples:\n{examples}"));
    }
    (command.arguments)(clap)
}

/// `--config FILE`.
pub fn config_argument(command: clap::Command) -> clap::Command {
    command.arg(
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Configuration file (default: /etc/mailward/mailward.toml where it exists)"),
    )
}

/// `--format human|json`.
pub fn format_argument(command: clap::Command) -> clap::Command {
    command.arg(
        Arg::new("format")
            .long("format")
            .value_name("FORMAT")
            .value_parser(["human", "json"])
            .default_value("human")
            .help("human: for reading; json: one object a line, a contract for tools"),
    )
}

/// `[FILE|-]...`, `--year`, `--tz`: what `parse` and `replay` read.
pub fn input_arguments(command: clap::Command) -> clap::Command {
    command
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .num_args(0..)
                .value_parser(clap::value_parser!(PathBuf))
                .help("Log files, plain, gzip or zstd, or directories of them; - or nothing: standard input"),
        )
        .arg(
            Arg::new("year")
                .long("year")
                .value_name("YEAR")
                .value_parser(clap::value_parser!(i32).range(1970..=9999))
                .help("The year of the first line of each log, for stamps without one (default: the year in which the file ends by its own time)"),
        )
        .arg(
            Arg::new("tz")
                .long("tz")
                .value_name("ZONE")
                .help("The zone of stamps without one: Europe/Vienna, UTC (default: the local zone)"),
        )
}

/// A required subject: `203.0.113.9`, `198.51.100.0/24`, or an account.
pub fn subject_argument(command: clap::Command, help: &'static str) -> clap::Command {
    command.arg(Arg::new("subject").value_name("SUBJECT").required(true).help(help))
}

/// `--reason TEXT`.
pub fn reason_argument(command: clap::Command) -> clap::Command {
    command.arg(
        Arg::new("reason")
            .long("reason")
            .value_name("TEXT")
            .default_value("")
            .value_parser(reason)
            .help("Why, for the audit trail"),
    )
}

fn reason(text: &str) -> Result<String, String> {
    if text.len() > REASON_MAX {
        return Err(format!("longer than {REASON_MAX} bytes"));
    }
    Ok(text.to_owned())
}

/// A flag.
pub fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// The files named, or standard input.
pub fn files(matches: &ArgMatches) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = matches
        .get_many::<PathBuf>("file")
        .map(|files| files.cloned().collect())
        .unwrap_or_default();
    if files.is_empty() { vec![PathBuf::from("-")] } else { files }
}

/// The configuration that `--config` names, or the default one.
pub fn config(matches: &ArgMatches) -> Result<crate::config::Config, Failure> {
    crate::config::load(matches.get_one::<PathBuf>("config").map(PathBuf::as_path))
}

/// What the running guard answers to `status`, where one runs and may be asked.
pub fn running(dir: &Path) -> Option<serde_json::Value> {
    control::ask(dir, &Request::Status).ok().flatten().map(|answer| answer.data)
}

/// True where `--format json` was given.
pub fn is_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>("format").is_some_and(|format| format == "json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        program().debug_assert();
        for command in COMMANDS {
            assert!(
                command.hidden || !command.examples.is_empty(),
                "{} has no example",
                command.name
            );
            assert!(!command.about.is_empty());
            for (line, _) in command.examples {
                let words =
                    line.split_whitespace().take_while(|word| !["|", ">", "<"].contains(word));
                let matches = program().try_get_matches_from(words);
                assert!(matches.is_ok(), "the example does not parse: {line}");
            }
        }
    }
}
