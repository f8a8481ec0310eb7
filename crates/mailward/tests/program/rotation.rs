//! What is done to a log while a guard follows it: every line is an event, once.

use crate::world::{Guard, Place, World, failed, now, wait_until};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

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

/// What a confined guard may read was settled at its start.
#[test]
fn a_log_that_is_a_link_into_another_directory() {
    for place in [Place::Powerless, Place::Namespace] {
        let world = World::new();
        fs::create_dir_all(world.path("data/log")).unwrap();
        fs::create_dir(world.path("between")).unwrap();
        symlink(world.path("data/log/mail.log"), world.path("between/mail.log")).unwrap();
        symlink("../between/mail.log", world.log()).unwrap();
        let mut writer = Writer { next: 0 };
        world.append(&writer.lines(10));
        let guard = world.guard(place);
        guard.reads(10);
        fs::rename(world.path("data/log/mail.log"), world.path("data/log/mail.log.1")).unwrap();
        world.append(&writer.lines(10));
        writer.check(&world, guard);
    }
}

/// Each step closes the log to the guard as it was confined; its parent starts it again.
#[test]
fn a_log_whose_directory_comes_later_or_is_another() {
    let world = World::new();
    fs::remove_dir(world.path("log")).unwrap();
    let guard = world.guard(Place::Namespace);
    let mut writer = Writer { next: 0 };
    let mut reads_on = |why: &str| {
        world.append(&writer.lines(10));
        wait_until(why, || guard.lines() == u64::from(writer.next));
    };
    fs::create_dir(world.path("log")).unwrap();
    reads_on("the directory that came is read");
    fs::rename(world.path("log"), world.path("old")).unwrap();
    fs::create_dir(world.path("log")).unwrap();
    reads_on("the directory in its place is read");
    fs::create_dir(world.path("elsewhere")).unwrap();
    symlink(world.path("elsewhere/mail.log"), world.path("link")).unwrap();
    fs::rename(world.path("link"), world.log()).unwrap();
    reads_on("where a link leads from now on is read");
    let said = guard.said();
    assert_eq!(said.matches("starting again; bans in the kernel stay").count(), 3, "{said}");
    writer.check(&world, guard);
}

#[test]
fn without_a_parent_the_guard_tells_of_a_directory_that_it_must_not_read() {
    let world = World::new();
    fs::remove_dir(world.path("log")).unwrap();
    let guard = world.guard(Place::Powerless);
    fs::create_dir(world.path("log")).unwrap();
    let mut writer = Writer { next: 0 };
    world.append(&writer.lines(10));
    wait_until("it is told", || guard.said().contains("start mailward again"));
    let problem = guard.status().unwrap()["sources"][0]["problem"].clone();
    assert!(problem.as_str().unwrap().contains("no permission"), "{problem}");
    guard.stop();
    let guard = world.guard(Place::Powerless);
    writer.check(&world, guard);
}
