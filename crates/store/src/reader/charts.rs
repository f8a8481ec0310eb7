//! What charts are drawn from: roll-ups and leaders.

use super::Reader;
use super::kept::{ChartCache, Growing, Seconds};
use crate::StoreError;
use crate::database::ROLLUPS_FROM;
use crate::rollup::{Bucket, Dimension, Leaders, Rollup, Series, Step};
use ::event::{Outcome, Timestamp};
use rusqlite::params;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events by series and step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rollups {
    /// Of steps that are over: others may be looking at the same. May begin before the span.
    over: Arc<Vec<Rollup>>,
    open: Vec<Rollup>,
    span: Seconds,
}

impl Rollups {
    /// All, the oldest step first.
    pub fn iter(&self) -> impl Iterator<Item = Rollup> {
        let is_before = |at_s: i64| move |row: &Rollup| row.at.seconds() < at_s;
        let from = self.over.partition_point(is_before(self.span.0));
        let until = self.over.partition_point(is_before(self.span.1)).max(from);
        let over = self.over.get(from..until).unwrap_or_default();
        over.iter().chain(&self.open).copied()
    }
}

impl Reader {
    /// All series by number. Series are only added, so what was read before stays as it is.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn series(&self) -> Result<BTreeMap<u16, Series>, StoreError> {
        if self.format < ROLLUPS_FROM {
            return Ok(BTreeMap::new());
        }
        let rows = self.list("SELECT id, words FROM series", [], |row| {
            let words: Vec<u8> = row.get(1)?;
            let number: u16 = row.get(0)?;
            Ok(Series::decode(&words).map(|series| (number, series)))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// Events by series in steps from the one that `from` is in to `until` (excluded), the oldest
    /// step first. Those of steps that are over are taken from what is kept.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn rollups(
        &self,
        kept: &ChartCache,
        step: Step,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Rollups, StoreError> {
        let span = (step.floor(from.seconds()), step.ceil(until.seconds()));
        let over = self.over(
            &kept.rollups,
            &Growing {
                key: step,
                step,
                span,
                // Of a longer one a part is taken, unless most of it would be carried for nothing.
                fits: &|kept| {
                    let before = span.0 - kept.0;
                    (0..=span.1 - span.0).contains(&before) && kept.1 > span.0
                },
                grow: &|before: Option<&Vec<Rollup>>, seconds| {
                    let before = before.map_or(&[][..], |rows| rows);
                    let from = before.partition_point(|row| row.at.seconds() < span.0);
                    let mut rows = before.get(from..).unwrap_or_default().to_vec();
                    rows.append(&mut self.rows(step, seconds)?);
                    Ok(rows)
                },
                cost: &Vec::len,
            },
        )?;
        let reached = over.as_ref().map_or(span.0, |entry| entry.span.1);
        let open = self.rows(step, (reached, span.1))?;
        let over = over.map(|entry| entry.value).unwrap_or_default();
        Ok(Rollups { over, open, span })
    }

    fn rows(&self, step: Step, (first, end): Seconds) -> Result<Vec<Rollup>, StoreError> {
        if self.format < ROLLUPS_FROM || first >= end {
            return Ok(Vec::new());
        }
        self.list(
            "SELECT at, series, n FROM rollup WHERE step = ?1 AND at >= ?2 AND at < ?3",
            params![step.seconds(), first, end],
            |row| {
                let events = row.get::<_, i64>(2)?.cast_unsigned();
                let at = Timestamp::from_seconds(row.get(0)?);
                Ok(Some(Rollup { at, series: row.get(1)?, events }))
            },
        )
    }

    /// The busiest values of a dimension, in steps of a minute or an hour from the one that `from`
    /// is in to `until` (excluded). Whole days are taken as such where they were made; steps that
    /// are over are taken from what is kept, which is no more values than a day has.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn leaders(
        &self,
        kept: &ChartCache,
        dimension: Dimension,
        step: Step,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Leaders, StoreError> {
        let span = (step.floor(from.seconds()), step.ceil(until.seconds()));
        let over = self.over(
            &kept.leaders,
            &Growing {
                key: (step, dimension),
                step,
                span,
                // A sum cannot be made shorter again.
                fits: &|kept| kept.0 == span.0 && kept.1 <= span.1,
                grow: &|before: Option<&Bucket>, seconds| {
                    let mut sum = before.cloned().unwrap_or_default();
                    self.add_all(&mut sum, dimension, step, seconds)?;
                    let series = self.series()?;
                    sum.prune(Step::Day.leaders_max(), |number| {
                        series.get(&number).is_some_and(|one| one.outcome == Outcome::Allowed)
                    });
                    Ok(sum)
                },
                cost: &Bucket::len,
            },
        )?;
        let reached = over.as_ref().map_or(span.0, |entry| entry.span.1);
        let mut open = Bucket::default();
        self.add_all(&mut open, dimension, step, (reached, span.1))?;
        Ok(Leaders { over: over.map(|entry| entry.value).unwrap_or_default(), open })
    }

    /// Adds the leaders of a span, by whole days where they were made.
    fn add_all(
        &self,
        sum: &mut Bucket,
        dimension: Dimension,
        step: Step,
        (first, end): Seconds,
    ) -> Result<(), StoreError> {
        if self.format < ROLLUPS_FROM || first >= end {
            return Ok(());
        }
        let days = match step {
            Step::Hour => self.whole_days(dimension, first, end)?,
            _ => Vec::new(),
        };
        let mut at = first;
        for day in days {
            self.add(sum, dimension, step, (at, day))?;
            self.add(sum, dimension, Step::Day, (day, day + 1))?;
            at = day + Step::Day.seconds();
        }
        self.add(sum, dimension, step, (at, end))
    }

    fn whole_days(
        &self,
        dimension: Dimension,
        first: i64,
        end: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let day = Step::Day.seconds();
        self.list(
            "SELECT at FROM leader WHERE step = ?1 AND dimension = ?2 AND at >= ?3 AND at <= ?4
             ORDER BY at",
            params![day, dimension as u8, first, end.saturating_sub(day)],
            |row| row.get(0).map(Some),
        )
    }

    fn add(
        &self,
        sum: &mut Bucket,
        dimension: Dimension,
        step: Step,
        (first, end): Seconds,
    ) -> Result<(), StoreError> {
        if first >= end {
            return Ok(());
        }
        let buckets = self.list(
            "SELECT data FROM leader WHERE step = ?1 AND dimension = ?2 AND at >= ?3 AND at < ?4",
            params![step.seconds(), dimension as u8, first, end],
            // One that is damaged is made again by the maintenance when it changes.
            |row| Ok(Bucket::decode(row.get_ref(0)?.as_blob().unwrap_or_default())),
        )?;
        buckets.into_iter().for_each(|bucket| sum.merge(bucket));
        Ok(())
    }

    /// Changes when something was committed, or counted for charts.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn version(&self) -> Result<(u64, u64), StoreError> {
        let sql = match self.format >= ROLLUPS_FROM {
            true => "SELECT head.batch, rolled.batch FROM head, rolled",
            false => "SELECT batch, 0 FROM head",
        };
        let rows = self.list(sql, [], |row| {
            let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(Some((number(0)?, number(1)?)))
        })?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// The newest event that is counted.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.format < ROLLUPS_FROM {
            return Ok(None);
        }
        let newest = self.list("SELECT newest FROM rolled WHERE newest > 0", [], |row| {
            row.get(0).map(|seconds| Some(Timestamp::from_seconds(seconds)))
        })?;
        Ok(newest.into_iter().next())
    }
}
