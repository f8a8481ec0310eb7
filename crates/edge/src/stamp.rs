//! Completes the stamps of lines: the year that RFC 3164 leaves out, the zone that most logs leave
//! out, and what no stamp may be: later than its arrival.
//!
//! Time zones are read from the system's database (RFC 9636 files).

use event::{Civil, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::fmt;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// Lines of several processes may be out of order by this much.
const DISORDER: i64 = 300 * SECOND;
/// A stamp that far before its predecessor says that the writer's clock was set back.
const SET_BACK: i64 = 60 * SECOND;

/// A time zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone(TimeZone);

/// The name is not in the time zone database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownZone {
    /// The name asked for.
    pub name: String,
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// The zone of this host (`TZ`, `/etc/localtime`); UTC where none is set.
    pub fn local() -> Self {
        Zone(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// By its name: `Europe/Berlin`, `UTC`.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        TimeZone::get(name).map(Zone).map_err(|_| UnknownZone { name: name.to_owned() })
    }

    /// Its name in the database, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.0.iana_name()
    }
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "no time zone is named \"{}\"", self.name)
    }
}

impl std::error::Error for UnknownZone {}

/// Where missing years come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Years {
    /// The log ends about here (the file's time of last change, or now): of the years possible the
    /// latest that puts a stamp not more than a day behind. A line's arrival, where given, takes
    /// the place of this. A log that spans more than a year cannot be told so.
    Until(Timestamp),
    /// The first stamp is of this year; then always the year nearest to the line before, so that
    /// December turns into the next year's January.
    From(i32),
}

/// A completed stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Completed {
    /// When.
    pub at: Timestamp,
    /// True where the line tells a later time than that of its arrival; `at` is the arrival (or,
    /// where none is known, the line before).
    pub clamped: bool,
    /// How many seconds the writer's clock seems to have been set back: the stamp is that much
    /// before the latest one. 0 below a minute.
    pub back_s: u32,
}

/// Completes the stamps of one source, line by line, in order.
#[derive(Clone, Debug)]
pub struct Completer {
    zone: Zone,
    years: Years,
    /// Latest time of a line so far.
    latest: Option<Timestamp>,
    hour: Option<CachedHour>,
}

/// The last hour seen: most lines are of the same hour as the line before.
#[derive(Clone, Copy, Debug)]
struct CachedHour {
    year: Option<i32>,
    month: u8,
    day: u8,
    hour: u8,
    /// When it begins.
    at: Timestamp,
    /// The arrival (or end of the log) for which that was found.
    reference: i64,
}

impl Completer {
    /// For one source, whose stamps without zone are of `zone`.
    pub fn new(zone: Zone, years: Years) -> Self {
        Completer { zone, years, latest: None, hour: None }
    }

    /// A stamp that is a point in time already. `arrival` is when the line was read as it was
    /// written; `None` for a log that is read later.
    #[inline]
    pub fn utc(&mut self, at: Timestamp, arrival: Option<Timestamp>) -> Completed {
        let limit = match (arrival, self.years) {
            (Some(arrival), _) => arrival,
            (None, Years::Until(end)) => end.plus_seconds(DAY / SECOND),
            (None, Years::From(_)) => Timestamp(i64::MAX),
        };
        let clamped = at > limit;
        let at = match (clamped, arrival) {
            (false, _) => at,
            (true, Some(arrival)) => arrival,
            (true, None) => self.latest.unwrap_or(limit),
        };
        let back = self.latest.map_or(0, |latest| latest.0.saturating_sub(at.0));
        self.latest = self.latest.max(Some(at));
        let back_s = if back >= SET_BACK { u32::try_from(back / SECOND).ok() } else { Some(0) };
        Completed { at, clamped, back_s: back_s.unwrap_or(u32::MAX) }
    }

    /// A reading of the writer's clock: `year` where the line tells one (that of `reading` is not
    /// looked at). The fields of `reading` must be within the calendar.
    #[inline]
    pub fn local(
        &mut self,
        year: Option<i32>,
        reading: Civil,
        arrival: Option<Timestamp>,
    ) -> Completed {
        let at = self.complete(year, reading, arrival);
        self.utc(at, arrival)
    }

    /// The same, where the line names its zone, so many seconds east of Greenwich, and no year.
    #[cold]
    pub fn zoned(&mut self, reading: Civil, east_s: i32, arrival: Option<Timestamp>) -> Completed {
        let full = Civil { year: self.year_of(reading, arrival), ..reading };
        self.utc(full.utc().plus_seconds(-i64::from(east_s)), arrival)
    }

    /// A line that knows no time: that of its arrival; in an old log, that of the latest line
    /// before, or where there is none, of the log's end (or the beginning of its first year).
    #[cold]
    pub fn missing(&mut self, arrival: Option<Timestamp>) -> Completed {
        let at = arrival.or(self.latest).unwrap_or(match self.years {
            Years::Until(end) => end,
            Years::From(year) => {
                Civil { year, month: 1, day: 1, hour: 0, minute: 0, second: 0, micros: 0 }.utc()
            }
        });
        // The end of a log is no time that the lines behind could be before.
        if arrival.is_some() {
            return self.utc(at, arrival);
        }
        Completed { at, clamped: false, back_s: 0 }
    }

    #[inline]
    fn complete(
        &mut self,
        year: Option<i32>,
        reading: Civil,
        arrival: Option<Timestamp>,
    ) -> Timestamp {
        let reference = match (arrival, self.years) {
            (Some(arrival), _) => arrival.0,
            (None, Years::Until(end)) => end.0,
            (None, Years::From(_)) => 0,
        };
        let within = i64::from(reading.minute) * 60 + i64::from(reading.second);
        let within = within * SECOND + i64::from(reading.micros);
        if let Some(hour) = &self.hour
            && (hour.month, hour.day, hour.hour) == (reading.month, reading.day, reading.hour)
            && hour.year == year
            && reference.abs_diff(hour.reference) < HOUR as u64
        {
            return Timestamp(hour.at.0.saturating_add(within));
        }
        self.look_up(year, reading, arrival, reference)
    }

    /// The long way: finds the year, then the offset of the zone; remembers the hour if all of it
    /// has the same.
    #[cold]
    fn look_up(
        &mut self,
        year: Option<i32>,
        reading: Civil,
        arrival: Option<Timestamp>,
        reference: i64,
    ) -> Timestamp {
        let full =
            Civil { year: year.unwrap_or_else(|| self.year_of(reading, arrival)), ..reading };
        let at = self.in_zone(full, arrival);
        let start = Civil { minute: 0, second: 0, micros: 0, ..full };
        let (first, last) =
            (self.plain(start), self.plain(Civil { minute: 59, second: 59, ..start }));
        self.hour = None;
        if let (Some(first), Some(last)) = (first, last)
            && last.0 - first.0 == HOUR - SECOND
        {
            let Civil { month, day, hour, .. } = reading;
            self.hour = Some(CachedHour { year, month, day, hour, at: first, reference });
        }
        at
    }

    /// The year of a stamp without one.
    fn year_of(&self, reading: Civil, arrival: Option<Timestamp>) -> i32 {
        let of = |year| Civil { year, ..reading };
        // February 29th exists in at least one of eight consecutive years.
        let until = |end: Timestamp| {
            let newest = end.plus_seconds(DAY / SECOND).civil().year + 1;
            let fits = |year: &i32| {
                of(*year).is_valid() && self.roughly(of(*year)) <= end.0.saturating_add(DAY)
            };
            (newest - 9..=newest).rev().find(fits).unwrap_or(newest - 1)
        };
        match (arrival, self.years) {
            (Some(arrival), _) => until(arrival),
            (None, Years::Until(end)) => until(end),
            (None, Years::From(first)) => match self.latest {
                None => first,
                Some(latest) => {
                    let year = latest.civil().year;
                    let valid = (year - 8..=year + 8).filter(|year| of(*year).is_valid());
                    let distance = |year: &i32| latest.0.abs_diff(self.roughly(of(*year)));
                    valid.min_by_key(distance).unwrap_or(year)
                }
            },
        }
    }

    /// When that was, give or take an hour at a change of the clock.
    fn roughly(&self, reading: Civil) -> i64 {
        date_time(reading)
            .and_then(|local| self.zone.0.to_timestamp(local).ok())
            .map_or_else(|| reading.utc().0, |at| at.as_microsecond())
    }

    /// When that was, where the clock showed it exactly once.
    fn plain(&self, reading: Civil) -> Option<Timestamp> {
        let ambiguous = self.zone.0.to_ambiguous_timestamp(date_time(reading)?);
        match ambiguous.is_ambiguous() {
            true => None,
            false => Some(Timestamp(ambiguous.compatible().ok()?.as_microsecond())),
        }
    }

    fn in_zone(&self, reading: Civil, arrival: Option<Timestamp>) -> Timestamp {
        let Some(local) = date_time(reading) else { return reading.utc() };
        let ambiguous = self.zone.0.to_ambiguous_timestamp(local);
        let AmbiguousOffset::Fold { before, after } = ambiguous.offset() else {
            // An hour that the clock skipped is read with the offset before it.
            return ambiguous
                .compatible()
                .map_or_else(|_| reading.utc(), |at| Timestamp(at.as_microsecond()));
        };
        let pass = |offset: jiff::tz::Offset| {
            offset.to_timestamp(local).map_or(reading.utc().0, |at| at.as_microsecond())
        };
        let (first, second) = (pass(before), pass(after));
        Timestamp(if self.is_second_pass(first, second, arrival) { second } else { first })
    }

    /// Which of the two passes of a repeated hour a stamp is of.
    fn is_second_pass(&self, first: i64, second: i64, arrival: Option<Timestamp>) -> bool {
        if let Some(arrival) = arrival {
            if second > arrival.0.saturating_add(DISORDER) {
                return false;
            }
            if arrival.0.abs_diff(second) <= DISORDER as u64 {
                return true;
            }
        }
        // The log has gone past the first pass.
        self.latest.is_some_and(|latest| first < latest.0.saturating_sub(DISORDER))
    }
}

fn date_time(reading: Civil) -> Option<DateTime> {
    let year = i16::try_from(reading.year).ok()?;
    let number = |value: u8| i8::try_from(value).ok();
    let (month, day) = (number(reading.month)?, number(reading.day)?);
    // A leap second is the last second twice.
    let (hour, minute, second) =
        (number(reading.hour)?, number(reading.minute)?, number(reading.second.min(59))?);
    let nanos = i32::try_from(reading.micros).ok()?.checked_mul(1000)?;
    DateTime::new(year, month, day, hour, minute, second, nanos).ok()
}

#[cfg(test)]
mod tests;
