//! What the administrator wants of the kernel, apart from the bans themselves.

use event::{Mode, Network};
use std::net::IpAddr;

/// Which packets of a banned address are dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// Those to the guarded ports only.
    #[default]
    MailPorts,
    /// All of them, on any port and protocol.
    All,
}

/// A port that only the listed networks may reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AllowOnly {
    /// The TCP port.
    pub port: u16,
    /// Who may connect; the allowlist may as well.
    pub networks: Vec<Network>,
}

/// How fast and how often clients may connect to the guarded ports. 0 switches a limit off.
///
/// An address is one IPv4 address or one IPv6 /64 (a client can choose any address inside its own
/// /64); a prefix is an IPv4 /24 or an IPv6 /48 (RFC 6177: what one site is given).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// New connections a minute of one address.
    pub connections_per_minute_per_address: u32,
    /// New connections that one address may make at once; the rate refills it. At least 1 holds.
    pub burst_per_address: u32,
    /// New connections a minute of one prefix.
    pub connections_per_minute_per_prefix: u32,
    /// New connections that one prefix may make at once; the rate refills it. At least 1 holds.
    pub burst_per_prefix: u32,
    /// Connections that one address may hold at a time.
    pub concurrent_per_address: u32,
    /// Connections that one prefix may hold at a time.
    pub concurrent_per_prefix: u32,
}

impl Limits {
    /// True where none holds.
    pub const fn is_off(&self) -> bool {
        self.connections_per_minute_per_address == 0
            && self.connections_per_minute_per_prefix == 0
            && self.concurrent_per_address == 0
            && self.concurrent_per_prefix == 0
    }
}

/// The rules, without the bans.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruleset {
    /// `Enforce` drops, `Observe` only counts what it would have dropped, `Off` removes the table.
    pub mode: Mode,
    /// What a ban covers.
    pub scope: Scope,
    /// The guarded TCP ports.
    pub ports: Vec<u16>,
    /// Never dropped, never limited, never banned.
    pub allow: Vec<Network>,
    /// Never limited, never banned; but of a port for listed networks only they keep no more than
    /// the connections that they have: nobody listed them, they were found around this host.
    pub protect: Vec<Network>,
    /// Ports for listed networks only.
    pub allow_only: Vec<AllowOnly>,
    /// Limits on the guarded ports. Those on concurrent connections switch the kernel's connection
    /// tracking on.
    pub limits: Limits,
    /// Whom the limits do not hold for: proxies, behind which many clients stand.
    pub unlimited: Vec<Network>,
    /// Guard also what goes on to containers whose ports are published here (destination NAT).
    /// Switches connection tracking on, which such a host has on anyway.
    pub published: bool,
    /// Count packets of each banned address, not only of each set. Costs memory, and large sets
    /// with counters broke kernels of the 5.15 series (OpenWrt issue 10416).
    pub counters_per_ban: bool,
}

/// A ban as the kernel is to hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ban {
    /// Who.
    pub network: Network,
    /// For how long from now; `None` until it is lifted.
    pub remaining_s: Option<u32>,
}

/// Everything that is to hold in the kernel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Desired {
    /// The rules.
    pub ruleset: Ruleset,
    /// The bans.
    pub bans: Vec<Ban>,
}

/// Why a network must not be banned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// `127.0.0.0/8` or `::1`.
    Loopback,
    /// `0.0.0.0/8` or `::`.
    Unspecified,
    /// `169.254.0.0/16` or `fe80::/10`: routers and neighbours speak from there.
    LinkLocal,
    /// `224.0.0.0/4` or `ff00::/8`, and the IPv4 broadcast address.
    Multicast,
    /// Shorter than /8 (IPv4) or /20 (IPv6).
    TooWide,
    /// It shares an address with the allowlist, or with the surroundings.
    Allowed,
}

impl Default for Ruleset {
    /// Mail ports, enforced, no limits.
    fn default() -> Self {
        Ruleset {
            mode: Mode::Enforce,
            scope: Scope::MailPorts,
            ports: Ruleset::MAIL_PORTS.to_vec(),
            allow: Vec::new(),
            protect: Vec::new(),
            allow_only: Vec::new(),
            limits: Limits::default(),
            unlimited: Vec::new(),
            published: false,
            counters_per_ban: false,
        }
    }
}

impl Ruleset {
    /// SMTP, submission, IMAP, POP3 and ManageSieve, each with its TLS port.
    pub const MAIL_PORTS: [u16; 8] = [25, 110, 143, 465, 587, 993, 995, 4190];

    /// The ports that the rules look at: the guarded ones and those with a list of their own.
    pub fn watched_ports(&self) -> Vec<u16> {
        let mut ports = self.ports.clone();
        ports.extend(self.allow_only.iter().map(|only| only.port));
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Why `network` must not be banned under these rules, if so.
    pub fn refusal(&self, network: &Network) -> Option<Refusal> {
        let is_never = || self.never().any(|one| one.overlaps(network));
        refusal_of_kind(network).or_else(|| is_never().then_some(Refusal::Allowed))
    }

    /// Networks that are never banned.
    pub(super) fn never(&self) -> impl Iterator<Item = &Network> {
        self.allow.iter().chain(&self.protect)
    }
}

/// The reasons that hold under any rules.
pub(super) fn refusal_of_kind(network: &Network) -> Option<Refusal> {
    let narrow_enough = match network.address() {
        IpAddr::V4(_) => network.prefix() >= 8,
        IpAddr::V6(_) => network.prefix() >= 20,
    };
    if !narrow_enough {
        return Some(Refusal::TooWide);
    }
    match network.address() {
        IpAddr::V4(v4) => match v4.octets() {
            [127, ..] => Some(Refusal::Loopback),
            [0, ..] => Some(Refusal::Unspecified),
            [169, 254, ..] => Some(Refusal::LinkLocal),
            [169, ..] if network.contains(IpAddr::from([169, 254, 0, 0])) => {
                Some(Refusal::LinkLocal)
            }
            [224..=239, ..] | [255, 255, 255, 255] => Some(Refusal::Multicast),
            _ => None,
        },
        IpAddr::V6(v6) => {
            let loopback = network.contains(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
            match v6.segments() {
                [0, 0, 0, 0, 0, 0, 0, 0] if network.is_host() => Some(Refusal::Unspecified),
                _ if loopback => Some(Refusal::Loopback),
                [0xfe80..=0xfebf, ..] => Some(Refusal::LinkLocal),
                [0xff00..=0xffff, ..] => Some(Refusal::Multicast),
                _ => None,
            }
        }
    }
}

impl Refusal {
    /// All, in the order of their codes in a message.
    pub const ALL: [Refusal; 6] = [
        Refusal::Loopback,
        Refusal::Unspecified,
        Refusal::LinkLocal,
        Refusal::Multicast,
        Refusal::TooWide,
        Refusal::Allowed,
    ];

    /// The reason in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Refusal::Loopback => "it is this host itself",
            Refusal::Unspecified => "it is the unspecified address",
            Refusal::LinkLocal => "it is link-local: routers and neighbours speak from there",
            Refusal::Multicast => "it is multicast or broadcast",
            Refusal::TooWide => "the prefix is wider than /8 (IPv4) or /20 (IPv6)",
            Refusal::Allowed => "it overlaps the allowlist, or who is never banned",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_never_be_banned() {
        let list = |text: &str| vec![text.parse().unwrap()];
        let (allow, protect) = (list("203.0.113.7"), list("203.0.114.7"));
        let ruleset = Ruleset { allow, protect, ..Ruleset::default() };
        for (network, refusal) in [
            ("127.0.0.1", Some(Refusal::Loopback)),
            ("127.0.0.0/8", Some(Refusal::Loopback)),
            ("::1", Some(Refusal::Loopback)),
            ("::/64", Some(Refusal::Loopback)),
            ("::", Some(Refusal::Unspecified)),
            ("0.0.0.0/8", Some(Refusal::Unspecified)),
            ("0.0.0.0/0", Some(Refusal::TooWide)),
            ("10.0.0.0/7", Some(Refusal::TooWide)),
            ("2001:db8::/19", Some(Refusal::TooWide)),
            ("fe80::1", Some(Refusal::LinkLocal)),
            ("169.254.1.1", Some(Refusal::LinkLocal)),
            ("169.0.0.0/8", Some(Refusal::LinkLocal)),
            ("224.0.0.1", Some(Refusal::Multicast)),
            ("255.255.255.255", Some(Refusal::Multicast)),
            ("ff02::1", Some(Refusal::Multicast)),
            ("203.0.113.7", Some(Refusal::Allowed)),
            ("203.0.113.0/24", Some(Refusal::Allowed)),
            ("203.0.114.7", Some(Refusal::Allowed)),
            ("203.0.114.0/24", Some(Refusal::Allowed)),
            ("203.0.113.8", None),
            ("10.0.0.0/8", None),
            ("2001:db8::/32", None),
        ] {
            assert_eq!(ruleset.refusal(&network.parse().unwrap()), refusal, "{network}");
        }
    }
}
