//! Scores that fade: exponential decay in fixed point.
//!
//! `S(t) = S(t0) * 2^(-(t - t0) / half_life)`, as in StopGuessing (Schechter, Herley et al., 2019)
//! and forward decay (Cormode et al., ICDE 2009). Unlike a window it cannot be waited out. Points
//! are thousandths in a `u32`. Time is the number of whole steps of a 64th of the half-life since
//! 1970, so frequent updates neither lose nor gain time. Only integers are used: every machine gets
//! the same bits. When the half-life is reconfigured, stamps of before are off: a score then fades
//! from now on (longer half-life) or is forgotten (shorter).

use crate::checkpoint::record;

/// `2^(-k / 64)` in units of `2^-32`, rounded, for k of 0 to 63. Made by `2f64.powf`, once.
const STEPS: [u32; 64] = include!("score_table.in");

record! {
    /// A score that fades.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Score {
        /// Thousandths of a point, at `stamp`.
        pub value: u32,
        /// Steps since 1970.
        pub stamp: u32,
    }
}

impl Score {
    /// The value now, in thousandths.
    pub fn at(self, now_s: u32, half_life_s: u32) -> u32 {
        self.faded(now_s, half_life_s).value
    }

    /// Fades to now, then adds.
    #[inline]
    pub fn add(&mut self, now_s: u32, half_life_s: u32, milli: u32) -> u32 {
        *self = self.faded(now_s, half_life_s);
        self.value = self.value.saturating_add(milli);
        self.value
    }

    /// Fades by time that passed although the clock of `add` did not show it.
    pub fn fade_by(&mut self, passed_s: u32, half_life_s: u32) {
        self.value = fade(self.value, steps(passed_s, half_life_s.max(1)).into());
    }

    /// Takes off, but not below nothing.
    pub fn take(&mut self, milli: u32) {
        self.value = self.value.saturating_sub(milli);
    }

    #[inline]
    fn faded(self, now_s: u32, half_life_s: u32) -> Score {
        let stamp = steps(now_s, half_life_s.max(1));
        let steps = stamp.saturating_sub(self.stamp);
        Score { value: fade(self.value, u64::from(steps)), stamp }
    }
}

/// `now_s * 64 / half_life_s`, saturating. In two divisions of 32 bits where that is possible: one
/// of 64 takes longer than all else here.
#[inline]
pub(crate) fn steps(now_s: u32, half_life_s: u32) -> u32 {
    if half_life_s > u32::MAX / 64 {
        let steps = u64::from(now_s) * 64 / u64::from(half_life_s);
        return u32::try_from(steps).unwrap_or(u32::MAX);
    }
    let (whole, rest) = (now_s / half_life_s, now_s % half_life_s);
    let within = rest * 64 / half_life_s;
    u32::try_from(u64::from(whole) * 64 + u64::from(within)).unwrap_or(u32::MAX)
}

#[inline]
pub(crate) fn fade(value: u32, steps: u64) -> u32 {
    let halvings = steps / 64;
    if halvings >= 32 {
        return 0;
    }
    let factor = STEPS.get((steps % 64) as usize).copied().unwrap_or(u32::MAX);
    let faded = match steps % 64 {
        0 => u64::from(value),
        _ => (u64::from(value) * u64::from(factor) + (1 << 31)) >> 32,
    };
    (faded >> halvings) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_in_a_half_life() {
        let mut score = Score::default();
        score.add(1200, 600, 8000);
        assert_eq!(score.at(1200, 600), 8000);
        assert_eq!(score.at(1800, 600), 4000);
        assert_eq!(score.at(2400, 600), 2000);
        assert_eq!(score.at(u32::MAX, 600), 0);
    }

    #[test]
    fn steps_are_those_of_one_division() {
        for half_life_s in [1, 2, 59, 60, 3600, 86_400, 67_108_863, 67_108_864, u32::MAX] {
            for now_s in [0, 1, 59, 63, 64, 86_399, 1_795_276_930, 4_000_000_007, u32::MAX] {
                let whole = u64::from(now_s) * 64 / u64::from(half_life_s);
                assert_eq!(u64::from(steps(now_s, half_life_s)), whole.min(u32::MAX.into()));
            }
        }
    }

    #[test]
    fn frequent_updates_lose_nothing() {
        for half_life_s in [60, 97, 600, 3600, 172_800] {
            let mut often = Score { value: 1_000_000, stamp: 0 };
            for now_s in 0..=half_life_s {
                often.add(now_s, half_life_s, 0);
            }
            let exact = 500_000i64;
            let drift = (i64::from(often.value) - exact).abs();
            assert!(drift < 100, "{half_life_s}: {}", often.value);
        }
    }

    #[test]
    fn a_clock_that_does_not_move_does_not_fade() {
        let score = Score { value: 5, stamp: 1000 };
        assert_eq!(score.at(50, 60), 5);
    }
}
