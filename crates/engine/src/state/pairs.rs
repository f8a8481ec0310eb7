//! Which clients failed on which account: a ring of pairs, linked by account.
//!
//! Pairs are numbered as they come; a pair stays until the ring comes round. Each names the pair
//! before it of the same account, so an account's list runs from new to old and ends, by itself,
//! where the ring has overwritten it: nothing has to be unlinked.

use crate::checkpoint::{Reader, Record, Writer, record};
use crate::explain::TableStatistics;
use crate::hash::mix;
use alloc::vec::Vec;
use hashbrown::HashTable;

/// What comes sooner belongs to the same try: a person who types again, a bot's few passwords.
const LATER_S: u32 = 60;

record! {
    /// A client failed on an account.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Pair {
        pub account: u64,
        pub client: u64,
        /// The pair before it of the same account; 0 for none.
        pub before: u32,
        /// The latest failure, seconds.
        pub last_s: u32,
        /// The low half of the number of its line.
        pub line: u32,
        /// When its grace is over, seconds; 0 where none was given.
        pub grace_s: u32,
        /// How its latest failure looked, as a hash.
        pub look: u32,
        /// How often it failed again, a minute after the last time or later.
        pub repeats: u32,
    }
}

/// The ring.
pub(crate) struct Pairs {
    ring: Vec<Pair>,
    index: HashTable<u32>,
    capacity: usize,
    seed: u64,
    /// The number of the next pair; numbers start at 1.
    next: u32,
    evicted: u64,
    reported: u64,
}

impl Pairs {
    pub fn new(capacity: u32, seed: u64) -> Self {
        let capacity = (capacity as usize).clamp(16, 1 << 24);
        let (ring, index) = (Vec::new(), HashTable::new());
        Pairs { ring, index, capacity, seed, next: 1, evicted: 0, reported: 0 }
    }

    /// The most that it holds.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    fn slot(&self, number: u32) -> usize {
        number as usize % self.capacity
    }

    fn hash(&self, account: u64, client: u64) -> u64 {
        mix(mix(account, self.seed), client)
    }

    fn find(&self, account: u64, client: u64) -> Option<usize> {
        let same = |slot: &u32| {
            let pair = self.ring.get(*slot as usize);
            pair.is_some_and(|pair| pair.account == account && pair.client == client)
        };
        self.index.find(self.hash(account, client), same).map(|slot| *slot as usize)
    }

    /// The pair, where it is known.
    pub fn get(&self, account: u64, client: u64) -> Option<&Pair> {
        self.ring.get(self.find(account, client)?)
    }

    /// Notes a failure. Where the pair is new, returns its number, which is the account's newest.
    pub fn note(&mut self, pair: Pair, newest: u32) -> Option<u32> {
        if let Some(slot) = self.find(pair.account, pair.client) {
            if let Some(known) = self.ring.get_mut(slot) {
                let is_later = pair.last_s.saturating_sub(known.last_s) >= LATER_S;
                (known.last_s, known.line) = (pair.last_s, pair.line);
                known.look = pair.look;
                known.repeats = known.repeats.saturating_add(u32::from(is_later));
            }
            return None;
        }
        let number = self.next;
        self.next = self.next.checked_add(1).unwrap_or(1);
        let slot = self.slot(number);
        let pair = Pair { before: newest, ..pair };
        if self.unindex(slot) {
            self.evicted = self.evicted.saturating_add(1);
        }
        // Numbers rise by one, so the ring grows slot by slot; slot 0 comes last of the first
        // round.
        while self.ring.len() <= slot {
            if self.ring.len() == self.ring.capacity() {
                let step = (self.ring.len() / 2).clamp(64, 1 << 16);
                self.ring.reserve_exact(step.min(self.capacity - self.ring.len()));
            }
            self.ring.push(Pair::default());
        }
        if let Some(place) = self.ring.get_mut(slot) {
            *place = pair;
        }
        self.reindex(slot);
        Some(number)
    }

    /// Gives a pair grace until then; false where it has some that is not over.
    pub fn give_grace(&mut self, account: u64, client: u64, now_s: u32, until_s: u32) -> bool {
        let Some(slot) = self.find(account, client) else { return false };
        let Some(pair) = self.ring.get_mut(slot) else { return false };
        if pair.grace_s > now_s {
            return false;
        }
        pair.grace_s = until_s.max(now_s.saturating_add(1));
        true
    }

    /// True where there was something in the slot.
    fn unindex(&mut self, slot: usize) -> bool {
        let Some(old) = self.ring.get(slot).copied() else { return false };
        let same = |entry: &u32| *entry as usize == slot;
        match self.index.find_entry(self.hash(old.account, old.client), same) {
            Ok(entry) => {
                entry.remove();
                true
            }
            Err(_) => false,
        }
    }

    fn reindex(&mut self, slot: usize) {
        let (ring, seed) = (&self.ring, self.seed);
        let hash = |entry: &u32| {
            ring.get(*entry as usize).map_or(0, |pair| mix(mix(pair.account, seed), pair.client))
        };
        let key = hash(&(slot as u32));
        self.index.insert_unique(key, slot as u32, hash);
    }

    /// Changes every pair; whose it is stays.
    pub fn each(&mut self, change: impl FnMut(&mut Pair)) {
        self.ring.iter_mut().for_each(change);
    }

    /// The number of the newest pair; 0 for none.
    pub const fn newest(&self) -> u32 {
        self.next - 1
    }

    /// The number of the first of the pairs before this one that all failed since then.
    pub fn back_to(&self, number: u32, since_s: u32) -> u32 {
        let is_since = |number: &u32| {
            let pair = self.ring.get(self.slot(*number));
            pair.is_some_and(|pair| *pair != Pair::default() && pair.last_s >= since_s)
        };
        let oldest = self.next.saturating_sub(self.capacity as u32).max(1);
        (oldest..number).rev().take_while(is_since).last().unwrap_or(number)
    }

    /// The pairs from a number on, oldest first: those that are still known.
    pub fn since(&self, number: u32) -> impl Iterator<Item = &Pair> {
        let oldest = self.next.saturating_sub(self.capacity as u32).max(1);
        let first = if number == 0 { self.next } else { number.max(oldest) };
        let known = (first..self.next).filter_map(|number| self.ring.get(self.slot(number)));
        known.filter(|pair| **pair != Pair::default())
    }

    /// The pairs of an account, newest first, from its newest on.
    pub fn of(&self, account: u64, newest: u32) -> impl Iterator<Item = &Pair> {
        let mut number = newest;
        let mut left = self.capacity;
        core::iter::from_fn(move || {
            let age = self.next.wrapping_sub(number) as usize;
            if number == 0 || age > self.capacity || left == 0 {
                return None;
            }
            let pair = self.ring.get(self.slot(number)).filter(|pair| pair.account == account)?;
            number = pair.before;
            left -= 1;
            Some(pair)
        })
    }

    pub fn statistics(&self) -> TableStatistics {
        TableStatistics {
            name: "pairs",
            entries: self.index.len() as u32,
            capacity: self.capacity as u32,
            evicted: self.evicted,
        }
    }

    /// How many gave way since the last call.
    pub fn take_unreported(&mut self) -> u64 {
        let since = self.evicted - self.reported;
        self.reported = self.evicted;
        since
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        into.u64(self.capacity as u64);
        u32::write(&self.next, into);
        into.u64(self.evicted);
        into.u64(self.reported);
        self.ring.write(into);
    }

    /// Reads what [`Pairs::write`] wrote. Under another capacity the ring starts anew: a pair's
    /// slot follows from its number and the capacity.
    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let capacity = from.u64()?;
        let next = u32::read(from)?;
        let evicted = from.u64()?;
        let reported = from.u64()?;
        let ring = Vec::<Pair>::read(from)?;
        if reported > evicted || next == 0 {
            return None;
        }
        (self.evicted, self.reported) = (evicted, reported);
        if capacity != self.capacity as u64 {
            return Some(());
        }
        if ring.len() > self.capacity {
            return None;
        }
        self.next = next;
        self.ring = ring;
        for slot in 0..self.ring.len() {
            let pair = self.ring.get(slot).copied()?;
            if pair == Pair::default() {
                continue;
            }
            if self.find(pair.account, pair.client).is_some() {
                return None;
            }
            self.reindex(slot);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(account: u64, client: u64) -> Pair {
        Pair { account, client, last_s: 1, ..Pair::default() }
    }

    #[test]
    fn lists_end_where_the_ring_came_round() {
        let mut pairs = Pairs::new(16, 1);
        let mut newest = [0u32; 3];
        for client in 1..=40u64 {
            let account = client % 3;
            let slot = &mut newest[account as usize];
            *slot = pairs.note(pair(account, client), *slot).unwrap();
            assert_eq!(pairs.note(pair(account, client), *slot), None);
        }
        let clients: Vec<u64> = pairs.of(1, newest[1]).map(|pair| pair.client).collect();
        assert_eq!(clients, [40, 37, 34, 31, 28, 25]);
        assert!(pairs.get(1, 40).is_some());
        assert!(pairs.get(1, 22).is_none());
        assert_eq!(pairs.statistics().entries, 16);
        assert_eq!(pairs.evicted, 24);
    }
}
