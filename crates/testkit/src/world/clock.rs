//! Days, weekdays, holidays and hours, as people and machines live by them.

use super::chance::mix;

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

pub(crate) const SECOND: Micros = 1_000_000;
pub(crate) const MINUTE: Micros = 60 * SECOND;
pub(crate) const HOUR: Micros = 60 * MINUTE;
pub(crate) const DAY: Micros = 24 * HOUR;

/// A span of fractional seconds, as the clock counts; three centuries at most, so that what never
/// comes lies behind the end of the world, and not before its beginning.
pub(crate) fn seconds(seconds: f64) -> Micros {
    (seconds.min(1e10) * 1e6) as Micros
}

/// Where the sun stands for somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Zone {
    /// East of Greenwich. Daylight saving is left out: a habit moves by an hour at most.
    pub offset_h: i64,
}

impl Zone {
    /// The local day, counted since 1970.
    pub fn day(self, at: Micros) -> i64 {
        (at + self.offset_h * HOUR).div_euclid(DAY)
    }

    /// Since local midnight.
    pub fn time_of_day(self, at: Micros) -> Micros {
        (at + self.offset_h * HOUR).rem_euclid(DAY)
    }

    pub fn hour(self, at: Micros) -> f64 {
        self.time_of_day(at) as f64 / HOUR as f64
    }

    /// When it is `hour` o'clock on the local `day`.
    pub fn at(self, day: i64, hour: f64) -> Micros {
        day * DAY + (hour * HOUR as f64) as Micros - self.offset_h * HOUR
    }
}

/// 0 is Monday.
pub(crate) const fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

pub(crate) const fn is_weekend(day: i64) -> bool {
    weekday(day) >= 5
}

/// Year, month and day of month of a day since 1970 (Howard Hinnant, `civil_from_days`).
pub(crate) const fn date(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + (month <= 2) as i64;
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

/// True on the days on which offices are shut: fixed holidays, the days about New Year, and some
/// that differ by country (the seed's).
pub(crate) const fn is_holiday(day: i64, seed: u64) -> bool {
    let (year, month, dom) = date(day);
    match (month, dom) {
        (1, 1) | (5, 1) | (12, 24..=26) | (12, 31) => true,
        _ => {
            let first = 20 + (mix(seed, year as u64) % 25) as i64;
            // Two Mondays of spring that move from year to year, and one day of autumn.
            weekday(day) == 0 && month == 4 && dom >= first - 20 && dom < first - 13
                || weekday(day) == 0 && month == 5 && dom > 22
                || month == 10 && dom == 1 + (seed % 28) as i64
        }
    }
}

pub(crate) const fn is_working_day(day: i64, seed: u64) -> bool {
    !is_weekend(day) && !is_holiday(day, seed)
}

/// How busy the world's mail is at an hour of the local day: 1 at the best time, little at night.
pub(crate) fn traffic(hour: f64) -> f64 {
    match hour {
        h if h < 6.0 => 0.12,
        h if h < 8.0 => 0.12 + (h - 6.0) * 0.3,
        h if h < 12.0 => 0.72 + (h - 8.0) * 0.07,
        h if h < 17.0 => 0.9,
        h if h < 22.0 => 0.9 - (h - 17.0) * 0.13,
        _ => 0.2,
    }
}

/// The mean of [`traffic`] over a day.
pub(crate) const TRAFFIC_MEAN: f64 = 0.52;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_weekdays_are_those_of_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(20_454), (2026, 1, 1));
        assert_eq!(date(20_454 + 58), (2026, 2, 28));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(weekday(0), 3, "a Thursday");
        assert_eq!(weekday(20_454), 3, "2026 began on a Thursday, too");
        assert!(is_holiday(20_454, 9) && !is_holiday(20_455, 9));
        let zone = Zone { offset_h: 2 };
        assert_eq!(zone.day(zone.at(100, 0.5)), 100);
        assert_eq!(zone.hour(zone.at(100, 7.25)), 7.25);
    }
}
