//! Any sequence of appends, commits, crashes, checkpoints and maintenance, against a model that
//! keeps everything in plain lists.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use event::{Subject, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use store::{Filter, Journal, Maintainer, Options, Policy, Reader, What};
use support::{DAY, append, client, decision, expiry, line};

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Decide,
    Expire,
    Commit,
    Checkpoint,
    /// The process is killed: what is on the disk is all that is left.
    Crash,
    /// An orderly end.
    Close,
    Maintain,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u8..60).prop_map(Step::Append),
        2 => Just(Step::Decide),
        1 => Just(Step::Expire),
        6 => Just(Step::Commit),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Crash),
        1 => Just(Step::Close),
        2 => Just(Step::Maintain),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What the journal must know.
#[derive(Clone, Default, Debug)]
struct Model {
    seq: u64,
    events: Vec<u64>,
    decisions: Vec<u64>,
    holds: BTreeMap<Subject, u64>,
    position: Option<String>,
}

struct World {
    dir: tempfile::TempDir,
    journal: Option<(Journal, Maintainer)>,
    /// With what is not committed yet.
    now: Model,
    committed: Model,
    checkpoint: Option<(u64, u64)>,
}

impl World {
    fn open(&mut self) {
        let (journal, recovery) = Journal::open(self.dir.path(), Options::default()).unwrap();
        assert_eq!(recovery.losses, []);
        assert_eq!(recovery.seq, self.committed.seq);
        let position = recovery.positions.first().map(|found| found.position.clone());
        assert_eq!(position, self.committed.position);
        let holds =
            recovery.holds.iter().map(|hold| (hold.subject.clone(), hold.evidence.lines()[0]));
        assert_eq!(holds.collect::<BTreeMap<_, _>>(), self.committed.holds);
        if let Some((batch, seq)) = self.checkpoint {
            let newest = &recovery.checkpoints[0];
            assert_eq!((newest.mark.batch, newest.mark.seq), (batch, seq));
            let mut stepped = Vec::new();
            let done = journal.replay(newest.mark, |record| {
                if record.is_input() {
                    stepped.extend(record.seq());
                }
            });
            assert_eq!(done.unwrap().losses, []);
            let expected: Vec<u64> =
                self.committed.events.iter().copied().filter(|event| *event > seq).collect();
            assert_eq!(stepped, expected);
        }
        let policy = Policy { segment_records: 40, ..Policy::default() };
        let maintainer = journal.maintainer(policy);
        self.journal = Some((journal, maintainer));
        self.now = self.committed.clone();
    }

    fn step(&mut self, step: &Step) {
        let (journal, maintainer) = self.journal.as_mut().unwrap();
        match step {
            Step::Append(count) => {
                for _ in 0..*count {
                    self.now.seq += 1;
                    append(journal, self.now.seq, "a");
                    self.now.events.push(self.now.seq);
                }
            }
            Step::Decide => {
                let seq = self.now.seq;
                journal.append_decision(seq, &decision(seq));
                self.now.decisions.push(seq);
                self.now.holds.insert(Subject::Client(client(seq)), seq);
            }
            Step::Expire => {
                if let Some((_, seq)) = self.now.holds.pop_first() {
                    journal.append_expiry(seq, &expiry(seq));
                }
            }
            Step::Commit => {
                let position = self.now.seq.to_string();
                journal.commit(&[("a", &position)]).unwrap();
                self.now.position = Some(position);
                self.committed = self.now.clone();
            }
            Step::Checkpoint => {
                let mark = journal.mark();
                if mark.batch > 0 && journal.checkpoint(b"state").is_ok() {
                    self.checkpoint = Some((mark.batch, mark.seq));
                }
            }
            Step::Crash => self.crash(),
            Step::Close => {
                self.journal = None;
                self.open();
            }
            Step::Maintain => {
                let done = maintainer.maintain(Timestamp::from_seconds(DAY)).unwrap();
                assert_eq!(done.losses, []);
            }
        }
    }

    /// The files as they are now, without SQLite's orderly end.
    fn crash(&mut self) {
        let left = tempfile::tempdir().unwrap();
        for file in fs::read_dir(self.dir.path()).unwrap().flatten() {
            fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
        }
        self.journal = None;
        self.dir = left;
        self.open();
    }

    fn check(&self) {
        let reader = Reader::open(self.dir.path()).unwrap();
        let found = reader.query(&Filter::default(), 100_000).unwrap();
        assert_eq!(found.losses, []);
        let mut seqs: Vec<u64> = found.rows.iter().filter_map(store::Row::seq).collect();
        seqs.reverse();
        assert_eq!(seqs, self.committed.events);
        assert!(found.rows.iter().all(|row| row.line().unwrap() == line(row.seq().unwrap())));
        let actions = Filter { what: What::Actions, ..Filter::default() };
        let actions = reader.query(&actions, 100_000).unwrap();
        let decided =
            actions.rows.iter().rev().filter(|row| row.record().unwrap().name() == "decision");
        assert_eq!(
            decided.filter_map(store::Row::seq).collect::<Vec<_>>(),
            self.committed.decisions
        );
        let counts = reader.counts(Timestamp(0), Timestamp(i64::MAX)).unwrap();
        let counted: u64 = counts.iter().map(|count| count.events).sum();
        assert_eq!(counted, self.committed.events.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_journal_does_what_the_model_does(steps in steps()) {
        let mut world = World {
            dir: tempfile::tempdir().unwrap(),
            journal: None,
            now: Model::default(),
            committed: Model::default(),
            checkpoint: None,
        };
        world.open();
        for step in &steps {
            world.step(step);
        }
        world.crash();
        world.check();
    }
}
