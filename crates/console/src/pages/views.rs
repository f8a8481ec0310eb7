//! Saved views in the filter bar: links to them, and a form that saves and removes them. It is sent
//! to the page that is looked at, whose URL is the view.

use super::{dashboard, events};
use crate::access::{Person, SavedView, VIEW_NAME_MAX, Who, sentence};
use crate::app::{App, Trouble};
use crate::view::View;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use event::Text;
use serde::Deserialize;

/// What a page knows of saved views.
pub struct Shelf {
    who: Who,
    views: Vec<SavedView>,
    /// Why the last one was not saved or removed, and the name that was given.
    trouble: Option<(String, String)>,
}

/// A link to a saved view.
pub struct Link {
    /// As it is called.
    pub name: String,
    /// Whose it is.
    pub title: String,
    /// On the page that is looked at.
    pub url: String,
    /// It is what is looked at.
    pub is_current: bool,
}

/// One that may be removed.
struct Own {
    id: i64,
    name: String,
    whose: String,
}

#[derive(Template)]
#[template(path = "bar-views.html")]
struct Keep {
    here: String,
    may_save: bool,
    may_share: bool,
    name: String,
    trouble: Option<String>,
    own: Vec<Own>,
}

impl Shelf {
    /// What somebody sees.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn of(app: &App, who: &Who) -> Result<Shelf, Trouble> {
        let (who, looks) = (who.clone(), who.clone());
        let views = app.gate(move |access| access.views(&looks)).await?;
        Ok(Shelf { who, views, trouble: None })
    }

    /// Links to all, on a page that shows this view.
    pub fn links(&self, page: &str, view: &View) -> Vec<Link> {
        let link = |saved: &SavedView| {
            let other = View::of(&saved.query);
            Link {
                name: Text::from(saved.name.as_str()).to_string(),
                title: self.whose(saved),
                is_current: other == *view,
                url: other.url(page),
            }
        };
        self.views.iter().map(link).collect()
    }

    fn whose(&self, saved: &SavedView) -> String {
        let is_own = self.who.scopes.is_none() && saved.user == self.who.name;
        match (is_own, saved.is_shared) {
            (true, true) => "yours, for everybody".to_owned(),
            (true, false) => "yours".to_owned(),
            (false, _) => format!("for everybody, by {}", Text::from(saved.user.as_str())),
        }
    }

    /// The form, where there is something to do with it: no program saves views.
    pub fn form(&self, page: &str, view: &View) -> Option<String> {
        if self.who.scopes.is_some() {
            return None;
        }
        let may_remove = |saved: &&SavedView| self.who.may_act() || saved.user == self.who.name;
        let own = |saved: &SavedView| Own {
            id: saved.id,
            name: Text::from(saved.name.as_str()).to_string(),
            whose: self.whose(saved),
        };
        let (trouble, name) = self.trouble.clone().unzip();
        let keep = Keep {
            here: view.url(page),
            may_save: view.trouble.is_none(),
            may_share: self.who.may_act(),
            name: name.unwrap_or_default(),
            trouble,
            own: self.views.iter().filter(may_remove).map(own).collect(),
        };
        let has_deed = keep.may_save || keep.trouble.is_some() || !keep.own.is_empty();
        has_deed.then(|| keep.render().unwrap_or_default())
    }
}

/// What the form brings.
#[derive(Deserialize)]
pub struct Change {
    deed: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    shared: String,
    #[serde(default)]
    id: String,
}

/// `POST /` and `POST /events`: saves the view of the URL, or removes a saved one.
pub async fn change(
    State(app): State<App>,
    Person(who): Person,
    url: Uri,
    Form(change): Form<Change>,
) -> Result<Response, Trouble> {
    let page = if url.path() == events::PAGE { events::PAGE } else { dashboard::PAGE };
    let view = View::of(url.query().unwrap_or_default());
    let (asks, asked) = (who.clone(), view.query());
    // What cannot be shown as it is, is not given back either.
    let name =
        Some(change.name.clone()).filter(|name| Text::from(name.as_str()).to_string() == *name);
    let done = match change.deed.as_str() {
        "save" => {
            let is_shared = !change.shared.is_empty();
            app.gate(move |access| access.save_view(&asks, &change.name, &asked, is_shared)).await
        }
        "remove" => {
            let id = change.id.parse().map_err(|_| Trouble::Missing)?;
            app.gate(move |access| access.remove_view(&asks, id)).await
        }
        _ => return Err(Trouble::Missing),
    };
    let why = match done {
        Ok(()) => return Ok(Redirect::to(&view.url(page)).into_response()),
        Err(Trouble::Wrong(why)) => sentence(&why),
        Err(trouble) => return Err(trouble),
    };
    let shelf =
        Shelf { trouble: Some((why, name.unwrap_or_default())), ..Shelf::of(&app, &who).await? };
    let shown = match page {
        events::PAGE => events::shown(&app, who, &view, None, &shelf).await?,
        _ => dashboard::shown(&app, who, &view, &shelf).await?,
    };
    Ok((StatusCode::FORBIDDEN, shown).into_response())
}
