//! Lines that are written but not due: a session is known to its end when it begins.

use super::clock::Micros;
use super::truth::Said;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One place in the output: when, and in which order among those of one time.
type Place = Reverse<(Micros, u64, u32)>;

struct Entry {
    text: Vec<u8>,
    said: Said,
}

/// Lines in order of time. Buffers are used again.
#[derive(Default)]
pub(crate) struct Pending {
    places: BinaryHeap<Place>,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    buffers: Vec<Vec<u8>>,
    count: u64,
}

impl Pending {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// An empty buffer for the next line.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(320))
    }

    /// Keeps a line until `due`, which may differ from its stamp by milliseconds.
    pub fn put(&mut self, due: Micros, text: Vec<u8>, said: Said) {
        let entry = Some(Entry { text, said });
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        self.count += 1;
        self.places.push(Reverse((due, self.count, slot)));
    }

    /// The first line, if it is due by `until`.
    pub fn take(&mut self, until: Micros, line: &mut Vec<u8>) -> Option<Said> {
        let Reverse((due, _, slot)) = *self.places.peek()?;
        if due > until {
            return None;
        }
        self.places.pop();
        self.free.push(slot);
        let Entry { mut text, said } = self.entries.get_mut(slot as usize)?.take()?;
        std::mem::swap(line, &mut text);
        text.clear();
        // A burst is over: what it needed is given back.
        if self.buffers.len() < 4_096 {
            self.buffers.push(text);
        }
        Some(said)
    }
}
