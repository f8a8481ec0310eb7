//! The console beside a real guard: it is confined, orders in its users' names, and the guard does
//! not need it.
#![cfg(feature = "console")]

use crate::world::{Guard, Place, World, attack, children, now, signal, stamp, wait_until};
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
pub fn answer(world: &World, request: &str, body: &str) -> Option<String> {
    let mut stream = UnixStream::connect(world.state().join("console.sock")).ok()?;
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json";
    write!(stream, "{request} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

pub fn is_served(world: &World) -> bool {
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
    let login = "mx dovecot: imap-login: Login: user=<user3@example.org>, method=PLAIN, \
                 rip=198.51.100.7, lip=192.0.2.10, mpid=7, TLS, session=<x>";
    world.append(&format!("{} {login}\n", stamp(now())));
    world.append(&attack(now(), "203.0.113.9"));
    wait_until("it is counted", || world.ask(&["top"]).good().out.contains("203.0.113.9"));
    let shown = world.ask(&["top", "--last", "24h", "everything"]).good().out;
    for part in ["last 24h", "everything", "auth-failed", "TARGETED ACCOUNTS", "blocked", "GUARD"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no terminal, no colours");
    // An account that is attacked, and into which somebody got before.
    let shown = world.ask(&["top", "--last", "24h"]).good().out;
    assert!(shown.contains("last login"), "{shown}");
    let row = |account: &str| shown.lines().find(|line| line.contains(account)).unwrap().trim_end();
    assert!(!row("user3@example.org").ends_with('\u{2013}'), "{shown}");
    assert!(row("user4@example.org").ends_with('\u{2013}'), "{shown}");
    let nobody = world.ask(&["top", "account:nobody"]).good().out;
    assert!(nobody.contains("nothing happened"), "{nobody}");
    world.ask(&["top", "acount:bob"]).bad(2, &["no field is called acount"]);
    guard.stop();
    assert!(world.ask(&["top"]).good().out.contains("no guard runs"));
}

/// A key and a certificate of its own making, which only their owner may read, in a directory that
/// only its owner may look into.
fn make_certificate(world: &World, days: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = world.path("tls");
    std::fs::create_dir_all(&dir).unwrap();
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=mail.example.org", "-keyout", "key.pem", "-out", "cert.pem"])
        .args(["-days", &days.to_string()])
        .current_dir(&dir)
        .stderr(std::process::Stdio::null())
        .status();
    assert!(made.unwrap().success());
    for (path, mode) in [("cert.pem", 0o600), ("key.pem", 0o600), ("", 0o700)] {
        std::fs::set_permissions(dir.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn world_with_tls() -> World {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world();
    make_certificate(&world, 10);
    let text = std::fs::read_to_string(world.config()).unwrap();
    let path = |name: &str| world.path("tls").join(name);
    let tls = format!(
        "console.certificate = {:?}\nconsole.key = {:?}\n",
        path("cert.pem"),
        path("key.pem")
    );
    std::fs::write(world.config(), tls + &text).unwrap();
    // The state directory must be reached, the key must not.
    std::fs::set_permissions(world.path("."), std::fs::Permissions::from_mode(0o755)).unwrap();
    world
}

/// A number of the console's metrics.
fn metric(world: &World, name: &str) -> Option<i64> {
    let answer = answer(world, "GET /metrics", "")?;
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

fn days_left(world: &World) -> i64 {
    let left_s = metric(world, "mailward_console_certificate_left_seconds").unwrap();
    (left_s + 3600) / 86_400
}

const STALE: &str = "mailward_console_certificate_stale";

#[test]
fn a_key_that_only_root_can_read_is_served_and_renewed() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root, to be somebody else");
    }
    let world = world_with_tls();
    let guard = world.guard(Place::User);
    wait_until("the console answers", || is_served(&world));
    let status = std::fs::read_to_string(format!("/proc/{}/status", console_of(&guard))).unwrap();
    let uid = format!("Uid:\t{0}\t{0}\t{0}\t{0}", crate::world::USER);
    assert!(status.contains(&uid), "{status}");
    assert_eq!(days_left(&world), 10);
    assert_eq!(metric(&world, STALE), Some(0));
    // A pair that does not belong together is told as such, and is not served.
    let key = std::fs::read(world.path("tls/key.pem")).unwrap();
    make_certificate(&world, 20);
    let renewed_key = std::fs::read(world.path("tls/key.pem")).unwrap();
    std::fs::write(world.path("tls/key.pem"), key).unwrap();
    wait_until("it is seen", || metric(&world, STALE) == Some(1));
    std::thread::sleep(std::time::Duration::from_secs(2));
    std::fs::write(world.path("tls/key.pem"), renewed_key).unwrap();
    wait_until("the renewed one is served", || metric(&world, STALE) == Some(0));
    assert_eq!(days_left(&world), 20);
    assert!(!guard.said().contains("the certificate before is served"), "{}", guard.said());
    // One that is away is told as soon as it is no half of a renewal, with what to do.
    std::fs::remove_file(world.path("tls/key.pem")).unwrap();
    wait_until("it is seen", || metric(&world, STALE) == Some(1));
    wait_until("it is told", || guard.said().contains("the certificate before is served"));
    let said = guard.said();
    assert!(
        said.contains("key.pem: No such file") && said.contains("put console.certificate"),
        "{said}"
    );
    assert!(is_served(&world));
    guard.stop();
    // Without it there is none, and that is told, too.
    let guard = world.guard(Place::User);
    wait_until("it is told", || guard.said().contains("key.pem: No such file"));
    guard.stop();
}

#[test]
fn a_console_that_can_read_its_files_looks_after_them_itself() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root, to be somebody else");
    }
    let world = world_with_tls();
    // Root without root's rights, who owns the files; nobody hands anything over.
    let guard = world.guard(Place::Powerless);
    wait_until("the console answers", || is_served(&world));
    assert_eq!(days_left(&world), 10);
    std::fs::write(world.path("tls/cert.pem"), "-----BEGIN").unwrap();
    wait_until("it is seen", || metric(&world, STALE) == Some(1));
    make_certificate(&world, 20);
    wait_until("the renewed one is served", || metric(&world, STALE) == Some(0));
    assert_eq!(days_left(&world), 20);
    assert!(!guard.said().contains("a renewed one will not be"), "{}", guard.said());
    guard.stop();
}

#[test]
fn where_nobody_will_see_a_renewed_certificate_it_is_told_at_the_start() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root, to be somebody else");
    }
    let world = world_with_tls();
    let state = world.state();
    std::fs::create_dir(&state).unwrap();
    let user = Some(crate::world::USER);
    std::os::unix::fs::chown(&state, user, user).unwrap();
    // A console looks for the guard's socket before all else.
    std::fs::write(mailward::control::socket_path(&state), "").unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut console = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(["console", "serve", "--alone", "--config"])
        .arg(world.config())
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = std::io::BufReader::new(console.stderr.take().unwrap());
    let said: Vec<String> = said.lines().map_while(Result::ok).take(2).collect();
    assert!(
        said[0].contains("a renewed one will not be: ") && said[0].contains("cert.pem"),
        "{said:?}"
    );
    assert!(said[1].contains("start mailward anew after each renewal"), "{said:?}");
    drop(ours);
    assert!(console.wait().unwrap().success(), "it ends with whoever started it");
}
