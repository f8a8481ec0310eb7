//! Measures the journal on this machine:
//! `cargo run --release -p store --example measure -- DIR [MILLION LINES [PART ...]]`.
//!
//! | part | measures |
//! |---|---|
//! | `copy` | a plain copy and write of the same lines, beside which the others are to be seen |
//! | `write` | appending and committing 5000 lines at a time, with and without noise |
//! | `commit` | commits of one event each |
//! | `ask` | questions to three million events a million lines, some hot, some in history |
//! | `tiny` | the same where every hot event has a batch of its own |
//! | `again` | the questions of `ask`, to a journal DIR that is there |
//! | `start` | what a guard reads at its start from a journal of 1 GB with 100 000 bans |
//!
//! The first five where none is named; `start` needs 1.5 GB. DIR must not exist; it is left behind
//! for a look and to be removed by hand. The parts are also good for `perf record`.

use event::{
    Command, Decision, Event, Evidence, Kind, Measure, Mode, Network, Order, Outcome, Protocol,
    Reason, Server, Subject, Text, Timestamp,
};
use std::hint::black_box;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Instant;
use store::{Filter, Journal, Line, Maintainer, Options, Policy, Reader};

type Outcomes = Result<(), Box<dyn std::error::Error>>;

const START_S: i64 = 1_795_219_200;
const LINES_A_COMMIT: usize = 5000;

fn main() -> Outcomes {
    let mut given = std::env::args().skip(1);
    let dir = given.next().ok_or("measure DIR [MILLION LINES [PART ...]]")?;
    let dir = Path::new(&dir);
    let millions: usize = given.next().map_or(Ok(2), |n| n.parse())?;
    let mut parts: Vec<String> = given.collect();
    if parts.is_empty() {
        parts = ["copy", "write", "commit", "ask", "tiny"].map(str::to_owned).to_vec();
    }
    if parts == ["again"] {
        return questions(dir);
    }
    std::fs::create_dir(dir)?;
    let lines: Vec<String> = (0..100_000).map(line).collect();
    for part in parts {
        println!("{part}, load {}", load());
        match part.as_str() {
            "copy" => baseline(dir, &lines)?,
            "write" => {
                for percent in [40, 100] {
                    throughput(&dir.join(format!("write-{percent}")), &lines, percent, millions)?;
                }
            }
            "commit" => latency(&dir.join("commit"), &lines)?,
            "ask" => large(&dir.join("ask"), &lines, millions)?,
            "tiny" => tiny(&dir.join("tiny"), &lines, millions)?,
            "start" => start(&dir.join("start"))?,
            "fill" => fill(&dir.join("fill"), &lines)?,
            other => return Err(format!("no part is called {other}").into()),
        }
    }
    Ok(())
}

fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Clients as in real logs: few bring much, many bring little.
fn client(number: usize) -> Ipv4Addr {
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let spread = if number.is_multiple_of(3) { mixed % 200_000 } else { mixed % 500 };
    Ipv4Addr::from_bits(0x0B00_0000 + spread as u32)
}

fn line(number: usize) -> String {
    format!(
        "2026-11-21T10:00:00.{:06}+00:00 mx1 dovecot: imap-login: Disconnected: Connection closed \
         (auth failed, 1 attempts in 2 secs): user=<user{}@example.org>, method=PLAIN, rip={}, \
         lip=192.0.2.1, TLS, session=<{:016x}>",
        number % 1_000_000,
        number * 7 % 3000,
        client(number),
        (number as u64).wrapping_mul(0xD134_2543_DE82_EF95)
    )
}

fn piece<'a>(line: &'a str, from: &str, to: &str) -> Text<'a> {
    let rest = line.split_once(from).map_or("", |(_, rest)| rest);
    Text(rest.split_once(to).map_or(rest, |(piece, _)| piece).as_bytes())
}

fn event(line: &str, number: usize) -> Event<'_> {
    let at = Timestamp::from_seconds(START_S + number as i64 / 400);
    let service = piece(line, "dovecot: ", ":");
    let mut event = Event::new(at, Server::Dovecot, service, Kind::Auth, Outcome::Rejected);
    event.protocol = Protocol::Imap;
    event.reason = Some(Reason::AuthFailed);
    event.hostile = true;
    event.client = Some(client(number % 100_000).into());
    event.account = Some(piece(line, "user=<", ">"));
    event.host = Some(piece(line, "+00:00 ", " "));
    event.session = Some(piece(line, "session=<", ">"));
    event.mechanism = Some(piece(line, "method=", ","));
    event.attempts = 1;
    event
}

fn baseline(dir: &Path, lines: &[String]) -> Outcomes {
    let bytes: usize = lines.iter().map(String::len).sum();
    let mut copy = Vec::with_capacity(bytes);
    let start = Since::now();
    for line in lines {
        copy.extend_from_slice(line.as_bytes());
    }
    black_box(&copy);
    rate("memcpy of the lines", lines.len(), &start);
    let start = Since::now();
    std::fs::File::create(dir.join("raw"))?.write_all(&copy)?;
    rate("plain write of the lines", lines.len(), &start);
    Ok(())
}

/// Since when: on the wall, and on the processor (this thread's part of it, which other work on
/// the machine does not lengthen).
struct Since {
    wall: Instant,
    processor_ns: u64,
}

impl Since {
    fn now() -> Self {
        Since { wall: Instant::now(), processor_ns: processor_ns() }
    }

    fn processor_s(&self) -> f64 {
        (processor_ns() - self.processor_ns) as f64 / 1e9
    }
}

fn processor_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
}

fn rate(what: &str, lines: usize, start: &Since) {
    let wall = start.wall.elapsed().as_secs_f64();
    let processor = start.processor_s();
    println!(
        "{what}: {:.0} k lines per CPU second ({lines} in {processor:.3} CPU s, {wall:.3} s)",
        lines as f64 / processor / 1e3
    );
}

fn throughput(dir: &Path, lines: &[String], percent: usize, millions: usize) -> Outcomes {
    let events: Vec<Event<'_>> =
        lines.iter().enumerate().map(|(number, line)| event(line, number)).collect();
    let (mut journal, _) = Journal::open(dir, Options::default())?;
    let source = journal.source("log");
    let mut maintainer = journal.maintainer(Policy::default());
    let start = Since::now();
    let mut commits = Vec::new();
    for number in 0..millions * 1_000_000 {
        let seq = number as u64 + 1;
        let which = number % lines.len();
        match (events.get(which), lines.get(which)) {
            (Some(event), Some(line)) if number % 100 < percent => {
                let at = Timestamp::from_seconds(START_S + number as i64 / 400);
                let event = Event { at, ..*event };
                journal.append_event(seq, source, &event, line.as_bytes());
            }
            _ => journal.append_line(seq, source, Line::Noise),
        }
        if seq.is_multiple_of(LINES_A_COMMIT as u64) {
            let start = Instant::now();
            journal.commit(&[("log", &seq.to_string())])?;
            commits.push(start.elapsed());
        }
    }
    rate(&format!("append and commit, {percent} % events"), millions * 1_000_000, &start);
    commits.sort_unstable();
    let at = |share: usize| commits.get(commits.len() * share / 1000).copied().unwrap_or_default();
    println!("  commits of {LINES_A_COMMIT} lines: p50 {:?} p99 {:?}", at(500), at(990));
    let start = Since::now();
    let done = maintainer.maintain(Timestamp::from_seconds(START_S))?;
    rate("  into segments", done.records_moved as usize, &start);
    let statistics = Reader::open(dir)?.statistics()?;
    println!("  {} segments, {} MB", statistics.segments, statistics.bytes_segments >> 20);
    Ok(())
}

/// Commits of one event each, with the maintenance running beside.
fn latency(dir: &Path, lines: &[String]) -> Outcomes {
    let (mut journal, _) = Journal::open(dir, Options::default())?;
    let source = journal.source("log");
    let mut maintainer = journal.maintainer(Policy::default());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let pause = std::time::Duration::from_millis(200);
        while stopped.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            if let Err(error) = maintainer.maintain(Timestamp::from_seconds(START_S)) {
                println!("maintenance: {error}");
            }
        }
    });
    let mut times = Vec::new();
    for (number, line) in lines.iter().enumerate().take(20_000) {
        let event = event(line, number);
        let start = Instant::now();
        journal.append_event(number as u64 + 1, source, &event, line.as_bytes());
        journal.commit(&[("log", "0:0:0")])?;
        times.push(start.elapsed());
    }
    drop(stop);
    let _ = thread.join();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1000).copied().unwrap_or_default();
    println!("commit of one event: p50 {:?} p99 {:?} p99.9 {:?}", at(500), at(990), at(999));
    Ok(())
}

/// 100 000 decisions that hold and many events, in history and hot.
fn large(dir: &Path, lines: &[String], millions: usize) -> Outcomes {
    let (mut journal, _) = Journal::open(dir, Options::default())?;
    let mut maintainer = journal.maintainer(Policy::default());
    bans(&mut journal)?;
    for number in 0..millions * 3_000_000 {
        append(&mut journal, lines, number);
        if number.is_multiple_of(LINES_A_COMMIT) {
            journal.commit(&[("log", "0:0:0")])?;
        }
        if number.is_multiple_of(1_000_000) {
            maintainer.maintain(Timestamp::from_seconds(START_S))?;
            journal.commit(&[])?;
        }
    }
    journal.commit(&[])?;
    summarized(journal.maintainer(kept_hot()))?;
    questions(dir)
}

/// What a round of maintenance does beside a running guard; nothing becomes history here.
fn summarized(mut maintainer: Maintainer) -> Outcomes {
    let start = Since::now();
    maintainer.maintain(Timestamp::from_seconds(START_S))?;
    println!("maintenance: {:.3} CPU s", start.processor_s());
    Ok(())
}

fn kept_hot() -> Policy {
    Policy { segment_records: u64::MAX, segment_age_s: i64::MAX >> 32, ..Policy::default() }
}

/// Every event has a batch of its own, as on a quiet server.
fn tiny(dir: &Path, lines: &[String], millions: usize) -> Outcomes {
    let (mut journal, _) = Journal::open(dir, Options::default())?;
    let mut maintainer = journal.maintainer(kept_hot());
    let mut in_maintenance_s = 0.0;
    let start = Since::now();
    for number in 0..millions * 1_000_000 {
        append(&mut journal, lines, number);
        journal.commit(&[("log", "0:0:0")])?;
        if number.is_multiple_of(50_000) {
            let start = Since::now();
            maintainer.maintain(Timestamp::from_seconds(START_S))?;
            in_maintenance_s += start.processor_s();
        }
    }
    rate("commits of one event and maintenance", millions * 1_000_000, &start);
    println!("  of it maintenance: {in_maintenance_s:.3} CPU s");
    questions(dir)
}

/// What the guard reads at its start from a journal of a gigabyte whose writer was killed, with
/// 100 000 bans and as many lines behind the checkpoint as there can be.
fn start(dir: &Path) -> Outcomes {
    let program = std::env::current_exe()?;
    let done = std::process::Command::new(program).arg(dir).args(["0", "fill"]).status()?;
    if !done.success() {
        return Err("the journal was not filled".into());
    }
    let dir = dir.join("fill");
    println!("{} MB on disk", size(&dir) >> 20);
    for round in ["after a kill", "again"] {
        let start = Since::now();
        let (journal, recovery) = Journal::open(&dir, Options::default())?;
        let opened = start.wall.elapsed();
        let newest = recovery.checkpoints.first().ok_or("no checkpoint")?;
        let state = newest.load()?.len();
        let loaded = start.wall.elapsed();
        let replayed = journal.replay(newest.mark, |_| ())?;
        println!(
            "{round}: open {opened:.2?} ({} bans), checkpoint of {} MB {:.2?}, {} records read \
             again {:.2?}; together {:.2?}, {:.3} CPU s",
            recovery.holds.len(),
            state >> 20,
            loaded - opened,
            replayed.records,
            start.wall.elapsed() - loaded,
            start.wall.elapsed(),
            start.processor_s()
        );
        // Nor does this one end in order.
        std::mem::forget(journal);
        std::fs::remove_file(dir.join("journal.lock"))?;
    }
    Ok(())
}

/// The writer for [`start`], which ends without an orderly end.
fn fill(dir: &Path, lines: &[String]) -> Outcomes {
    const BYTES: u64 = 1 << 30;
    let (mut journal, _) = Journal::open(dir, Options::default())?;
    let mut maintainer = journal.maintainer(kept_hot());
    // Ordered, so that an engine that is brought up to this journal holds them as well.
    for number in 0..100_000 {
        let Decision { subject, .. } = decision(number);
        let order = Order::Ban { subject, duration_s: Some(7 * 86_400) };
        let at = Timestamp::from_seconds(START_S);
        let (operator, reason) = ("measure".into(), "".into());
        journal.append_command(0, &Command { at, operator, reason, order });
    }
    bans(&mut journal)?;
    let mut number = 0;
    let mut hundred = |journal: &mut Journal| {
        (0..100).for_each(|more| append(journal, lines, number + more));
        number += 100;
        journal.commit(&[("log", "0:0:0")])
    };
    while size(dir) < BYTES {
        for _ in 0..1000 {
            hundred(&mut journal)?;
        }
        maintainer.maintain(Timestamp::from_seconds(START_S))?;
    }
    journal.checkpoint(&vec![0; 64 << 20])?;
    // As many lines as a guard reads before its next checkpoint, the log not moved meanwhile.
    for _ in 0..5000 {
        hundred(&mut journal)?;
    }
    std::process::exit(0)
}

fn bans(journal: &mut Journal) -> Outcomes {
    for number in 0..100_000_u32 {
        journal.append_decision(u64::from(number), &decision(number));
    }
    let start = Instant::now();
    journal.commit(&[])?;
    println!("commit of 100 000 decisions: {:?}", start.elapsed());
    Ok(())
}

fn append(journal: &mut Journal, lines: &[String], number: usize) {
    let which = number % lines.len();
    if let Some(line) = lines.get(which) {
        let mut event = event(line, which);
        event.at = Timestamp::from_seconds(START_S + number as i64 / 400);
        let source = journal.source("log");
        journal.append_event(number as u64 + 1, source, &event, line.as_bytes());
    }
}

fn size(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

fn decision(number: u32) -> Decision {
    Decision {
        at: Timestamp::from_seconds(START_S),
        measure: Measure::Ban,
        subject: Subject::Client(Ipv4Addr::from_bits(0x0C00_0000 + number).into()),
        until: Some(Timestamp::from_seconds(START_S + 600)),
        rule: "brute-force".into(),
        offence: 1,
        score: 8.0,
        mode: Mode::Enforce,
        evidence: Evidence::from_iter(0..8),
    }
}

fn questions(dir: &Path) -> Outcomes {
    let reader = Reader::open(dir)?;
    let statistics = reader.statistics()?;
    println!("{} records hot, {} in history", statistics.records_hot, statistics.records_history);
    let story = Filter::about(Subject::Client(client(3).into()));
    let client = Network::host(client(3).into());
    let rare: Network = "11.3.0.0/16".parse()?;
    let day = |s| Some(Timestamp::from_seconds(START_S + s));
    let all = usize::MAX;
    let absent = Network::host(Ipv4Addr::new(203, 0, 113, 9).into());
    for (what, filter, limit) in [
        ("an absent client", Filter { client: Some(absent), ..Filter::default() }, 100),
        ("the story of one client", story, 200),
        ("one client, newest 100", Filter { client: Some(client), ..Filter::default() }, 100),
        ("one client, all", Filter { client: Some(client), ..Filter::default() }, all),
        ("a prefix, newest 100", Filter { client: Some(rare), ..Filter::default() }, 100),
        (
            "an account, newest 100",
            Filter { account: Some(b"user7@example.org".to_vec()), ..Filter::default() },
            100,
        ),
        (
            "an absent account",
            Filter { account: Some(b"nobody".to_vec()), ..Filter::default() },
            100,
        ),
        ("ten seconds", Filter { from: day(500), until: day(510), ..Filter::default() }, all),
        ("a text, absent", Filter { text: Some(b"xyzzy".to_vec()), ..Filter::default() }, 100),
    ] {
        let start = Since::now();
        let found = reader.query(&filter, limit)?;
        let wall = start.wall.elapsed();
        println!(
            "  {what}: {} rows in {wall:.2?}, {:.3} CPU s",
            found.rows.len(),
            start.processor_s()
        );
    }
    let start = Instant::now();
    let top = reader.top_clients(&Filter::default(), 10)?;
    println!(
        "  ten busiest clients: {:?}, the first with {:?}",
        start.elapsed(),
        top.clients.first()
    );
    let start = Instant::now();
    let counts = reader.counts(Timestamp(0), Timestamp(i64::MAX))?;
    println!("  counts by hour: {} rows in {:?}", counts.len(), start.elapsed());
    Ok(())
}
