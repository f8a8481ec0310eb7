//! Pages: what is asked by a URL, read from the journal, shown as markup.

pub mod dashboard;
pub mod events;
pub mod frame;
pub mod health;
pub mod incidents;
pub mod lists;
pub mod live;
pub mod map;
pub mod orders;
pub mod panel;
pub mod records;
pub mod story;
pub mod views;

use crate::app::{App, Trouble};
use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

/// All pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(dashboard::page).post(views::change))
        .route("/live", get(live::stream))
        .route("/events", get(events::page).post(views::change))
        .route("/events/rows", get(events::more))
        .route("/event/{cursor}", get(events::one))
        .route("/session", get(story::session))
        .route("/why", get(story::why))
        .route("/incidents", get(incidents::page))
        .route("/incident/{number}", get(incidents::one))
        .route("/decisions", get(records::decisions))
        .route("/audit", get(records::audit))
        .route("/health", get(health::page))
        .route("/orders", post(orders::order))
}

/// A template as a page.
///
/// # Errors
/// It cannot be rendered, which only a lack of memory can bring about.
pub fn shown(page: &impl Template) -> Result<Html<String>, Trouble> {
    page.render().map(Html).map_err(|_| Trouble::Gone)
}

#[derive(Template)]
#[template(path = "panels.html")]
struct Panels {
    frame: frame::Frame,
    title: &'static str,
    trouble: Option<String>,
    panels: Vec<String>,
}

/// A page of panels.
///
/// # Errors
/// As [`shown`].
pub fn panels(
    frame: frame::Frame,
    title: &'static str,
    trouble: Option<String>,
    panels: &[panel::Panel],
) -> Result<Html<String>, Trouble> {
    let panels = panels.iter().map(panel::Panel::html).collect();
    shown(&Panels { frame, title, trouble, panels })
}

/// A path with one parameter.
pub fn url(path: &str, name: &str, value: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    format!("{path}?{}", query.finish())
}

/// A URL of the API as files of other kinds.
pub fn exports(url: &str) -> Vec<(&'static str, String)> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    ["CSV", "JSON"]
        .into_iter()
        .map(|kind| (kind, format!("{path}.{}?{query}", kind.to_lowercase())))
        .collect()
}

/// The class of a cell with an outcome.
pub fn outcome_class(word: &str) -> &'static str {
    match word {
        "allowed" => "value badge-cell is-allowed",
        "deferred" => "value badge-cell is-deferred",
        "rejected" => "value badge-cell is-rejected",
        "dropped" => "value badge-cell is-dropped",
        _ => "value badge-cell is-other",
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Page {
    frame: frame::Frame,
    title: &'static str,
    what: String,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, title) = match &self {
            Trouble::Missing => (StatusCode::NOT_FOUND, "Not here"),
            Trouble::Wrong(_) => (StatusCode::BAD_REQUEST, "That makes no sense"),
            Trouble::Host(_) => (StatusCode::CONFLICT, "The guard did not do it"),
            Trouble::Journal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "The journal"),
            Trouble::Gone => (StatusCode::SERVICE_UNAVAILABLE, "Not now"),
        };
        let page = Page { frame: frame::Frame::blank(), title, what: self.to_string() };
        let html = page.render().unwrap_or_default();
        (status, Html(html)).into_response()
    }
}

/// The page of a URL that leads nowhere.
pub async fn missing() -> Trouble {
    Trouble::Missing
}
