//! Thresholds that differ from host to host.
//!
//! Whoever may try for long learns where a guard speaks and stays below (Drašar, "Protocol-
//! independent detection of dictionary attacks", 2017: a handful of tries suffice), and ours stand
//! in the source. So each count threshold is moved by up to `thresholds.jitter_percent`, up or
//! down, by a hash of its name under the engine's seed. The seed is drawn for each state directory
//! and goes with the checkpoint and the journal, so a host keeps its thresholds and a replay has
//! the same ones. What an attacker learned elsewhere is worth nothing here, and what is safe for
//! him everywhere lies a fifth lower.

use crate::config::Config;
use crate::detect::recipient_harvest::ASKERS_MAX;
use crate::hash::{lower, mix};

/// Tells these hashes from those of names that clients send.
const THRESHOLDS: u64 = 0x7468_7265_7368;

/// The count thresholds as they are on this host: made when a configuration is taken, read with
/// each failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds {
    /// `password-spray`: accounts of a client, accounts and members of a prefix.
    pub client_accounts_min: u32,
    pub prefix_accounts_min: u32,
    pub prefix_members_min: u32,
    /// `distributed-guessing`: prefixes and clients of an account.
    pub prefixes_min: u32,
    pub clients_min: u32,
    /// `botnet-spray`, thousandths.
    pub strangers_sum_max: u32,
    /// `recipient-harvest`: of a client, and of all who ask, thousandths.
    pub harvest_score_max: u32,
    pub askers_sum_max: u32,
}

impl Thresholds {
    pub fn of(config: &Config) -> Self {
        let here = |path, value| threshold(config, path, value);
        let (spray, guessing) = (&config.password_spray, &config.distributed_guessing);
        let strangers = config.botnet_spray.sum_max.saturating_mul(1000);
        let harvest = config.recipient_harvest.rule.score_max.0;
        Thresholds {
            client_accounts_min: here(
                "password-spray.client_accounts_min",
                spray.client_accounts_min,
            ),
            prefix_accounts_min: here(
                "password-spray.prefix_accounts_min",
                spray.prefix_accounts_min,
            ),
            prefix_members_min: here("password-spray.prefix_members_min", spray.prefix_members_min),
            prefixes_min: here("distributed-guessing.prefixes_min", guessing.prefixes_min),
            clients_min: here("distributed-guessing.clients_min", guessing.clients_min),
            strangers_sum_max: here("botnet-spray.sum_max", strangers),
            harvest_score_max: here("recipient-harvest.score_max", harvest),
            askers_sum_max: here("recipient-harvest", ASKERS_MAX * 1000),
        }
    }
}

/// The threshold at `path` of the configuration, which is `value` there, as it is on this host;
/// never below 2 where it was not.
fn threshold(config: &Config, path: &str, value: u32) -> u32 {
    let hash = lower(mix(config.seed, THRESHOLDS), path.as_bytes());
    moved(hash, value, config.jitter_percent.min(100))
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
            let config = Config { seed, ..Config::default() };
            ["a.b", "c.d", "e.f"].map(|path| threshold(&config, path, 100_000))
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let [one, two, three] = of(3);
        assert!(one != two && two != three);
    }
}
