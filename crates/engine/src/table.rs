//! A bounded table: a dense slab of rows, an index by key, and a clock hand that evicts.
//!
//! Eviction is the CLOCK of Corbató (1968), with a small count instead of one bit: a row that is
//! touched again gains a chance, the hand takes one from each row that it passes and evicts the
//! first that has none. So of a flood of one-off newcomers each evicts another newcomer, and rows
//! that proved to be of interest stay. Each look of the hand uses up a chance that some touch gave,
//! so looks cost no more than touches in the long run; one eviction looks at no more than
//! [`LOOK_MAX`] rows, then takes the poorest that it saw. All is decided by the rows in their
//! order: the same on every machine.

use crate::checkpoint::{Reader, Record, Writer};
use crate::explain::TableStatistics;
use crate::hash::mix;
use alloc::vec::Vec;
use hashbrown::HashTable;

const LOOK_MAX: usize = 4096;
const CHANCES_MAX: u8 = 3;

/// What a row of a table knows.
pub(crate) trait Row: Copy + Default + Record {
    /// Its key.
    fn key(&self) -> u64;
    /// A fresh row.
    fn with_key(key: u64) -> Self;
    /// How many more passes of the hand it survives.
    fn chances(&mut self) -> &mut u8;
}

/// Implements [`Row`] for structs that have a `key` and `chances`.
macro_rules! keyed {
    ($($name:ident),+) => { $(
        impl $crate::table::Row for $name {
            fn key(&self) -> u64 {
                self.key
            }
            fn with_key(key: u64) -> Self {
                $name { key, ..$name::default() }
            }
            fn chances(&mut self) -> &mut u8 {
                &mut self.chances
            }
        }
    )+ };
}
pub(crate) use keyed;

/// An entry of the index: where a row is, and 32 bits of its key's hash, so that the index grows
/// without a look at every row.
#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    row: u32,
}

impl Slot {
    /// The hash that the index is given: it takes the place from the low bits, and a mark to
    /// compare from the top seven.
    const fn hash(tag: u32) -> u64 {
        (tag as u64) << 32 | tag as u64
    }
}

/// A bounded table.
pub(crate) struct Table<R> {
    rows: Vec<R>,
    index: HashTable<Slot>,
    capacity: usize,
    seed: u64,
    hand: usize,
    evicted: u64,
    reported: u64,
}

impl<R: Row> Table<R> {
    pub fn new(capacity: u32, seed: u64) -> Self {
        let capacity = (capacity as usize).clamp(1, 1 << 24);
        let (rows, index) = (Vec::new(), HashTable::new());
        Table { rows, index, capacity, seed, hand: 0, evicted: 0, reported: 0 }
    }

    const fn tag(&self, key: u64) -> u32 {
        (mix(key, self.seed) >> 32) as u32
    }

    fn position(&self, key: u64) -> Option<usize> {
        let (rows, tag) = (&self.rows, self.tag(key));
        let same = |slot: &Slot| {
            slot.tag == tag && rows.get(slot.row as usize).is_some_and(|row| row.key() == key)
        };
        self.index.find(Slot::hash(tag), same).map(|slot| slot.row as usize)
    }

    /// The row of a key, where there is one.
    pub fn get(&self, key: u64) -> Option<&R> {
        self.rows.get(self.position(key)?)
    }

    /// The row of a key, where there is one, as one that was touched.
    pub fn touch(&mut self, key: u64) -> Option<&mut R> {
        let position = self.position(key)?;
        let row = self.rows.get_mut(position)?;
        let chances = row.chances();
        *chances = chances.saturating_add(1).min(CHANCES_MAX);
        Some(row)
    }

    /// The row of a key; a fresh one where there is none. `None` never happens; it is there so
    /// that no index can fail.
    pub fn entry(&mut self, key: u64) -> Option<&mut R> {
        if let Some(position) = self.position(key) {
            let row = self.rows.get_mut(position)?;
            let chances = row.chances();
            *chances = chances.saturating_add(1).min(CHANCES_MAX);
            return Some(row);
        }
        let position = self.insert(R::with_key(key));
        self.rows.get_mut(position)
    }

    fn insert(&mut self, row: R) -> usize {
        let position = if self.rows.len() < self.capacity {
            if self.rows.len() == self.rows.capacity() {
                // Exact steps: doubling could pass the promised memory.
                let step = (self.rows.len() / 2).clamp(64, 1 << 17);
                self.rows.reserve_exact(step.min(self.capacity - self.rows.len()));
            }
            self.rows.push(row);
            self.rows.len() - 1
        } else {
            let position = self.victim();
            self.unindex(position);
            self.evicted = self.evicted.saturating_add(1);
            if let Some(slot) = self.rows.get_mut(position) {
                *slot = row;
            }
            position
        };
        let slot = Slot { tag: self.tag(row.key()), row: position as u32 };
        self.index.insert_unique(Slot::hash(slot.tag), slot, |slot| Slot::hash(slot.tag));
        position
    }

    fn victim(&mut self) -> usize {
        let mut poorest = (u8::MAX, self.hand);
        for _ in 0..LOOK_MAX {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.rows.len().max(1);
            let Some(row) = self.rows.get_mut(at) else { continue };
            let chances = row.chances();
            if *chances == 0 {
                return at;
            }
            if *chances < poorest.0 {
                poorest = (*chances, at);
            }
            *chances -= 1;
        }
        poorest.1
    }

    fn unindex(&mut self, position: usize) {
        let Some(key) = self.rows.get(position).map(Row::key) else { return };
        let same = |slot: &Slot| slot.row as usize == position;
        if let Ok(entry) = self.index.find_entry(Slot::hash(self.tag(key)), same) {
            entry.remove();
        }
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: u64) {
        let Some(position) = self.position(key) else { return };
        self.unindex(position);
        let last = self.rows.len() - 1;
        if position != last {
            // The last row moves into the gap, and its index entry with it.
            if let Some(moved) = self.rows.get(last).map(Row::key) {
                let same = |slot: &Slot| slot.row as usize == last;
                let hash = Slot::hash(self.tag(moved));
                if let Some(slot) = self.index.find_mut(hash, same) {
                    slot.row = position as u32;
                }
            }
        }
        self.rows.swap_remove(position);
        if self.hand >= self.rows.len() {
            self.hand = 0;
        }
    }

    /// Changes every row; keys stay.
    pub fn each(&mut self, change: impl FnMut(&mut R)) {
        self.rows.iter_mut().for_each(change);
    }

    /// All rows, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.rows.iter()
    }

    /// How full it is, and how much gave way.
    pub fn statistics(&self, name: &'static str) -> TableStatistics {
        TableStatistics {
            name,
            entries: self.len() as u32,
            capacity: self.capacity as u32,
            evicted: self.evicted,
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many gave way since the last call.
    pub fn take_unreported(&mut self) -> u64 {
        let since = self.evicted - self.reported;
        self.reported = self.evicted;
        since
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        into.u64(self.rows.len() as u64);
        into.u64(self.hand as u64);
        into.u64(self.evicted);
        into.u64(self.reported);
        self.rows.iter().for_each(|row| row.write(into));
    }

    /// Reads what [`Table::write`] wrote. Rows beyond a capacity that has shrunk give way.
    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let count = from.u64()?;
        let hand = from.u64()?;
        let evicted = from.u64()?;
        let reported = from.u64()?;
        if reported > evicted {
            return None;
        }
        for _ in 0..count {
            let row = R::read(from)?;
            if self.position(row.key()).is_some() {
                return None;
            }
            self.insert(row);
        }
        self.hand = usize::try_from(hand).ok()? % self.rows.len().max(1);
        self.evicted = self.evicted.saturating_add(evicted);
        self.reported = reported;
        Some(())
    }
}

#[cfg(test)]
mod tests;
