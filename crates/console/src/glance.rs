//! The dashboard's panels as text, for who looks by a terminal.

use crate::data::{Kept, Line, Sheet};
use crate::host::Host;
use crate::pages::dashboard::{Told, tables};
use crate::view::{RANGES, View};
use event::Timestamp;
use store::terms::TermError;
use store::{Reader, StoreError};

/// A line over time.
pub struct Trend {
    /// Allowed, deferred, blocked.
    pub name: &'static str,
    /// Events in all.
    pub events: u64,
    /// Events in each step of the time.
    pub steps: Vec<f64>,
}

/// A panel that is a table.
pub struct Table {
    /// For people.
    pub title: &'static str,
    /// Said beside the title.
    pub aside: String,
    /// The heads of the columns.
    pub head: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
    /// Said where there are none.
    pub empty: &'static str,
}

/// What became of events, and why.
pub struct Outcome {
    /// The outcome's name.
    pub name: &'static str,
    /// How many.
    pub events: u64,
    /// Reasons with their events, the most frequent first.
    pub reasons: Vec<(&'static str, u64)>,
}

/// All that is to be seen.
pub struct Glance {
    /// Outcomes with their reasons.
    pub outcomes: Vec<Outcome>,
    /// The lines.
    pub trends: Vec<Trend>,
    /// The panels.
    pub tables: Vec<Table>,
}

/// What is looked at: a range by its name, and terms.
pub struct Looking(View, Kept);

impl Looking {
    /// Names of ranges: `1h`, `24h`.
    pub fn ranges() -> impl Iterator<Item = &'static str> {
        RANGES.iter().map(|(name, _)| *name)
    }

    /// At this range and these terms; without terms at all but what was allowed.
    ///
    /// # Errors
    /// The terms cannot be understood.
    pub fn at(range: &str, terms: Option<&str>) -> Result<Looking, TermError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("last", range);
        if let Some(terms) = terms {
            query.append_pair("q", terms);
        }
        let view = View::of(&query.finish());
        match view.trouble {
            Some((_, error)) => Err(error),
            None => Ok(Looking(view, Kept::default())),
        }
    }

    /// The terms, as a person writes them.
    pub fn terms(&self) -> String {
        self.0.text()
    }

    /// Looks. `time` says how times are written.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn look(
        &self,
        reader: &Reader,
        host: &dyn Host,
        now: Timestamp,
        time: &dyn Fn(Timestamp) -> String,
    ) -> Result<Glance, StoreError> {
        let sheet = Sheet::read(reader, &self.1.charts, &self.0, now)?;
        let told = Told::read(reader, &self.1, &sheet)?;
        let panels = tables((reader, &self.1), host, &self.0, (&sheet, &told))?;
        let table = |panel: crate::pages::panel::Panel| Table {
            rows: panel.texts(time),
            head: panel.head.iter().map(|head| head.name).collect(),
            title: panel.title,
            aside: panel.aside,
            empty: panel.empty,
        };
        Ok(Glance {
            outcomes: outcomes(&sheet),
            trends: trends(&sheet),
            tables: panels.into_iter().map(table).collect(),
        })
    }
}

fn outcomes(sheet: &Sheet) -> Vec<Outcome> {
    use event::Vocabulary as _;
    let mut outcomes = Vec::new();
    for (outcome, reasons) in &sheet.counts.outcomes {
        let named =
            reasons.iter().filter_map(|(reason, events)| Some((reason.as_ref()?.name(), *events)));
        let mut named: Vec<(&'static str, u64)> = named.collect();
        named.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let events = reasons.values().sum();
        outcomes.push(Outcome { name: outcome.name(), events, reasons: named });
    }
    outcomes
}

fn trends(sheet: &Sheet) -> Vec<Trend> {
    let lines = sheet.counts.lines();
    let trend = |name, line, steps: &[f64]| Trend {
        name,
        events: sheet.counts.of_line(line),
        steps: steps.to_vec(),
    };
    vec![
        trend("allowed", Line::Allowed, &lines.allowed),
        trend("deferred", Line::Deferred, &lines.deferred),
        trend("blocked", Line::Blocked, &lines.blocked),
    ]
}
