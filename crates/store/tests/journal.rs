//! What is committed is there again, in order, once; questions find it in batches and segments.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use event::{Command, Network, Order, Outcome, Reason, Subject, Timestamp};
use proptest as _;
use store::{Filter, Journal, Line, Mark, Options, Policy, Reader, Record, StoreError, What};
use support::{DAY, append, client, decision, event, expiry, line, replayed};

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(DAY + seconds)
}

#[test]
fn what_was_committed_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((recovery.seq, recovery.holds.len(), recovery.losses.len()), (0, 0, 0));
    for seq in 1..=10 {
        append(&mut journal, seq, "file:/var/log/mail.log");
    }
    let source = journal.source("file:/var/log/mail.log");
    journal.append_line(11, source, Line::Noise);
    journal.append_line(12, source, Line::Unknown);
    journal.append_sample(12, source, "unknown format", b"\xff what");
    journal.append_decision(10, &decision(10));
    journal.append_decision(10, &decision(9));
    journal.append_expiry(10, &expiry(9));
    let command = Command {
        at: later(11),
        operator: "root".into(),
        reason: "a partner".into(),
        order: Order::Unban { subject: Subject::Client(client(3)) },
    };
    journal.append_command(12, &command);
    let done = journal.commit(&[("file:/var/log/mail.log", "1:2:333")]).unwrap();
    assert_eq!(done.mark, Mark { batch: 1, seq: 12 });
    assert_eq!(done.records, 14);
    append(&mut journal, 13, "stdin");
    drop(journal);

    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!(recovery.seq, 12, "the line after the commit is not on record");
    assert_eq!(recovery.positions.len(), 1);
    assert_eq!(recovery.positions[0].position, "1:2:333");
    assert_eq!(recovery.holds, [decision(10)]);
    assert_eq!(recovery.losses, []);
    assert_eq!(replayed(&journal), (1..=10).collect::<Vec<_>>());

    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.holds().unwrap(), [decision(10)]);
    assert_eq!(reader.audit(10).unwrap()[0].command, command);
    assert_eq!(reader.samples(10).unwrap()[0].line, b"\xff what");
    let sources = reader.sources().unwrap();
    let counts = sources[0].counts;
    assert_eq!((counts.lines, counts.events, counts.noise, counts.unknown), (12, 10, 1, 1));
    let counts = reader.counts(later(0), later(3600)).unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!((counts[0].events, counts[0].outcome), (10, Outcome::Rejected));
}

#[test]
fn a_second_writer_is_held_off() {
    let dir = tempfile::tempdir().unwrap();
    let (_journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let second = Journal::open(dir.path(), Options::default());
    assert!(matches!(second, Err(StoreError::InUse { .. })));
}

#[test]
fn checkpoints_are_loaded_and_replay_goes_on_behind_them() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    for seq in 1..=5 {
        append(&mut journal, seq, "a");
        journal.commit(&[]).unwrap();
        journal.checkpoint(format!("state {seq}").as_bytes()).unwrap();
    }
    append(&mut journal, 6, "a");
    assert!(matches!(journal.checkpoint(b"x"), Err(StoreError::NotCommitted)));
    journal.commit(&[]).unwrap();
    drop(journal);
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!(recovery.checkpoints.len(), 3);
    let newest = &recovery.checkpoints[0];
    assert_eq!(newest.load().unwrap(), b"state 5");
    let mut seen = Vec::new();
    journal.replay(newest.mark, |record| seen.extend(record.seq())).unwrap();
    assert_eq!(seen, [6]);
    let mut bytes = std::fs::read(&newest.path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&newest.path, bytes).unwrap();
    assert!(matches!(newest.load(), Err(StoreError::Damaged { .. })));
    assert_eq!(recovery.checkpoints[1].load().unwrap(), b"state 4");
}

/// Events and decisions of many commits, some in segments, some in batches.
fn filled(dir: &std::path::Path) -> (Journal, Policy) {
    let (mut journal, _) = Journal::open(dir, Options::default()).unwrap();
    let policy = Policy { segment_records: 1000, ..Policy::default() };
    let mut maintainer = journal.maintainer(policy);
    for seq in 1..=5000 {
        append(&mut journal, seq, "a");
        if seq.is_multiple_of(500) {
            journal.append_decision(seq, &decision(seq));
        }
        if seq.is_multiple_of(100) {
            journal.commit(&[("a", &seq.to_string())]).unwrap();
        }
        if seq.is_multiple_of(1500) {
            maintainer.maintain(later(seq as i64)).unwrap();
        }
    }
    (journal, policy)
}

/// The answer, 97 rows at a time.
fn in_pages(reader: &Reader, mut filter: Filter) -> Vec<u64> {
    let mut seqs = Vec::new();
    loop {
        let page = reader.query(&filter, 97).unwrap();
        seqs.extend(page.rows.iter().filter_map(store::Row::seq));
        let Some(last) = page.rows.last().filter(|_| page.cut) else { return seqs };
        let again: store::Cursor = last.cursor().to_string().parse().unwrap();
        filter.before = Some(again);
    }
}

/// The answer by searches that are given up as early as can be, each going on where the one before
/// stopped.
fn in_parts(reader: &Reader, mut filter: Filter) -> Vec<u64> {
    let mut seqs = Vec::new();
    let mut parts = 0;
    loop {
        let search = store::Search { is_enough: &|| true, with_lines: true };
        let part = reader.search(&filter, 10_000, search).unwrap();
        seqs.extend(part.rows.iter().filter_map(store::Row::seq));
        parts += 1;
        let Some(stopped) = part.stopped else {
            assert!(parts > 1, "nothing was given up");
            return seqs;
        };
        filter.before = Some(stopped);
    }
}

/// Which lines a question is to find.
type Wanted = Box<dyn Fn(u64) -> bool>;

#[test]
fn questions_find_the_same_in_batches_and_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (_journal, _) = filled(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let statistics = reader.statistics().unwrap();
    assert!(statistics.segments >= 4 && statistics.records_hot > 0, "{statistics:?}");
    assert_eq!(statistics.records_hot + statistics.records_history, 5010);

    let all = reader.query(&Filter::default(), 10_000).unwrap();
    assert_eq!(all.losses, []);
    let seqs: Vec<u64> = all.rows.iter().filter_map(store::Row::seq).collect();
    assert_eq!(seqs, (1..=5000).rev().collect::<Vec<_>>());
    for row in &all.rows {
        let seq = row.seq().unwrap();
        let expected = line(seq);
        assert_eq!(row.line(), Some(expected.as_slice()));
        assert_eq!(row.event(), Some(event(seq, &expected)), "every field survives");
        assert_eq!(row.source(), "a");
    }
    let questions: [(Filter, Wanted); 8] = [
        (
            Filter { client: Some(event::Network::host(client(7))), ..Filter::default() },
            Box::new(|seq| client(seq) == client(7)),
        ),
        (
            Filter { client: Some("198.51.100.64/26".parse().unwrap()), ..Filter::default() },
            Box::new(|seq| (64..128).contains(&(seq % 200))),
        ),
        (
            Filter { account: Some(b"USER9@example.org".to_vec()), ..Filter::default() },
            Box::new(|seq| seq % 50 == 9),
        ),
        (
            Filter { from: Some(later(1400)), until: Some(later(1700)), ..Filter::default() },
            Box::new(|seq| (1400..1700).contains(&seq)),
        ),
        (
            Filter { text: Some(b"SESSION=<S4711>".to_vec()), ..Filter::default() },
            Box::new(|seq| seq == 4711),
        ),
        (Filter::lines(&[3, 999, 4999]), Box::new(|seq| [3, 999, 4999].contains(&seq))),
        (
            Filter { reason: Some(Reason::AuthFailed), hostile: Some(true), ..Filter::default() },
            Box::new(|_| true),
        ),
        (Filter { outcome: Some(Outcome::Allowed), ..Filter::default() }, Box::new(|_| false)),
    ];
    for (filter, expected) in questions {
        let found = reader.query(&filter, 10_000).unwrap();
        let seqs: Vec<u64> = found.rows.iter().filter_map(store::Row::seq).collect();
        let wanted: Vec<u64> = (1..=5000).rev().filter(|seq| expected(*seq)).collect();
        assert_eq!(seqs, wanted, "{filter:?}");
        let few = reader.query(&filter, 7).unwrap();
        assert_eq!(few.rows[..], found.rows[..found.rows.len().min(7)], "the newest ones");
    }
    let top = reader.top_clients(&Filter::default(), 3).unwrap();
    assert_eq!((top.clients.len(), top.clients[0].1, top.losses.len()), (3, 25, 0));
}

#[test]
fn terms_find_the_same_in_batches_and_segments_and_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let (_journal, _) = filled(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let terms: [(&str, Wanted); 9] = [
        ("account:user9@example.org", Box::new(|seq| seq % 50 == 9)),
        ("account:user9*,USER7@*", Box::new(|seq| [7, 9].contains(&(seq % 50)))),
        ("account!=user9@*", Box::new(|seq| seq % 50 != 9)),
        (
            "client:198.51.100.64/26 client!=198.51.100.64",
            Box::new(|seq| (65..128).contains(&(seq % 200))),
        ),
        ("S<none>", Box::new(|_| false)),
        (
            "\"session=<s47\" -\"session=<s471\"",
            Box::new(|seq| {
                seq == 47
                    || (470..480).contains(&seq) && seq != 471
                    || (4700..4800).contains(&seq) && !(4710..4720).contains(&seq)
            }),
        ),
        (
            "outcome:rejected,dropped reason:auth-failed server:dovecot hostile:yes",
            Box::new(|_| true),
        ),
        (
            "country!=DE operator:none sender:none helo:none host:none service:imap-login",
            Box::new(|_| true),
        ),
        ("outcome!=rejected", Box::new(|_| false)),
    ];
    for (text, expected) in terms {
        let filter = Filter::of_terms(&store::terms::parse(text).unwrap());
        let found = reader.query(&filter, 10_000).unwrap();
        let seqs: Vec<u64> = found.rows.iter().filter_map(store::Row::seq).collect();
        let wanted: Vec<u64> = (1..=5000).rev().filter(|seq| expected(*seq)).collect();
        assert_eq!(seqs, wanted, "{text}");
        assert_eq!(in_pages(&reader, filter.clone()), wanted, "{text}, page by page");
        assert_eq!(in_parts(&reader, filter), wanted, "{text}, in searches that are given up");
    }
}

#[test]
fn a_story_holds_events_and_decisions_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (_journal, _) = filled(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let story = reader.story(&Subject::Client(client(500)), 1000).unwrap();
    let kinds: Vec<_> =
        story.rows.iter().map(|row| (row.seq().unwrap(), row.record().unwrap().name())).collect();
    let mut expected = Vec::new();
    for seq in (1..=5000).filter(|seq| client(*seq) == client(500)) {
        expected.push((seq, "event"));
        if seq.is_multiple_of(500) {
            expected.push((seq, "decision"));
        }
    }
    assert_eq!(kinds, expected);
    let decisions = reader.actions(100).unwrap();
    assert_eq!(decisions.rows.len(), 10);
    assert!(matches!(decisions.rows[0].record(), Some(Record::Decision { seq: 5000, .. })));
    let of_actions = Filter { what: What::Actions, ..Filter::about(Subject::Client(client(500))) };
    assert_eq!(reader.query(&of_actions, 100).unwrap().rows.len(), 5);
}

#[test]
fn retention_deletes_by_age_and_by_size() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, policy) = filled(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let before = reader.statistics().unwrap();
    let small = Policy { history_bytes: before.bytes_segments / 2, ..policy };
    journal.maintainer(small).maintain(later(5000)).unwrap();
    let after = reader.statistics().unwrap();
    assert!(after.bytes_segments <= before.bytes_segments / 2 && after.segments > 0);
    let oldest = reader.query(&Filter::default(), 10_000).unwrap().rows;
    assert!(oldest.last().unwrap().seq().unwrap() > 1000, "the oldest gave way");
    assert_eq!(reader.actions(100).unwrap().rows.len(), 10, "decisions are kept longer");

    let old = Policy { events_age_s: 3600, segment_age_s: 60, ..policy };
    journal.maintainer(old).maintain(later(40 * 86_400)).unwrap();
    assert_eq!(reader.query(&Filter::default(), 10).unwrap().rows.len(), 0);
    assert_eq!(reader.actions(100).unwrap().rows.len(), 10, "decisions are kept longer");
    journal.maintainer(old).maintain(later(500 * 86_400)).unwrap();
    assert_eq!(reader.actions(100).unwrap().rows.len(), 0);
    let files = std::fs::read_dir(dir.path()).unwrap();
    let left =
        files.flatten().filter(|file| file.path().extension().is_some_and(|e| e == "parquet"));
    assert_eq!(left.count(), 0);
}

#[test]
fn batches_stay_until_two_checkpoints_have_passed_them() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, policy) = filled(dir.path());
    assert_eq!(replayed(&journal).len(), 5000, "no checkpoint yet: all is kept");
    journal.checkpoint(b"one").unwrap();
    let mut maintainer = journal.maintainer(Policy { segment_age_s: 0, ..policy });
    assert_eq!(maintainer.maintain(later(9000)).unwrap().batches_deleted, 0);
    append(&mut journal, 5001, "a");
    journal.commit(&[]).unwrap();
    journal.checkpoint(b"two").unwrap();
    assert_eq!(maintainer.maintain(later(9000)).unwrap().batches_deleted, 50);
    drop(journal);
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!(recovery.seq, 5001);
    for checkpoint in &recovery.checkpoints {
        let done = journal.replay(checkpoint.mark, |_| ()).unwrap();
        assert_eq!(done.losses, []);
    }
    let done = journal.replay(Mark::default(), |_| ()).unwrap();
    assert_eq!(done.losses.len(), 1, "what a replay from the start misses is told");
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.query(&Filter::default(), 10_000).unwrap().rows.len(), 5001);
}

#[test]
fn sources_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    for number in 0..Journal::SOURCES_MAX + 50 {
        journal.source(&format!("source {number}"));
    }
    let last = journal.source("one more");
    assert_eq!(last.0 as usize, Journal::SOURCES_MAX);
    journal.commit(&[]).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.sources().unwrap().len(), Journal::SOURCES_MAX);
}

/// A journal as format 1 had it: without summaries.
fn made_older(dir: &std::path::Path) {
    let database = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    database
        .execute_batch(
            "DROP TABLE summary; DROP TABLE rolled; DROP TABLE series; DROP TABLE rollup;
             DROP TABLE leader; DROP TABLE turn; DROP TABLE incident; PRAGMA user_version = 1",
        )
        .unwrap();
}

#[test]
fn a_journal_of_the_first_format_is_read_and_brought_up() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    made_older(dir.path());
    let wanted = Filter { client: Some(Network::host(client(7))), ..Filter::default() };
    let answer = |dir| {
        let found = Reader::open(dir).unwrap().query(&wanted, 10_000).unwrap();
        assert_eq!(found.losses, []);
        found.rows.iter().filter_map(store::Row::seq).collect::<Vec<_>>()
    };
    let before = answer(dir.path());
    assert_eq!(before.len(), 25);
    let database = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), 1, "a reader changes nothing");

    let (mut journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((recovery.seq, recovery.losses.len(), recovery.holds.len()), (5000, 0, 2));
    assert_eq!(number("PRAGMA user_version"), 4);
    assert_eq!(answer(dir.path()), before, "before there are summaries");
    for seq in 5001..=9000 {
        append(&mut journal, seq, "a");
        journal.commit(&[]).unwrap();
    }
    let hot = Policy { segment_records: u64::MAX, ..Policy::default() };
    journal.maintainer(hot).maintain(later(9000)).unwrap();
    assert!(number("SELECT count(*) FROM summary") > 2);
    let now = answer(dir.path());
    assert_eq!(now.len(), 45);
    assert_eq!(now[20..], before);
    drop(journal);
    let (journal, recovery) = Journal::open(dir.path(), Options::default()).unwrap();
    assert_eq!((recovery.seq, recovery.losses.len()), (9000, 0));
    drop(journal);
}

/// Batches that no answer can be in are not read: they can be damaged and nobody notices.
#[test]
fn batches_without_an_answer_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let hot = Policy { segment_records: u64::MAX, ..Policy::default() };
    let mut maintainer = journal.maintainer(hot);
    // With the decision 4096 records: four runs.
    for seq in 1..=4095 {
        append(&mut journal, seq, "a");
        if seq == 2000 {
            journal.append_decision(seq, &wide());
        }
        journal.commit(&[]).unwrap();
    }
    maintainer.maintain(later(0)).unwrap();
    // From here on there is no summary.
    append(&mut journal, 4096, "a");
    journal.commit(&[]).unwrap();
    let database = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    database.execute("UPDATE batch SET data = x'00' WHERE id <= 4095", []).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let losses = |filter: Filter| reader.query(&filter, 10_000).unwrap().losses.len();
    let base = Filter::default();
    assert_eq!(losses(base.clone()), 20, "all of them, as far as they are told one by one");
    for absent in ["192.0.2.1", "192.0.2.0/24", "192.0.0.0/18", "2001:db8::/48"] {
        let client = Some(absent.parse().unwrap());
        assert_eq!(losses(Filter { client, ..base.clone() }), 0, "{absent}");
    }
    let account = Some(b"nobody@example.org".to_vec());
    assert_eq!(losses(Filter { account, ..base.clone() }), 0);
    let reason = Some(Reason::RelayDenied);
    assert_eq!(losses(Filter { reason, ..base.clone() }), 0);
    assert_eq!(losses(Filter { from: Some(later(4096)), ..base.clone() }), 0);
    assert_eq!(losses(Filter { until: Some(later(0)), ..base.clone() }), 0);
    assert_eq!(losses(Filter::lines(&[4096])), 0);
    let inside = Filter::about(Subject::Client("203.0.113.9".parse().unwrap()));
    assert_eq!(losses(inside), 20, "a network around it was banned");
    let there = Filter { account: Some(b"USER7@example.org".to_vec()), ..base };
    assert_eq!(losses(there), 20);
}

fn wide() -> event::Decision {
    let subject = Subject::Network("203.0.112.0/20".parse().unwrap());
    event::Decision { subject, ..decision(2000) }
}

#[test]
fn what_became_history_has_no_summary_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, policy) = filled(dir.path());
    for seq in 5001..=9000 {
        append(&mut journal, seq, "a");
    }
    journal.commit(&[]).unwrap();
    journal.maintainer(Policy { segment_records: u64::MAX, ..policy }).maintain(later(0)).unwrap();
    let database = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    let summaries = || {
        let count = "SELECT count(*) FROM summary";
        database.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_ne!(summaries(), 0);
    journal.maintainer(policy).maintain(later(0)).unwrap();
    assert_eq!(summaries(), 0);
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.query(&Filter::default(), 10_000).unwrap().rows.len(), 9000);
}

#[test]
fn an_event_is_in_history_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Options::default()).unwrap();
    let line = line(1);
    let mut full = event(1, &line);
    let text = |text: &'static str| Some(event::Text::from(text));
    (full.host, full.queue_id, full.sender) = (text("mx1"), text("4D3C66C6"), text("a@b.example"));
    (full.recipient, full.helo, full.secret_tag) = (text("c@d.example"), text("[x]"), text("ab12"));
    (full.mail_subject, full.spam_score) = (text("=?utf-8?q?hi?="), text("7.2/15"));
    (full.query_name, full.query_type, full.detail) = (text("d.example"), text("MX"), text("why"));
    (full.recipients, full.times, full.forwarded) = (17, 3, Some(client(9)));
    full.origin = event::Origin { operator: 64_500, country: *b"DE" };
    full.commands = Some(event::CommandCounts { auth_all: 3, all: 5, ..Default::default() });
    let source = journal.source("a");
    journal.append_event(1, source, &full, &line);
    journal.commit(&[]).unwrap();
    let policy = Policy { segment_records: 1, ..Policy::default() };
    journal.maintainer(policy).maintain(later(1)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.statistics().unwrap().records_hot, 0);
    let found = reader.query(&Filter::default(), 10).unwrap();
    assert_eq!(found.rows[0].event().unwrap(), full);
}
