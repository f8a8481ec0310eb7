//! The chores of this repository, one row of `COMMANDS` each.
//!
//! This is a tool: it may read clocks, start programs and install Debian packages (it says so
//! first). It does not depend on the project's crates, so that it builds in seconds and still works
//! when one of them does not; what must walk their tables is in `tests/tables.rs`.

#![forbid(unsafe_code)]

mod bench;
mod doc;
mod fuzz;
mod licences;
mod metadata;
mod new_parser;
mod packages;
mod process;
mod range;
mod rust_source;
mod score;
mod steps;
mod test;
pub mod tidy;
mod tree;

pub use tree::Tree;

use std::process::ExitCode;

/// What a chore gives back: its own words where it failed.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// One chore.
struct Command {
    name: &'static str,
    usage: &'static str,
    summary: &'static str,
    run: fn(&[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        usage: "[--fast]",
        summary: "every test: sets up what it needs, says each step and its time; --fast: seconds",
        run: test::run,
    },
    Command {
        name: "tidy",
        usage: "[--shrink]",
        summary: "arrows, sizes, words, documents; --shrink lowers the ratchet to what is there",
        run: tidy::run,
    },
    Command {
        name: "bench",
        usage: "[--lines N] [--rounds N] [--only NAME] [--pin CPU]",
        summary: "the figures of docs/benchmarks.md, with ripgrep in the same run",
        run: bench::run,
    },
    Command {
        name: "range",
        usage: "[STORY...] | zoo [BOX...]",
        summary: "real servers and attack tools in network namespaces (root); zoo: how well logs are read",
        run: range::run,
    },
    Command {
        name: "score",
        usage: "[--seed N] [--plan NAME]... [--set NAME=NUMBER]... [--format json]",
        summary: "what is caught, and who is banned wrongly, in simulated months",
        run: score::run,
    },
    Command {
        name: "fuzz",
        usage: "[TARGET [SECONDS]]",
        summary: "runs one fuzz target on stable Rust; without a name, lists them",
        run: fuzz::run,
    },
    Command {
        name: "licences",
        usage: "",
        summary: "licences, bans and sources of all dependencies against deny.toml",
        run: licences::run,
    },
    Command {
        name: "doc",
        usage: "[--check]",
        summary: "writes the generated pages of docs/; --check fails where one is stale",
        run: doc::run,
    },
    Command {
        name: "new",
        usage: "parser NAME",
        summary: "the skeleton of a parser: module, row, corpus, page",
        run: new_parser::run,
    },
    // Used by `bench` on itself; see bench/measure.rs.
    Command {
        name: "measure",
        usage: "REPORT PROGRAM [ARGUMENT...]",
        summary: "runs one program and writes what it used to REPORT",
        run: bench::measure_child,
    },
];

/// Runs the chore that `arguments` name. 0: done; 1: failed; 2: wrong usage.
pub fn run(arguments: &[String]) -> ExitCode {
    let Some((name, rest)) = arguments.split_first() else { return usage() };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return usage();
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        let call = format!("{} {}", command.name, command.usage);
        eprintln!("  {call:<58} {}", command.summary);
    }
    ExitCode::from(2)
}
