//! What a compiler cannot say about this repository, one row of `CHECKS` each.
//!
//! A check reads texts and gives problems; it changes nothing. All run in well under a second, as
//! `cargo xtask tidy` and as a test.

mod arrows;
mod clocks;
mod documents;
mod module_docs;
mod purity;
mod sizes;
mod words;
mod worlds;

use crate::metadata::Metadata;
use crate::{Outcome, Tree, process};
use std::fmt;

/// What the checks read.
pub struct World {
    tree: Tree,
    metadata: Metadata,
}

/// One thing that is not as it should be.
#[derive(PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file, with the line where there is one.
    pub place: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl Problem {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Problem { place: place.into(), what: what.into() }
    }

    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Problem { place: format!("{path}:{}", line + 1), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.what)
    }
}

/// One check, and why it is there.
struct Check {
    name: &'static str,
    reason: &'static str,
    run: fn(&World) -> Vec<Problem>,
}

const CHECKS: &[Check] = &[
    Check {
        name: "arrows",
        reason: "a crate per permission: what it may do follows from what it may import",
        run: |world| arrows::check(&world.metadata),
    },
    Check {
        name: "purity",
        reason: "the core cannot do IO and knows no clock, so a replay equals the live run",
        run: |world| purity::check(&world.tree),
    },
    Check {
        name: "worlds",
        reason: "a world that knows what is measured in it measures nothing",
        run: |world| worlds::check(&world.tree),
    },
    Check {
        name: "clocks",
        reason: "time enters in one place, so that it can be simulated and replayed",
        run: |world| clocks::check(&world.tree),
    },
    Check {
        name: "module-docs",
        reason: "a newcomer opens a file and is told what it is for",
        run: |world| module_docs::check(&world.tree),
    },
    Check {
        name: "sizes",
        reason: "a function is read at a glance, a file holds one thought; old debt only shrinks",
        run: |world| sizes::check(&world.tree),
    },
    Check {
        name: "words",
        reason: "one word for one thing, and none that insults",
        run: |world| words::check(&world.tree),
    },
    Check {
        name: "links",
        reason: "a document that points nowhere, or cites a test that is gone, misleads",
        run: |world| documents::links(&world.tree),
    },
    Check {
        name: "figures",
        reason: "a figure without the command that gives it cannot be checked",
        run: |world| documents::figures(&world.tree),
    },
    Check {
        name: "book",
        reason: "a page that the table of contents does not name is not found",
        run: |world| documents::book(&world.tree),
    },
];

/// `cargo xtask tidy [--shrink]`.
pub fn run(arguments: &[String]) -> Outcome {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {
            report(&problems()?)?;
            process::shown(process::cargo(&["test", "-q", "-p", "xtask", "--test", "tables"]).env(
                // The checks themselves are tested by `cargo test -p xtask`.
                "RUST_BACKTRACE",
                "0",
            ))
        }
        ["--shrink"] => sizes::shrink(&Tree::read(&process::root())?),
        _ => Err("usage: cargo xtask tidy [--shrink]".into()),
    }
}

/// All problems of the repository, each with the name of its check.
pub fn problems() -> Outcome<Vec<(&'static str, Problem)>> {
    let world = World { tree: Tree::read(&process::root())?, metadata: Metadata::read()? };
    let mut all = Vec::new();
    for check in CHECKS {
        all.extend((check.run)(&world).into_iter().map(|problem| (check.name, problem)));
    }
    Ok(all)
}

/// Prints the problems under their checks' reasons; an error where there is one.
pub fn report(problems: &[(&'static str, Problem)]) -> Outcome {
    for check in CHECKS {
        let mine: Vec<_> = problems.iter().filter(|(name, _)| *name == check.name).collect();
        if !mine.is_empty() {
            println!("{}: {}", check.name, check.reason);
            mine.iter().for_each(|(_, problem)| println!("  {problem}"));
        }
    }
    match problems.len() {
        0 => Ok(()),
        count => Err(format!("{count} problems").into()),
    }
}

/// The checks' names and reasons, for CONTRIBUTING.md's reader.
pub fn reasons() -> impl Iterator<Item = (&'static str, &'static str)> {
    CHECKS.iter().map(|check| (check.name, check.reason))
}
