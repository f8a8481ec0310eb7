//! Who runs which addresses: operators, their prefixes, and what they give to whom.
//!
//! No address is ever contacted, so any public unicast one may be here. Which of them follows from
//! the seed, so that nobody can know the pools of another seed.

use super::chance::{Chance, mix};
use super::clock::{DAY, HOUR, Micros};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an operator sells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trade {
    /// Lines to homes, with addresses that change.
    Homes,
    /// Phones: hundreds of users on few IPv4 addresses, an IPv6 /64 for each phone.
    Phones,
    /// Fixed lines to offices and hotels.
    Offices,
    /// A university.
    University,
    /// Servers for rent.
    Hosting,
    /// Other people's addresses.
    Vpn,
    /// Mail by the million.
    Senders,
    /// The site's own net.
    Site,
}

/// An operator's place in the list of [`Internet`].
pub(crate) type OperatorIx = usize;

/// Somebody who runs addresses.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Autonomous system number.
    pub number: u32,
    /// The name that stands in registries.
    pub name: String,
    /// Two letters.
    pub country: &'static str,
    /// What it sells.
    pub trade: Trade,
    /// First address and length of each IPv4 prefix.
    pub v4: Vec<(Ipv4Addr, u8)>,
    /// The first address of its IPv6 /32.
    pub v6: Ipv6Addr,
}

/// All operators of a world.
#[derive(Clone, Debug)]
pub(crate) struct Internet {
    operators: Vec<Operator>,
    seed: u64,
}

/// Countries, with the zone that most people there live by.
const COUNTRIES: [(&str, i64); 24] = [
    ("DE", 1),
    ("AT", 1),
    ("NL", 1),
    ("FR", 1),
    ("PL", 1),
    ("SE", 1),
    ("GB", 0),
    ("PT", 0),
    ("US", -5),
    ("CA", -5),
    ("BR", -3),
    ("AR", -3),
    ("MX", -6),
    ("RU", 3),
    ("TR", 3),
    ("IN", 5),
    ("VN", 7),
    ("ID", 7),
    ("CN", 8),
    ("KR", 9),
    ("JP", 9),
    ("ZA", 2),
    ("EG", 2),
    ("NG", 1),
];

/// First bytes of IPv4 in which no block is special (RFC 6890) or not unicast.
const FIRST_BYTES: [(u8, u8); 10] = [
    (2, 9),
    (11, 99),
    (101, 126),
    (128, 168),
    (170, 171),
    (173, 191),
    (193, 197),
    (199, 202),
    (204, 223),
    (128, 168),
];

const SYLLABLES: [&str; 20] = [
    "Nor", "Tel", "Al", "Vi", "Ka", "Mer", "Sol", "Ar", "Be", "Lu", "Or", "Ti", "Ro", "Ve", "Da",
    "Mi", "Fo", "Ze", "Hel", "Qui",
];

impl Internet {
    pub fn new(seed: u64) -> Self {
        let mut internet = Internet { operators: Vec::new(), seed };
        let mut chance = Chance::new(seed, u64::from(u32::MAX));
        let home = internet.home();
        internet.add(&mut chance, Trade::Site, home.0);
        for (trade, at_home, abroad) in [
            (Trade::Homes, 6, 44),
            (Trade::Phones, 3, 14),
            (Trade::Offices, 4, 12),
            (Trade::University, 2, 3),
            (Trade::Hosting, 4, 26),
            (Trade::Vpn, 1, 5),
            (Trade::Senders, 2, 10),
        ] {
            for number in 0..at_home + abroad {
                let country = match number < at_home {
                    true => home.0,
                    false => chance.pick(&COUNTRIES).0,
                };
                internet.add(&mut chance, trade, country);
            }
        }
        internet
    }

    /// The country of the site, and its zone.
    pub fn home(&self) -> (&'static str, i64) {
        COUNTRIES[(mix(self.seed, 77) % 8) as usize]
    }

    fn add(&mut self, chance: &mut Chance, trade: Trade, country: &'static str) {
        let (prefixes, length) = match trade {
            Trade::Homes => (3, 15),
            Trade::Phones => (2, 16),
            Trade::Offices => (2, 17),
            Trade::University => (1, 16),
            Trade::Hosting => (3, 18),
            Trade::Vpn => (3, 22),
            Trade::Senders => (2, 18),
            Trade::Site => (1, 22),
        };
        let v4 = (0..prefixes).map(|_| (self.free_block(chance, length), length)).collect();
        let v6 = self.free_v6(chance);
        let number = self.free_number(chance);
        let name = name(chance, trade);
        self.operators.push(Operator { number, name, country, trade, v4, v6 });
    }

    fn free_block(&self, chance: &mut Chance, length: u8) -> Ipv4Addr {
        loop {
            let (low, high) = *chance.pick(&FIRST_BYTES);
            let first = chance.within(i64::from(low), i64::from(high)) as u32;
            let mask = u32::MAX << (32 - length);
            let base = (first << 24 | (chance.bits() as u32 & 0x00ff_ffff)) & mask;
            let overlaps = self.operators.iter().flat_map(|operator| &operator.v4).any(|block| {
                let wider = u32::MAX << (32 - length.min(block.1));
                u32::from(block.0) & wider == base & wider
            });
            if !overlaps {
                return Ipv4Addr::from(base);
            }
        }
    }

    fn free_v6(&self, chance: &mut Chance) -> Ipv6Addr {
        loop {
            let first = *chance.pick(&[0x2400u16, 0x2600, 0x2800, 0x2a00]);
            let v6 = Ipv6Addr::new(
                first + chance.below(16) as u16,
                chance.bits() as u16,
                0,
                0,
                0,
                0,
                0,
                0,
            );
            if self.operators.iter().all(|operator| operator.v6 != v6) {
                return v6;
            }
        }
    }

    fn free_number(&self, chance: &mut Chance) -> u32 {
        loop {
            let number = match chance.is(0.6) {
                true => chance.within(1_000, 64_000) as u32,
                false => chance.within(196_608, 220_000) as u32,
            };
            if self.operators.iter().all(|operator| operator.number != number) {
                return number;
            }
        }
    }

    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// One that sells this, at home or abroad.
    pub fn of(&self, chance: &mut Chance, trade: Trade, at_home: Option<bool>) -> OperatorIx {
        let country = self.home().0;
        let suits = |operator: &Operator| {
            operator.trade == trade
                && at_home.is_none_or(|at_home| at_home == (operator.country == country))
        };
        let count = self.operators.iter().filter(|operator| suits(operator)).count();
        let nth = chance.index(count);
        let mut list = self.operators.iter().enumerate().filter(|(_, operator)| suits(operator));
        list.nth(nth).map_or(0, |(ix, _)| ix)
    }

    /// One that sells this in a country, or anywhere.
    pub fn in_country(&self, chance: &mut Chance, trade: Trade, country: &str) -> OperatorIx {
        let suits = |(_, operator): &(usize, &Operator)| {
            operator.trade == trade && operator.country == country
        };
        match self.operators.iter().enumerate().find(suits) {
            Some((ix, _)) => ix,
            None => self.of(chance, trade, Some(false)),
        }
    }

    /// An IPv4 address of an operator: always the same for the same number.
    pub fn v4(&self, operator: OperatorIx, number: u64) -> Ipv4Addr {
        let blocks = &self.operators[operator].v4;
        let hash = mix(self.seed ^ number, operator as u64);
        let (base, length) = blocks[(hash >> 40) as usize % blocks.len()];
        let host = (hash as u32) & !(u32::MAX << (32 - length));
        // Neither .0 nor .255.
        let last = 1 + (host & 0xff) % 254;
        Ipv4Addr::from(u32::from(base) | (host & !0xff) | last)
    }

    /// An IPv6 /64 of an operator.
    pub fn net64(&self, operator: OperatorIx, number: u64) -> Ipv6Addr {
        let hash = mix(self.seed ^ number, operator as u64 + 0x6000);
        let base = u128::from(self.operators[operator].v6);
        Ipv6Addr::from(base | u128::from(hash as u32) << 64)
    }

    pub fn v6(&self, operator: OperatorIx, net: u64, host: u64) -> Ipv6Addr {
        in_prefix(self.net64(operator, net), 64, mix(host, net))
    }

    /// The whole list of prefixes, each with its operator.
    pub fn atlas(&self) -> impl Iterator<Item = (IpAddr, u8, &Operator)> {
        self.operators.iter().flat_map(|operator| {
            let v6 = (IpAddr::V6(operator.v6), 32, operator);
            operator
                .v4
                .iter()
                .map(move |(base, length)| (IpAddr::V4(*base), *length, operator))
                .chain([v6])
        })
    }

    /// Who runs an address.
    pub fn operator_of(&self, address: IpAddr) -> Option<&Operator> {
        self.operators.iter().find(|operator| match address {
            IpAddr::V4(v4) => operator
                .v4
                .iter()
                .any(|(base, length)| (u32::from(*base) ^ u32::from(v4)) >> (32 - length) == 0),
            IpAddr::V6(v6) => (u128::from(operator.v6) ^ u128::from(v6)) >> 96 == 0,
        })
    }

    /// The name in the reverse zone, for lines of homes and servers that have one.
    pub fn reverse(&self, address: IpAddr) -> Option<String> {
        let IpAddr::V4(v4) = address else { return None };
        let operator = self.operator_of(address)?;
        let hash = mix(u64::from(operator.number), 3);
        let [a, b, c, d] = v4.octets();
        let zone = operator.name.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        let has_name = match operator.trade {
            Trade::Homes => hash % 10 < 7,
            Trade::Hosting => hash % 10 < 6,
            Trade::Offices => hash % 10 < 5,
            Trade::University | Trade::Site => true,
            Trade::Phones | Trade::Vpn | Trade::Senders => false,
        };
        has_name.then(|| match operator.trade {
            Trade::Homes if hash.is_multiple_of(3) => {
                format!("p{a:02x}{b:02x}{c:02x}{d:02x}.dip.{zone}.example")
            }
            Trade::Homes => format!("{a}-{b}-{c}-{d}.dyn.{zone}.example"),
            Trade::Hosting => format!("static.{d}.{c}.{b}.{a}.clients.{zone}.example"),
            _ => format!("host-{c}-{d}.{zone}.example"),
        })
    }
}

/// Fills what lies behind a prefix with the low bits of `bits`, repeated.
pub(crate) fn in_prefix(base: Ipv6Addr, length: u8, bits: u64) -> Ipv6Addr {
    let wide = u128::from(bits) | u128::from(mix(bits, 64)) << 64;
    let mask = u128::MAX >> length;
    Ipv6Addr::from(u128::from(base) & !mask | wide & mask)
}

fn name(chance: &mut Chance, trade: Trade) -> String {
    let word = format!(
        "{}{}{}",
        chance.pick(&SYLLABLES),
        chance.pick(&SYLLABLES).to_lowercase(),
        chance.below(90) + 10
    );
    let tail = match trade {
        Trade::Homes => "Broadband",
        Trade::Phones => "Mobile",
        Trade::Offices => "Business Lines",
        Trade::University => "University",
        Trade::Hosting => "Hosting",
        Trade::Vpn => "Private Access",
        Trade::Senders => "Mail Cloud",
        Trade::Site => "House Network",
    };
    format!("{word} {tail}")
}

/// A line to a home, an office or a hotel: what the devices behind it are seen as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub operator: OperatorIx,
    pub number: u64,
    /// How long an address stays; `None`: for ever.
    pub lease: Option<Micros>,
    pub has_v6: bool,
}

impl Line {
    pub fn home(internet: &Internet, chance: &mut Chance, at_home: Option<bool>) -> Self {
        let operator = internet.of(chance, Trade::Homes, at_home);
        Line {
            operator,
            number: chance.bits(),
            lease: Some(chance.within(DAY / HOUR, 30 * DAY / HOUR) * HOUR),
            has_v6: chance.is(0.45),
        }
    }

    /// The address of a device behind the line. In IPv6 each has its own, and a new one each day.
    pub fn address(&self, internet: &Internet, device: u64, at: Micros) -> IpAddr {
        let lease = self
            .lease
            .map_or(0, |lease| (at + (self.number % lease as u64) as i64).div_euclid(lease) as u64);
        let number = mix(self.number, lease);
        if self.has_v6 && !device.is_multiple_of(3) {
            let day = at.div_euclid(DAY) as u64;
            IpAddr::V6(internet.v6(self.operator, number, mix(device, day)))
        } else {
            IpAddr::V4(internet.v4(self.operator, number))
        }
    }
}

/// A phone's contract.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contract {
    pub operator: OperatorIx,
    pub number: u64,
    pub has_v6: bool,
}

/// How many addresses a carrier's users of one region share.
const SHARED: u64 = 6;

impl Contract {
    pub fn new(internet: &Internet, chance: &mut Chance, operator: Option<OperatorIx>) -> Self {
        let operator = operator.unwrap_or_else(|| internet.of(chance, Trade::Phones, Some(true)));
        Contract { operator, number: chance.bits(), has_v6: chance.is(0.4) }
    }

    /// In IPv4 one of a few that all share, another every few hours; in IPv6 a /64 for a day.
    pub fn address(&self, internet: &Internet, at: Micros) -> IpAddr {
        let day = at.div_euclid(DAY) as u64;
        if self.has_v6 && !mix(self.number, at.div_euclid(6 * HOUR) as u64).is_multiple_of(4) {
            return IpAddr::V6(internet.v6(self.operator, mix(self.number, day), self.number));
        }
        let turn = (at + (self.number % HOUR as u64) as i64).div_euclid(5 * HOUR) as u64;
        IpAddr::V4(internet.v4(self.operator, mix(self.number, turn) % SHARED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_follow_from_the_seed_and_hold_no_special_address() {
        let bases = |seed| -> Vec<_> {
            Internet::new(seed).atlas().map(|(base, length, _)| (base, length)).collect()
        };
        assert_eq!(bases(1), bases(1));
        let (one, two) = (bases(1), bases(2));
        let common = one.iter().filter(|prefix| two.contains(prefix)).count();
        assert!(common * 20 < one.len(), "{common} prefixes in common");
        let internet = Internet::new(3);
        for number in 0..20_000 {
            let operator = number as usize % internet.operators().len();
            let v4 = internet.v4(operator, number);
            assert!(!v4.is_private() && !v4.is_documentation() && !v4.is_multicast(), "{v4}");
            assert!(!v4.is_loopback() && !v4.is_link_local() && !v4.is_broadcast(), "{v4}");
            assert_eq!(
                internet.operator_of(v4.into()).map(|operator| operator.number),
                internet.operators().get(operator).map(|operator| operator.number)
            );
            let v6 = internet.v6(operator, number, 5);
            assert!(v6.segments()[0] >= 0x2400 && v6.segments()[0] < 0x2a10, "{v6}");
        }
    }

    #[test]
    fn a_home_keeps_its_address_for_its_lease_and_phones_share() {
        let internet = Internet::new(5);
        let mut chance = Chance::new(5, 1);
        let line = Line {
            lease: Some(2 * DAY),
            has_v6: false,
            ..Line::home(&internet, &mut chance, Some(true))
        };
        let seen: std::collections::BTreeSet<IpAddr> =
            (0..240).map(|hour| line.address(&internet, 1, hour * HOUR)).collect();
        assert!((5..=6).contains(&seen.len()), "{}", seen.len());
        let phones: std::collections::BTreeSet<IpAddr> = (0..300)
            .map(|_| Contract { has_v6: false, ..Contract::new(&internet, &mut chance, None) })
            .map(|contract| contract.address(&internet, 7 * DAY))
            .collect();
        assert!(phones.len() <= 3 * SHARED as usize, "{}", phones.len());
    }
}
