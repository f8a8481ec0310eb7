//! How well the guard does in simulated months: `cargo xtask score`.
//!
//! `score [--seed N]... [--plan NAME]... [--set NAME=NUMBER]... [--geo no] [--format json]`. The
//! table goes to
//! standard output, the progress to standard error. Exit code 1: a target was missed; 2: wrong use.

use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::time::Instant;
use testkit::score;
use testkit::world::Plan;

/// The seeds where none is given.
const SEEDS: [u64; 3] = [11, 29, 47];
const USAGE: &str = "usage: score [--seed N]... [--plan NAME]... [--set NAME=NUMBER]... \
                     [--geo yes|no] [--format json|human]";
const DAY_MICROS: i64 = 86_400_000_000;

struct Wanted {
    seeds: Vec<u64>,
    plans: Vec<Plan>,
    has_geo: bool,
    is_json: bool,
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
        let mut wanted =
            Wanted { seeds: Vec::new(), plans: Vec::new(), has_geo: true, is_json: false };
        let mut numbers = Vec::new();
        for pair in arguments.chunks(2) {
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
    let mut all = score::Report::default();
    for plan in &wanted.plans {
        for seed in &wanted.seeds {
            let bar = progress(plan, *seed);
            let mut tell = |at: i64| bar.set_position((at - plan.start).max(0) as u64);
            let run = score::run(plan, *seed, wanted.has_geo, &mut tell);
            bar.finish_and_clear();
            all.merge(score::report(&run));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    if wanted.is_json {
        println!("{}", score::json(&all));
    } else {
        print!("{}", score::human(&all));
        println!("seeds: {:?}", wanted.seeds);
    }
    let speed = all.lines as f64 / seconds / 1e6;
    eprintln!("{} lines in {seconds:.1} s: {speed:.2} M lines a second", all.lines);
    ExitCode::from(u8::from(!all.is_met()))
}

/// Event time of one world; shown on a terminal only.
fn progress(plan: &Plan, seed: u64) -> ProgressBar {
    let micros = plan.numbers.days * DAY_MICROS as f64;
    let bar = ProgressBar::new(micros as u64);
    let style = ProgressStyle::with_template("{msg:28} {bar:40} {percent} %, {eta} to go");
    let bar = bar.with_message(format!("{} seed {seed}", plan.name));
    style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}
