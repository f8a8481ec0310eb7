//! How many different ones come in ten minutes, against what is usual at this hour of the week.
//!
//! Counted are distinct things (networks, domains), not lines, so that one that is noisy is one.
//! What is usual is the larger of two exponentially weighted means (Roberts, Technometrics 1959):
//! of the last three days, and of the same hour of the weeks before. Their error has a mean square,
//! at least that of a Poisson count. A CUSUM (Page, Biometrika 1954) of the standardised error,
//! `S = max(0, S + min(z, 4) - 1)`, tells of more than usual from 6 on: one window cannot, two that
//! are far out do; of a normal error it would in about sixteen years. It must be `factor` times
//! what is usual, too, for counts on the net have heavier tails. The sum is bounded at 12, and
//! three hours without a surge take it down: then the next one is told. What is usual is not
//! learned from a surge, until it has lasted for a day; it is not known before a day has passed.
//!
//! The same place for another's counts: nothing here knows what is counted.

use crate::checkpoint::record;
use crate::sketch;

const WINDOW_S: u32 = 600;
const DAY_WINDOWS: u32 = 86_400 / WINDOW_S;
const HOURS: usize = 168;
const WORDS: usize = 64;
/// The means forget in about so many windows: three days, and four weeks of one hour.
const LEVEL_MEMORY: u32 = 3 * DAY_WINDOWS;
const HOUR_MEMORY: u32 = 24;
/// Thousandths.
const Z_MAX: i64 = 4_000;
const SLACK: i64 = 1_000;
const SUM_MIN: u32 = 6_000;
/// What is beyond says no more of now: without a bound a long surge would hide the next one.
const SUM_MAX: u32 = 2 * SUM_MIN;
/// What was told is over after three hours without a surge: what was put off comes again after one
/// or two (Postfix: `maximal_backoff_time`), and is the same surge still.
const QUIET: u32 = SUM_MAX / (3 * 3_600 / WINDOW_S);

record! {
    /// A rate with its baseline.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct Rate {
        /// The window of now, counted from 1970; 0: none was begun.
        window: u32,
        seen: [u64; WORDS],
        /// Bits of `seen`.
        marked: u32,
        /// Windows that were learned from, up to [`LEVEL_MEMORY`].
        learned: u32,
        /// The mean, thousandths, and the mean square of its error.
        level: u32,
        square: u32,
        /// The mean of each hour of the week, thousandths, and how often it was learned from.
        hours: [u32; HOURS],
        hours_learned: [u8; HOURS],
        /// The CUSUM, thousandths.
        sum: u32,
        /// Windows since it was told; 0: it was not.
        told: u32,
    }
}

impl Default for Rate {
    fn default() -> Self {
        Rate {
            window: 0,
            seen: [0; WORDS],
            marked: 0,
            learned: 0,
            level: 0,
            square: 0,
            hours: [0; HOURS],
            hours_learned: [0; HOURS],
            sum: 0,
            told: 0,
        }
    }
}

impl Rate {
    /// Something was met, by its hash. How many different ones there are, where that is a surge
    /// which was not told yet: `least` of them, and `factor` times what is usual.
    pub fn note(&mut self, thing: u64, now_s: u32, least: u32, factor: u32) -> Option<u32> {
        self.turn(now_s, least, factor);
        let bit = sketch::bit(thing);
        let word = self.seen.get_mut((thing >> 20) as usize % WORDS)?;
        if *word & bit != 0 {
            return None;
        }
        *word |= bit;
        self.marked += 1;
        // Bits that fell together hide some, but not half of them.
        if self.told > 0 || self.learned < DAY_WINDOWS || self.marked.saturating_mul(2) < least {
            return None;
        }
        let count = self.count();
        if !self.is_much(count, least, factor) || self.sum_with(count) < SUM_MIN {
            return None;
        }
        self.told = 1;
        Some(count)
    }

    /// The clock was set: the window begins anew.
    pub const fn set_clock(&mut self) {
        (self.window, self.seen, self.marked) = (0, [0; WORDS], 0);
    }

    fn is_much(&self, count: u32, least: u32, factor: u32) -> bool {
        let usual = u64::from(self.usual(self.window));
        count >= least && u64::from(count) * 1_000 >= usual * u64::from(factor)
    }

    /// It is so late: windows that are over end, also where nothing was met yet.
    pub fn turn(&mut self, now_s: u32, least: u32, factor: u32) {
        let window = now_s / WINDOW_S;
        if self.window == 0 {
            self.window = window;
        }
        // Who was silent for weeks has not met nothing, but was not there.
        let passed = window.saturating_sub(self.window).min(7 * DAY_WINDOWS);
        for _ in 0..passed {
            self.end(least, factor);
        }
        self.window = self.window.max(window);
    }

    fn end(&mut self, least: u32, factor: u32) {
        let count = self.count();
        let is_much = self.is_much(count, least, factor);
        self.sum = match self.told > 0 && !is_much {
            // Some more than usual does not make the surge go on.
            true => self.sum.saturating_sub(QUIET),
            false => self.sum_with(count),
        };
        self.told = match (self.told, self.sum) {
            (0, _) | (_, 0) => 0,
            (told, _) => told.saturating_add(1),
        };
        if self.told > DAY_WINDOWS {
            // It has become usual: learned anew.
            (self.sum, self.told, self.learned) = (0, 0, 0);
        }
        if self.told == 0 {
            // More than usual, but not much more, for long: it must not make one window enough.
            self.sum = self.sum.min(SUM_MIN);
        }
        // What is no surge is learned, be it far from usual: else it could stay so for ever.
        if self.sum < SUM_MIN || !is_much {
            self.learn(count);
        }
        (self.seen, self.marked, self.window) = ([0; WORDS], 0, self.window + 1);
    }

    fn count(&self) -> u32 {
        self.seen.iter().map(|word| sketch::estimate(*word)).sum()
    }

    fn hour(window: u32) -> usize {
        (window / (3_600 / WINDOW_S)) as usize % HOURS
    }

    /// Thousandths.
    fn usual(&self, window: u32) -> u32 {
        let hour = Self::hour(window);
        self.level.max(self.hours.get(hour).copied().unwrap_or(0))
    }

    /// How far it is off as a rule; thousandths.
    fn deviation(&self) -> i64 {
        // Thousandths of a count squared: the variance of a Poisson count is its mean.
        let usual = self.usual(self.window).max(1_000);
        (i64::from(self.square.max(usual)) * 1_000).isqrt().max(1)
    }

    /// The sum, if the window ended with this count.
    fn sum_with(&self, count: u32) -> u32 {
        let error = i64::from(count) * 1_000 - i64::from(self.usual(self.window));
        let z = (error * 1_000 / self.deviation()).min(Z_MAX);
        u32::try_from(i64::from(self.sum) + z - SLACK).unwrap_or(0).min(SUM_MAX)
    }

    fn learn(&mut self, count: u32) {
        let usual = i64::from(self.usual(self.window));
        let most = match self.learned >= DAY_WINDOWS {
            true => usual + self.deviation() * Z_MAX / 1_000,
            false => i64::MAX,
        };
        // The first window of a surge must not make the second usual.
        let milli = (i64::from(count) * 1_000).min(most);
        let square = (milli - usual) * (milli - usual) / 1_000;
        let [milli, square] = [milli, square].map(|value| u32::try_from(value).unwrap_or(u32::MAX));
        self.learned = (self.learned + 1).min(LEVEL_MEMORY);
        self.level = towards(self.level, milli, self.learned);
        self.square = towards(self.square, square, self.learned);
        let hour = Self::hour(self.window);
        if let (Some(mean), Some(learned)) =
            (self.hours.get_mut(hour), self.hours_learned.get_mut(hour))
        {
            *learned = learned.saturating_add(1).min(HOUR_MEMORY as u8);
            *mean = towards(*mean, milli, u32::from(*learned));
        }
    }
}

/// One part in so many nearer.
fn towards(mean: u32, value: u32, parts: u32) -> u32 {
    let (mean, value, parts) = (i64::from(mean), i64::from(value), i64::from(parts.max(1)));
    u32::try_from(mean + (value - mean) / parts).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::mix;

    /// Windows from `from` on, with so many different ones each; in which of them it was told.
    fn play(rate: &mut Rate, from: u32, windows: u32, count: impl Fn(u32) -> u32) -> Vec<u32> {
        let mut told = Vec::new();
        for window in from..from + windows {
            for nth in 0..count(window) {
                let thing = mix(u64::from(window), u64::from(nth));
                if rate.note(thing, window * WINDOW_S + nth % WINDOW_S, 10, 3).is_some() {
                    told.push(window);
                }
            }
        }
        told
    }

    use alloc::vec::Vec;

    /// A working week: days with many, nights and weekends with few, and some chance.
    fn week(window: u32) -> u32 {
        let (hour, day) = (window / 6 % 24, window / DAY_WINDOWS % 7);
        let mean = if day < 5 && (8..18).contains(&hour) { 24 } else { 3 };
        let chance = mix(u64::from(window), 99) % 9;
        mean / 2 + mean * chance as u32 / 8
    }

    #[test]
    fn ordinary_weeks_say_nothing_and_a_flood_is_told_once_and_again_when_it_comes_again() {
        let mut rate = Rate::default();
        assert_eq!(play(&mut rate, 1_008 * 9, 1_008 * 4, week), [] as [u32; 0]);
        let begin = 1_008 * 13 + 60;
        let flood = |window: u32| week(window) + 150;
        let told = play(&mut rate, begin, 12, flood);
        assert!(matches!(told[..], [window] if window <= begin + 1), "{told:?}");
        assert_eq!(play(&mut rate, begin + 12, 500, week), [] as [u32; 0]);
        assert_eq!(play(&mut rate, begin + 512, 12, flood).len(), 1);
    }

    #[test]
    fn what_stays_becomes_usual() {
        let mut rate = Rate::default();
        let told = play(&mut rate, 5_000, 300, |_| 5);
        assert_eq!(told, [] as [u32; 0]);
        let told = play(&mut rate, 5_300, 2_000, |_| 100);
        assert!((1..=3).contains(&told.len()), "{told:?}");
    }

    #[test]
    fn after_a_long_surge_the_next_one_is_told_be_it_louder_between_than_before() {
        let mut rate = Rate::default();
        play(&mut rate, 5_000, 600, |_| 1);
        assert_eq!(play(&mut rate, 5_600, 48, |_| 150).len(), 1, "eight hours");
        assert_eq!(play(&mut rate, 5_648, 24, |_| 8), [] as [u32; 0], "a wave of bounces");
        assert_eq!(play(&mut rate, 5_672, 12, |_| 150).len(), 1);
        // What comes again an hour later, as what was put off does, is the same one.
        assert_eq!(play(&mut rate, 5_684, 6, |_| 8), [] as [u32; 0]);
        assert_eq!(play(&mut rate, 5_690, 12, |_| 150), [] as [u32; 0]);
    }

    #[test]
    fn what_is_no_surge_is_learned_be_it_far_from_usual() {
        let mut rate = Rate::default();
        play(&mut rate, 5_000, 600, |_| 1);
        assert_eq!(play(&mut rate, 5_600, 1_000, |_| 9), [] as [u32; 0], "not ten");
        assert_eq!(play(&mut rate, 6_600, 600, |_| 11), [] as [u32; 0], "but it is usual");
    }

    #[test]
    fn a_little_more_for_days_is_learned_and_makes_one_window_no_surge() {
        let mut rate = Rate::default();
        play(&mut rate, 5_000, 600, |_| 5);
        assert_eq!(play(&mut rate, 5_600, 900, |_| 12), [] as [u32; 0], "not three times as many");
        assert_eq!(play(&mut rate, 6_500, 1, |_| 300), [] as [u32; 0]);
        assert_eq!(play(&mut rate, 6_501, 3, |_| 300).len(), 1);
    }

    #[test]
    fn who_met_nothing_for_a_day_knows_that_nothing_is_usual() {
        let (mut watched, mut unwatched) = (Rate::default(), Rate::default());
        watched.turn(5_000 * WINDOW_S, 30, 4);
        assert_eq!(play(&mut watched, 5_200, 2, |_| 40), [5_201]);
        assert_eq!(play(&mut unwatched, 5_200, 2, |_| 40), [] as [u32; 0]);
    }

    #[test]
    fn one_window_alone_is_chance_and_one_thing_is_one() {
        let mut rate = Rate::default();
        play(&mut rate, 5_000, 600, |_| 4);
        assert_eq!(play(&mut rate, 5_600, 1, |_| 300), [] as [u32; 0]);
        for second in 0..6_000 {
            assert_eq!(rate.note(7, 5_601 * WINDOW_S + second, 10, 3), None);
        }
    }

    #[test]
    fn nothing_is_told_on_the_first_day() {
        let mut rate = Rate::default();
        assert_eq!(play(&mut rate, 700, 10, |_| 1), [] as [u32; 0]);
        assert_eq!(play(&mut rate, 710, 100, |_| 500), [] as [u32; 0]);
    }

    #[test]
    fn counts_are_about_right() {
        for many in [1_u32, 20, 300, 1_000] {
            let mut rate = Rate::default();
            for thing in 0..many {
                rate.note(mix(u64::from(thing), 3), 60_000, 1, 1);
            }
            let count = rate.count();
            assert!(count.abs_diff(many) <= many / 8 + 1, "{many}: {count}");
        }
    }
}
