//! `mailward why`: the story of a subject, or of what a detector found last.

use super::{Command, config, config_argument, format_argument, is_json, subject_argument};
use crate::failure::Failure;
use crate::story::why;
use crate::terminal::Style;
use clap::{Arg, ArgMatches};
use std::process::ExitCode;

/// Records that are shown where nobody said how many.
const SHOWN_MAX: usize = 20;
const SHOWN_MAX_JSON: usize = 200;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "why",
    summary: "Tell the story of an address, a network, an account, a sender, a host or a cohort",
    about: "Tells what a subject did, what was found and decided, what holds now, how far each score is from its \
            threshold, and what would have changed it; of an account where it is at home, who failed on it, who got \
            in, what it sent, and what is proposed with the lines that do it and undo it. The name of a detector \
            stands for the latest cohort that it found: who took part, what they share, which accounts they tried, \
            who got in. A name is an account; sender:NAME and host:NAME are a sender and a host. Works from the \
            journal alone while no guard runs.",
    examples: &[
        ("mailward why 203.0.113.9", "lines, findings, decisions, scores"),
        (
            "mailward why bob@example.org --limit 50",
            "the story of an account and its newest fifty records",
        ),
        ("mailward why distributed-guessing", "the latest cohort that the detector found"),
        ("mailward why sender:bob@example.net", "what is on record about a sender"),
    ],
    arguments: |command| {
        let help = "An address, a network, an account, sender:NAME, host:NAME, or a detector";
        let command = subject_argument(command, help);
        config_argument(format_argument(command)).arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(clap::value_parser!(usize))
                .help("The newest N records (default: 20, or 200 with --format json)"),
        )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir = config(matches)?.state_dir()?;
    let text = matches.get_one::<String>("subject").cloned().unwrap_or_default();
    let json = is_json(matches);
    let shown_max = if json { SHOWN_MAX_JSON } else { SHOWN_MAX };
    let limit = matches.get_one::<usize>("limit").copied().unwrap_or(shown_max);
    let style = (!json).then(Style::stdout);
    let told = why::tell(&dir, &text, limit, style)?;
    print!("{}", told.text);
    told.losses.iter().for_each(|loss| eprintln!("mailward: {loss}"));
    Ok(ExitCode::SUCCESS)
}
