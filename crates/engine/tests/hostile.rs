//! What somebody tries who knows how the engine works.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use engine::{Config, Engine, Input, Output};
use event::{Command, Order, Subject, Timestamp};

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
