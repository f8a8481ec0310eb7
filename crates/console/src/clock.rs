//! The one place of the console that asks a clock: "the last hour", and the ages of sessions.

use event::Timestamp;

/// The time of day of this host.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

/// A point in time from which another is measured, whatever the time of day is set to.
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
