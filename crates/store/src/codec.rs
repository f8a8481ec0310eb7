//! The records of the journal as bytes: format 1.
//!
//! A record is a length (32 bits, little-endian), a tag, and the body that the tag tells. A reader
//! that does not know a tag or a word steps over the record by its length. Decoding borrows from
//! the bytes, allocates only what the words of `event` own, and never panics, whatever the bytes.

mod action;
pub(crate) mod bytes;
mod event;
pub(crate) mod incident;

use crate::SourceId;
use ::event::{Command, Decision, Event, Evicted, Expiry, Finding, Timestamp};
use bytes::{Bytes, put_bytes, put_number};
use thiserror::Error;

pub(crate) use action::{measure_code, put_subject};

/// Why bytes are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CodecError {
    /// They end too early.
    #[error("the record ends too early")]
    Short,
    /// A number does not fit its type.
    #[error("a number is out of range")]
    Number,
    /// A code that names no word that this version knows.
    #[error("an unknown word")]
    Word,
    /// A tag or flag that this version does not know.
    #[error("an unknown tag")]
    Flags,
    /// A name that is not UTF-8.
    #[error("a name that is not UTF-8")]
    Utf8,
    /// Bytes are left behind the record's end.
    #[error("bytes behind the record's end")]
    Trailing,
}

/// One entry of the journal, in the order in which things came about.
#[derive(Clone, PartialEq, Debug)]
#[allow(clippy::large_enum_variant)] // a box would be an allocation for each event
pub enum Record<'a> {
    /// An input: a line that is an event.
    Event {
        /// The number of the line in the order of arrival.
        seq: u64,
        /// Where it came from.
        source: SourceId,
        /// What it says.
        event: Event<'a>,
        /// The line as it was.
        line: &'a [u8],
    },
    /// An input: event time came this far without an event.
    Tick {
        /// Event time.
        at: Timestamp,
    },
    /// An input: the machine's clock was set, and everything moves with it.
    ClockSet {
        /// Event time after it.
        at: Timestamp,
        /// How far everything moves.
        by_micros: i64,
    },
    /// An input: what an operator ordered, or the surroundings as found.
    Command {
        /// The number of the last line before it.
        seq: u64,
        /// Who, when, why, what.
        command: Command,
    },
    /// An input: a configuration that holds from here on, in the program's own words.
    Config {
        /// Event time.
        at: Timestamp,
        /// Its text.
        text: &'a [u8],
    },
    /// An output.
    Finding {
        /// The line that brought it about.
        seq: u64,
        /// What was found.
        finding: Finding,
    },
    /// An output.
    Decision {
        /// The line that brought it about.
        seq: u64,
        /// What is to hold.
        decision: Decision,
    },
    /// An output.
    Expiry {
        /// The line that brought it about.
        seq: u64,
        /// What ended.
        expiry: Expiry,
    },
    /// An output.
    Evicted {
        /// The line that brought it about.
        seq: u64,
        /// What gave way.
        evicted: Evicted,
    },
    /// A remark: a stamp that was clamped, an enforcer's report, lines that could not be kept.
    Note {
        /// The number of the last line before it.
        seq: u64,
        /// When.
        at: Timestamp,
        /// One word that names the kind of note.
        topic: &'a str,
        /// Plain text.
        text: &'a [u8],
    },
    /// How far a source had been read when the batch was closed.
    Position {
        /// The source.
        source: SourceId,
        /// Its name.
        name: &'a str,
        /// The source's own words.
        position: &'a str,
    },
}

const EVENT: u8 = 1;
const TICK: u8 = 2;
const COMMAND: u8 = 3;
const CONFIG: u8 = 4;
const FINDING: u8 = 5;
const DECISION: u8 = 6;
const EXPIRY: u8 = 7;
const EVICTED: u8 = 8;
const NOTE: u8 = 9;
const POSITION: u8 = 10;
const CLOCK_SET: u8 = 11;

/// What a record is, as far as its tag tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    Event,
    Action,
    /// A tick, a step of the clock, a position, or what a later version wrote: nobody asks for it,
    /// and it has no place (see [`crate::Cursor`]).
    Other,
}

/// Of a record without its length.
pub(crate) fn sort(body: &[u8]) -> Sort {
    match body.first() {
        Some(&EVENT) => Sort::Event,
        Some(&(COMMAND | CONFIG | FINDING | DECISION | EXPIRY | EVICTED | NOTE)) => Sort::Action,
        _ => Sort::Other,
    }
}

const PREFIX: usize = 4;

/// Appends one record.
pub fn encode(out: &mut Vec<u8>, record: &Record<'_>) {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    match record {
        Record::Event { seq, source, event, line } => {
            out.push(EVENT);
            event::put_event(out, *seq, *source, event, line);
        }
        Record::Tick { at } => {
            out.push(TICK);
            out.extend_from_slice(&at.0.to_le_bytes());
        }
        Record::ClockSet { at, by_micros } => {
            out.push(CLOCK_SET);
            out.extend_from_slice(&at.0.to_le_bytes());
            out.extend_from_slice(&by_micros.to_le_bytes());
        }
        Record::Command { seq, command } => {
            put_head(out, COMMAND, *seq);
            action::put_command(out, command);
        }
        Record::Config { at, text } => {
            out.push(CONFIG);
            out.extend_from_slice(&at.0.to_le_bytes());
            put_bytes(out, text);
        }
        Record::Finding { seq, finding } => {
            put_head(out, FINDING, *seq);
            action::put_finding(out, finding);
        }
        Record::Decision { seq, decision } => {
            put_head(out, DECISION, *seq);
            action::put_decision(out, decision);
        }
        Record::Expiry { seq, expiry } => {
            put_head(out, EXPIRY, *seq);
            action::put_expiry(out, expiry);
        }
        Record::Evicted { seq, evicted } => {
            put_head(out, EVICTED, *seq);
            action::put_evicted(out, evicted);
        }
        Record::Note { seq, at, topic, text } => {
            put_head(out, NOTE, *seq);
            out.extend_from_slice(&at.0.to_le_bytes());
            put_bytes(out, topic.as_bytes());
            put_bytes(out, text);
        }
        Record::Position { source, name, position } => {
            put_head(out, POSITION, u64::from(source.0));
            put_bytes(out, name.as_bytes());
            put_bytes(out, position.as_bytes());
        }
    }
    close(out, start);
}

fn put_head(out: &mut Vec<u8>, tag: u8, seq: u64) {
    out.push(tag);
    put_number(out, seq);
}

/// Writes the length in front. A record longer than 4 GiB is impossible: the journal caps lines
/// and texts before they get here, so the saturated length is never seen.
fn close(out: &mut [u8], start: usize) {
    let len = out.len() - start - PREFIX;
    if let Some(place) = out.get_mut(start..start + PREFIX) {
        place.copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
    }
}

/// Reads one record without its length.
pub fn decode(body: &[u8]) -> Result<Record<'_>, CodecError> {
    let mut input = Bytes(body);
    let record = match input.byte()? {
        EVENT => {
            let (seq, source, event, line) = event::event(&mut input)?;
            Record::Event { seq, source, event, line }
        }
        TICK => Record::Tick { at: Timestamp(input.signed()?) },
        CLOCK_SET => {
            Record::ClockSet { at: Timestamp(input.signed()?), by_micros: input.signed()? }
        }
        COMMAND => Record::Command { seq: input.number()?, command: action::command(&mut input)? },
        CONFIG => Record::Config { at: Timestamp(input.signed()?), text: input.bytes()? },
        FINDING => Record::Finding { seq: input.number()?, finding: action::finding(&mut input)? },
        DECISION => {
            Record::Decision { seq: input.number()?, decision: action::decision(&mut input)? }
        }
        EXPIRY => Record::Expiry { seq: input.number()?, expiry: action::expiry(&mut input)? },
        EVICTED => Record::Evicted { seq: input.number()?, evicted: action::evicted(&mut input)? },
        NOTE => Record::Note {
            seq: input.number()?,
            at: Timestamp(input.signed()?),
            topic: input.utf8()?,
            text: input.bytes()?,
        },
        POSITION => Record::Position {
            source: SourceId(input.small()?),
            name: input.utf8()?,
            position: input.utf8()?,
        },
        _ => return Err(CodecError::Flags),
    };
    if input.0.is_empty() { Ok(record) } else { Err(CodecError::Trailing) }
}

/// The records of a batch, oldest first. A record that cannot be read is an error in its place;
/// the walk goes on behind it.
pub fn records(bytes: &[u8]) -> Records<'_> {
    Records { rest: bytes }
}

/// See [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// The next record's bytes, undecoded, without the length.
    pub(crate) fn next_body(&mut self) -> Option<Result<&'a [u8], CodecError>> {
        if self.rest.is_empty() {
            return None;
        }
        let split = self.rest.split_first_chunk::<PREFIX>().and_then(|(len, rest)| {
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)
        });
        match split {
            Some((body, rest)) => {
                self.rest = rest;
                Some(Ok(body))
            }
            None => {
                self.rest = &[];
                Some(Err(CodecError::Short))
            }
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_body()?.and_then(decode))
    }
}

impl<'a> Record<'a> {
    /// Event time, where the record has one.
    pub fn at(&self) -> Option<Timestamp> {
        Some(match self {
            Record::Event { event, .. } => event.at,
            Record::Tick { at }
            | Record::ClockSet { at, .. }
            | Record::Config { at, .. }
            | Record::Note { at, .. } => *at,
            Record::Command { command, .. } => command.at,
            Record::Finding { finding, .. } => finding.at,
            Record::Decision { decision, .. } => decision.at,
            Record::Expiry { expiry, .. } => expiry.at,
            Record::Evicted { evicted, .. } => evicted.at,
            Record::Position { .. } => return None,
        })
    }

    /// The line it belongs to, where it has one.
    pub fn seq(&self) -> Option<u64> {
        match self {
            Record::Event { seq, .. }
            | Record::Command { seq, .. }
            | Record::Finding { seq, .. }
            | Record::Decision { seq, .. }
            | Record::Expiry { seq, .. }
            | Record::Evicted { seq, .. }
            | Record::Note { seq, .. } => Some(*seq),
            Record::Tick { .. }
            | Record::ClockSet { .. }
            | Record::Config { .. }
            | Record::Position { .. } => None,
        }
    }

    /// True for what the engine is given, false for what it said and for remarks.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Record::Event { .. }
                | Record::Tick { .. }
                | Record::ClockSet { .. }
                | Record::Command { .. }
                | Record::Config { .. }
        )
    }

    /// The word for its kind, as in the segments' column `record`.
    pub fn name(&self) -> &'static str {
        match self {
            Record::Event { .. } => "event",
            Record::Tick { .. } => "tick",
            Record::ClockSet { .. } => "clock-set",
            Record::Command { .. } => "command",
            Record::Config { .. } => "config",
            Record::Finding { .. } => "finding",
            Record::Decision { .. } => "decision",
            Record::Expiry { .. } => "expiry",
            Record::Evicted { .. } => "evicted",
            Record::Note { .. } => "note",
            Record::Position { .. } => "position",
        }
    }
}

#[cfg(test)]
mod tests;
