//! What stands around every page: its head, the navigation, the filter bar.

use super::views::{Link, Shelf};
use crate::access::Who;
use crate::assets;
use crate::view::{RANGES, Range, View};
use askama::Template;

/// Pages with their names; those of the first keep the view when one goes from one to the other.
const PAGES: [(&str, &str); 7] = [
    ("/", "Dashboard"),
    ("/events", "Events"),
    ("/incidents", "Incidents"),
    ("/decisions", "Decisions"),
    ("/audit", "Audit trail"),
    ("/health", "Health"),
    ("/access", "Access"),
];
/// Pages that show a view.
const OF_VIEW: [&str; 2] = ["/", "/events"];

/// What is around a page.
pub struct Frame {
    /// Which page.
    pub page: &'static str,
    /// Who looks.
    pub who: Option<Who>,
    /// What became of the last order.
    pub told: Option<String>,
    view: Option<View>,
}

impl Frame {
    /// Around a page that is shown to anybody.
    pub const fn blank() -> Self {
        Frame { page: "", who: None, told: None, view: None }
    }

    /// Around a page without a view.
    pub fn of(page: &'static str, who: Who) -> Self {
        Frame { page, who: Some(who), told: None, view: None }
    }

    /// Around a page that shows this view.
    pub fn with(page: &'static str, who: Who, view: &View) -> Self {
        Frame { view: Some(view.clone()), ..Frame::of(page, who) }
    }

    /// The same, telling what became of the last order.
    pub fn telling(self, told: Option<String>) -> Self {
        Frame { told, ..self }
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    pub(crate) fn pages(&self) -> [(&'static str, &'static str); 7] {
        PAGES
    }

    pub(crate) fn link(&self, page: &str) -> String {
        match &self.view {
            Some(view) if OF_VIEW.contains(&page) => view.url(page),
            _ => page.to_owned(),
        }
    }
}

struct RangeLink {
    name: &'static str,
    url: String,
    is_current: bool,
}

struct Chip {
    text: String,
    is_excluded: bool,
    turn: String,
    drop: String,
}

/// The filter bar: the URL, for people.
#[derive(Template)]
#[template(path = "bar.html")]
struct Page {
    bar: Bar,
}

struct Bar {
    pub page: &'static str,
    ranges: Vec<RangeLink>,
    fixed: Option<(String, String)>,
    chips: Vec<Chip>,
    all_but_allowed: Option<String>,
    everything: Option<String>,
    saved: Vec<Link>,
    hidden: Vec<(&'static str, String)>,
    text: String,
    trouble: Option<String>,
    form: Option<String>,
}

/// Who made the link chose the terms.
fn shown(text: &str) -> String {
    event::Text::from(text).to_string()
}

/// The filter bar of a view on a page.
pub fn bar(page: &'static str, view: &View, shelf: &Shelf) -> String {
    let range = |(name, seconds)| RangeLink {
        name,
        url: view.during(Range::Last(name, seconds)).url(page),
        is_current: view.range == Range::Last(name, seconds),
    };
    let chip = |(place, term): (usize, &store::terms::Term)| Chip {
        text: shown(&term.to_string()),
        is_excluded: term.is_excluded,
        turn: view.turning(place).url(page),
        drop: view.dropping(place).url(page),
    };
    let other = |terms: Vec<store::terms::Term>| {
        let other = View { terms, trouble: None, ..view.clone() };
        (other != *view).then(|| other.url(page))
    };
    let (fixed, hidden) = match &view.range {
        Range::Last(name, _) => (None, vec![("last", (*name).to_owned())]),
        Range::Fixed(from, until) => {
            let (from, until) = (from.to_string(), until.to_string());
            (Some((from.clone(), until.clone())), vec![("from", from), ("until", until)])
        }
    };
    let bar = Bar {
        page,
        ranges: RANGES.into_iter().map(range).collect(),
        fixed,
        chips: view.terms.iter().enumerate().map(chip).collect(),
        all_but_allowed: other(View::all_but_allowed()),
        everything: other(Vec::new()),
        saved: shelf.links(page, view),
        hidden,
        text: view.text(),
        trouble: view.trouble.as_ref().map(|(_, error)| shown(&error.to_string())),
        form: shelf.form(page, view),
    };
    Page { bar }.render().unwrap_or_default()
}
