//! How well the guard does in simulated months: the program `score` of `testkit`.

use crate::{Outcome, process};

/// `cargo xtask score [ARGUMENT...]`; the arguments are the program's own.
pub fn run(arguments: &[String]) -> Outcome {
    let words = ["run", "-q", "--release", "--locked", "-p", "testkit", "--bin", "score", "--"];
    process::shown(process::cargo(&words).args(arguments))
}
