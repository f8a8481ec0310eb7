//! Thresholds that differ from host to host.
//!
//! Whoever may try for long learns where a guard speaks and stays below (Drašar, "Protocol-
//! independent detection of dictionary attacks", 2017: a handful of tries suffice), and ours stand
//! in the source. So each count threshold is moved by up to `thresholds.jitter_percent`, up or
//! down, by a hash of its name under the engine's seed. The seed is drawn for each state directory
//! and goes with the checkpoint and the journal, so a host keeps its thresholds and a replay has
//! the same ones. What an attacker learned elsewhere is worth nothing here, and what is safe for
//! him everywhere lies a fifth lower.

use crate::engine::Engine;
use crate::hash::{lower, mix};

/// Tells these hashes from those of names that clients send.
const THRESHOLDS: u64 = 0x7468_7265_7368;

impl Engine {
    /// The threshold at `path` of the configuration, which is `value` there, as it is on this host;
    /// never below 2 where it was not.
    pub(crate) fn threshold(&self, path: &str, value: u32) -> u32 {
        let percent = self.config.jitter_percent.min(100);
        moved(lower(mix(self.config.seed, THRESHOLDS), path.as_bytes()), value, percent)
    }
}

fn moved(hash: u64, value: u32, percent: u32) -> u32 {
    let range = u64::from(percent) * 20;
    let share = 1_000 - range / 2 + (((hash >> 32) * (range + 1)) >> 32);
    let moved = (u64::from(value) * share + 500) / 1_000;
    u32::try_from(moved).unwrap_or(u32::MAX).max(value.min(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use alloc::collections::BTreeSet;

    #[test]
    fn no_threshold_moves_further_than_it_may_and_all_of_that_is_used() {
        let hashes = (0..4_000u64).map(|number| mix(number, 9));
        let moved: BTreeSet<u32> = hashes.map(|hash| moved(hash, 10, 20)).collect();
        assert_eq!(moved, BTreeSet::from([8, 9, 10, 11, 12]));
        assert!((0..99).all(|number| super::moved(mix(number, 9), 10, 0) == 10));
        assert!((0..99).all(|number| super::moved(mix(number, 9), 2, 100) >= 2));
    }

    #[test]
    fn hosts_differ_and_a_host_stays_as_it_is() {
        let of = |seed| {
            let engine = Engine::new(Config { seed, ..Config::default() });
            ["a.b", "c.d", "e.f"].map(|path| engine.threshold(path, 100_000))
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let [one, two, three] = of(3);
        assert!(one != two && two != three);
    }
}
