//! Counts since the last commit: they go into the database with it.

use crate::journal::{Line, SourceId};
use event::{Event, Reason, Vocabulary};

/// Rows held in memory between two commits. A log whose stamps touch more hours than this in one
/// commit has the rest counted in [`Counts::uncounted`].
const ROWS_MAX: usize = 16_384;
const HOUR_S: i64 = 3600;

/// One row of the table `count`: hour, server, outcome, reason (0 for none).
pub(crate) type Key = (i64, u8, u8, u8);

/// Per hour x server x outcome x reason, and per source.
#[derive(Default)]
pub(crate) struct Counts {
    rows: Vec<(Key, u64)>,
    latest: usize,
    sources: Vec<SourceCounts>,
    /// Events that found no row.
    pub(crate) uncounted: u64,
}

/// What one source brought.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct SourceCounts {
    /// All lines.
    pub lines: u64,
    /// Lines that are events.
    pub events: u64,
    /// Lines known to say nothing about a client, an account or a message.
    pub noise: u64,
    /// Lines that no grammar knows.
    pub unknown: u64,
}

impl Counts {
    pub(crate) fn event(&mut self, source: SourceId, event: &Event<'_>) {
        if let Some(counts) = self.source(source) {
            counts.lines += 1;
            counts.events += 1;
        }
        let reason = event.reason.map_or(0, |reason: Reason| reason.code() + 1);
        let hour = event.at.seconds().div_euclid(HOUR_S) * HOUR_S;
        self.add((hour, event.server.code(), event.outcome.code(), reason));
    }

    fn add(&mut self, key: Key) {
        if let Some(row) = self.rows.get_mut(self.latest).filter(|row| row.0 == key) {
            row.1 += 1;
            return;
        }
        match self.rows.binary_search_by_key(&key, |row| row.0) {
            Ok(found) => {
                self.latest = found;
                if let Some(row) = self.rows.get_mut(found) {
                    row.1 += 1;
                }
            }
            Err(_) if self.rows.len() >= ROWS_MAX => self.uncounted += 1,
            Err(place) => {
                self.latest = place;
                self.rows.insert(place, (key, 1));
            }
        }
    }

    pub(crate) fn line(&mut self, source: SourceId, line: Line) {
        let Some(counts) = self.source(source) else { return };
        counts.lines += 1;
        match line {
            Line::Noise => counts.noise += 1,
            Line::Unknown => counts.unknown += 1,
        }
    }

    fn source(&mut self, source: SourceId) -> Option<&mut SourceCounts> {
        let place = source.0 as usize;
        if place >= self.sources.len() {
            self.sources.resize(place + 1, SourceCounts::default());
        }
        self.sources.get_mut(place)
    }

    pub(crate) fn rows(&self) -> &[(Key, u64)] {
        &self.rows
    }

    /// Those that brought something.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (SourceId, &SourceCounts)> {
        self.sources
            .iter()
            .enumerate()
            .filter(|(_, counts)| counts.lines != 0)
            .map(|(id, counts)| (SourceId(id as u32), counts))
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.latest = 0;
        self.sources.iter_mut().for_each(|counts| *counts = SourceCounts::default());
    }
}
