//! Events as a table, page by page, and one event with its line and the parser's reading of it.

use super::frame::{Frame, bar};
use super::orders::Form;
use super::panel::{
    Cell, Holds, LINKED_MAX, VALUE_MAX, beginning, figure, link, text, time, value, whole, why,
};
use super::views::Shelf;
use crate::access::Who;
use crate::app::{App, Trouble};
use crate::clock;
use crate::view::View;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Html;
use event::{Event, Text, Vocabulary};
use std::time::Duration;
use store::terms::Field;
use store::{Cursor, Filter, Reader, Record, Row, Search};

/// Its page.
pub const PAGE: &str = "/events";
/// Rows of a page.
const ROWS: usize = 100;
/// What of a line a row shows, in bytes.
const LINE_MAX: usize = 512;
/// A page is given after so long, with what was found by then.
const SEARCHED_WITHIN: Duration = Duration::from_millis(120);

#[derive(Template)]
#[template(path = "events.html")]
struct Page {
    frame: Frame,
    bar: String,
    rows: Rows,
    exports: Vec<(&'static str, String)>,
}

/// A page of rows, and where the next begins.
#[derive(Template)]
#[template(path = "rows.html")]
struct Rows {
    /// From the newest on.
    is_first: bool,
    rows: Vec<Vec<Cell>>,
    /// The search took long: what was found so far.
    is_stopped: bool,
    next: Option<String>,
    next_page: Option<String>,
    losses: Vec<String>,
}

/// `GET /events`
pub async fn page(
    State(app): State<App>,
    who: Who,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Trouble> {
    let query = query.unwrap_or_default();
    let shelf = Shelf::of(&app, &who).await?;
    shown(&app, who, &View::of(&query), cursor(&query), &shelf).await
}

/// The events of a view, from the newest or from those before one on.
///
/// # Errors
/// The journal cannot be read.
pub async fn shown(
    app: &App,
    who: Who,
    view: &View,
    before: Option<Cursor>,
    shelf: &Shelf,
) -> Result<Html<String>, Trouble> {
    let asked = view.clone();
    let rows = app.read(move |reader, app| rows(reader, app, &asked, before)).await?;
    let page = Page {
        bar: bar(PAGE, view, shelf),
        exports: super::exports(&view.url("/api/v1/events")),
        frame: Frame::with(PAGE, who, view),
        rows,
    };
    super::shown(&page)
}

/// `GET /events/rows`: more rows for a table that is looked at.
pub async fn more(
    State(app): State<App>,
    _: Who,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Trouble> {
    let query = query.unwrap_or_default();
    let (view, before) = (View::of(&query), cursor(&query));
    let rows = app.read(move |reader, app| rows(reader, app, &view, before)).await?;
    super::shown(&rows)
}

fn cursor(query: &str) -> Option<Cursor> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "before").and_then(|(_, value)| value.parse().ok())
}

fn rows(reader: &Reader, app: &App, view: &View, before: Option<Cursor>) -> Result<Rows, Trouble> {
    let is_enough = clock::is_over(SEARCHED_WITHIN);
    let search = Search { is_enough: &is_enough, with_lines: true };
    let found = reader.search(&filter(reader, app, view, before)?, ROWS, search)?;
    let last = found.stopped.or_else(|| found.rows.last().filter(|_| found.cut).map(Row::cursor));
    let url = |page: &str| last.map(|last| format!("{}&before={last}", view.url(page)));
    Ok(Rows {
        is_first: before.is_none(),
        rows: found.rows.iter().filter_map(|row| cells(row, view)).collect(),
        is_stopped: found.stopped.is_some(),
        next: url("/events/rows"),
        next_page: url(PAGE),
        losses: found.losses.iter().map(|loss| loss.what.clone()).collect(),
    })
}

/// What the journal is asked for a view.
///
/// # Errors
/// The journal cannot be read.
pub fn filter(
    reader: &Reader,
    app: &App,
    view: &View,
    before: Option<Cursor>,
) -> Result<Filter, Trouble> {
    let now = app.now(reader)?;
    let (from, until) = view.span(now);
    let terms = reader.resolved(&view.terms, from, until)?;
    Ok(Filter { from: Some(from), until: Some(until), before, ..Filter::of_terms(&terms) })
}

/// The cells of a row.
pub fn cells(row: &Row, view: &View) -> Option<Vec<Cell>> {
    let (event, line) = (row.event()?, row.line()?);
    let page = format!("/event/{}", row.cursor());
    let named = |field, name: Option<Text<'_>>| match name {
        // Its page has it whole.
        Some(name) if name.0.len() > VALUE_MAX => {
            Cell { class: "value", ..link(beginning(name.0, VALUE_MAX), page.clone()) }
        }
        Some(name) => value(view, PAGE, field, name.0),
        None => text(""),
    };
    let client = event.client.map(|client| client.to_string());
    Some(vec![
        Cell { class: "time", holds: Holds::Time(event.at) },
        word(view, Field::Outcome, event.outcome.name()),
        match event.reason {
            Some(reason) => word(view, Field::Reason, reason.name()),
            None => text(""),
        },
        named(Field::Client, client.as_deref().map(Text::from)),
        named(Field::Account, event.account),
        word(view, Field::Kind, event.kind.name()),
        named(Field::Service, Some(event.service)),
        Cell { class: "line", ..link(beginning(message(line), LINE_MAX), page.clone()) },
    ])
}

/// What a line says, without stamp, host and program: a row tells those.
fn message(line: &[u8]) -> &[u8] {
    let colon = line.windows(2).position(|pair| pair == b": ");
    colon.and_then(|colon| line.get(colon + 2..)).filter(|rest| !rest.is_empty()).unwrap_or(line)
}

fn word(view: &View, field: Field, word: &'static str) -> Cell {
    let term = store::terms::Value::Word(word);
    let include = view.with(field, term.clone()).url(PAGE);
    let exclude = view.without(field, term).url(PAGE);
    let class = if field == Field::Outcome { super::outcome_class(word) } else { "value" };
    Cell { class, holds: Holds::Value(word.to_owned(), include, exclude, None) }
}

/// A piece of a line, and what it was read as.
struct Piece {
    text: String,
    field: &'static str,
}

#[derive(Template)]
#[template(path = "event.html")]
struct One {
    frame: Frame,
    source: String,
    seq: u64,
    at: event::Timestamp,
    outcome: &'static str,
    pieces: Vec<Piece>,
    fields: Vec<(&'static str, Cell, &'static str)>,
    stories: Vec<(String, String)>,
    forms: Vec<Form>,
}

/// `GET /event/{cursor}`
pub async fn one(
    State(app): State<App>,
    who: Who,
    Path(at): Path<String>,
) -> Result<Html<String>, Trouble> {
    let at: Cursor = at.parse().map_err(|_| Trouble::Missing)?;
    let may_act = who.may_act();
    let frame = Frame::of(PAGE, who);
    let row = app
        .read(move |reader, _| {
            let filter = Filter { before: Some(at.next()), ..Filter::default() };
            let found = reader.query(&filter, 1)?.rows.into_iter().next();
            found.filter(|row| row.cursor() == at).ok_or(Trouble::Missing)
        })
        .await?;
    let Some(Record::Event { seq, event, line, .. }) = row.record() else {
        return Err(Trouble::Missing);
    };
    let view = View::of("last=7d&q=");
    let page = One {
        frame,
        source: Text::from(row.source()).to_string(),
        seq,
        at: event.at,
        outcome: event.outcome.name(),
        pieces: pieces(&event, line),
        fields: fields(&event, &view),
        stories: stories(&event),
        forms: event.client.filter(|_| may_act).map_or_else(Vec::new, Form::about_client),
    };
    super::shown(&page)
}

/// The texts of an event, with their names.
fn texts<'a>(event: &Event<'a>) -> [(&'static str, Option<Text<'a>>); 16] {
    [
        ("service", Some(event.service)),
        ("host", event.host),
        ("account", event.account),
        ("session", event.session),
        ("queue id", event.queue_id),
        ("mechanism", event.mechanism),
        ("sender", event.sender),
        ("recipient", event.recipient),
        ("helo", event.helo),
        ("secret tag", event.secret_tag),
        ("mail subject", event.mail_subject),
        ("spam score", event.spam_score),
        ("query name", event.query_name),
        ("query type", event.query_type),
        ("detail", event.detail),
        ("", None),
    ]
}

/// The line, cut where the parser read a field: each is a piece of the line itself.
fn pieces(event: &Event<'_>, line: &[u8]) -> Vec<Piece> {
    let start_of = |part: &[u8]| (part.as_ptr() as usize).checked_sub(line.as_ptr() as usize);
    let mut marks: Vec<(usize, usize, &'static str)> = texts(event)
        .into_iter()
        .filter_map(|(name, text)| {
            let part = text?.0;
            if part.is_empty() {
                return None;
            }
            // Of an event in history the texts stand apart from the line: they are looked for.
            let inside = start_of(part).filter(|start| start + part.len() <= line.len());
            let start = inside.or_else(|| line.windows(part.len()).position(|at| at == part))?;
            Some((start, start + part.len(), name))
        })
        .collect();
    // The client is kept as an address: where it stands is looked for, to be shown only.
    if let Some(client) = event.client.map(|client| client.to_string())
        && let Some(start) = line.windows(client.len()).rposition(|part| part == client.as_bytes())
    {
        marks.push((start, start + client.len(), "client"));
    }
    marks.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    let mut pieces = Vec::new();
    let mut at = 0;
    for (start, end, field) in marks {
        if start < at {
            continue;
        }
        push(&mut pieces, line.get(at..start), "");
        push(&mut pieces, line.get(start..end), field);
        at = end;
    }
    push(&mut pieces, line.get(at..), "");
    pieces
}

fn push(pieces: &mut Vec<Piece>, part: Option<&[u8]>, field: &'static str) {
    if let Some(part) = part.filter(|part| !part.is_empty()) {
        pieces.push(Piece { text: Text(part).to_string(), field });
    }
}

/// Every field with its value and what it means.
fn fields(event: &Event<'_>, view: &View) -> Vec<(&'static str, Cell, &'static str)> {
    let mut fields = vec![
        ("when", time(event.at), ""),
        ("server", word(view, Field::Server, event.server.name()), event.server.meaning()),
        ("protocol", word(view, Field::Protocol, event.protocol.name()), event.protocol.meaning()),
        ("kind", word(view, Field::Kind, event.kind.name()), event.kind.meaning()),
        ("outcome", word(view, Field::Outcome, event.outcome.name()), event.outcome.meaning()),
    ];
    if let Some(reason) = event.reason {
        fields.push(("reason", word(view, Field::Reason, reason.name()), reason.meaning()));
    }
    let hostile = if event.hostile { "yes" } else { "no" };
    fields.push(("counts against the client", text(hostile), ""));
    if let Some(client) = event.client {
        let shown = client.to_string();
        fields.push(("client", value(view, PAGE, Field::Client, shown.as_bytes()), ""));
    }
    if !event.origin.is_unknown() {
        fields.push(("operator and country", text(event.origin.to_string()), ""));
    }
    for (name, found) in texts(event) {
        let Some(found) = found.filter(|found| !found.is_empty()) else { continue };
        let field = Field::from_name(name).map(|row| row.field);
        let cell = match field {
            Some(field) => whole(view, PAGE, field, found.0),
            None => text(found.to_string()),
        };
        fields.push((name, cell, ""));
    }
    let numbers = [
        ("attempts", u64::from(event.attempts), 0),
        ("times", u64::from(event.times), 1),
        ("recipients", u64::from(event.recipients), 0),
        ("process", u64::from(event.pid.unwrap_or(0)), 0),
    ];
    let told = numbers.into_iter().filter(|(_, number, usual)| number != usual);
    fields.extend(told.map(|(name, number, _)| (name, figure(number.to_string()), "")));
    fields
}

/// Where the story of it is told.
fn stories(event: &Event<'_>) -> Vec<(String, String)> {
    let mut stories = Vec::new();
    // Nothing is asked by what is too long for a URL.
    let is_short = |text: &Text<'_>| text.0.len() <= LINKED_MAX;
    for id in [event.session, event.queue_id].into_iter().flatten().filter(is_short) {
        let url = super::url("/session", "id", &String::from_utf8_lossy(id.0));
        stories.push((format!("all lines of {}", beginning(id.0, VALUE_MAX)), url));
    }
    if let Some(client) = event.client {
        stories.push((format!("why {client}"), why(&client.to_string())));
    }
    if let Some(account) = event.account.filter(is_short) {
        let shown = beginning(account.0, VALUE_MAX);
        stories.push((format!("why {shown}"), why(&account.to_string())));
    }
    stories
}
