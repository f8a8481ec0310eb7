//! The one place of the console that asks a clock: "the last hour", and the ages of sessions.

use event::Timestamp;

/// The time of day of this host.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

/// Says, from now on, whether so long has passed.
pub fn is_over(length: std::time::Duration) -> impl Fn() -> bool {
    let began = monotonic();
    move || began.elapsed() > length
}

/// A point in time from which another is measured, whatever the time of day is set to.
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
