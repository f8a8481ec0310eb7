//! `mailward unban`: an operator ends what holds.

use super::{Command, config, config_argument, reason_argument, subject_argument};
use crate::control::{self, Request};
use crate::failure::Failure;
use crate::subject;
use clap::ArgMatches;
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "unban",
    summary: "End a ban and forget the subject's scores",
    about: "Asks the running guard to end every decision that holds for a subject. Scores and offences of the \
            subject are forgotten, so that it starts anew; `mailward allow` is for those who must never be banned.",
    examples: &[(
        "mailward unban 203.0.113.9 --reason customer-called",
        "let the address in again",
    )],
    arguments: |command| {
        config_argument(reason_argument(subject_argument(
            command,
            "An address, a network or an account",
        )))
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let text = matches.get_one::<String>("subject").cloned().unwrap_or_default();
    let answer = control::order(
        &config(matches)?.state_dir()?,
        &Request::Unban {
            subject: subject::read(&text)?.to_string(),
            reason: matches.get_one::<String>("reason").cloned().unwrap_or_default(),
        },
    )?;
    println!("{}", answer.text);
    Ok(ExitCode::SUCCESS)
}
