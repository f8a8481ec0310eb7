//! What strangers and broken clocks write into a log, and watchers that go away.

use crate::world::{Place, World, attack, failed, now, signal, wait_until};
use event::Timestamp;
use rustix::process::Signal;
use std::process::{Command, Stdio};

/// Moves the cursor, sets the title, and ends a line.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";

#[test]
fn escape_sequences_reach_no_screen() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    let lines: String =
        (0..12).map(|n| failed(now(), "203.0.113.9", &format!("{EVIL}{n}@example.org"))).collect();
    world.append(&lines);
    world.append(&format!("{EVIL}\n\0\0\n"));
    guard.reads(14);
    for command in [
        &["query", "--lines"][..],
        &["query", "--all", "--lines", "--format", "json"],
        &["why", "203.0.113.9"],
        &["why", "203.0.113.9", "--format", "json"],
        &["bans"],
        &["why", &format!("{EVIL}3@example.org")],
    ] {
        let ran = world.ask(command).good();
        assert!(!ran.out.is_empty());
        let raw = |c: char| c.is_control() && c != '\n';
        assert!(!ran.out.contains(raw) && !ran.err.contains(raw), "{command:?}: {:?}", ran.out);
    }
    wait_until("it is shown", || guard.said().contains("203.0.113.9 for"));
    let said = guard.said();
    assert!(said.contains("203.0.113.9 for") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn nobody_becomes_somebody_else_by_what_he_writes() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    let text: String = (0..20)
        .map(|n| {
            let account = format!(
                "x{n}, rip=198.51.100.1, unknown[198.51.100.2]: SASL LOGIN authentication failed"
            );
            failed(now(), "203.0.113.9", &account)
        })
        .collect();
    world.append(&text);
    guard.reads(20);
    let bans = world.objects(&["bans"]);
    assert_eq!(bans.len(), 1);
    assert_eq!(bans[0]["subject"]["client"], "203.0.113.9");
    for victim in ["198.51.100.1", "198.51.100.2"] {
        assert!(world.objects(&["query", "--client", victim]).is_empty());
    }
}

#[test]
fn a_stamp_of_another_century_ends_no_ban_and_starts_none() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    world.append(&attack(now(), "203.0.113.9"));
    world.append(&failed(
        Timestamp::from_seconds(4_070_908_800),
        "203.0.113.10",
        "bob@example.org",
    ));
    world.append(&failed(Timestamp::from_seconds(0), "203.0.113.11", "bob@example.org"));
    world.append(&attack(now(), "203.0.113.12"));
    guard.reads(26);
    let banned = |objects: Vec<serde_json::Value>| -> Vec<String> {
        let bans = objects.iter().filter(|object| object["type"] == "decision");
        bans.map(|ban| ban["subject"]["client"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(banned(world.objects(&["bans"])), ["203.0.113.9", "203.0.113.12"]);
    let log = world.log().display().to_string();
    assert_eq!(banned(world.objects(&["replay", &log])), ["203.0.113.9", "203.0.113.12"]);
    guard.stop();
    let notes = world.ask(&["query", "--actions"]).good();
    assert!(notes.out.contains("a stamp lies in the future"), "{}", notes.out);
}

/// The end of a pipe whose other end is closed.
fn nobody() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

#[test]
fn a_command_whose_reader_went_away_ends_quietly() {
    let world = World::new();
    world.append(&attack(now(), "203.0.113.9"));
    let guard = world.guard(Place::Powerless);
    guard.reads(12);
    let (config, log) = (world.config().display().to_string(), world.log().display().to_string());
    for arguments in [
        &["parse", &log][..],
        &["replay", &log],
        &["replay", "--format", "json", &log],
        &["query", "--config", &config],
        &["bans", "--config", &config],
        &["bans", "--format", "json", "--config", &config],
        &["status", "--config", &config],
        &["why", "203.0.113.9", "--config", &config],
        &["check", "--config", &config],
        &["ban", "203.0.113.77", "--config", &config],
        &["rules"],
        &["parsers"],
        &["completions", "bash"],
        &["reference", "commands"],
        &["--help"],
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mailward"));
        let output =
            command.args(arguments).stdin(Stdio::null()).stdout(nobody()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    }
}

#[test]
fn a_guard_that_nobody_watches_goes_on() {
    for place in [Place::Powerless, Place::Namespace] {
        let world = World::new();
        world.append("");
        let guard = world.watched_by(place, nobody(), nobody());
        wait_until("it answers", || guard.status().is_some());
        world.append(&attack(now(), "203.0.113.9"));
        guard.reads(12);
        assert_eq!(guard.status().unwrap()["holds"], 1);
        guard.stop();
    }
}

/// The end of a pipe that is full, and the other end, which nobody reads.
fn standing() -> (std::io::PipeReader, Stdio) {
    use std::io::Write as _;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let size = rustix::pipe::fcntl_setpipe_size(&writer, 4_096).unwrap();
    writer.write_all(&vec![b'.'; size]).unwrap();
    (reader, writer.into())
}

#[test]
fn a_guard_whose_watcher_stands_still_goes_on_and_says_what_was_not_shown() {
    use std::io::Read as _;
    for place in [Place::Powerless, Place::Namespace] {
        let world = World::new();
        world.append("");
        let (mut out, theirs) = standing();
        let (mut err, theirs_err) = standing();
        let guard = world.watched_by(place, theirs, theirs_err);
        wait_until("it answers", || guard.status().is_some());
        world.append(&attack(now(), "203.0.113.9"));
        guard.reads(12);
        assert_eq!(guard.status().unwrap()["holds"], 1);
        if place == Place::Namespace {
            // Of this death, too, nobody reads.
            let (enforcer, _) = crate::world::children(guard.pid())
                .into_iter()
                .find(|(_, command)| command.contains(" enforcer "))
                .unwrap();
            signal(enforcer, Signal::KILL);
            wait_until("both are started again", || {
                let children = crate::world::children(guard.pid());
                children.len() == 2 && children.iter().all(|(pid, _)| *pid != enforcer)
            });
            wait_until("it answers again", || guard.status().is_some());
            world.append(&attack(now(), "203.0.113.10"));
            guard.reads(24);
            wait_until("the kernel holds both", || {
                guard.status().is_some_and(|status| status["kernel"]["bans"] == 2)
            });
        }
        guard.stop();
        let mut told = String::new();
        for pipe in [&mut out, &mut err] {
            pipe.read_to_string(&mut told).unwrap();
        }
        assert!(told.chars().all(|c| c == '.'), "nothing was lost but what nobody read: {told}");
    }
}

#[test]
fn the_demo_plays_to_its_end_changes_nothing_and_leaves_nothing() {
    let world = World::new();
    let temporary = world.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let left = || std::fs::read_dir(&temporary).unwrap().count();
    let start = |speed: &str, out: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
        command.args(["up", "--demo", "--speed", speed, "--config"]).arg(world.config());
        command.env("TMPDIR", &temporary).env("TERM", "dumb").stdout(out);
        command.spawn().unwrap()
    };
    let ran = start("0", Stdio::piped()).wait_with_output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success() && told.contains("distributed-guessing"), "{told}");
    assert!(told.contains("times below are those of that day"), "{told}");
    assert!(!told.contains(" 192.0.2.1 "), "the recorded gateway is no attacker: {told}");
    assert_eq!(left(), 0);
    for end in [Signal::INT, Signal::TERM, Signal::HUP] {
        let slow = start("1", Stdio::piped());
        wait_until("it plays", || left() == 1);
        signal(slow.id(), end);
        assert!(slow.wait_with_output().unwrap().status.success());
        assert_eq!(left(), 0, "also by ctrl-c: {end:?}");
    }
    assert!(start("0", nobody()).wait().unwrap().success());
    assert_eq!(left(), 0, "also where nobody watches");
    let mut watched = start("0", Stdio::piped());
    let mut first = [0; 60];
    std::io::Read::read_exact(&mut watched.stdout.take().unwrap(), &mut first).unwrap();
    assert!(watched.wait().unwrap().success());
    assert_eq!(left(), 0, "also where somebody stopped to watch");
    assert!(!world.state().exists(), "the state of a real guard is not touched");
}
