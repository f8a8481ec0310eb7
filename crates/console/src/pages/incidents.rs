//! Incidents: all of them, and one with everyone it concerns and what was done.

use super::frame::Frame;
use super::lists::{deed, duration, subject};
use super::orders::Form;
use super::panel::{Cell, Panel, WIDE, figure, heads, link, number, text, time};
use crate::access::Who;
use crate::app::{App, Trouble};
use crate::data::Action;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use event::{Concerned, Incident, IncidentState, Text, Timestamp};
use std::collections::BTreeMap;
use store::{Reader, StoreError};

/// Its page.
pub const PAGE: &str = "/incidents";
/// Rows of a table.
const ROWS: usize = 500;
/// Characters of a person's words in a cell.
const WORDS_MAX: usize = 120;
/// Of those concerned, so many can be acted on from the page.
const FORMS: usize = 3;

/// What it is called: the beginning of the words of who opened it, and whose findings it has.
fn title(incident: &Incident) -> String {
    incident.called(&short(&incident.title))
}

/// A person's words, cut to what a cell can show.
fn short(words: &str) -> String {
    match words.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}…", Text::from(words.get(..end).unwrap_or_default())),
        None => Text::from(words).to_string(),
    }
}

/// Its state for a person.
fn state(incident: &Incident) -> Cell {
    let (class, words) = match (incident.state, incident.contained_at) {
        (IncidentState::Resolved, _) => ("badge-cell is-allowed", "resolved"),
        (IncidentState::Acknowledged, _) => ("badge-cell is-deferred", "acknowledged"),
        (IncidentState::Open, Some(_)) => ("badge-cell is-deferred", "contained"),
        (IncidentState::Open, None) => ("badge-cell is-rejected", "open"),
    };
    Cell { class, ..text(words) }
}

/// The page of an incident.
pub fn url(number: u64) -> String {
    format!("/incident/{number}")
}

/// A row of a table of incidents.
pub fn row(incident: &Incident) -> Vec<Cell> {
    vec![
        link(format!("#{}", incident.number), url(incident.number)),
        state(incident),
        text(title(incident)),
        number(incident.clients() as u64),
        number(incident.accounts() as u64),
        number(u64::from(incident.findings)),
        time(incident.opened_at),
        time(incident.latest_at),
    ]
}

/// The columns of [`row`].
pub const HEAD: [&str; 8] =
    ["incident", "state", "what", "#clients", "#accounts", "#findings", "since", "latest"];

/// Those that are not over, and those of a time, the former first, the newest first.
///
/// # Errors
/// The journal cannot be read.
pub fn of_span(
    reader: &Reader,
    span: (Timestamp, Timestamp),
    limit: usize,
) -> Result<Vec<Incident>, StoreError> {
    let mut all: BTreeMap<(bool, u64), Incident> = BTreeMap::new();
    for incident in
        reader.incidents(None, limit)?.into_iter().chain(reader.incidents(Some(span), limit)?)
    {
        let is_over = incident.state == IncidentState::Resolved;
        all.insert((!is_over, incident.number), incident);
    }
    Ok(all.into_values().rev().take(limit).collect())
}

/// `GET /incidents`
pub async fn page(State(app): State<App>, who: Who) -> Result<Html<String>, Trouble> {
    let ever = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let incidents = app.read(move |reader, _| Ok(of_span(reader, ever, ROWS)?)).await?;
    let (over, open): (Vec<&Incident>, Vec<&Incident>) =
        incidents.iter().partition(|incident| incident.state == IncidentState::Resolved);
    let panel = |id, title, rows: &[&Incident], empty| Panel {
        id,
        class: WIDE,
        title,
        aside: String::new(),
        more: None,
        head: heads(&HEAD),
        rows: rows.iter().map(|incident| row(incident)).collect(),
        empty,
    };
    let panels = [
        panel("open", "Not over", &open, "No incident is open."),
        panel("over", "Over", &over, "No incident is over."),
    ];
    super::panels(Frame::of(PAGE, who), "Incidents", None, &panels)
}

#[derive(Template)]
#[template(path = "incident.html")]
struct Page {
    frame: Frame,
    number: u64,
    title: String,
    state: Cell,
    events: String,
    steps: Vec<(&'static str, &'static str)>,
    panels: Vec<String>,
    forms: Vec<Form>,
}

/// `GET /incident/{number}`
pub async fn one(
    State(app): State<App>,
    who: Who,
    Path(number): Path<u64>,
) -> Result<Html<String>, Trouble> {
    let read = move |reader: &Reader, app: &App| {
        let incident = reader.incident(number)?.ok_or(Trouble::Missing)?;
        let until = incident.latest_at.plus_seconds(1);
        let deeds = app.kept.actions(reader, incident.opened_at, until)?;
        let times = app.kept.times(reader, incident.evidence.lines())?;
        let told: Vec<Action> =
            deeds.iter().filter(|one| is_of(&incident, one)).map(|one| (**one).clone()).collect();
        Ok((incident, told, times.into_values().min()))
    };
    let (incident, told, first) = app.read(read).await?;
    let may_act = who.may_act();
    let subjects: Vec<_> =
        incident.concerned.iter().take(FORMS).map(|one| one.subject.clone()).collect();
    let page = Page {
        frame: Frame::of(PAGE, who),
        number,
        title: title(&incident),
        state: state(&incident),
        events: format!("/events?last=30d&q=incident%3A{number}"),
        steps: if may_act { steps(incident.state) } else { Vec::new() },
        panels: vec![
            clock(&incident, first).html(),
            concerned(&incident).html(),
            log(&told).html(),
        ],
        forms: if may_act { Form::about(&subjects) } else { Vec::new() },
    };
    super::shown(&page)
}

/// What can be done with one in this state.
fn steps(state: IncidentState) -> Vec<(&'static str, &'static str)> {
    let steps = [
        (IncidentState::Acknowledged, "acknowledge", "Take it on"),
        (IncidentState::Resolved, "resolve", "It is over"),
        (IncidentState::Open, "reopen", "Not over"),
    ];
    let others = steps.into_iter().filter(|(to, ..)| *to != state);
    others.map(|(_, step, words)| (step, words)).collect()
}

fn is_of(incident: &Incident, action: &Action) -> bool {
    let is_about =
        |subject: &event::Subject| incident.concerned.iter().any(|one| one.subject == *subject);
    action.subject.as_ref().is_some_and(is_about)
}

/// When what happened. `first` is the first line that speaks for it.
fn clock(incident: &Incident, first: Option<Timestamp>) -> Panel {
    let after =
        |at: Timestamp| figure(duration((at.seconds() - incident.opened_at.seconds()).max(0)));
    let by = |name: &str| match name {
        "" => "mailward".to_owned(),
        name => short(name),
    };
    let moments = [
        ("first line that counts", first, String::new()),
        ("found", Some(incident.opened_at), by(&incident.opened_by)),
        ("taken on", incident.acknowledged_at, String::new()),
        ("contained", incident.contained_at, String::new()),
        (
            "resolved",
            incident.resolved_at,
            format!("{}: {}", by(&incident.acted_by), short(&incident.end)),
        ),
    ];
    let row = |(what, at, more): (&'static str, Option<Timestamp>, String)| {
        let at = at?;
        let before = incident.opened_at.seconds() - at.seconds();
        let shown = if before > 0 { figure(format!("−{}", duration(before))) } else { after(at) };
        Some(vec![text(what), time(at), shown, text(more)])
    };
    Panel {
        id: "moments",
        class: WIDE,
        title: "Clock",
        aside: String::new(),
        more: None,
        head: heads(&["", "when", "#after it was found", "by"]),
        rows: moments.into_iter().filter_map(row).collect(),
        empty: "",
    }
}

fn concerned(incident: &Incident) -> Panel {
    let row = |one: &Concerned| {
        vec![subject(Some(&one.subject)), text(one.standing.name()), time(one.since)]
    };
    let aside = match incident.findings_more {
        0 => String::new(),
        more => format!("and {more} findings about others"),
    };
    Panel {
        id: "concerned",
        class: WIDE,
        title: "Whom it concerns",
        aside,
        more: None,
        head: heads(&["who", "what was done", "since"]),
        rows: incident.concerned.iter().map(row).collect(),
        empty: "Nobody.",
    }
}

fn log(told: &[Action]) -> Panel {
    Panel {
        id: "timeline",
        class: WIDE,
        title: "What was found and done",
        aside: "the newest first".to_owned(),
        more: None,
        head: heads(&["when", "", "who", "what", "rule or reason"]),
        rows: told.iter().take(ROWS).map(deed).collect(),
        empty: "Nothing of it is on record any more.",
    }
}
