//! What is too old, or too much, is deleted: segments as files, counts and audit as rows.

use super::{Maintained, Maintainer, remove};
use crate::StoreError;
use crate::segment::Family;
use ::event::Timestamp;
use rusqlite::params;

struct Listed {
    name: String,
    events: bool,
    at_max: Timestamp,
    bytes: u64,
}

impl Maintainer {
    pub(super) fn retain(&self, now: Timestamp, done: &mut Maintained) -> Result<(), StoreError> {
        let segments = self.listed()?;
        let events_until = now.plus_seconds(-self.policy.events_age_s);
        let actions_until = now.plus_seconds(-self.policy.actions_age_s);
        let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
        let mut count = segments.len() as u64;
        // Events first, oldest first; actions give way only where no events are left.
        let events = segments.iter().filter(|segment| segment.events);
        let actions = segments.iter().filter(|segment| !segment.events);
        for segment in events.chain(actions) {
            let until = if segment.events { events_until } else { actions_until };
            let old = segment.at_max < until;
            let too_much = bytes > self.policy.history_bytes || count > self.policy.segments;
            if old || too_much {
                self.remove_segment(&segment.name)?;
                bytes -= segment.bytes;
                count -= 1;
                done.segments_removed += 1;
            }
        }
        self.write("remove old counts and audit entries", |from| {
            from.execute("DELETE FROM count WHERE hour < ?1", [actions_until.seconds()])?;
            from.execute("DELETE FROM audit WHERE at < ?1", [actions_until.0])?;
            from.execute(
                "DELETE FROM incident WHERE state = 2 AND at < ?1
                   AND id < (SELECT max(id) FROM incident)",
                [actions_until.0],
            )?;
            Ok(())
        })?;
        self.retain_charts(actions_until)
    }

    /// All segments, oldest batches first.
    fn listed(&self) -> Result<Vec<Listed>, StoreError> {
        let read = |database: &rusqlite::Connection| {
            let mut statement = database.prepare_cached(
                "SELECT name, family, at_max, bytes FROM segment ORDER BY batch_last",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Listed {
                    name: row.get(0)?,
                    events: row.get::<_, u8>(1)? == Family::Events.code(),
                    at_max: Timestamp(row.get(2)?),
                    bytes: row.get::<_, i64>(3)?.cast_unsigned(),
                })
            })?;
            rows.collect::<Result<_, _>>()
        };
        read(self.database()?).map_err(self.sql("read the catalogue"))
    }

    /// Out of the catalogue first: a crash in between leaves a file that is entered again and
    /// removed by the next round.
    fn remove_segment(&self, name: &str) -> Result<(), StoreError> {
        self.write("remove a segment", |from| {
            from.prepare_cached("DELETE FROM segment WHERE name = ?1")?.execute(params![name])
        })?;
        remove(&self.dir.join(name))
    }
}
