//! Points in time, as a line or a clock told them.

use core::fmt;

/// Microseconds since 1970-01-01T00:00:00Z. The core never asks a clock: a timestamp is always
/// somebody's statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Timestamp(pub i64);

/// A date and time of day of the proleptic Gregorian calendar, without a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Civil {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

const DAY_S: i64 = 86_400;
const MICROS: i64 = 1_000_000;

impl Timestamp {
    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// The same in 32 bits, as tables keep it: from 1970 to 2106, whatever lies outside.
    pub fn seconds_u32(self) -> u32 {
        u32::try_from(self.seconds().max(0)).unwrap_or(u32::MAX)
    }

    /// The point `seconds` after 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(MICROS))
    }

    /// This point moved by `seconds`, saturating at the ends of time.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(MICROS)))
    }

    /// The UTC calendar reading. Years outside -9999 to 9999 are clamped.
    pub const fn civil(self) -> Civil {
        let seconds = self.seconds();
        let days = seconds.div_euclid(DAY_S);
        let rest = seconds.rem_euclid(DAY_S);
        let (year, month, day) = date_of_days(days);
        Civil {
            year,
            month,
            day,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            micros: self.0.rem_euclid(MICROS) as u32,
        }
    }
}

impl Civil {
    /// Reads this as UTC. A second of 60 (a leap second) is the next minute's first.
    #[inline]
    pub const fn utc(self) -> Timestamp {
        let days = days_of_date(self.year, self.month, self.day);
        let seconds =
            days * DAY_S + self.hour as i64 * 3600 + self.minute as i64 * 60 + self.second as i64;
        Timestamp(seconds * MICROS + self.micros as i64)
    }

    /// True where the fields are within the calendar (a leap second counts).
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.month >= 1
            && self.month <= 12
            && self.day >= 1
            && (self.day <= 28 || self.day <= days_in_month(self.year, self.month))
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60
            && self.micros < 1_000_000
    }
}

const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of a common year before the first of each month.
const DAYS_BEFORE: [u16; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// Days since 1970-01-01; Howard Hinnant, "chrono-compatible low-level date algorithms".
#[inline]
const fn days_of_date(year: i32, month: u8, day: u8) -> i64 {
    // From 1901 to 2099 each fourth year is a leap year, which is quicker to tell.
    if year > 1900 && year < 2100 && month >= 1 && month <= 12 {
        let leap = (year % 4 == 0 && month > 2) as i32;
        let days = (year - 1970) * 365 + ((year - 1901) >> 2) - 17 + leap;
        return (days + DAYS_BEFORE[month as usize - 1] as i32 + day as i32 - 1) as i64;
    }
    // The year begins in March. Its eras of 400 years all have the same days, so the leap days may
    // be counted from any of them.
    let january = (month <= 2) as i64;
    let year = year as i64 - january;
    let shifted_month = month as i64 - 3 + 12 * january;
    let day_of_year = ((153 * shifted_month + 2) as u32 / 5) as i64 + day as i64 - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

/// The inverse of [`days_of_date`], same source.
const fn date_of_days(days: i64) -> (i32, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u8;
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year as i32, month, day)
}

/// RFC 3339 in UTC with microseconds: `2026-11-21T16:02:10.000000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            out,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second, c.micros
        )
    }
}

/// A length of time in seconds, for people: `45 s`, `10 min`, `4 h`, `3 d`; what is below 0 is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Length(pub i64);

impl fmt::Display for Length {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0);
        match seconds {
            0..120 => write!(out, "{seconds} s"),
            120..7_200 => write!(out, "{} min", (seconds + 30) / 60),
            7_200..172_800 => write!(out, "{} h", (seconds + 1_800) / 3_600),
            _ => write!(out, "{} d", seconds.saturating_add(43_200) / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn known_points() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp(1_795_276_930_000_001).to_string(), "2026-11-21T16:02:10.000001Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn lengths_have_the_unit_that_fits() {
        let told = [(-1, "0 s"), (45, "45 s"), (600, "10 min"), (14_400, "4 h"), (259_200, "3 d")];
        for (seconds, words) in told {
            assert_eq!(Length(seconds).to_string(), words);
        }
        assert_eq!(Length(i64::MAX).to_string(), "106751991167300 d");
    }

    #[test]
    fn every_day_of_eight_centuries_round_trips() {
        for day in -150_000..150_000 {
            let at = Timestamp::from_seconds(day * DAY_S + 86_399);
            assert!(at.civil().is_valid());
            assert_eq!(at.civil().utc(), at);
        }
    }

    #[test]
    fn impossible_dates_are_invalid() {
        let civil =
            Civil { year: 2023, month: 2, day: 29, hour: 0, minute: 0, second: 0, micros: 0 };
        assert!(!civil.is_valid());
        assert!(Civil { year: 2024, ..civil }.is_valid());
    }
}
