//! Live updates of a dashboard, by server-sent events (WHATWG HTML, section 9.2): the panels that
//! changed, each as the markup that takes its place.
//!
//! One view is drawn once for all who look at it. Who reads slowly gets fewer updates and never a
//! queue: what is drawn last is what is sent next.

use super::dashboard::panels;
use crate::access::Who;
use crate::app::App;
use crate::clock;
use crate::view::View;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt as _};

/// Time between two looks at the journal.
const EVERY: Duration = Duration::from_secs(2);
/// Time passes though nothing happens: then a view is drawn all the same.
const ANYWAY_EVERY: Duration = Duration::from_secs(60);
/// Views that are drawn at once; who comes beyond that gets the page, and no updates.
const VIEWS_MAX: usize = 32;
/// A line that says that the connection is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// Of the time at most this share is spent on one view: a costly one is drawn less often.
const SHARE: u32 = 10;

/// What is drawn of a view.
#[derive(Clone, Debug, Default)]
struct Drawn {
    now: String,
    panels: Arc<BTreeMap<&'static str, String>>,
}

type Views = BTreeMap<String, watch::Receiver<Drawn>>;

/// Views that somebody looks at.
#[derive(Clone, Default)]
pub struct Live(Arc<Mutex<Views>>);

impl Live {
    /// What is drawn of a view: begins to draw it where nobody looks at it yet.
    fn watch(&self, app: &App, view: &View) -> Option<watch::Receiver<Drawn>> {
        let key = view.url("");
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        views.retain(|_, watched| watched.has_changed().is_ok());
        if let Some(watched) = views.get(&key) {
            return Some(watched.clone());
        }
        if views.len() >= VIEWS_MAX {
            return None;
        }
        let (sender, watched) = watch::channel(Drawn::default());
        views.insert(key, watched.clone());
        tokio::spawn(draw(app.clone(), view.clone(), sender));
        Some(watched)
    }
}

/// Draws a view as long as somebody looks at it besides the table of views.
async fn draw(app: App, view: View, sender: watch::Sender<Drawn>) {
    let mut version = None;
    let mut pause = EVERY;
    let mut drawn_at = clock::monotonic();
    loop {
        if sender.receiver_count() <= 1 {
            return;
        }
        let began = clock::monotonic();
        let (asked, before) = (view.clone(), version);
        let is_due = drawn_at.elapsed() > ANYWAY_EVERY;
        let drawn = app
            .read(move |reader, app| {
                let now = reader.version()?;
                if before == Some(now) && !is_due {
                    return Ok(None);
                }
                let (at, drawn) = panels(reader, app, &asked)?;
                Ok(Some((now, at, drawn)))
            })
            .await;
        if let Ok(Some((now, at, drawn))) = drawn {
            version = Some(now);
            drawn_at = clock::monotonic();
            let panels = Arc::new(drawn.into_iter().collect());
            sender.send_replace(Drawn { now: at.to_string(), panels });
            pause = EVERY.max(began.elapsed() * SHARE);
        }
        tokio::time::sleep(pause).await;
    }
}

/// `GET /live`
pub async fn stream(
    State(app): State<App>,
    who: Who,
    RawQuery(query): RawQuery,
) -> impl IntoResponse {
    let view = View::of(query.as_deref().unwrap_or_default());
    let events: Events = match app.live.watch(&app, &view) {
        Some(watched) => {
            let mut shown = Arc::default();
            // Who signs out, or is signed out, hears no more.
            let heard = WatchStream::from_changes(watched)
                .then(move |drawn| heard(app.clone(), who.session.clone(), drawn))
                .take_while(Option::is_some);
            Box::pin(heard.filter_map(|drawn| drawn).map(move |drawn| {
                let before = std::mem::replace(&mut shown, Arc::clone(&drawn.panels));
                Ok(update(&before, &drawn))
            }))
        }
        None => Box::pin(tokio_stream::once(Ok(Event::default().event("full").data("")))),
    };
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY))
}

/// What was drawn, for who is signed in still.
async fn heard(app: App, session: Option<Vec<u8>>, drawn: Drawn) -> Option<Drawn> {
    let Some(session) = session else { return Some(drawn) };
    let is_on = app.gate(move |access| access.is_session(&session)).await.unwrap_or(false);
    is_on.then_some(drawn)
}

type Events = Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>;

/// The panels that are not as they were.
fn update(before: &BTreeMap<&'static str, String>, drawn: &Drawn) -> Event {
    let panels: BTreeMap<&str, &str> = drawn
        .panels
        .iter()
        .filter(|(name, html)| before.get(*name) != Some(html))
        .map(|(name, html)| (*name, html.as_str()))
        .collect();
    let data = json!({ "now": drawn.now, "panels": panels });
    Event::default().event("panels").data(data.to_string())
}
