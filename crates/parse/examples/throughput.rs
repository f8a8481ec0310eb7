//! How fast lines are read: `cargo run --release -p parse --example throughput -- FILE [ROUNDS]`.
//!
//! Prints lines per second and nanoseconds of processor time per line for framing alone and for
//! framing and parsing, and each as a multiple of the time in which `memchr` finds the same file's
//! newlines. The file is read into memory first and lies in the cache as far as it fits, as it does
//! behind `read()`.

use parse::{Parsed, frame, parse};
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: throughput FILE [ROUNDS]");
        std::process::exit(2);
    };
    let rounds: u32 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(20).max(1);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("{path}: {error}");
            std::process::exit(1);
        }
    };
    let lines = memchr::memchr_iter(b'\n', &bytes).count();
    let (mut events, mut noise, mut unknown, mut foreign, mut unframed) = (0, 0, 0, 0, 0);
    each_line(&bytes, |line| match frame(line).map(|record| parsed(&record)) {
        Some(Parsed::Event(_)) => events += 1,
        Some(Parsed::Noise(_)) => noise += 1,
        Some(Parsed::Unknown) => unknown += 1,
        Some(Parsed::Foreign) => foreign += 1,
        Some(Parsed::Unframed) | None => unframed += 1,
    });
    println!(
        "{lines} lines: {events} events, {noise} noise, {unknown} unknown, {foreign} foreign, \
         {unframed} without envelope"
    );
    let newlines = mean(rounds, || {
        black_box(memchr::memchr_iter(b'\n', black_box(&bytes)).count());
    });
    let framed = mean(rounds, || {
        each_line(black_box(&bytes), |line| {
            black_box(frame(line));
        });
    });
    let whole = mean(rounds, || {
        each_line(black_box(&bytes), |line| {
            if let Some(record) = frame(line) {
                black_box(parsed(&record));
            }
        });
    });
    for (name, seconds) in [("newlines", newlines), ("frame", framed), ("frame + parse", whole)] {
        println!(
            "{name:14} {:8.1} ns/line {:9.2} M lines/s {:6.1} x newlines",
            seconds * 1e9 / lines as f64,
            lines as f64 / seconds / 1e6,
            seconds / newlines
        );
    }
}

fn parsed<'a>(record: &parse::Record<'a>) -> Parsed<'a> {
    parse(record, event::Timestamp(0))
}

fn each_line(bytes: &[u8], mut seen: impl FnMut(&[u8])) {
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, behind) = rest.split_at(end);
        seen(line);
        rest = behind.get(1..).unwrap_or_default();
    }
}

/// The mean of some runs, in seconds of processor time.
fn mean(rounds: u32, mut run: impl FnMut()) -> f64 {
    let start = now();
    (0..rounds).for_each(|_| run());
    // The kernel's count is brought up to date when the thread gives the processor up.
    std::thread::yield_now();
    (now() - start) / f64::from(rounds)
}

/// What this thread has had of the processor (Linux counts it in nanoseconds), so that others on
/// the machine disturb less; elsewhere the clock on the wall.
fn now() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match schedstat.split(' ').next().and_then(|text| text.parse::<f64>().ok()) {
        Some(nanoseconds) => nanoseconds / 1e9,
        None => START.with(|start| start.elapsed().as_secs_f64()),
    }
}

thread_local! {
    static START: Instant = Instant::now();
}
