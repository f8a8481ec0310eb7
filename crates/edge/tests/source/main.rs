//! Sources against real files, pipes and a real journalctl.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod archives;
mod dnstap;
mod files;
mod journal;
mod log;
mod model;
mod rotation;
mod secured;
mod streams;
mod syslog;

use edge::clock::Moment;
use edge::source::{Progress, Source};
use std::time::Duration;

/// Reads until nothing is left; the lines as text.
fn drain(source: &mut dyn Source, now: Moment) -> Vec<String> {
    let mut lines = Vec::new();
    while source.read(now, 1000, &mut |line| {
        lines.push(String::from_utf8_lossy(line.bytes).into_owned());
    }) == Progress::More
    {}
    lines
}

/// A point of a made-up monotonic clock.
fn second(seconds: u64) -> Moment {
    Moment(0).plus(Duration::from_secs(1000 + seconds))
}
