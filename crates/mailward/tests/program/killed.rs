//! Killed at random points while a log is written, and started again: the end is the same as that
//! of a run that was never killed.

use crate::world::{Place, World, attack, children, failed, now, signal, stamp, wait_until};
use event::Timestamp;
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

const KILLS: usize = 50;

/// Numbers that look random (Marsaglia 2003, "Xorshift RNGs").
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Attackers, honest users with typos, noise and rubbish, as if written in the last hour.
fn log() -> Vec<String> {
    let begin = now().plus_seconds(-3_600);
    let mut lines = Vec::new();
    for minute in 0..55 {
        let at = begin.plus_seconds(minute * 60);
        let text = attack(at.plus_seconds(5), &format!("198.18.{minute}.7"));
        lines.extend(text.split_inclusive('\n').map(str::to_owned));
        lines.push(failed(
            at.plus_seconds(9),
            &format!("198.51.100.{}", minute % 5),
            "bob@example.org",
        ));
        lines.push(format!(
            "{} mail postfix/qmgr[9]: 4FBC2{minute}: removed\n",
            stamp(at.plus_seconds(10))
        ));
        lines.push(format!("rubbish number {minute}\n"));
    }
    lines
}

/// What must be the same: bans, findings and decisions, and every event once.
#[derive(PartialEq, Debug)]
struct End {
    bans: Vec<Value>,
    actions: Vec<Value>,
    events: Vec<Value>,
}

fn end(world: &World) -> End {
    let mut actions = world.objects(&["query", "--actions", "--limit", "100000"]);
    actions.retain(|action| action["type"] == "finding" || action["type"] == "decision");
    End {
        bans: world.objects(&["bans"]),
        actions,
        events: world.objects(&["query", "--limit", "100000"]),
    }
}

fn unkilled(lines: &[String]) -> End {
    let world = World::with("source.from_beginning = true");
    world.append(&lines.concat());
    let guard = world.guard(Place::Powerless);
    guard.reads(lines.len() as u64);
    guard.stop();
    comparable(end(&world))
}

/// The two runs had logs of different names.
fn comparable(mut end: End) -> End {
    for event in &mut end.events {
        event["source"] = Value::Null;
    }
    end
}

#[test]
fn fifty_kills_lose_no_line_double_none_and_change_no_decision() {
    let seed = now().0.cast_unsigned() | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    let lines = log();
    let world = World::with("source.from_beginning = true");
    let mut left = lines.iter();
    for kill in 0..KILLS {
        let guard = world.start(Place::Powerless);
        let share = lines.len() / KILLS;
        let mut text: String = left.by_ref().take(share).map(String::as_str).collect();
        // Now and then only part of a line is there when it dies.
        let rest =
            if random.below(2) == 0 { text.split_off(text.len() / 2) } else { String::new() };
        world.append(&text);
        // It is hit while it starts, opens the journal, reads, commits, or waits.
        std::thread::sleep(Duration::from_micros(random.below(60_000)));
        guard.kill();
        world.append(&rest);
        if kill % 10 == 9 {
            // At times it comes to the end of what is there.
            let guard = world.guard(Place::Powerless);
            guard.reads((lines.len() - left.len()) as u64);
            guard.kill();
        }
    }
    world.append(&left.map(String::as_str).collect::<String>());
    let guard = world.guard(Place::Powerless);
    guard.reads(lines.len() as u64);
    guard.stop();
    let killed = comparable(end(&world));
    let numbers: BTreeSet<u64> =
        killed.events.iter().map(|event| event["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers.len(), killed.events.len(), "no event twice (seed {seed})");
    let never = unkilled(&lines);
    assert!(never.bans.len() > 20 && never.events.len() > 500);
    assert_eq!(killed.bans, never.bans, "seed {seed}");
    assert_eq!(killed.actions, never.actions, "seed {seed}");
    assert_eq!(killed.events, never.events, "seed {seed}");
}

/// Several logs are merged by time: a line that waits for others is not on record yet.
#[test]
fn kills_while_several_logs_are_merged_lose_no_line_and_double_none() {
    let seed = now().0.cast_unsigned() | 1;
    println!("seed {seed}");
    let mut random = Random(seed);
    // Each with a time of its own, so that one order is the right one.
    let lines: Vec<String> =
        log().into_iter().filter(|line| !line.starts_with("rubbish")).collect();
    let run = |kills: u64, random: &mut Random| {
        let world =
            World::with_logs(vec!["log/a.log", "log/b.log"], "source.from_beginning = true");
        for (number, log) in world.logs().iter().enumerate() {
            let part = |line: &&String| usize::from(line.len().is_multiple_of(3)) == number;
            std::fs::write(log, lines.iter().filter(part).cloned().collect::<String>()).unwrap();
        }
        for _ in 0..kills {
            let guard = world.start(Place::Powerless);
            std::thread::sleep(Duration::from_micros(random.below(90_000)));
            guard.kill();
        }
        let guard = world.guard(Place::Powerless);
        guard.reads(lines.len() as u64);
        guard.stop();
        comparable(end(&world))
    };
    let never = run(0, &mut random);
    assert!(never.bans.len() > 20 && never.events.len() > 500);
    let killed = run(12, &mut random);
    assert_eq!(killed.bans, never.bans, "seed {seed}");
    assert_eq!(killed.actions, never.actions, "seed {seed}");
    assert_eq!(killed.events, never.events, "seed {seed}");
}

/// What the running guard itself knows of a client.
fn known(world: &World, client: &str) -> Value {
    let told = world.objects(&["why", client]);
    told.into_iter().find(|object| object["type"] == "now").unwrap()["state"].clone()
}

#[test]
fn a_line_that_came_late_counts_the_same_when_it_is_stepped_again() {
    let world = World::new();
    world.append(&failed(now(), "198.51.100.1", "bob@example.org"));
    let guard = world.guard(Place::Powerless);
    guard.reads(1);
    let begin = known(&world, "203.0.113.9")["at"].clone();
    wait_until("time has gone on without a line", || known(&world, "203.0.113.9")["at"] != begin);
    world.append(&attack(now().plus_seconds(-1_000), "203.0.113.9"));
    guard.reads(13);
    let (held, on_record) = (known(&world, "203.0.113.9"), world.objects(&["bans"]));
    assert_eq!(held["hold"], on_record[0]);
    guard.kill();
    let guard = world.guard(Place::Powerless);
    assert_eq!(known(&world, "203.0.113.9")["hold"], on_record[0]);
    assert_eq!(known(&world, "203.0.113.9")["scores"], held["scores"]);
    guard.stop();
}

#[test]
fn a_guard_or_an_enforcer_that_dies_is_started_again_with_all_it_knew() {
    let world = World::with("source.from_beginning = true");
    let at = now().plus_seconds(-60);
    world.append(&attack(at, "203.0.113.1"));
    let guard = world.guard(Place::Namespace);
    guard.reads(12);
    for (round, name) in (1..).zip([" guard ", " enforcer "]) {
        let before = children(guard.pid());
        let (victim, _) = before.iter().find(|(_, command)| command.contains(name)).unwrap();
        crate::world::signal(*victim, Signal::KILL);
        wait_until("both are started again", || {
            let after = children(guard.pid());
            after.len() == 2
                && after.iter().all(|(pid, _)| before.iter().all(|(old, _)| old != pid))
        });
        world.append(&attack(Timestamp(at.0 + round), &format!("203.0.113.{}", 1 + round)));
        wait_until("it reads on", || guard.lines() == 12 * (1 + round.cast_unsigned()));
        wait_until("the kernel holds all bans", || {
            guard.status().is_some_and(|s| s["kernel"]["bans"].as_i64() == Some(1 + round))
        });
    }
    guard.stop();
    assert_eq!(world.objects(&["bans"]).len(), 3);
}

#[test]
fn guard_and_enforcer_end_with_the_process_that_started_them() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Namespace);
    let pair = children(guard.pid());
    assert_eq!(pair.len(), 2);
    crate::world::signal(guard.pid(), Signal::KILL);
    wait_until("both ended", || {
        pair.iter().all(|(pid, _)| {
            // Reaped, or waiting for whoever adopted it.
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .map_or(true, |stat| stat.contains(") Z "))
        })
    });
    drop(guard);
    world.guard(Place::Namespace).stop();
}

#[test]
fn a_hang_up_has_the_configuration_read_anew_unless_it_has_errors() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Namespace);
    world.ask(&["ban", "203.0.113.9"]).good();
    let since = || guard.status().map(|status| status["since"].clone());
    let before = since();
    world.configure("nonsense = 1");
    // As `pkill -HUP mailward` does it.
    let hang_up = || {
        for (child, _) in children(guard.pid()) {
            signal(child, Signal::HUP);
        }
        signal(guard.pid(), Signal::HUP);
    };
    hang_up();
    wait_until("the errors are told", || guard.said().contains("stays in force"));
    assert!(guard.said().contains("nonsense"), "{}", guard.said());
    assert_eq!(since(), before, "it is the same guard");
    world.configure("allow.networks = [\"198.51.100.0/24\"]");
    hang_up();
    wait_until("it is another guard", || since().is_some_and(|now| Some(now) != before));
    world.ask(&["ban", "198.51.100.9"]).bad(1, &["the allowlist of the configuration"]);
    wait_until("the ban is in the kernel again", || {
        guard.status().is_some_and(|status| status["kernel"]["bans"] == 1)
    });
    assert!(!guard.said().contains("bans in the kernel stay"), "nothing died: {}", guard.said());
    guard.stop();
}

/// Configurations that load and cannot start, each with a word of what is told.
fn cannot_start(world: &World) -> [(String, &'static str); 6] {
    let good = fs::read_to_string(world.config()).unwrap();
    let text = world.file("no.pem", b"no certificate");
    let syslog = |peers: &str, certificate: &str| {
        format!(
            "{good}source.syslog = {{ listen = [\"tls:127.0.0.1:0\"], peers = [{peers}], \
             certificate = \"{certificate}\", key = \"{text}\" }}\n"
        )
    };
    let log = format!("{:?}", world.logs());
    let state = format!("{:?}", world.state());
    [
        (syslog("\"127.0.0.1\"", "/nonexistent.pem"), "/nonexistent.pem"),
        (syslog("\"127.0.0.1\"", &text), "it holds no certificate"),
        (syslog("", &text), "source.syslog.peers is empty"),
        (good.replace("\"UTC\"", "\"Nowhere/Land\""), "source.zone"),
        (good.replace(&log, "[]"), "nothing to guard by"),
        (good.replace(&state, "\"/etc\""), "is no state directory"),
    ]
}

#[test]
fn a_hang_up_leaves_the_guard_where_the_new_configuration_cannot_start() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Namespace);
    let since = || guard.status().map(|status| status["since"].clone());
    let (before, pair) = (since(), children(guard.pid()));
    for (number, (text, word)) in (1..).zip(cannot_start(&world)) {
        fs::write(world.config(), text).unwrap();
        signal(guard.pid(), Signal::HUP);
        wait_until("it is told", || guard.said().matches("stays in force").count() == number);
        assert!(guard.said().contains(word), "{word}: {}", guard.said());
        let check = world.ask(&["check"]);
        assert_eq!(check.code, Some(1));
        assert!(check.out.contains(word), "{word}: {}", check.out);
    }
    assert_eq!((since(), children(guard.pid())), (before, pair), "it is the same guard");
    guard.stop();
}

/// systemd starts again who fails, and takes an end with 0, or by SIGHUP, for one that was wanted.
#[test]
fn a_hang_up_has_a_guard_without_parent_started_again() {
    let world = World::new();
    world.append("");
    let mut guard = world.guard(Place::Powerless);
    signal(guard.pid(), Signal::HUP);
    let status = guard.ends();
    assert_eq!(status.code(), Some(1), "{}", guard.said());
    assert!(guard.said().contains("SIGHUP: "), "{}", guard.said());
    drop(guard);
    world.guard(Place::Powerless).stop();
}

/// Where it can read the configuration: here it lies beside the log.
#[test]
fn a_hang_up_leaves_a_guard_without_parent_where_the_configuration_has_errors() {
    let world = World::with_logs(vec!["mail.log"], "");
    let log = world.file("mail.log", b"");
    let mut guard = world.guard(Place::Powerless);
    world.configure("nonsense = 1");
    signal(guard.pid(), Signal::HUP);
    wait_until("the errors are told", || guard.said().contains("stays in force"));
    assert!(guard.said().contains("nonsense"), "{}", guard.said());
    fs::write(log, attack(now(), "203.0.113.9")).unwrap();
    guard.reads(12);
    world.configure("");
    signal(guard.pid(), Signal::HUP);
    assert_eq!(guard.ends().code(), Some(1), "{}", guard.said());
}
