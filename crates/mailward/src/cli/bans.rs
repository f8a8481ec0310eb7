//! `mailward bans`: what holds now.

use super::{Command, config, config_argument, format_argument, is_json};
use crate::failure::Failure;
use crate::json;
use crate::recover::{failure, reader};
use crate::terminal::{self, Style};
use clap::{Arg, ArgMatches};
use edge::clock;
use event::{Decision, Mode};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "bans",
    summary: "List the decisions that hold",
    about: "Lists every decision that holds, from the journal: also while no guard runs. `mailward why SUBJECT` tells \
            the story of one.",
    examples: &[
        ("mailward bans", "a table, the newest first"),
        ("mailward bans --format json", "one JSON object a line"),
    ],
    arguments: |command| {
        config_argument(format_argument(command)).arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(clap::value_parser!(usize))
                .default_value("200")
                .help("Rows of the table"),
        )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir = config(matches)?.state_dir()?;
    let mut holds = reader(&dir)?.holds().map_err(failure)?;
    let now = clock::now();
    holds.retain(|decision| {
        decision.mode == Mode::Enforce && decision.until.is_none_or(|until| until > now)
    });
    if is_json(matches) {
        for decision in &holds {
            let mut line = String::new();
            json::decision(&mut line, decision);
            println!("{line}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    holds.sort_by_key(|decision| std::cmp::Reverse(decision.at));
    let limit = matches.get_one::<usize>("limit").copied().unwrap_or(200);
    print!("{}", table(Style::stdout(), &holds, limit));
    Ok(ExitCode::SUCCESS)
}

fn table(style: Style, holds: &[Decision], limit: usize) -> String {
    if holds.is_empty() {
        return "Nobody is banned.\n".to_owned();
    }
    let now = clock::now();
    let rows = holds.iter().take(limit).map(|decision| {
        let left = decision.until.map_or_else(
            || "until lifted".to_owned(),
            |until| terminal::duration(until.seconds() - now.seconds()),
        );
        vec![
            decision.subject.to_string(),
            decision.measure.to_string(),
            decision.rule.to_string(),
            terminal::local(decision.at),
            left,
            decision.offence.to_string(),
        ]
    });
    let mut text = style.table(&["subject", "measure", "rule", "since", "still", "offence"], rows);
    if holds.len() > limit {
        text.push_str(&format!(
            "... and {} more: --limit {} shows them\n",
            holds.len() - limit,
            holds.len()
        ));
    }
    text
}
