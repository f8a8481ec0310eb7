//! Events and decisions for the tests, made from numbers so that a test can tell them apart.
#![allow(dead_code, reason = "not every test uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use event::{
    Decision, Event, Evidence, Expiry, Kind, Measure, Mode, Outcome, Protocol, Reason, Server,
    Subject, Text, Timestamp,
};
use std::net::{IpAddr, Ipv4Addr};
use store::{Journal, Record};

/// 2026-11-21T00:00:00Z.
pub const DAY: i64 = 1_795_219_200;

pub fn client(seq: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xC633_6400 | (seq % 200) as u32))
}

pub fn line(seq: u64) -> Vec<u8> {
    format!(
        "Nov 21 10:00:00 mx1 dovecot: imap-login: Disconnected (auth failed, 1 attempts): \
         user=<user{}@example.org>, method=PLAIN, rip={}, lip=192.0.2.1, session=<s{seq}>",
        seq % 50,
        client(seq)
    )
    .into_bytes()
}

/// A failed login; texts are pieces of the line, as a parser makes them.
pub fn event(seq: u64, line: &[u8]) -> Event<'_> {
    let piece = |from: &str, to: &str| {
        let text = str::from_utf8(line).unwrap();
        let start = text.find(from).unwrap() + from.len();
        let end = start + text[start..].find(to).unwrap();
        Text(&line[start..end])
    };
    let at = Timestamp::from_seconds(DAY + seq as i64);
    let mut event =
        Event::new(at, Server::Dovecot, piece("dovecot: ", ":"), Kind::Auth, Outcome::Rejected);
    event.protocol = Protocol::Imap;
    event.reason = Some(Reason::AuthFailed);
    event.hostile = true;
    event.client = Some(client(seq));
    event.account = Some(piece("user=<", ">"));
    event.session = Some(piece("session=<", ">"));
    event.mechanism = Some(piece("method=", ","));
    event.attempts = 1;
    event.pid = Some(seq as u32);
    event.known = (!seq.is_multiple_of(3)).then_some(seq % 3 == 1);
    event
}

pub fn append(journal: &mut Journal, seq: u64, source: &str) {
    let source = journal.source(source);
    let line = line(seq);
    journal.append_event(seq, source, &event(seq, &line), &line);
}

pub fn decision(seq: u64) -> Decision {
    Decision {
        at: Timestamp::from_seconds(DAY + seq as i64),
        measure: Measure::Ban,
        subject: Subject::Client(client(seq)),
        until: Some(Timestamp::from_seconds(DAY + seq as i64 + 600)),
        rule: "brute-force".into(),
        offence: 1,
        score: 8.5,
        mode: Mode::Enforce,
        evidence: Evidence::from_iter([seq]),
    }
}

pub fn expiry(seq: u64) -> Expiry {
    Expiry {
        at: Timestamp::from_seconds(DAY + seq as i64),
        subject: Subject::Client(client(seq)),
        measure: Measure::Ban,
        mode: Mode::Enforce,
        rule: "brute-force".into(),
        cause: "expired".into(),
    }
}

/// The lines of the events on record, in the journal's order.
pub fn replayed(journal: &Journal) -> Vec<u64> {
    let mut seqs = Vec::new();
    let done = journal
        .replay(store::Mark::default(), |record| {
            if let Record::Event { seq, event: found, line: bytes, .. } = record {
                let expected = line(*seq);
                assert_eq!(*bytes, expected);
                assert_eq!(*found, event(*seq, &expected));
                seqs.push(*seq);
            }
        })
        .unwrap();
    assert_eq!(done.losses, []);
    seqs
}
