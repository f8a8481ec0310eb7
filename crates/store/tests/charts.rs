//! What charts are drawn from agrees with the events on record: live, after a kill, from the
//! history of a journal that an earlier version wrote, and from what was salvaged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use event::{Outcome, Timestamp};
use proptest as _;
use std::collections::BTreeMap;
use std::path::Path;
use store::{
    ChartCache, Dimension, Filter, Journal, Leaders, Options, Policy, Reader, Rollup, Step,
};
use support::{DAY, event, line};

const HOUR_S: u64 = 3600;
const DAY_S: u64 = 86_400;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(DAY + seconds as i64)
}

/// One event of every seventh second, every tenth of them allowed.
fn append(journal: &mut Journal, seq: u64, second: u64) {
    let source = journal.source("a");
    let line = line(seq);
    let mut event = event(seq, &line);
    event.at = at(second);
    event.origin.country = if seq.is_multiple_of(3) { *b"DE" } else { *b"BR" };
    event.origin.operator = 64_500 + (seq % 5) as u32;
    if seq.is_multiple_of(10) {
        (event.outcome, event.reason) = (Outcome::Allowed, None);
    }
    journal.append_event(seq, source, &event, &line);
}

fn policy() -> Policy {
    Policy { segment_records: 1000, ..Policy::default() }
}

/// Two days and a bit; each `every` events a commit, each five commits a round.
fn fill(dir: &Path, events: u64) -> Journal {
    let (mut journal, _) = Journal::open(dir, Options::default()).unwrap();
    let mut maintainer = journal.maintainer(policy());
    for seq in 1..=events {
        append(&mut journal, seq, seq * 30);
        if seq.is_multiple_of(100) {
            journal.commit(&[]).unwrap();
        }
        if seq.is_multiple_of(500) {
            maintainer.maintain(at(seq * 30)).unwrap();
        }
        if seq.is_multiple_of(1700) {
            journal.checkpoint(b"state").unwrap();
        }
    }
    journal.commit(&[]).unwrap();
    maintainer.maintain(at(events * 30)).unwrap();
    while maintainer.roll_up().unwrap() {}
    journal
}

/// Events by hour and outcome, from the events themselves.
fn counted_by_hand(reader: &Reader) -> BTreeMap<(i64, Outcome), u64> {
    let mut counts = BTreeMap::new();
    let found = reader.query(&Filter::default(), 100_000).unwrap();
    for event in found.rows.iter().filter_map(store::Row::event) {
        *counts.entry((Step::Hour.floor(event.at.seconds()), event.outcome)).or_default() += 1;
    }
    counts
}

/// All roll-ups of a step, read anew.
fn rollups(reader: &Reader, step: Step) -> Vec<Rollup> {
    let (first, end) = (Timestamp(0), Timestamp(i64::MAX));
    reader.rollups(&ChartCache::default(), step, first, end).unwrap().iter().collect()
}

/// Leaders, read anew.
fn leaders(reader: &Reader, dimension: Dimension, step: Step, until: Timestamp) -> Leaders {
    reader.leaders(&ChartCache::default(), dimension, step, at(0), until).unwrap()
}

fn sum(leaders: &Leaders) -> u64 {
    let events = leaders.iter().flat_map(|leader| leader.events());
    events.chain(leaders.rest()).map(|(_, events)| events).sum()
}

fn rolled_up(reader: &Reader, step: Step) -> BTreeMap<(i64, Outcome), u64> {
    let series = reader.series().unwrap();
    let mut counts = BTreeMap::new();
    for rollup in rollups(reader, step) {
        let hour = Step::Hour.floor(rollup.at.seconds());
        *counts.entry((hour, series[&rollup.series].outcome)).or_default() += rollup.events;
    }
    counts
}

/// Every dimension counts every event once, whatever the steps.
fn check_leaders(reader: &Reader, events: u64) {
    for (dimension, values) in [
        (Dimension::Client, 200),
        (Dimension::Network, 1),
        (Dimension::Operator, 5),
        (Dimension::Country, 2),
        (Dimension::Account, 50),
    ] {
        let leaders = leaders(reader, dimension, Step::Hour, Timestamp(i64::MAX));
        assert_eq!(leaders.iter().count(), values, "{dimension:?}");
        assert_eq!(sum(&leaders), events, "{dimension:?}");
    }
    let accounts = leaders(reader, Dimension::Account, Step::Hour, Timestamp(i64::MAX));
    let account = accounts.iter().find(|leader| **leader.value == *b"user7@example.org").unwrap();
    assert_eq!(account.others(), 4, "from clients 7, 57, 107 and 157");
    let senders = leaders(reader, Dimension::Sender, Step::Hour, Timestamp(i64::MAX));
    assert_eq!(senders.iter().count(), 0);
}

fn check(dir: &Path, events: u64) {
    let reader = Reader::open(dir).unwrap();
    let by_hand = counted_by_hand(&reader);
    assert_eq!(by_hand.values().sum::<u64>(), events);
    assert_eq!(rolled_up(&reader, Step::Hour), by_hand);
    assert_eq!(rolled_up(&reader, Step::FiveMinutes), by_hand);
    assert_eq!(rolled_up(&reader, Step::Minute), by_hand);
    check_leaders(&reader, events);
}

#[test]
fn charts_agree_with_the_events() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = fill(dir.path(), 6_000);
    check(dir.path(), 6_000);
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.newest().unwrap(), Some(at(180_000)));
    assert!(reader.statistics().unwrap().segments > 0);

    // Late events, for a day whose leaders were made already.
    let before = leaders(&reader, Dimension::Country, Step::Hour, at(DAY_S));
    for seq in 6_001..=6_050 {
        append(&mut journal, seq, HOUR_S + seq);
    }
    journal.commit(&[]).unwrap();
    let mut maintainer = journal.maintainer(policy());
    maintainer.maintain(at(180_000)).unwrap();
    check(dir.path(), 6_050);
    let after = leaders(&reader, Dimension::Country, Step::Hour, at(DAY_S));
    assert_eq!(sum(&after), sum(&before) + 50);
}

#[test]
fn what_a_killed_guard_had_not_counted_is_counted_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), 3_000));
    for round in 0..5 {
        let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
        for seq in 1..=200 {
            append(&mut journal, 3_000 + round * 200 + seq, 90_000 + round * 200 + seq);
            journal.commit(&[]).unwrap();
        }
        // No round before the end: the next guard begins where this one stopped.
        if round == 4 {
            let mut maintainer = journal.maintainer(policy());
            maintainer.maintain(at(91_000)).unwrap();
        }
    }
    check(dir.path(), 4_000);
}

#[test]
fn a_journal_of_an_earlier_version_is_counted_from_its_history() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), 6_000));
    let database = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    database
        .execute_batch(
            "DROP TABLE rolled; DROP TABLE series; DROP TABLE rollup; DROP TABLE leader;
             DROP TABLE turn; DROP TABLE incident;
             DELETE FROM batch WHERE id <= (SELECT segmented FROM head); PRAGMA user_version = 2",
        )
        .unwrap();
    drop(database);
    let reader = Reader::open(dir.path()).unwrap();
    assert!(reader.series().unwrap().is_empty() && reader.newest().unwrap().is_none());
    let (journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let mut maintainer = journal.maintainer(policy());
    maintainer.maintain(at(180_000)).unwrap();
    check(dir.path(), 6_000);
}

#[test]
fn a_journal_without_counts_of_five_minutes_gets_them() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), 6_000));
    let database = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    database
        .execute_batch(
            "DROP TABLE turn; DROP TABLE incident; DELETE FROM rollup WHERE step = 300; PRAGMA user_version = 3",
        )
        .unwrap();
    drop(database);
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(rolled_up(&reader, Step::Minute), counted_by_hand(&reader));
    drop(Journal::open(dir.path(), Options::default()).unwrap());
    check(dir.path(), 6_000);
}

/// As who looks all the time sees it, and as who looks for the first time does.
fn check_kept(reader: &Reader, kept: &ChartCache, from: Timestamp, until: Timestamp) {
    let fresh = ChartCache::default();
    for step in Step::OF_ROLLUPS {
        let all = |kept| -> Vec<Rollup> {
            reader.rollups(kept, step, from, until).unwrap().iter().collect()
        };
        assert!(all(kept) == all(&fresh), "{step:?} {from} {until}");
    }
    for step in Step::OF_LEADERS {
        for dimension in [Dimension::Client, Dimension::Account, Dimension::Operator] {
            let all = |kept| -> BTreeMap<Vec<u8>, (BTreeMap<u16, u64>, u64)> {
                let leaders = reader.leaders(kept, dimension, step, from, until).unwrap();
                let one = |leader: store::Leader<'_>| {
                    let mut events = BTreeMap::new();
                    leader.events().for_each(|(s, n)| *events.entry(s).or_default() += n);
                    (leader.value.to_vec(), (events, leader.others()))
                };
                let all: BTreeMap<Vec<u8>, _> = leaders.iter().map(one).collect();
                for (value, seen) in &all {
                    let found = leaders.get(value).map(one).unwrap();
                    assert!((&found.0, &found.1) == (value, seen), "{dimension:?} {step:?}");
                }
                assert!(leaders.get(b"nobody").is_none());
                all
            };
            assert!(all(kept) == all(&fresh), "{dimension:?} {step:?} {from} {until}");
        }
    }
}

#[test]
fn who_looks_all_the_time_sees_what_a_first_look_shows() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let mut maintainer = journal.maintainer(policy());
    let (reader, kept) = (Reader::open(dir.path()).unwrap(), ChartCache::default());
    for turn in 0..300_u64 {
        let now = turn * 211;
        for place in 0..10 {
            let seq = turn * 10 + place + 1;
            // One source is an hour behind for a while, another tells of the day before once.
            let behind = match (seq, turn) {
                (seq, 100..200) if seq.is_multiple_of(3) => 3_600,
                (_, 250) => 40_000,
                _ => 0,
            };
            append(&mut journal, seq, (now + place).saturating_sub(behind));
        }
        journal.commit(&[]).unwrap();
        maintainer.roll_up().unwrap();
        if turn.is_multiple_of(50) {
            maintainer.maintain(at(now)).unwrap();
        }
        check_kept(&reader, &kept, at(now.saturating_sub(6 * 3600)), at(now));
        check_kept(&reader, &kept, at(now.saturating_sub(900)), at(now));
        check_kept(&reader, &kept, at(7_000), at(30_000));
    }
}

#[test]
fn what_was_salvaged_is_counted_anew_and_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), 4_000));
    let path = dir.path().join("journal.db");
    drop(Journal::open(dir.path(), Options::default()).unwrap());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..4096].fill(0x55);
    std::fs::write(&path, bytes).unwrap();
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert!(!recovery.losses.is_empty());
    let mut maintainer = journal.maintainer(policy());
    maintainer.roll_up().unwrap();
    maintainer.maintain(at(120_000)).unwrap();
    while maintainer.roll_up().unwrap() {}
    check(dir.path(), 4_000);
}

#[test]
fn fine_steps_are_kept_for_less_time() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let mut maintainer = journal.maintainer(policy());
    for day in 0..40 {
        append(&mut journal, day + 1, day * DAY_S);
        journal.commit(&[]).unwrap();
        maintainer.maintain(at(day * DAY_S)).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let rows = |step| rollups(&reader, step).len();
    assert_eq!([Step::TenSeconds, Step::Minute, Step::Hour].map(rows), [2, 16, 40]);
    let counted = |step| sum(&leaders(&reader, Dimension::Client, step, Timestamp(i64::MAX)));
    assert_eq!([Step::Minute, Step::Hour].map(counted), [2, 40]);
    let short = Policy { actions_age_s: 10 * DAY_S as i64, ..policy() };
    journal.maintainer(short).maintain(at(39 * DAY_S)).unwrap();
    assert_eq!([Step::Minute, Step::Hour].map(rows), [16, 11]);
}
