//! Keeps the journal, the decisions, the counts for charts and the audit trail.
//!
//! The journal is the truth: what happened, what was decided and how far every source was read
//! are committed together or not at all. All other state is made from it. [`Journal`] writes,
//! [`Maintainer`] moves what is old into history and deletes what is too old, [`Reader`] answers
//! questions, beside the running guard or after its end.
//!
//! # On the disk
//!
//! One directory (mode 0700: it holds log lines) with
//!
//! | file | what |
//! |---|---|
//! | `journal.db`, `-wal`, `-shm` | SQLite: state and the newest batches |
//! | `journal.lock` | locked by the one process that writes |
//! | `checkpoint-BATCH-SEQ.bin` | the engine's state after a commit; three are kept |
//! | `events-FIRST-LAST-TAIL-CRC.parquet` | history: events with their lines |
//! | `actions-FIRST-LAST-TAIL-CRC.parquet` | history of all that is no event |
//! | `damaged-N/` | a database that was found damaged; three are kept |
//! | `*.tmp` | half-written; removed when the journal is opened |
//!
//! ## Tables
//!
//! `head` (one row: last line, last batch, last batch that is in history), `source` (number, name,
//! position with CRC-32, lines by what they were), `batch` (see below), `hold` (decisions that
//! hold, by subject and measure), `audit` (operators' commands, steps of the clock), `count`
//! (events by hour, server, outcome and reason), `sample` (unknown lines, the newest 1000),
//! `segment` (the catalogue of history), `summary` (see below; format 1 has none: such a journal
//! is read as it is, and gets the table when it is opened for writing), `series`, `rollup`,
//! `leader` and `rolled` (counts for charts and how far they are made, see `rollup`; from format 3
//! on), `turn` (what the latest turns of counting changed), `incident` (as they stand; both from
//! format 4 on). Write-ahead log on,
//! `synchronous=NORMAL`: a killed process loses nothing that was committed; a power cut may lose
//! the newest commits, and since the sources' positions go back with them, the same lines are read
//! again. The write-ahead log is moved into the database by the maintenance only, so that a commit
//! never waits for the disk to flush. Auto-vacuum is incremental: the file shrinks after a flood.
//!
//! ## A batch
//!
//! One row holds many records, so that a line costs an encoding and no statement. The blob is
//! version (1 byte: 1), method (1: LZ4 block, 0: stored), length before compression (4,
//! little-endian), CRC-32 of the rest (4), data. The data is records one after the other: length
//! (4), tag (1), body. Numbers are LEB128, stamps 8 bytes, words of `event` their code (so the
//! vocabularies are append-only). A text of an event that is a piece of its line is an offset and
//! a length. A later version's record is stepped over by its length. Each batch also holds the
//! positions that were committed with it, so that they survive the loss of their table.
//!
//! ## A summary
//!
//! Of about a thousand records that follow each other (one batch or many small ones) the
//! maintenance keeps their least and greatest time and line, and a filter of what they are about:
//! clients, networks around them (/24 and /16, /64, /48 and /32), accounts, senders, hosts,
//! subjects of actions, the events' words. A question steps over the batches whose summary denies
//! it. The filter is Parquet's split block Bloom filter, wrong one time in a hundred and only by
//! saying "perhaps"; with a checksum, because a damaged one could deny what is there. Summaries
//! are made from the batches and can be lost: batches without one are read.
//!
//! ## A segment
//!
//! Apache Parquet with LZ4, row groups of 32 768 rows in the journal's order, all columns
//! optional, readable by any tool. Of every event: `batch`, `place` (the order inside it),
//! `record` (`event`), `seq`, `at` (UTC, microseconds), `source`, `server`, `service`, `protocol`,
//! `kind`, `outcome`, `reason`, `hostile`, `client`, `account`, `known`, `attempts`, `host`, `pid`,
//! `session`, `queue_id`, `mechanism`, `sender`, `recipient`, `helo`, `secret_tag`, `detail`,
//! `commands`, `line`, `mail_subject`, `spam_score`, `query_name`, `query_type`, `recipients`,
//! `forwarded` (files of earlier versions end before one of these). Of actions: `batch`, `place`,
//! `record`, `seq`, `at`, `subject_kind`, `subject`, `measure`, `rule` (detector, rule, topic of a
//! note), `until`, `offence`, `score`, `mode`, `cause`, `evidence` (line numbers with commas),
//! `operator`, `text`, `encoded` (the record itself). Both families have all the columns. Bytes
//! that are not UTF-8 are written
//! `\xNN`, and a backslash in front of an `x` as `\x5c`. `client` has a Bloom filter for each row
//! group; `batch`, `seq` and `at` have least and greatest value. Behind each row group stands its
//! summary, which other tools pass over; the footer's key `mailward.summaries` says where (files
//! of earlier versions have none).
//!
//! The file is checked block by block (64 KiB): CRC-32s stand in the footer's key
//! `mailward.block-crc32`; length and CRC-32 of the file's end, which holds the footer, stand in
//! its name. A damaged file is an error before the Parquet reader sees a byte of it.
//!
//! A segment is written under another name, flushed, renamed, and entered into the catalogue in
//! the same transaction that takes its batches out of the hot part. The batches are deleted when
//! the two newest checkpoints need them no longer. A crash between any two steps loses nothing
//! and doubles nothing; files without an entry are removed, or entered where the catalogue was
//! lost.
//!
//! # What is not kept
//!
//! Passwords never: no field of an event holds one (`secret_tag` is the mail server's own short
//! hash). `line`, `detail`, `sender`, `helo` and the like hold what strangers sent, as bytes: show
//! them through [`event::Text`], never raw.
//!
//! # When something is broken
//!
//! Opening never fails because of damage. A database that SQLite cannot read is moved to
//! `damaged-N` and every row that can still be read is copied into a new one, with a new first
//! page if that is what was lost; positions and decisions that hold are brought up to date from
//! the batches that match their checksum. If no database is left, the newest checkpoint and the
//! segments still are: numbers go on behind theirs. What was lost is told in [`Recovery::losses`]
//! and [`Journal::take_losses`]. Damage that is met while running is salvaged by the next commit.
//!
//! A full disk makes [`Journal::commit`] fail with [`StoreError::Full`] and changes nothing on
//! it. The program goes on and commits again later; up to [`Options::memory_bytes`] is kept. What
//! does not fit is dropped and told as a [`Gap`] and a note; decisions that hold, counts and
//! positions stay exact.

mod batch;
mod checkpoint;
mod codec;
mod counts;
mod database;
mod error;
mod filter;
mod journal;
mod maintain;
mod needle;
mod reader;
mod rollup;
mod salvage;
mod segment;
mod summary;
pub mod terms;

pub use checkpoint::{Checkpoint, CheckpointWriter};
pub use codec::{CodecError, Record, Records, decode, encode, records};
pub use counts::SourceCounts;
pub use error::{Loss, StoreError};
pub use filter::{Cursor, Filter, What};
pub use journal::{
    AllowlistInput, Committed, Gap, Journal, Line, Mark, Options, Position, Recovery, Replayed,
    SourceId,
};
pub use maintain::{Interrupt, Maintained, Maintainer, Policy};
pub use reader::{
    AuditEntry, ChartCache, Count, Found, Reader, Rollups, Row, Sample, Search, Source, Statistics,
    Top,
};
pub use rollup::{Dimension, Leader, Leaders, Rollup, Series, Step, VALUE_MAX as LEADER_BYTES_MAX};
