//! Stories: of a session or message over all servers, and why something was decided.

use super::events::{self, cells};
use super::frame::Frame;
use super::orders::Form;
use super::panel::Cell;
use crate::access::Who;
use crate::app::{App, Trouble};
use crate::view::View;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use event::{Network, Subject, Text};
use serde::Deserialize;
use std::net::IpAddr;

#[derive(Template)]
#[template(path = "story.html")]
struct Page {
    frame: Frame,
    title: String,
    trouble: Option<String>,
    text: String,
    rows: Vec<Vec<Cell>>,
    forms: Vec<Form>,
}

/// What a session is asked by.
#[derive(Debug, Deserialize)]
pub struct Id {
    id: String,
}

/// `GET /session?id=`
pub async fn session(
    State(app): State<App>,
    who: Who,
    Query(Id { id }): Query<Id>,
) -> Result<Html<String>, Trouble> {
    let asked = id.clone();
    let found = app.read(move |reader, app| Ok(app.host.story(reader, asked.as_bytes())?)).await?;
    let view = View::of("last=30d&q=");
    let page = Page {
        frame: Frame::of(events::PAGE, who),
        title: format!("Session or message {}", Text::from(&*id)),
        trouble: found.rows.is_empty().then(|| "Nothing on record has this id.".to_owned()),
        text: String::new(),
        rows: found.rows.iter().filter_map(|row| cells(row, &view)).collect(),
        forms: Vec::new(),
    };
    super::shown(&page)
}

/// Whom a story is about.
#[derive(Debug, Deserialize)]
pub struct About {
    subject: String,
}

/// `GET /why?subject=`
pub async fn why(
    State(app): State<App>,
    who: Who,
    Query(About { subject }): Query<About>,
) -> Result<Html<String>, Trouble> {
    let asked = subject.clone();
    let (text, trouble) = match app.ask(move |host| host.why(&asked)).await {
        Ok(text) => (text, None),
        Err(trouble) => (String::new(), Some(trouble.to_string())),
    };
    let may_act = who.may_act();
    let page = Page {
        frame: Frame::of("/decisions", who),
        title: format!("Why {}", Text::from(&*subject)),
        trouble,
        text,
        rows: Vec::new(),
        forms: if may_act { forms(&subject) } else { Vec::new() },
    };
    super::shown(&page)
}

fn forms(subject: &str) -> Vec<Form> {
    let address: Option<IpAddr> = subject.parse().ok();
    let network: Option<Network> = subject.parse().ok();
    match (address, network) {
        (Some(client), _) => Form::about_client(client),
        (None, Some(network)) => Form::about(&[Subject::Network(network)]),
        (None, None) => Form::about(&[Subject::Account(subject.as_bytes().into())]),
    }
}
