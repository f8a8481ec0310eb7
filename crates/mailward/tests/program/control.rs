//! What operators order of a running guard, what it refuses, and what stays on record.

use crate::world::{Guard, Place, World, attack, now, signal, wait_until};
use mailward::control::Request;
use serde_json::Value;

fn begin(place: Place) -> (World, Guard) {
    let world = World::with("allow.networks = [\"198.51.100.0/24\"]");
    world.append("");
    let guard = world.guard(place);
    (world, guard)
}

fn subjects(world: &World) -> Vec<String> {
    let bans = world.objects(&["bans"]);
    let value = |ban: &Value| ban["subject"].as_object().unwrap().values().next().cloned();
    bans.iter().map(|ban| value(ban).unwrap().as_str().unwrap().to_owned()).collect()
}

#[test]
fn orders_are_carried_out_and_survive_a_restart() {
    let (world, guard) = begin(Place::Powerless);
    let told = world.ask(&["ban", "203.0.113.9", "--for", "3d", "--reason", "complaint"]).good();
    assert!(told.out.starts_with("203.0.113.9 would be banned for 3 d"), "{}", told.out);
    world.ask(&["ban", "2001:db8::/48"]).good();
    assert_eq!(subjects(&world), ["203.0.113.9", "2001:db8::/48"]);
    let told = world.ask(&["unban", "2001:db8::/48"]).good();
    assert!(told.out.contains("has ended"), "{}", told.out);
    let told = world.ask(&["unban", "203.0.113.77"]).good();
    assert!(told.out.contains("nothing held"), "{}", told.out);
    guard.stop();
    assert_eq!(subjects(&world), ["203.0.113.9"], "also while no guard runs");
    let why = world.ask(&["why", "203.0.113.9"]).good();
    assert!(why.out.contains("complaint") && why.out.contains("No guard runs now"), "{}", why.out);
    let guard = world.guard(Place::Powerless);
    assert_eq!(guard.status().unwrap()["holds"], 1);
    let why = world.objects(&["why", "203.0.113.9"]);
    let state = &why.iter().find(|object| object["type"] == "now").unwrap()["state"];
    assert_eq!(state["hold"]["rule"], "operator");
    world.ask(&["unban", "203.0.113.9"]).good();
    assert!(subjects(&world).is_empty());
}

#[test]
fn who_is_protected_is_not_banned_and_the_order_says_why() {
    let (world, _guard) = begin(Place::Namespace);
    for (subject, why) in [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("192.0.2.10", "an address of this host"),
        ("198.51.100.7", "the allowlist of the configuration"),
        ("198.51.100.0/24", "the allowlist of the configuration"),
        ("16.0.0.0/7", "wider than /8"),
        ("2000::/16", "wider than /8 (IPv4) or /20"),
    ] {
        world.ask(&["ban", subject]).bad(1, &["is not banned", why]);
    }
    // A network that holds one of them neither.
    world.ask(&["ban", "192.0.2.0/24"]).bad(1, &["is not banned"]);
    assert!(subjects(&world).is_empty());
    let told = world.ask(&["ban", "203.0.113.9"]).good();
    assert_eq!(told.out, "203.0.113.9 is banned until it is lifted\n");
    assert_eq!(subjects(&world), ["203.0.113.9"]);
}

#[test]
fn what_cannot_be_banned_is_never_said_to_be() {
    let (world, guard) = begin(Place::Namespace);
    for (none, words) in [
        ("joe@example.net", ["only addresses and networks", "mailward why joe@example.net"]),
        ("203.0.113", ["not an IPv4 or IPv6 address", "198.51.100.0/24"]),
        ("203.0.113.300", ["not an IPv4 or IPv6 address", "198.51.100.0/24"]),
        ("203.0.113.0/33", ["the prefix length", "198.51.100.0/24"]),
    ] {
        world.ask(&["ban", none]).bad(2, &words);
        world.ask(&["allow", none]).bad(2, &["198.51.100.0/24"]);
    }
    for mistyped in ["203.0.113", "203.0.113.300", "2001:db8"] {
        world.ask(&["why", mistyped]).bad(2, &["not an IPv4 or IPv6 address"]);
        world.ask(&["unban", mistyped]).bad(2, &["not an IPv4 or IPv6 address"]);
    }
    for wide in ["0.0.0.0/0", "::/0", "::ffff:0:0/96", "10.0.0.0/7", "2001:db8::/19"] {
        world.ask(&["ban", wide]).bad(1, &["is not banned", "wider than /8 (IPv4) or /20 (IPv6)"]);
    }
    for term in ["0", "0d", "99999w", "-1h"] {
        let term = format!("--for={term}");
        world.ask(&["ban", "203.0.113.9", &term]).bad(2, &["what to do:"]);
        world.ask(&["allow", "203.0.113.9", &term]).bad(2, &["what to do:"]);
    }
    world.ask(&["allow", "0.0.0.0/0"]).bad(1, &["mode = \"observe\""]);
    // The socket is no way around.
    let ask = |subject: &str, duration_s| {
        let request =
            Request::Ban { subject: subject.to_owned(), duration_s, reason: String::new() };
        mailward::control::ask(&world.state(), &request).unwrap().unwrap()
    };
    assert!(!ask("joe@example.net", None).ok && !ask("203.0.113.9", Some(0)).ok);
    assert!(subjects(&world).is_empty());
    assert!(world.objects(&["query", "--actions"]).iter().all(|a| a["type"] != "decision"));
    drop(guard);
}

/// What an order is answered by `is banned` for, the kernel holds.
#[test]
fn what_is_said_to_be_banned_is_in_the_kernel() {
    let (world, guard) = begin(Place::Namespace);
    let in_kernel = |wanted: &str| {
        wait_until(&format!("the kernel holds {wanted}"), || {
            nft(guard.pid(), &["list", "ruleset"])
                .split([' ', ',', '\n'])
                .any(|word| word == wanted)
        });
    };
    let banned = |subject: &str, as_what: &str| {
        let told = world.ask(&["ban", subject]).good().out;
        assert!(told.starts_with(&format!("{as_what} is banned until it is lifted")), "{told}");
    };
    banned("::ffff:203.0.113.9", "203.0.113.9");
    in_kernel("203.0.113.9");
    banned("2001:db8:2::7", "2001:db8:2::7");
    in_kernel("2001:db8:2::7");
    banned("2001:db8:2::/64", "2001:db8:2::/64");
    in_kernel("2001:db8:2::");
    // Beside a protected neighbour, the single address.
    world.ask(&["allow", "2001:db8:3::1"]).good();
    banned("2001:db8:3::7", "2001:db8:3::7");
    in_kernel("2001:db8:3::7");
    world.ask(&["ban", "2001:db8:3::/64"]).bad(1, &["is not banned", "operator's order"]);
    // Once off the allowlist, of the configuration or because its time is over.
    world.ask(&["allow", "198.51.100.0/24", "--remove"]).good();
    banned("198.51.100.7", "198.51.100.7");
    in_kernel("198.51.100.7");
    let told = world.ask(&["allow", "203.0.114.0/24", "--for", "1s"]).good().out;
    assert_eq!(told, "203.0.114.0/24 is never banned for 1 s\n");
    wait_until("its time is over", || world.ask(&["ban", "203.0.114.9"]).code == Some(0));
    in_kernel("203.0.114.9");
    // An order for a part of what is allowed is no order for all of it.
    world.ask(&["allow", "203.0.115.0/24"]).good();
    world.ask(&["allow", "203.0.115.7", "--remove"]).bad(1, &["still", "203.0.115.0/24"]);
    let told = world.ask(&["unban", "2001:db8:2::8"]).good().out;
    assert_eq!(told, "the ban of 2001:db8:2::/64 has ended\n");
    let told = world.ask(&["unban", "0.0.0.0/0"]).good().out;
    assert_eq!(told, "the bans of 198.51.100.7 and of 2 more have ended\n");
    guard.stop();
}

#[test]
fn whoever_was_allowed_for_a_time_leaves_the_kernel_with_its_end() {
    let (world, guard) = begin(Place::Namespace);
    let allows = |network: &str| {
        let ruleset = nft(guard.pid(), &["list", "ruleset"]);
        assert!(ruleset.contains("198.51.100.0"), "{ruleset}");
        ruleset.contains(network)
    };
    wait_until("the rules stand", || {
        nft(guard.pid(), &["list", "ruleset"]).contains("198.51.100.0")
    });
    world.ask(&["allow", "203.0.113.0/24", "--for", "10s"]).good();
    wait_until("the kernel allows it", || allows("203.0.113.0"));
    wait_until("the kernel allows it no more", || !allows("203.0.113.0"));
    guard.stop();
}

#[test]
fn a_configured_network_stays_off_the_allowlist_until_the_list_is_changed() {
    let (world, guard) = begin(Place::Powerless);
    let take_off = || world.ask(&["allow", "198.51.100.0/24", "--remove"]).good();
    let listed = |guard: &Guard, count: &str| {
        let said = guard.said();
        let never = said.lines().rfind(|line| line.starts_with("never banned")).unwrap();
        assert!(never.ends_with(count), "{never}");
    };
    listed(&guard, " 1 allowed network");
    take_off();
    guard.stop();
    let guard = world.guard(Place::Powerless);
    listed(&guard, " 0 allowed networks");
    world.ask(&["ban", "198.51.100.7"]).good();
    guard.stop();
    world.configure("allow.networks = [\"203.0.113.0/24\"]");
    world.guard(Place::Powerless).stop();
    world.configure("allow.networks = [\"198.51.100.0/24\"]");
    let guard = world.guard(Place::Powerless);
    listed(&guard, " 1 allowed network");
    assert!(subjects(&world).is_empty());
    world.ask(&["ban", "198.51.100.7"]).bad(1, &["the allowlist of the configuration"]);
    // Also where the order is only in the records that are stepped again.
    take_off();
    guard.kill();
    let guard = world.guard(Place::Powerless);
    listed(&guard, " 0 allowed networks");
    guard.kill();
    world.configure("allow.networks = [\"198.51.100.0/24\", \"203.0.113.0/24\"]");
    let guard = world.guard(Place::Powerless);
    listed(&guard, " 2 allowed networks");
    world.ask(&["ban", "198.51.100.7"]).bad(1, &["the allowlist of the configuration"]);
    guard.stop();
}

#[test]
fn the_allowlist_ends_bans_prevents_them_and_stays() {
    let (world, guard) = begin(Place::Powerless);
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(12);
    assert_eq!(subjects(&world), ["203.0.113.9"]);
    let told = world.ask(&["allow", "203.0.113.0/24", "--reason", "office"]).good();
    assert!(told.out.contains("one ban has ended"), "{}", told.out);
    assert!(subjects(&world).is_empty());
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(24);
    assert!(subjects(&world).is_empty());
    guard.stop();
    let guard = world.guard(Place::Powerless);
    world.ask(&["ban", "203.0.113.9"]).bad(1, &["is not banned", "by an operator's order"]);
    world.ask(&["allow", "203.0.113.0/24", "--remove"]).good();
    world.append(&attack(now(), "203.0.113.10"));
    guard.reads(36);
    assert_eq!(subjects(&world), ["203.0.113.10"]);
}

#[test]
fn an_allowlist_that_was_widened_ends_earlier_bans_at_the_next_start() {
    let world = World::new();
    world.append("");
    for place in [Place::Powerless, Place::Namespace] {
        world.configure("");
        let guard = world.guard(place);
        let lines = guard.lines();
        world.append(&attack(now(), "203.0.113.9"));
        guard.reads(lines + 12);
        world.append(&attack(now(), "203.0.114.9"));
        guard.reads(lines + 24);
        assert_eq!(subjects(&world), ["203.0.113.9", "203.0.114.9"]);
        guard.stop();
        world.configure("allow.networks = [\"203.0.113.0/24\"]");
        let guard = world.guard(place);
        assert_eq!(subjects(&world), ["203.0.114.9"]);
        if place == Place::Namespace {
            wait_until("the kernel holds the other", || {
                guard.status().is_some_and(|status| status["kernel"]["bans"] == 1)
            });
        }
        world.ask(&["unban", "203.0.114.9"]).good();
        guard.stop();
    }
    let actions = world.objects(&["query", "--actions"]);
    let ended: Vec<&Value> =
        actions.iter().filter(|action| action["cause"] == "allowlist").collect();
    assert_eq!(ended.len(), 2, "on record, once for each start");
    assert!(ended.iter().all(|action| action["subject"]["client"] == "203.0.113.9"));
}

#[test]
fn orders_go_to_the_audit_trail_with_who_and_why() {
    let (world, guard) = begin(Place::Powerless);
    world.ask(&["ban", "203.0.113.9", "--for", "1h", "--reason", "a\u{1b}[31mb"]).good();
    world.ask(&["unban", "203.0.113.9", "--reason", "mistake"]).good();
    world.ask(&["allow", "203.0.113.0/24", "--for", "8h"]).good();
    world.ask(&["allow", "203.0.113.0/24", "--remove"]).good();
    world.ask(&["ban", "127.0.0.1"]).bad(1, &[]);
    guard.stop();
    let actions = world.objects(&["query", "--actions"]);
    let orders: Vec<&Value> = actions
        .iter()
        .filter(|action| action["type"] == "command" && action["operator"] != "mailward")
        .collect();
    let told: Vec<&str> = orders.iter().map(|order| order["order"].as_str().unwrap()).collect();
    assert_eq!(told[0], "ban 203.0.113.9 for 60 min");
    assert_eq!(told[1], "unban 203.0.113.9");
    let until = told[2].strip_prefix("allow 203.0.113.0/24 until ").unwrap();
    assert!(until.contains('T') && until.ends_with('Z'), "UTC for programs: {until}");
    assert_eq!(told[3], "disallow 203.0.113.0/24");
    assert_eq!(told[4], "ban 127.0.0.1", "what was refused is on record too");
    assert_eq!(orders[1]["reason"], "mistake");
    if rustix::process::geteuid().is_root() {
        assert!(orders.iter().all(|order| order["operator"] == "root"));
    }
    let ended = actions.iter().find(|action| action["type"] == "expiry").unwrap();
    assert_eq!(ended["cause"], "operator");
    let human = world.ask(&["query", "--actions"]).good();
    assert!(human.out.contains("ordered") && !human.out.contains('\u{1b}'));
}

#[test]
fn status_tells_sources_tables_and_the_kernel() {
    let (world, guard) = begin(Place::Namespace);
    world.append(&(attack(now(), "203.0.113.9") + "rubbish\n"));
    guard.reads(13);
    wait_until("the kernel holds the ban", || {
        guard.status().is_some_and(|status| status["kernel"]["bans"] == 1)
    });
    let ran = world.ask(&["status", "--format", "json"]).good();
    let status = &ran.objects()[0];
    assert_eq!((&status["mode"], &status["holds"]), (&"enforce".into(), &1.into()));
    let source = &status["sources"][0];
    assert_eq!((&source["state"], &source["lag_bytes"]), (&"following".into(), &0.into()));
    assert_eq!((&source["lines"], &source["events"]), (&13.into(), &12.into()));
    assert_eq!((&source["hostile"], &source["unknown"]), (&12.into(), &1.into()));
    assert_eq!(status["kernel"]["running"], true);
    assert!(!status["tables"].as_array().unwrap().is_empty());
    let human = world.ask(&["status"]).good();
    assert!(human.out.contains("mail.log") && !human.out.contains('\u{1b}'), "{}", human.out);
    // An operator's order reaches the kernel too, and its end.
    world.ask(&["ban", "203.0.113.0/28"]).good();
    wait_until("the kernel holds both", || {
        guard.status().is_some_and(|status| status["kernel"]["bans"] == 2)
    });
    world.ask(&["unban", "203.0.113.0/28"]).good();
    wait_until("the kernel holds neither", || {
        guard.status().is_some_and(|status| status["kernel"]["bans"] == 0)
    });
}

/// A command in the network namespace of a process.
fn inside(pid: u32, command: &[&str]) -> std::process::Command {
    let mut entered = std::process::Command::new("nsenter");
    if !rustix::process::geteuid().is_root() {
        entered.args(["-U", "--preserve-credentials"]);
    }
    entered.args(["-n", "-t", &pid.to_string(), "--"]).args(command);
    entered
}

/// What `nft` says there.
fn nft(pid: u32, arguments: &[&str]) -> String {
    let mut command = inside(pid, &[&["nft"], arguments].concat());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_flushed_packet_filter_is_healed_and_bans_outlive_the_guard() {
    let (world, guard) = begin(Place::Namespace);
    world.ask(&["ban", "203.0.113.9", "--for", "1h"]).good();
    let holds = |pid| nft(pid, &["list", "ruleset"]).contains("203.0.113.9");
    wait_until("the kernel holds the ban", || holds(guard.pid()));
    nft(guard.pid(), &["flush", "ruleset"]);
    wait_until("the kernel holds the ban again", || holds(guard.pid()));
    wait_until("it is told", || {
        guard.status().unwrap()["kernel"]["notes"].to_string().contains("healed")
    });
    // Another process keeps the namespace when guard and enforcer are gone.
    let mut keeper = inside(guard.pid(), &["sleep", "300"]).spawn().unwrap();
    wait_until("the keeper is there", || holds(keeper.id()));
    guard.stop();
    let left = nft(keeper.id(), &["list", "ruleset"]);
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    assert!(left.contains("203.0.113.9"), "{left}");
}

#[test]
fn a_single_ipv6_address_is_banned_beside_an_allowed_one_and_ends_alone() {
    let world = World::with("allow.networks = [\"2001:db8:1::25\"]");
    world.append("");
    let guard = world.guard(Place::Namespace);
    let told = world.ask(&["ban", "2001:db8:1::7"]).good();
    assert!(told.out.contains("the rest of 2001:db8:1::/64 is not"), "{}", told.out);
    world.ask(&["ban", "2001:db8:2::/64"]).good();
    world.ask(&["ban", "2001:db8:2::7", "--for", "2s"]).good();
    // Where the kernel's answer is late, it is not told.
    let kernel = |subject: &str| {
        let mut told = Value::Null;
        wait_until("the kernel answers", || {
            let why = world.objects(&["why", subject]);
            let now = why.iter().find(|object| object["type"] == "now").unwrap();
            told = now["state"]["kernel"].clone();
            told["held"].is_boolean()
        });
        told
    };
    wait_until("the kernel holds it", || kernel("2001:db8:1::7")["network"] == "2001:db8:1::7/128");
    assert_eq!(kernel("2001:db8:1::8")["held"], false);
    wait_until("the single ban has ended", || {
        subjects(&world) == ["2001:db8:1::7", "2001:db8:2::/64"]
    });
    wait_until("the guard ended it, too", || guard.status().unwrap()["holds"] == 2);
    assert_eq!(kernel("2001:db8:2::7")["network"], "2001:db8:2::/64", "the network stays");
    assert!(!guard.status().unwrap()["kernel"]["notes"].to_string().contains("is not banned"));
    guard.stop();
}

#[test]
fn by_default_rates_are_limited_and_connections_are_not_tracked() {
    let (_world, guard) = begin(Place::Namespace);
    let mut rules = String::new();
    wait_until("the rules stand", || {
        rules = nft(guard.pid(), &["list", "table", "inet", "mailward"]);
        rules.contains("limit rate over 3000/minute burst 1000 packets")
    });
    assert!(!rules.split_whitespace().any(|word| word == "ct"), "{rules}");
    let exempt = rules.find("\"unlimited ").unwrap();
    let bans = rules.rfind("\"ban-v6-").unwrap();
    let limits = rules.find("\"rate-address-v4 ").unwrap();
    assert!(bans < exempt && exempt < limits, "{rules}");
    guard.stop();
}

#[test]
fn without_power_over_the_kernel_it_observes_and_says_so() {
    let (world, guard) = begin(Place::Powerless);
    wait_until("it says so", || guard.said().contains("nothing is dropped"));
    let ran = world.ask(&["status"]);
    assert_eq!(ran.code, Some(1), "somebody should look");
    assert!(ran.out.contains("bans: none"), "{}", ran.out);
    let what = if rustix::process::geteuid().is_root() { "CAP_NET_ADMIN" } else { "run as root" };
    assert!(ran.out.contains(what), "{}", ran.out);
    assert!(ran.out.contains(" UTC, "), "times are in the reader's zone: {}", ran.out);
    let nothing = world.ask(&["query", "--client", "203.0.113.201"]).good();
    assert_eq!((nothing.out.as_str(), nothing.err.as_str()), ("", "nothing on record\n"));
}

#[test]
fn a_second_guard_on_the_same_state_is_refused() {
    let (world, guard) = begin(Place::Powerless);
    for place in [Place::Powerless, Place::Namespace] {
        let mut second = world.start(place);
        assert_eq!(second.ends().code(), Some(1));
        assert!(second.said().contains("another guard runs"), "{}", second.said());
    }
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(12);
    guard.stop();
}

#[test]
fn a_second_guard_in_one_network_namespace_is_refused_and_may_observe() {
    let (world, guard) = begin(Place::Namespace);
    world.ask(&["ban", "203.0.113.9", "--for", "1h"]).good();
    let holds = || nft(guard.pid(), &["list", "ruleset"]).contains("203.0.113.9");
    wait_until("the kernel holds the ban", holds);
    let second = World::new();
    second.append("");
    let config = second.config().display().to_string();
    let up = [env!("CARGO_BIN_EXE_mailward"), "up", "--config", &config];
    let refused = inside(guard.pid(), &up).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for word in ["another guard drives", &format!("process {})", guard.pid()), "mode = \"observe\""]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
    std::fs::write(second.config(), {
        let text = std::fs::read_to_string(second.config()).unwrap();
        format!("mode = \"observe\"\n{text}")
    })
    .unwrap();
    // It ends by itself where the test does not end it.
    let up = [&["timeout", "180"], &up[..]].concat();
    let mut observer =
        inside(guard.pid(), &up).stdout(std::process::Stdio::null()).spawn().unwrap();
    wait_until("the second observes", || second.ask(&["status"]).out.contains("this one observes"));
    second.append(&attack(now(), "203.0.113.77"));
    wait_until("it reads", || second.ask(&["status"]).out.contains("12 lines read"));
    assert!(holds(), "the first still enforces");
    assert!(!nft(guard.pid(), &["list", "ruleset"]).contains("203.0.113.77"));
    signal(observer.id(), rustix::process::Signal::TERM);
    assert!(observer.wait().unwrap().success());
    guard.stop();
}

#[test]
fn requests_that_are_none_are_refused() {
    use std::io::{Read as _, Write as _};
    let (world, guard) = begin(Place::Powerless);
    let socket = world.state().join("control.sock");
    for request in [&b"\n"[..], b"{}\n", b"{\"command\": \"ban\"}\n", b"\0\xff\n", b"[[[[\n"] {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\"ok\":false"), "{answer}");
    }
    // Too long, and one that never ends its request: neither holds up another.
    let mut long = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let _ = long.write_all(&vec![b'a'; 1 << 20]);
    let mut silent = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    silent.write_all(b"{\"command\"").unwrap();
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(12);
}

#[test]
fn the_service_manager_hears_of_the_start_of_life_and_of_the_end() {
    for place in [Place::Powerless, Place::Namespace] {
        let world = World::new();
        world.append("");
        let socket = std::os::unix::net::UnixDatagram::bind(world.path("notify")).unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        let hear = || {
            let mut buffer = [0; 512];
            let length = loop {
                match socket.recv(&mut buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    received => break received.unwrap(),
                }
            };
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        let wait_for = |word: &str| while hear() != word {};
        let guard = world.guard(place);
        wait_for("READY=1");
        wait_for("WATCHDOG=1");
        let hold = if place == Place::Powerless { "would hold" } else { "hold" };
        wait_for(&format!("STATUS=0 bans {hold}; 0 lines read"));
        world.append(&attack(now(), "203.0.113.9"));
        let holds = if place == Place::Powerless { "would hold" } else { "holds" };
        wait_for(&format!("STATUS=1 ban {holds}; 12 lines read"));
        wait_for("WATCHDOG=1");
        guard.stop();
        wait_for("STOPPING=1");
    }
}

#[test]
fn askers_who_never_read_hold_nobody_up() {
    use std::io::Write as _;
    let (world, guard) = begin(Place::Powerless);
    let socket = world.state().join("control.sock");
    // Fewer than are served at once: each has asked and takes no answer.
    let _deaf: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
            stream.write_all(b"{\"command\":\"status\"}\n").unwrap();
            stream
        })
        .collect();
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(12);
    guard.stop();
}
