//! Linear counting in 64 bits: how many distinct things were seen, without keeping them.
//!
//! Whang, Vander-Zanden and Taylor, "A linear-time probabilistic counting algorithm for database
//! applications", ACM TODS 15 (1990): with `z` bits still zero of `m`, about `m ln(m / z)` were
//! seen. Two generations make it forget: a thing counts for one window at least and two at most.

use crate::checkpoint::record;

/// `64 ln(64 / z)` in tenths for z of 1 to 64, by ones counted (0 to 63); a full sketch says 300.
const TENTHS: [u16; 64] = [
    0, 10, 20, 31, 41, 52, 63, 74, 85, 97, 109, 121, 133, 145, 158, 171, 184, 198, 211, 225, 240,
    255, 270, 285, 301, 317, 334, 351, 368, 386, 405, 424, 444, 464, 485, 507, 529, 552, 577, 602,
    628, 655, 683, 713, 744, 777, 812, 848, 887, 929, 973, 1020, 1071, 1127, 1188, 1255, 1331,
    1416, 1515, 1632, 1774, 1959, 2218, 2662,
];

/// About how many distinct things set these bits.
pub(crate) fn estimate(bits: u64) -> u32 {
    let ones = bits.count_ones() as usize;
    TENTHS.get(ones).map_or(300, |tenths| (u32::from(*tenths) + 5) / 10)
}

/// The bit of a thing, by its hash.
pub(crate) const fn bit(hash: u64) -> u64 {
    1 << (hash >> 58)
}

record! {
    /// A sketch that forgets.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Sketch {
        pub current: u64,
        pub previous: u64,
    }
}

impl Sketch {
    /// Marks a thing; true where it was not marked before.
    pub fn mark(&mut self, hash: u64) -> bool {
        let bit = bit(hash);
        let is_new = self.bits() & bit == 0;
        self.current |= bit;
        is_new
    }

    pub const fn bits(self) -> u64 {
        self.current | self.previous
    }

    pub fn count(self) -> u32 {
        estimate(self.bits())
    }

    /// Lets so many windows pass.
    pub fn rotate(&mut self, windows: u32) {
        match windows {
            0 => {}
            1 => *self = Sketch { current: 0, previous: self.current },
            _ => *self = Sketch::default(),
        }
    }
}

record! {
    /// Whether something happened, remembered as long as a sketch remembers.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Flag {
        pub current: bool,
        pub previous: bool,
    }
}

impl Flag {
    pub const fn any(self) -> bool {
        self.current || self.previous
    }

    /// Lets so many windows pass.
    pub const fn rotate(&mut self, windows: u32) {
        *self = match windows {
            0 => *self,
            1 => Flag { current: false, previous: self.current },
            _ => Flag { current: false, previous: false },
        };
    }
}

/// Moves a window's start forward to now; returns how many windows have passed (2 for more).
pub(crate) fn turn(start_s: &mut u32, now_s: u32, window_s: u32) -> u32 {
    // In the future it lies where the clock was set.
    if *start_s == 0 || *start_s > now_s {
        *start_s = now_s;
        return 0;
    }
    let windows = now_s.saturating_sub(*start_s) / window_s.max(1);
    *start_s = match windows {
        0 => *start_s,
        1 => start_s.saturating_add(window_s),
        _ => now_s,
    };
    windows.min(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::mix;

    #[test]
    fn counts_about_right() {
        for (distinct, low, high) in [(1u64, 1, 1), (5, 4, 6), (10, 8, 13), (40, 28, 55)] {
            let mut total = 0;
            for trial in 0..100 {
                let mut sketch = Sketch::default();
                for thing in 0..distinct {
                    sketch.mark(mix(thing, trial));
                    sketch.mark(mix(thing, trial));
                }
                total += sketch.count();
            }
            assert!((low * 100..=high * 100).contains(&total), "{distinct}: {total}");
        }
        assert_eq!(estimate(u64::MAX), 300);
    }

    #[test]
    fn forgets_after_two_windows() {
        let mut sketch = Sketch::default();
        sketch.mark(7);
        sketch.rotate(1);
        assert_eq!(sketch.count(), 1);
        assert!(!sketch.mark(7));
        sketch.rotate(2);
        assert_eq!(sketch.count(), 0);
        let mut start = 100;
        assert_eq!(turn(&mut start, 199, 100), 0);
        assert_eq!(turn(&mut start, 201, 100), 1);
        assert_eq!(start, 200);
        assert_eq!(turn(&mut start, 1000, 100), 2);
    }

    #[test]
    fn names_chosen_under_one_key_are_many_under_another() {
        let under = |seed, name: u32| crate::hash::lower(seed, &name.to_le_bytes());
        let chosen = (0..10_000u32).filter(|name| bit(under(1, *name)) == 1).take(64);
        let (mut known, mut drawn) = (Sketch::default(), Sketch::default());
        for name in chosen {
            known.mark(under(1, name));
            drawn.mark(under(2, name));
        }
        assert_eq!(known.count(), 1);
        assert!(drawn.count() > 30, "{}", drawn.count());
    }
}
