//! The allowlist, sorted: a million bans are held against thousands of networks each time that an
//! administrator logs in, and the enforcer hears no order meanwhile.

use super::ruleset::{Refusal, Ruleset, refusal_of_kind};
use event::Network;
use std::net::IpAddr;

/// First and last addresses that may not be banned, disjoint and in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allowed {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Allowed {
    /// Of all that these rules never ban.
    pub fn of(ruleset: &Ruleset) -> Allowed {
        let family = |is_v4: bool| {
            let of_family = ruleset.never().filter(|one| one.address().is_ipv4() == is_v4);
            joined(of_family.map(addresses).collect())
        };
        Allowed { v4: family(true), v6: family(false) }
    }

    /// Why this network must not be banned, if so; as `Ruleset::refusal` says it.
    pub fn refusal(&self, network: &Network) -> Option<Refusal> {
        refusal_of_kind(network).or_else(|| self.overlaps(network).then_some(Refusal::Allowed))
    }

    fn overlaps(&self, network: &Network) -> bool {
        let ranges = if network.address().is_ipv4() { &self.v4 } else { &self.v6 };
        let (first, last) = addresses(network);
        let behind = ranges.partition_point(|range| range.0 <= last);
        behind.checked_sub(1).and_then(|before| ranges.get(before)).is_some_and(|r| r.1 >= first)
    }
}

/// The first and the last address of a network as numbers.
fn addresses(network: &Network) -> (u128, u128) {
    let (first, bits) = match network.address() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let free = bits - u32::from(network.prefix());
    let hosts = if free == 128 { u128::MAX } else { (1 << free) - 1 };
    (first, first | hosts)
}

/// Sorted, with those that overlap as one.
fn joined(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Few addresses, so that they meet; whole families, too.
    fn network() -> impl Strategy<Value = Network> {
        (any::<bool>(), 0u8..12, 0u8..=128).prop_map(|(is_v4, last, prefix)| {
            if is_v4 {
                Network::of(IpAddr::from([198, 51, 100, last * 20]), prefix % 33)
            } else {
                let last = u16::from(last) << 12;
                Network::of(IpAddr::from([0x2001, 0xdb8, last, 0, 0, 0, 0, last]), prefix)
            }
        })
    }

    proptest! {
        #[test]
        fn it_refuses_what_a_look_at_each_network_refuses(
            allow in proptest::collection::vec(network(), 0..8),
            protect in proptest::collection::vec(network(), 0..4),
            bans in proptest::collection::vec(network(), 1..40),
        ) {
            let ruleset = Ruleset { allow, protect, ..Ruleset::default() };
            let allowed = Allowed::of(&ruleset);
            for ban in bans {
                prop_assert_eq!(allowed.refusal(&ban), ruleset.refusal(&ban), "{}", ban);
            }
        }
    }

    /// With a look at each network this took minutes.
    #[test]
    fn many_bans_against_many_networks() {
        let address = |number: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(number));
        let allow: Vec<Network> =
            (0..4096u32).map(|n| Network::of(address(0xc600_0000 + n * 512), 24)).collect();
        let allowed = Allowed::of(&Ruleset { allow, ..Ruleset::default() });
        // Of every second /24 all, of the others none.
        let refused = (0..4096 * 128u32)
            .filter(|n| allowed.refusal(&Network::host(address(0xc600_0000 + n * 4))).is_some());
        assert_eq!(refused.count(), 4096 * 64);
    }
}
