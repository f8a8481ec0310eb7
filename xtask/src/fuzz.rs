//! Fuzzing on stable Rust: libFuzzer linked by `libfuzzer-sys`, coverage by flags of stable rustc.
//!
//! `cargo fuzz run -s none` does the same where cargo-fuzz is installed; this needs nothing but a
//! C++ compiler. No sanitizer: there is no unsafe code to watch, a panic or a hang is the find.

use crate::{Outcome, Tree, process};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo-fuzz passes for coverage, without the sanitizer that only nightly has.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// What makes a wrapped number a find. Not for these targets: their bytes stand behind a checksum,
/// so a number out of range is no find, an index out of range still is.
const CHECKS: &[&str] = &["-Cdebug-assertions", "-Coverflow-checks"];
const UNCHECKED: &[&str] = &["checkpoint"];

/// An input that takes longer than this is a find.
const INPUT_S_MAX: u32 = 10;
const MEMORY_MB_MAX: u32 = 2048;

/// The platform built for: this machine's.
fn triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// `cargo xtask fuzz [TARGET [SECONDS]]`.
pub fn run(arguments: &[String]) -> Outcome {
    match arguments {
        [] => {
            targets()?.iter().for_each(|target| println!("{target}"));
            Ok(())
        }
        [target] => fuzz(target, 60),
        [target, seconds] => fuzz(target, seconds.parse().map_err(|_| "SECONDS is no number")?),
        _ => Err("usage: cargo xtask fuzz [TARGET [SECONDS]]".into()),
    }
}

/// All targets: the files of fuzz/fuzz_targets.
pub fn targets() -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder().join("fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Builds and runs one target; a find is kept in fuzz/artifacts and is an error.
pub fn fuzz(target: &str, seconds: u32) -> Outcome {
    if !targets()?.iter().any(|name| name == target) {
        return Err(format!("no fuzz target {target}; cargo xtask fuzz lists them").into());
    }
    let build = build_folder();
    let checks = if UNCHECKED.contains(&target) { &[] } else { CHECKS };
    let flags = [FLAGS, checks].concat();
    let manifest = folder().join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let words = ["build", "--quiet", "--locked", "--release", "--manifest-path", &manifest];
    process::shown(
        // `--target` keeps the flags away from build scripts and macros.
        process::cargo(&words)
            .args(["--bin", target, "--no-default-features", "--features", target])
            .args(["--target", &triple()])
            .env("CARGO_TARGET_DIR", &build)
            .env("RUSTFLAGS", flags.join(" ")),
    )?;
    let corpus = folder().join("corpus").join(target);
    let artifacts = folder().join("artifacts").join(target);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(build.join(triple()).join("release").join(target));
    seed(target, &corpus)?;
    command.arg(&corpus);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_S_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-max_len=65536", "-print_final_stats=1", "-verbosity=0"]);
    process::shown(command.current_dir(process::root()))
}

/// Fills a fresh corpus folder from the repository's own data, so that the search begins behind
/// the first branches.
fn seed(target: &str, corpus: &Path) -> Outcome {
    let tree = Tree::read(&process::root())?;
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for (path, text) in tree.under("corpora/").filter(|(path, _)| path.ends_with(".txt")) {
        let lines = text.lines().filter(|line| !line.starts_with("=> ") && !line.starts_with('#'));
        for line in lines.filter(|line| !line.is_empty()) {
            match target {
                "line" => seeds.push(line.into()),
                "parser" if !path.starts_with("corpora/envelope/") => seeds.extend(messages(line)),
                _ => {}
            }
        }
    }
    if target == "configuration" {
        let files = tree.ending(".toml").filter(|(path, _)| path.starts_with("packaging/"));
        seeds.extend(files.map(|(_, text)| text.as_bytes().to_vec()));
    }
    if target == "dnstap" {
        let stream = std::fs::read(process::root().join("crates/edge/tests/dnstap.fstrm"))?;
        // The first byte says where the target cuts, and that the stream greets by itself.
        seeds.push([&[1], &stream[..]].concat());
    }
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(corpus.join(format!("seed-{number:05}")), seed)?;
    }
    Ok(())
}

/// A line's message as the target `parser` wants it, once for each of the first rows: which row,
/// which envelope, how long the program's name is, the name, the message.
fn messages(line: &str) -> Vec<Vec<u8>> {
    let Some((before, message)) = line.split_once(": ") else { return Vec::new() };
    let program = before.rsplit(' ').next().unwrap_or_default();
    let program = program.split('[').next().unwrap_or_default();
    let length = u8::try_from(program.len()).unwrap_or(u8::MAX);
    let rows = 0..4_u8;
    rows.map(|row| [&[row, 1, length], program.as_bytes(), message.as_bytes()].concat()).collect()
}

fn folder() -> PathBuf {
    process::root().join("fuzz")
}

/// Apart from the workspace's builds: other flags would throw their artefacts away.
fn build_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target).join("fuzz"),
        None => folder().join("target"),
    }
}
