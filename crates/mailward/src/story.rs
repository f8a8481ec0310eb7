//! Records of the journal for people and for tools: what `query` and `why` print.

pub mod account;
mod bans;
pub mod cohort;
pub mod data;
pub mod proposal;
pub mod tell;
pub mod why;

use crate::json::{self, Object};
use crate::terminal::{self, Style, Tone};
use event::{Decision, Event, Length, Mode, Text};
use std::fmt::Write as _;
use store::{Record, Row};

/// A row as one JSON object.
pub fn as_json(row: &Row) -> Option<String> {
    let mut out = String::new();
    match row.record()? {
        Record::Event { seq, event, line, .. } => {
            let mut object = Object::open(&mut out);
            object
                .shown("type", "event")
                .plain("line", seq)
                .text("source", row.source().as_bytes());
            json::event(&mut object, &event);
            object.text("text", line);
            object.close();
        }
        Record::Finding { finding, .. } => json::finding(&mut out, &finding),
        Record::Decision { decision, .. } => json::decision(&mut out, &decision),
        Record::Expiry { expiry, .. } => json::expiry(&mut out, &expiry),
        Record::Evicted { evicted, .. } => json::evicted(&mut out, &evicted),
        Record::Command { seq, command } => {
            let mut object = Object::open(&mut out);
            object
                .shown("type", "command")
                .shown("at", command.at)
                .plain("line", seq)
                .text("operator", command.operator.as_bytes())
                .text("reason", command.reason.as_bytes())
                .text("order", command.order.words(&|at| at.to_string()).as_bytes());
            object.close();
        }
        Record::Note { seq, at, topic, text } => {
            let mut object = Object::open(&mut out);
            object
                .shown("type", "note")
                .shown("at", at)
                .plain("line", seq)
                .text("topic", topic.as_bytes())
                .text("text", text);
            object.close();
        }
        Record::Tick { .. }
        | Record::ClockSet { .. }
        | Record::Config { .. }
        | Record::Position { .. } => return None,
    }
    Some(out)
}

/// A row as a line for people; with its log line below where `lines` asks for it.
pub fn as_text(row: &Row, style: Style, lines: bool) -> Option<String> {
    let mut out = match row.record()? {
        Record::Event { event, line, .. } => event_text(&event, line, style, lines),
        Record::Finding { finding, .. } => style.paint(
            Tone::Warning,
            &format!(
                "{}  found      {} {}: {} (score {:.1})",
                terminal::local(finding.at),
                finding.subject.kind(),
                finding.subject,
                finding.detector,
                finding.score
            ),
        ),
        Record::Decision { decision, .. } if proposal::is_proposal(&decision) => {
            style.paint(Tone::Warning, &proposed(&decision))
        }
        Record::Decision { decision, .. } => {
            let deed = format!("decided    {} of", decision.measure);
            style.paint(Tone::Bad, &told(&decision, &deed))
        }
        Record::Expiry { expiry, .. } => style.paint(
            Tone::Good,
            &format!(
                "{}  ended      {} of {} ({}): {}{}",
                terminal::local(expiry.at),
                expiry.measure,
                expiry.subject,
                expiry.rule,
                expiry.cause,
                only(expiry.mode)
            ),
        ),
        Record::Evicted { evicted, .. } => format!(
            "{}  gave way   {} entries of the table {}",
            terminal::local(evicted.at),
            evicted.entries,
            evicted.table
        ),
        Record::Command { command, .. } => format!(
            "{}  ordered    by {}: {}{}",
            terminal::local(command.at),
            Text::from(&*command.operator),
            command.order.words(&terminal::local),
            if command.reason.is_empty() {
                String::new()
            } else {
                format!(" ({})", Text::from(&*command.reason))
            }
        ),
        Record::Note { at, topic, text, .. } => {
            format!("{}  {topic:<9}  {}", terminal::local(at), Text(text))
        }
        Record::Tick { .. }
        | Record::ClockSet { .. }
        | Record::Config { .. }
        | Record::Position { .. } => return None,
    };
    out.push('\n');
    Some(out)
}

/// A proposal in one line.
fn proposed(decision: &Decision) -> String {
    format!("{}  proposed   to {}", terminal::local(decision.at), proposal::line(decision))
}

/// A decision in one line, as it is carried out.
pub fn decided(decision: &Decision) -> String {
    if proposal::is_proposal(decision) {
        return proposed(decision);
    }
    told(decision, &format!("{:<9} ", decision.measure.name()))
}

/// A decision in one line, while the guard runs: what is done, or would be.
pub fn shown(decision: &Decision, is_enforcing: bool) -> String {
    if is_enforcing && decision.mode == Mode::Enforce || proposal::is_proposal(decision) {
        return decided(decision);
    }
    told(decision, &format!("would {:<3} ", decision.measure))
}

fn told(decision: &Decision, deed: &str) -> String {
    let length = decision.until.map_or_else(
        || "until lifted".to_owned(),
        |until| format!("for {}", Length(until.seconds() - decision.at.seconds())),
    );
    let offence = match decision.offence {
        0 => String::new(),
        number => format!(", offence {number}"),
    };
    format!(
        "{}  {deed} {} {length}: {} (score {:.1}{offence}){}",
        terminal::local(decision.at),
        decision.subject,
        decision.rule,
        decision.score,
        only(decision.mode)
    )
}

/// Marks what was only recorded.
fn only(mode: Mode) -> String {
    match mode {
        Mode::Enforce => String::new(),
        other => format!(" [{other} only]"),
    }
}

fn event_text(event: &Event<'_>, line: &[u8], style: Style, lines: bool) -> String {
    let mut out = format!(
        "{}  {:<9}  {} {} {}",
        terminal::local(event.at),
        event::Vocabulary::name(event.kind),
        event.server,
        event.service,
        event.outcome
    );
    if let Some(reason) = event.reason {
        let _ = write!(out, " ({reason})");
    }
    if let Some(client) = event.client {
        let _ = write!(out, " {client}");
    }
    if let Some(account) = event.account {
        let _ = write!(out, " as {account}");
    }
    if event.attempts > 1 {
        let _ = write!(out, ", {} attempts", event.attempts);
    }
    if let (true, Some(attack)) = (lines, recognised(event)) {
        let words = format!("\n    recognised: {} <{}>", attack.name, attack.source);
        out.push_str(&style.paint(Tone::Warning, &words));
    }
    if lines {
        let _ = write!(out, "\n    {}", style.paint(Tone::Dim, &Text(line).to_string()));
    }
    out
}

/// The attack string in an event, as `exploit-attempt` sees it.
fn recognised(event: &Event<'_>) -> Option<engine::KnownAttack> {
    let detail = event.detail.filter(|_| event.kind == event::Kind::Command);
    [event.helo, event.account, detail, event.sender, event.recipient]
        .into_iter()
        .flatten()
        .find_map(|text| engine::known_attack(text.bytes()))
}
