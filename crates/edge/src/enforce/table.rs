//! The table `inet mailward` as values: sets, and rules of a few plain steps.
//!
//! This is the whole language that the enforcer speaks to the kernel; `kernel/expression.rs` turns
//! each step into nf_tables expressions, `Display` into the text that `nft` would take.

use event::Network;
use std::fmt;
use std::net::IpAddr;

/// The name of the table, in family `inet`.
pub const TABLE: &str = "mailward";
/// Before the filters of others (0), and so before any "established, accept" of theirs.
pub const PRIORITY: i32 = -10;

/// Which kind of addresses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A base chain of ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hook {
    /// What is for this host.
    Input,
    /// What goes on to a container whose port is published here (destination NAT).
    Forward,
}

/// What a set holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    /// Masked addresses.
    Address(Family),
    /// TCP ports.
    Port,
}

/// How a set behaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Behaviour {
    /// Filled by us once; its name carries a hash of what is in it.
    Fixed,
    /// Filled by us; elements end by themselves.
    Timed {
        /// Each element counts packets.
        counted: bool,
    },
    /// Filled by packets; elements end when they were not touched for so long.
    Metered {
        /// Seconds.
        timeout_s: u32,
    },
    /// Filled by packets; elements end when their connections did.
    Counting,
}

/// A set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub key: Key,
    /// How.
    pub behaviour: Behaviour,
}

/// An element as it is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Element {
    /// The key.
    pub key: ElementKey,
    /// How long it stays, in milliseconds; `None` for ever.
    pub timeout_ms: Option<u64>,
}

/// A key as it is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ElementKey {
    /// The first address of a prefix.
    Address(IpAddr),
    /// A port.
    Port(u16),
}

/// Where a rule finds the port that the client connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortOf {
    /// In the packet.
    Packet,
    /// In the connection as the client began it, before destination NAT.
    Connection,
}

/// One step of a rule. A rule goes on to its next step while each holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// It came in over the loopback interface.
    Loopback,
    /// Its address family.
    Is(Family),
    /// It is TCP, or it is not.
    Tcp(bool),
    /// The kernel does not track its connection.
    Untracked,
    /// It is an answer of the server.
    Reply,
    /// Its connection did not go through destination NAT.
    NotPublished,
    /// Its port is in the set, or is not.
    PortIn {
        /// Which port.
        of: PortOf,
        /// The set.
        set: String,
        /// In, or not in.
        inside: bool,
    },
    /// Its port.
    PortIs {
        /// Which port.
        of: PortOf,
        /// The port.
        port: u16,
    },
    /// Its masked source is in the set, or is not.
    SourceIn {
        /// The mask.
        mask: Mask,
        /// The set.
        set: String,
        /// In, or not in.
        inside: bool,
    },
    /// It opens a TCP connection.
    Opens,
    /// Its masked source is over a rate.
    RateOver {
        /// The mask.
        mask: Mask,
        /// The set that remembers.
        set: String,
        /// Packets a minute.
        per_minute: u32,
        /// Packets at once.
        burst: u32,
        /// How long an idle source is remembered, in seconds.
        timeout_s: u32,
    },
    /// Its masked source holds more connections than this.
    CountOver {
        /// The mask.
        mask: Mask,
        /// The set that remembers.
        set: String,
        /// Connections.
        count: u32,
    },
    /// Count it.
    Count,
    /// Done with it: go on with the host's other rules.
    Accept,
    /// Drop it.
    Drop,
}

/// A prefix length of a family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mask {
    /// The family.
    pub family: Family,
    /// Bits that count.
    pub prefix: u8,
}

/// A rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What it is for; rules of one name are counted together.
    pub name: String,
    /// The steps.
    pub steps: Vec<Step>,
}

impl Family {
    /// Both.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// Of an address.
    pub const fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// `v4` or `v6`.
    pub const fn name(self) -> &'static str {
        match self {
            Family::V4 => "v4",
            Family::V6 => "v6",
        }
    }

    /// Bits of an address.
    pub const fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

impl Hook {
    /// Both, in the order in which they are written.
    pub const ALL: [Hook; 2] = [Hook::Input, Hook::Forward];

    /// `NF_INET_LOCAL_IN` and `NF_INET_FORWARD`.
    pub const fn number(self) -> u32 {
        match self {
            Hook::Input => 1,
            Hook::Forward => 2,
        }
    }

    /// The name of the hook and of its chain.
    pub const fn name(self) -> &'static str {
        match self {
            Hook::Input => "input",
            Hook::Forward => "forward",
        }
    }
}

impl Mask {
    /// The mask of a network.
    pub const fn of(network: &Network) -> Mask {
        Mask { family: Family::of(network.address()), prefix: network.prefix() }
    }

    /// True where it lets all bits through.
    pub const fn is_whole(self) -> bool {
        self.prefix >= self.family.bits()
    }

    /// The mask as an address.
    pub fn address(self) -> IpAddr {
        let all = match self.family {
            Family::V4 => IpAddr::from([255; 4]),
            Family::V6 => IpAddr::from([255; 16]),
        };
        // The mask of ::/0 to ::/96 is not IPv4-mapped, so no family is mixed up.
        Network::of(all, self.prefix).address()
    }
}

impl Set {
    /// The bits by which nf_tables marks such a set (`enum nft_set_flags`).
    pub const fn flags(&self) -> u32 {
        const TIMEOUT: u32 = 0x10;
        const EVAL: u32 = 0x20;
        const EXPR: u32 = 0x100;
        match self.behaviour {
            Behaviour::Fixed => 0,
            Behaviour::Timed { counted: false } => TIMEOUT,
            Behaviour::Timed { counted: true } => TIMEOUT | EXPR,
            Behaviour::Metered { .. } => TIMEOUT | EVAL,
            Behaviour::Counting => EVAL,
        }
    }

    /// Bytes of a key.
    pub const fn key_bytes(&self) -> u32 {
        match self.key {
            Key::Address(Family::V4) => 4,
            Key::Address(Family::V6) => 16,
            Key::Port => 2,
        }
    }
}

impl Rule {
    /// Its name, a hash of its steps and the set it bans by, if any: the comment by which it is
    /// known again in the kernel.
    pub fn mark(&self) -> String {
        let mark = format!("{} {:016x}", self.name, hash(&self.to_string()));
        match self.set() {
            Some(set) => format!("{mark} {set}"),
            None => mark,
        }
    }

    /// The set that a source must be in.
    fn set(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match step {
            Step::SourceIn { set, inside: true, .. } => Some(set.as_str()),
            _ => None,
        })
    }

    /// The set in a mark.
    pub fn set_of_mark(mark: &str) -> Option<&str> {
        mark.split(' ').nth(2)
    }

    /// The name in a mark.
    pub fn name_of_mark(mark: &str) -> &str {
        mark.split(' ').next().unwrap_or_default()
    }

    /// True where the rule limits rather than bans: protection stands without it.
    pub fn is_limit(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::RateOver { .. } | Step::CountOver { .. }))
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): names the contents of rules and sets, defends nothing.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(out, "{space}{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.family {
            Family::V4 => "ip saddr",
            Family::V6 => "ip6 saddr",
        })?;
        if !self.is_whole() {
            write!(out, " & {}", self.address())?;
        }
        Ok(())
    }
}

impl fmt::Display for PortOf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            PortOf::Packet => "tcp dport",
            PortOf::Connection => "ct original proto-dst",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = |inside: bool| if inside { "" } else { "!= " };
        match self {
            Step::Loopback => out.write_str("meta iiftype loopback"),
            Step::Is(Family::V4) => out.write_str("meta nfproto ipv4"),
            Step::Is(Family::V6) => out.write_str("meta nfproto ipv6"),
            Step::Tcp(true) => out.write_str("meta l4proto tcp"),
            Step::Tcp(false) => out.write_str("meta l4proto != tcp"),
            Step::Untracked => out.write_str("ct state invalid,untracked"),
            Step::Reply => out.write_str("ct direction reply"),
            Step::NotPublished => out.write_str("ct status & dnat == 0"),
            Step::PortIn { of, set, inside } => write!(out, "{of} {}@{set}", not(*inside)),
            Step::PortIs { of, port } => write!(out, "{of} {port}"),
            Step::SourceIn { mask, set, inside } => write!(out, "{mask} {}@{set}", not(*inside)),
            Step::Opens => out.write_str("tcp flags & (fin | syn | rst | ack) == syn"),
            Step::RateOver { mask, set, per_minute, burst, timeout_s } => write!(
                out,
                "update @{set} {{ {mask} timeout {timeout_s}s limit rate over \
                 {per_minute}/minute burst {burst} packets }}"
            ),
            Step::CountOver { mask, set, count } => {
                write!(out, "add @{set} {{ {mask} ct count over {count} }}")
            }
            Step::Count => out.write_str("counter"),
            Step::Accept => out.write_str("accept"),
            Step::Drop => out.write_str("drop"),
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.key {
            Key::Address(Family::V4) => "ipv4_addr",
            Key::Address(Family::V6) => "ipv6_addr",
            Key::Port => "inet_service",
        };
        write!(out, "set {} {{ type {kind}", self.name)?;
        match self.behaviour {
            Behaviour::Fixed => {}
            Behaviour::Timed { counted: false } => out.write_str("; flags timeout")?,
            Behaviour::Timed { counted: true } => out.write_str("; flags timeout; counter")?,
            Behaviour::Metered { timeout_s } => {
                write!(out, "; flags dynamic,timeout; timeout {timeout_s}s")?;
            }
            Behaviour::Counting => out.write_str("; flags dynamic")?,
        }
        out.write_str("; }")
    }
}
