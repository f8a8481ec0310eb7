//! What somebody tries who knows how the engine works.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use engine::{Config, Engine, Input, KEYS, Output, Value, ValueKind};
use event::{
    Command, Event, Kind, Order, Outcome, Reason, Server, Subject, Text, Timestamp, Vocabulary,
};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// 2026-11-02T08:00:00Z.
const START: Timestamp = Timestamp(1_793_606_400_000_000);

fn subject(text: &str) -> Subject {
    Subject::Client(text.parse().unwrap())
}

fn order(engine: &mut Engine, at: Timestamp, order: Order) -> Vec<Output> {
    let command = Command { at, operator: "test".into(), reason: "".into(), order };
    let mut out = Vec::new();
    engine.step(0, &Input::Command(&command), &mut out);
    out
}

fn ban(engine: &mut Engine, at: Timestamp, client: &str, duration_s: u32) -> Vec<Output> {
    let duration_s = Some(duration_s);
    order(engine, at, Order::Ban { subject: subject(client), duration_s })
}

fn ended(out: &[Output], cause: &str) -> Vec<String> {
    out.iter()
        .filter_map(|output| match output {
            Output::Expiry(expiry) if expiry.cause == cause => Some(expiry.subject.to_string()),
            _ => None,
        })
        .collect()
}

/// The end that a decision had before it was renewed, or before its subject was banned anew, says
/// nothing of which decision is to give way.
#[test]
fn what_gives_way_is_what_ends_first_and_not_what_once_did() {
    let mut config = Config::default();
    config.table.bans = 2;
    let mut engine = Engine::new(config);
    ban(&mut engine, START, "198.51.100.1", 10);
    ban(&mut engine, START, "198.51.100.1", 5000);
    ban(&mut engine, START, "198.51.100.2", 20);
    order(&mut engine, START, Order::Unban { subject: subject("198.51.100.2") });
    ban(&mut engine, START, "198.51.100.2", 4000);
    assert_eq!(engine.statistics().timers, 2);
    let out = ban(&mut engine, START, "198.51.100.3", 3000);
    assert_eq!(ended(&out, "capacity"), ["198.51.100.3"]);
    let mut out = Vec::new();
    engine.step(0, &Input::Tick(START.plus_seconds(4500)), &mut out);
    assert_eq!(ended(&out, "expired"), ["198.51.100.2"]);
}

fn failure(server: Server, at: Timestamp, client: IpAddr, name: &str) -> Event<'_> {
    Event {
        reason: Some(Reason::AuthFailed),
        hostile: true,
        client: Some(client),
        account: Some(Text(name.as_bytes())),
        attempts: 1,
        ..Event::new(at, server, Text(b"smtp"), Kind::Auth, Outcome::Rejected)
    }
}

/// Exim's main log and its reject log, read one after the other: what the second tells is known.
#[test]
fn a_second_log_of_exim_tells_nothing_new() {
    let client: IpAddr = "203.0.113.4".parse().unwrap();
    let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
    let mut scores = Vec::new();
    for _ in 0..2 {
        for second in 0..7 {
            let event = failure(Server::Exim, START.plus_seconds(second), client, "dave");
            engine.step(1, &Input::Event(&event), &mut out);
        }
        scores.push(engine.explain(&Subject::Client(client)).scores);
    }
    assert_eq!(scores[0], scores[1]);
    assert!(out.is_empty(), "{out:?}");
    // Each log by itself is enough.
    for second in 0..20 {
        let event = failure(Server::Exim, START.plus_seconds(60 + second), client, "dave");
        engine.step(2, &Input::Event(&event), &mut out);
    }
    assert!(out.iter().any(|output| matches!(output, Output::Decision(_))));
}

/// A syslog daemon writes one line for those of Exim's that are the same, both logs' among them:
/// two attempts are four lines, and a fast guesser counts half at least.
#[test]
fn what_exim_tells_by_a_daemon_that_merges_lines_counts() {
    let client: IpAddr = "203.0.113.4".parse().unwrap();
    let score = |times: &[u32]| {
        let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
        for times in times.iter().copied() {
            let event = failure(Server::Exim, START, client, "dave");
            let event = Event { times, attempts: times, ..event };
            engine.step(1, &Input::Event(&event), &mut out);
        }
        let scores = engine.explain(&Subject::Client(client)).scores;
        let is_ban = |output: &Output| matches!(output, Output::Decision(_));
        (scores.into_iter().map(|score| score.score).sum::<f32>(), out.iter().any(is_ban))
    };
    let two = score(&[1, 1, 1, 1]);
    assert!(two.0 > score(&[1, 1]).0);
    for told in [[1, 3].as_slice(), &[2, 2], &[3, 1], &[4]] {
        assert!((score(told).0 - two.0).abs() < 0.01, "{told:?}");
    }
    assert!(score(&[1, 60]).1, "a guesser");
}

/// Somebody moves through all of his /48 and tries the accounts of others, with their names and
/// addresses in whatever he says: of his own prefix all that he used is banned, of anybody else
/// nobody.
#[test]
fn who_rotates_through_a_prefix_has_only_his_own_banned() {
    let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
    let names = ["alice", "bob", "carol", "203.0.113.5", "[2001:db8:2::5]"];
    for number in 0..3000u32 {
        let subnet = (number * 7 % 65_536) as u16;
        let client = Ipv6Addr::new(0x2001, 0xdb8, 1, subnet, 0, 0, 0, number as u16);
        let name = names[number as usize % 5];
        let event = Event {
            helo: Some(Text(b"203.0.113.5")),
            detail: Some(Text(b"client=203.0.113.5 rip=203.0.113.5")),
            ..failure(Server::Dovecot, START.plus_seconds(number.into()), client.into(), name)
        };
        engine.step(u64::from(number), &Input::Event(&event), &mut out);
    }
    let own: event::Network = "2001:db8:1::/48".parse().unwrap();
    let decisions: Vec<&Subject> = out
        .iter()
        .filter_map(|output| match output {
            Output::Decision(decision) => Some(&decision.subject),
            _ => None,
        })
        .collect();
    assert!(decisions.contains(&&Subject::Network(own)), "{} decisions", decisions.len());
    for subject in decisions {
        let network = subject.network().unwrap();
        assert!(own.contains(network.address()) && network.prefix() >= 48, "{subject}");
    }
}

/// Strangers that come once do not wash a slow guesser out of a full table.
#[test]
fn a_flood_of_strangers_does_not_hide_a_slow_guesser() {
    let mut config = Config::default();
    config.table.clients = 512;
    let (mut engine, mut out) = (Engine::new(config), Vec::new());
    let guesser: IpAddr = "198.51.100.7".parse().unwrap();
    let mut stranger = 0u32;
    for turn in 0..20 {
        let at = START.plus_seconds(turn * 900);
        engine.step(1, &Input::Event(&failure(Server::Dovecot, at, guesser, "info")), &mut out);
        for _ in 0..400 {
            stranger += 1;
            let client = IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + stranger * 257));
            let name = format!("u{stranger}");
            engine.step(2, &Input::Event(&failure(Server::Dovecot, at, client, &name)), &mut out);
        }
    }
    let banned = out.iter().any(|output| match output {
        Output::Decision(decision) => decision.subject == Subject::Client(guesser),
        _ => false,
    });
    assert!(banned);
}

/// A configuration with every number at one end of what it may be, or beyond what its key allows.
fn extreme(choices: &[u8]) -> Config {
    let mut config = Config { bait_accounts: vec!["bait".into()], ..Config::default() };
    for (key, choice) in KEYS.iter().zip(choices.iter().cycle()) {
        let number = match choice % 4 {
            0 => key.min,
            1 => key.max,
            _ => continue,
        };
        let value = match key.kind {
            ValueKind::Integer => Value::Integer(number as i64),
            ValueKind::Float => Value::Float(number),
            _ => continue,
        };
        // The largest tables would only cost memory.
        if !key.path.starts_with("table.") || *choice == 0 {
            key.set(&mut config, &value).unwrap();
        }
    }
    for (choice, number) in choices.iter().zip([0, u32::MAX, 0, u32::MAX, 0, u32::MAX]) {
        match choice {
            40..60 => config.password_spray.window_s = number,
            60..80 => config.slow_guessing.rule.half_life_s = number,
            80..100 => config.distributed_guessing.grace_s = number,
            100..120 => config.prefix.window_s = number,
            120..140 => config.ban.growth = number,
            140..160 => config.known_good_days = number,
            160..180 => config.table.bans = number.min(3),
            180..200 => config.connection_flood.rule.score_max = engine::Points(number),
            200..220 => config.slow_guessing.device_factor = number,
            220..240 => config.distributed_guessing.window_s = number,
            _ => {}
        }
    }
    config
}

fn any_stamp() -> impl Strategy<Value = i64> {
    let ends = prop::sample::select(vec![
        i64::MIN,
        i64::MIN + 1,
        -1,
        0,
        1,
        4_070_908_800_000_000,
        4_294_967_295_000_000,
        4_294_967_296_000_000,
        i64::MAX - 1,
        i64::MAX,
    ]);
    prop_oneof![1 => ends, 1 => any::<i64>(), 8 => (0..900i64).prop_map(|s| START.0 + s * 1_000_000)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_stamp_and_no_setting_is_a_reason_to_panic(
        choices in prop::collection::vec(any::<u8>(), 6..120),
        steps in prop::collection::vec(
            (any_stamp(), 0..12u8, 0..30u8, 0..6u8, prop_oneof![Just(1), Just(u32::MAX), any::<u32>()]),
            0..200,
        ),
    ) {
        let config = extreme(&choices);
        let (mut engine, mut out) = (Engine::new(config.clone()), Vec::new());
        for (number, (at, kind, client, account, attempts)) in steps.into_iter().enumerate() {
            let client = match client {
                0..25 => IpAddr::V4(Ipv4Addr::new(198, 51, 100, client)),
                _ => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, client.into(), 0, 0, 0, 1)),
            };
            let name = ["a", "b", "c", "d", "bait", ""][usize::from(account)];
            let server = Server::ALL[usize::from(kind) % Server::ALL.len()];
            let rejected = failure(server, Timestamp(at), client, name);
            let event = match kind {
                0..6 => Event { attempts, ..rejected },
                6 => Event { outcome: Outcome::Allowed, reason: None, hostile: false, ..rejected },
                7 => Event { kind: Kind::Connect, outcome: Outcome::Allowed, ..rejected },
                8 => Event { kind: Kind::Disconnect, attempts, ..rejected },
                _ => {
                    let reason = Reason::ALL[attempts as usize % Reason::ALL.len()];
                    Event { kind: Kind::Envelope, attempts: 0, reason: Some(reason), ..rejected }
                }
            };
            engine.step(number as u64, &Input::Event(&event), &mut out);
            if number % 50 == 49 {
                let duration_s = Some(attempts);
                let subject = Subject::Client(client);
                order(&mut engine, Timestamp(at), Order::Ban { subject, duration_s });
                engine.explain(&Subject::Client(client));
                let mut bytes = Vec::new();
                engine.checkpoint(&mut bytes);
                engine = Engine::restore(&bytes, config.clone()).unwrap();
            }
        }
        engine.finish(&mut out);
    }
}
