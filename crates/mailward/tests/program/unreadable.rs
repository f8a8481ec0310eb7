//! No checkpoint can be read (removed, damaged, of another version), and the records that led to
//! what holds are in history only: bans and the allowlist hold all the same.

use crate::world::{Guard, Place, World, attack, now, wait_until};
use serde_json::Value;
use std::fs;
use std::time::Duration;
use store::{Journal, Options, Policy, Reader};

/// What happens to the checkpoints.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Removed,
    Damaged,
    OtherVersion,
}

const HELD: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];

/// A state in which all is decided long ago, as far as the journal knows.
fn world() -> World {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    world.append(&attack(now(), HELD[0]));
    guard.reads(12);
    world.ask(&["ban", HELD[1], "--for", "3d"]).good();
    world.ask(&["ban", HELD[2]]).good();
    world.ask(&["ban", "198.51.100.0/24", "--for", "1h"]).good();
    world.ask(&["ban", "203.0.113.4", "--for", "2s"]).good();
    world.ask(&["ban", "203.0.113.5"]).good();
    world.ask(&["unban", "203.0.113.5"]).good();
    world.ask(&["allow", "192.0.2.77"]).good();
    world.ask(&["allow", "192.0.2.78"]).good();
    world.ask(&["allow", "192.0.2.78", "--remove"]).good();
    world.ask(&["allow", "192.0.2.79", "--for", "8h"]).good();
    guard.stop();
    into_history(&world);
    world
}

/// Moves all records into history, as months would.
fn into_history(world: &World) {
    let (journal, _) = Journal::open(&world.state(), Options::default()).unwrap();
    let policy =
        Policy { segment_records: 1, segment_age_s: 0, replay_bytes: 0, ..Policy::default() };
    let done = journal.maintainer(policy).maintain(now()).unwrap();
    assert!(done.batches_deleted > 0, "{done:?}");
}

fn spoil(world: &World, fate: Fate) {
    let (journal, recovery) = Journal::open(&world.state(), Options::default()).unwrap();
    assert!(!recovery.checkpoints.is_empty(), "an orderly end leaves one");
    for checkpoint in &recovery.checkpoints {
        match fate {
            Fate::Removed => fs::remove_file(&checkpoint.path).unwrap(),
            Fate::Damaged => {
                let mut bytes = fs::read(&checkpoint.path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0xff;
                fs::write(&checkpoint.path, bytes).unwrap();
            }
            Fate::OtherVersion => {
                let mut state = checkpoint.load().unwrap();
                state[8] ^= 0x40;
                journal.checkpoints().write(checkpoint.mark, &state).unwrap();
            }
        }
    }
}

/// Rows of the table of what holds, whether their time is over or not.
fn rows(world: &World) -> Vec<String> {
    let holds = Reader::open(&world.state()).unwrap().holds().unwrap();
    holds.iter().map(|decision| format!("{} {:?}", decision.subject, decision.until)).collect()
}

fn known(world: &World, subject: &str) -> Value {
    let told = world.objects(&["why", subject]);
    let now = told.into_iter().find(|object| object["type"] == "now").unwrap();
    let mut state = now["state"].clone();
    if !state["hold"].is_null() {
        state["hold"]["mode"] = "enforce".into();
    }
    state
}

/// What holds, whether the guard that runs can enforce it or not.
fn bans(world: &World) -> Vec<Value> {
    let mut bans = world.objects(&["bans"]);
    bans.iter_mut().for_each(|ban| ban["mode"] = "enforce".into());
    bans
}

fn holds_as_before(world: &World, guard: &Guard, before: &[Value]) {
    wait_until("what is over is off the table", || rows(world).len() == before.len());
    assert_eq!(bans(world), before);
    assert_eq!(guard.status().unwrap()["holds"], before.len());
    for subject in HELD {
        let row = before.iter().find(|ban| ban["subject"]["client"] == subject).unwrap();
        assert_eq!(known(world, subject)["hold"], *row, "{subject}");
    }
    assert!(known(world, "203.0.113.5")["hold"].is_null());
    for allowed in ["192.0.2.77", "192.0.2.79"] {
        world.ask(&["ban", allowed]).bad(1, &["is not banned", "by an operator's order"]);
    }
    world.ask(&["ban", "192.0.2.78"]).good();
    world.ask(&["unban", "192.0.2.78"]).good();
}

#[test]
fn bans_and_the_allowlist_hold_without_a_checkpoint() {
    for fate in [Fate::Removed, Fate::Damaged, Fate::OtherVersion] {
        let world = world();
        std::thread::sleep(Duration::from_secs(2));
        let before = bans(&world);
        assert_eq!(before.len(), 4, "{fate:?}");
        spoil(&world, fate);
        let guard = world.guard(Place::Namespace);
        holds_as_before(&world, &guard, &before);
        wait_until("the kernel holds them", || {
            guard.status().is_some_and(|status| status["kernel"]["bans"] == 4)
        });
        guard.kill();
        // Also killed while it starts, with or without the checkpoint that it makes soon.
        for wait_ms in [5, 30, 60, 120] {
            let guard = world.start(Place::Powerless);
            std::thread::sleep(Duration::from_millis(wait_ms));
            guard.kill();
        }
        let guard = world.guard(Place::Powerless);
        holds_as_before(&world, &guard, &before);
        guard.stop();
        let guard = world.guard(Place::Powerless);
        holds_as_before(&world, &guard, &before);
        world.append(&attack(now(), "203.0.113.9"));
        wait_until("it finds somebody new", || !known(&world, "203.0.113.9")["hold"].is_null());
        guard.stop();
    }
}

/// Who is known to log in from a place must not be banned by what records alone lead to.
#[test]
fn what_records_alone_lead_to_is_not_made_to_hold() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    world.ask(&["allow", "203.0.113.9"]).good();
    guard.stop();
    into_history(&world);
    let guard = world.guard(Place::Powerless);
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(12);
    world.ask(&["allow", "203.0.113.9", "--remove"]).good();
    guard.stop();
    assert!(rows(&world).is_empty());
    spoil(&world, Fate::Removed);
    let guard = world.guard(Place::Powerless);
    assert_eq!(guard.status().unwrap()["holds"], 0);
    guard.stop();
    assert!(rows(&world).is_empty());
}
