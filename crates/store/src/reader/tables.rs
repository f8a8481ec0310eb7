//! What stands in tables: decisions that hold, audit, counts, sources, samples, statistics.

use super::Reader;
use crate::codec::{Record, decode};
use crate::counts::SourceCounts;
use crate::database::INCIDENTS_FROM;
use crate::journal::{Position, decode_incident, hold, incident};
use crate::{StoreError, database};
use ::event::{Command, Decision, Incident, Outcome, Reason, Server, Timestamp, Vocabulary};
use rusqlite::{Row as SqlRow, params};
use std::collections::BTreeMap;
use std::fs;

/// What an operator ordered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// The last line before it.
    pub seq: u64,
    /// Who, when, why, what.
    pub command: Command,
}

/// Events of one hour with the same server, outcome and reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// The hour's first second.
    pub hour: Timestamp,
    /// Who told them.
    pub server: Server,
    /// What became of them.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
    /// How many.
    pub events: u64,
}

/// A source and what it brought since the journal began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// How far it was read.
    pub position: Option<String>,
    /// Lines by what they were.
    pub counts: SourceCounts,
}

/// An unknown line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Where it came from.
    pub source: String,
    /// Its number.
    pub seq: u64,
    /// Why no grammar took it.
    pub why: String,
    /// The line, possibly cut.
    pub line: Vec<u8>,
}

/// How large the journal is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// The last line.
    pub seq: u64,
    /// Records that are in no segment yet.
    pub records_hot: u64,
    /// Records in segments.
    pub records_history: u64,
    /// The number of segments.
    pub segments: u64,
    /// Decisions that hold.
    pub holds: u64,
    /// Incidents that are not over.
    pub incidents: u64,
    /// Bytes of the database and its write-ahead log.
    pub bytes_database: u64,
    /// Bytes of the segments.
    pub bytes_segments: u64,
    /// Bytes of the engine's checkpoints.
    pub bytes_checkpoints: u64,
    /// The oldest event time on record.
    pub oldest: Option<Timestamp>,
}

impl Reader {
    pub(super) fn list<T>(
        &self,
        sql: &str,
        given: impl rusqlite::Params,
        each: impl FnMut(&SqlRow<'_>) -> Result<Option<T>, rusqlite::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let read = || -> Result<Vec<T>, rusqlite::Error> {
            let mut statement = self.database.prepare_cached(sql)?;
            let rows = statement.query_map(given, each)?;
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(self.sql())
    }

    /// The decisions that hold, as committed, in the subjects' order.
    pub fn holds(&self) -> Result<Vec<Decision>, StoreError> {
        self.list("SELECT decision FROM hold ORDER BY subject, measure", [], |row| {
            Ok(hold(row.get_ref(0)?.as_blob().unwrap_or_default()))
        })
    }

    /// Incidents, the newest first, `limit` at most: all that are not over, or those of which
    /// something happened between these times.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn incidents(
        &self,
        span: Option<(Timestamp, Timestamp)>,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        if self.format < INCIDENTS_FROM {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match span {
            None => self.list(
                "SELECT incident FROM incident WHERE state < 2 ORDER BY id DESC LIMIT ?1",
                [limit],
                decode_incident,
            ),
            Some((from, until)) => self.list(
                "SELECT incident FROM incident WHERE at >= ?2 ORDER BY id DESC LIMIT ?1",
                params![limit, from.0],
                |row| Ok(decode_incident(row)?.filter(|incident| incident.opened_at < until)),
            ),
        }
    }

    /// One incident.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn incident(&self, number: u64) -> Result<Option<Incident>, StoreError> {
        if self.format < INCIDENTS_FROM {
            return Ok(None);
        }
        incident(&self.database, number).map_err(self.sql())
    }

    /// What operators ordered, newest first.
    pub fn audit(&self, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.list("SELECT record FROM audit ORDER BY id DESC LIMIT ?1", [limit], |row| {
            let record = row.get_ref(0)?.as_blob().unwrap_or_default();
            Ok(match decode(record.get(4..).unwrap_or_default()) {
                Ok(Record::Command { seq, command }) => Some(AuditEntry { seq, command }),
                _ => None,
            })
        })
    }

    /// Events by hour, server, outcome and reason, for the hours from `from` (its hour included)
    /// to `until` (excluded).
    pub fn counts(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Count>, StoreError> {
        let first = from.seconds().div_euclid(3600) * 3600;
        self.list(
            "SELECT hour, server, outcome, reason, n FROM count WHERE hour >= ?1 AND hour < ?2
             ORDER BY hour, server, outcome, reason",
            params![first, until.seconds()],
            |row| {
                let (server, outcome) =
                    (Server::from_code(row.get(1)?), Outcome::from_code(row.get(2)?));
                let reason: u8 = row.get(3)?;
                let hour = Timestamp::from_seconds(row.get(0)?);
                let events = row.get::<_, i64>(4)?.cast_unsigned();
                let reason = reason.checked_sub(1).and_then(Reason::from_code);
                Ok(server.zip(outcome).map(|(server, outcome)| Count {
                    hour,
                    server,
                    outcome,
                    reason,
                    events,
                }))
            },
        )
    }

    /// All sources with their counts and positions.
    pub fn sources(&self) -> Result<Vec<Source>, StoreError> {
        self.list(
            "SELECT name, position, lines, events, noise, unknown FROM source ORDER BY id",
            [],
            |row| {
                let get = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
                let counts = SourceCounts {
                    lines: get(2)?,
                    events: get(3)?,
                    noise: get(4)?,
                    unknown: get(5)?,
                };
                Ok(Some(Source { name: row.get(0)?, position: row.get(1)?, counts }))
            },
        )
    }

    /// How far every source has been read.
    pub fn positions(&self) -> Result<Vec<Position>, StoreError> {
        let sources = self.sources()?.into_iter();
        Ok(sources
            .filter_map(|source| {
                source.position.map(|position| Position { source: source.name, position })
            })
            .collect())
    }

    /// Samples of unknown lines, newest first.
    pub fn samples(&self, limit: usize) -> Result<Vec<Sample>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.list(
            "SELECT coalesce(source.name, ''), seq, why, line FROM sample
             LEFT JOIN source ON source.id = sample.source ORDER BY sample.id DESC LIMIT ?1",
            [limit],
            |row| {
                Ok(Some(Sample {
                    source: row.get(0)?,
                    seq: row.get::<_, i64>(1)?.cast_unsigned(),
                    why: row.get(2)?,
                    line: row.get(3)?,
                }))
            },
        )
    }

    /// Sizes and ages.
    pub fn statistics(&self) -> Result<Statistics, StoreError> {
        let read = || -> Result<Statistics, rusqlite::Error> {
            let one =
                |sql: &str| self.database.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
            let number = |sql: &str| one(sql).map(|n| n.unwrap_or(0).cast_unsigned());
            let hot = "FROM batch WHERE id > (SELECT segmented FROM head)";
            let oldest = [
                one(&format!("SELECT min(at_min) {hot}"))?,
                one("SELECT min(at_min) FROM segment")?,
            ];
            Ok(Statistics {
                seq: number("SELECT seq FROM head")?,
                records_hot: number(&format!("SELECT sum(records) {hot}"))?,
                records_history: number("SELECT sum(rows) FROM segment")?,
                segments: number("SELECT count(*) FROM segment")?,
                holds: number("SELECT count(*) FROM hold")?,
                incidents: match self.format >= INCIDENTS_FROM {
                    true => number("SELECT count(*) FROM incident WHERE state < 2")?,
                    false => 0,
                },
                bytes_segments: number("SELECT sum(bytes) FROM segment")?,
                oldest: oldest.into_iter().flatten().min().map(Timestamp),
                ..Statistics::default()
            })
        };
        let mut statistics = read().map_err(self.sql())?;
        let size = |path| fs::metadata(path).map_or(0, |file| file.len());
        statistics.bytes_database = database::files(&self.dir).into_iter().map(size).sum();
        statistics.bytes_checkpoints =
            crate::checkpoint::list(&self.dir).into_iter().map(|c| size(c.path)).sum();
        Ok(statistics)
    }

    pub(super) fn source_names(&self) -> Result<BTreeMap<u32, String>, StoreError> {
        let names = self
            .list("SELECT id, name FROM source", [], |row| Ok(Some((row.get(0)?, row.get(1)?))))?;
        Ok(names.into_iter().collect())
    }
}
