//! Writes a journal until it is killed: the child of the tests `killed` and `beside`. After each
//! commit it says on standard output up to which line everything is on record.
//!
//! `writer DIR [SEGMENTS]`: keeps so many segments at most; without the number, all.

use event::{
    Decision, Event, Evidence, Expiry, Kind, Measure, Mode, Outcome, Reason, Server, Subject, Text,
    Timestamp,
};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use store::{Journal, Maintainer, Options, Policy, StoreError};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("writer DIR [SEGMENTS]")?;
    let (mut journal, recovery) = Journal::open(Path::new(&dir), Options::default())?;
    let segments = std::env::args().nth(2).map_or(Ok(u64::MAX), |count| count.parse())?;
    let policy = Policy { segment_records: 700, segments, ..Policy::default() };
    let maintainer = journal.maintainer(policy);
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::spawn(move || {
        maintain(maintainer, || stopped.recv_timeout(Duration::from_millis(3)))
    });
    let mut seq = recovery.seq;
    let mut out = std::io::stdout();
    // The number of lines between two commits varies, from one to a few hundred.
    for round in seq.. {
        for _ in 0..1 + round * 7 % 300 {
            seq += 1;
            append(&mut journal, seq);
        }
        let done = journal.commit(&[("log", &seq.to_string())])?;
        writeln!(out, "{}", done.mark.seq)?;
        out.flush()?;
        if round.is_multiple_of(9) {
            journal.checkpoint(&seq.to_le_bytes())?;
        }
    }
    drop(stop);
    let _ = thread.join();
    Ok(())
}

fn maintain(
    mut maintainer: Maintainer,
    wait: impl Fn() -> Result<(), RecvTimeoutError>,
) -> Result<(), StoreError> {
    while wait() == Err(RecvTimeoutError::Timeout) {
        maintainer.maintain(Timestamp::from_seconds(1_795_219_200))?;
    }
    Ok(())
}

/// Each line is an event; each tenth bans its client, and each tenth after five lifts it.
fn append(journal: &mut Journal, seq: u64) {
    let source = journal.source("log");
    let line = format!("line {seq}");
    let at = Timestamp::from_seconds(1_795_219_200);
    let mut event = Event::new(at, Server::Exim, Text(b"smtp"), Kind::Auth, Outcome::Rejected);
    event.reason = Some(Reason::AuthFailed);
    event.account = Some(Text(line.as_bytes()));
    journal.append_event(seq, source, &event, line.as_bytes());
    let subject = |seq: u64| Subject::Client(Ipv4Addr::from_bits(seq as u32).into());
    let (measure, rule) = (Measure::Ban, "test");
    if seq.is_multiple_of(10) {
        let decision = Decision {
            at,
            measure,
            subject: subject(seq),
            until: None,
            rule: rule.into(),
            offence: 1,
            score: 1.0,
            mode: Mode::Enforce,
            evidence: Evidence::from_iter([seq]),
        };
        journal.append_decision(seq, &decision);
    }
    if seq % 10 == 5 && seq > 105 {
        let subject = subject(seq - 105);
        let expiry = Expiry {
            at,
            subject,
            measure,
            mode: Mode::Enforce,
            rule: rule.into(),
            cause: "expired".into(),
        };
        journal.append_expiry(seq, &expiry);
    }
}
