//! The bans that hold, as the world meets them.

use crate::world::{Guard, Micros};
use event::Network;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Who may connect.
#[derive(Default)]
pub(crate) struct Sieve {
    /// What is banned until when, and which ban it is.
    holds: BTreeMap<Network, (Micros, usize)>,
    /// How many bans there are of each prefix length, by IPv6 or not.
    lengths: BTreeMap<(bool, u8), usize>,
    /// Whom each ban met.
    pub refused: Vec<BTreeSet<IpAddr>>,
}

fn form(network: &Network) -> (bool, u8) {
    (network.address().is_ipv6(), network.prefix())
}

impl Sieve {
    /// Ban number `ban` begins.
    pub fn hold(&mut self, network: Network, until: Micros, ban: usize) {
        self.refused.resize_with(self.refused.len().max(ban + 1), BTreeSet::new);
        if self.holds.insert(network, (until, ban)).is_none() {
            *self.lengths.entry(form(&network)).or_default() += 1;
        }
    }

    /// What held for the network has ended.
    pub fn lift(&mut self, network: &Network) {
        if self.holds.remove(network).is_some()
            && let Some(count) = self.lengths.get_mut(&form(network))
        {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&form(network));
            }
        }
    }
}

impl Guard for Sieve {
    fn is_refused(&mut self, client: IpAddr, at: Micros) -> bool {
        let forms = self.lengths.keys().filter(|(is_v6, _)| *is_v6 == client.is_ipv6());
        let held = forms
            .filter_map(|(_, length)| self.holds.get(&Network::of(client, *length)))
            .find(|(until, _)| *until > at);
        let Some((_, ban)) = held else { return false };
        if let Some(refused) = self.refused.get_mut(*ban) {
            refused.insert(client);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_holds_for_its_addresses_until_it_ends() {
        let mut sieve = Sieve::default();
        let client = |text: &str| text.parse().unwrap();
        let network = Network::of(client("2001:db8:1:2::7"), 64);
        sieve.hold(network, 100, 0);
        sieve.hold(Network::host(client("192.0.2.1")), 100, 1);
        assert!(sieve.is_refused(client("2001:db8:1:2::9"), 99));
        assert!(!sieve.is_refused(client("2001:db8:1:2::9"), 100), "over");
        assert!(!sieve.is_refused(client("2001:db8:1:3::9"), 1));
        assert!(sieve.is_refused(client("192.0.2.1"), 1));
        assert_eq!(sieve.refused[0].len(), 1);
        sieve.lift(&network);
        assert!(!sieve.is_refused(client("2001:db8:1:2::9"), 1));
    }
}
