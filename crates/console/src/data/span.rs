//! A span of time cut into bins, few enough to be drawn.

use event::Timestamp;
use store::Step;

/// Widths of bins, in seconds.
const WIDTHS_S: [i64; 10] = [10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86_400, 7 * 86_400];
/// Bins of one line, at most.
const BINS_MAX: i64 = 370;
/// Roll-ups of ten seconds are kept for so long, those of a minute for so long.
const TEN_SECONDS_KEPT_S: i64 = 86_400;
const MINUTES_KEPT_S: i64 = 15 * 86_400;
/// Leaders of minutes are asked for spans up to this.
const LEADERS_BY_MINUTE_S: i64 = 2 * 3600;
/// A week.
pub const WEEK_S: i64 = 7 * 86_400;

/// A span of time and how it is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// From.
    pub from: Timestamp,
    /// Until, excluded.
    pub until: Timestamp,
    /// The newest event on record.
    pub newest: Timestamp,
}

/// How a span is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bins {
    /// The first second of the first.
    pub first_s: i64,
    /// The width of each.
    pub width_s: i64,
    /// How many.
    pub count: usize,
    /// Of which roll-ups they are made.
    pub step: Step,
}

impl Span {
    /// Its length.
    pub fn seconds(&self) -> i64 {
        self.until.seconds() - self.from.seconds()
    }

    /// The finest roll-ups that there are of all of it.
    fn finest(&self) -> Step {
        let age_s = self.newest.seconds() - self.from.seconds();
        match age_s {
            age_s if age_s < TEN_SECONDS_KEPT_S => Step::TenSeconds,
            age_s if age_s < MINUTES_KEPT_S => Step::Minute,
            _ => Step::Hour,
        }
    }

    /// Its bins: as fine as fits, and no finer than what is kept.
    pub fn bins(&self) -> Bins {
        let finest_s = self.finest().seconds();
        let width_s = WIDTHS_S
            .into_iter()
            .find(|width_s| *width_s >= finest_s && self.seconds() / width_s <= BINS_MAX)
            .unwrap_or_else(|| self.seconds() / BINS_MAX + 1);
        let step = [Step::Hour, Step::FiveMinutes, Step::Minute, Step::TenSeconds]
            .into_iter()
            .find(|step| step.seconds() <= width_s)
            .unwrap_or(Step::TenSeconds);
        let first_s = self.from.seconds().div_euclid(width_s) * width_s;
        let count = (self.until.seconds() - first_s).div_euclid(width_s) + 1;
        let count = usize::try_from(count).unwrap_or(0).min(BINS_MAX as usize + 2);
        Bins { first_s, width_s, count, step }
    }

    /// In which steps leaders are asked for.
    pub fn leaders(&self) -> Step {
        let is_short = self.seconds() <= LEADERS_BY_MINUTE_S;
        let is_kept = self.newest.seconds() - self.from.seconds() < TEN_SECONDS_KEPT_S;
        if is_short && is_kept { Step::Minute } else { Step::Hour }
    }
}

impl Bins {
    /// In which bin a second is.
    pub fn place(&self, at_s: i64) -> Option<usize> {
        let place = usize::try_from((at_s - self.first_s).div_euclid(self.width_s)).ok()?;
        (place < self.count).then_some(place)
    }

    /// The first seconds of all.
    pub fn starts(&self) -> Vec<i64> {
        (0..self.count as i64).map(|bin| self.first_s + bin * self.width_s).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(age_s: i64, seconds: i64) -> (i64, usize, Step) {
        let newest = Timestamp::from_seconds(1_795_200_000);
        let from = newest.plus_seconds(-age_s);
        let bins = Span { from, until: from.plus_seconds(seconds), newest }.bins();
        (bins.width_s, bins.count, bins.step)
    }

    #[test]
    fn bins_are_few_and_no_finer_than_what_is_kept() {
        assert_eq!(bins(900, 900), (10, 91, Step::TenSeconds));
        assert_eq!(bins(3600, 3600), (10, 361, Step::TenSeconds));
        assert_eq!(bins(86_400, 86_400), (300, 289, Step::FiveMinutes));
        assert_eq!(bins(7 * 86_400, 7 * 86_400), (3600, 169, Step::Hour));
        assert_eq!(bins(3 * 86_400, 900), (60, 16, Step::Minute));
        assert_eq!(bins(40 * 86_400, 900), (3600, 1, Step::Hour));
        let (width_s, count, step) = bins(90 * 86_400, 90 * 86_400);
        assert_eq!((width_s, count, step), (12 * 3600, 181, Step::Hour));
        let (_, count, _) = bins(100_000 * 86_400, 100_000 * 86_400);
        assert!(count <= BINS_MAX as usize + 2);
    }
}
