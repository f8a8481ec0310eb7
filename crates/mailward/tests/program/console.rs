//! The console beside a real guard: it is confined, orders in its users' names, and the guard does
//! not need it.
#![cfg(feature = "console")]

use crate::world::{Guard, Place, World, attack, children, now, signal, wait_until};
use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

fn world() -> World {
    let world = World::new();
    let text = std::fs::read_to_string(world.config()).unwrap();
    let text = text.replace("console.listen = []", "console.listen = [\"127.0.0.1:0\"]");
    std::fs::write(world.config(), text).unwrap();
    world.append("");
    world
}

/// An answer over the console's socket, if there is one.
fn answer(world: &World, request: &str, body: &str) -> Option<String> {
    let mut stream = UnixStream::connect(world.state().join("console.sock")).ok()?;
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json";
    write!(stream, "{request} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn is_served(world: &World) -> bool {
    answer(world, "GET /api/v1/status", "").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn console_of(guard: &Guard) -> u32 {
    let found = children(guard.pid()).into_iter().find(|(_, line)| line.contains("console serve"));
    found.unwrap().0
}

#[test]
fn the_console_is_confined_orders_for_its_users_and_ends_with_the_guard() {
    for place in [Place::Powerless, Place::Namespace] {
        let world = world();
        let guard = world.guard(place);
        wait_until("the console answers", || is_served(&world));
        let console = console_of(&guard);
        let status = std::fs::read_to_string(format!("/proc/{console}/status")).unwrap();
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"] {
            assert!(status.contains(line), "{line}: {status}");
        }
        let order = "{\"order\":\"ban\",\"subject\":\"203.0.113.0/24\",\"reason\":\"a <botnet>\"}";
        let done = answer(&world, "POST /api/v1/orders", order).unwrap();
        assert!(done.contains("203.0.113.0/24"), "{done}");
        let audit = answer(&world, "GET /api/v1/audit", "").unwrap();
        assert!(audit.contains("ban 203.0.113.0/24") && audit.contains("a <botnet>"), "{audit}");
        assert_eq!(guard.status().unwrap()["holds"], 1);
        let refused =
            answer(&world, "POST /api/v1/orders", &order.replace("203.0.113.0/24", "127.0.0.1"));
        assert!(refused.unwrap().starts_with("HTTP/1.1 409"), "who is never banned");
        guard.stop();
        wait_until("the console ended", || answer(&world, "GET /", "").is_none());
    }
}

#[test]
fn a_console_that_dies_comes_again_and_the_guard_goes_on() {
    let world = world();
    let guard = world.guard(Place::Namespace);
    wait_until("the console answers", || is_served(&world));
    let (console, since) = (console_of(&guard), guard.status().unwrap()["since"].clone());
    signal(console, Signal::KILL);
    wait_until("another one answers", || is_served(&world) && console_of(&guard) != console);
    assert_eq!(guard.status().unwrap()["since"], since, "it is the same guard");
    guard.stop();
}

#[test]
fn who_guesses_at_the_console_is_found_by_the_engine() {
    let world = world();
    let guard = world.guard(Place::Powerless);
    wait_until("the console answers", || is_served(&world));
    // Nobody has an account, so every try is a wrong one. The socket has no address.
    let form = "name=eve&password=a+wrong+password&code=1";
    for _ in 0..3 {
        let request = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                       Content-Type: application/x-www-form-urlencoded";
        let mut stream = UnixStream::connect(world.state().join("console.sock")).unwrap();
        write!(stream, "{request}\r\nContent-Length: {}\r\n\r\n{form}", form.len()).unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        assert!(told.contains("is wrong"), "{told}");
    }
    wait_until("the tries are on record", || {
        let found = world.objects(&["query", "server:mailward", "account:eve"]);
        found.len() == 3 && found.iter().all(|event| event["reason"] == "auth-failed")
    });
    guard.stop();
}

#[test]
fn the_dashboard_is_seen_in_a_terminal_and_where_there_is_none() {
    let world = World::new();
    world.append(&attack(now(), "203.0.113.9"));
    let guard = world.guard(Place::Powerless);
    world.append(&attack(now(), "203.0.113.9"));
    wait_until("it is counted", || world.ask(&["top"]).good().out.contains("203.0.113.9"));
    let shown = world.ask(&["top", "--last", "24h", "everything"]).good().out;
    for part in ["last 24h", "everything", "auth-failed", "TARGETED ACCOUNTS", "blocked", "GUARD"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no terminal, no colours");
    let nobody = world.ask(&["top", "account:nobody"]).good().out;
    assert!(nobody.contains("nothing happened"), "{nobody}");
    world.ask(&["top", "acount:bob"]).bad(2, &["no field is called acount"]);
    guard.stop();
    assert!(world.ask(&["top"]).good().out.contains("no guard runs"));
}
