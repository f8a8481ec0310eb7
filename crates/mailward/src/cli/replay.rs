//! `mailward replay`: what would have been found and decided.

use super::parse::written;
use super::{Command, config, config_argument, flag, format_argument, input_arguments, is_json};
use crate::failure::Failure;
use crate::json;
use crate::replay::Replay;
use crate::seed;
use crate::summary;
use crate::terminal::Style;
use clap::{Arg, ArgMatches};
use engine::Output;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "replay",
    summary: "Show what would have been found and decided",
    about: "Reads logs through the parsers and the engine, as a running guard would, and says who would have been \
            banned, why, and who of them had ever logged in. Nothing is changed. Several logs are merged by time.",
    examples: &[
        ("mailward replay /var/log/mail.log", "the backtest of yesterday"),
        (
            "mailward replay --format json mail.log.1 mail.log",
            "one JSON object a line, in event-time order",
        ),
        ("mailward replay --config strict.toml mail.log", "with other thresholds"),
        ("mailward replay /srv/logs", "all logs of a directory, of whatever servers, as one story"),
    ],
    arguments: |command| {
        format_argument(input_arguments(config_argument(command)))
            .arg(flag("all", "Also write the ends of decisions and evictions"))
            .arg(flag("totals", "Sum up logins, messages and probes in the JSON form, too"))
            .arg(
                Arg::new("limit")
                    .long("limit")
                    .value_name("N")
                    .value_parser(clap::value_parser!(usize))
                    .default_value("10")
                    .help("Decisions shown in the human form"),
            )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let config = config(matches)?;
    let json = is_json(matches);
    let all = matches.get_flag("all");
    let dir = config.state_dir().ok();
    let engine = seed::under(dir.as_deref(), config.engine);
    let mut replay = Replay::open(matches, engine, &config.source.web_files, &config.geo_files)?;
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut text = String::new();
    let mut take = |output: &Output| {
        text.clear();
        if json && line(&mut text, output, all) {
            written(out.write_all(text.as_bytes()))?;
        }
        Ok(())
    };
    let outcome = replay.run(&mut take)?;
    if json {
        text.clear();
        summary::json(&mut text, &outcome);
        written(out.write_all(text.as_bytes()))?;
    } else {
        let limit = matches.get_one::<usize>("limit").copied().unwrap_or(10);
        written(out.write_all(summary::show(Style::stdout(), &outcome, limit).as_bytes()))?;
    }
    written(out.flush())?;
    match outcome.failure {
        Some(failure) => Err(failure),
        // What was not read is told in the summary.
        None if outcome.is_short => Ok(ExitCode::FAILURE),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn line(text: &mut String, output: &Output, all: bool) -> bool {
    match output {
        Output::Finding(finding) => json::finding(text, finding),
        Output::Decision(decision) => json::decision(text, decision),
        Output::Expiry(expiry) if all => json::expiry(text, expiry),
        Output::Evicted(evicted) if all => json::evicted(text, evicted),
        _ => return false,
    }
    text.push('\n');
    true
}
