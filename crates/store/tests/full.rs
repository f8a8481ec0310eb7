//! A full disk: a commit fails whole, the program goes on, and all that was kept is written when
//! there is room again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use proptest as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use store::{Journal, Options, Reader, StoreError};
use support::{append, decision, replayed};

/// A small file system of its own; only root can make one. Unmounted when dropped.
struct Small(tempfile::TempDir);

impl Small {
    /// With the directory for a journal on it; `None`, and said so, where it cannot be made.
    fn mount(size: &str) -> Option<(Small, PathBuf)> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(dir.path())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("skipped: no root, or no right to mount");
            return None;
        }
        let journal = dir.path().join("journal");
        Some((Small(dir), journal))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Segments so small that a few lines make one.
fn of_a_hundred() -> store::Policy {
    store::Policy { segment_records: 100, ..store::Policy::default() }
}

fn fill_up(dir: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(dir.join("ballast")).unwrap();
    for size in [65_536, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_loses_nothing_that_fits_into_memory() {
    let Some((disk, dir)) = Small::mount("4m") else { return };
    let (mut journal, _) = Journal::open(&dir, Options::default()).unwrap();
    append(&mut journal, 1, "a");
    journal.commit(&[("a", "1")]).unwrap();
    fill_up(disk.0.path());
    let mut seq = 1;
    let mut refused = 0;
    for _ in 0..200 {
        for _ in 0..20 {
            seq += 1;
            append(&mut journal, seq, "a");
        }
        journal.append_decision(seq, &decision(seq));
        match journal.commit(&[("a", &seq.to_string())]) {
            Ok(_) => {}
            Err(StoreError::Full { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 100, "{refused}");
    let reader = Reader::open(&dir).unwrap();
    let positions = reader.positions().unwrap();
    let on_record = reader.statistics().unwrap().seq;
    assert_eq!(positions[0].position, on_record.to_string(), "nothing half-written");
    std::fs::remove_file(disk.0.path().join("ballast")).unwrap();
    let done = journal.commit(&[("a", &seq.to_string())]).unwrap();
    assert_eq!((done.mark.seq, done.gap), (seq, None));
    assert_eq!(replayed(&journal), (1..=seq).collect::<Vec<_>>());
    drop(reader);
    drop(journal);
}

#[test]
fn beyond_the_memory_a_gap_is_told() {
    let Some((disk, dir)) = Small::mount("2m") else { return };
    let options = Options { memory_bytes: 50_000, batch_bytes: 8192, ..Options::default() };
    let (mut journal, _) = Journal::open(&dir, options).unwrap();
    append(&mut journal, 1, "a");
    journal.commit(&[("a", "1")]).unwrap();
    fill_up(disk.0.path());
    for seq in 2..=3000 {
        append(&mut journal, seq, "a");
        if seq.is_multiple_of(500) {
            journal.append_decision(seq, &decision(seq));
        }
        if seq.is_multiple_of(10) {
            let _ = journal.commit(&[("a", &seq.to_string())]);
        }
        assert!(journal.waiting_bytes() < 100_000, "memory is bounded");
    }
    std::fs::remove_file(disk.0.path().join("ballast")).unwrap();
    let done = journal.commit(&[("a", "3000")]).unwrap();
    let gap = done.gap.unwrap();
    let kept = replayed(&journal);
    assert_eq!(kept.len() as u64 + gap.records, 3000);
    assert_eq!(gap.seq_last, 3000);
    let mut notes = Vec::new();
    journal
        .replay(store::Mark::default(), |record| {
            if let store::Record::Note { topic: "gap", text, .. } = record {
                notes.push(String::from_utf8_lossy(text).into_owned());
            }
        })
        .unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    drop(journal);
    let (journal, recovery) = Journal::open(&dir, options).unwrap();
    assert_eq!(recovery.seq, 3000);
    assert_eq!(recovery.holds.len(), 2, "decisions are kept: {:?}", recovery.holds);
    drop(journal);
}

#[test]
fn maintenance_on_a_full_disk_fails_whole_and_goes_on_later() {
    let Some((disk, dir)) = Small::mount("6m") else { return };
    let (mut journal, _) = Journal::open(&dir, Options::default()).unwrap();
    let mut maintainer = journal.maintainer(of_a_hundred());
    for seq in 1..=2000 {
        append(&mut journal, seq, "a");
    }
    journal.commit(&[("a", "2000")]).unwrap();
    fill_up(disk.0.path());
    let now = event::Timestamp::from_seconds(support::DAY);
    assert!(matches!(maintainer.maintain(now), Err(StoreError::Full { .. })));
    std::fs::remove_file(disk.0.path().join("ballast")).unwrap();
    assert_eq!(maintainer.maintain(now).unwrap().records_moved, 2000);
    let reader = Reader::open(&dir).unwrap();
    assert_eq!(reader.query(&store::Filter::default(), 5000).unwrap().rows.len(), 2000);
}

/// Whatever step of it finds the disk full: nothing is left that fills it further, and nothing is
/// there twice when there is room again.
#[test]
fn maintenance_that_runs_out_of_room_leaves_nothing_behind() {
    let Some((disk, dir)) = Small::mount("24m") else { return };
    let (mut journal, _) = Journal::open(&dir, Options::default()).unwrap();
    let mut maintainer = journal.maintainer(of_a_hundred());
    let now = event::Timestamp::from_seconds(support::DAY);
    let ending = |end: &str| {
        let files = std::fs::read_dir(&dir).unwrap().flatten();
        files.filter(|file| file.path().extension().is_some_and(|found| found == end)).count()
    };
    let (mut seq, mut refused, mut done) = (0, 0, 0);
    for room in (0..60).map(|step| step * 271 % 60 * 24 * 1024) {
        for _ in 0..400 {
            seq += 1;
            append(&mut journal, seq, "a");
            if seq.is_multiple_of(4) {
                journal.append_decision(seq, &decision(seq));
            }
        }
        journal.commit(&[("a", &seq.to_string())]).unwrap();
        fill_up(disk.0.path());
        let ballast = std::fs::File::options().write(true).open(disk.0.path().join("ballast"));
        let ballast = ballast.unwrap();
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(room)).unwrap();
        for _ in 0..2 {
            match maintainer.maintain(now) {
                Ok(_) => done += 1,
                Err(StoreError::Full { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
            assert_eq!(ending("tmp"), 0);
        }
        std::fs::remove_file(disk.0.path().join("ballast")).unwrap();
    }
    // How often depends on how far the files had grown; both must have happened.
    assert!(refused > 0 && done > 5, "{refused} refused, {done} done");
    assert_eq!(maintainer.maintain(now).unwrap().losses, []);
    let reader = Reader::open(&dir).unwrap();
    assert_eq!(reader.statistics().unwrap().segments, ending("parquet") as u64);
    let found = reader.query(&store::Filter::default(), 100_000).unwrap();
    let seqs: Vec<u64> = found.rows.iter().rev().filter_map(store::Row::seq).collect();
    assert_eq!(seqs, (1..=seq).collect::<Vec<_>>());
    assert_eq!(reader.actions(100_000).unwrap().rows.len() as u64, seq / 4);
}
