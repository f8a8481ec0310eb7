//! How well the guard does in simulated months: `cargo xtask score`.
//!
//! `score [--seed N]... [--plan NAME]... [--set NAME=NUMBER]... [--geo no] [--format json]
//! [--write]`. The table goes to standard output, the progress to standard error; `--write` renews
//! the parts of the pages in `docs/` that are measured by it. Exit code 1: a target was missed; 2:
//! wrong use.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;
use testkit::score::{self, Report};
use testkit::world::Plan;

/// The seeds where none is given.
const SEEDS: [u64; 3] = [11, 29, 47];
const USAGE: &str = "usage: score [--seed N]... [--plan NAME]... [--set NAME=NUMBER]... \
                     [--geo yes|no] [--format json|human] [--write]";
/// The pages with measured parts.
const PAGES: [&str; 2] = ["docs/accuracy.md", "docs/detectors.md"];
const DAY_MICROS: i64 = 86_400_000_000;

struct Wanted {
    seeds: Vec<u64>,
    plans: Vec<Plan>,
    has_geo: bool,
    is_json: bool,
    is_write: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Wanted::read(&arguments) {
        Ok(wanted) => run(&wanted),
        Err(why) => {
            let plans: Vec<&str> = Plan::names().collect();
            eprintln!("score: {why}\n{USAGE}\nplans: {}", plans.join(" "));
            ExitCode::from(2)
        }
    }
}

impl Wanted {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let (seeds, plans, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        let is_write = arguments.iter().any(|word| word == "--write");
        let mut wanted = Wanted { seeds, plans, has_geo: true, is_json: false, is_write };
        let pairs: Vec<&String> = arguments.iter().filter(|word| *word != "--write").collect();
        for pair in pairs.chunks(2) {
            let [name, value] = pair else { return Err(format!("{}: no value", pair[0])) };
            match (name.as_str(), value.as_str()) {
                ("--seed", seed) => {
                    wanted.seeds.push(seed.parse().map_err(|_| format!("{seed}: no seed"))?);
                }
                ("--plan", name) => {
                    wanted.plans.push(Plan::named(name).ok_or(format!("{name}: no such plan"))?);
                }
                ("--set", text) => {
                    let (name, number) = text.split_once('=').ok_or("--set NAME=NUMBER")?;
                    let number: f64 = number.parse().map_err(|_| format!("{number}: no number"))?;
                    numbers.push((name, number));
                }
                ("--geo", "yes") => wanted.has_geo = true,
                ("--geo", "no") => wanted.has_geo = false,
                ("--format", "json") => wanted.is_json = true,
                ("--format", "human") => wanted.is_json = false,
                (name, value) => return Err(format!("{name} {value}: unknown")),
            }
        }
        if wanted.seeds.is_empty() {
            wanted.seeds = SEEDS.to_vec();
        }
        if is_write && !(wanted.plans.is_empty() && numbers.is_empty()) {
            return Err("--write: with all plans only, as they are".to_owned());
        }
        if wanted.plans.is_empty() {
            wanted.plans = Plan::names().filter_map(Plan::named).collect();
        }
        for plan in &mut wanted.plans {
            for (name, number) in &numbers {
                if !plan.set(name, *number) {
                    return Err(format!("{name}: no such number"));
                }
            }
        }
        Ok(wanted)
    }
}

fn run(wanted: &Wanted) -> ExitCode {
    let begun = Instant::now();
    let all = measured(wanted);
    let seconds = begun.elapsed().as_secs_f64();
    if wanted.is_json {
        println!("{}", score::json(&all));
    } else {
        print!("{}", score::human(&all));
        println!("seeds: {:?}", wanted.seeds);
    }
    let speed = all.lines as f64 / seconds / 1e6;
    eprintln!("{} lines in {seconds:.1} s: {speed:.2} M lines a second", all.lines);
    if wanted.is_write
        && let Err(why) = write(wanted, &all)
    {
        eprintln!("score: {why}");
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(!all.is_met()))
}

/// Lets all worlds run, as many at once as there are processors; the order of what comes of it is
/// that of the plans and seeds.
fn measured(wanted: &Wanted) -> Report {
    let worlds = wanted.plans.iter().flat_map(|plan| wanted.seeds.iter().map(move |s| (plan, *s)));
    let worlds: Vec<(&Plan, u64)> = worlds.collect();
    let reports: Mutex<Vec<Option<Report>>> = Mutex::new(vec![None; worlds.len()]);
    let next = Mutex::new(0..worlds.len());
    let bars = MultiProgress::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while let Some(number) = next.lock().ok().and_then(|mut next| next.next()) {
            let (plan, seed) = worlds[number];
            let bar = bars.add(progress(plan, seed));
            let mut tell = |at: i64| bar.set_position((at - plan.start).max(0) as u64);
            let report = score::report(&score::run(plan, seed, wanted.has_geo, &mut tell));
            bar.finish_and_clear();
            if let Ok(mut reports) = reports.lock() {
                reports[number] = Some(report);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..threads.min(worlds.len())).for_each(|_| drop(scope.spawn(work)));
    });
    let mut all = Report::default();
    let reports = reports.into_inner().unwrap_or_default();
    reports.into_iter().flatten().for_each(|report| all.merge(report));
    all
}

/// Renews the measured parts of the pages.
fn write(wanted: &Wanted, report: &Report) -> Result<(), String> {
    let words = |program: &str, words: &[&str]| {
        let output = std::process::Command::new(program).args(words).output();
        let output = output.map_err(|why| format!("{program}: {why}"))?;
        Ok::<String, String>(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let date = words("date", &["+%Y-%m-%d"])?;
    let commit = words("git", &["rev-parse", "--short", "HEAD"])?;
    let when = format!("On {date}, commit {commit}, seeds {:?}", wanted.seeds);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for page in PAGES {
        let path = root.join(page);
        let text = std::fs::read_to_string(&path).map_err(|why| format!("{page}: {why}"))?;
        let text = score::renewed(&text, report, &when).map_err(|why| format!("{page}: {why}"))?;
        std::fs::write(&path, text).map_err(|why| format!("{page}: {why}"))?;
    }
    Ok(())
}

/// Event time of one world; shown on a terminal only.
fn progress(plan: &Plan, seed: u64) -> ProgressBar {
    let micros = plan.numbers.days * DAY_MICROS as f64;
    let bar = ProgressBar::new(micros as u64);
    let style = ProgressStyle::with_template("{msg:28} {bar:40} {percent} %, {eta} to go");
    let bar = bar.with_message(format!("{} seed {seed}", plan.name));
    style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}
