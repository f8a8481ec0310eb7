//! What holds: decisions in a slab, found by subject, and by client without a look at the slab.
//!
//! A flood in which every client is banned makes and ends a decision with each line, so both cost
//! a few cache lines: no allocation, no tree of subjects, no copy of a key beside the decision. An
//! index entry has the second in which an enforced ban ends, which is all that an event of a
//! banned client needs. Clients and the rest have an index each: prefixes are few, so theirs stays
//! in the processor's cache while a flood turns the other one over.

use crate::client::{ClientKey, client_of, prefix_of};
use crate::hash::{lower, mix};
use crate::places;
use alloc::vec::Vec;
use event::{Decision, Mode, Network, Subject, Timestamp};
use hashbrown::HashTable;

/// A decision that holds.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub decision: Decision,
    /// In which order decisions were made; with its deadline the key of its timer.
    pub number: u64,
}

/// An entry of an index.
#[derive(Clone, Copy)]
struct Entry {
    key: u64,
    row: u32,
    /// End of an enforced ban, seconds; 0 where the entry stands for none.
    until_s: u32,
    /// Its begin.
    from_s: u32,
}

/// All decisions that hold, in whatever mode.
pub(crate) struct Holds {
    rows: Vec<Option<Hold>>,
    free: Vec<u32>,
    clients: HashTable<Entry>,
    others: HashTable<Entry>,
    /// Enforced bans of networks that no key names (an operator's /20).
    wide: Vec<Network>,
    /// How many decisions there are on a /40 or /32 of IPv6: seldom any, and then nobody looks.
    wide_keys: u32,
    seed: u64,
}

/// How a subject is found.
struct Place {
    is_client: bool,
    key: u64,
    /// False where no look by client or prefix may find it.
    is_quick: bool,
}

impl Holds {
    pub const fn new(seed: u64) -> Self {
        Holds {
            rows: Vec::new(),
            free: Vec::new(),
            clients: HashTable::new(),
            others: HashTable::new(),
            wide: Vec::new(),
            wide_keys: 0,
            seed,
        }
    }

    pub fn len(&self) -> usize {
        self.clients.len() + self.others.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn place(&self, subject: &Subject) -> Place {
        let other = |tag: u8, name: &[u8]| Place {
            is_client: false,
            key: mix(lower(self.seed, name), u64::from(tag)),
            is_quick: false,
        };
        let network = match subject {
            Subject::Client(address) => Network::host(*address),
            Subject::Network(network) => *network,
            Subject::Account(name) => return other(b'a', name),
            Subject::Sender(name) => return other(b's', name),
            Subject::Host(name) => return other(b'h', name),
        };
        if !is_single_v6(&network) {
            if let Some(client) = client_of(&network) {
                return Place { is_client: true, key: client.0, is_quick: true };
            }
            if let Some(prefix) = prefix_of(&network) {
                let key = places::shared_key(prefix);
                return Place { is_client: false, key, is_quick: true };
            }
        }
        match network.address() {
            core::net::IpAddr::V4(v4) => other(network.prefix(), &v4.octets()),
            core::net::IpAddr::V6(v6) => other(network.prefix(), &v6.octets()),
        }
    }

    fn index(&self, is_client: bool) -> &HashTable<Entry> {
        if is_client { &self.clients } else { &self.others }
    }

    fn row_at(&self, row: u32) -> Option<&Hold> {
        self.rows.get(row as usize)?.as_ref()
    }

    fn row_of(&self, subject: &Subject) -> Option<u32> {
        self.row_in(&self.place(subject), subject)
    }

    fn row_in(&self, place: &Place, subject: &Subject) -> Option<u32> {
        let same = |entry: &Entry| {
            let hold = || self.row_at(entry.row);
            entry.key == place.key && hold().is_some_and(|hold| hold.decision.subject == *subject)
        };
        let found = self.index(place.is_client).find(mix(place.key, self.seed), same);
        found.map(|entry| entry.row)
    }

    /// What holds for exactly this subject.
    pub fn get(&self, subject: &Subject) -> Option<&Decision> {
        self.row_at(self.row_of(subject)?).map(|hold| &hold.decision)
    }

    /// Since when an enforced ban covers the client, seconds; since now where nobody noted it.
    #[inline]
    pub fn covered_since_s(&self, client: ClientKey, now_s: u32) -> Option<u32> {
        let seed = self.seed;
        let of = |index: &HashTable<Entry>, key: u64| {
            let same = |entry: &Entry| entry.key == key && entry.until_s > now_s;
            if index.is_empty() {
                return None;
            }
            index.find(mix(key, seed), same).map(|entry| entry.from_s)
        };
        let others = || {
            let prefix = of(&self.others, places::shared_key(client.prefix()));
            let site = || of(&self.others, places::shared_key(client.site()?));
            let keys =
                |_| client.wide().find_map(|wide| of(&self.others, places::shared_key(wide)));
            let wide_key = || Some(self.wide_keys).filter(|count| *count > 0).and_then(keys);
            let wide = || self.wide.iter().any(|wide| wide.overlaps(&client.network()));
            prefix.or_else(site).or_else(wide_key).or_else(|| wide().then_some(now_s))
        };
        of(&self.clients, client.0).or_else(|| if self.others.is_empty() { None } else { others() })
    }

    /// Makes a decision hold, in the place of one about the same subject, which is handed back.
    /// The row is what a timer is to name.
    pub fn insert(&mut self, hold: Hold) -> (u32, Option<Hold>) {
        let subject = &hold.decision.subject;
        let (place, network) = (self.place(subject), subject.network());
        let before = self.row_in(&place, subject).and_then(|row| self.remove_at(row));
        let from_s = hold.decision.at.seconds_u32();
        let mut until_s = 0;
        if let (Mode::Enforce, Some(network)) = (hold.decision.mode, network) {
            if place.is_quick {
                self.wide_keys += u32::from(is_wide_key(&network));
                until_s = hold.decision.until.map_or(u32::MAX, Timestamp::seconds_u32);
            } else if !is_single_v6(&network) {
                // The look is by /64; a single address has neighbours who are still judged.
                self.wide.push(network);
            }
        }
        let row = match self.free.pop() {
            Some(row) => row,
            None => {
                if self.rows.len() == self.rows.capacity() {
                    // Exact steps: doubling could pass the promised memory.
                    self.rows.reserve_exact((self.rows.len() / 4).clamp(16, 1 << 15));
                }
                self.rows.push(None);
                (self.rows.len() - 1) as u32
            }
        };
        if let Some(slot) = self.rows.get_mut(row as usize) {
            *slot = Some(hold);
        }
        let seed = self.seed;
        let index = if place.is_client { &mut self.clients } else { &mut self.others };
        let entry = Entry { key: place.key, row, until_s, from_s };
        index.insert_unique(mix(place.key, seed), entry, |entry| mix(entry.key, seed));
        (row, before)
    }

    /// Ends what holds for a subject.
    pub fn remove(&mut self, subject: &Subject) -> Option<Hold> {
        self.remove_at(self.row_of(subject)?)
    }

    /// Ends what holds in a row.
    pub fn remove_at(&mut self, row: u32) -> Option<Hold> {
        let hold = self.rows.get_mut(row as usize)?.take()?;
        self.free.push(row);
        let subject = &hold.decision.subject;
        let place = self.place(subject);
        let seed = self.seed;
        let index = if place.is_client { &mut self.clients } else { &mut self.others };
        if let Ok(entry) = index.find_entry(mix(place.key, seed), |entry| entry.row == row) {
            entry.remove();
        }
        if hold.decision.mode == Mode::Enforce
            && let Some(network) = subject.network()
        {
            match place.is_quick {
                true => self.wide_keys -= u32::from(is_wide_key(&network)),
                false => self.wide.retain(|wide| *wide != network),
            }
        }
        Some(hold)
    }

    /// The row of the smallest subject.
    pub fn smallest(&self) -> Option<u32> {
        let hold =
            self.iter().min_by(|one, other| one.decision.subject.cmp(&other.decision.subject));
        self.row_of(&hold?.decision.subject)
    }

    /// Hands all out, in no order that means anything.
    pub fn into_all(self) -> Vec<Hold> {
        self.rows.into_iter().flatten().collect()
    }

    /// All, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Hold> {
        self.rows.iter().flatten()
    }

    /// The decisions that `is_wanted`, in the order of their subjects.
    pub fn sorted(&self, is_wanted: impl Fn(&Decision) -> bool) -> Vec<&Decision> {
        let decisions = self.iter().map(|hold| &hold.decision);
        let mut found: Vec<&Decision> = decisions.filter(|decision| is_wanted(decision)).collect();
        found.sort_unstable_by(|one, other| one.subject.cmp(&other.subject));
        found
    }
}

/// True for a /40 or /32 of IPv6.
const fn is_wide_key(network: &Network) -> bool {
    network.address().is_ipv6() && matches!(network.prefix(), 32 | 40)
}

fn is_single_v6(network: &Network) -> bool {
    network.address().is_ipv6() && network.prefix() > 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::Cow;
    use alloc::collections::BTreeMap;
    use event::{Evidence, Measure, Timestamp};
    use proptest::prelude::*;

    fn hold(subject: Subject, mode: Mode, until_s: Option<u32>, number: u64) -> Hold {
        let until = until_s.map(|until_s| Timestamp::from_seconds(i64::from(until_s)));
        let decision = Decision {
            at: Timestamp(0),
            measure: Measure::Ban,
            subject,
            until,
            rule: Cow::Borrowed("scan"),
            offence: 1,
            score: 1.0,
            mode,
            evidence: Evidence::default(),
        };
        Hold { decision, number }
    }

    fn subject(choice: u8) -> Subject {
        let texts = [
            "198.51.100.7",
            "198.51.100.0/24",
            "198.51.96.0/20",
            "2001:db8::/32",
            "2001:db8:1::/48",
            "2001:db8:1:200::/56",
            "2001:db8::/40",
            "2001:db8::/36",
            "2001:db8:1:203::/64",
            "2001:db8:1:203::9",
            "203.0.113.5",
        ];
        match texts.get(usize::from(choice)) {
            Some(text) => {
                let network: Network = text.parse().unwrap();
                let client = Subject::Client(network.address());
                if network.is_host() { client } else { Subject::Network(network) }
            }
            None if choice.is_multiple_of(2) => Subject::Account([b'a', choice].into()),
            None => Subject::Host([b'a', choice].into()),
        }
    }

    proptest! {
        /// The indexes and the free list against a map that has neither.
        #[test]
        fn holds_do_what_a_map_does(
            steps in prop::collection::vec((0..16u8, any::<bool>(), 0..5u32, any::<bool>()), 0..80),
        ) {
            let mut holds = Holds::new(7);
            let mut model: BTreeMap<Subject, Hold> = BTreeMap::new();
            for (number, (choice, is_in, until_s, enforced)) in steps.into_iter().enumerate() {
                let subject = subject(choice);
                let mode = if enforced { Mode::Enforce } else { Mode::Observe };
                let hold = hold(subject.clone(), mode, (until_s > 0).then_some(until_s), number as u64);
                let (got, expected) = if is_in {
                    (holds.insert(hold.clone()).1, model.insert(subject, hold))
                } else {
                    (holds.remove(&subject), model.remove(&subject))
                };
                prop_assert_eq!(got.map(|hold| hold.number), expected.map(|hold| hold.number));
                prop_assert_eq!(holds.len(), model.len());
                let wanted: Vec<&Decision> = model.values().map(|hold| &hold.decision).collect();
                prop_assert_eq!(holds.sorted(|_| true), wanted);
                for address in ["198.51.100.7", "198.51.100.8", "198.51.97.1", "2001:db8:1:203::9",
                    "2001:db8:1:204::9", "2001:db8:1:304::9", "2001:db8:2::1", "203.0.113.5"]
                {
                    let client = ClientKey::of(address.parse().unwrap()).unwrap();
                    let covered = model.values().any(|hold| {
                        let network = hold.decision.subject.network();
                        let covers = network.is_some_and(|network| {
                            !is_single_v6(&network) && network.overlaps(&client.network())
                        });
                        let ends = hold.decision.until.is_none_or(|until| until.seconds() > 2);
                        // What is wide is asked no end: the timer ends it.
                        let is_wide = holds.wide.iter().any(|wide| Some(*wide) == network);
                        hold.decision.mode == Mode::Enforce && covers && (ends || is_wide)
                    });
                    prop_assert_eq!(holds.covered_since_s(client, 2).is_some(), covered, "{}", address);
                }
            }
        }
    }
}
