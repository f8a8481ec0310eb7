//! What others do beside the journal: read while it is written, open it twice, remove its files,
//! set the clock.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use event::Timestamp;
use proptest::prelude::*;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use store::{Filter, Journal, Options, Policy, Reader, Row, StoreError, What};
use support::{DAY, append, decision, event, line};

struct Writer(Child);

impl Writer {
    /// Writes, makes segments and removes them, until it is dropped. Has committed once.
    fn start(dir: &std::path::Path) -> Writer {
        let own = std::env::current_exe().unwrap();
        let program = own.parent().unwrap().parent().unwrap().join("examples").join("writer");
        let mut command = Command::new(program);
        let mut child = command.arg(dir).arg("8").stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        // The rest is read, so that the writer is not stopped by a full pipe.
        std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(drop));
        Writer(child)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long segments are waited for: a disk may stall.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn another_process_reads_whole_answers_and_may_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::start(dir.path());
    let mut newest = 0;
    let mut segments = 0;
    let begun = Instant::now();
    for round in 0.. {
        assert!(begun.elapsed() < PATIENCE, "{segments} segments were made");
        let second = Journal::open(dir.path(), Options::default());
        assert!(matches!(second, Err(StoreError::InUse { .. })));
        let reader = Reader::open(dir.path()).unwrap();
        let found = reader.query(&Filter::default(), 3000).unwrap();
        assert_eq!(found.losses, []);
        let seqs: Vec<u64> = found.rows.iter().filter_map(Row::seq).collect();
        let first = seqs[0];
        assert!(first >= newest, "time does not run back");
        newest = first;
        assert!(seqs.iter().copied().eq((0..seqs.len() as u64).map(|back| first - back)));
        let account = Some(format!("line {first}").into_bytes());
        let one = reader.query(&Filter { account, ..Filter::default() }, 10).unwrap();
        assert_eq!((one.rows.len(), one.losses.len()), (1, 0), "found by what it is about");
        assert_eq!(reader.positions().unwrap().len(), 1);
        segments = segments.max(reader.statistics().unwrap().segments);
        if round > 30 && segments >= 6 {
            break;
        }
    }
    drop(writer);
}

/// The end of the program does not wait for the maintenance, and nothing comes of its half.
#[test]
fn an_interrupted_round_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let policy = Policy { segment_records: 10, ..Policy::default() };
    let now = Timestamp::from_seconds(DAY);
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    // From before the first batch to behind the last one: somewhere it meets the round.
    for pause_us in (0..20_000).step_by(700) {
        (1..=2000).for_each(|seq| append(&mut journal, seq, "a"));
        journal.commit(&[]).unwrap();
        let mut maintainer = journal.maintainer(policy);
        let interrupt = maintainer.interrupt();
        let other = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_micros(pause_us));
            interrupt.interrupt();
        });
        let done = maintainer.maintain(now).unwrap();
        assert_eq!(done.losses, []);
        other.join().unwrap();
        let statistics = Reader::open(dir.path()).unwrap().statistics().unwrap();
        assert_eq!(statistics.segments, parquet(dir.path(), "events").len() as u64);
        assert_eq!(statistics.segments > 0, statistics.records_history > 0);
        assert_eq!(maintainer.maintain(now).unwrap(), store::Maintained::default());
    }
    let records = Reader::open(dir.path()).unwrap().statistics().unwrap();
    assert_eq!((records.records_hot + records.records_history) % 2000, 0);
}

/// A long answer is read while the journal is maintained again and again: nothing is there twice
/// and nothing is missing.
#[test]
fn a_reader_that_was_opened_before_sees_what_is_there_now() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let mut maintainer = journal.maintainer(Policy { segment_records: 300, ..Policy::default() });
    let reader = Reader::open(dir.path()).unwrap();
    for seq in 1..=3000 {
        append(&mut journal, seq, "a");
        journal.append_decision(seq, &decision(seq));
        if seq.is_multiple_of(50) {
            journal.commit(&[]).unwrap();
            journal.checkpoint(b"state").unwrap();
            maintainer.maintain(Timestamp::from_seconds(DAY)).unwrap();
            let filter = Filter { what: What::All, ..Filter::default() };
            let found = reader.query(&filter, 10_000).unwrap();
            assert_eq!((found.rows.len() as u64, found.losses), (seq * 2, vec![]));
        }
    }
}

fn parquet(dir: &std::path::Path, family: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(dir).unwrap().flatten().map(|file| file.path());
    let mut found: Vec<_> = files
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(family) && name.ends_with(".parquet")
        })
        .collect();
    found.sort();
    found
}

#[test]
fn a_segment_that_somebody_removed_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let policy = Policy { segment_records: 500, ..Policy::default() };
    let now = Timestamp::from_seconds(DAY);
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let mut maintainer = journal.maintainer(policy);
    for seq in 1..=2000 {
        append(&mut journal, seq, "a");
        if seq.is_multiple_of(500) {
            journal.commit(&[]).unwrap();
            maintainer.maintain(now).unwrap();
        }
    }
    let gone = parquet(dir.path(), "events")[1].clone();
    let kept = std::fs::read(&gone).unwrap();
    std::fs::remove_file(&gone).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let ask = || {
        let found = reader.query(&Filter::default(), 10_000).unwrap();
        (found.rows.len(), found.losses.len())
    };
    assert_eq!(ask(), (1500, 1), "the others are read, and it is told");
    assert_eq!(maintainer.maintain(now).unwrap().losses, [], "looked for at the start only");
    drop((maintainer, journal));
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((recovery.seq, recovery.losses.len()), (2000, 0));
    let mut maintainer = journal.maintainer(policy);
    assert_eq!(maintainer.maintain(now).unwrap().losses.len(), 1);
    assert_eq!(ask(), (1500, 0), "nothing more is to be told");
    drop((maintainer, journal));
    // Put back, it is taken in again.
    std::fs::write(&gone, kept).unwrap();
    let (journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!(journal.maintainer(policy).maintain(now).unwrap().losses.len(), 1);
    assert_eq!(ask(), (2000, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// Stamps that jump, as after a clock was set or from several sources; and maintenance that
    /// is told a time before the last one.
    #[test]
    fn times_that_run_back_are_found(
        stamps in proptest::collection::vec(-200_000_i64..200_000, 40..120),
        from in -200_000_i64..200_000,
        length_s in 1_i64..100_000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
        let mut maintainer = journal.maintainer(Policy { segment_records: 30, ..Policy::default() });
        let source = journal.source("a");
        let at = |stamp: i64| Timestamp::from_seconds(DAY + stamp);
        for (seq, stamp) in (1..).zip(&stamps) {
            let line = line(seq);
            let event = event::Event { at: at(*stamp), ..event(seq, &line) };
            journal.append_event(seq, source, &event, &line);
            if seq.is_multiple_of(7) {
                journal.commit(&[]).unwrap();
                prop_assert_eq!(maintainer.maintain(at(*stamp)).unwrap().losses, []);
            }
        }
        journal.commit(&[]).unwrap();
        let until = from + length_s;
        let filter = Filter { from: Some(at(from)), until: Some(at(until)), ..Filter::default() };
        let found = Reader::open(dir.path()).unwrap().query(&filter, 1000).unwrap();
        let found: Vec<u64> = found.rows.iter().rev().filter_map(Row::seq).collect();
        let wanted = (1..).zip(&stamps).filter(|(_, stamp)| (from..until).contains(*stamp));
        prop_assert_eq!(found, wanted.map(|(seq, _)| seq).collect::<Vec<_>>());
    }
}
