//! A sequential test on what strangers do to the whole site, and since when it has stood above
//! zero.
//!
//! The CUSUM of counts (Page 1954; Lucas, "Counted data CUSUM's", Technometrics 27, 1985): each
//! event adds one, time takes off what is allowed, and below zero it never falls. The sum leaves
//! zero with the first event of what drives it up, which so dates an attack back to its begin.

use super::Lines;
use crate::checkpoint::record;

const LOOKS: usize = 8;
/// What fewer events than this have in common is chance.
const COMMON_MIN: u32 = 5;

record! {
    /// How an event looked, and how often.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    struct Look {
        hash: u32,
        count: u32,
        /// So many of these may have been another's.
        inherited: u32,
    }
}

record! {
    /// The sum, and the episode in which it is above zero.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Episode {
        /// Thousandths, when time was last taken off.
        sum: u32,
        /// When that was, seconds.
        at_s: u32,
        /// When the sum left zero, seconds; 0 where it is there.
        began_s: u32,
        /// Number of the first pair of the episode; 0 for none.
        first: u32,
        is_alarm: bool,
        looks: [Look; LOOKS],
        lines: Lines,
    }
}

impl Episode {
    /// Lets time take off what is allowed in an hour. The episode ends where nothing is left.
    pub fn pass(&mut self, now_s: u32, allowed_per_hour: u32) {
        let passed_s = u64::from(now_s.saturating_sub(self.at_s));
        let milli = passed_s * u64::from(allowed_per_hour) * 1000 / 3600;
        self.at_s = now_s;
        self.take(u32::try_from(milli).unwrap_or(u32::MAX));
    }

    /// Takes off, but not below zero.
    pub fn take(&mut self, milli: u32) {
        self.sum = self.sum.saturating_sub(milli);
        if self.sum == 0 {
            *self = Episode { at_s: self.at_s, ..Episode::default() };
        }
    }

    /// Adds one, up to a most. `first` is the number of its pair.
    pub fn add(&mut self, sum_max: u32, first: u32) {
        if self.sum == 0 {
            (self.began_s, self.first) = (self.at_s.max(1), first);
        }
        self.sum = self.sum.saturating_add(1000).min(sum_max);
    }

    /// Notes how an event of the episode looked. The rarest look gives way to a new one, which
    /// inherits its count (the space-saving of Metwally and others, ICDT 2005).
    pub fn note(&mut self, look: u32, line: u64) {
        self.lines.push(line);
        if self.sum == 0 {
            return;
        }
        let known = self.looks.iter().position(|known| known.hash == look);
        let rarest = || (0..LOOKS).min_by_key(|slot| self.looks.get(*slot).map(|look| look.count));
        if let Some(slot) = known.or_else(rarest).and_then(|slot| self.looks.get_mut(slot)) {
            let inherited = if slot.hash == look { slot.inherited } else { slot.count };
            *slot = Look { hash: look, count: slot.count.saturating_add(1), inherited };
        }
    }

    /// True where at least a tenth of the episode looks like this, and five events do.
    pub fn is_common(&self, look: u32) -> bool {
        let total: u32 = self.looks.iter().map(|look| look.count).sum();
        let known = self.looks.iter().find(|known| known.hash == look);
        let sure = known.map_or(0, |known| known.count.saturating_sub(known.inherited));
        sure >= COMMON_MIN && sure.saturating_mul(10) >= total
    }

    /// Raises the alarm, which lasts as long as the episode. False where it was raised before.
    pub fn alarm(&mut self, sum_max: u32) -> bool {
        let is_new = !self.is_alarm && self.sum >= sum_max;
        self.is_alarm |= is_new;
        is_new
    }

    pub const fn is_alarm(&self) -> bool {
        self.is_alarm
    }

    pub const fn sum(&self) -> u32 {
        self.sum
    }

    pub const fn first(&self) -> u32 {
        self.first
    }

    /// True for what happened within the episode.
    pub const fn has(&self, at_s: u32) -> bool {
        self.began_s != 0 && at_s >= self.began_s
    }

    /// When what belongs to the episode began, seconds: so long before the sum left zero; `None`
    /// where it is there.
    pub const fn since_s(&self, before_s: u32) -> Option<u32> {
        match self.began_s {
            0 => None,
            began_s => Some(began_s.saturating_sub(before_s)),
        }
    }

    pub const fn lines(&self) -> Lines {
        self.lines
    }

    /// What moves when the clock is set.
    pub const fn stamps_mut(&mut self) -> [&mut u32; 2] {
        [&mut self.at_s, &mut self.began_s]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_never_adds_up_and_more_does() {
        let mut episode = Episode::default();
        for minute in 0..10_000u32 {
            episode.pass(1_000_000 + minute * 60, 4);
            if minute % 16 == 0 {
                episode.add(24_000, 1);
            }
            assert!(!episode.alarm(3_000), "four an hour are allowed");
        }
        for second in 0..12 {
            episode.pass(2_000_000 + second * 60, 4);
            episode.add(24_000, 7);
        }
        assert!(episode.alarm(10_000) && episode.first() == 7 && episode.has(2_000_030));
        assert!(!episode.alarm(10_000), "told once");
        episode.pass(2_000_000 + 6 * 3_600, 4);
        assert!(!episode.is_alarm() && episode.sum() == 0 && !episode.has(2_000_030));
    }

    #[test]
    fn a_common_look_is_found_among_many_rare_ones() {
        let mut episode = Episode::default();
        episode.add(24_000, 1);
        for rare in 0..200 {
            episode.note(1, 5);
            episode.note(1_000 + rare, 6);
        }
        assert!(episode.is_common(1));
        for rare in 0..8 {
            assert!(!episode.is_common(1_192 + rare), "a rare one that has inherited much");
        }
    }
}
