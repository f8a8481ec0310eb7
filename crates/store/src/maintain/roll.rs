//! Counts for charts, made from batches that are on record (see `rollup`). A journal that an
//! earlier version wrote, or that was salvaged, is counted from its history first.

use super::Maintainer;
use crate::batch::Batch;
use crate::codec::{Record, decode};
use crate::filter::Filter;
use crate::rollup::{Bucket, Dimension, Gathering, Step};
use crate::segment::{Family, Name, Segment};
use crate::{StoreError, rollup};
use ::event::{Event, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

/// Records that are counted in one turn, so that the journal never waits long at the gate.
const RECORDS_A_TURN: u64 = 2048;
/// Turns of one call.
const TURNS: usize = 256;
/// What so many turns changed stays on record: about an hour of them.
const TURNS_KEPT: i64 = 4096;
/// Days of leaders that are made in one round.
const DAYS_A_ROUND: i64 = 32;

/// Up to where everything is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rolled {
    batch: u64,
    /// Row groups of the next segment that are counted, too.
    groups: u64,
}

impl Maintainer {
    /// Counts what came since the last time, for those who look: to be called every second or two.
    /// True where more waits than fits into one call.
    ///
    /// # Errors
    /// The database could not be read or written; the next call goes on.
    pub fn roll_up(&mut self) -> Result<bool, StoreError> {
        if self.is_interrupted() {
            return Ok(false);
        }
        let done = self.connect().and_then(|()| match self.adopted {
            true => self.roll(),
            // History that has no entry yet is entered by the next round, and counted first.
            false => Ok(false),
        });
        self.shared.met(&done);
        done
    }

    /// The same, where the database is open.
    pub(super) fn roll(&mut self) -> Result<bool, StoreError> {
        for _ in 0..TURNS {
            let mut gathering = match self.rolling.take() {
                Some(gathering) => gathering,
                None => self.begin()?,
            };
            // Where a turn fails, what it counted is forgotten, and counted by the next.
            if !self.turn(&mut gathering)? {
                self.rolling = Some(gathering);
                return Ok(false);
            }
            self.rolling = Some(gathering);
            if self.is_interrupted() {
                break;
            }
        }
        Ok(true)
    }

    fn begin(&self) -> Result<Gathering, StoreError> {
        let read = |database: &Connection| -> Result<Gathering, rusqlite::Error> {
            let newest: i64 = database.query_row(
                "SELECT max((SELECT newest * 1000000 FROM rolled),
                            coalesce((SELECT max(at_max) FROM batch), 0),
                            coalesce((SELECT max(at_max) FROM segment), 0))",
                [],
                |row| row.get(0),
            )?;
            let mut statement = database.prepare("SELECT id, words FROM series ORDER BY id")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let series: Result<Vec<(u16, Vec<u8>)>, _> = rows.collect();
            Ok(Gathering::of(series?.into_iter(), Timestamp(newest).seconds()))
        };
        read(self.database()?).map_err(self.sql("read the counts"))
    }

    /// Counts some. False where nothing was left to count.
    fn turn(&mut self, gathering: &mut Gathering) -> Result<bool, StoreError> {
        let from = self.rolled()?;
        let reached = match self.next_of_history(from)? {
            Some((name, last)) => self.count_history(gathering, from, &name, last),
            None => self.count_batches(gathering, from)?,
        };
        if reached == from {
            return Ok(false);
        }
        for place in gathering.missing() {
            let before = self.leaders(place)?;
            gathering.load(place, before);
        }
        self.write("count for charts", |to| put(to, gathering, reached))?;
        self.days_until = self.days_until.min(gathering.oldest_day());
        gathering.recorded();
        Ok(true)
    }

    fn rolled(&self) -> Result<Rolled, StoreError> {
        self.database()?
            .query_row("SELECT batch, groups FROM rolled", [], |row| {
                let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
                Ok(Rolled { batch: number(0)?, groups: number(1)? })
            })
            .map_err(self.sql("read the counts"))
    }

    /// The segment to be counted next, and its last batch: where the batches are gone already.
    fn next_of_history(&self, from: Rolled) -> Result<Option<(Name, u64)>, StoreError> {
        let read = |database: &Connection| {
            database
                .prepare_cached(
                    "SELECT name, batch_last FROM segment
                     WHERE family = ?1 AND batch_last > ?2
                       AND batch_first < coalesce((SELECT min(id) FROM batch WHERE id > ?2), 1 << 62)
                     ORDER BY batch_last LIMIT 1",
                )?
                .query_row(params![Family::Events.code(), from.batch.cast_signed()], |row| {
                    let last = row.get::<_, i64>(1)?.cast_unsigned();
                    Ok(Name::parse(&row.get::<_, String>(0)?).map(|name| (name, last)))
                })
                .optional()
        };
        read(self.database()?).map(Option::flatten).map_err(self.sql("read the catalogue"))
    }

    /// One row group. A segment that cannot be read is passed over: whoever asks is told of it.
    fn count_history(
        &self,
        gathering: &mut Gathering,
        from: Rolled,
        name: &Name,
        last: u64,
    ) -> Rolled {
        let whole = Rolled { batch: last, groups: 0 };
        let Ok(segment) = Segment::open(&self.dir, name) else { return whole };
        let group = usize::try_from(from.groups).unwrap_or(usize::MAX);
        if group >= segment.row_groups() {
            return whole;
        }
        for row in segment.find(group, &Filter::default(), usize::MAX, false).unwrap_or_default() {
            if row.batch > from.batch
                && let Ok(Record::Event { event, .. }) =
                    decode(row.record.get(4..).unwrap_or_default())
            {
                gathering.take(&event);
            }
        }
        if group + 1 == segment.row_groups() {
            whole
        } else {
            Rolled { groups: from.groups + 1, ..from }
        }
    }

    fn count_batches(&self, gathering: &mut Gathering, from: Rolled) -> Result<Rolled, StoreError> {
        let path = self.path();
        let mut reached = from;
        let mut count = |database: &Connection| -> Result<(), rusqlite::Error> {
            let mut statement = database
                .prepare_cached("SELECT id, records, data FROM batch WHERE id > ?1 ORDER BY id")?;
            let mut rows = statement.query([from.batch.cast_signed()])?;
            let mut records = 0;
            while let Some(row) = rows.next()? {
                let id = row.get::<_, i64>(0)?.cast_unsigned();
                // One that is damaged counts for nothing: whoever asks is told of it.
                if let Ok(batch) = Batch::open(row.get_ref(2)?.as_blob().unwrap_or_default(), &path)
                {
                    events(&batch, |event| gathering.take(event));
                }
                reached = Rolled { batch: id, groups: 0 };
                records += row.get::<_, i64>(1)?.cast_unsigned();
                if records >= RECORDS_A_TURN {
                    break;
                }
            }
            Ok(())
        };
        count(self.database()?).map_err(self.sql("read the journal"))?;
        Ok(reached)
    }

    /// What is on record of them. Damaged ones are made anew.
    fn leaders(&self, place: rollup::Place) -> Result<Option<Bucket>, StoreError> {
        let (step, at, dimension) = place;
        let read = |database: &Connection| {
            database
                .prepare_cached(
                    "SELECT data FROM leader WHERE step = ?1 AND dimension = ?2 AND at = ?3",
                )?
                .query_row(params![step.seconds(), dimension as u8, at], |row| {
                    Ok(Bucket::decode(row.get_ref(0)?.as_blob().unwrap_or_default()))
                })
                .optional()
        };
        read(self.database()?).map(Option::flatten).map_err(self.sql("read the counts"))
    }

    /// The leaders of days that are over, from those of their hours.
    pub(super) fn make_days(&mut self) -> Result<(), StoreError> {
        let gathering = match self.rolling.take() {
            Some(gathering) => gathering,
            None => self.begin()?,
        };
        let over_until = Step::Day.floor(gathering.newest_s);
        if self.days_until >= over_until {
            self.rolling = Some(gathering);
            return Ok(());
        }
        let read = |database: &Connection| -> Result<Vec<(i64, u8)>, rusqlite::Error> {
            let mut statement = database.prepare_cached(
                "SELECT DISTINCT at / ?2 * ?2, dimension FROM leader AS hours
                 WHERE step = ?1 AND at < ?3 AND NOT EXISTS (SELECT 1 FROM leader WHERE step = ?2
                   AND dimension = hours.dimension AND at = hours.at / ?2 * ?2) LIMIT ?4",
            )?;
            let (hour, day) = (Step::Hour.seconds(), Step::Day.seconds());
            let rows = statement.query_map(
                params![hour, day, over_until, DAYS_A_ROUND * Dimension::ALL.len() as i64],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            rows.collect()
        };
        let days = read(self.database()?).map_err(self.sql("read the counts"))?;
        let is_all = days.len() < DAYS_A_ROUND as usize * Dimension::ALL.len();
        for (day, dimension) in days {
            if self.is_interrupted() {
                return Ok(());
            }
            let hours = self.hours(day, dimension)?;
            let data = gathering.day(hours.into_iter()).encode();
            self.write("count for charts", |to| {
                to.prepare_cached(
                    "INSERT OR REPLACE INTO leader(step, dimension, at, data)
                     VALUES(?1, ?2, ?3, ?4)",
                )?
                .execute(params![Step::Day.seconds(), dimension, day, data])
            })?;
        }
        self.rolling = Some(gathering);
        if is_all {
            self.days_until = over_until;
        }
        Ok(())
    }

    fn hours(&self, day: i64, dimension: u8) -> Result<Vec<Bucket>, StoreError> {
        let read = |database: &Connection| -> Result<Vec<Bucket>, rusqlite::Error> {
            let mut statement = database.prepare_cached(
                "SELECT data FROM leader
                 WHERE step = ?1 AND dimension = ?2 AND at >= ?3 AND at < ?4",
            )?;
            let given = params![Step::Hour.seconds(), dimension, day, day + Step::Day.seconds()];
            let rows = statement.query_map(given, |row| {
                Ok(Bucket::decode(row.get_ref(0)?.as_blob().unwrap_or_default()))
            })?;
            rows.filter_map(Result::transpose).collect()
        };
        read(self.database()?).map_err(self.sql("read the counts"))
    }

    /// What is older than it is kept goes. `actions_until` is for what is kept longest.
    pub(super) fn retain_charts(&self, actions_until: Timestamp) -> Result<(), StoreError> {
        self.write("remove old counts", |from| {
            let newest: i64 = from.query_row("SELECT newest FROM rolled", [], |row| row.get(0))?;
            let until = |kept_s: Option<i64>| match kept_s {
                Some(kept_s) => newest - kept_s,
                None => actions_until.seconds(),
            };
            for step in Step::ALL {
                from.prepare_cached("DELETE FROM rollup WHERE step = ?1 AND at < ?2")?
                    .execute(params![step.seconds(), until(step.rollups_kept_s())])?;
                let kept_until = until(step.leaders_kept_s());
                for dimension in Dimension::ALL {
                    from.prepare_cached(
                        "DELETE FROM leader WHERE step = ?1 AND dimension = ?2 AND at < ?3",
                    )?
                    .execute(params![
                        step.seconds(),
                        dimension as u8,
                        kept_until
                    ])?;
                }
            }
            from.prepare_cached("DELETE FROM turn WHERE id <= (SELECT max(id) FROM turn) - ?1")?
                .execute([TURNS_KEPT])?;
            Ok(())
        })
    }
}

fn events(batch: &Batch, mut each: impl FnMut(&Event<'_>)) {
    for record in batch.records().flatten() {
        if let Record::Event { event, .. } = record {
            each(&event);
        }
    }
}

fn put(
    to: &Transaction<'_>,
    gathering: &Gathering,
    reached: Rolled,
) -> Result<(), rusqlite::Error> {
    let written = gathering.written();
    for (number, words) in written.series {
        to.prepare_cached("INSERT INTO series VALUES(?1, ?2)")?.execute(params![number, words])?;
    }
    for ((step, at, series), events) in written.rows {
        to.prepare_cached(
            "INSERT INTO rollup VALUES(?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?
        .execute(params![step.seconds(), at, series, events.cast_signed()])?;
    }
    for ((step, at, dimension), data) in &written.leaders {
        to.prepare_cached(
            "INSERT INTO leader(step, dimension, at, data) VALUES(?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET data = excluded.data",
        )?
        .execute(params![step.seconds(), *dimension as u8, at, data])?;
        // A day that was made already is made again.
        to.prepare_cached("DELETE FROM leader WHERE step = ?1 AND dimension = ?2 AND at = ?3")?
            .execute(params![Step::Day.seconds(), *dimension as u8, Step::Day.floor(*at)])?;
    }
    if let Some((oldest, newest)) = gathering.changed() {
        to.prepare_cached("INSERT INTO turn(oldest, newest) VALUES(?1, ?2)")?
            .execute([oldest, newest])?;
    }
    to.prepare_cached("UPDATE rolled SET batch = ?1, groups = ?2, newest = ?3")?.execute(
        params![reached.batch.cast_signed(), reached.groups.cast_signed(), gathering.newest_s],
    )?;
    Ok(())
}
