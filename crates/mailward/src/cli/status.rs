//! `mailward status`: how the guard is.

use super::{Command, config, config_argument, format_argument, is_json};
use crate::control::{self, Request};
use crate::failure::Failure;
use crate::recover::failure;
use crate::terminal::{self, Style, Tone};
use clap::ArgMatches;
use edge::clock;
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;
use store::Reader;

/// For so long a loss needs a look.
const DAY_S: i64 = 86_400;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "status",
    summary: "Show how the guard is: sources, lag, bans, kernel, journal",
    about: "Asks the running guard how it is. Exits with 1 where something needs a look, or where none runs.",
    examples: &[
        ("mailward status", "for people"),
        ("mailward status --format json", "for monitoring"),
    ],
    arguments: |command| config_argument(format_argument(command)),
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir = config(matches)?.state_dir()?;
    let Some(answer) = control::ask(&dir, &Request::Status)? else {
        return not_running(&dir);
    };
    let problems = problems(&answer.data);
    if is_json(matches) {
        println!("{}", answer.data);
    } else {
        print!("{}", text(Style::stdout(), &answer.data, &problems));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn not_running(dir: &Path) -> Result<ExitCode, Failure> {
    let last = Reader::open(dir).and_then(|reader| reader.statistics()).map_err(failure);
    let known = match last {
        Ok(statistics) => format!(
            "; its journal holds {} lines and {} decisions that hold",
            terminal::count(statistics.seq),
            terminal::count(statistics.holds)
        ),
        Err(_) => String::new(),
    };
    Err(Failure::new(format!("no guard runs with the state directory {}{known}", dir.display()))
        .remedy("start it with `mailward up`"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn problems(status: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for source in status["sources"].as_array().into_iter().flatten() {
        if let Some(problem) = source["problem"].as_str() {
            problems.push(format!("{}: {problem}", source["name"].as_str().unwrap_or_default()));
        }
        // Told for a day: nobody can bring the lines back.
        let since = clock::now().plus_seconds(-DAY_S).to_string();
        if let Some(at) = source["lost_at"].as_str().filter(|at| *at > since.as_str()) {
            problems.push(format!(
                "{}: lines may have been lost, latest at {at}: `mailward query --actions` has the notes",
                source["name"].as_str().unwrap_or_default()
            ));
        }
    }
    if let Some(problem) = status["journal_problem"].as_str() {
        problems.push(format!("journal: {problem}"));
    }
    if let Some(idle) = status["kernel"]["idle"].as_str() {
        problems.push(format!("bans: {idle}"));
    }
    problems
}

/// That something is left to a person.
fn proposals(style: Style, status: &Value) -> String {
    let number = usize::try_from(number(&status["proposals"])).unwrap_or(usize::MAX);
    if number == 0 {
        return String::new();
    }
    let what = terminal::things(number, "proposal", "proposals");
    let text = format!("{what} for accounts or senders: `mailward bans` lists what is left to you");
    format!("\n{}\n", style.paint(Tone::Warning, &text))
}

/// That something was found and is not over.
fn incidents(style: Style, status: &Value) -> String {
    let things = |key: &str, one, many| {
        let number = usize::try_from(number(&status[key])).unwrap_or(usize::MAX);
        (number > 0).then(|| terminal::things(number, one, many))
    };
    let Some(open) = things("incidents", "incident is open", "incidents are open") else {
        return String::new();
    };
    let text = match things("incidents_waiting", "waits for a person", "wait for a person") {
        Some(waiting) => style.paint(Tone::Warning, &format!("{open}, {waiting}")),
        None => open,
    };
    format!("\n{text}: `mailward incidents` lists them\n")
}

fn text(style: Style, status: &Value, problems: &[String]) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = format!(
        "{}\n\n",
        style.paint(
            Tone::Strong,
            &format!(
                "mode {}, since {}, {} lines read, {} decisions hold, {} in the kernel",
                word(&status["mode"]),
                terminal::local_of(&word(&status["since"])),
                terminal::count(number(&status["lines"])),
                terminal::count(number(&status["holds"])),
                terminal::count(number(&status["kernel"]["bans"])),
            )
        )
    );
    let rows = status["sources"].as_array().into_iter().flatten().map(|source| {
        vec![
            word(&source["name"]),
            word(&source["state"]),
            source["lag_bytes"].as_u64().map(terminal::bytes).unwrap_or_default(),
            terminal::count(number(&source["lines"])),
            terminal::count(number(&source["events"])),
            terminal::count(number(&source["hostile"])),
            terminal::count(number(&source["unknown"])),
            format!("{:.1} %", source["understood_percent"].as_f64().unwrap_or(100.0)),
        ]
    });
    let header = ["source", "state", "lag", "lines", "events", "hostile", "unknown", "understood"];
    out.push_str(&style.table(&header, rows));
    for source in status["sources"].as_array().into_iter().flatten() {
        let passed = number(&source["passed_over"]);
        if passed > 0 {
            out.push_str(&format!(
                "{}: {} of users who are no service of this system passed over (source.journal_users)\n",
                word(&source["name"]),
                terminal::things(usize::try_from(passed).unwrap_or(usize::MAX), "line", "lines"),
            ));
        }
    }
    out.push_str(&incidents(style, status));
    out.push_str(&proposals(style, status));
    let counters: Vec<Vec<String>> = status["kernel"]["counters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|counter| number(&counter["packets"]) > 0)
        .map(|counter| {
            vec![
                word(&counter["name"]),
                terminal::count(number(&counter["packets"])),
                terminal::bytes(number(&counter["bytes"])),
            ]
        })
        .collect();
    if !counters.is_empty() {
        out.push('\n');
        out.push_str(&style.table(&["kernel rule", "packets", "bytes"], counters));
    }
    for problem in problems {
        out.push_str(&format!("\n{}", style.paint(Tone::Warning, problem)));
    }
    if !problems.is_empty() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn incidents_are_told_where_there_are_some_and_who_waits() {
        let told = |open: u64, waiting: u64| {
            let status = json!({ "incidents": open, "incidents_waiting": waiting });
            incidents(Style::plain(), &status)
        };
        assert_eq!(told(0, 0), "");
        assert_eq!(told(1, 0), "\n1 incident is open: `mailward incidents` lists them\n");
        assert_eq!(
            told(12, 1),
            "\n12 incidents are open, 1 waits for a person: `mailward incidents` lists them\n"
        );
        assert!(told(2, 2).contains("2 wait for a person"));
    }
}
