//! Visits that try every door, whatever the key of the hash is.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use engine::{Config, Engine, Input, Output};
use event::{Event, Kind, Outcome, Reason, Server, Text, Timestamp};
use std::net::IpAddr;

const START: Timestamp = Timestamp(1_793_606_400_000_000);

/// Who connects to each of these and leaves, `turns` times, a second apart: whether he is found.
fn is_found(seed: u64, services: &[&str], turns: i64) -> bool {
    let config = Config { seed, ..Config::default() };
    let (mut engine, mut out) = (Engine::new(config), Vec::new());
    let client: IpAddr = "203.0.113.4".parse().unwrap();
    let mut second = 0;
    for _ in 0..turns {
        for service in services {
            second += 1;
            let at = START.plus_seconds(second);
            let event = Event {
                reason: Some(Reason::ConnectionLost),
                client: Some(client),
                ..Event::new(
                    at,
                    Server::Postfix,
                    Text(service.as_bytes()),
                    Kind::Disconnect,
                    Outcome::Allowed,
                )
            };
            engine.step(second as u64, &Input::Event(&event), &mut out);
        }
    }
    out.iter()
        .any(|output| matches!(output, Output::Finding(finding) if finding.detector == "scan"))
}

const FOUR: [&str; 4] = ["smtpd", "submission/smtpd", "imap-login", "pop3-login"];

#[test]
fn four_services_are_four_under_every_key() {
    let missed = (0..2000).filter(|seed| !is_found(*seed, &FOUR, 2)).count();
    assert_eq!(missed, 0);
}

#[test]
fn three_services_are_not_four_under_any_key() {
    let found = (0..500).filter(|seed| is_found(*seed, &FOUR[..3], 6)).count();
    assert_eq!(found, 0);
}

/// More services than are told apart: who tries them all is found all the same.
#[test]
fn many_services_are_many() {
    let names: Vec<String> = (0..100).map(|number| format!("service{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!((0..100).all(|seed| is_found(seed, &names, 2)));
}
