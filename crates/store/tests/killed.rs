//! `kill -9` at random points: nothing acknowledged is lost, nothing is there twice, and
//! positions, decisions, counts and history agree with each other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use proptest as _;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use store::{Filter, Journal, Options, Reader, What};

/// Cargo builds the examples before it runs the tests, beside the tests' own programs.
fn writer() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().unwrap().parent().unwrap().join("examples").join("writer")
}

/// Rounds, if none before brought what is to be seen.
const ROUNDS_MAX: u64 = 120;

/// On a busy machine what waits for a segment grows faster than one is made, and a disk that stalls
/// lets none be made between two kills that are close together: there is more and more time.
fn longest_us(round: u64) -> u64 {
    120_000 + 4_000 * round + 200_000 * round.saturating_sub(40)
}

#[test]
fn killed_at_random_points() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    // On a busy machine the writer does not come far in one round.
    let mut segments = 0;
    for round in 0..ROUNDS_MAX {
        if round >= 25 && segments > 0 {
            break;
        }
        random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        let after = Duration::from_micros(2_000 + (random >> 33) % longest_us(round));
        let acknowledged = run_and_kill(dir.path(), &[], after);
        check(dir.path(), acknowledged);
        segments = Reader::open(dir.path()).unwrap().statistics().unwrap().segments;
    }
    assert!(segments > 0, "the kills went through segments as well");
}

/// The same while the oldest segments are removed: what is left is whole, and the newest.
#[test]
fn killed_while_old_segments_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0xD134_2543_DE82_EF95_u64;
    let mut removed = false;
    for round in 0..ROUNDS_MAX {
        if round >= 15 && removed {
            break;
        }
        random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        let after = Duration::from_micros(20_000 + (random >> 33) % longest_us(round));
        let acknowledged = run_and_kill(dir.path(), &["6"], after);
        // Read as the kill left it, before anybody has put it in order.
        let reader = Reader::open(dir.path()).unwrap();
        let found = reader.query(&Filter::default(), 100_000).unwrap();
        let seqs: Vec<u64> = found.rows.iter().filter_map(store::Row::seq).collect();
        let newest = seqs.first().copied().unwrap_or(0);
        assert!(newest >= acknowledged, "{newest} of {acknowledged}");
        let expected: Vec<u64> = (0..seqs.len() as u64).map(|back| newest - back).collect();
        assert_eq!(seqs, expected, "each line once, in order, none missing between");
        assert_eq!(found.losses, []);
        removed |= seqs.last().is_some_and(|oldest| *oldest > 1);
        drop(reader);
        let (_journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
        assert_eq!(recovery.losses, []);
        assert_eq!(recovery.seq, newest);
    }
    assert!(removed, "the kills went through removals as well");
}

/// Starts the writer, kills it after a while from its first commit, and tells what it said last.
fn run_and_kill(dir: &Path, more: &[&str], after: Duration) -> u64 {
    let mut child =
        Command::new(writer()).arg(dir).args(more).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = said.next().unwrap().unwrap();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    for line in said.map_while(Result::ok) {
        last = line;
    }
    killer.join().unwrap();
    // A line of the pipe may be cut; what was said before it counts.
    last.parse().unwrap_or(0)
}

fn check(dir: &Path, acknowledged: u64) {
    let (journal, recovery) = Journal::open(dir, Options::default()).unwrap();
    assert_eq!(recovery.losses, []);
    let seq = recovery.seq;
    assert!(seq >= acknowledged, "{acknowledged} was acknowledged, {seq} is on record");
    assert_eq!(recovery.positions[0].position, seq.to_string(), "positions go with the lines");
    let newest = recovery.checkpoints.first();
    if let Some(checkpoint) = newest {
        let state = checkpoint.load().unwrap();
        assert_eq!(state, checkpoint.mark.seq.to_le_bytes());
        let mut next = checkpoint.mark.seq;
        let done = journal.replay(checkpoint.mark, |record| {
            if record.name() == "event" {
                next += 1;
                assert_eq!(record.seq(), Some(next));
            }
        });
        assert_eq!(done.unwrap().losses, []);
        assert_eq!(next, seq);
    }
    let holds: BTreeSet<u64> = recovery.holds.iter().map(|hold| hold.evidence.lines()[0]).collect();
    let expected: BTreeSet<u64> =
        (1..=seq).filter(|s| s.is_multiple_of(10) && s + 105 > seq).collect();
    assert_eq!(holds, expected);
    drop(journal);
    check_history(dir, seq);
}

fn check_history(dir: &Path, seq: u64) {
    let reader = Reader::open(dir).unwrap();
    let counts = reader.counts(event::Timestamp(0), event::Timestamp(i64::MAX)).unwrap();
    assert_eq!(counts.iter().map(|count| count.events).sum::<u64>(), seq);
    let from = seq.saturating_sub(90_000);
    let found = reader.query(&Filter::default(), (seq - from) as usize).unwrap();
    assert_eq!(found.losses, []);
    let seqs: Vec<u64> = found.rows.iter().filter_map(store::Row::seq).collect();
    assert!(seqs.iter().copied().eq((from + 1..=seq).rev()), "each line once, in order");
    let decisions = reader.query(&Filter { what: What::Actions, ..Filter::default() }, 100_000);
    let decisions = decisions.unwrap();
    let bans = decisions.rows.iter().filter(|row| row.record().unwrap().name() == "decision");
    // A question brings 100 000 rows at most: of a quick machine's run, the newest half are these.
    assert_eq!(bans.count() as u64, (seq / 10).min(50_000));
}
