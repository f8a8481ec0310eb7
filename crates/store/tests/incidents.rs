//! Incidents stay as they were set: after a restart, a kill, a damaged row, a damaged database.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use event::{Concerned, Evidence, Incident, IncidentState, Standing, Subject, Timestamp};
use proptest as _;
use std::path::Path;
use store::{Journal, Options, Policy, Reader};
use support::{DAY, append, replayed};

fn incident(number: u64, state: IncidentState) -> Incident {
    let at = |seconds: u64| Timestamp::from_seconds(DAY + (number * 100 + seconds) as i64);
    Incident {
        number,
        opened_at: at(0),
        latest_at: at(9),
        state,
        opened_by: "ann".into(),
        title: "odd <script>".into(),
        detectors: vec!["guessing".into(), "prefix".into()],
        concerned: Standing::ALL
            .into_iter()
            .map(|standing| Concerned {
                subject: Subject::Account(b"bob\xff".to_vec().into()),
                since: at(1),
                standing,
            })
            .collect(),
        findings_more: 300,
        unanswered_more: 2,
        findings: 70_000,
        decisions: 5,
        score_max: 12.5,
        evidence: [1, 5, 900_000].into_iter().collect::<Evidence>(),
        acknowledged_at: Some(at(3)),
        contained_at: None,
        resolved_at: (state == IncidentState::Resolved).then(|| at(9)),
        acted_by: "root".into(),
        end: "done".into(),
    }
}

fn fill(dir: &Path) -> Vec<Incident> {
    let (mut journal, recovery) = Journal::open(dir, Options::default()).unwrap();
    assert_eq!((recovery.incidents.len(), recovery.incident_last), (0, 0));
    let states = [IncidentState::Resolved, IncidentState::Open, IncidentState::Acknowledged];
    let all: Vec<Incident> =
        states.into_iter().zip(1..).map(|(state, number)| incident(number, state)).collect();
    for one in &all {
        journal.set_incident(Incident { findings: 1, ..one.clone() });
        journal.set_incident(one.clone());
        assert_eq!(journal.incident(one.number).unwrap().as_ref(), Some(one), "not written yet");
    }
    append(&mut journal, 1, "a");
    journal.commit(&[]).unwrap();
    assert_eq!(journal.incident(1).unwrap().as_ref(), all.first());
    // What is not committed is not there.
    journal.set_incident(incident(9, IncidentState::Open));
    all
}

#[test]
fn they_are_there_again_and_those_that_are_over_are_only_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let all = fill(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let newest_first: Vec<Incident> = all.iter().rev().cloned().collect();
    let span = |from, until| {
        let at = |seconds| Timestamp::from_seconds(DAY + seconds);
        reader.incidents(Some((at(from), at(until))), 10).unwrap()
    };
    assert_eq!(span(0, 1_000), newest_first);
    assert_eq!(span(205, 300), newest_first[1..2], "something happened of it");
    assert_eq!(reader.incidents(None, 10).unwrap(), newest_first[..2]);
    assert_eq!(reader.incidents(None, 1).unwrap(), newest_first[..1]);
    assert_eq!(reader.incident(1).unwrap().as_ref(), all.first());
    assert_eq!(reader.incident(9).unwrap(), None);

    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!(recovery.incidents, all[1..]);
    assert_eq!((recovery.incident_last, recovery.losses.len()), (3, 0));
    // Too old, and over: but never the last, whose number is not given twice.
    let short = Policy { actions_age_s: 60, ..Policy::default() };
    journal.maintainer(short).maintain(Timestamp::from_seconds(DAY + 10_000)).unwrap();
    assert_eq!(reader.incident(1).unwrap(), None);
    assert_eq!(reader.incidents(None, 10).unwrap().len(), 2);
}

#[test]
fn one_that_is_damaged_is_told_and_takes_no_other_with_it() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let database = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    let mut blob: Vec<u8> = database
        .query_row("SELECT incident FROM incident WHERE id = 2", [], |row| row.get(0))
        .unwrap();
    for place in 0..blob.len() {
        blob[place] ^= 4;
        database.execute("UPDATE incident SET incident = ?1 WHERE id = 2", [&blob]).unwrap();
        assert_eq!(Reader::open(dir.path()).unwrap().incidents(None, 9).unwrap().len(), 1);
        blob[place] ^= 4;
    }
    drop(database);
    let (_, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((recovery.incidents.len(), recovery.losses.len()), (1, 1));
}

#[test]
fn they_are_saved_from_a_damaged_database() {
    let dir = tempfile::tempdir().unwrap();
    let all = fill(dir.path());
    drop(Journal::open(dir.path(), Options::default()).unwrap());
    let path = dir.path().join("journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..4096].fill(0x55);
    std::fs::write(&path, bytes).unwrap();
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert!(!recovery.losses.is_empty());
    assert_eq!(recovery.incidents, all[1..]);
    assert_eq!(replayed(&journal), [1]);
}
