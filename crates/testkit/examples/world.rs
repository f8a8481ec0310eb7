//! A world's lines on standard output, its truth in a file, counts on standard error.
//!
//! `cargo run --release -p testkit --example world -- --plan everything-month --seed 7 --days 30
//! --set accounts=200 --set attack.spray-48=3 --truth truth.jsonl > mail.log`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::net::IpAddr;
use std::time::Instant;
use testkit::world::{Actor, Happening, Nobody, Numbers, Plan, Said, What, World};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = match Wanted::read(&arguments) {
        Ok(wanted) => wanted,
        Err(why) => {
            let plans: Vec<&str> = Plan::names().collect();
            eprintln!(
                "{why}\nusage: world --plan NAME [--seed N] [--days D] [--set NAME=NUMBER]..."
            );
            eprintln!("             [--truth FILE] [--lines-truth FILE]");
            eprintln!("plans: {}", plans.join(" "));
            eprintln!("numbers: {}", Numbers::NAMES.join(" "));
            std::process::exit(2);
        }
    };
    if let Err(error) = run(&wanted) {
        eprintln!("world: {error}");
        std::process::exit(1);
    }
}

struct Wanted {
    plan: Plan,
    seed: u64,
    /// Where actors, campaigns and the atlas go.
    truth: Option<String>,
    /// Where one line of truth for each line of log goes.
    lines_truth: Option<String>,
}

impl Wanted {
    fn read(arguments: &[String]) -> std::result::Result<Self, String> {
        let mut pairs = Vec::new();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{}: no value", pair[0])) };
            pairs.push((name.as_str(), value.as_str()));
        }
        let name = pairs.iter().find(|(name, _)| *name == "--plan").ok_or("no --plan")?.1;
        let plan = Plan::named(name).ok_or(format!("{name}: no such plan"))?;
        let mut wanted = Wanted { plan, seed: 1, truth: None, lines_truth: None };
        for (name, value) in pairs {
            let number = |text: &str| text.parse::<f64>().map_err(|_| format!("{text}: no number"));
            match name {
                "--plan" => {}
                "--seed" => wanted.seed = value.parse().map_err(|_| format!("{value}: no seed"))?,
                "--days" => wanted.plan.numbers.days = number(value)?,
                "--truth" => wanted.truth = Some(value.to_owned()),
                "--lines-truth" => wanted.lines_truth = Some(value.to_owned()),
                "--set" => {
                    let (name, value) = value.split_once('=').ok_or("--set NAME=NUMBER")?;
                    if !wanted.plan.set(name, number(value)?) {
                        return Err(format!("{name}: no such number"));
                    }
                }
                _ => return Err(format!("{name}: unknown")),
            }
        }
        Ok(wanted)
    }
}

/// Lines and acts of one kind of actor.
#[derive(Default)]
struct Count {
    lines: u64,
    acts: BTreeMap<&'static str, u64>,
}

fn run(wanted: &Wanted) -> Result<()> {
    let begun = Instant::now();
    let mut world = World::new(&wanted.plan, wanted.seed);
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut beside = match &wanted.lines_truth {
        Some(path) => Some(BufWriter::new(File::create(path)?)),
        None => None,
    };
    let (mut line, mut text, mut lines) = (Vec::new(), String::new(), 0u64);
    let mut counts: BTreeMap<&'static str, Count> = BTreeMap::new();
    let mut held_max = (0, 0);
    while let Some(said) = world.next(&mut Nobody, &mut line) {
        line.push(b'\n');
        out.write_all(&line)?;
        lines += 1;
        let kind = world.actor(said.actor).map_or("nobody", |actor| actor.kind.name());
        let count = counts.entry(kind).or_default();
        count.lines += 1;
        if said.what != What::Detail {
            *count.acts.entry(said.what.name()).or_default() += 1;
        }
        if let Some(file) = &mut beside {
            line_truth(&mut text, lines, &said);
            file.write_all(text.as_bytes())?;
        }
        if lines.is_multiple_of(1_000) {
            let held = world.held();
            held_max = (held.0.max(held_max.0), held.1.max(held_max.1));
        }
    }
    out.flush()?;
    let took = begun.elapsed().as_secs_f64();
    if let Some(path) = &wanted.truth {
        write_truth(&world, path)?;
    }
    for (kind, count) in &counts {
        eprintln!("{kind:18} {:>10} lines {:?}", count.lines, count.acts);
    }
    let (wakes, pending) = held_max;
    eprintln!(
        "{lines} lines in {took:.1} s, {:.2} M/s; at most {wakes} wake-ups and {pending} lines \
        held",
        lines as f64 / took / 1e6
    );
    Ok(())
}

fn line_truth(text: &mut String, number: u64, said: &Said) {
    text.clear();
    let client = said.client.map_or("null".to_owned(), |client| format!("\"{client}\""));
    let _ = writeln!(
        text,
        "{{\"line\":{number},\"at\":{},\"actor\":{},\"client\":{client},\"what\":\"{}\",\"details\":\"{:?}\"}}",
        said.at_micros,
        said.actor.0,
        said.what.name(),
        said.what
    );
}

fn write_truth(world: &World, path: &str) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (id, actor) in world.actors().iter().enumerate() {
        writeln!(file, "{}", actor_truth(world, id, actor))?;
    }
    for (id, group) in world.groups().iter().enumerate() {
        let actors: Vec<u32> = group.actors.iter().map(|actor| actor.0).collect();
        let kind = group.kind.name();
        writeln!(
            file,
            "{{\"type\":\"group\",\"id\":{id},\"kind\":\"{kind}\",\"actors\":{actors:?}}}"
        )?;
    }
    for Happening { kind, group, from, until, domains, .. } in world.happenings() {
        let (kind, group) = (kind.name(), group.0);
        let domains: Vec<&String> = domains.iter().collect();
        writeln!(
            file,
            "{{\"type\":\"happening\",\"kind\":\"{kind}\",\"group\":{group},\"from\":{from},\"until\":{until},\"domains\":{domains:?}}}"
        )?;
    }
    for (base, length, operator) in world.atlas() {
        let (number, name, country) = (operator.number, &operator.name, operator.country);
        writeln!(
            file,
            "{{\"type\":\"prefix\",\"prefix\":\"{base}/{length}\",\"as\":{number},\"name\":\"{name}\",\"country\":\"{country}\"}}"
        )?;
    }
    file.flush()
}

fn actor_truth(world: &World, id: usize, actor: &Actor) -> String {
    let number = |number: Option<String>| number.unwrap_or_else(|| "null".to_owned());
    let account = actor.account.map(|account| format!("\"{}\"", world.login(account)));
    let habits: Vec<String> =
        actor.habits.iter().map(|habit| format!("\"{}\"", habit.name())).collect();
    let addresses: Vec<String> =
        actor.addresses.iter().map(|ip: &IpAddr| format!("\"{ip}\"")).collect();
    format!(
        "{{\"type\":\"actor\",\"id\":{id},\"kind\":\"{}\",\"attack\":{},\"group\":{},\"account\":{},\"habits\":[{}],\"began\":{},\"addresses\":[{}]}}",
        actor.kind.name(),
        actor.kind.is_attack(),
        number(actor.group.map(|group| group.0.to_string())),
        number(account),
        habits.join(","),
        number(actor.began.map(|at| at.to_string())),
        addresses.join(",")
    )
}
