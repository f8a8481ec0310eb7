//! Damaged files: the journal always opens, says what it lost, and goes on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use store::{Filter, Journal, Options, Policy, Reader};
use support::{DAY, append, decision};

/// Commits, checkpoints, segments; the last commits still in the write-ahead log.
fn fill(dir: &Path) {
    let (mut journal, _) = Journal::open(dir, Options::default()).unwrap();
    let mut maintainer = journal.maintainer(Policy { segment_records: 300, ..Policy::default() });
    for seq in 1..=1000 {
        append(&mut journal, seq, "a");
        if seq.is_multiple_of(20) {
            journal.append_decision(seq, &decision(seq));
            journal.commit(&[("a", &seq.to_string())]).unwrap();
        }
        if seq.is_multiple_of(400) {
            journal.checkpoint(&seq.to_le_bytes()).unwrap();
            maintainer.maintain(event::Timestamp::from_seconds(DAY)).unwrap();
        }
    }
    // As a killed process leaves it: without SQLite's orderly end, which empties the log.
    let keep: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(dir)
        .unwrap()
        .flatten()
        .filter(|file| file.metadata().unwrap().is_file())
        .map(|file| (file.path(), fs::read(file.path()).unwrap()))
        .collect();
    drop(maintainer);
    drop(journal);
    for (path, bytes) in keep {
        fs::write(path, bytes).unwrap();
    }
}

/// Opens, appends, commits, reads, maintains: nothing may fail.
fn is_usable(dir: &Path) {
    let (mut journal, recovery) = Journal::open(dir, Options::default()).unwrap();
    for checkpoint in &recovery.checkpoints {
        let _ = checkpoint.load();
    }
    journal.replay(store::Mark::default(), |_| ()).unwrap();
    let seq = recovery.seq;
    for more in 1..=3 {
        append(&mut journal, seq + more, "a");
        journal.append_decision(seq + more, &decision(seq + more));
        journal.commit(&[("a", &(seq + more).to_string())]).unwrap();
    }
    let _ = journal
        .maintainer(Policy { segment_age_s: 0, ..Policy::default() })
        .maintain(event::Timestamp::from_seconds(DAY + 90_000));
    journal.commit(&[("a", "again")]).unwrap();
    let mark = journal.mark();
    drop(journal);
    let (_journal, recovery) = Journal::open(dir, Options::default()).unwrap();
    assert_eq!(recovery.seq, mark.seq);
    assert_eq!(recovery.positions.iter().find(|p| p.source == "a").unwrap().position, "again");
    let reader = Reader::open(dir).unwrap();
    let found = reader.query(&Filter::lines(&[seq + 1, seq + 2, seq + 3]), 10).unwrap();
    let newest: Vec<_> = found.rows.iter().filter_map(store::Row::seq).collect();
    assert_eq!(newest, [seq + 3, seq + 2, seq + 1], "{:?}", found.losses);
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().flatten() {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().flatten().map(|f| f.path()).collect();
    files.retain(|path| !path.to_string_lossy().ends_with(".lock"));
    files.sort();
    files
}

#[test]
fn bytes_flipped_or_cut_anywhere() {
    let model = tempfile::tempdir().unwrap();
    fill(model.path());
    let strategy =
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u8.., 1_usize..5000, 0..4);
    let mut runner = prop::test_runner::TestRunner::new(ProptestConfig::with_cases(120));
    runner
        .run(&strategy, |(file, at, xor, len, how)| {
            let dir = tempfile::tempdir().unwrap();
            copy(model.path(), dir.path());
            let files = files(dir.path());
            let path = &files[file.index(files.len())];
            let mut bytes = fs::read(path).unwrap();
            let at = at.index(bytes.len());
            match how {
                0 => bytes.truncate(at),
                1 => bytes[at..].iter_mut().take(len).for_each(|byte| *byte = 0),
                _ => bytes[at..].iter_mut().take(1 + len % 7).for_each(|byte| *byte ^= xor),
            }
            fs::write(path, bytes).unwrap();
            is_usable(dir.path());
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_first_page_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    // An orderly end first: everything is in the database, nothing in the log.
    drop(Journal::open(dir.path(), Options::default()).unwrap());
    let path = dir.path().join("journal.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4096].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let (_journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!(recovery.seq, 1000);
    assert_eq!(recovery.positions[0].position, "1000");
    assert_eq!(recovery.holds.len(), 10);
    assert_eq!(recovery.losses.len(), 1, "set aside, and nothing lost: {:?}", recovery.losses);
    assert!(dir.path().join("damaged-1").join("journal.db").exists());
}

#[test]
fn a_lost_database_leaves_history_and_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    for file in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!(recovery.checkpoints.len(), 2);
    assert_eq!(recovery.checkpoints[0].load().unwrap(), 800_u64.to_le_bytes());
    assert_eq!(recovery.seq, 800);
    let done = journal
        .maintainer(Policy::default())
        .maintain(event::Timestamp::from_seconds(DAY))
        .unwrap();
    assert!(!done.losses.is_empty(), "the segments are entered again, and that is told");
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.query(&Filter::default(), 2000).unwrap().rows.len(), 800);
    drop(journal);
    is_usable(dir.path());
}

#[test]
fn a_damaged_segment_is_told_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let segment = files(dir.path())
        .into_iter()
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("events-"))
        .unwrap();
    let good = fs::read(&segment).unwrap();
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&segment, bad).unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        let found = reader.query(&Filter::default(), 2000).unwrap();
        assert_eq!(found.losses.len(), 1, "byte {at}");
        assert!(found.rows.len() >= 600);
    }
}

/// What a summary denies is not looked for in its row group, so damage there is not met.
#[test]
fn row_groups_without_an_answer_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    (1..=6000).for_each(|seq| append(&mut journal, seq, "a"));
    journal.commit(&[]).unwrap();
    let policy = Policy { segment_records: 1, ..Policy::default() };
    journal.maintainer(policy).maintain(event::Timestamp::from_seconds(DAY)).unwrap();
    let path = files(dir.path()).into_iter().find(|f| f.extension().unwrap() == "parquet").unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let losses = |filter: Filter| reader.query(&filter, 10_000).unwrap().losses.len();
    let network = |text: &str| Some(text.parse().unwrap());
    let account = |text: &str| Some(text.as_bytes().to_vec());
    let all = Filter::default();
    assert_eq!(losses(all.clone()), 1);
    assert_eq!(losses(Filter { client: network("192.0.2.0/24"), ..all.clone() }), 0);
    assert_eq!(losses(Filter { account: account("nobody@example.org"), ..all.clone() }), 0);
    assert_eq!(losses(Filter { client: network("198.51.100.0/25"), ..all.clone() }), 1);
    assert_eq!(losses(Filter { account: account("USER7@example.org"), ..all }), 1);
}

#[test]
fn copies_set_aside_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..6 {
        fill(dir.path());
        fs::write(dir.path().join("journal.db"), b"rubbish").unwrap();
        drop(Journal::open(dir.path(), Options::default()).unwrap());
    }
    let copies = fs::read_dir(dir.path()).unwrap().flatten();
    let copies = copies.filter(|f| f.file_name().to_string_lossy().starts_with("damaged-"));
    assert_eq!(copies.count(), 3);
}
