//! `cargo xtask test`: everything, with its own set-up; the same at the desk and in CI.

use crate::steps::{End, Steps, Tally, libtest_counts};
use crate::{Outcome, doc, fuzz, licences, packages, process, range, tidy};

/// How long each fuzz target runs in a test: long enough to see that it works.
const FUZZ_SMOKE_S: u32 = 5;

/// `cargo xtask test [--fast]`.
pub fn run(arguments: &[String]) -> Outcome {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => all(),
        ["--fast"] => fast(),
        _ => Err("usage: cargo xtask test [--fast]".into()),
    }
}

/// What a change is tried with, again and again.
fn fast() -> Outcome {
    let mut steps = Steps::new(true);
    steps.run("format", format_check);
    steps.run("tidy", tidy_check);
    steps.run("pure crates", || {
        cargo_test(&["test", "--locked", "-p", "event", "-p", "parse", "-p", "engine"])
    });
    steps.run("check", || {
        let words = ["check", "--locked", "--workspace", "--all-targets", "--quiet"];
        process::shown(&mut process::cargo(&words)).map(End::from)
    });
    steps.finish()
}

fn all() -> Outcome {
    let mut steps = Steps::new(process::in_ci());
    steps.run("Debian packages", || packages::ensure(packages::FOR_TESTS).map(End::from));
    steps.run("packages of the range", range::install);
    steps.run("toolchain", || packages::ensure_toolchain().map(End::from));
    steps.run("format", format_check);
    steps.run("tidy", tidy_check);
    steps.run("lints", || {
        let words = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        process::shown(&mut process::cargo(&words)).map(End::from)
    });
    steps.run("licences, bans, sources", || licences::run(&[]).map(End::from));
    steps.run("tests", || cargo_test(&["test", "--locked", "--workspace", "--no-fail-fast"]));
    steps.run("without the console", || {
        let words = ["check", "--locked", "-p", "mailward", "--no-default-features", "--quiet"];
        process::shown(&mut process::cargo(&words)).map(End::from)
    });
    steps.run("API documentation", || {
        let mut command =
            process::cargo(&["doc", "--locked", "--workspace", "--no-deps", "--quiet"]);
        process::shown(command.env("RUSTDOCFLAGS", "-D warnings")).map(End::from)
    });
    steps.run("generated pages", doc::fresh);
    for target in fuzz::targets()? {
        steps.run(&format!("fuzz {target}, {FUZZ_SMOKE_S} s"), || {
            fuzz::fuzz(&target, FUZZ_SMOKE_S).map(End::from)
        });
    }
    steps.run("range", || range::stories(&["all".to_owned()]));
    steps.finish()
}

fn format_check() -> Outcome<End> {
    process::shown(&mut process::cargo(&["fmt", "--all", "--check"])).map(End::from)
}

fn tidy_check() -> Outcome<End> {
    tidy::report(&tidy::problems()?).map(End::from)
}

/// Runs tests and adds up what the harnesses of all binaries say. A harness that said nothing at
/// all did not run.
fn cargo_test(words: &[&str]) -> Outcome<End> {
    let mut sum = Tally::default();
    let result = process::watched(&mut process::cargo(words), |line| {
        if let Some(Tally { passed, failed }) = libtest_counts(line) {
            sum.passed += passed;
            sum.failed += failed;
        }
    });
    match result {
        Err(error) if sum.failed == 0 => Err(error),
        _ if sum == Tally::default() => Err("no test ran".into()),
        _ => Ok(End::Counted(sum)),
    }
}
