//! `mailward parsers`: which mail servers are understood.

use super::{Command, config, config_argument, flag, format_argument, is_json};
use crate::failure::Failure;
use crate::guard::CLOCK;
use crate::json::Object;
use crate::recover::{failure, reader};
use crate::terminal::{Style, count};
use clap::{Arg, ArgMatches};
use event::Text;
use std::process::ExitCode;
use store::{Sample, Source};

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "parsers",
    summary: "List the mail servers whose lines are understood",
    about: "Lists every parser with the versions whose lines it was made from and where its grammar comes from. With \
            --unknown: what each source of the guard's journal brought, and the latest lines that no parser knew.",
    examples: &[
        ("mailward parsers", "a table"),
        ("mailward parsers --unknown", "the gaps: shares by source, and lines to report"),
    ],
    arguments: |command| {
        config_argument(format_argument(command))
            .arg(flag(
                "unknown",
                "Show how much of each source is understood, and the unknown lines",
            ))
            .arg(
                Arg::new("limit")
                    .long("limit")
                    .value_name("N")
                    .value_parser(clap::value_parser!(usize))
                    .default_value("20")
                    .help("With --unknown: the newest N lines"),
            )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    if matches.get_flag("unknown") {
        return gaps(matches);
    }
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

/// What is not understood, by the journal.
fn gaps(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let limit = matches.get_one::<usize>("limit").copied().unwrap_or(20);
    let reader = reader(&config(matches)?.state_dir()?)?;
    let mut sources = reader.sources().map_err(failure)?;
    sources.retain(|source| source.name != CLOCK);
    let mut samples = reader.samples(limit).map_err(failure)?;
    samples.reverse();
    if is_json(matches) {
        sources.iter().for_each(|source| println!("{}", source_json(source)));
        samples.iter().for_each(|sample| println!("{}", sample_json(sample)));
        return Ok(ExitCode::SUCCESS);
    }
    let rows = sources.iter().map(|source| {
        let counts = source.counts;
        let share =
            |lines: u64| format!("{:.2} %", lines as f64 * 100.0 / counts.lines.max(1) as f64);
        vec![
            Text::from(&*source.name).to_string(),
            count(counts.lines),
            share(counts.events),
            share(counts.noise),
            share(counts.unknown),
        ]
    });
    print!("{}", Style::stdout().table(&["source", "lines", "events", "noise", "unknown"], rows));
    if samples.is_empty() {
        println!("\nNo line that no parser knows is on record.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("\nThe latest of them (mailward walk 'LINE' shows each step):");
    for sample in &samples {
        println!("{}: {}: {}", Text::from(&*sample.source), sample.why, Text(&sample.line));
    }
    Ok(ExitCode::SUCCESS)
}

fn source_json(source: &Source) -> String {
    let mut line = String::new();
    let mut object = Object::open(&mut line);
    object
        .shown("type", "source")
        .text("source", source.name.as_bytes())
        .plain("lines", source.counts.lines)
        .plain("events", source.counts.events)
        .plain("noise", source.counts.noise)
        .plain("unknown", source.counts.unknown);
    object.close();
    line
}

fn sample_json(sample: &Sample) -> String {
    let mut line = String::new();
    let mut object = Object::open(&mut line);
    object
        .shown("type", "sample")
        .text("source", sample.source.as_bytes())
        .plain("line", sample.seq)
        .text("why", sample.why.as_bytes())
        .text("text", &sample.line);
    object.close();
    line
}
