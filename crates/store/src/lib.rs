//! Keeps the journal, the decisions, the counts for charts and the audit trail.

mod batch;
mod checkpoint;
mod codec;
mod counts;
mod database;
mod error;
mod filter;
mod journal;
mod maintain;
mod reader;
mod salvage;
mod segment;

pub use checkpoint::{Checkpoint, CheckpointWriter};
pub use codec::{CodecError, Record, Records, decode, encode, records};
pub use counts::SourceCounts;
pub use error::{Loss, StoreError};
pub use filter::{Filter, What};
pub use journal::{
    Committed, Gap, Journal, Line, Mark, Options, Position, Recovery, Replayed, SourceId,
};
pub use maintain::{Maintained, Maintainer, Policy};
pub use reader::{AuditEntry, Count, Found, Reader, Row, Sample, Source, Statistics};
