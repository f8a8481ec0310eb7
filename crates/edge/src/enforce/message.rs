//! The words between the guard, which reads hostile bytes, and the enforcer, which touches the
//! kernel: one message a datagram, fixed binary form, versioned.
//!
//! The receiving side trusts nothing: lengths, enums, prefix lengths and texts are checked here,
//! and what may be banned is checked again by the reconciler.

use super::bytes::{Reader, Writer};
use super::ruleset::{AllowOnly, Ban, Limits, Refusal, Ruleset, Scope};
use event::{Mode, Network};
use std::net::IpAddr;

/// The version of this form; both processes are one binary, so it only guards an upgrade.
pub const VERSION: u8 = 2;
/// The largest message, in bytes.
pub const MESSAGE_MAX: usize = 160 * 1024;
/// The most bans or networks in one message.
pub const BANS_MAX: usize = 4096;

/// What the guard asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Replace the rules; bans stay.
    Ruleset(Ruleset),
    /// Hold these bans, beside those held. One held already gets the new time.
    Ban(Vec<Ban>),
    /// Lift these bans.
    Unban(Vec<Network>),
    /// The complete list of bans follows.
    SnapshotBegin,
    /// Some of it.
    SnapshotPart(Vec<Ban>),
    /// That was all: hold these and no others.
    SnapshotEnd,
    /// Report the counters.
    AskCounters,
    /// Report what the kernel holds for an address.
    AskAddress(IpAddr),
}

/// Packets and bytes that a kind of rule matched since the enforcer's start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counter {
    /// `ban-v4-32`, `rate-address-v6`, `only-993-v4`, ...
    pub name: String,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What the kernel holds for an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// The banned network that it is in; the narrowest if there are several.
    pub network: Network,
    /// How long still; `None` for ever.
    pub remaining_s: Option<u32>,
    /// Packets dropped, where packets are counted per ban.
    pub packets: Option<u64>,
}

/// What the enforcer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// Done, and the kernel said so.
    Applied {
        /// The newest order that this covers.
        sequence: u32,
        /// Bans set or lifted.
        changes: u32,
        /// From reading the order to the kernel's answer, in microseconds.
        micros: u32,
    },
    /// The network must not be banned, and was not.
    Refused {
        /// The order.
        sequence: u32,
        /// Whom.
        network: Network,
        /// Why.
        refusal: Refusal,
    },
    /// The kernel did not do it. The enforcer tries again by itself.
    Failed {
        /// The newest order before it.
        sequence: u32,
        /// What and why, without a remedy.
        text: String,
    },
    /// Somebody else had changed what mailward holds in the kernel; it is as it should be again.
    Healed {
        /// What was missing.
        text: String,
        /// From noticing to done, in microseconds.
        micros: u32,
    },
    /// The answer to [`Order::AskCounters`].
    Counters {
        /// Bans held.
        bans: u64,
        /// By name.
        counters: Vec<Counter>,
    },
    /// The answer to [`Order::AskAddress`].
    Address {
        /// Who.
        address: IpAddr,
        /// What holds.
        held: Option<Held>,
    },
    /// Live connections of banned clients were closed.
    Closed {
        /// How many.
        sockets: u32,
    },
}

/// Why bytes are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MessageError {
    /// Another version wrote it.
    #[error("the message has version {0}, not {VERSION}")]
    Version(u8),
    /// No such kind.
    #[error("no message has kind {0}")]
    Kind(u8),
    /// It ends too early, or goes on behind its end.
    #[error("the message has a wrong length")]
    Length,
    /// A field holds what it must not.
    #[error("the field {0} of the message is out of range")]
    Field(&'static str),
}

impl Order {
    /// Writes it, with the number that reports will name. Lists must not exceed `BANS_MAX`.
    pub fn encode(&self, sequence: u32) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(VERSION).u8(self.code()).u32(sequence);
        match self {
            Order::Ruleset(ruleset) => write_ruleset(&mut out, ruleset),
            Order::Ban(bans) | Order::SnapshotPart(bans) => {
                out.count(bans.len());
                bans.iter().for_each(|ban| write_ban(&mut out, ban));
            }
            Order::Unban(networks) => write_networks(&mut out, networks),
            Order::SnapshotBegin | Order::SnapshotEnd | Order::AskCounters => {}
            Order::AskAddress(address) => out.address(*address),
        }
        out.finish()
    }

    /// Reads one, with its number.
    pub fn decode(bytes: &[u8]) -> Result<(u32, Order), MessageError> {
        let (mut body, kind, sequence) = header(bytes)?;
        let order = match kind {
            1 => Order::Ruleset(read_ruleset(&mut body)?),
            2 => Order::Ban(body.list(BANS_MAX, read_ban)?),
            3 => Order::Unban(body.list(BANS_MAX, Reader::network)?),
            4 => Order::SnapshotBegin,
            5 => Order::SnapshotPart(body.list(BANS_MAX, read_ban)?),
            6 => Order::SnapshotEnd,
            7 => Order::AskCounters,
            8 => Order::AskAddress(body.address()?),
            other => return Err(MessageError::Kind(other)),
        };
        body.end()?;
        Ok((sequence, order))
    }

    const fn code(&self) -> u8 {
        match self {
            Order::Ruleset(_) => 1,
            Order::Ban(_) => 2,
            Order::Unban(_) => 3,
            Order::SnapshotBegin => 4,
            Order::SnapshotPart(_) => 5,
            Order::SnapshotEnd => 6,
            Order::AskCounters => 7,
            Order::AskAddress(_) => 8,
        }
    }
}

impl Report {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(VERSION).u8(self.code()).u32(self.sequence());
        match self {
            Report::Applied { changes, micros, .. } => {
                out.u32(*changes).u32(*micros);
            }
            Report::Refused { network, refusal, .. } => {
                out.network(network);
                out.u8(Refusal::ALL.iter().position(|r| r == refusal).unwrap_or_default() as u8);
            }
            Report::Failed { text, .. } => out.text(text),
            Report::Healed { text, micros } => {
                out.u32(*micros);
                out.text(text);
            }
            Report::Counters { bans, counters } => {
                out.u64(*bans).count(counters.len());
                for counter in counters {
                    out.text(&counter.name);
                    out.u64(counter.packets).u64(counter.bytes);
                }
            }
            Report::Address { address, held } => {
                out.address(*address);
                write_held(&mut out, held.as_ref());
            }
            Report::Closed { sockets } => {
                out.u32(*sockets);
            }
        }
        out.finish()
    }

    /// Reads one.
    pub fn decode(bytes: &[u8]) -> Result<Report, MessageError> {
        let (mut body, kind, sequence) = header(bytes)?;
        let report = match kind {
            1 => Report::Applied { sequence, changes: body.u32()?, micros: body.u32()? },
            2 => {
                let network = body.network()?;
                let code = usize::from(body.u8()?);
                let refusal = Refusal::ALL.get(code).ok_or(MessageError::Field("refusal"))?;
                Report::Refused { sequence, network, refusal: *refusal }
            }
            3 => Report::Failed { sequence, text: body.text()? },
            4 => Report::Healed { micros: body.u32()?, text: body.text()? },
            5 => Report::Counters {
                bans: body.u64()?,
                counters: body.list(BANS_MAX, |body| {
                    Ok(Counter { name: body.text()?, packets: body.u64()?, bytes: body.u64()? })
                })?,
            },
            6 => Report::Address { address: body.address()?, held: read_held(&mut body)? },
            7 => Report::Closed { sockets: body.u32()? },
            other => return Err(MessageError::Kind(other)),
        };
        body.end()?;
        Ok(report)
    }

    const fn code(&self) -> u8 {
        match self {
            Report::Applied { .. } => 1,
            Report::Refused { .. } => 2,
            Report::Failed { .. } => 3,
            Report::Healed { .. } => 4,
            Report::Counters { .. } => 5,
            Report::Address { .. } => 6,
            Report::Closed { .. } => 7,
        }
    }

    const fn sequence(&self) -> u32 {
        match self {
            Report::Applied { sequence, .. }
            | Report::Refused { sequence, .. }
            | Report::Failed { sequence, .. } => *sequence,
            _ => 0,
        }
    }
}

fn header(bytes: &[u8]) -> Result<(Reader<'_>, u8, u32), MessageError> {
    let mut body = Reader::new(bytes);
    let version = body.u8()?;
    if version != VERSION {
        return Err(MessageError::Version(version));
    }
    let kind = body.u8()?;
    let sequence = body.u32()?;
    Ok((body, kind, sequence))
}

/// All ones stand for "for ever".
fn write_remaining(out: &mut Writer, remaining_s: Option<u32>) {
    out.u32(remaining_s.map_or(u32::MAX, |seconds| seconds.min(u32::MAX - 1)));
}

fn read_remaining(body: &mut Reader<'_>) -> Result<Option<u32>, MessageError> {
    let seconds = body.u32()?;
    Ok((seconds != u32::MAX).then_some(seconds))
}

fn write_ban(out: &mut Writer, ban: &Ban) {
    out.network(&ban.network);
    write_remaining(out, ban.remaining_s);
}

fn read_ban(body: &mut Reader<'_>) -> Result<Ban, MessageError> {
    Ok(Ban { network: body.network()?, remaining_s: read_remaining(body)? })
}

fn write_held(out: &mut Writer, held: Option<&Held>) {
    let Some(held) = held else {
        out.u8(0);
        return;
    };
    out.u8(1);
    out.network(&held.network);
    write_remaining(out, held.remaining_s);
    out.u8(u8::from(held.packets.is_some())).u64(held.packets.unwrap_or_default());
}

fn read_held(body: &mut Reader<'_>) -> Result<Option<Held>, MessageError> {
    if !body.flag("held")? {
        return Ok(None);
    }
    let network = body.network()?;
    let remaining_s = read_remaining(body)?;
    let counted = body.flag("counted")?;
    let packets = body.u64()?;
    Ok(Some(Held { network, remaining_s, packets: counted.then_some(packets) }))
}

fn write_networks(out: &mut Writer, networks: &[Network]) {
    out.count(networks.len());
    networks.iter().for_each(|network| out.network(network));
}

fn write_ruleset(out: &mut Writer, ruleset: &Ruleset) {
    out.u8(match ruleset.mode {
        Mode::Off => 0,
        Mode::Observe => 1,
        Mode::Enforce => 2,
    });
    out.u8(u8::from(ruleset.scope == Scope::All))
        .u8(u8::from(ruleset.published))
        .u8(u8::from(ruleset.counters_per_ban));
    let Limits {
        connections_per_minute_per_address,
        burst_per_address,
        connections_per_minute_per_prefix,
        burst_per_prefix,
        concurrent_per_address,
        concurrent_per_prefix,
    } = ruleset.limits;
    out.u32(connections_per_minute_per_address)
        .u32(burst_per_address)
        .u32(connections_per_minute_per_prefix)
        .u32(burst_per_prefix)
        .u32(concurrent_per_address)
        .u32(concurrent_per_prefix);
    out.count(ruleset.ports.len());
    ruleset.ports.iter().for_each(|port| {
        out.u16(*port);
    });
    write_networks(out, &ruleset.allow);
    write_networks(out, &ruleset.unlimited);
    write_networks(out, &ruleset.protect);
    out.count(ruleset.allow_only.len());
    for only in &ruleset.allow_only {
        out.u16(only.port);
        write_networks(out, &only.networks);
    }
}

fn read_ruleset(body: &mut Reader<'_>) -> Result<Ruleset, MessageError> {
    let mode = match body.u8()? {
        0 => Mode::Off,
        1 => Mode::Observe,
        2 => Mode::Enforce,
        _ => return Err(MessageError::Field("mode")),
    };
    let scope = if body.flag("scope")? { Scope::All } else { Scope::MailPorts };
    let published = body.flag("published")?;
    let counters_per_ban = body.flag("counters_per_ban")?;
    let limits = Limits {
        connections_per_minute_per_address: body.u32()?,
        burst_per_address: body.u32()?,
        connections_per_minute_per_prefix: body.u32()?,
        burst_per_prefix: body.u32()?,
        concurrent_per_address: body.u32()?,
        concurrent_per_prefix: body.u32()?,
    };
    let ports = body.list(BANS_MAX, Reader::port)?;
    let allow = body.list(BANS_MAX, Reader::network)?;
    let unlimited = body.list(BANS_MAX, Reader::network)?;
    let protect = body.list(BANS_MAX, Reader::network)?;
    let allow_only = body.list(BANS_MAX, |body| {
        Ok(AllowOnly { port: body.port()?, networks: body.list(BANS_MAX, Reader::network)? })
    })?;
    Ok(Ruleset {
        mode,
        scope,
        ports,
        allow,
        protect,
        allow_only,
        limits,
        unlimited,
        published,
        counters_per_ban,
    })
}

#[cfg(test)]
mod tests;
