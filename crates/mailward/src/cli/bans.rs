//! `mailward bans`: what holds now.

use super::{Command, config, config_argument, format_argument, is_json, running};
use crate::failure::Failure;
use crate::json;
use crate::recover::{failure, reader};
use crate::story::{data, proposal};
use crate::terminal::{self, Style, Tone, wrapped};
use clap::{Arg, ArgMatches};
use edge::clock;
use event::{Decision, Mode, Timestamp};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "bans",
    summary: "List the decisions that hold",
    about: "Lists every decision that holds, from the journal: also while no guard runs. Says where they would hold \
            only, because the guard observes. Below stands what is proposed for accounts and senders and is left to a \
            person (with --format json objects of the type proposal). `mailward why SUBJECT` tells the story of one.",
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
    let config = config(matches)?;
    let dir = config.state_dir()?;
    let journal = reader(&dir)?;
    let mut holds = journal.holds().map_err(failure)?;
    let running = running(&dir);
    let now = running.as_ref().and_then(time_of).unwrap_or_else(clock::now);
    holds.retain(|decision| {
        decision.mode == Mode::Enforce && decision.until.is_none_or(|until| until > now)
    });
    let mut proposals = proposal::standing(&journal, None, now)?;
    let enforcing = match &running {
        Some(status) => status["enforcing"].as_bool().unwrap_or(true),
        None => config.mode == Mode::Enforce,
    };
    if is_json(matches) {
        for decision in &mut holds {
            if !enforcing {
                decision.mode = Mode::Observe;
            }
            let mut line = String::new();
            json::decision(&mut line, decision);
            println!("{line}");
        }
        for decision in &proposals {
            println!("{}", data::proposal(decision));
        }
        return Ok(ExitCode::SUCCESS);
    }
    holds.sort_by_key(|decision| std::cmp::Reverse(decision.at));
    let limit = matches.get_one::<usize>("limit").copied().unwrap_or(200);
    print!("{}", heading(enforcing, holds.is_empty()));
    print!("{}", table(Style::stdout(), &holds, now, limit));
    proposals.sort_by_key(|decision| std::cmp::Reverse(decision.at));
    print!("{}", proposed(Style::stdout(), &proposals, now, limit));
    if running.is_none() && !holds.is_empty() {
        println!("\nNo guard runs now: this is what its journal holds.");
    }
    Ok(ExitCode::SUCCESS)
}

/// The time of day as the guard reckons it: a clock that was set just now is not believed yet.
fn time_of(status: &serde_json::Value) -> Option<Timestamp> {
    terminal::time(status["now"].as_str()?)
}

/// What is said before the table.
const fn heading(enforcing: bool, is_empty: bool) -> &'static str {
    match (enforcing, is_empty) {
        (true, true) => "Nobody is banned.\n",
        (true, false) => "",
        (false, true) => "Nobody would be banned.\n",
        (false, false) => "These would be banned. The guard observes: nothing is dropped.\n\n",
    }
}

/// What is proposed for accounts and senders, and not done.
fn proposed(style: Style, proposals: &[Decision], now: Timestamp, limit: usize) -> String {
    if proposals.is_empty() {
        return String::new();
    }
    let title = "Proposed, and not done by mailward: `mailward why NAME` has the lines to type";
    format!(
        "\n{}\n{}",
        style.paint(Tone::Warning, &wrapped(title, style.width().unwrap_or(100).into())),
        table(style, proposals, now, limit)
    )
}

fn table(style: Style, holds: &[Decision], now: Timestamp, limit: usize) -> String {
    if holds.is_empty() {
        return String::new();
    }
    let rows = holds.iter().take(limit).map(|decision| {
        vec![
            decision.subject.to_string(),
            decision.measure.to_string(),
            decision.rule.to_string(),
            terminal::local(decision.at),
            terminal::still(decision.until, now),
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
