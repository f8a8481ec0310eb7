//! Engine and journal together: what is decided is on record before it is carried out.
//!
//! The guard and the demo both work through here. If the journal cannot be written (a full disk),
//! the engine goes on: protection first, memory of it as far as there is room.

use crate::config::ParserDrift;
use crate::understand::{Told, told};
use edge::geo::Geo;
use engine::{Engine, IncidentError, Incidents, Input, Output};
use event::{Command, Order, Timestamp};
use store::{Journal, Line, SourceId};

/// Engine and journal.
pub struct Core {
    /// The engine.
    pub engine: Engine,
    /// The journal.
    pub journal: Journal,
    /// Lines read so far, over all sources and starts.
    pub seq: u64,
    /// The incidents that are not over.
    pub incidents: Incidents,
    /// When lines are understood less than before.
    pub parser_drift: ParserDrift,
    /// Whence a login comes. What it says stands in the journal, with the event: stepped again, the
    /// same is said, whatever became of the files.
    pub geo: Geo,
    /// Why the journal cannot be written just now.
    pub trouble: Option<String>,
    outputs: Vec<Output>,
    /// Outputs since the last commit.
    fresh: Vec<Output>,
    /// Something was appended since the last commit.
    dirty: bool,
    /// Event time came this far without a record, because nothing came of it.
    unrecorded: Option<Timestamp>,
}

impl Core {
    /// On a journal that was opened and an engine that was brought up to it.
    pub fn new(engine: Engine, journal: Journal, seq: u64, incidents: Incidents) -> Self {
        Core {
            // The state that was restored may be ahead of the records.
            unrecorded: Some(engine.now()),
            engine,
            journal,
            seq,
            incidents,
            parser_drift: ParserDrift::default(),
            geo: Geo::default(),
            trouble: None,
            outputs: Vec::new(),
            fresh: Vec::new(),
            dirty: false,
        }
    }

    /// Takes one line in. Returns its number.
    pub fn line(&mut self, source: SourceId, bytes: &[u8], told: &Told<'_>) -> u64 {
        self.seq += 1;
        self.dirty = true;
        match told {
            Told::Event(event) => {
                let joined = self.engine.join(event);
                let event = &joined.as_ref().map_or(*event, |joined| joined.fill(event));
                let placed = self.geo.placed(event);
                let event = placed.as_ref().unwrap_or(event);
                // It counts as happening when the clock says so: also when it is stepped again.
                if self.unrecorded.is_some_and(|at| at > event.at) {
                    self.record_tick();
                }
                self.journal.append_event(self.seq, source, event, bytes);
                self.engine.step(self.seq, &Input::Event(event), &mut self.outputs);
                self.record();
            }
            Told::Noise(_) | Told::Foreign => {
                self.journal.append_line(self.seq, source, Line::Noise);
            }
            Told::Unknown | Told::Unframed => {
                self.journal.append_line(self.seq, source, Line::Unknown);
            }
        }
        self.seq
    }

    /// Takes a line in that the console tells, as it would one of a log.
    pub fn console_line(&mut self, line: &[u8], now: Timestamp) {
        let source = self.journal.source("console");
        self.line(source, line, &told(line, now));
    }

    /// Lets event time come this far. Only what came of it is worth a record.
    pub fn tick(&mut self, at: Timestamp) {
        if at <= self.engine.now() {
            return;
        }
        self.engine.step(self.seq, &Input::Tick(at), &mut self.outputs);
        self.unrecorded = Some(at);
        self.incidents.settle(at);
        if !self.outputs.is_empty() {
            self.unrecorded = None;
            self.journal.append_tick(at);
            self.dirty = true;
            self.record();
        }
    }

    /// Carries out an order. The outputs are those of this order alone.
    pub fn command(&mut self, command: &Command) -> Vec<Output> {
        self.dirty = true;
        self.record_tick();
        self.journal.append_command(self.seq, command);
        self.engine.step(self.seq, &Input::Command(command), &mut self.outputs);
        let outputs = self.outputs.clone();
        self.record();
        outputs
    }

    /// Carries out an order about incidents; the number of the one it is about.
    ///
    /// # Errors
    /// It cannot be carried out, and is not put on record.
    pub fn incident(&mut self, command: &Command) -> Result<Option<u64>, IncidentError> {
        let stored = match command.order {
            // Those that are not over are known.
            Order::Incident { number, .. } if self.incidents.get(number).is_none() => {
                self.journal.incident(number).ok().flatten()
            }
            _ => None,
        };
        let number = self.incidents.order(command, stored)?;
        self.command(command);
        Ok(number)
    }

    /// The machine's clock was set by so much: everything moves with it, and event time stands at
    /// `at`.
    pub fn set_clock(&mut self, at: Timestamp, by_micros: i64) {
        self.dirty = true;
        self.record_tick();
        self.journal.append_clock_set(at, by_micros);
        self.engine.step(self.seq, &Input::ClockSet { at, by_micros }, &mut self.outputs);
        self.record();
        for decision in self.engine.holds() {
            self.journal.set_hold(decision);
        }
    }

    /// Tells the journal something that is neither event nor decision.
    pub fn note(&mut self, at: Timestamp, topic: &str, text: &str) {
        self.dirty = true;
        self.journal.note(self.seq, at, topic, text);
    }

    fn record_tick(&mut self) {
        if let Some(at) = self.unrecorded.take() {
            self.journal.append_tick(at);
        }
    }

    fn record(&mut self) {
        for output in self.outputs.drain(..) {
            self.incidents.take(&output);
            match &output {
                Output::Finding(finding) => self.journal.append_finding(self.seq, finding),
                Output::Decision(decision) => self.journal.append_decision(self.seq, decision),
                Output::Expiry(expiry) => self.journal.append_expiry(self.seq, expiry),
                Output::Evicted(evicted) => self.journal.append_evicted(self.seq, evicted),
            }
            self.fresh.push(output);
        }
        self.incidents.settle(self.engine.now());
    }

    /// Writes what was appended, and how far each source was read, in one transaction. Then hands
    /// the outputs out, to be carried out: also where the journal could not be written.
    pub fn commit(&mut self, positions: &[(&str, &str)]) -> Vec<Output> {
        for incident in self.incidents.changed() {
            self.dirty = true;
            self.journal.set_incident(incident);
        }
        if self.dirty || !positions.is_empty() || self.trouble.is_some() {
            match self.journal.commit(positions) {
                Ok(committed) => {
                    self.dirty = false;
                    self.trouble = committed.gap.map(|gap| {
                        format!("{} records were lost while the disk was full", gap.records)
                    });
                }
                Err(error) => self.trouble = Some(error.to_string()),
            }
        }
        std::mem::take(&mut self.fresh)
    }

    /// True where a commit should not wait any longer.
    pub fn is_full(&self) -> bool {
        self.journal.is_full()
    }
}
