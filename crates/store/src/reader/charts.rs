//! What charts are drawn from: roll-ups and leaders.

use super::Reader;
use crate::StoreError;
use crate::rollup::{Bucket, Dimension, Leaders, Rollup, Series, Step};
use ::event::Timestamp;
use rusqlite::params;
use std::collections::BTreeMap;

impl Reader {
    /// All series by number. Series are only added, so what was read before stays as it is.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn series(&self) -> Result<BTreeMap<u16, Series>, StoreError> {
        if !self.has_rollups {
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
    /// step first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn rollups(
        &self,
        step: Step,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Rollup>, StoreError> {
        if !self.has_rollups {
            return Ok(Vec::new());
        }
        self.list(
            "SELECT at, series, n FROM rollup WHERE step = ?1 AND at >= ?2 AND at < ?3",
            params![step.seconds(), step.floor(from.seconds()), until.seconds()],
            |row| {
                let events = row.get::<_, i64>(2)?.cast_unsigned();
                let at = Timestamp::from_seconds(row.get(0)?);
                Ok(Some(Rollup { at, series: row.get(1)?, events }))
            },
        )
    }

    /// The busiest values of a dimension, in steps of a minute or an hour from the one that `from`
    /// is in to `until` (excluded). Whole days are taken as such where they were made.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn leaders(
        &self,
        dimension: Dimension,
        step: Step,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Leaders, StoreError> {
        if !self.has_rollups {
            return Ok(Leaders::default());
        }
        let (first, end) = (step.floor(from.seconds()), until.seconds());
        let days = match step {
            Step::Hour => self.whole_days(dimension, first, end)?,
            _ => Vec::new(),
        };
        let mut sum = Bucket::default();
        let mut at = first;
        for day in days {
            self.add(&mut sum, dimension, step, (at, day))?;
            self.add(&mut sum, dimension, Step::Day, (day, day + 1))?;
            at = day + Step::Day.seconds();
        }
        self.add(&mut sum, dimension, step, (at, end))?;
        Ok(sum.leaders())
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
        (first, end): (i64, i64),
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
        let sql = match self.has_rollups {
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
        if !self.has_rollups {
            return Ok(None);
        }
        let newest = self.list("SELECT newest FROM rolled WHERE newest > 0", [], |row| {
            row.get(0).map(|seconds| Some(Timestamp::from_seconds(seconds)))
        })?;
        Ok(newest.into_iter().next())
    }
}
