//! What is known of a subject, or of what a detector found last: for `mailward why` and the
//! console.

use super::{account, as_json, as_text, cohort, data, tell};
use crate::control::{self, Answer, Request};
use crate::failure::Failure;
use crate::recover::{failure, reader};
use crate::subject;
use crate::terminal::{self, Style, Tone};
use event::{Length, Subject, Timestamp};
use serde_json::Value;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use store::{Found, Reader, Row};

/// The answer.
#[derive(Debug, Default)]
pub struct Told {
    /// Lines for a person, or JSON objects.
    pub text: String,
    /// What could not be read.
    pub losses: Vec<String>,
}

/// Tells the story of `text` (a subject, or the name of a detector) with its newest `limit`
/// records; without a style as JSON.
///
/// # Errors
/// It is no subject, or the journal cannot be read.
pub fn tell(dir: &Path, text: &str, limit: usize, style: Option<Style>) -> Result<Told, Failure> {
    let reader = reader(dir)?;
    let mut telling = Telling { reader, style, told: Told::default() };
    if engine::DETECTORS.iter().any(|detector| detector.name == text) {
        telling.cohort(text, limit)?;
    } else {
        telling.subject(dir, subject::read_any(text)?, limit)?;
    }
    Ok(telling.told)
}

struct Telling {
    reader: Reader,
    /// `None`: as JSON.
    style: Option<Style>,
    told: Told,
}

impl Telling {
    fn line(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.told.text, "{text}");
    }

    fn subject(&mut self, dir: &Path, asked: Subject, limit: usize) -> Result<(), Failure> {
        let (subject, mut found) = story(&self.reader, asked, limit)?;
        let is_unknown = found.rows.is_empty();
        // The guard reads a name as an account.
        let explained = match subject {
            Subject::Sender(_) | Subject::Host(_) => None,
            _ => explained(dir, &subject.to_string())?,
        };
        let state = explained.as_ref().map(|answer| &answer.data);
        if let Subject::Account(name) = &subject {
            let notable = self.account(&subject, name, state)?;
            if self.style.is_some() {
                let newest = notable.len().saturating_sub(limit);
                (found.rows, found.cut) = (notable.into_iter().skip(newest).collect(), newest > 0);
            }
        } else if subject.network().is_none() {
            self.held(&subject)?;
        }
        if let (Some(state), Some(style)) = (state, self.style) {
            self.told.text.push_str(&now(style, state));
        }
        self.records(&found);
        match (state, self.style) {
            (Some(state), None) => {
                self.line(format_args!("{{\"type\": \"now\", \"state\": {state}}}"))
            }
            (None, Some(_)) => self.line("\nNo guard runs now: this is what its journal holds."),
            _ => {}
        }
        if is_unknown && self.style.is_some() {
            self.line(format_args!("Nothing on record about {subject}."));
        }
        Ok(())
    }

    fn records(&mut self, found: &Found) {
        if let Some(style) = self.style.filter(|_| !found.rows.is_empty()) {
            let more = if found.cut { "; --limit N shows more" } else { "" };
            let title = format!("On record, the newest last{more}");
            self.line(format_args!("\n{}", style.paint(Tone::Strong, &title)));
        }
        for row in &found.rows {
            let shown = match self.style {
                Some(style) => as_text(row, style, true),
                None => as_json(row).map(|line| line + "\n"),
            };
            self.told.text.extend(shown);
        }
        let losses = found.losses.iter();
        self.told
            .losses
            .extend(losses.map(|loss| format!("{}: {}", loss.path.display(), loss.what)));
    }

    /// Tells of an account; returns its records that are worth a look.
    fn account(
        &mut self,
        subject: &Subject,
        name: &[u8],
        state: Option<&Value>,
    ) -> Result<VecDeque<Row>, Failure> {
        let account = account::read(&self.reader, name)?;
        let held = account::held(&self.reader, subject, time_of(state))?;
        match self.style {
            None => self.line(data::account(&subject.to_string(), &account, &held)),
            Some(style) => {
                let is_under_attack = state.and_then(|state| state["under_attack"].as_bool());
                let told = tell::account(style, subject, &account, &held, is_under_attack);
                self.told.text.push_str(&told);
            }
        }
        Ok(account.notable)
    }

    /// What holds for a sender or a host.
    fn held(&mut self, subject: &Subject) -> Result<(), Failure> {
        for decision in &account::held(&self.reader, subject, time_of(None))? {
            match self.style {
                None => self.line(data::proposal(decision)),
                Some(style) => self.told.text.push_str(&tell::held(style, decision)),
            }
        }
        Ok(())
    }

    fn cohort(&mut self, rule: &str, limit: usize) -> Result<(), Failure> {
        let cohort = cohort::read(&self.reader, rule)?;
        match self.style {
            None => self.line(data::cohort(rule, &cohort)),
            Some(_) if cohort.from.is_none() => {
                self.line(format_args!("{rule} has found nothing that is on record."));
            }
            Some(style) => self.told.text.push_str(&tell::cohort(style, rule, &cohort)),
        }
        let newest = cohort.evidence.len().saturating_sub(limit);
        let lines = cohort.evidence.get(newest..).unwrap_or_default();
        let found = self.reader.lines(lines).map_err(failure)?;
        self.records(&found);
        Ok(())
    }
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

/// The guard's time of day, or this host's.
fn time_of(state: Option<&Value>) -> Timestamp {
    let at = state.and_then(|state| state["at"].as_str());
    at.and_then(terminal::time).unwrap_or_else(edge::clock::now)
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
        if half_life > 0 { Length(half_life).to_string() } else { "a window".to_owned() },
    ]
}
