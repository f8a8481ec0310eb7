//! Where an account is at home, and where it was lately besides: what `takeover` knows of it.
//!
//! Filled by logins that succeed, by nothing else. A place where it was lately is *strange* until
//! it has come back over `takeover.learn_days`; only then it is home.

use crate::checkpoint::record;
use crate::table::keyed;

const COUNTRIES: usize = 6;
const OPERATORS: usize = 7;
const AREAS: usize = 7;
/// So many strange places at once: the oldest gives way.
const STRANGE: usize = 4;

record! {
    /// A country, an operator or an area where the account is at home.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Home {
        pub what: u32,
        /// The latest login there, seconds; 0: the slot is free.
        pub seen_s: u32,
    }
}

record! {
    /// A place where the account logged in, and is not at home.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Strange {
        pub country: u32,
        pub operator: u32,
        pub area: u32,
        /// The first login there, seconds; 0: the slot is free.
        pub first_s: u32,
        pub seen_s: u32,
        /// The low half of the number of the first login's line.
        pub line: u32,
        /// How much it speaks for a thief, thousandths of a natural logarithm.
        pub speaks: u16,
        /// Days with a login there.
        pub days: u8,
        /// It was told.
        pub is_told: bool,
        /// How much failures of strangers on the account speak for it; of several places the most
        /// counts once, thousandths of a natural logarithm.
        pub attack: u16,
        /// It was counted that the account was at home within hours of a login there.
        pub alternates: bool,
        /// It was counted that strangers were written to meanwhile.
        pub sends: bool,
    }
}

record! {
    /// Where an account is at home.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct HomeRow {
        pub key: u64,
        pub countries: [Home; COUNTRIES],
        pub operators: [Home; OPERATORS],
        pub areas: [Home; AREAS],
        pub strange: [Strange; STRANGE],
        /// Logins at home by hour of the day (UTC), halved when one of them is full.
        pub hours: [u8; 24],
        /// Programs seen at home: protocol and mechanism, one bit each.
        pub programs: u32,
        /// Days with a login at home.
        pub days: u8,
        /// The latest login at home, seconds.
        pub home_s: u32,
        /// When it was last told, seconds; 0 for never.
        pub told_s: u32,
        chances: u8,
    }
}

keyed!(HomeRow);

/// True where the account is at home there.
pub(crate) fn knows(homes: &[Home], what: u32) -> bool {
    homes.iter().any(|home| home.seen_s != 0 && home.what == what)
}

/// How many there are.
pub(crate) fn count(homes: &[Home]) -> u32 {
    homes.iter().filter(|home| home.seen_s != 0).count() as u32
}

/// Notes a login; the one that was not seen for longest gives way.
pub(crate) fn learn(homes: &mut [Home], what: u32, now_s: u32) {
    let slot = match homes.iter().position(|home| home.seen_s != 0 && home.what == what) {
        Some(slot) => homes.get_mut(slot),
        None => homes.iter_mut().min_by_key(|home| home.seen_s),
    };
    if let Some(slot) = slot {
        *slot = Home { what, seen_s: now_s.max(1) };
    }
}

impl HomeRow {
    /// All its stamps, for a clock that is set.
    pub fn stamps(&mut self) -> impl Iterator<Item = &mut u32> {
        let homes = self.countries.iter_mut().chain(&mut self.operators).chain(&mut self.areas);
        let strange =
            self.strange.iter_mut().flat_map(|place| [&mut place.first_s, &mut place.seen_s]);
        homes
            .map(|home| &mut home.seen_s)
            .chain(strange)
            .chain([&mut self.home_s, &mut self.told_s])
    }

    /// When somebody last logged in, seconds; 0 for never.
    pub fn last_s(&self) -> u32 {
        self.strange.iter().map(|place| place.seen_s).fold(self.home_s, u32::max)
    }

    /// Counts a login at home at this hour.
    pub fn note_hour(&mut self, hour: usize) {
        let Some(count) = self.hours.get_mut(hour) else { return };
        *count = count.saturating_add(1);
        if *count == u8::MAX {
            self.hours.iter_mut().for_each(|count| *count /= 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_that_was_not_seen_for_longest_gives_way() {
        let mut homes = [Home::default(); 3];
        for (what, now_s) in [(7, 10), (8, 20), (9, 30), (7, 40), (5, 50)] {
            learn(&mut homes, what, now_s);
        }
        assert!(knows(&homes, 7) && knows(&homes, 9) && knows(&homes, 5));
        assert!(!knows(&homes, 8) && !knows(&homes, 0));
        assert_eq!(count(&homes), 3);
    }

    #[test]
    fn full_hours_keep_their_shape() {
        let mut row = HomeRow::default();
        (0..100).for_each(|_| row.note_hour(3));
        (0..300).for_each(|_| row.note_hour(9));
        assert!(row.hours[9] > 2 * row.hours[3] && row.hours[3] > 20, "{:?}", row.hours);
    }
}
