//! What an account, or a host without a login, sends: how much, to whom, from where, and what
//! becomes of it.

use super::Lines;
use crate::checkpoint::record;
use crate::score::{self, Score};
use crate::sketch;
use crate::table::keyed;

const DAY_S: u32 = 86_400;
const BLOCKS: usize = 4;
const BLOCK_WORDS: usize = 4;

record! {
    /// A quarter of a filter: the words of this window and of the one before lie side by side, so
    /// that a look at a name touches one line of the processor's cache.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    #[repr(align(64))]
    struct Block {
        words: [u64; BLOCK_WORDS],
        words_before: [u64; BLOCK_WORDS],
    }
}

record! {
    /// A Bloom filter (Bloom, CACM 1970) of 1 024 bits and three hashes, two generations: whom an
    /// account has written to. A name's bits lie in one of four blocks (Putze, Sanders and Singler,
    /// "Cache-, hash- and space-efficient Bloom filters", WEA 2007). With 150 names one of 20
    /// strangers seems known, with 300 one of 4.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Known {
        blocks: [Block; BLOCKS],
    }
}

impl Known {
    /// Notes a name; true where it was not known. A name is remembered for one window at least.
    /// `begin_s` is where its window began.
    pub fn note(&mut self, name: u64, begin_s: &mut u32, now_s: u32, window_s: u32) -> bool {
        match sketch::turn(begin_s, now_s, window_s) {
            0 => {}
            1 => self.blocks.iter_mut().for_each(|block| {
                (block.words_before, block.words) = (block.words, [0; BLOCK_WORDS]);
            }),
            _ => self.blocks = [Block::default(); BLOCKS],
        }
        let Some(block) = self.blocks.get_mut((name >> 62) as usize % BLOCKS) else { return false };
        let mut bits = [0_u64; BLOCK_WORDS];
        for hash in [name, name >> 8, name >> 16] {
            if let Some(word) = bits.get_mut((hash >> 6) as usize % BLOCK_WORDS) {
                *word |= 1 << (hash & 63);
            }
        }
        let has = |words: &[u64; BLOCK_WORDS]| {
            words.iter().zip(bits).all(|(word, bits)| word & bits == bits)
        };
        let is_new = !has(&block.words) && !has(&block.words_before);
        block.words.iter_mut().zip(bits).for_each(|(word, bits)| *word |= bits);
        is_new
    }
}

/// A prefix from which an account sent so many days ago, and since, is a place of its own: a thief
/// who was given a password uses it within hours or days (Bursztein and others, "Handcrafted fraud
/// and extortion", IMC 2014).
const OWN_AFTER_DAYS: u16 = 3;
/// A place that was not used for so long is as good as new.
const PLACE_DAYS_MAX: u16 = 60;

record! {
    /// A prefix that an account sent from.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    struct SentFrom {
        /// Short hash of the prefix; 0 for none.
        prefix: u32,
        /// Days since 1970.
        first_day: u16,
        last_day: u16,
    }
}

impl SentFrom {
    const fn is_own(self, today: u16) -> bool {
        self.prefix != 0
            && today.saturating_sub(self.last_day) <= PLACE_DAYS_MAX
            && today.saturating_sub(self.first_day) >= OWN_AFTER_DAYS
    }
}

record! {
    /// From where an account sends: its latest four prefixes.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct SentFroms {
        prefixes: [SentFrom; 4],
    }
}

impl SentFroms {
    /// Moves with the clock, which was set.
    fn set_clock(&mut self, by_days: i64) {
        let moved =
            |day: u16| i64::from(day).saturating_add(by_days).clamp(0, i64::from(u16::MAX)) as u16;
        for place in &mut self.prefixes {
            (place.first_day, place.last_day) = (moved(place.first_day), moved(place.last_day));
        }
    }

    /// Notes a prefix, by its short hash. True where the account sent from it for days already,
    /// false where it did so from others only; none where it sent for days from nowhere. A place
    /// that is its own gives way to no stranger's.
    pub fn note(&mut self, prefix: u32, now_s: u32) -> Option<bool> {
        let today = (now_s / DAY_S) as u16;
        let has_own = self.prefixes.iter().any(|place| place.is_own(today));
        if let Some(place) = self.prefixes.iter_mut().find(|place| place.prefix == prefix)
            && today.saturating_sub(place.last_day) <= PLACE_DAYS_MAX
        {
            place.last_day = today;
            return has_own.then(|| place.is_own(today));
        }
        let gives_way = |place: &&mut SentFrom| (place.is_own(today), place.last_day);
        if let Some(place) = self.prefixes.iter_mut().min_by_key(gives_way)
            && !place.is_own(today)
        {
            *place = SentFrom { prefix, first_day: today, last_day: today };
        }
        has_own.then_some(false)
    }
}

record! {
    /// Recipients within about an hour, thousandths that halve in an hour.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Tally {
        /// Steps since 1970, as in [`Score`].
        stamp: u32,
        /// Recipients of its messages.
        pub recipients: u32,
        /// The same, weighed by where the messages came from.
        pub weighed: u32,
        /// Those of whom a delivery agent told.
        pub named: u32,
        /// Of these, the ones it never wrote to before.
        pub fresh: u32,
        /// Of these, the ones that the next server refused for good.
        pub failed: u32,
    }
}

impl Tally {
    /// Lets all fade to now.
    pub fn fade(&mut self, now_s: u32, half_life_s: u32) {
        let stamp = score::steps(now_s, half_life_s);
        let steps = stamp.saturating_sub(self.stamp);
        self.stamp = stamp;
        if steps > 0 {
            let all = [
                &mut self.recipients,
                &mut self.weighed,
                &mut self.named,
                &mut self.fresh,
                &mut self.failed,
            ];
            all.into_iter().for_each(|part| *part = score::fade(*part, steps.into()));
        }
    }
}

record! {
    /// What an account sends. What each line needs stands in one line of the processor's cache, and
    /// one of the filter: accounts come in any order, and to fetch such a line costs more than all
    /// that is done with it.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    #[repr(C, align(64))]
    pub(crate) struct SenderRow {
        pub key: u64,
        pub tally: Tally,
        /// The most recipients that it usually has, fading over weeks.
        pub usual: Score,
        /// The most of today, thousandths.
        pub day_most: u32,
        pub day_s: u32,
        /// Where the window of `known` began, seconds.
        pub known_s: u32,
        /// How much refused recipients speak for a list of addresses, thousandths.
        pub bad: u32,
        /// The prefix of its latest message, while the day lasts, and what it was.
        latest: u32,
        latest_own: u8,
        chances: u8,
        pub known: Known,
        places: SentFroms,
        /// When it was last told, seconds; 0 for never.
        pub told_s: u32,
        pub lines: Lines,
    }
}

impl SenderRow {
    /// Notes the prefix that a message came from, as [`SentFroms::note`].
    pub fn from(&mut self, prefix: u32, now_s: u32) -> Option<bool> {
        if self.latest != prefix {
            let is_own = self.places.note(prefix, now_s);
            (self.latest, self.latest_own) =
                (prefix, is_own.map_or(0, |is_own| 1 + u8::from(is_own)));
        }
        match self.latest_own {
            0 => None,
            is_own => Some(is_own > 1),
        }
    }

    /// Moves its places with the clock, which was set.
    pub fn set_clock(&mut self, by_days: i64) {
        self.places.set_clock(by_days);
    }

    /// A new day: places grow older.
    pub const fn forget_latest(&mut self) {
        self.latest = 0;
    }
}

keyed!(SenderRow);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{lower, short};

    #[test]
    fn a_place_is_an_accounts_own_after_days_and_gives_way_to_no_stranger() {
        let prefix = |number: u64| short(lower(7, &number.to_le_bytes()));
        let day = |number: u32| 1_700_000_000 + number * DAY_S;
        let mut places = SentFroms::default();
        assert_eq!(places.note(prefix(1), day(0)), None);
        assert_eq!(places.note(prefix(1), day(2)), None);
        assert_eq!(places.note(prefix(1), day(3)), Some(true), "since three days");
        let strangers = || 100..200;
        assert!(strangers().all(|stranger| places.note(prefix(stranger), day(4)) == Some(false)));
        assert_eq!(places.note(prefix(1), day(5)), Some(true), "still there");
        assert_eq!(places.note(prefix(1), day(70)), None, "long unused");
    }

    #[test]
    fn whom_one_wrote_to_is_known_and_strangers_mostly_are_not() {
        let (mut known, mut begin_s) = (Known::default(), 0);
        let name = |number: u64| lower(7, &number.to_le_bytes());
        for number in 0..150 {
            known.note(name(number), &mut begin_s, 1_000, 600);
        }
        let is_new = |number: u64, now_s| {
            let (mut known, mut begin_s) = (known, begin_s);
            known.note(name(number), &mut begin_s, now_s, 600)
        };
        assert!((0..150).all(|number| !is_new(number, 1_100)));
        let strangers = (1_000..2_000).filter(|number| is_new(*number, 1_100)).count();
        assert!(strangers > 930, "{strangers} of 1000");
        assert!(!is_new(3, 2_100), "one window later");
        assert!(is_new(3, 9_000), "many windows later");
    }
}
