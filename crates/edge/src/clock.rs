//! The only place that asks a clock. Everything else is handed the time, so that a test can hold it
//! still and a replay is identical to the live run.

use event::Timestamp;
use std::time::{Duration, UNIX_EPOCH};

/// A point of the monotonic clock: microseconds since the machine started. It never goes back and
/// says nothing about the date; time-outs and deadlines are reckoned in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Moment(pub u64);

impl Moment {
    /// This point moved forward, saturating.
    pub const fn plus(self, duration: Duration) -> Self {
        Moment(self.0.saturating_add(duration.as_micros() as u64))
    }

    /// Time passed since `earlier`; zero where `earlier` is later.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The wall clock.
#[allow(clippy::disallowed_methods)] // the one place where time enters
pub fn now() -> Timestamp {
    of_system_time(std::time::SystemTime::now())
}

/// The monotonic clock.
pub fn monotonic() -> Moment {
    moment(rustix::time::ClockId::Monotonic)
}

fn moment(clock: rustix::time::ClockId) -> Moment {
    let time = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let micros = u64::try_from(time.tv_nsec).unwrap_or_default() / 1000;
    Moment(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

/// Time since the machine's start, that in which it slept included. Not to be compared with
/// [`monotonic`], which leaves it out.
pub fn boot_time() -> Moment {
    moment(rustix::time::ClockId::Boottime)
}

/// A file's time as a timestamp.
pub fn of_system_time(time: std::time::SystemTime) -> Timestamp {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Timestamp(i64::try_from(after.as_micros()).unwrap_or(i64::MAX)),
        Err(before) => Timestamp(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX)),
    }
}
