//! `mailward replay`: what would have been found and decided.

use super::parse::written;
use super::{Command, config, config_argument, flag, format_argument, input_arguments, is_json};
use crate::failure::Failure;
use crate::json::{self, Object};
use crate::replay::{Activity, Outcome, Replay};
use crate::seed;
use crate::terminal::{self, Style};
use clap::{Arg, ArgMatches};
use engine::Output;
use event::{Mode, Server, Subject, Text, Vocabulary};
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
            .arg(
                Arg::new("limit")
                    .long("limit")
                    .value_name("N")
                    .value_parser(clap::value_parser!(usize))
                    .default_value("40")
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
    let mut replay = Replay::open(matches, engine, &config.source.web_files)?;
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
        json_summary(&mut text, &outcome);
        written(out.write_all(text.as_bytes()))?;
    } else {
        let limit = matches.get_one::<usize>("limit").copied().unwrap_or(40);
        written(out.write_all(report(Style::stdout(), &outcome, limit).as_bytes()))?;
    }
    written(out.flush())?;
    match outcome.failure {
        Some(failure) => Err(failure),
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

fn json_summary(text: &mut String, outcome: &Outcome) {
    let tally = &outcome.tally;
    let mut object = Object::open(text);
    object
        .shown("type", "summary")
        .plain("lines", tally.lines)
        .plain("parsed", tally.parsed())
        .plain("events", tally.events)
        .plain("hostile", tally.hostile)
        .plain("noise", tally.noise)
        .plain("unknown", tally.unknown)
        .plain("foreign", tally.foreign)
        .plain("unframed", tally.unframed)
        .plain("findings", outcome.findings)
        .plain("decisions", outcome.decisions)
        .plain("seconds", format!("{:.3}", outcome.seconds));
    object.close();
    text.push('\n');
}

fn report(style: Style, outcome: &Outcome, limit: usize) -> String {
    let mut text = format!("{}\n", outcome.tally);
    text.push_str(&format!(
        "{} findings, {} decisions in {:.1} s\n",
        terminal::count(outcome.findings),
        terminal::count(outcome.decisions),
        outcome.seconds
    ));
    text.push_str(&told_of(style, outcome));
    if !outcome.rules.is_empty() {
        text.push('\n');
        let rows =
            outcome.rules.iter().map(|(rule, count)| vec![rule.clone(), terminal::count(*count)]);
        text.push_str(&style.table(&["rule", "decisions"], rows));
    }
    if !outcome.kept.is_empty() {
        text.push('\n');
        let rows = outcome.kept.iter().take(limit).map(|kept| {
            let decision = &kept.decision;
            let known = if kept.logged_in { "had logged in" } else { "" }.to_owned();
            let length = decision.until.map_or_else(
                || "for ever".to_owned(),
                |until| terminal::duration(until.seconds() - decision.at.seconds()),
            );
            let measure = match decision.mode {
                Mode::Enforce => decision.measure.to_string(),
                other => format!("{} ({other})", decision.measure),
            };
            vec![
                terminal::local(decision.at),
                measure,
                shown(&decision.subject),
                decision.rule.to_string(),
                length,
                format!("{:.1}", decision.score),
                decision.evidence.lines().last().map(u64::to_string).unwrap_or_default(),
                known,
            ]
        });
        text.push_str(&style.table(
            &["when", "measure", "subject", "rule", "how long", "score", "last line", ""],
            rows,
        ));
        if outcome.decisions > limit as u64 {
            text.push_str(&format!(
                "... and {} more: --limit {} shows them\n",
                outcome.decisions - limit as u64,
                outcome.decisions
            ));
        }
    }
    let known = outcome.kept.iter().filter(|kept| kept.logged_in).count();
    text.push_str(&match known {
        0 => "\nNobody who had ever logged in would have been banned.\n".to_owned(),
        count => format!(
            "\n{count} of them had logged in before: look at them (mailward parse), and put them on the allowlist if they are yours.\n"
        ),
    });
    text
}

/// What the logs hold, by log where there are several, and by server.
fn told_of(style: Style, outcome: &Outcome) -> String {
    let mut text = String::new();
    if outcome.logs.len() > 1 {
        text.push('\n');
        let rows = outcome.logs.iter().map(|(name, tally)| {
            let counts = [tally.lines, tally.events, tally.hostile, tally.unknown];
            let mut row = vec![Text::from(&**name).to_string()];
            row.extend(counts.map(terminal::count));
            row.push(format!("{:.2} %", tally.understood_percent()));
            row
        });
        let header = ["log", "lines", "events", "hostile", "unknown", "understood"];
        text.push_str(&style.table(&header, rows));
    }
    let told = Server::ALL.iter().zip(&outcome.servers).filter(|(_, told)| told.events > 0);
    let rows: Vec<Vec<String>> = told
        .map(|(server, told)| {
            let Activity { events, logins, failed, messages, delivered, deferred, refused } = *told;
            let counts = [events, logins, failed, messages, delivered, deferred, refused];
            let mut row = vec![server.name().to_owned()];
            row.extend(counts.map(terminal::count));
            row
        })
        .collect();
    if !rows.is_empty() {
        let header = [
            "server",
            "events",
            "logins",
            "failed",
            "messages",
            "delivered",
            "deferred",
            "refused",
        ];
        text.push('\n');
        text.push_str(&style.table(&header, rows));
    }
    text
}

fn shown(subject: &Subject) -> String {
    match subject {
        Subject::Client(_) | Subject::Network(_) => subject.to_string(),
        other => format!("{} {other}", other.kind()),
    }
}
