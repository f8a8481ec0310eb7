//! What holds, what was decided, what was ordered.

use super::frame::Frame;
use super::incidents;
use super::lists::{deed, story_of, subject};
use super::panel::{Cell, Panel, WIDE, figure, heads, link, text, time};
use crate::access::Who;
use crate::app::{App, Trouble};
use crate::data::{Action, actions, ordered};
use axum::extract::{RawQuery, State};
use axum::response::Html;
use event::{Command, Decision, Mode, Order, Text};
use store::{Filter, Reader};

/// Rows of a table.
const ROWS: usize = 500;

/// `GET /decisions`
pub async fn decisions(State(app): State<App>, who: Who) -> Result<Html<String>, Trouble> {
    let panels = app.read(|reader, _| Ok(vec![holds(reader)?, log(reader)?])).await?;
    super::panels(Frame::of("/decisions", who), "Decisions", None, &panels)
}

fn holds(reader: &Reader) -> Result<Panel, Trouble> {
    let mut holds = reader.holds()?;
    holds.sort_by_key(|decision| std::cmp::Reverse(decision.at));
    let all = holds.len();
    holds.truncate(ROWS);
    let row = |decision: &Decision| {
        vec![
            subject(Some(&decision.subject)),
            text(decision.measure.name()),
            link(decision.rule.to_string(), super::panel::why(&decision.rule)),
            text(if decision.mode == Mode::Enforce { "" } else { "recorded only" }),
            time(decision.at),
            decision.until.map_or_else(|| text("until lifted"), time),
        ]
    };
    Ok(Panel {
        id: "holds",
        class: WIDE,
        title: "What holds now",
        aside: if all > ROWS { format!("the newest {ROWS} of {all}") } else { String::new() },
        more: None,
        head: heads(&["who", "what", "rule", "", "since", "until"]),
        rows: holds.iter().map(row).collect(),
        empty: "Nobody is banned.",
    })
}

fn log(reader: &Reader) -> Result<Panel, Trouble> {
    let (deeds, _) = actions(reader, &Filter::default(), ROWS)?;
    let row = |action: &Action| {
        let score = if action.score > 0.0 { format!("{:.1}", action.score) } else { String::new() };
        deed(action).into_iter().chain([figure(score)]).collect()
    };
    Ok(Panel {
        id: "log",
        class: WIDE,
        title: "What was found, decided and ordered",
        aside: "the newest first".to_owned(),
        more: None,
        head: heads(&["when", "", "who", "what", "rule, reason or topic", "#score"]),
        rows: deeds.iter().map(row).collect(),
        empty: "Nothing was found, decided or ordered yet.",
    })
}

/// What was ordered; it leads to the story of what it is about.
fn order(command: &Command) -> Cell {
    let about = match &command.order {
        Order::Incident { number, .. } => Some(incidents::url(*number)),
        other => other.subject().map(|subject| story_of(&subject)),
    };
    let words = ordered(command);
    let cell = match about {
        Some(url) => link(words, url),
        None => text(words),
    };
    Cell { class: "order", ..cell }
}

/// `GET /audit`
pub async fn audit(
    State(app): State<App>,
    who: Who,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Trouble> {
    let entries = app.read(|reader, _| Ok(reader.audit(ROWS)?)).await?;
    let row = |entry: &store::AuditEntry| {
        let command = &entry.command;
        let operator = Text::from(&*command.operator).to_string();
        vec![
            time(command.at),
            Cell { class: "value", ..text(operator) },
            order(command),
            text(Text::from(&*command.reason).to_string()),
        ]
    };
    let panel = Panel {
        id: "audit",
        class: WIDE,
        title: "What operators ordered",
        aside: "the newest first".to_owned(),
        more: None,
        head: heads(&["when", "who", "order", "reason"]),
        rows: entries.iter().map(row).collect(),
        empty: "Nobody ordered anything yet.",
    };
    let query = query.unwrap_or_default();
    let told = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "told");
    let told = told.and_then(|(_, number)| app.told(number.parse().ok()?));
    let frame = Frame::of("/audit", who).telling(told);
    super::panels(frame, "Audit trail", None, &[panel])
}
