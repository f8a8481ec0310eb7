//! Who is never banned: special addresses, the allowlist, the surroundings.

use crate::checkpoint::record;
use crate::explain::Protection;
use alloc::vec::Vec;
use core::net::IpAddr;
use event::{Network, Timestamp};

record! {
    /// A network on the allowlist.
    #[derive(Clone, Debug)]
    pub(crate) struct Allowed {
        pub network: Network,
        /// Microseconds; none: for ever.
        pub until: Option<i64>,
    }
}

record! {
    /// All that protects, but for the special addresses.
    #[derive(Clone, Default, Debug)]
    pub(crate) struct Shelter {
        /// From the configuration.
        pub configured: Vec<Network>,
        /// Of these, the ones that an order took off.
        pub disallowed: Vec<Network>,
        /// By order.
        pub allowed: Vec<Allowed>,
        /// Own addresses, gateways, resolvers, administrators.
        pub surroundings: Vec<Network>,
    }
}

impl Shelter {
    /// Why no decision may cover this network, or any address in it.
    pub fn of(&self, network: &Network, now: Timestamp) -> Option<Protection> {
        if is_special(network) {
            return Some(Protection::Special);
        }
        if let Some(found) = self.surroundings.iter().find(|net| net.overlaps(network)) {
            return Some(Protection::Surroundings(*found));
        }
        let listed = |net: &&Network| net.overlaps(network) && !self.disallowed.contains(net);
        if let Some(found) = self.configured.iter().find(listed) {
            return Some(Protection::Configured(*found));
        }
        let holds = |entry: &&Allowed| {
            entry.until.is_none_or(|until| until > now.0) && entry.network.overlaps(network)
        };
        self.allowed.iter().find(holds).map(|entry| Protection::Operator(entry.network))
    }

    /// Puts a network on the allowlist; one that is there gets the new end.
    pub fn allow(&mut self, network: Network, until: Option<Timestamp>) {
        self.disallow_ordered(&network);
        self.disallowed.retain(|entry| *entry != network);
        self.allowed.push(Allowed { network, until: until.map(|until| until.0) });
    }

    /// Takes a network off the allowlist, wherever it came from; one of the configuration stays off
    /// until the next configuration.
    pub fn disallow(&mut self, network: &Network) {
        self.disallow_ordered(network);
        if self.configured.contains(network) && !self.disallowed.contains(network) {
            self.disallowed.push(*network);
        }
    }

    fn disallow_ordered(&mut self, network: &Network) {
        self.allowed.retain(|entry| entry.network != *network);
    }

    /// Moves the ends of orders by so much.
    pub fn set_clock(&mut self, by_micros: i64) {
        for allowed in &mut self.allowed {
            allowed.until = allowed.until.map(|until| until.saturating_add(by_micros));
        }
    }

    /// Forgets entries whose time is over.
    pub fn forget(&mut self, now: Timestamp) {
        self.allowed.retain(|entry| entry.until.is_none_or(|until| until > now.0));
    }
}

/// Loopback, link-local, unspecified, multicast, broadcast, and IPv6 `::/32`: peers that are no
/// strangers, or none at all (RFC 6890). A network counts where it overlaps one of them.
pub(crate) fn is_special(network: &Network) -> bool {
    match network.address() {
        IpAddr::V4(v4) => SPECIAL_V4.iter().any(|(first, bits)| {
            let shared = u32::from((*bits).min(network.prefix()));
            (v4.to_bits() ^ first).checked_shr(32 - shared).unwrap_or(0) == 0
        }),
        IpAddr::V6(v6) => SPECIAL_V6.iter().any(|(first, bits)| {
            let shared = u32::from((*bits).min(network.prefix()));
            (v6.to_bits() ^ first).checked_shr(128 - shared).unwrap_or(0) == 0
        }),
    }
}

const SPECIAL_V4: [(u32, u8); 5] =
    [(0x7f00_0000, 8), (0xa9fe_0000, 16), (0, 8), (0xe000_0000, 4), (0xffff_ffff, 32)];

const SPECIAL_V6: [(u128, u8); 3] = [(0, 32), (0xfe80 << 112, 10), (0xff << 120, 8)];

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn special_addresses_are_sheltered() {
        for text in [
            "127.0.0.1",
            "::1",
            "fe80::1",
            "169.254.1.1",
            "0.0.0.0",
            "::",
            "127.0.0.0/24",
            "ff02::1",
            "255.255.255.255",
            "0.0.0.0/0",
            "::/0",
            "fe80::/9",
            "239.0.0.0/8",
            "128.0.0.0/1",
        ] {
            assert!(is_special(&net(text)), "{text}");
        }
        for text in ["192.0.2.1", "2001:db8::1", "10.0.0.1", "2001:db8::/48"] {
            assert!(!is_special(&net(text)), "{text}");
        }
    }

    #[test]
    fn a_prefix_around_a_sheltered_address_is_sheltered() {
        let now = Timestamp(0);
        let mut shelter = Shelter { surroundings: [net("192.0.2.9")].into(), ..Shelter::default() };
        assert_eq!(
            shelter.of(&net("192.0.2.0/24"), now),
            Some(Protection::Surroundings(net("192.0.2.9")))
        );
        assert_eq!(shelter.of(&net("192.0.2.8"), now), None);
        shelter.allow(net("198.51.100.0/24"), Some(Timestamp(10)));
        assert!(shelter.of(&net("198.51.100.7"), now).is_some());
        assert!(shelter.of(&net("198.51.100.7"), Timestamp(10)).is_none());
        shelter.disallow(&net("198.51.100.0/24"));
        assert!(shelter.of(&net("198.51.100.7"), now).is_none());
    }
}
