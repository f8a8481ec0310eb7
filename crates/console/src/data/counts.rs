//! Events counted for the donut, the lines and the logins.

use super::span::{Bins, WEEK_S};
use event::{Kind, Outcome, Protocol, Reason, Vocabulary};
use serde::Serialize;
use std::collections::BTreeMap;
use store::Rollup;

/// What is counted of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Words {
    /// What the client spoke.
    pub protocol: Protocol,
    /// What happened.
    pub kind: Kind,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
}

/// By a series' number: what is counted of it, where it is asked for.
pub type Wanted = Vec<Option<Words>>;

/// The three lines of the dashboard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// It went through.
    Allowed,
    /// Refused for now.
    Deferred,
    /// Whatever else.
    Blocked,
}

impl Line {
    /// In which an outcome is drawn.
    pub const fn of(outcome: Outcome) -> Line {
        match outcome {
            Outcome::Allowed => Line::Allowed,
            Outcome::Deferred => Line::Deferred,
            Outcome::Rejected
            | Outcome::Dropped
            | Outcome::Challenged
            | Outcome::Tarpitted
            | Outcome::Decoyed => Line::Blocked,
        }
    }
}

/// Events by outcome and reason.
pub type Outcomes = BTreeMap<Outcome, BTreeMap<Option<Reason>, u64>>;
/// Logins by protocol and outcome.
pub type Logins = BTreeMap<Protocol, BTreeMap<Outcome, u64>>;

/// Lines over time, with the week before.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Lines {
    /// The first second of each bin, seconds since 1970.
    pub at_s: Vec<i64>,
    /// Events in each bin.
    pub allowed: Vec<f64>,
    /// Events in each bin.
    pub deferred: Vec<f64>,
    /// Events in each bin.
    pub blocked: Vec<f64>,
    /// The same a week before, in the same order; empty where nothing is on record.
    pub week_before: [Vec<f64>; 3],
    /// The width of a bin.
    pub width_s: i64,
}

/// What is counted over a span.
#[derive(Clone, PartialEq, Debug)]
pub struct Counts {
    bins: Bins,
    /// By outcome and reason.
    pub outcomes: Outcomes,
    /// Logins.
    pub logins: Logins,
    /// All of them.
    pub events: u64,
    lines: [Vec<f64>; 3],
    before: [Vec<f64>; 3],
}

impl Counts {
    /// Nothing yet.
    pub fn over(bins: Bins) -> Self {
        let empty = || [(); 3].map(|()| vec![0.0; bins.count]);
        Counts {
            bins,
            outcomes: Outcomes::new(),
            logins: Logins::new(),
            events: 0,
            lines: empty(),
            before: empty(),
        }
    }

    /// Counts events of one second, or of the bin that begins there.
    pub fn take(&mut self, at_s: i64, words: Words, events: u64) {
        self.add(words, events);
        draw(&mut self.lines, &self.bins, at_s, words, events as f64);
    }

    /// Counts roll-ups; `wanted` tells what a series is, where it is asked for. What is the same
    /// for a whole series is done once.
    pub fn take_all(&mut self, rollups: impl Iterator<Item = Rollup>, wanted: &Wanted) {
        let mut sums = vec![0; wanted.len()];
        for rollup in rollups {
            let place = usize::from(rollup.series);
            let (Some(Some(words)), Some(sum)) = (wanted.get(place), sums.get_mut(place)) else {
                continue;
            };
            *sum += rollup.events;
            draw(&mut self.lines, &self.bins, rollup.at.seconds(), *words, rollup.events as f64);
        }
        for (words, events) in wanted.iter().zip(sums) {
            words.iter().filter(|_| events > 0).for_each(|words| self.add(*words, events));
        }
    }

    /// Counts roll-ups of a week before. Where they are counted in wider steps than the bins, they
    /// are spread.
    pub fn take_before(
        &mut self,
        rollups: impl Iterator<Item = Rollup>,
        step_s: i64,
        wanted: &Wanted,
    ) {
        let width_s = self.bins.width_s;
        let parts = (step_s / width_s).max(1);
        for rollup in rollups {
            let Some(Some(words)) = wanted.get(usize::from(rollup.series)) else { continue };
            let events = rollup.events as f64 / parts as f64;
            for part in 0..parts {
                let at_s = rollup.at.seconds() + WEEK_S + part * width_s;
                draw(&mut self.before, &self.bins, at_s, *words, events);
            }
        }
    }

    fn add(&mut self, words: Words, events: u64) {
        self.events += events;
        let reasons = self.outcomes.entry(words.outcome).or_default();
        *reasons.entry(words.reason).or_default() += events;
        if words.kind == Kind::Auth {
            let outcomes = self.logins.entry(words.protocol).or_default();
            *outcomes.entry(words.outcome).or_default() += events;
        }
    }

    /// The lines.
    pub fn lines(&self) -> Lines {
        let [allowed, deferred, blocked] = self.lines.clone();
        let is_known = self.before.iter().flatten().any(|events| *events > 0.0);
        let week_before =
            if is_known { self.before.clone() } else { [Vec::new(), Vec::new(), Vec::new()] };
        Lines {
            at_s: self.bins.starts(),
            allowed,
            deferred,
            blocked,
            week_before,
            width_s: self.bins.width_s,
        }
    }

    /// Events of one outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).map_or(0, |reasons| reasons.values().sum())
    }

    /// Events of a line.
    pub fn of_line(&self, wanted: Line) -> u64 {
        let outcomes = Outcome::ALL.iter().filter(|outcome| Line::of(**outcome) == wanted);
        outcomes.map(|outcome| self.of(*outcome)).sum()
    }
}

fn draw(lines: &mut [Vec<f64>; 3], bins: &Bins, at_s: i64, words: Words, events: f64) {
    let line = lines.get_mut(Line::of(words.outcome) as usize);
    if let Some(bin) = bins.place(at_s).zip(line).and_then(|(place, line)| line.get_mut(place)) {
        *bin += events;
    }
}
