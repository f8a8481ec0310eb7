//! What an account sends: how much, to whom, and what becomes of it.

use super::Lines;
use crate::checkpoint::record;
use crate::join::ShortName;
use crate::score::Score;
use crate::sketch;
use crate::table::Row;

const WORDS: usize = 16;

record! {
    /// A Bloom filter (Bloom, CACM 1970) of 1 024 bits and three hashes, two generations: whom an
    /// account has written to. With 150 names one of 25 strangers seems known, with 300 one of 5.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Known {
        words: [u64; WORDS],
        words_before: [u64; WORDS],
        window_s: u32,
    }
}

impl Known {
    /// Notes a name; true where it was not known. A name is remembered for one window at least.
    pub fn note(&mut self, name: u64, now_s: u32, window_s: u32) -> bool {
        match sketch::turn(&mut self.window_s, now_s, window_s) {
            0 => {}
            1 => (self.words_before, self.words) = (self.words, [0; WORDS]),
            _ => (self.words_before, self.words) = ([0; WORDS], [0; WORDS]),
        }
        let places = [name, name.rotate_left(21), name.rotate_left(42)].map(|hash| {
            let word = (hash >> 8) as usize % WORDS;
            (word, 1_u64 << (hash & 63))
        });
        let has = |words: &[u64; WORDS]| {
            places.iter().all(|(at, bit)| words.get(*at).is_some_and(|word| word & bit != 0))
        };
        let is_new = !has(&self.words) && !has(&self.words_before);
        for (at, bit) in places {
            if let Some(word) = self.words.get_mut(at) {
                *word |= bit;
            }
        }
        is_new
    }

    /// Moves its window where the clock was set.
    pub const fn window_mut(&mut self) -> &mut u32 {
        &mut self.window_s
    }
}

record! {
    /// What an account sends.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct SenderRow {
        pub key: u64,
        pub name: ShortName,
        /// Recipients of its messages.
        pub recipients: Score,
        /// Those of whom a delivery agent told.
        pub named: Score,
        /// Of these, the ones it never wrote to before.
        pub fresh: Score,
        /// Of these, the ones that the next server refused for good.
        pub failed: Score,
        /// The most recipients that it usually has, fading over weeks.
        pub usual: Score,
        /// The most of today, thousandths.
        pub day_most: u32,
        pub day_s: u32,
        /// How much refused recipients speak for a list of addresses, thousandths.
        pub bad: u32,
        /// When it was last told, seconds; 0 for never.
        pub told_s: u32,
        pub known: Known,
        pub lines: Lines,
        chances: u8,
    }
}

impl Row for SenderRow {
    fn key(&self) -> u64 {
        self.key
    }
    fn with_key(key: u64) -> Self {
        SenderRow { key, ..SenderRow::default() }
    }
    fn chances(&mut self) -> &mut u8 {
        &mut self.chances
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::lower;

    #[test]
    fn an_account_fits_the_promised_memory() {
        assert!(size_of::<SenderRow>() <= 600, "{}", size_of::<SenderRow>());
    }

    #[test]
    fn whom_one_wrote_to_is_known_and_strangers_mostly_are_not() {
        let mut known = Known::default();
        let name = |number: u64| lower(7, &number.to_le_bytes());
        for number in 0..150 {
            known.note(name(number), 1_000, 600);
        }
        assert!((0..150).all(|number| !known.clone().note(name(number), 1_100, 600)));
        let strangers =
            (1_000..2_000).filter(|number| known.clone().note(name(*number), 1_100, 600));
        let strangers = strangers.count();
        assert!(strangers > 930, "{strangers} of 1000");
        assert!(!known.clone().note(name(3), 2_100, 600), "one window later");
        assert!(known.note(name(3), 9_000, 600), "many windows later");
    }
}
