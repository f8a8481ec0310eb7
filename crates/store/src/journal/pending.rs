//! What waits for the next commit.

use super::{Gap, SourceId};
use crate::batch;
use crate::codec::{Record, encode, measure_code, put_subject};
use crate::counts::Counts;
use ::event::{Command, Decision, Expiry, Incident, Measure, Mode, Order, Subject, Timestamp};
use std::collections::BTreeMap;

/// Samples and audit entries that wait, at most; beyond that the newest are dropped.
const SAMPLES_MAX: usize = 64;
const AUDIT_MAX: usize = 10_000;
const SAMPLE_BYTES_MAX: usize = 2048;

/// One blob that is ready for the table `batch`.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) span: Span,
    pub(super) bytes: usize,
    pub(super) data: Vec<u8>,
}

/// What the records of a batch cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) seq_first: u64,
    pub(super) seq_last: u64,
    pub(super) at_min: Timestamp,
    pub(super) at_max: Timestamp,
    pub(super) records: u64,
}

impl Default for Span {
    fn default() -> Self {
        Span {
            seq_first: u64::MAX,
            seq_last: 0,
            at_min: Timestamp(i64::MAX),
            at_max: Timestamp(i64::MIN),
            records: 0,
        }
    }
}

pub(super) struct AuditEntry {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) operator: String,
    pub(super) reason: String,
    pub(super) record: Vec<u8>,
}

pub(super) struct Sample {
    pub(super) seq: u64,
    pub(super) source: SourceId,
    pub(super) why: String,
    pub(super) line: Vec<u8>,
}

/// The key of a decision that holds, and until when with CRC-32 and record, or `None` where it
/// ended.
pub(super) type Changes = BTreeMap<(Vec<u8>, u8), Option<(Option<Timestamp>, Vec<u8>)>>;

/// Everything since the last commit.
#[derive(Default)]
pub(super) struct Pending {
    /// Encoded records; keeps its memory from batch to batch.
    pub(super) open: Vec<u8>,
    span: Span,
    pub(super) sealed: Vec<Sealed>,
    sealed_bytes: usize,
    /// The last line seen, events or not.
    pub(super) seq: u64,
    /// The latest record's time.
    at: Timestamp,
    pub(super) counts: Counts,
    pub(super) changes: Changes,
    /// By number: how it stands.
    pub(super) incidents: BTreeMap<u64, Incident>,
    pub(super) audit: Vec<AuditEntry>,
    pub(super) samples: Vec<Sample>,
    pub(super) new_sources: Vec<(SourceId, String)>,
    pub(super) positions: BTreeMap<SourceId, (String, String)>,
    pub(super) gap: Option<Gap>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Pending").field("bytes", &self.waiting_bytes()).finish_non_exhaustive()
    }
}

impl Pending {
    /// Nothing yet; the last line on record was `seq`.
    pub(super) fn after(seq: u64) -> Self {
        Pending { seq, ..Pending::default() }
    }

    pub(super) fn pushed(&mut self, seq: u64, at: Option<Timestamp>) {
        self.seq = self.seq.max(seq);
        if let Some(at) = at {
            self.at = at;
        }
        let span = &mut self.span;
        span.seq_first = span.seq_first.min(seq);
        span.seq_last = span.seq_last.max(seq);
        span.records += 1;
        if let Some(at) = at {
            span.at_min = span.at_min.min(at);
            span.at_max = span.at_max.max(at);
        }
    }

    pub(super) fn dropped(&mut self, seq: u64) {
        self.seq = self.seq.max(seq);
        let gap = self.gap.get_or_insert(Gap { seq_first: seq, seq_last: seq, records: 0 });
        gap.seq_last = gap.seq_last.max(seq);
        gap.records += 1;
    }

    /// Compresses the open batch, to make room while nothing is committed.
    pub(super) fn seal(&mut self) {
        if let Some(sealed) = self.sealed_tail() {
            self.sealed_bytes += sealed.data.len();
            self.sealed.push(sealed);
            self.open.clear();
            self.span = Span::default();
        }
    }

    /// The open batch, compressed; it stays open.
    fn sealed_tail(&self) -> Option<Sealed> {
        let bytes = self.open.len();
        (bytes > 0).then(|| Sealed { span: self.span, bytes, data: batch::seal(&self.open) })
    }

    /// The open batch as it goes to the disk: with the positions that are committed together
    /// with it (so that they survive the loss of their table) and a note of what was dropped.
    /// The open batch itself is as before, in case that the commit fails.
    pub(super) fn tail(&mut self) -> Option<Sealed> {
        let (len, span) = (self.open.len(), self.span);
        let at = self.at;
        if let Some(Gap { seq_first, seq_last, records }) = self.gap {
            let text = format!("lines {seq_first} to {seq_last}: {records} records not kept");
            self.note(at, &text);
        }
        if self.counts.uncounted > 0 {
            self.note(at, &format!("{} events not counted", self.counts.uncounted));
        }
        if !self.open.is_empty() || !self.sealed.is_empty() {
            for (source, (name, position)) in &self.positions {
                encode(&mut self.open, &Record::Position { source: *source, name, position });
            }
        }
        let sealed = self.sealed_tail();
        self.open.truncate(len);
        self.span = span;
        sealed
    }

    fn note(&mut self, at: Timestamp, text: &str) {
        let seq = self.seq;
        encode(&mut self.open, &Record::Note { seq, at, topic: "gap", text: text.as_bytes() });
        self.pushed(seq, Some(at));
    }

    pub(super) fn sealed_bytes(&self) -> usize {
        self.sealed_bytes
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.sealed_bytes + self.open.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.open.is_empty()
    }

    pub(super) fn sample(&mut self, seq: u64, source: SourceId, why: &str, line: &[u8]) {
        if self.samples.len() < SAMPLES_MAX {
            let line = line.get(..SAMPLE_BYTES_MAX).unwrap_or(line).to_vec();
            self.samples.push(Sample { seq, source, why: why.to_owned(), line });
        }
    }

    pub(super) fn audit(&mut self, seq: u64, command: &Command) {
        if matches!(command.order, Order::Protect { .. }) || self.audit.len() >= AUDIT_MAX {
            return;
        }
        let mut record = Vec::new();
        encode(&mut record, &Record::Command { seq, command: command.clone() });
        self.audit.push(AuditEntry {
            seq,
            at: command.at,
            operator: command.operator.to_string(),
            reason: command.reason.to_string(),
            record,
        });
    }

    /// Nobody ordered it, but it is another time until which an order holds.
    pub(super) fn audit_clock_set(&mut self, at: Timestamp, by_micros: i64) {
        if self.audit.len() >= AUDIT_MAX {
            return;
        }
        let mut record = Vec::new();
        encode(&mut record, &Record::ClockSet { at, by_micros });
        let (operator, reason) = (String::new(), String::new());
        self.audit.push(AuditEntry { seq: self.seq, at, operator, reason, record });
    }

    pub(super) fn decided(&mut self, decision: &Decision) {
        if decision.mode != Mode::Enforce {
            return;
        }
        let mut record = Vec::new();
        encode(&mut record, &Record::Decision { seq: 0, decision: decision.clone() });
        let mut checked = crc32fast::hash(&record).to_le_bytes().to_vec();
        checked.append(&mut record);
        let key = key(&decision.subject, decision.measure);
        self.changes.insert(key, Some((decision.until, checked)));
    }

    pub(super) fn expired(&mut self, expiry: &Expiry) {
        self.ended(&expiry.subject, expiry.measure);
    }

    pub(super) fn ended(&mut self, subject: &Subject, measure: Measure) {
        self.changes.insert(key(subject, measure), None);
    }

    /// Forgets what a commit has written.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.span = Span::default();
        self.sealed.clear();
        self.sealed_bytes = 0;
        self.counts.clear();
        self.changes.clear();
        self.incidents.clear();
        self.audit.clear();
        self.samples.clear();
        self.new_sources.clear();
        self.positions.clear();
        self.gap = None;
    }
}

fn key(subject: &Subject, measure: Measure) -> (Vec<u8>, u8) {
    let mut bytes = Vec::new();
    put_subject(&mut bytes, subject);
    (bytes, measure_code(measure))
}
