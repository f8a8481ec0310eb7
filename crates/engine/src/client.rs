//! Keys of clients and prefixes: an IPv4 address, or an IPv6 /64.
//!
//! A provider hands an IPv6 customer at least a /64 (RFC 6177), so the addresses inside are one
//! client. IPv4 stands in the low 32 bits with the rest zero; no IPv6 peer has a first half like
//! that (`::/32` is reserved, RFC 4291), so the two never meet.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use event::{Network, Subject, canonical};

/// A client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ClientKey(pub u64);

/// A /24, /56, /48, /40 or /32: its bits, and the length in the low byte, which those bits leave
/// free.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PrefixKey(pub u64);

impl ClientKey {
    /// `None` for reserved addresses that cannot be told from IPv4 ones; they are protected.
    pub fn of(address: IpAddr) -> Option<Self> {
        match canonical(address) {
            IpAddr::V4(v4) => Some(ClientKey(u64::from(v4.to_bits()))),
            IpAddr::V6(v6) => {
                let high = (v6.to_bits() >> 64) as u64;
                (high >> 32 != 0).then_some(ClientKey(high))
            }
        }
    }

    pub const fn is_v4(self) -> bool {
        self.0 >> 32 == 0
    }

    /// What a decision about this client covers.
    pub fn network(self) -> Network {
        if self.is_v4() {
            Network::host(IpAddr::V4(Ipv4Addr::from_bits(self.0 as u32)))
        } else {
            Network::of(IpAddr::V6(Ipv6Addr::from_bits(u128::from(self.0) << 64)), 64)
        }
    }

    /// An IPv4 client is named by its address, an IPv6 client by its /64.
    pub fn subject(self) -> Subject {
        match self.network() {
            network if self.is_v4() => Subject::Client(network.address()),
            network => Subject::Network(network),
        }
    }

    /// The prefix that one operator holds: /24 or /48.
    pub const fn prefix(self) -> PrefixKey {
        if self.is_v4() {
            PrefixKey(self.0 & 0xffff_ff00 | 24)
        } else {
            PrefixKey(self.0 & 0xffff_ffff_ffff_0000 | 48)
        }
    }

    /// The /56 of an IPv6 client.
    pub const fn site(self) -> Option<PrefixKey> {
        if self.is_v4() { None } else { Some(PrefixKey(self.0 & 0xffff_ffff_ffff_ff00 | 56)) }
    }

    /// The wider prefixes that one operator or attacker may hold: /40 and /32, the least that a
    /// registry gives (RIPE-738). None for IPv4, whose blocks are cut in any way.
    pub fn wide(self) -> impl Iterator<Item = PrefixKey> {
        let masks = [(0xffff_ffff_ff00_0000, 40), (0xffff_ffff_0000_0000, 32)];
        let is_v4 = self.is_v4();
        let of = move |(mask, bits)| PrefixKey(self.0 & mask | bits);
        masks.into_iter().filter(move |_| !is_v4).map(of)
    }

    /// The wider surroundings of a user who roams: /16 or /32.
    pub const fn area(self) -> u64 {
        if self.is_v4() { self.0 & 0xffff_0000 | 16 } else { self.0 & 0xffff_ffff_0000_0000 | 32 }
    }
}

impl PrefixKey {
    pub const fn is_v4(self) -> bool {
        self.0 >> 32 == 0
    }

    /// True where the client is inside.
    pub const fn has(self, client: ClientKey) -> bool {
        let bits = self.0 & !0xff;
        let width = if self.is_v4() { 32 } else { 64 };
        let rest = width - (self.0 & 0xff) as u32;
        client.is_v4() == self.is_v4() && (client.0 ^ bits) >> rest == 0
    }

    pub fn network(self) -> Network {
        let length = (self.0 & 0xff) as u8;
        let bits = self.0 & !0xff;
        if self.is_v4() {
            Network::of(IpAddr::V4(Ipv4Addr::from_bits(bits as u32)), length)
        } else {
            Network::of(IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 64)), length)
        }
    }
}

/// The keys that a network of exactly these lengths has.
pub(crate) fn client_of(network: &Network) -> Option<ClientKey> {
    match (network.address(), network.prefix()) {
        (IpAddr::V4(_), 32) | (IpAddr::V6(_), 64..=128) => ClientKey::of(network.address()),
        _ => None,
    }
}

/// An address as a table keeps it: two words, as IPv6, mapped where it is IPv4.
pub(crate) const fn words_of(address: IpAddr) -> [u64; 2] {
    let bits = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    [(bits >> 64) as u64, bits as u64]
}

/// The address that [`words_of`] wrote.
pub(crate) const fn address_of([high, low]: [u64; 2]) -> IpAddr {
    canonical(IpAddr::V6(Ipv6Addr::from_bits((high as u128) << 64 | low as u128)))
}

/// The prefix key of a /24, /56, /48, /40 or /32.
pub(crate) fn prefix_of(network: &Network) -> Option<PrefixKey> {
    let client = ClientKey::of(network.address())?;
    match (network.address(), network.prefix()) {
        (IpAddr::V4(_), 24) | (IpAddr::V6(_), 48) => Some(client.prefix()),
        (IpAddr::V6(_), 56) => client.site(),
        (IpAddr::V6(_), 40 | 32) => client.wide().find(|wide| wide.network() == *network),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn keys_name_what_they_cover() {
        for (address, subject, prefix, site) in [
            ("192.0.2.9", "192.0.2.9", "192.0.2.0/24", None),
            ("::ffff:192.0.2.9", "192.0.2.9", "192.0.2.0/24", None),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48", Some("2001:db8:1::/56")),
        ] {
            let key = ClientKey::of(address.parse().unwrap()).unwrap();
            assert_eq!(key.subject().to_string(), subject);
            assert_eq!(key.prefix().network().to_string(), prefix);
            assert_eq!(key.site().map(|site| site.network().to_string()).as_deref(), site);
            assert_eq!(prefix_of(&key.prefix().network()), Some(key.prefix()));
            for prefix in [key.prefix()].into_iter().chain(key.site()).chain(key.wide()) {
                assert_eq!(prefix_of(&prefix.network()), Some(prefix));
                assert!(prefix.has(key));
                let other = ClientKey::of("2001:db9::1".parse().unwrap()).unwrap();
                assert!(!prefix.has(other), "{prefix:?}");
            }
            assert_eq!(client_of(&key.network()), Some(key));
        }
        assert_eq!(ClientKey::of("::1".parse().unwrap()), None);
    }
}
