//! Which bans cover which addresses: all that the journal has of a time, asked for many addresses.

use crate::failure::Failure;
use crate::recover::failure;
use event::{Decision, Measure, Network, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use store::{Filter, Reader, Record, What};

/// Decisions that are read at most.
const DECISIONS_MAX: usize = 100_000;

/// The bans of a time, by the network that they cover.
#[derive(Debug, Default)]
pub struct Bans {
    by_network: BTreeMap<Network, Ban>,
    prefixes: BTreeSet<u8>,
}

/// A ban.
#[derive(Clone, PartialEq, Debug)]
pub struct Ban {
    /// When it began.
    pub at: Timestamp,
    /// Its rule.
    pub rule: String,
}

impl Bans {
    /// Those that were decided from a time on.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn since(reader: &Reader, from: Timestamp) -> Result<Bans, Failure> {
        let filter = Filter { what: What::Actions, from: Some(from), ..Filter::default() };
        let found = reader.query(&filter, DECISIONS_MAX).map_err(failure)?;
        let mut bans = Bans::default();
        for row in &found.rows {
            if let Some(Record::Decision { decision, .. }) = row.record() {
                bans.add(&decision);
            }
        }
        Ok(bans)
    }

    /// Adds a decision, where it is a ban of addresses; the earliest of a network is kept.
    pub fn add(&mut self, decision: &Decision) {
        let Some(network) = decision.subject.network() else { return };
        if decision.measure != Measure::Ban {
            return;
        }
        self.prefixes.insert(network.prefix());
        let ban = Ban { at: decision.at, rule: decision.rule.to_string() };
        let known = self.by_network.entry(network).or_insert_with(|| ban.clone());
        if ban.at < known.at {
            *known = ban;
        }
    }

    /// The ban that covers an address, the narrowest.
    pub fn of(&self, address: IpAddr) -> Option<&Ban> {
        around(address, &self.prefixes).find_map(|network| self.by_network.get(&network))
    }
}

/// The networks of these lengths around an address, the narrowest first.
pub fn around(address: IpAddr, prefixes: &BTreeSet<u8>) -> impl Iterator<Item = Network> {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    prefixes.range(..=bits).rev().map(move |prefix| Network::of(address, *prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{Evidence, Mode, Subject};

    #[test]
    fn an_address_is_covered_by_the_narrowest_ban_around_it() {
        let mut bans = Bans::default();
        for (network, rule) in [
            ("198.51.100.0/24", "prefix"),
            ("198.51.100.7/32", "brute-force"),
            ("2001:db8:1:2::/64", "scan"),
        ] {
            bans.add(&Decision {
                at: Timestamp(1),
                measure: Measure::Ban,
                subject: Subject::Network(network.parse().unwrap()),
                until: None,
                rule: rule.into(),
                offence: 1,
                score: 1.0,
                mode: Mode::Enforce,
                evidence: Evidence::default(),
            });
        }
        let rule = |address: &str| bans.of(address.parse().unwrap()).map(|ban| ban.rule.as_str());
        assert_eq!(rule("198.51.100.7"), Some("brute-force"));
        assert_eq!(rule("198.51.100.8"), Some("prefix"));
        assert_eq!(rule("2001:db8:1:2::9"), Some("scan"));
        assert_eq!(rule("2001:db8:1:3::9"), None);
        assert_eq!(rule("203.0.113.1"), None);
    }
}
