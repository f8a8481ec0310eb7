//! Addresses of the host and of the machines that it cannot do without.

use super::Lack;
use super::tree::Tree;
use event::canonical;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A route through another machine (`RTF_GATEWAY`, route(8)).
const GATEWAY: u64 = 0x2;

/// Addresses that must stay reachable. Each list is sorted and without doubles.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Neighbours {
    /// The host's own.
    pub own: Vec<IpAddr>,
    /// Routers that it sends through.
    pub gateways: Vec<IpAddr>,
    /// Name servers that it asks.
    pub resolvers: Vec<IpAddr>,
}

impl Neighbours {
    pub(super) fn read(tree: &Tree, lacks: &mut Vec<Lack>) -> Self {
        let read = |path: &str| tree.read(path).unwrap_or_default();
        let mut own = own_v4(&read("proc/net/fib_trie"));
        own.extend(own_v6(&read("proc/net/if_inet6")));
        let mut gateways = gateways_v4(&read("proc/net/route"));
        gateways.extend(gateways_v6(&read("proc/net/ipv6_route")));
        let mut resolvers = name_servers(&read("etc/resolv.conf"));
        // Behind the stub of systemd-resolved.
        resolvers.extend(name_servers(&read("run/systemd/resolve/resolv.conf")));
        if own.is_empty() {
            lacks.push(Lack {
                what: "own addresses are not known".to_owned(),
                effect: "they cannot be kept from being banned by themselves",
                remedy: "mount /proc, or list them in `allow.networks`",
            });
        } else if own.iter().all(IpAddr::is_loopback) {
            lacks.push(Lack {
                what: "this host has no address but loopback".to_owned(),
                effect: "nobody reaches it over a network, unless one comes up later",
                remedy: "look at `ip address`; a later address is found within seconds",
            });
        }
        let tidy = |mut addresses: Vec<IpAddr>| {
            addresses.retain(|address| !address.is_unspecified());
            addresses.sort_unstable();
            addresses.dedup();
            addresses
        };
        Neighbours { own: tidy(own), gateways: tidy(gateways), resolvers: tidy(resolvers) }
    }
}

/// An address as text, with or without a scope (`fe80::1%eth0`), canonical.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.split('%').next()?;
    text.parse().ok().map(canonical)
}

/// An IPv4 address as `/proc/net` prints it: the number that the four bytes are in memory.
pub(super) fn hex_v4(text: &str) -> Option<IpAddr> {
    let number = u32::from_str_radix(text, 16).ok()?;
    (text.len() == 8).then(|| IpAddr::V4(Ipv4Addr::from(number.to_ne_bytes())))
}

/// An IPv6 address as 32 digits in order.
fn hex_v6(text: &str) -> Option<IpAddr> {
    let bits = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| canonical(IpAddr::V6(Ipv6Addr::from_bits(bits))))
}

/// The local addresses of the routing trie: a leaf `|-- address` with a `/32 host LOCAL`.
fn own_v4(trie: &str) -> Vec<IpAddr> {
    let mut leaf: Option<IpAddr> = None;
    let mut own = Vec::new();
    for line in trie.lines() {
        let line = line.trim_start();
        if let Some(text) = line.strip_prefix("|-- ") {
            leaf = text.trim().parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            own.extend(leaf);
        }
    }
    own
}

fn own_v6(interfaces: &str) -> Vec<IpAddr> {
    interfaces.lines().filter_map(|line| hex_v6(line.split_ascii_whitespace().next()?)).collect()
}

fn gateways_v4(routes: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let gateway = fields.next()?;
        let flags = u64::from_str_radix(fields.next()?, 16).ok()?;
        (flags & GATEWAY != 0).then(|| hex_v4(gateway))?
    };
    routes.lines().filter_map(gateway).collect()
}

fn gateways_v6(routes: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(4);
        let next_hop = fields.next()?;
        let flags = u64::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & GATEWAY != 0).then(|| hex_v6(next_hop))?
    };
    routes.lines().filter_map(gateway).collect()
}

fn name_servers(text: &str) -> Vec<IpAddr> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == "nameserver").then(|| address(words.next()?))?
    };
    text.lines().filter_map(server).collect()
}
