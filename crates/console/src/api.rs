//! The same data for programs: JSON and CSV under `/api/v1`, described by an OpenAPI document that
//! is made from the table of routes, and numbers for Prometheus.

mod csv;
pub mod metrics;
mod openapi;

use crate::access::{Operator, SavedView, Who};
use crate::app::{App, Trouble};
use crate::data::{Lists, Sheet};
use crate::pages::events::filter;
use crate::pages::orders::Ordered;
use crate::view::View;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use store::{Cursor, Dimension, Filter, Reader, Row, What};

/// Rows of one answer, at most.
const ROWS_MAX: usize = 10_000;
/// Rows of one answer where nobody said how many.
const ROWS: usize = 1_000;

/// Something that can be read: a row of [`TOPICS`].
pub struct Topic {
    /// Its name in the URL.
    pub name: &'static str,
    /// What it is, for the document.
    pub about: &'static str,
    /// True where it is of a view.
    pub is_of_view: bool,
    read: fn(&Reader, &App, &Asked) -> Result<Vec<Value>, Trouble>,
}

/// What a program asks for.
pub struct Asked {
    who: Who,
    view: View,
    before: Option<Cursor>,
    limit: usize,
}

/// All that can be read.
pub const TOPICS: [Topic; 11] = [
    Topic {
        name: "events",
        about: "Events with their lines, newest first",
        is_of_view: true,
        read: events,
    },
    Topic {
        name: "actions",
        about: "Findings, decisions, expiries, orders and notes, newest first",
        is_of_view: true,
        read: actions,
    },
    Topic {
        name: "outcomes",
        about: "Numbers of events by outcome and reason",
        is_of_view: true,
        read: outcomes,
    },
    Topic {
        name: "series",
        about: "Events over time: allowed, deferred, blocked",
        is_of_view: true,
        read: series,
    },
    Topic {
        name: "clients",
        about: "The busiest clients",
        is_of_view: true,
        read: |r, a, q| leading(r, a, q, Dimension::Client),
    },
    Topic {
        name: "networks",
        about: "The busiest networks, /24 and /56",
        is_of_view: true,
        read: |r, a, q| leading(r, a, q, Dimension::Network),
    },
    Topic {
        name: "accounts",
        about: "The busiest accounts",
        is_of_view: true,
        read: |r, a, q| leading(r, a, q, Dimension::Account),
    },
    Topic {
        name: "incidents",
        about: "Incidents of a time, and those that are not over, these first",
        is_of_view: true,
        read: incidents,
    },
    Topic { name: "holds", about: "Decisions that hold now", is_of_view: false, read: holds },
    Topic {
        name: "audit",
        about: "What operators ordered, newest first",
        is_of_view: false,
        read: audit,
    },
    Topic {
        name: "views",
        about: "Saved views by name: a person's own, and those for everybody",
        is_of_view: false,
        read: views,
    },
];

/// Its routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/orders", post(order))
        .route("/api/v1/status", get(status))
        .route("/api/v1/{topic}", get(read))
        .route("/metrics", get(metrics::page))
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One document.
    Document,
    /// A file to be kept: the same.
    Json,
    /// A file for spreadsheets.
    Csv,
}

async fn read(
    State(app): State<App>,
    who: Who,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (name, form) = match path.rsplit_once('.') {
        Some((name, "csv")) => (name, Form::Csv),
        Some((name, "json")) => (name, Form::Json),
        _ => (path.as_str(), Form::Document),
    };
    let Some(topic) = TOPICS.iter().find(|topic| topic.name == name) else {
        return failed(&Trouble::Missing);
    };
    let asked = match asked(who, query.as_deref().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(trouble) => return failed(&trouble),
    };
    let rows = app.read(move |reader, app| (topic.read)(reader, app, &asked)).await;
    match rows {
        Err(trouble) => failed(&trouble),
        Ok(rows) => answer(topic.name, form, &rows),
    }
}

fn asked(who: Who, query: &str) -> Result<Asked, Trouble> {
    // A program that names no terms wants all.
    let has_terms = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "q");
    let mut view = View::of(query);
    if !has_terms {
        view.terms.clear();
    }
    if let Some((_, error)) = &view.trouble {
        return Err(Trouble::Wrong(format!("q: {error}")));
    }
    let mut asked = Asked { who, view, before: None, limit: ROWS };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let wrong = || Trouble::Wrong(format!("{name}: {value} is none"));
        match &*name {
            "before" => asked.before = Some(value.parse().map_err(|_| wrong())?),
            "limit" => asked.limit = value.parse::<usize>().map_err(|_| wrong())?.min(ROWS_MAX),
            _ => {}
        }
    }
    Ok(asked)
}

fn answer(name: &str, form: Form, rows: &[Value]) -> Response {
    let (media_type, ending, body) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "csv", csv::of(rows)),
        Form::Json | Form::Document => {
            ("application/json", "json", json!({ name: rows }).to_string() + "\n")
        }
    };
    let mut response = ([(CONTENT_TYPE, media_type)], Body::from(body)).into_response();
    if form != Form::Document
        && let Ok(value) = format!("attachment; filename=\"mailward-{name}.{ending}\"").parse()
    {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

fn failed(trouble: &Trouble) -> Response {
    let status = match trouble {
        Trouble::Missing => StatusCode::NOT_FOUND,
        Trouble::Wrong(_) => StatusCode::BAD_REQUEST,
        Trouble::Host(_) => StatusCode::CONFLICT,
        Trouble::Journal(_) | Trouble::Gone => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({ "error": trouble.to_string() }).to_string() + "\n";
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn status(State(app): State<App>, _: Who) -> Response {
    match app.ask(|host| host.status()).await {
        Ok(status) => axum::Json(status).into_response(),
        Err(trouble) => failed(&trouble),
    }
}

async fn order(
    State(app): State<App>,
    Operator(who): Operator,
    axum::Json(ordered): axum::Json<Ordered>,
) -> Response {
    let done = match ordered.order() {
        Ok(order) => {
            let reason = ordered.reason().to_owned();
            app.ask(move |host| host.order(&who.name, &reason, &order)).await
        }
        Err(trouble) => Err(trouble),
    };
    match done {
        Ok(told) => axum::Json(json!({ "done": told })).into_response(),
        Err(trouble) => failed(&trouble),
    }
}

/// Rows in the form of `mailward query --format json`, with the place where the next page begins.
fn rows(app: &App, rows: &[Row]) -> Vec<Value> {
    let row = |row: &Row| {
        let mut value: Value = serde_json::from_str(&app.host.json(row)?).ok()?;
        value.as_object_mut()?.insert("before".to_owned(), json!(row.cursor().to_string()));
        Some(value)
    };
    rows.iter().filter_map(row).collect()
}

fn events(reader: &Reader, app: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let filter = filter(reader, app, &asked.view, asked.before)?;
    Ok(rows(app, &reader.query(&filter, asked.limit)?.rows))
}

fn actions(reader: &Reader, app: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let (from, until) = asked.view.span(app.now(reader)?);
    let filter = Filter {
        what: What::Actions,
        from: Some(from),
        until: Some(until),
        before: asked.before,
        ..Filter::default()
    };
    Ok(rows(app, &reader.query(&filter, asked.limit)?.rows))
}

fn incidents(reader: &Reader, app: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let span = asked.view.span(app.now(reader)?);
    let incidents = crate::pages::incidents::of_span(reader, span, asked.limit)?;
    let row = |incident| serde_json::from_str(&app.host.incident(incident)).ok();
    Ok(incidents.iter().filter_map(row).collect())
}

fn sheet(reader: &Reader, app: &App, asked: &Asked) -> Result<Sheet, Trouble> {
    Ok(Sheet::read(reader, &app.kept.charts, &asked.view, app.now(reader)?)?)
}

fn outcomes(reader: &Reader, app: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let sheet = sheet(reader, app, asked)?;
    let by_reason = sheet.counts.outcomes.iter().flat_map(|(outcome, reasons)| {
        reasons.iter().map(move |(reason, events)| {
            let reason = reason.map(|reason| reason.to_string());
            json!({ "outcome": outcome.to_string(), "reason": reason, "events": events })
        })
    });
    Ok(by_reason.collect())
}

fn series(reader: &Reader, app: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let lines = sheet(reader, app, asked)?.counts.lines();
    let bins = lines.at_s.iter().zip(&lines.allowed).zip(lines.deferred.iter().zip(&lines.blocked));
    let bin = |((at_s, allowed), (deferred, blocked)): ((&i64, &f64), (&f64, &f64))| {
        let at = event::Timestamp::from_seconds(*at_s).to_string();
        json!({ "at": at, "seconds": lines.width_s, "allowed": *allowed as u64,
                "deferred": *deferred as u64, "blocked": *blocked as u64 })
    };
    Ok(bins.map(bin).collect())
}

fn leading(
    reader: &Reader,
    app: &App,
    asked: &Asked,
    dimension: Dimension,
) -> Result<Vec<Value>, Trouble> {
    let lists: Lists = sheet(reader, app, asked)?.lists;
    let row = |one: &crate::data::Leading| {
        let [allowed, deferred, blocked] = one.events;
        json!({ "value": event::Text(&one.value).to_string(), "events": one.all(),
                "allowed": allowed, "deferred": deferred, "blocked": blocked,
                "logins_failed": one.logins[1], "others": one.others })
    };
    Ok(lists.of(dimension).iter().take(asked.limit).map(row).collect())
}

fn holds(reader: &Reader, _: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let row = |decision: &event::Decision| {
        let mut row = Map::new();
        row.insert("at".to_owned(), json!(decision.at.to_string()));
        row.insert(decision.subject.kind().to_owned(), json!(decision.subject.to_string()));
        row.insert("measure".to_owned(), json!(decision.measure.name()));
        row.insert("rule".to_owned(), json!(decision.rule));
        row.insert("mode".to_owned(), json!(decision.mode.name()));
        row.insert("until".to_owned(), json!(decision.until.map(|until| until.to_string())));
        Value::Object(row)
    };
    Ok(reader.holds()?.iter().take(asked.limit).map(row).collect())
}

fn audit(reader: &Reader, _: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let row = |entry: &store::AuditEntry| {
        let command = &entry.command;
        json!({ "at": command.at.to_string(), "operator": command.operator,
                "order": crate::data::ordered(command), "reason": command.reason })
    };
    Ok(reader.audit(asked.limit)?.iter().map(row).collect())
}

fn views(_: &Reader, app: &App, asked: &Asked) -> Result<Vec<Value>, Trouble> {
    let row = |saved: &SavedView| {
        let at = event::Timestamp::from_seconds(saved.saved_s).to_string();
        json!({ "name": event::Text::from(saved.name.as_str()).to_string(), "user": saved.user,
                "for_everybody": saved.is_shared, "saved_at": at, "view": saved.query })
    };
    let saved = app.access().views(&asked.who)?;
    Ok(saved.iter().take(asked.limit).map(row).collect())
}
