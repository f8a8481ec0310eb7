//! Which domains this host asked the mail servers of, and which its mail explains.
//!
//! Two sets of 2 048 bits, two generations each: a name asked for in one window may be explained in
//! that one, the one before and the next, for a mail server asks first and logs the delivery later.

use super::Lines;
use crate::checkpoint::record;
use crate::score::Score;
use crate::sketch;
use event::Evidence;

const WORDS: usize = 32;
const BITS: u32 = WORDS as u32 * 64;
/// How long after a question of this host its mail is looked at.
const WATCH_S: u32 = 86_400;
/// How long after its last line of mail its questions are still believed to be its mail's: quiet
/// days end with mail that is asked for first and logged then.
const MAIL_S: u32 = 7 * 86_400;

record! {
    /// A set of names, by one bit of each.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Bits {
        words: [u64; WORDS],
    }
}

impl Bits {
    fn set(&mut self, hash: u64) {
        if let Some(word) = self.words.get_mut((hash >> 38) as usize % WORDS) {
            *word |= sketch::bit(hash);
        }
    }

    fn has(&self, hash: u64) -> bool {
        let word = self.words.get((hash >> 38) as usize % WORDS);
        word.is_some_and(|word| word & sketch::bit(hash) != 0)
    }

    fn with(&self, other: &Bits) -> Bits {
        let mut both = *self;
        both.words.iter_mut().zip(other.words).for_each(|(word, other)| *word |= other);
        both
    }

    /// About how many names stand here and not in `explained`.
    fn without(&self, explained: &Bits) -> u32 {
        let pairs = || self.words.iter().zip(explained.words);
        let alone: u32 = pairs().map(|(word, other)| (word & !other).count_ones()).sum();
        let zeros: u32 = pairs().map(|(_, other)| other.count_zeros()).sum();
        alone.saturating_mul(BITS) / zeros.max(1)
    }
}

record! {
    /// The questions of this host.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Asked {
        asked: Bits,
        asked_before: Bits,
        explained: Bits,
        explained_before: Bits,
        pub window_s: u32,
        /// The latest question, seconds; 0 for none.
        pub query_s: u32,
        /// The first question, seconds; 0 for none.
        pub since_s: u32,
        /// The latest mail, seconds; 0 for none.
        pub mail_s: u32,
        /// When it was last told, seconds; 0 for never.
        pub told_s: u32,
        /// The most that was unexplained in a window, fading.
        pub usual: Score,
        lines: Lines,
    }
}

impl Asked {
    /// This host asks for a name.
    pub fn query(&mut self, name: u64, line: u64, now_s: u32) {
        self.query_s = now_s.max(1);
        if self.since_s == 0 {
            self.since_s = self.query_s;
        }
        self.asked.set(name);
        if !self.explained.has(name) && !self.explained_before.has(name) {
            self.lines.push(line);
        }
    }

    /// Its mail explains a name.
    pub fn explain(&mut self, name: u64, now_s: u32) {
        self.mail_s = now_s.max(1);
        self.explained.set(name);
    }

    /// True while its questions are to be explained.
    #[inline]
    pub const fn is_watching(&self, now_s: u32) -> bool {
        self.query_s != 0 && now_s.saturating_sub(self.query_s) <= WATCH_S
    }

    /// True where its mail is in the logs, or may soon be: it did not ask for long.
    pub const fn is_explained(&self, now_s: u32) -> bool {
        let last_s = if self.mail_s == 0 { self.since_s } else { self.mail_s };
        let most_s = if self.mail_s == 0 { WATCH_S } else { MAIL_S };
        now_s.saturating_sub(last_s) <= most_s
    }

    /// Ends the window where it is over: about how many names asked for before it nothing explains.
    pub fn turn(&mut self, now_s: u32, window_s: u32) -> Option<u32> {
        let windows = sketch::turn(&mut self.window_s, now_s, window_s);
        if windows == 0 {
            return None;
        }
        let asked =
            if windows == 1 { self.asked_before } else { self.asked.with(&self.asked_before) };
        let unexplained = asked.without(&self.explained.with(&self.explained_before));
        (self.asked_before, self.explained_before) = (self.asked, self.explained);
        (self.asked, self.explained) = (Bits::default(), Bits::default());
        if windows > 1 {
            (self.asked_before, self.explained_before) = (Bits::default(), Bits::default());
        }
        Some(unexplained)
    }

    /// The latest lines that nothing explained when they came.
    pub fn evidence(&self, now: u64) -> Evidence {
        self.lines.evidence(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::lower;

    fn domain(number: u64, of: u64) -> u64 {
        lower(of, &number.to_le_bytes())
    }

    #[test]
    fn what_mail_explains_is_not_counted_however_much_of_it_there_is() {
        for explained in [0_u64, 100, 1_000, 3_000] {
            let mut asked = Asked::default();
            assert_eq!(asked.turn(1_000, 300), None);
            for name in 0..explained {
                asked.query(domain(name, 1), name, 1_001);
                asked.explain(domain(name, 1), 1_002);
            }
            assert_eq!(asked.turn(1_300, 300), Some(0), "nothing was asked in the window before");
            assert_eq!(asked.turn(1_600, 300), Some(0), "{explained}");
            for name in 0..explained {
                asked.explain(domain(name, 1), 1_601);
            }
            for name in 0..100 {
                asked.query(domain(name, 2), name, 1_601);
            }
            asked.turn(1_900, 300);
            let unexplained = asked.turn(2_200, 300).unwrap();
            assert!((70..=130).contains(&unexplained), "{unexplained} beside {explained}");
        }
    }

    #[test]
    fn a_pause_judges_what_stood_open() {
        let mut asked = Asked::default();
        asked.turn(1_000, 300);
        for name in 0..40 {
            asked.query(domain(name, 2), name, 1_001);
        }
        let unexplained = asked.turn(9_000, 300).unwrap();
        assert!((36..=44).contains(&unexplained), "{unexplained}");
        assert_eq!(asked.turn(9_300, 300), Some(0));
    }
}
