//! What is done to a log while a guard follows it: every line is an event, once.

use crate::world::{Guard, Place, World, failed, now, wait_until};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

/// Writes lines that can be told apart by their account.
struct Writer {
    next: u32,
}

impl Writer {
    /// The next so many lines.
    fn lines(&mut self, count: u32) -> String {
        let numbers = self.next..self.next + count;
        self.next += count;
        numbers.map(|n| failed(now(), "203.0.113.9", &format!("user{n}@example.org"))).collect()
    }

    /// All of them are events, in order, each once.
    fn check(&self, world: &World, guard: Guard) {
        guard.reads(self.next.into());
        guard.stop();
        let events = world.objects(&["query", "--limit", "100000"]);
        let accounts: Vec<&str> =
            events.iter().map(|event| event["account"].as_str().unwrap()).collect();
        let expected: Vec<String> =
            (0..self.next).map(|n| format!("user{n}@example.org")).collect();
        assert_eq!(accounts, expected);
    }
}

fn begin(place: Place) -> (World, Guard, Writer) {
    let world = World::new();
    world.append("");
    let guard = world.guard(place);
    let mut writer = Writer { next: 0 };
    world.append(&writer.lines(10));
    guard.reads(10);
    (world, guard, writer)
}

/// Makes room for a new `mail.log.1`, as logrotate does.
fn shift(world: &World, round: u32) {
    for number in (1..round).rev() {
        let name = |number| world.path(&format!("log/mail.log.{number}"));
        fs::rename(name(number), name(number + 1)).unwrap();
    }
}

#[test]
fn a_log_that_is_renamed_and_made_anew() {
    let (world, guard, mut writer) = begin(Place::Powerless);
    for round in 1..=3 {
        shift(&world, round);
        fs::rename(world.log(), world.path("log/mail.log.1")).unwrap();
        // The server still writes to the old one; then to the new one.
        let mut old = fs::OpenOptions::new();
        let mut old = old.append(true).open(world.path("log/mail.log.1")).unwrap();
        old.write_all(writer.lines(5).as_bytes()).unwrap();
        guard.reads(writer.next.into());
        world.append(&writer.lines(5));
        guard.reads(writer.next.into());
    }
    writer.check(&world, guard);
}

#[test]
fn a_log_that_is_copied_and_truncated() {
    let (world, guard, mut writer) = begin(Place::Powerless);
    for round in 1..=3 {
        world.append(&writer.lines(5));
        shift(&world, round);
        fs::copy(world.log(), world.path("log/mail.log.1")).unwrap();
        fs::OpenOptions::new().write(true).open(world.log()).unwrap().set_len(0).unwrap();
        world.append(&writer.lines(3));
        guard.reads(writer.next.into());
    }
    writer.check(&world, guard);
}

#[test]
fn a_log_that_is_rotated_while_no_guard_runs() {
    let (world, guard, mut writer) = begin(Place::Powerless);
    guard.stop();
    world.append(&writer.lines(7));
    fs::rename(world.log(), world.path("log/mail.log.1")).unwrap();
    world.append(&writer.lines(7));
    let guard = world.guard(Place::Powerless);
    writer.check(&world, guard);
}

#[test]
fn a_log_that_comes_late() {
    let world = World::new();
    let guard = world.guard(Place::Powerless);
    let state = || guard.status().unwrap()["sources"][0]["state"].as_str().unwrap().to_owned();
    assert_eq!(state(), "missing");
    let ran = world.ask(&["status"]);
    assert_eq!(ran.code, Some(1), "somebody should look");
    assert!(ran.out.contains("no such file"), "{}", ran.out);
    let mut writer = Writer { next: 0 };
    world.append(&writer.lines(10));
    guard.reads(10);
    assert_eq!(state(), "following");
    writer.check(&world, guard);
}

#[test]
fn a_log_that_may_not_be_read_for_a_while() {
    let (world, guard, mut writer) = begin(Place::Plain);
    let permit = |mode| fs::set_permissions(world.log(), fs::Permissions::from_mode(mode)).unwrap();
    // As a rotation with the wrong rights does it.
    fs::rename(world.log(), world.path("log/mail.log.1")).unwrap();
    // It comes with these rights: the guard must not be quicker than they are.
    let unreadable = world.file("unreadable", writer.lines(4).as_bytes());
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o000)).unwrap();
    fs::rename(unreadable, world.log()).unwrap();
    guard.reads(10);
    wait_until("the guard tells of it or reads it", || {
        let source = guard.status().unwrap()["sources"][0].clone();
        source["state"] == "failing" || source["lines"] == 14
    });
    let mut held = fs::OpenOptions::new();
    permit(0o600);
    let mut log = held.append(true).open(world.log()).unwrap();
    permit(0o000);
    log.write_all(writer.lines(4).as_bytes()).unwrap();
    permit(0o600);
    guard.reads(writer.next.into());
    writer.check(&world, guard);
}

/// What notes say.
fn notes(world: &World) -> String {
    world.ask(&["query", "--actions", "--limit", "1000"]).good().out
}

#[test]
fn a_log_that_is_rotated_elsewhere_while_no_guard_runs() {
    let world = World::new();
    let elsewhere = world.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    world.configure(&format!("source.rotated_to = [{elsewhere:?}]"));
    world.append("");
    let guard = world.guard(Place::Powerless);
    let mut writer = Writer { next: 0 };
    world.append(&writer.lines(10));
    guard.reads(10);
    guard.stop();
    world.append(&writer.lines(7));
    fs::rename(world.log(), elsewhere.join("mail.log.1")).unwrap();
    world.append(&writer.lines(7));
    let guard = world.guard(Place::Powerless);
    writer.check(&world, guard);
}

#[test]
fn lines_that_may_be_lost_are_told() {
    let (world, guard, mut writer) = begin(Place::Powerless);
    let source = || guard.status().unwrap()["sources"][0].clone();
    assert_eq!((&source()["losses"], &source()["lost_at"]), (&0.into(), &().into()));
    fs::OpenOptions::new().write(true).open(world.log()).unwrap().set_len(0).unwrap();
    world.append(&writer.lines(3));
    guard.reads(13);
    wait_until("the loss is on record", || notes(&world).contains("lines may be lost: once"));
    assert!(notes(&world).contains("emptied in place once (copytruncate)"));
    assert_eq!((&source()["losses"], &source()["truncations"]), (&1.into(), &1.into()));
    let ran = world.ask(&["status"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("lines may have been lost, latest at"), "{}", ran.out);
    // One that is gone when the guard comes back.
    guard.stop();
    world.append(&writer.lines(2));
    let keep = fs::File::open(world.log()).unwrap();
    fs::remove_file(world.log()).unwrap();
    world.append(&failed(now(), "203.0.113.9", &format!("{}@x.example", "y".repeat(9_000))));
    let guard = world.guard(Place::Powerless);
    guard.reads(14);
    wait_until("the second loss is on record", || {
        notes(&world).matches("lines may be lost: once").count() == 2
    });
    assert!(notes(&world).contains("1 line longer than 8192 bytes"), "{}", notes(&world));
    drop(keep);
}

/// A link to a log on another disk.
#[test]
fn a_log_behind_a_link_is_followed_through_its_rotation() {
    let world = World::new();
    let real = world.path("real/mail.log");
    fs::create_dir(world.path("real")).unwrap();
    fs::write(&real, "").unwrap();
    std::os::unix::fs::symlink(&real, world.log()).unwrap();
    let guard = world.guard(Place::Powerless);
    let mut writer = Writer { next: 0 };
    world.append(&writer.lines(10));
    guard.reads(10);
    fs::rename(&real, world.path("real/mail.log.1")).unwrap();
    world.append(&writer.lines(10));
    writer.check(&world, guard);
}
