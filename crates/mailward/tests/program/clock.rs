//! The machine's clock is set while a guard runs, and while none does: bans last as long as was
//! decided, and nobody is banned for what others did at another time.
//!
//! The clock of a whole machine cannot be set for a test: the guard gets its time through a small
//! library that adds what a file says.

use crate::world::{Guard, Place, World, attack, now, wait_until};
use event::{Civil, Timestamp};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
static volatile long long *set_by_s;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void begin(void) {
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int file = open(getenv("CLOCK_SET_BY"), O_RDONLY);
    if (file < 0) return;
    void *map = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) set_by_s = map;
}
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && set_by_s) time->tv_sec += *set_by_s;
    return result;
}
"#;

const YEAR_S: i64 = 365 * 86_400;

/// A world whose guards have a clock that can be set.
fn world() -> World {
    let world = World::new();
    world.append("");
    let source = world.file("clock.c", LIBRARY.as_bytes());
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&world.path("clock.so").display().to_string(), &source, "-ldl"])
        .status()
        .unwrap();
    assert!(built.success(), "a C compiler is there wherever Rust links");
    set(&world, 0);
    world
}

/// Sets the clock of the guards by so much, from the machine's own.
fn set(world: &World, by_s: i64) {
    use std::os::unix::fs::FileExt as _;
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(world.path("clock-set-by"))
        .unwrap();
    file.write_all_at(&by_s.to_le_bytes(), 0).unwrap();
}

fn at(text: &Value) -> Timestamp {
    let text = text.as_str().unwrap();
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap();
    let small = |from: usize| u8::try_from(number(from, from + 2)).unwrap();
    let civil = Civil {
        year: i32::try_from(number(0, 4)).unwrap(),
        month: small(5),
        day: small(8),
        hour: small(11),
        minute: small(14),
        second: small(17),
        micros: number(20, 26),
    };
    civil.utc()
}

/// What the running guard itself knows of a client.
fn known(world: &World, client: &str) -> Value {
    let told = world.objects(&["why", client]);
    told.into_iter().find(|object| object["type"] == "now").unwrap()["state"].clone()
}

/// By how many seconds the guard's ban of a client ends later than the machine's own clock says it
/// should, which is ten minutes after it began.
fn ends_late_s(world: &World, client: &str, began: Timestamp) -> i64 {
    let hold = &known(world, client)["hold"];
    (at(&hold["until"]).0 - began.0) / 1_000_000 - ban_s(hold)
}

fn ban_s(hold: &Value) -> i64 {
    (at(&hold["until"]).0 - at(&hold["at"]).0) / 1_000_000
}

fn bans(world: &World, guard: &Guard, client: &str, last: Timestamp) -> Timestamp {
    let began = now();
    let lines = guard.lines();
    world.append(&attack(last, client));
    guard.reads(lines + 12);
    wait_until("it is banned", || !known(world, client)["hold"].is_null());
    began
}

/// The journal's table says what the engine says.
fn agree(world: &World, clients: &[&str]) {
    let told = world.objects(&["bans"]);
    for client in clients {
        let hold = &known(world, client)["hold"];
        let row = told.iter().find(|ban| ban["subject"]["client"] == *client);
        assert_eq!(row, Some(hold), "{client}");
    }
}

#[test]
fn a_clock_that_is_wrong_for_seconds_makes_no_ban_longer_or_shorter() {
    for by_s in [YEAR_S, -YEAR_S] {
        let world = world();
        let guard = world.guard(Place::Namespace);
        let first = bans(&world, &guard, "203.0.113.1", now());
        set(&world, by_s);
        // Lines of a server whose clock is the same, and of one whose clock is right.
        let second = bans(&world, &guard, "203.0.113.2", now().plus_seconds(by_s));
        let third = bans(&world, &guard, "203.0.113.3", now());
        agree(&world, &["203.0.113.1", "203.0.113.2", "203.0.113.3"]);
        let told = world.ask(&["bans"]).good().out;
        assert!(told.contains(" 6 h ") || told.contains(" 5 h "), "{told}");
        std::thread::sleep(Duration::from_secs(4));
        set(&world, 0);
        let fourth = bans(&world, &guard, "203.0.113.4", now());
        let clients = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"];
        let ends = |when: &str| {
            for (client, began) in clients.iter().zip([first, second, third, fourth]) {
                let late_s = ends_late_s(&world, client, began);
                assert!((-3..=10).contains(&late_s), "{client} by {by_s} {when}: {late_s} s");
            }
            agree(&world, &clients);
        };
        ends("while it runs");
        wait_until("the kernel holds all", || {
            guard.status().is_some_and(|status| status["kernel"]["bans"] == 4)
        });
        let notes = world.ask(&["query", "--actions"]).good().out;
        assert!(notes.contains("the machine's clock was set"), "{notes}");
        guard.stop();
        let guard = world.guard(Place::Namespace);
        ends("after a restart");
        drop(guard);
    }
}

/// Waits until event time is as the clock says.
fn followed(world: &World, by_s: i64) {
    wait_until("the clock is followed", || {
        let at = at(&known(world, "203.0.113.1")["at"]);
        (at.0 - now().0).abs_diff(by_s * 1_000_000) < 10_000_000
    });
}

#[test]
fn a_clock_that_stays_is_followed_and_bans_last_as_long_as_before() {
    for by_s in [YEAR_S, -YEAR_S] {
        let world = world();
        let guard = world.guard(Place::Powerless);
        let first = bans(&world, &guard, "203.0.113.1", now());
        set(&world, by_s);
        let begin = Instant::now();
        followed(&world, by_s);
        assert!(begin.elapsed() > Duration::from_secs(20), "not at once");
        let second = bans(&world, &guard, "203.0.113.2", now().plus_seconds(by_s));
        let clients = ["203.0.113.1", "203.0.113.2"];
        agree(&world, &clients);
        for (client, began) in clients.iter().zip([first, second]) {
            let late_s = ends_late_s(&world, client, began) - by_s;
            assert!((-3..=10).contains(&late_s), "{client} by {by_s}: {late_s} s");
        }
        // Put right while no guard runs.
        guard.kill();
        set(&world, 0);
        let guard = world.guard(Place::Powerless);
        agree(&world, &clients);
        for (client, began) in clients.iter().zip([first, second]) {
            let late_s = ends_late_s(&world, client, began);
            assert!((-3..=40).contains(&late_s), "{client} after {by_s}: {late_s} s");
        }
        guard.stop();
    }
}

/// The clock goes back and forth, and guards are killed and started again all the while.
#[test]
fn steps_and_kills_one_upon_the_other_leave_bans_as_they_were() {
    let world = world();
    let mut guard = world.guard(Place::Powerless);
    let begins = [
        bans(&world, &guard, "203.0.113.1", now()),
        bans(&world, &guard, "203.0.113.2", now().plus_seconds(-30)),
    ];
    world.ask(&["allow", "203.0.113.77", "--for", "1h"]).good();
    let age_s = now().seconds();
    let steps_s = [YEAR_S, 7_200, -YEAR_S, -7_200, 0, -age_s, 40 * YEAR_S, 0, -age_s / 2, 3, 0];
    for (number, by_s) in steps_s.into_iter().enumerate() {
        set(&world, by_s);
        if number % 3 == 0 {
            std::thread::sleep(Duration::from_millis(200));
        }
        guard.kill();
        if number % 2 == 0 {
            let dying = world.start(Place::Powerless);
            std::thread::sleep(Duration::from_millis(10 * number as u64));
            dying.kill();
        }
        guard = world.guard(Place::Powerless);
        agree(&world, &["203.0.113.1", "203.0.113.2"]);
        world.ask(&["ban", "203.0.113.77"]).bad(1, &["is not banned"]);
    }
    for (client, began) in ["203.0.113.1", "203.0.113.2"].iter().zip(begins) {
        let late_s = ends_late_s(&world, client, began);
        assert!((-60..=60).contains(&late_s), "{client}: {late_s} s");
    }
    let new = bans(&world, &guard, "203.0.113.3", now());
    let late_s = ends_late_s(&world, "203.0.113.3", new);
    assert!((-3..=10).contains(&late_s), "{late_s} s");
    guard.stop();
}
