//! Where an attacker comes from.

use crate::world::build::Builder;
use crate::world::chance::{Chance, mix};
use crate::world::clock::{DAY, HOUR, Micros, seconds};
use crate::world::internet::{Contract, Trade, in_prefix};
use crate::world::site::Site;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of an attacker, and how he goes through them.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// These, in turn. Of a botnet, each address is used so often before the next one.
    List { addresses: Vec<IpAddr>, uses: u32, turn: u64, wraps: bool },
    /// Another address of an IPv6 prefix for each connection.
    Net6 { base: Ipv6Addr, length: u8, turn: u64, is_sequential: bool },
    /// Another of an IPv4 /24 for each connection.
    Net24 { base: Ipv4Addr, turn: u64 },
    /// What a carrier gives.
    Phone(Contract),
}

impl Source {
    pub fn one(address: IpAddr) -> Self {
        Source::List { addresses: vec![address], uses: 1, turn: 0, wraps: true }
    }

    /// The address of the next connection; `None` where all are used up.
    pub fn next(&mut self, site: &Site, at: Micros) -> Option<IpAddr> {
        match self {
            Source::List { addresses, uses, turn, wraps } => {
                let place = (*turn / u64::from((*uses).max(1))) as usize;
                *turn += 1;
                if place >= addresses.len() && !*wraps {
                    return None;
                }
                addresses.get(place % addresses.len().max(1)).copied()
            }
            Source::Net6 { base, length, turn, is_sequential } => {
                *turn += 1;
                let bits = match is_sequential {
                    // Counts its networks up: ::1 in each.
                    true => return Some(IpAddr::V6(step(*base, *length, *turn))),
                    false => mix(*turn, u64::from(*length)),
                };
                Some(IpAddr::V6(in_prefix(*base, *length, bits)))
            }
            Source::Net24 { base, turn } => {
                *turn += 1;
                // 101 visits all of 254 before one comes again.
                let last = 1 + (*turn * 101 % 254) as u32;
                Some(IpAddr::V4(Ipv4Addr::from(u32::from(*base) & !0xff | last)))
            }
            Source::Phone(contract) => Some(contract.address(&site.internet, at)),
        }
    }

    /// What an attacker does who is refused: the next address, or patience.
    pub fn refused(&mut self, chance: &mut Chance) -> Micros {
        match self {
            Source::List { addresses, .. } if addresses.len() == 1 => {
                seconds(chance.between(600.0, 30_000.0)).max(HOUR / 6)
            }
            Source::List { uses, turn, .. } => {
                // On to the next address.
                let uses = u64::from((*uses).max(1));
                *turn = turn.div_ceil(uses) * uses;
                seconds(chance.between(2.0, 40.0))
            }
            Source::Phone(_) => seconds(chance.between(1_800.0, 20_000.0)),
            Source::Net6 { .. } | Source::Net24 { .. } => seconds(chance.between(1.0, 20.0)),
        }
    }
}

/// The `turn`th /64 of a prefix, or the `turn`th address of a /64.
fn step(base: Ipv6Addr, length: u8, turn: u64) -> Ipv6Addr {
    let shift = if length < 64 { 64 } else { 0 };
    let room = u128::MAX >> length;
    let offset = (u128::from(turn) << shift) & room | u128::from(shift > 0);
    Ipv6Addr::from(u128::from(base) & !room | offset)
}

/// A server for rent, or somebody's hacked one.
pub(crate) fn server(builder: &Builder<'_>, chance: &mut Chance) -> IpAddr {
    let trade = match chance.below(10) {
        0..7 => Trade::Hosting,
        7 => Trade::Vpn,
        8 => Trade::University,
        _ => Trade::Homes,
    };
    let operator = builder.site.internet.of(chance, trade, Some(false));
    builder.site.internet.v4(operator, chance.bits()).into()
}

/// Hacked routers and computers in homes all over the world, a few of them in IPv6.
pub(crate) fn botnet(builder: &Builder<'_>, chance: &mut Chance, count: usize) -> Vec<IpAddr> {
    let internet = &builder.site.internet;
    let mut list = Vec::with_capacity(count);
    let mut seen = std::collections::BTreeSet::new();
    while list.len() < count {
        let trade = if chance.is(0.85) { Trade::Homes } else { Trade::Hosting };
        let at_home = chance.is(0.05).then_some(true);
        let operator = internet.of(chance, trade, at_home.or(Some(false)));
        let address: IpAddr = match chance.is(0.06) {
            true => internet.v6(operator, chance.bits(), chance.bits()).into(),
            false => internet.v4(operator, chance.bits()).into(),
        };
        if seen.insert(address) {
            list.push(address);
        }
    }
    list
}

/// A prefix of a hoster, of this length.
pub(crate) fn prefix6(builder: &Builder<'_>, chance: &mut Chance, length: u8) -> Ipv6Addr {
    let operator = builder.site.internet.of(chance, Trade::Hosting, Some(false));
    let whole = u128::from(builder.site.internet.net64(operator, chance.bits()));
    Ipv6Addr::from(whole & !(u128::MAX >> length))
}

/// How long a campaign may last at most: not beyond the world.
pub(crate) fn at_most(builder: &Builder<'_>, begins: Micros, days: f64) -> Micros {
    (begins + seconds(days * (DAY / 1_000_000) as f64)).min(builder.end)
}
