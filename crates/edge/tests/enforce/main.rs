//! The enforcer against a real kernel, proved with traffic.

// A test that cannot go on ends with a panic.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use edge::enforce::kernel::KernelError;
use edge::enforce::{
    ASKERS_MAX, AllowOnly, Ban, EnforceError, EnforcerLock, LOCK_NAME, Limits, Report, Ruleset,
    Scope, probe, serve,
};
use event::{Mode, Network};
use world::{HONEST, HONEST6, World, alive, is_reset};

fn networks(list: &[&str]) -> Vec<Network> {
    list.iter().map(|network| network.parse().unwrap()).collect()
}

#[test]
fn a_banned_client_is_dropped_and_counted_and_an_honest_one_is_not() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    println!("{}", world.nft("list ruleset"));
    assert!(world.answers("198.51.100.7", 25));
    assert_eq!(enforcer.held("198.51.100.7"), None);
    enforcer.ban("198.51.100.7");
    let held = enforcer.held("198.51.100.7").unwrap();
    assert_eq!(held.network.to_string(), "198.51.100.7/32");
    assert!((3590..=3600).contains(&held.remaining_s.unwrap()));
    for port in [25, 143, 993] {
        assert!(!world.answers("198.51.100.7", port));
        assert!(world.answers("198.51.100.8", port));
        assert!(world.answers(HONEST, port));
    }
    assert!(world.answers("198.51.100.7", 8080), "bans cover mail ports only");
    assert!(enforcer.counter("ban-v4-32") >= 3);
    assert_eq!(enforcer.counter("ban-v4-24"), 0);
    enforcer.unban("198.51.100.7");
    assert_eq!(enforcer.held("198.51.100.7"), None);
    assert!(world.answers("198.51.100.7", 25));
    enforcer.stop();
}

#[test]
fn a_held_connection_is_cut_by_a_ban() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    for (guilty, innocent) in [("198.51.100.7", "198.51.100.8"), ("2001:db8:bad::7", HONEST6)] {
        let mut held = world.connect(guilty, 143).unwrap();
        let mut elsewhere = world.connect(guilty, 8080).unwrap();
        let mut honest = world.connect(innocent, 143).unwrap();
        assert!(alive(&mut held));
        enforcer.ban(guilty);
        assert!(is_reset(&mut held));
        assert!(alive(&mut honest));
        assert!(alive(&mut elsewhere), "not a mail port");
        assert!(world.answers(innocent, 143), "the listening socket stays");
    }
    enforcer.counter("");
    let closed: u32 = enforcer
        .heard
        .iter()
        .map(|report| if let Report::Closed { sockets } = report { *sockets } else { 0 })
        .sum();
    assert_eq!(closed, 2);
    enforcer.stop();
}

#[test]
fn prefixes_are_banned_whole() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    // /23 and /56 are lengths that have no set at first.
    for (network, inside, outside) in [
        ("198.51.100.0/24", "198.51.100.250", "203.0.113.1"),
        ("203.0.112.0/23", "203.0.113.9", HONEST),
        ("2001:db8:bad:5::/64", "2001:db8:bad:5:ffff::9", "2001:db8:bad:6::9"),
        ("2001:db8:bad:700::/56", "2001:db8:bad:7ab::1", "2001:db8:bad:800::1"),
    ] {
        assert!(world.answers(inside, 25), "{network}");
        enforcer.ban(network);
        assert!(!world.answers(inside, 25), "{network}");
        assert!(world.answers(outside, 25), "{network}");
        assert_eq!(enforcer.held(inside).unwrap().network.to_string(), network);
        let network: Network = network.parse().unwrap();
        let family = if network.address().is_ipv4() { "v4" } else { "v6" };
        assert!(enforcer.counter(&format!("ban-{family}-{}", network.prefix())) >= 1);
    }
    enforcer.stop();
}

#[test]
fn the_allowlist_wins_over_bans_and_what_must_not_be_banned_is_refused() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    enforcer.ban("198.51.100.7");
    enforcer.ban("198.51.100.0/24");
    assert!(!world.answers("198.51.100.7", 25));
    // Allowed later: what covers it is lifted, and said so.
    let ruleset =
        Ruleset { allow: networks(&["198.51.100.7", "2001:db8:bad:1::/64"]), ..Default::default() };
    let sequence = enforcer.handle().ruleset(&ruleset).unwrap();
    enforcer.applied(sequence);
    assert!(world.answers("198.51.100.7", 25));
    for network in ["198.51.100.0/24", "2001:db8:bad:1::5", "127.0.0.1", "fe80::1", "0.0.0.0/0"] {
        let network: Network = network.parse().unwrap();
        enforcer.handle().ban(&[Ban { network, remaining_s: Some(60) }]).unwrap();
        enforcer.wait(|report| {
            matches!(report, Report::Refused { network: n, .. } if *n == network).then_some(())
        });
    }
    // Even a ban that somebody else puts into our set does not reach it.
    let set = ban_set(&world, "ban_v4_24");
    world.nft(&format!("add element inet mailward {set} {{ 198.51.100.0 }}"));
    assert!(!world.answers("198.51.100.8", 25));
    assert!(world.answers("198.51.100.7", 25));
    enforcer.stop();
}

/// The full name of a set, as it is in the kernel.
fn ban_set(world: &World, prefix: &str) -> String {
    let text = world.nft("-t list sets inet");
    let mut names = text.lines().filter_map(|line| line.trim().strip_prefix("set "));
    names.find(|name| name.starts_with(prefix)).unwrap().trim_end_matches(" {").to_owned()
}

#[test]
fn a_port_for_listed_networks_only() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    let only = networks(&["198.51.100.0/25", "203.0.113.5", "2001:db8:bad:2::/64"]);
    enforcer.begin(&Ruleset {
        allow: networks(&["203.0.113.77"]),
        allow_only: vec![AllowOnly { port: 993, networks: only }],
        ..Default::default()
    });
    for (source, may) in [
        ("198.51.100.9", true),
        ("203.0.113.5", true),
        ("203.0.113.77", true),
        ("2001:db8:bad:2::9", true),
        ("198.51.100.200", false),
        ("203.0.113.6", false),
        ("2001:db8:bad:3::9", false),
    ] {
        assert_eq!(world.answers(source, 993), may, "{source}");
        assert!(world.answers(source, 143), "{source}");
    }
    assert!(enforcer.counter("only-993-v4") >= 2);
    assert!(enforcer.counter("only-993-v6") >= 1);
    enforcer.ban("198.51.100.9");
    assert!(!world.answers("198.51.100.9", 993), "the list does not lift bans");
    enforcer.stop();
}

/// Who is protected was found, not listed: he is not banned, and such a port stays shut to him.
#[test]
fn the_surroundings_do_not_open_a_port_for_listed_networks() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    let protect = networks(&["198.51.100.7", "198.51.100.8", "2001:db8:bad:1::/64"]);
    let mut ruleset = Ruleset {
        protect,
        limits: Limits {
            connections_per_minute_per_address: 1,
            burst_per_address: 1,
            ..Default::default()
        },
        ..Default::default()
    };
    enforcer.begin(&ruleset);
    let mut held = world.connect("198.51.100.7", 993).unwrap();
    let only = networks(&["198.51.100.8", "2001:db8:bad:1::9"]);
    ruleset.allow_only = vec![AllowOnly { port: 993, networks: only }];
    let sequence = enforcer.handle().ruleset(&ruleset).unwrap();
    enforcer.applied(sequence);
    for (source, may) in [
        ("198.51.100.7", false),
        ("198.51.100.8", true),
        ("2001:db8:bad:1::9", true),
        ("2001:db8:bad:1::8", false),
    ] {
        for _ in 0..3 {
            assert_eq!(world.answers(source, 993), may, "{source}");
            assert!(world.answers(source, 143), "{source} is not limited");
        }
    }
    assert!(alive(&mut held), "who is in already goes on");
    assert!(enforcer.counter("open-993-v4") >= 3);
    assert!(enforcer.counter("open-993-v6") >= 3);
    let network: Network = "198.51.100.0/24".parse().unwrap();
    enforcer.handle().ban(&[Ban { network, remaining_s: Some(60) }]).unwrap();
    enforcer.wait(|report| {
        matches!(report, Report::Refused { network: n, .. } if *n == network).then_some(())
    });
    enforcer.stop();
}

#[test]
fn rates_are_limited_per_address_and_prefix() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset {
        limits: Limits {
            connections_per_minute_per_address: 1,
            burst_per_address: 4,
            connections_per_minute_per_prefix: 1,
            burst_per_prefix: 7,
            ..Default::default()
        },
        ..Default::default()
    });
    for sources in [
        ["198.51.100.1", "198.51.100.2", "203.0.113.1"],
        ["2001:db8:bad:1::1", "2001:db8:bad:2::1", HONEST6],
    ] {
        assert_eq!(world.connect_many(sources[0], 25, 6).len(), 4, "the address's burst");
        assert_eq!(world.connect_many(sources[1], 143, 6).len(), 3, "the rest of the prefix's");
        assert_eq!(world.connect_many(sources[2], 25, 2).len(), 2, "another prefix");
        assert_eq!(world.connect_many(sources[0], 8080, 2).len(), 2, "no mail port");
    }
    // Another address of one IPv6 /64 is the same client.
    assert_eq!(world.connect_many("2001:db8:bad:1::2", 25, 2).len(), 0);
    assert!(enforcer.counter("rate-address-v4") >= 2);
    assert!(enforcer.counter("rate-prefix-v4") >= 1);
    assert!(enforcer.counter("rate-address-v6") >= 2);
    enforcer.stop();
}

#[test]
fn concurrent_connections_are_limited() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset {
        limits: Limits {
            concurrent_per_address: 3,
            concurrent_per_prefix: 5,
            ..Default::default()
        },
        ..Default::default()
    });
    for [one, two] in [["198.51.100.1", "198.51.100.2"], ["2001:db8:bad:1::1", "2001:db8:bad:2::1"]]
    {
        let mut first = world.connect_many(one, 25, 5);
        assert_eq!(first.len(), 3);
        assert!(first.iter_mut().all(alive), "those held go on");
        assert_eq!(world.connect_many(two, 25, 4).len(), 2, "the rest of the prefix's");
    }
    assert!(enforcer.counter("concurrent-address-v4") >= 2);
    assert!(enforcer.counter("concurrent-prefix-v6") >= 1);
    enforcer.stop();
}

#[test]
fn whom_the_limits_do_not_hold_for_can_be_banned() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset {
        limits: Limits {
            connections_per_minute_per_address: 1,
            burst_per_address: 2,
            connections_per_minute_per_prefix: 1,
            burst_per_prefix: 3,
            concurrent_per_address: 2,
            ..Default::default()
        },
        unlimited: networks(&["198.51.100.0/25", "2001:db8:bad:1::/64"]),
        ..Default::default()
    });
    for (proxy, other) in
        [("198.51.100.1", "198.51.100.200"), ("2001:db8:bad:1::1", "2001:db8:bad:2::1")]
    {
        assert_eq!(world.connect_many(proxy, 25, 6).len(), 6);
        assert_eq!(world.connect_many(other, 25, 4).len(), 2);
        enforcer.ban(proxy);
        assert!(!world.answers(proxy, 25));
    }
    enforcer.stop();
}

#[test]
fn observing_counts_and_drops_nothing() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset {
        mode: Mode::Observe,
        limits: Limits {
            connections_per_minute_per_address: 1,
            burst_per_address: 1,
            ..Default::default()
        },
        allow_only: vec![AllowOnly { port: 993, networks: networks(&["203.0.113.0/24"]) }],
        ..Default::default()
    });
    let mut held = world.connect("198.51.100.7", 25).unwrap();
    enforcer.ban("198.51.100.7");
    assert!(alive(&mut held));
    for _ in 0..4 {
        assert!(world.answers("198.51.100.7", 25));
        assert!(world.answers("198.51.100.8", 143));
        assert!(world.answers("198.51.100.9", 993));
    }
    assert!(enforcer.counter("ban-v4-32") >= 4);
    assert!(enforcer.counter("rate-address-v4") >= 3);
    assert!(enforcer.counter("only-993-v4") >= 4);
    // Then in earnest: the same bans, no restart.
    let sequence = enforcer.handle().ruleset(&Ruleset::default()).unwrap();
    enforcer.applied(sequence);
    assert!(!world.answers("198.51.100.7", 25));
    assert!(enforcer.counter("ban-v4-32") >= 4, "counters outlive a change of rules");
    // And off: nothing is left.
    let off = Ruleset { mode: Mode::Off, ..Default::default() };
    let sequence = enforcer.handle().ruleset(&off).unwrap();
    enforcer.applied(sequence);
    assert_eq!(world.nft("list ruleset"), "");
    assert!(world.answers("198.51.100.7", 25));
    enforcer.stop();
}

#[test]
fn all_ports_when_asked() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset { scope: Scope::All, ..Default::default() });
    let mut held = world.connect("198.51.100.7", 8080).unwrap();
    enforcer.ban("198.51.100.7");
    assert!(is_reset(&mut held));
    assert!(!world.answers("198.51.100.7", 8080));
    assert!(world.answers("198.51.100.8", 8080));
    enforcer.stop();
}

#[test]
fn what_others_break_is_healed() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset { allow: networks(&["203.0.113.77"]), ..Default::default() });
    enforcer.ban("198.51.100.7");
    enforcer.ban("2001:db8:bad:5::/64");
    for (damage, said) in [
        ("flush ruleset", "table"),
        ("delete table inet mailward", "table"),
        ("flush chain inet mailward input", "rules"),
        ("insert rule inet mailward input accept", "rules"),
        ("add table inet mailward { flags dormant; }", "dormant"),
        ("chain inet mailward input { policy drop ; }", "policy"),
        ("add chain inet mailward z { type filter hook input priority 9 ; policy drop ; }", "ours"),
        ("flush set inet mailward BANS", "bans"),
        ("delete element inet mailward BANS { 198.51.100.7 }", "bans"),
        ("flush set inet mailward PORTS", "elements"),
    ] {
        let damage = damage.replace("BANS", &ban_set(&world, "ban_v4_32"));
        let damage = damage.replace("PORTS", &ban_set(&world, "ports"));
        enforcer.heard.clear();
        world.nft(&damage);
        let (text, micros) = enforcer.wait(|report| match report {
            Report::Healed { text, micros } => Some((text.clone(), *micros)),
            _ => None,
        });
        println!("{damage}: {text}, {micros} us");
        assert!(text.contains(said), "{damage}: {text}");
        assert!(!world.answers("198.51.100.7", 25), "{damage}");
        assert!(!world.answers("2001:db8:bad:5::1", 25), "{damage}");
        assert!(world.answers("198.51.100.8", 25), "{damage}");
        assert!(world.answers("198.51.100.8", 8080), "{damage}");
    }
    enforcer.stop();
}

/// Rules in a chain that no packet comes to would be as marked, and do nothing.
#[test]
fn a_chain_of_our_name_at_another_place_is_replaced() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    enforcer.ban("198.51.100.7");
    let directory = tempfile::tempdir().unwrap();
    let damage = directory.path().join("damage.nft");
    for place in ["", "{ type filter hook input priority 300; policy accept; }"] {
        let text = format!(
            "flush chain inet mailward input\ndelete chain inet mailward input\n\
             add chain inet mailward input {place}\n\
             add chain inet mailward x {{ type filter hook prerouting priority 0; }}\n\
             add rule inet mailward x counter\n"
        );
        std::fs::write(&damage, text).unwrap();
        world.nft(&format!("-f {}", damage.display()));
        let told = |report: &Report| matches!(report, Report::Healed { .. }).then_some(());
        enforcer.wait(told);
        let chains = world.nft("list chains inet");
        assert!(chains.contains("hook input priority filter - 10; policy accept;"), "{chains}");
        assert!(!chains.contains("chain x "), "{chains}");
        assert!(!world.answers("198.51.100.7", 25), "{place}");
        assert!(world.answers("198.51.100.8", 25), "{place}");
        enforcer.heard.clear();
    }
    enforcer.stop();
}

#[test]
fn what_others_do_elsewhere_is_left_alone() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    enforcer.ban("198.51.100.7");
    world.nft("add table inet other");
    world.nft("add chain inet other input { type filter hook input priority 0; }");
    world.nft("add rule inet other input ct state established accept");
    // Our name in another family.
    world.nft("add table ip mailward");
    world.nft("add set ip mailward ban_v4_32_g0 { type ipv4_addr; }");
    world.nft("add element ip mailward ban_v4_32_g0 { 192.0.2.9 }");
    world.nft("delete element ip mailward ban_v4_32_g0 { 192.0.2.9 }");
    world.nft("add chain ip mailward input { type filter hook input priority 0; }");
    assert!(!world.answers("198.51.100.7", 25));
    enforcer.ban("198.51.100.9");
    assert!(world.nft("list table inet other").contains("established"));
    assert!(world.nft("list table ip mailward").contains("chain input"));
    assert!(!enforcer.heard.iter().any(|report| matches!(report, Report::Healed { .. })));
    enforcer.stop();
    assert!(!world.answers("198.51.100.9", 25), "bans stay when the enforcer is gone");
}

#[test]
fn a_restart_leaves_no_hole() {
    let Some(world) = World::new() else { return };
    let ban = |network: &str, seconds| Ban {
        network: network.parse().unwrap(),
        remaining_s: Some(seconds),
    };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    for network in ["198.51.100.7", "203.0.112.0/23"] {
        enforcer.ban(network);
    }
    enforcer.stop();
    // A guessing client keeps trying all the while.
    let attack = world.within(world::Side::Clients, || {
        let mut through = 0;
        for _ in 0..8 {
            through +=
                u32::from(world::connect_from("198.51.100.7".parse().unwrap(), 25).is_some());
        }
        through
    });
    let mut enforcer = world.enforcer();
    let sequence = enforcer.handle().ruleset(&Ruleset::default()).unwrap();
    enforcer.applied(sequence);
    assert!(!world.answers("203.0.113.9", 25), "taken over");
    let many = (0..50_000u32).map(|n| Ban {
        network: Network::host(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into()),
        remaining_s: Some(600),
    });
    let snapshot: Vec<Ban> = many.chain([ban("198.51.100.7", 500)]).collect();
    let sequence = enforcer.handle().snapshot(snapshot).unwrap();
    enforcer.applied(sequence);
    assert!(world.answers("203.0.113.9", 25), "no longer desired");
    let held = enforcer.held("198.51.100.7").unwrap();
    assert!((400..=500).contains(&held.remaining_s.unwrap()));
    assert!(enforcer.held("10.0.195.79").is_some(), "the last of many");
    assert_eq!(attack.join().unwrap(), 0);
    // Later snapshots change only what differs.
    let sequence = enforcer.handle().snapshot([ban("198.51.100.9", 60)]).unwrap();
    enforcer.applied(sequence);
    assert_eq!(enforcer.held("198.51.100.7"), None);
    assert_eq!(enforcer.held("10.0.0.1"), None);
    assert!(enforcer.held("198.51.100.9").is_some());
    enforcer.stop();
}

#[test]
fn bans_end_by_themselves_and_get_new_times() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset { counters_per_ban: true, ..Default::default() });
    let network: Network = "198.51.100.7".parse().unwrap();
    for (remaining_s, low) in [(Some(100), 70), (Some(900), 870), (Some(200), 170)] {
        let sequence = enforcer.handle().ban(&[Ban { network, remaining_s }]).unwrap();
        enforcer.applied(sequence);
        let held = enforcer.held("198.51.100.7").unwrap().remaining_s.unwrap();
        assert!((low..=remaining_s.unwrap()).contains(&held), "{held}");
    }
    let sequence = enforcer.handle().ban(&[Ban { network, remaining_s: None }]).unwrap();
    enforcer.applied(sequence);
    let held = enforcer.held("198.51.100.7").unwrap();
    assert_eq!((held.remaining_s, held.packets), (None, Some(0)));
    assert!(!world.answers("198.51.100.7", 25));
    assert!(enforcer.held("198.51.100.7").unwrap().packets.unwrap() >= 1);
    let sequence = enforcer.handle().ban(&[Ban { network, remaining_s: Some(1) }]).unwrap();
    enforcer.applied(sequence);
    enforcer.stop();
    // Nobody is left to lift it: the kernel does.
    let answered = (0..20).any(|_| world.answers("198.51.100.7", 25));
    assert!(answered);
}

#[test]
fn bans_of_different_lengths_end_apart() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    for (single, network, neighbour) in [
        ("198.51.100.7", "198.51.100.0/24", "198.51.100.8"),
        ("2001:db8:bad:1::7", "2001:db8:bad:1::/64", "2001:db8:bad:1::8"),
    ] {
        enforcer.ban(network);
        let short = Ban { network: single.parse().unwrap(), remaining_s: Some(5) };
        let sequence = enforcer.handle().ban(&[short]).unwrap();
        enforcer.applied(sequence);
        assert_eq!(enforcer.held(single).unwrap().network, short.network);
        let begun = std::time::Instant::now();
        while enforcer.held(single).unwrap().network == short.network {
            assert!(begun.elapsed().as_secs() < 60, "it ends");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(!world.answers(single, 25), "the network holds it on");
        enforcer.ban(single);
        enforcer.unban(network);
        assert!(!world.answers(single, 25));
        assert!(world.answers(neighbour, 25), "{neighbour}");
    }
    enforcer.stop();
}

#[test]
fn one_holds_the_lock_until_it_ends_and_a_silent_name_keeps_nobody_away() {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, socket};
    use std::time::Duration;
    let Some(world) = World::new() else { return };
    let locks = move || {
        let lock = EnforcerLock::take(Duration::ZERO).unwrap();
        assert!(lock.is_held());
        let refused = EnforcerLock::take(Duration::ZERO).unwrap_err();
        let process = format!("process {}", std::process::id());
        assert!(refused.to_string().contains(&process), "{refused}");
        // However often it is asked.
        for _ in 0..3 * ASKERS_MAX {
            lock.answer();
            assert!(EnforcerLock::take(Duration::ZERO).is_err());
        }
        let next = std::thread::spawn(|| EnforcerLock::take(Duration::from_secs(60)));
        std::thread::sleep(Duration::from_millis(100));
        drop(lock);
        let next = next.join().unwrap().unwrap();
        assert!(next.is_held());
        drop(next);
        let silent = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        bind(&silent, &SocketAddrUnix::new_abstract_name(LOCK_NAME).unwrap()).unwrap();
        assert!(!EnforcerLock::take(Duration::ZERO).unwrap().is_held());
    };
    world.within(world::Side::Host, locks).join().unwrap();
}

#[test]
fn published_ports_are_guarded() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset {
        published: true,
        limits: Limits {
            connections_per_minute_per_address: 1000,
            burst_per_address: 1000,
            concurrent_per_address: 1000,
            ..Default::default()
        },
        allow_only: vec![AllowOnly { port: 993, networks: networks(&["198.51.100.1"]) }],
        ..Default::default()
    });
    // A container that serves mail on its port 2525, published as 25 and 993, and not as 8080.
    world.container(&[(25, 2525), (993, 2525), (8080, 2525)]);
    assert!(world.answers("198.51.100.7", 25));
    assert!(!world.answers("198.51.100.7", 993));
    assert!(world.answers("198.51.100.1", 993));
    enforcer.ban("198.51.100.7");
    assert!(!world.answers("198.51.100.7", 25));
    assert!(world.answers("198.51.100.8", 25));
    assert!(world.answers("198.51.100.7", 8080));
    enforcer.stop();
}

#[test]
fn without_privilege_the_error_says_so() {
    let Some(world) = World::new() else { return };
    let probed = world.within(world::Side::Host, || {
        let none = rustix::thread::CapabilitySet::empty();
        let sets =
            rustix::thread::CapabilitySets { effective: none, permitted: none, inheritable: none };
        rustix::thread::set_capabilities(None, sets).unwrap();
        probe()
    });
    let error = probed.join().unwrap().unwrap_err();
    assert!(matches!(error, EnforceError::Kernel(KernelError::NotPermitted)), "{error}");
    let permitted = world.within(world::Side::Host, probe).join().unwrap();
    assert!(permitted.is_ok());
    assert_eq!(world.nft("list ruleset"), "", "probing changes nothing");
}

#[test]
fn a_confined_enforcer_can_do_nothing_else() {
    let Some(world) = World::new() else { return };
    let work = || {
        edge::enforce::confine_enforcer().unwrap();
        assert!(probe().is_ok());
        let refused = std::io::ErrorKind::PermissionDenied;
        assert_eq!(std::fs::File::open("/etc/hostname").unwrap_err().kind(), refused);
        assert_eq!(std::fs::write("/tmp/mailward-test", "x").unwrap_err().kind(), refused);
        assert_eq!(std::net::TcpListener::bind("127.0.0.1:0").unwrap_err().kind(), refused);
        assert_eq!(std::net::UdpSocket::bind("127.0.0.1:0").unwrap_err().kind(), refused);
        assert!(std::process::Command::new("/bin/true").status().is_err());
        let sets = rustix::thread::capabilities(None).err();
        assert!(sets.is_some(), "not even a look at one's capabilities");
    };
    world.within(world::Side::Host, work).join().unwrap();
}

#[test]
fn a_bad_message_ends_the_enforcer_and_bans_stay() {
    let Some(world) = World::new() else { return };
    let mut enforcer = world.enforcer();
    enforcer.begin(&Ruleset::default());
    enforcer.ban("198.51.100.7");
    enforcer.stop();
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    ours.send(b"\x01\xffnonsense").unwrap();
    let serve = world.within(world::Side::Host, move || serve(theirs.into()));
    assert!(matches!(serve.join().unwrap(), Err(EnforceError::Message(_))));
    assert!(!world.answers("198.51.100.7", 25));
}
