//! `mailward parsers`: which mail servers are understood.

use super::{Command, format_argument, is_json};
use crate::failure::Failure;
use crate::json::Object;
use crate::terminal::Style;
use clap::ArgMatches;
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "parsers",
    summary: "List the mail servers whose lines are understood",
    about: "Lists every parser with the versions whose lines it was made from and where its grammar comes from.",
    examples: &[("mailward parsers", "a table")],
    arguments: format_argument,
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    if is_json(matches) {
        for parser in ::parse::PARSERS {
            let mut line = String::new();
            let mut object = Object::open(&mut line);
            object
                .text("parser", parser.name.as_bytes())
                .text("versions", parser.versions.as_bytes())
                .text("origin", parser.origin.as_bytes());
            object.close();
            println!("{line}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows = ::parse::PARSERS
        .iter()
        .map(|parser| vec![parser.name.into(), parser.versions.into(), parser.origin.into()]);
    print!("{}", Style::stdout().table(&["parser", "versions", "origin"], rows));
    Ok(ExitCode::SUCCESS)
}
