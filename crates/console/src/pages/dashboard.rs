//! The dashboard: panels that each answer one question, all of one view.

use super::frame::{Frame, bar};
use super::health;
use super::panel::Panel;
use super::views::Shelf;
use super::{incidents, lists, map};
use crate::access::Who;
use crate::app::{App, Trouble};
use crate::data::{Action, Deed, Kept, Line, Sheet};
use crate::draw::{donut, lines};
use crate::host::Host;
use crate::view::View;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Html;
use event::{Incident, Outcome, Reason, Timestamp, Vocabulary};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::terms::{Field, Value};
use store::{Reader, StoreError};

/// Its page.
pub const PAGE: &str = "/";
/// Incidents that are looked at.
const INCIDENTS_MAX: usize = 50;
/// Reasons of an outcome that the legend shows before it is unfolded; the ring shows all.
const REASONS: usize = 5;
/// Marks on the lines.
const MARKS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Page {
    frame: Frame,
    bar: String,
    live: String,
    now: Timestamp,
    panels: Vec<String>,
}

/// `GET /`
pub async fn page(
    State(app): State<App>,
    who: Who,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Trouble> {
    let view = View::of(query.as_deref().unwrap_or_default());
    let shelf = Shelf::of(&app, &who).await?;
    shown(&app, who, &view, &shelf).await
}

/// The dashboard of a view.
///
/// # Errors
/// The journal cannot be read.
pub async fn shown(
    app: &App,
    who: Who,
    view: &View,
    shelf: &Shelf,
) -> Result<Html<String>, Trouble> {
    let asked = view.clone();
    let (now, panels) = app.read(move |reader, app| panels(reader, app, &asked)).await?;
    let panels = panels.into_iter().map(|(_, html)| html).collect();
    let page = Page {
        bar: bar(PAGE, view, shelf),
        live: view.url("/live"),
        frame: Frame::with(PAGE, who, view),
        now,
        panels,
    };
    super::shown(&page)
}

/// A panel's name and its markup.
pub type Drawn = (&'static str, String);

/// All panels of a view, by their names, in the order of the page.
///
/// # Errors
/// The journal cannot be read.
pub fn panels(reader: &Reader, app: &App, view: &View) -> Result<(Timestamp, Vec<Drawn>), Trouble> {
    let now = app.now(reader)?;
    let sheet = Sheet::read(reader, &app.kept.charts, view, now)?;
    let told = Told::read(reader, &app.kept, &sheet)?;
    let mut panels =
        vec![("outcomes", outcomes(&sheet, view)), ("lines", over_time(&sheet, view, &told.deeds))];
    let tables = tables((reader, &app.kept), &*app.host, view, (&sheet, &told))?;
    for panel in &tables {
        let map = (panel.id == lists::PLACES).then(|| map::panel(&sheet, view)).flatten();
        panels.extend(map.map(|html| ("map", html)));
        panels.push((panel.id, panel.html()));
    }
    Ok((now, panels))
}

/// What happened in the time of a sheet, besides events.
pub struct Told {
    /// What was found, decided and ordered.
    pub deeds: Vec<Arc<Action>>,
    /// Incidents: those of the time, and those that are not over.
    pub incidents: Vec<Incident>,
    /// When the lines that speak for them were written.
    pub times: BTreeMap<u64, Timestamp>,
}

impl Told {
    /// Reads it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read(reader: &Reader, kept: &Kept, sheet: &Sheet) -> Result<Told, StoreError> {
        let (from, until) = (sheet.span.from, sheet.span.until);
        let incidents = incidents::of_span(reader, (from, until), INCIDENTS_MAX)?;
        let lines: Vec<u64> =
            incidents.iter().flat_map(|one| one.evidence.lines().iter().copied()).collect();
        let times = kept.times(reader, &lines)?;
        Ok(Told { deeds: kept.actions(reader, from, until)?, incidents, times })
    }
}

/// The panels that are tables, in the order of the page.
///
/// # Errors
/// The journal cannot be read.
pub fn tables(
    (reader, kept): (&Reader, &Kept),
    host: &dyn Host,
    view: &View,
    (sheet, told): (&Sheet, &Told),
) -> Result<Vec<Panel>, StoreError> {
    let before = lists::before(reader, &kept.charts, sheet)?;
    let status = host.status().ok();
    // A guard that does not answer is waited for once.
    let last_logins = |accounts: &[String]| match status {
        Some(_) => host.last_logins(accounts).unwrap_or_default(),
        None => Vec::new(),
    };
    let tables = [
        Some(lists::incidents(&told.incidents)),
        Some(lists::logins(sheet, view)),
        lists::spread(sheet),
        Some(lists::accounts(sheet, view, last_logins)),
        Some(lists::clients(sheet, view)),
        Some(lists::networks(sheet, view)),
        lists::places(sheet, view),
        Some(lists::takeover(&told.deeds)),
        lists::outbound(sheet, &before, view),
        lists::mx(sheet, &before, view),
        lists::decoys(sheet),
        status.as_ref().map(health::guard),
        Some(lists::clock(&told.incidents, &told.times, &told.deeds)),
    ];
    Ok(tables.into_iter().flatten().collect())
}

#[derive(Template)]
#[template(path = "panel-outcomes.html")]
struct Outcomes {
    donut: String,
    slices: Vec<donut::Slice>,
    whole: u64,
    counted_from: Option<Timestamp>,
    is_filtered: bool,
}

fn outcomes(sheet: &Sheet, view: &View) -> String {
    let slice = |field, word: &'static str, class: Outcome, events, parts| donut::Slice {
        name: word.to_owned(),
        events,
        class: class.name().to_owned(),
        include: view.with(field, Value::Word(word)).url(PAGE),
        exclude: view.without(field, Value::Word(word)).url(PAGE),
        parts,
    };
    let reason = |outcome, (reason, events): (&Option<Reason>, &u64)| {
        let reason = (*reason)?;
        Some(slice(Field::Reason, reason.name(), outcome, *events, Vec::new()))
    };
    let mut slices = Vec::new();
    for (outcome, reasons) in &sheet.counts.outcomes {
        let mut parts: Vec<donut::Slice> =
            reasons.iter().filter_map(|entry| reason(*outcome, entry)).collect();
        parts.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.name.cmp(&b.name)));
        let events = reasons.values().sum();
        slices.push(slice(Field::Outcome, outcome.name(), *outcome, events, parts));
    }
    slices.retain(|slice| slice.events > 0);
    let page = Outcomes {
        donut: donut::draw(&slices),
        slices,
        whole: sheet.counts.events,
        counted_from: sheet.counted_from,
        is_filtered: !view.terms.is_empty(),
    };
    page.render().unwrap_or_default()
}

struct Small {
    name: &'static str,
    class: &'static str,
    events: u64,
    svg: String,
}

#[derive(Template)]
#[template(path = "panel-lines.html")]
struct OverTime {
    lines: Vec<Small>,
    marks: Vec<serde_json::Value>,
    data: String,
    page: &'static str,
    query: String,
    from: Timestamp,
    until: Timestamp,
}

fn over_time(sheet: &Sheet, view: &View, deeds: &[Arc<Action>]) -> String {
    let drawn = sheet.counts.lines();
    let small = |name, class, line, values: &[f64], before: &[f64]| Small {
        name,
        class,
        events: sheet.counts.of_line(line),
        svg: lines::draw(class, name, values, before),
    };
    let [allowed, deferred, blocked] = &drawn.week_before;
    let marks: Vec<serde_json::Value> = deeds
        .iter()
        .filter(|action| action.deed == Deed::Found)
        .take(MARKS_MAX)
        .map(|action| json!({ "at_s": action.at.seconds(), "what": action.rule }))
        .collect();
    let data = json!({ "lines": drawn, "marks": marks });
    let page = OverTime {
        lines: vec![
            small("Allowed", "allowed", Line::Allowed, &drawn.allowed, allowed),
            small("Deferred", "deferred", Line::Deferred, &drawn.deferred, deferred),
            small("Blocked", "rejected", Line::Blocked, &drawn.blocked, blocked),
        ],
        marks,
        data: data.to_string(),
        page: PAGE,
        query: view.text(),
        from: sheet.span.from,
        until: sheet.span.until,
    };
    page.render().unwrap_or_default()
}
