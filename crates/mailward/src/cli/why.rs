//! `mailward why`: the story of a subject.

use super::{Command, config, config_argument, format_argument, is_json, subject_argument};
use crate::control::{self, Answer, Request};
use crate::failure::Failure;
use crate::recover::{failure, reader};
use crate::subject;
use crate::terminal::{Style, Tone};
use clap::{Arg, ArgMatches};
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "why",
    summary: "Tell the story of an address, a network or an account",
    about: "Tells what a subject did, what was found and decided, what holds now, how far each score is from its \
            threshold, and what would have changed it. Works from the journal alone while no guard runs.",
    examples: &[
        ("mailward why 203.0.113.9", "lines, findings, decisions, scores"),
        ("mailward why bob@example.org --limit 50", "the newest fifty records about an account"),
    ],
    arguments: |command| {
        let command = subject_argument(command, "An address, a network or an account");
        config_argument(format_argument(command)).arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(clap::value_parser!(usize))
                .default_value("200")
                .help("The newest N records"),
        )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir = config(matches)?.state_dir()?;
    let text = matches.get_one::<String>("subject").cloned().unwrap_or_default();
    let subject = subject::read(&text)?;
    let limit = matches.get_one::<usize>("limit").copied().unwrap_or(200);
    let found = reader(&dir)?.story(&subject, limit).map_err(failure)?;
    let json = is_json(matches);
    super::query::print(&found, json, true);
    let explained = explained(&dir, &subject.to_string())?;
    match (explained, json) {
        (Some(answer), true) => println!("{{\"type\": \"now\", \"state\": {}}}", answer.data),
        (Some(answer), false) => print!("{}", now(Style::stdout(), &answer.data)),
        (None, true) => {}
        (None, false) => println!("\nNo guard runs now: this is what its journal holds."),
    }
    if found.rows.is_empty() && !json {
        println!("Nothing on record about {subject}.");
    }
    Ok(ExitCode::SUCCESS)
}

/// What the running guard knows. It asks the kernel when it is asked, and has the kernel's answer
/// when it is asked again.
fn explained(dir: &Path, subject: &str) -> Result<Option<Answer>, Failure> {
    let request = Request::Explain { subject: subject.to_owned() };
    if control::ask(dir, &request)?.is_none() {
        return Ok(None);
    }
    std::thread::sleep(Duration::from_millis(100));
    control::ask(dir, &request)
}

fn kernel(state: &Value) -> Option<String> {
    let kernel = state.get("kernel")?;
    if kernel["held"].as_bool() != Some(true) {
        return Some("the kernel holds nothing for it\n".to_owned());
    }
    let network = kernel["network"].as_str().unwrap_or_default();
    let (verb, done) = if state["enforcing"].as_bool().unwrap_or(true) {
        ("drops", "dropped")
    } else {
        ("would drop", "counted")
    };
    let packets = kernel["packets"]
        .as_u64()
        .map_or_else(String::new, |packets| format!(", {packets} packets {done} so far"));
    Some(format!("the kernel {verb} {network}{packets}\n"))
}

fn now(style: Style, state: &Value) -> String {
    let mut out = format!("\n{}\n", style.paint(Tone::Strong, "Now"));
    out.push_str(&hold(&state["hold"]).unwrap_or_default());
    out.push_str(&cover(&state["covered_by"]).unwrap_or_default());
    out.push_str(&kernel(state).unwrap_or_default());
    if let Some(protection) = state["protection"].as_str() {
        out.push_str(&format!("never banned: {protection}\n"));
    }
    match state["good_accounts"].as_u64() {
        Some(accounts) if accounts > 0 => out.push_str(&format!(
            "about {accounts} accounts log in from there: their failures weigh little\n"
        )),
        _ => {}
    }
    if state["under_attack"].as_bool() == Some(true) {
        out.push_str(
            "this account is under distributed attack: newcomers that fail on it are banned\n",
        );
    }
    let rows: Vec<Vec<String>> =
        state["scores"].as_array().into_iter().flatten().map(standing).collect();
    if rows.is_empty() {
        out.push_str("no score counts against it\n");
    } else {
        out.push_str(&style.table(&["detector", "score", "acts at", "missing", "halves in"], rows));
    }
    out
}

/// What holds, or would: a guard or a detector that observes only records it.
fn hold(decision: &Value) -> Option<String> {
    let holds = if decision["mode"] == "enforce" { "" } else { "would be " };
    Some(format!("{holds}banned {}\n", ending(decision)?))
}

fn cover(decision: &Value) -> Option<String> {
    let holds = if decision["mode"] == "enforce" { "is" } else { "would be" };
    let around = decision["subject"].as_object()?.values().next()?.as_str()?;
    Some(format!("inside {around}, which {holds} banned {}\n", ending(decision)?))
}

fn ending(decision: &Value) -> Option<String> {
    let until = decision["until"].as_str();
    let until = until.map_or_else(|| "it is lifted".to_owned(), crate::terminal::local_of);
    Some(format!("until {until} by {}", decision["rule"].as_str()?))
}

fn standing(score: &Value) -> Vec<String> {
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let (at, limit) = (number(&score["score"]), number(&score["score_max"]));
    let half_life = score["half_life_s"].as_i64().unwrap_or_default();
    vec![
        score["detector"].as_str().unwrap_or_default().to_owned(),
        format!("{at:.1}"),
        format!("{limit:.1}"),
        format!("{:.1}", (limit - at).max(0.0)),
        if half_life > 0 { crate::terminal::duration(half_life) } else { "a window".to_owned() },
    ]
}
