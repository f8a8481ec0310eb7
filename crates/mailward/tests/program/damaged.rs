//! A journal that was damaged, a state directory that cannot be written: the guard starts and goes
//! on protecting, or says clearly why not.

use crate::world::{Guard, Place, World, attack, now, wait_until};
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A state with bans in it, and no guard.
fn state() -> World {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    for client in 1..=5 {
        world.append(&attack(now(), &format!("203.0.113.{client}")));
    }
    guard.reads(60);
    guard.stop();
    assert_eq!(world.objects(&["bans"]).len(), 5);
    world
}

/// It still finds and bans: somebody new each time.
fn protects(world: &World, guard: &Guard) {
    let before = guard.status().unwrap()["holds"].as_u64().unwrap();
    world
        .append(&attack(now(), &format!("198.18.{}.{}", guard.lines() / 250, guard.lines() % 250)));
    wait_until("it bans", || guard.status().unwrap()["holds"].as_u64().unwrap() > before);
}

fn files(dir: &Path, word: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path(), word));
        } else if entry.path().display().to_string().contains(word) {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn flipped_bytes_in_the_journal() {
    let world = state();
    let database = world.state().join("journal.db");
    let file = fs::OpenOptions::new().write(true).read(true).open(&database).unwrap();
    let length = file.metadata().unwrap().len();
    for at in (200..length).step_by(61) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[!byte[0]], at).unwrap();
    }
    let guard = world.guard(Place::Powerless);
    assert!(guard.said().contains("lost"), "it says what was lost: {}", guard.said());
    protects(&world, &guard);
    guard.stop();
    let kept = files(&world.state(), "damaged-1/journal.db");
    assert!(!kept.is_empty(), "the damaged file is kept for whoever wants to look");
    let guard = world.guard(Place::Powerless);
    protects(&world, &guard);
}

/// What is found broken while the guard runs is told, too.
#[test]
fn flipped_bytes_in_the_journal_while_the_guard_runs() {
    let world = state();
    let guard = world.guard(Place::Powerless);
    let database = world.state().join("journal.db");
    let notes = || world.ask(&["query", "--actions", "--limit", "1000"]).out;
    let mut client = 0;
    let mut damaged_at = Instant::now();
    wait_until("the loss is on record", || {
        // What takes the place of the damaged file is left alone until it can be whole.
        if client > 0 && damaged_at.elapsed() < Duration::from_secs(5) {
            return notes().contains("damaged-");
        }
        damaged_at = Instant::now();
        // What the guard wrote since the last time is damaged, too.
        for path in [&database, &world.state().join("journal.db-wal")] {
            let Ok(file) = fs::OpenOptions::new().write(true).open(path) else { continue };
            let length = file.metadata().unwrap().len();
            for at in (100..length).step_by(61) {
                let _ = file.write_all_at(&[0xa5], at);
            }
        }
        client += 1;
        world.append(&attack(now(), &format!("198.18.7.{client}")));
        notes().contains("damaged-")
    });
    assert!(notes().contains("journal.db"), "{}", notes());
    protects(&world, &guard);
}

#[test]
fn a_journal_that_is_rubbish() {
    let world = state();
    fs::write(world.state().join("journal.db"), vec![0x55; 100_000]).unwrap();
    let guard = world.guard(Place::Powerless);
    assert!(guard.said().contains("lost"), "{}", guard.said());
    protects(&world, &guard);
}

#[test]
fn without_checkpoints_the_state_comes_from_the_records() {
    let world = state();
    let before = world.objects(&["bans"]);
    let checkpoints = files(&world.state(), "checkpoint");
    assert!(!checkpoints.is_empty(), "an orderly end leaves one");
    for checkpoint in &checkpoints {
        fs::remove_file(checkpoint).unwrap();
    }
    let guard = world.guard(Place::Powerless);
    assert_eq!(guard.status().unwrap()["holds"], 5);
    protects(&world, &guard);
    guard.stop();
    let after = world.objects(&["bans"]);
    assert!(after.len() == 6 && before.iter().all(|ban| after.contains(ban)));
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let world = state();
    for checkpoint in files(&world.state(), "checkpoint") {
        let mut bytes = fs::read(&checkpoint).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(&checkpoint, bytes).unwrap();
    }
    let guard = world.guard(Place::Powerless);
    assert_eq!(guard.status().unwrap()["holds"], 5);
    protects(&world, &guard);
}

#[test]
fn a_state_directory_that_cannot_be_made_is_told_with_a_remedy() {
    let world = World::new();
    world.append("");
    fs::write(world.state(), "a file").unwrap();
    for place in [Place::Powerless, Place::Namespace] {
        let mut guard = world.start(place);
        assert_eq!(guard.ends().code(), Some(1));
        let said = guard.said();
        assert!(said.contains(&world.state().display().to_string()), "{said}");
        assert!(said.contains("what to do:") && said.contains("state.dir"), "{said}");
    }
}

/// A small file system over the state directory; only root can make one.
struct Disk(PathBuf);

impl Disk {
    fn mount(world: &World, size: &str) -> Option<Disk> {
        fs::create_dir(world.state()).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(world.state())
            .status();
        let mounted = mounted.is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("skipped: no root, or no right to mount");
        }
        mounted.then(|| Disk(world.state()))
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut file = fs::File::create(self.0.join("ballast")).unwrap();
        for size in [65_536, 4_096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_it_protects_on_says_so_and_recovers() {
    let world = World::new();
    world.append("");
    let Some(disk) = Disk::mount(&world, "6m") else { return };
    let guard = world.guard(Place::Powerless);
    disk.fill();
    let problem = || guard.status().unwrap()["journal_problem"].as_str().map(str::to_owned);
    for client in 1..=250 {
        if client % 10 == 0 && problem().is_some() {
            break;
        }
        world.append(&attack(now(), &format!("203.0.113.{client}")));
        guard.reads(client * 12);
    }
    wait_until("it says that the disk is full", || problem().is_some());
    protects(&world, &guard);
    let ran = world.ask(&["status"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("journal: no room left"), "{}", ran.out);
    fs::remove_file(world.state().join("ballast")).unwrap();
    wait_until("it writes again", || problem().is_none());
    let (holds, lines) = (guard.status().unwrap()["holds"].clone(), guard.lines());
    guard.stop();
    assert_eq!(world.objects(&["bans"]).len() as u64, holds.as_u64().unwrap());
    let guard = world.guard(Place::Powerless);
    assert_eq!((guard.status().unwrap()["holds"].clone(), guard.lines()), (holds, lines));
    drop(guard);
    drop(disk);
}

/// `ulimit -f`: the signal that comes with it would end the guard, and each one after it.
#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    let limit = |bytes: &str| {
        let pid = guard.pid().to_string();
        let set = format!("--fsize={bytes}:unlimited");
        let status = Command::new("prlimit").args(["--pid", &pid, &set]).status().unwrap();
        assert!(status.success());
    };
    limit("65536");
    let problem = || guard.status().unwrap()["journal_problem"].as_str().map(str::to_owned);
    for client in 1..=250 {
        if client % 10 == 0 && problem().is_some() {
            break;
        }
        world.append(&attack(now(), &format!("203.0.113.{client}")));
        guard.reads(client * 12);
    }
    wait_until("it says that it cannot write", || problem().is_some());
    protects(&world, &guard);
    limit("unlimited");
    wait_until("it writes again", || problem().is_none());
    let (holds, lines) = (guard.status().unwrap()["holds"].clone(), guard.lines());
    guard.stop();
    let guard = world.guard(Place::Powerless);
    assert_eq!((guard.status().unwrap()["holds"].clone(), guard.lines()), (holds, lines));
}

#[test]
fn a_read_only_state_directory_is_told_with_a_remedy() {
    let world = World::new();
    world.append("");
    let Some(disk) = Disk::mount(&world, "4m") else { return };
    let remounted =
        Command::new("mount").args(["-o", "remount,ro"]).arg(world.state()).status().unwrap();
    assert!(remounted.success());
    let mut guard = world.start(Place::Powerless);
    assert_eq!(guard.ends().code(), Some(1));
    assert!(guard.said().contains("state.dir"), "{}", guard.said());
    drop(disk);
}
