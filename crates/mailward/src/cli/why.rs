//! `mailward why`: the story of a subject, or of what a detector found last.

use super::{Command, config, config_argument, format_argument, is_json, subject_argument};
use crate::control::{self, Answer, Request};
use crate::failure::Failure;
use crate::recover::{failure, reader};
use crate::story::{account, cohort, data, tell};
use crate::subject;
use crate::terminal::{self, Style, Tone};
use clap::{Arg, ArgMatches};
use event::{Subject, Timestamp};
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use store::{Found, Reader, Row};

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
    let reader = reader(&dir)?;
    if engine::DETECTORS.iter().any(|detector| detector.name == text) {
        return tell_cohort(&reader, &text, limit, json);
    }
    let (subject, mut found) = story(&reader, subject::read_any(&text)?, limit)?;
    let is_unknown = found.rows.is_empty();
    // The guard reads a name as an account.
    let explained = match subject {
        Subject::Sender(_) | Subject::Host(_) => None,
        _ => explained(&dir, &subject.to_string())?,
    };
    let state = explained.as_ref().map(|answer| &answer.data);
    if let Subject::Account(name) = &subject {
        let notable = tell_account(&reader, &subject, name, state, json)?;
        if !json {
            let newest = notable.len().saturating_sub(limit);
            (found.rows, found.cut) = (notable.into_iter().skip(newest).collect(), newest > 0);
        }
    } else if subject.network().is_none() {
        tell_held(&reader, &subject, json)?;
    }
    if let Some(state) = state.filter(|_| !json) {
        print!("{}", now(Style::stdout(), state));
    }
    tell_records(&found, json);
    match (state, json) {
        (Some(state), true) => println!("{{\"type\": \"now\", \"state\": {state}}}"),
        (None, false) => println!("\nNo guard runs now: this is what its journal holds."),
        _ => {}
    }
    if is_unknown && !json {
        println!("Nothing on record about {subject}.");
    }
    Ok(ExitCode::SUCCESS)
}

/// The records of a subject. A name of which nothing is on record as an account may be a sender's
/// or a host's.
fn story(reader: &Reader, subject: Subject, limit: usize) -> Result<(Subject, Found), Failure> {
    let found = reader.story(&subject, limit).map_err(failure)?;
    let Subject::Account(name) = &subject else { return Ok((subject, found)) };
    if found.rows.is_empty() {
        for other in [Subject::Sender(name.clone()), Subject::Host(name.clone())] {
            let found = reader.story(&other, limit).map_err(failure)?;
            if !found.rows.is_empty() {
                return Ok((other, found));
            }
        }
    }
    Ok((subject, found))
}

fn tell_records(found: &Found, json: bool) {
    if !json && !found.rows.is_empty() {
        let more = if found.cut { "; --limit N shows more" } else { "" };
        let title = format!("On record, the newest last{more}");
        println!("\n{}", Style::stdout().paint(Tone::Strong, &title));
    }
    super::query::print(found, json, true);
}

/// Tells of an account; returns its records that are worth a look.
fn tell_account(
    reader: &Reader,
    subject: &Subject,
    name: &[u8],
    state: Option<&Value>,
    json: bool,
) -> Result<VecDeque<Row>, Failure> {
    let account = account::read(reader, name)?;
    let held = account::held(reader, subject, time_of(state))?;
    if json {
        println!("{}", data::account(&subject.to_string(), &account, &held));
        return Ok(account.notable);
    }
    let is_under_attack = state.and_then(|state| state["under_attack"].as_bool());
    print!("{}", tell::account(Style::stdout(), subject, &account, &held, is_under_attack));
    Ok(account.notable)
}

/// What holds for a sender or a host.
fn tell_held(reader: &Reader, subject: &Subject, json: bool) -> Result<(), Failure> {
    for decision in &account::held(reader, subject, time_of(None))? {
        if json {
            println!("{}", data::proposal(decision));
        } else {
            print!("{}", tell::held(Style::stdout(), decision));
        }
    }
    Ok(())
}

/// The guard's time of day, or this host's.
fn time_of(state: Option<&Value>) -> Timestamp {
    let at = state.and_then(|state| state["at"].as_str());
    at.and_then(terminal::time).unwrap_or_else(edge::clock::now)
}

fn tell_cohort(reader: &Reader, rule: &str, limit: usize, json: bool) -> Result<ExitCode, Failure> {
    let cohort = cohort::read(reader, rule)?;
    if json {
        println!("{}", data::cohort(rule, &cohort));
    } else if cohort.from.is_none() {
        println!("{rule} has found nothing that is on record.");
    } else {
        print!("{}", tell::cohort(Style::stdout(), rule, &cohort));
    }
    let newest = cohort.evidence.len().saturating_sub(limit);
    let lines = cohort.evidence.get(newest..).unwrap_or_default();
    tell_records(&reader.lines(lines).map_err(failure)?, json);
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
    // Of an account its story tells what is proposed or ordered.
    if decision["measure"] != "ban" {
        return None;
    }
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
    let until = until.map_or_else(|| "it is lifted".to_owned(), terminal::local_of);
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
        if half_life > 0 { terminal::duration(half_life) } else { "a window".to_owned() },
    ]
}
