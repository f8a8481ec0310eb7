//! `cargo xtask bench`: the figures of docs/benchmarks.md, each next to its baseline in one run.
//!
//! Absolute times say something about this machine today; the ratios are what counts. Every round
//! runs all contestants in turn, so that a noisy minute hits them alike; medians are shown.

mod generate;
mod measure;
mod sessions;

pub use measure::child as measure_child;

use crate::metadata::Metadata;
use crate::{Outcome, packages, process};
use generate::Recipe;
use measure::{Usage, measured};
use std::path::{Path, PathBuf};

struct Options {
    lines: u64,
    rounds: usize,
    only: Option<String>,
    pin: Option<String>,
}

/// One input file.
struct Input {
    name: &'static str,
    what: &'static str,
    recipe: fn(u64) -> Recipe,
}

const MIXED: Input = Input {
    name: "mixed",
    what: "Postfix, Dovecot, Exim; 80 % honest, 20 % hostile from 20 000 addresses",
    recipe: |lines| Recipe { lines, hostile_percent: 20, hostile_addresses: 20_000 },
};

const INPUTS: &[Input] = &[
    MIXED,
    Input {
        name: "flood",
        what: "hostile lines only, from 100 000 addresses",
        recipe: |lines| Recipe { lines, hostile_percent: 100, hostile_addresses: 100_000 },
    },
];

/// A bench that a crate keeps itself.
struct Bench {
    name: &'static str,
    what: &'static str,
    /// As in [`crate::metadata::Package::extras`]; a bench that is not there is left out.
    target: &'static str,
    /// Arguments of cargo; `FILE` is the mixed input, `FOLDER` one that is not there yet.
    words: &'static [&'static str],
    root: bool,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "parse",
        what: "framing and parsing alone, against finding newlines",
        target: "example throughput",
        words: &["run", "-q", "--release", "-p", "parse", "--example", "throughput", "--", "FILE"],
        root: false,
    },
    Bench {
        name: "engine-speed",
        what: "processor time of an event, by kind of traffic",
        target: "example weigh",
        words: &["run", "-q", "--release", "-p", "engine", "--example", "weigh", "--", "speed"],
        root: false,
    },
    Bench {
        name: "engine-memory",
        what: "resident memory of a million distinct failing addresses",
        target: "example weigh",
        words: &[
            "run",
            "-q",
            "--release",
            "-p",
            "engine",
            "--example",
            "weigh",
            "--",
            "memory",
            "1000000",
        ],
        root: false,
    },
    Bench {
        name: "store",
        what: "lines into the journal, start, queries, beside plain writes of the same bytes",
        target: "example measure",
        words: &[
            "run",
            "-q",
            "--release",
            "-p",
            "store",
            "--example",
            "measure",
            "--",
            "FOLDER",
            "1",
        ],
        root: false,
    },
    Bench {
        name: "enforce",
        what: "bans in the kernel, beside nft",
        target: "bench enforce",
        words: &["bench", "-q", "-p", "edge", "--bench", "enforce"],
        root: true,
    },
];

/// One program that reads an input.
struct Contestant {
    name: &'static str,
    words: Vec<String>,
}

/// `cargo xtask bench [--lines N] [--rounds N] [--only NAME] [--pin CPU]`.
pub fn run(arguments: &[String]) -> Outcome {
    let options = options(arguments)?;
    packages::ensure(packages::FOR_BENCHES)?;
    let metadata = Metadata::read()?;
    let folder = Path::new(&metadata.target).join("bench");
    std::fs::create_dir_all(&folder)?;
    machine();
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    for input in INPUTS.iter().filter(|input| wanted(input.name)) {
        reading(input, &options, &folder, Path::new(&metadata.target))?;
    }
    for bench in BENCHES.iter().filter(|bench| wanted(bench.name)) {
        if !metadata.own().any(|package| package.extras.iter().any(|extra| extra == bench.target)) {
            continue;
        }
        println!("\n## {}: {}\n", bench.name, bench.what);
        if bench.root && !process::is_root() {
            println!("not run: needs root");
            continue;
        }
        let file = input_file(&MIXED, &options, &folder)?;
        let fresh = folder.join("fresh");
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh)?;
        }
        let (file, fresh) = (file.to_string_lossy(), fresh.to_string_lossy());
        let words = bench.words.iter().map(|word| match *word {
            "FILE" => &*file,
            "FOLDER" => &*fresh,
            word => word,
        });
        process::shown(&mut process::cargo(&words.collect::<Vec<_>>()))?;
    }
    Ok(())
}

/// Where an input is; made where it is not there yet.
fn input_file(input: &Input, options: &Options, folder: &Path) -> Outcome<PathBuf> {
    let file = folder.join(format!("{}-{}.log", input.name, options.lines));
    if !file.is_file() {
        // Written under another name first: a half-written file is never taken for a whole one.
        let draft = file.with_extension("draft");
        generate::write((input.recipe)(options.lines), &draft)?;
        std::fs::rename(&draft, &file)?;
    }
    Ok(file)
}

/// Reads one input with every contestant and shows medians and ratios.
fn reading(input: &Input, options: &Options, folder: &Path, target: &Path) -> Outcome {
    let file = input_file(input, options, folder)?;
    let megabytes = std::fs::metadata(&file)?.len() / 1_000_000;
    println!("\n## {}: {} lines, {megabytes} MB; {}\n", input.name, options.lines, input.what);
    let contestants = contestants(&file, target)?;
    let mut usages: Vec<Vec<Usage>> = contestants.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (contestant, usages) in contestants.iter().zip(&mut usages) {
            usages.push(measured(&pinned(&contestant.words, options), folder)?);
        }
    }
    let medians: Vec<Usage> = usages.iter().map(|usages| Usage::median(usages)).collect();
    let baseline = medians.first().map_or(0.0, Usage::cpu_s);
    println!("| program | CPU s | M lines per CPU s | peak memory, MB | CPU against rg |");
    println!("|---|---|---|---|---|");
    for (contestant, usage) in contestants.iter().zip(&medians) {
        println!(
            "| {} | {:.2} | {:.2} | {:.0} | {:.2} |",
            contestant.name,
            usage.cpu_s(),
            options.lines as f64 / usage.cpu_s() / 1e6,
            usage.memory_kb as f64 / 1e3,
            usage.cpu_s() / baseline,
        );
    }
    println!("\nMedians of {} rounds, all in turn; CPU is user plus system.", options.rounds);
    Ok(())
}

fn contestants(file: &Path, target: &Path) -> Outcome<Vec<Contestant>> {
    let file = file.to_string_lossy().into_owned();
    let patterns = process::root().join("bench/patterns.txt").to_string_lossy().into_owned();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let mut all = vec![
        Contestant {
            name: "rg -c, 12 patterns",
            words: words(&["rg", "-j1", "-a", "-c", "-f", &patterns, &file]),
        },
        Contestant {
            name: "grep -c, 1 word",
            words: words(&["grep", "-a", "-c", "-F", "authentication failed", &file]),
        },
    ];
    build_program()?;
    let program: PathBuf = target.join("release/mailward");
    let program = program.to_string_lossy();
    let replay = words(&[&program, "replay", "--format", "json", "--tz", "UTC", &file]);
    all.push(Contestant { name: "mailward replay", words: replay });
    Ok(all)
}

fn build_program() -> Outcome {
    process::shown(&mut process::cargo(&[
        "build",
        "--quiet",
        "--release",
        "--locked",
        "-p",
        "mailward",
    ]))
}

/// On one processor where the caller says which: so the kernel does not move it about.
fn pinned(words: &[String], options: &Options) -> Vec<String> {
    let Some(cpu) = &options.pin else { return words.to_vec() };
    let mut pinned = ["taskset", "-c", cpu].map(str::to_owned).to_vec();
    pinned.extend_from_slice(words);
    pinned
}

/// Says where the figures come from.
fn machine() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    println!("{model}, {cores} processors, Linux {}, load {load} at the start", kernel.trim());
}

fn options(arguments: &[String]) -> Outcome<Options> {
    let mut options = Options { lines: 1_000_000, rounds: 5, only: None, pin: None };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--lines" => options.lines = value.parse().map_err(|_| "--lines is no number")?,
            "--rounds" => options.rounds = value.parse().map_err(|_| "--rounds is no number")?,
            "--only" => options.only = Some(value.clone()),
            "--pin" => options.pin = Some(value.clone()),
            _ => return Err(format!("unknown option {word}").into()),
        }
    }
    if options.rounds == 0 || options.lines == 0 {
        Err("nothing to do".into())
    } else {
        Ok(options)
    }
}
