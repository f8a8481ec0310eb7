//! Who may read a clock.

use super::Problem;
use crate::{Tree, rust_source::Source};

const READS: &[&str] = &["SystemTime::now", "Instant::now", "Utc::now", "Zoned::now", "Local::now"];

/// The one place, and what is no part of the program.
const ALLOWED: &[(&str, &str)] = &[
    ("crates/edge/src/clock.rs", "the one place"),
    ("crates/console/src/clock.rs", "the one place of who does not know edge"),
    ("crates/mailward/src/guard/hook.rs", "the deadline of a child process; decides nothing"),
    ("crates/testkit/src/bin/", "measures how fast it was"),
    ("xtask/", "a tool; times its steps"),
    ("/tests/", "tests wait for real parts"),
    ("/tests.rs", "tests wait for real parts"),
    ("/examples/", "examples are benches"),
    ("/benches/", "benches"),
    ("fuzz/", "fuzz targets"),
];

pub fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.ending(".rs") {
        if ALLOWED.iter().any(|(part, _)| path.starts_with(part) || path.contains(part)) {
            continue;
        }
        let code = Source::new(text).without_tests().code();
        for (number, line) in code.lines().enumerate() {
            for read in READS.iter().filter(|read| line.contains(**read)) {
                let what = format!("{read}: take the time from edge::clock, or from the event");
                problems.push(Problem::at(path, number, what));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_read_in_one_place_only() {
        let read = "fn now() { std::time::Instant::now(); }\n";
        let problems = check(&Tree::of(&[
            ("crates/edge/src/clock.rs", read),
            ("crates/edge/tests/follow.rs", read),
            ("crates/store/src/journal.rs", read),
            ("crates/edge/src/clock_skew.rs", "#[cfg(test)]\nmod tests { Instant::now(); }\n"),
        ]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "crates/store/src/journal.rs:1");
    }
}
