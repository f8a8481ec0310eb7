//! All that a dashboard shows of one view, read at once: panels share what they are drawn from.
//!
//! Where the view's terms are about what roll-ups are counted by, a sheet costs the points it
//! draws. Other terms (an account, an address) are answered by the events themselves, the newest
//! first; beyond [`EVENTS_MAX`] the sheet says from when on it counts.

use super::counts::{Counts, Wanted, Words};
use super::leading::{Counting, Lists};
use super::span::{Span, WEEK_S};
use crate::clock;
use crate::view::View;
use event::{Event, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use store::terms::{Field, Term};
use store::{ChartCache, Dimension, Filter, Reader, Search, Series, Step, StoreError};

/// Events that are counted one by one for a sheet.
pub const EVENTS_MAX: usize = 10_000;
/// After so long no further part of the journal is looked at.
const COUNTED_WITHIN: Duration = Duration::from_millis(120);

/// What a dashboard shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Sheet {
    /// When.
    pub span: Span,
    /// Numbers.
    pub counts: Counts,
    /// Who most.
    pub lists: Lists,
    /// Where there were too many events: those before this are not counted.
    pub counted_from: Option<Timestamp>,
    /// All series, whether they are asked for or not.
    pub series: Wanted,
}

impl Sheet {
    /// Reads it. `now` is the time by which a view's "last" is meant.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read(
        reader: &Reader,
        charts: &ChartCache,
        view: &View,
        now: Timestamp,
    ) -> Result<Sheet, StoreError> {
        let (from, until) = view.span(now);
        let newest = reader.newest()?.unwrap_or(now).max(now);
        let span = Span { from, until, newest };
        let terms = reader.resolved(&view.terms, from, until)?;
        let series = reader.series()?;
        let sheet = if terms.iter().all(|term| OF_SERIES.contains(&term.field)) {
            by_series(reader, charts, span, &wanted(&series, &terms))?
        } else {
            by_events(reader, span, &terms)?
        };
        Ok(Sheet { series: wanted(&series, &[]), ..sheet })
    }
}

/// Terms about these are answered by counts of series.
const OF_SERIES: [Field; 7] = [
    Field::Outcome,
    Field::Reason,
    Field::Kind,
    Field::Server,
    Field::Protocol,
    Field::Service,
    Field::Host,
];

/// The series that meet all terms.
fn wanted(series: &BTreeMap<u16, Series>, terms: &[Term]) -> Wanted {
    let numbers = series.last_key_value().map_or(0, |(last, _)| usize::from(*last) + 1);
    let mut wanted = vec![None; numbers];
    for (number, one) in series {
        let is_wanted = terms.iter().all(|term| term.matches_series(one) == Some(true));
        if let Some(place) = wanted.get_mut(usize::from(*number)).filter(|_| is_wanted) {
            *place = Some(Words {
                protocol: one.protocol,
                kind: one.kind,
                outcome: one.outcome,
                reason: one.reason,
            });
        }
    }
    wanted
}

fn by_series(
    reader: &Reader,
    charts: &ChartCache,
    span: Span,
    wanted: &Wanted,
) -> Result<Sheet, StoreError> {
    let bins = span.bins();
    let mut counts = Counts::over(bins);
    let rollups = reader.rollups(charts, bins.step, span.from, span.until)?;
    counts.take_all(rollups.iter(), wanted);
    // A week ago nothing finer than minutes is kept.
    let step = bins.step.max(Step::Minute);
    let (from, until) = (span.from.plus_seconds(-WEEK_S), span.until.plus_seconds(-WEEK_S));
    let rollups = reader.rollups(charts, step, from, until)?;
    counts.take_before(rollups.iter(), step.seconds(), wanted);
    let mut lists = Lists::default();
    for dimension in Dimension::ALL {
        let leaders = reader.leaders(charts, dimension, span.leaders(), span.from, span.until)?;
        lists.add(dimension, &leaders, wanted);
    }
    Ok(Sheet { span, counts, lists, counted_from: None, series: Wanted::new() })
}

fn by_events(reader: &Reader, span: Span, terms: &[Term]) -> Result<Sheet, StoreError> {
    let filter =
        Filter { from: Some(span.from), until: Some(span.until), ..Filter::of_terms(terms) };
    let is_enough = clock::is_over(COUNTED_WITHIN);
    let search = Search { is_enough: &is_enough, with_lines: false };
    let found = reader.search(&filter, EVENTS_MAX, search)?;
    let mut counts = Counts::over(span.bins());
    let mut counting = Counting::default();
    let mut oldest = span.until;
    for event in found.rows.iter().filter_map(store::Row::event) {
        let words = words_of(&event);
        counts.take(event.at.seconds(), words, 1);
        counting.take(&event, words);
        oldest = oldest.min(event.at);
    }
    // Where the search was given up before anything was found, nothing is known of any time.
    let counted_from = found.cut.then_some(oldest);
    let lists = counting.lists();
    Ok(Sheet { span, counts, lists, counted_from, series: Wanted::new() })
}

fn words_of(event: &Event<'_>) -> Words {
    Words {
        protocol: event.protocol,
        kind: event.kind,
        outcome: event.outcome,
        reason: event.reason,
    }
}
