//! The journal: what is appended goes into an open batch in memory, and to the disk with the
//! next commit.

mod commit;
mod open;
mod pending;
mod replay;

use crate::codec::{Record, encode};
use crate::{Checkpoint, CheckpointWriter, StoreError, database};
use ::event::{Command, Decision, Event, Evicted, Expiry, Finding, Incident, Timestamp};
use pending::Pending;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use open::Recovery;
pub(crate) use open::{decode_incident, hold, incident};
pub use replay::{AllowlistInput, Replayed};

/// A source's number in this journal, given by [`Journal::source`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(pub u32);

/// How far a source had been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// The source's name.
    pub source: String,
    /// In the source's own words: offset and inode, or a cursor.
    pub position: String,
}

/// A point in the journal: right after a commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Mark {
    /// The last batch committed.
    pub batch: u64,
    /// The last line committed.
    pub seq: u64,
}

/// A line that is no event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// Known, and says nothing about a client, an account or a message.
    Noise,
    /// No grammar knows it.
    Unknown,
}

/// What a commit wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    /// The journal up to here is on record.
    pub mark: Mark,
    /// Records written.
    pub records: u64,
    /// Bytes of records before compression.
    pub bytes: u64,
    /// Records that could not be kept while the disk was full. After a gap the engine's state
    /// cannot be rebuilt from older checkpoints: the program writes a new one.
    pub gap: Option<Gap>,
}

/// Records dropped because memory for them had run out while nothing could be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The first line concerned.
    pub seq_first: u64,
    /// The last line concerned.
    pub seq_last: u64,
    /// How many records.
    pub records: u64,
}

/// Limits of the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Records are compressed into a blob of their own when this many bytes are open.
    pub batch_bytes: usize,
    /// What is kept in memory while nothing can be written; after that, lines are dropped and
    /// counted as a [`Gap`].
    pub memory_bytes: usize,
    /// A line longer than this is cut in the journal (not for the parser).
    pub line_bytes: usize,
    /// Samples of unknown lines that are kept, the newest first.
    pub samples: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            batch_bytes: 1 << 20,
            memory_bytes: 64 << 20,
            line_bytes: 64 << 10,
            samples: 1000,
        }
    }
}

/// What the journal and its maintenance share: short writes take turns at the gate instead of
/// running into SQLite's lock and its sleeping wait.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    gate: Mutex<()>,
    /// Counts up when the database file was replaced by a salvaged one.
    pub(crate) generation: AtomicU64,
    /// The batches of the newest two checkpoints that this run restored or wrote, newest first;
    /// 0 for none. Files of another version, or damaged ones, are no ground to delete anything.
    checkpoints: Mutex<(u64, u64)>,
    /// Set by whoever met damage in the database: the next commit salvages it.
    pub(crate) damaged: AtomicBool,
}

impl Shared {
    /// Takes note of damage in the database itself (a damaged segment is another matter).
    pub(crate) fn met<T>(&self, result: &Result<T, StoreError>) {
        if let Err(StoreError::Damaged { path, .. }) = result
            && path.ends_with(crate::database::FILE)
        {
            self.damaged.store(true, Ordering::SeqCst);
        }
    }

    pub(crate) fn checkpoint_is_good(&self, mark: Mark) {
        let mut known = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if mark.batch > known.0 {
            *known = (mark.batch, known.0);
        }
    }

    /// The batch up to which two good checkpoints stand.
    pub(crate) fn safe_batch(&self) -> u64 {
        self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal, open for writing. One a directory; a lock file holds others off.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    database: Connection,
    options: Options,
    pending: Pending,
    /// Committed so far.
    mark: Mark,
    sources: BTreeMap<String, SourceId>,
    shared: Arc<Shared>,
    losses: Vec<crate::Loss>,
    _lock: open::Lock,
}

impl Journal {
    /// Sources beyond this many share one number.
    pub const SOURCES_MAX: usize = 4096;

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Up to where everything is on record.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The number of a source; a new name gets one with the next commit.
    pub fn source(&mut self, name: &str) -> SourceId {
        if let Some(id) = self.sources.get(name) {
            return *id;
        }
        let (id, name) = match self.sources.len() {
            // The numbers start at 1; the last is shared by all that are too many.
            count if count + 1 < Self::SOURCES_MAX => (count as u32 + 1, name),
            _ => (Self::SOURCES_MAX as u32, "(other sources)"),
        };
        let id = SourceId(id);
        if self.sources.insert(name.to_owned(), id).is_none() {
            self.pending.new_sources.push((id, name.to_owned()));
        }
        id
    }

    /// An input: a line that is an event.
    pub fn append_event(&mut self, seq: u64, source: SourceId, event: &Event<'_>, line: &[u8]) {
        self.pending.counts.event(source, event);
        let line = line.get(..self.options.line_bytes).unwrap_or(line);
        self.push(seq, &Record::Event { seq, source, event: *event, line }, false);
    }

    /// A line that is no event: only counted. `seq` is its number.
    pub fn append_line(&mut self, seq: u64, source: SourceId, line: Line) {
        self.pending.counts.line(source, line);
        self.pending.seq = self.pending.seq.max(seq);
    }

    /// A sample of an unknown line, to be shown to a person. Some are kept, not all.
    pub fn append_sample(&mut self, seq: u64, source: SourceId, why: &str, line: &[u8]) {
        self.pending.sample(seq, source, why, line);
    }

    /// An input: event time has come to `at` without an event.
    pub fn append_tick(&mut self, at: Timestamp) {
        self.push(self.pending.seq, &Record::Tick { at }, true);
    }

    /// An input: the machine's clock was set. What holds afterwards is told with
    /// [`Journal::set_hold`]. Also goes beside the orders in the audit trail, whose times it moves.
    pub fn append_clock_set(&mut self, at: Timestamp, by_micros: i64) {
        self.pending.audit_clock_set(at, by_micros);
        self.push(self.pending.seq, &Record::ClockSet { at, by_micros }, true);
    }

    /// Lets the table of what holds say this, with no record of a decision: it moved with the
    /// clock, or the table lacked it.
    pub fn set_hold(&mut self, decision: &Decision) {
        self.pending.decided(decision);
    }

    /// Takes what does not hold out of the table of what holds.
    pub fn drop_hold(&mut self, decision: &Decision) {
        self.pending.ended(&decision.subject, decision.measure);
    }

    /// An input: the configuration that holds from here on, in the program's own words.
    pub fn append_config(&mut self, at: Timestamp, text: &[u8]) {
        self.push(self.pending.seq, &Record::Config { at, text }, true);
    }

    /// An input: what an operator ordered. Also goes to the audit trail, with the exception of
    /// [`event::Order::Protect`], which nobody ordered.
    pub fn append_command(&mut self, seq: u64, command: &Command) {
        self.pending.audit(seq, command);
        self.push(seq, &Record::Command { seq, command: command.clone() }, true);
    }

    /// An output.
    pub fn append_finding(&mut self, seq: u64, finding: &Finding) {
        self.push(seq, &Record::Finding { seq, finding: finding.clone() }, true);
    }

    /// An output; holds until an expiry for the same subject and measure, if its mode is
    /// `enforce`.
    pub fn append_decision(&mut self, seq: u64, decision: &Decision) {
        self.pending.decided(decision);
        self.push(seq, &Record::Decision { seq, decision: decision.clone() }, true);
    }

    /// An output; what held for the subject holds no longer.
    pub fn append_expiry(&mut self, seq: u64, expiry: &Expiry) {
        self.pending.expired(expiry);
        self.push(seq, &Record::Expiry { seq, expiry: expiry.clone() }, true);
    }

    /// How an incident stands now.
    pub fn set_incident(&mut self, incident: Incident) {
        self.pending.incidents.insert(incident.number, incident);
    }

    /// An incident as it stands, over or not.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn incident(&self, number: u64) -> Result<Option<Incident>, StoreError> {
        if let Some(incident) = self.pending.incidents.get(&number) {
            return Ok(Some(incident.clone()));
        }
        let path = self.dir.join(database::FILE);
        incident(&self.database, number).map_err(StoreError::sql("read the journal", &path))
    }

    /// An output.
    pub fn append_evicted(&mut self, seq: u64, evicted: &Evicted) {
        self.push(seq, &Record::Evicted { seq, evicted: evicted.clone() }, true);
    }

    /// A remark for people: a stamp that was clamped, an enforcer's report. `topic` is one word.
    pub fn note(&mut self, seq: u64, at: Timestamp, topic: &str, text: &str) {
        let text = text.as_bytes();
        let text = text.get(..self.options.line_bytes).unwrap_or(text);
        self.push(seq, &Record::Note { seq, at, topic, text }, true);
    }

    /// True where a commit is due because the open batch has reached its size.
    pub fn is_full(&self) -> bool {
        self.pending.sealed_bytes() > 0
    }

    /// Bytes that wait in memory for the next commit.
    pub fn waiting_bytes(&self) -> usize {
        self.pending.waiting_bytes()
    }

    /// A writer of engine checkpoints, to be used from any thread.
    pub fn checkpoints(&self) -> CheckpointWriter {
        CheckpointWriter::new(&self.dir, self.shared())
    }

    /// The engine was restored from this checkpoint: older batches may be deleted once there is
    /// another.
    pub fn checkpoint_is_good(&self, checkpoint: &Checkpoint) {
        self.shared.checkpoint_is_good(checkpoint.mark);
    }

    /// Keeps the engine's state as it is now: right after a commit, with nothing appended since.
    pub fn checkpoint(&mut self, state: &[u8]) -> Result<(), StoreError> {
        if !self.pending.is_empty() {
            return Err(StoreError::NotCommitted);
        }
        self.checkpoints().write(self.mark, state)
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Encodes into the open batch. `precious` records (all but events) may use a reserve when
    /// the memory for waiting records has run out.
    fn push(&mut self, seq: u64, record: &Record<'_>, precious: bool) {
        let limit = self.options.memory_bytes;
        let limit = if precious { limit + limit / 4 } else { limit };
        if self.pending.waiting_bytes() >= limit {
            self.pending.dropped(seq);
            return;
        }
        encode(&mut self.pending.open, record);
        self.pending.pushed(seq, record.at());
        if self.pending.open.len() >= self.options.batch_bytes {
            self.pending.seal();
        }
    }
}
