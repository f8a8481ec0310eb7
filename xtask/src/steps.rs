//! A list of steps, each run, timed and counted; one failing step does not stop the others.

use crate::Outcome;
use std::time::{Duration, Instant};

/// How many checks passed and failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
}

/// How a step ended.
pub enum End {
    /// It ran its own checks and counted them.
    Counted(Tally),
    /// It could not run here, and why.
    Skipped(String),
}

impl From<()> for End {
    fn from((): ()) -> Self {
        End::Counted(Tally { passed: 1, failed: 0 })
    }
}

/// The steps so far.
pub struct Steps {
    started: Instant,
    rows: Vec<Row>,
    skips_fail: bool,
}

struct Row {
    name: String,
    took: Duration,
    tally: Tally,
    note: String,
}

impl Steps {
    /// None yet. `skips_fail`: a step that cannot run here counts as failed (CI).
    pub fn new(skips_fail: bool) -> Self {
        Steps { started: Instant::now(), rows: Vec::new(), skips_fail }
    }

    /// Runs one step: says its name first, its time afterwards.
    pub fn run(&mut self, name: &str, step: impl FnOnce() -> Outcome<End>) {
        println!("==> {name}");
        let started = Instant::now();
        let (tally, note) = match step() {
            Ok(End::Counted(tally)) => (tally, String::new()),
            Ok(End::Skipped(why)) => {
                println!("    not run: {why}");
                (Tally { passed: 0, failed: u64::from(self.skips_fail) }, format!("not run: {why}"))
            }
            Err(error) => {
                println!("    failed: {error}");
                (Tally { passed: 0, failed: 1 }, error.to_string())
            }
        };
        let took = started.elapsed();
        println!("    {:.1} s", took.as_secs_f64());
        self.rows.push(Row { name: name.into(), took, tally, note });
    }

    /// The sum over all steps.
    pub fn tally(&self) -> Tally {
        self.rows.iter().fold(Tally::default(), |sum, row| Tally {
            passed: sum.passed + row.tally.passed,
            failed: sum.failed + row.tally.failed,
        })
    }

    /// Prints the summary, its last line being `N passed, N failed`; an error where one failed.
    pub fn finish(&self) -> Outcome {
        println!("\n{:<34} {:>8} {:>8} {:>8}", "step", "seconds", "passed", "failed");
        for row in &self.rows {
            let Tally { passed, failed } = row.tally;
            let note = row.note.lines().next().unwrap_or_default();
            let line = format!(
                "{:<34} {:>8.1} {passed:>8} {failed:>8}  {note}",
                row.name,
                row.took.as_secs_f64()
            );
            println!("{}", line.trim_end());
        }
        println!("{:<34} {:>8.1}", "all", self.started.elapsed().as_secs_f64());
        let Tally { passed, failed } = self.tally();
        println!("{passed} passed, {failed} failed");
        if failed == 0 { Ok(()) } else { Err(format!("{failed} failed").into()) }
    }
}

/// Reads the counts of one `test result: ok. 12 passed; 0 failed; ...` line of the test harness.
pub fn libtest_counts(line: &str) -> Option<Tally> {
    let rest = line.trim().strip_prefix("test result:")?;
    let number_before = |word: &str| -> Option<u64> {
        let (before, _) = rest.split_once(word)?;
        before.rsplit(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty())?.parse().ok()
    };
    Some(Tally { passed: number_before(" passed")?, failed: number_before(" failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_test_harness_are_read() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out";
        assert_eq!(libtest_counts(line), Some(Tally { passed: 12, failed: 3 }));
        assert_eq!(libtest_counts("running 12 tests"), None);
    }

    #[test]
    fn a_failing_step_fails_the_whole_and_a_skip_only_in_ci() {
        for (skips_fail, failed) in [(false, 1), (true, 2)] {
            let mut steps = Steps::new(skips_fail);
            steps.run("good", || Ok(().into()));
            steps.run("bad", || Err("broken".into()));
            steps.run("absent", || Ok(End::Skipped("no root".into())));
            assert_eq!(steps.tally(), Tally { passed: 1, failed });
            assert!(steps.finish().is_err());
        }
    }
}
