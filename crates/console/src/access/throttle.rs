//! How often one may try to sign in: after three failures of an address, or on a name, each further
//! one doubles the time in which no other is heard. The engine judges besides, and bans.
//!
//! Whence somebody signed in lately, failures of others on the name cost no time: no stranger locks
//! anybody out.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Failures that cost no time: people mistype.
const FREE: u32 = 3;
/// Tries that are not heard and told to the guard all the same, in a second.
const TOLD_A_SECOND: u32 = 5;
/// The longest wait, seconds.
const WAIT_MAX_S: i64 = 300;
/// What is not seen for so long is forgotten, seconds.
const FORGOTTEN_S: i64 = 3600;
/// Addresses and names that are remembered; the one that was seen longest ago gives way.
const KEYS_MAX: usize = 4096;

/// Places of users that are remembered.
const GOOD_MAX: usize = 1024;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last_s: i64,
}

impl Failures {
    fn wait_s(self, now_s: i64) -> i64 {
        let Some(beyond) = self.count.checked_sub(FREE) else { return 0 };
        let wait_s = 1_i64.checked_shl(beyond).unwrap_or(WAIT_MAX_S).clamp(1, WAIT_MAX_S);
        (self.last_s + wait_s - now_s).clamp(0, WAIT_MAX_S)
    }
}

/// Addresses and names on which sign-in failed.
#[derive(Debug, Default)]
pub struct Throttle {
    /// This second, and what was told in it.
    told: (i64, u32),
    failed: BTreeMap<String, Failures>,
    /// From where who signed in, and when.
    good: BTreeMap<String, i64>,
}

/// An IPv6 client has a whole /64 to itself.
fn keys(client: Option<IpAddr>, name: &str) -> [Option<String>; 2] {
    let client = client.map(crate::server::of_one_client);
    let name: String = name.chars().take(64).collect();
    [client.map(|network| format!("@{network}")), Some(format!("={name}"))]
}

impl Throttle {
    /// For how many seconds no try of this address, or on this name, is heard.
    pub fn wait_s(&self, client: Option<IpAddr>, name: &str, now_s: i64) -> u64 {
        let [client, name] = keys(client, name);
        let is_good = client
            .as_ref()
            .zip(name.as_ref())
            .is_some_and(|(client, name)| self.good.contains_key(&format!("{client}{name}")));
        let waits = [client, name.filter(|_| !is_good)]
            .into_iter()
            .flatten()
            .filter_map(|key| self.failed.get(&key).map(|failures| failures.wait_s(now_s)));
        waits.max().unwrap_or(0).unsigned_abs()
    }

    /// True where one more try that is not heard may be told: a flood of them tells some.
    pub fn may_tell(&mut self, now_s: i64) -> bool {
        if self.told.0 != now_s {
            self.told = (now_s, 0);
        }
        self.told.1 += 1;
        self.told.1 <= TOLD_A_SECOND
    }

    /// Takes note of a failure; returns for how long no other is heard.
    pub fn failed(&mut self, client: Option<IpAddr>, name: &str, now_s: i64) -> u64 {
        self.failed.retain(|_, failures| now_s - failures.last_s < FORGOTTEN_S);
        for key in keys(client, name).into_iter().flatten() {
            let failures = self.failed.entry(key).or_insert(Failures { count: 0, last_s: now_s });
            failures.count += 1;
            failures.last_s = now_s;
        }
        while self.failed.len() > KEYS_MAX {
            let oldest = self.failed.iter().min_by_key(|(_, failures)| failures.last_s);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.failed.remove(&oldest);
        }
        self.wait_s(client, name, now_s)
    }

    /// Somebody signed in from there.
    pub fn succeeded(&mut self, client: Option<IpAddr>, name: &str, now_s: i64) {
        let keys = keys(client, name);
        if let [Some(client), Some(name)] = &keys {
            self.good.insert(format!("{client}{name}"), now_s);
            while self.good.len() > GOOD_MAX {
                let oldest = self.good.iter().min_by_key(|(_, at_s)| **at_s);
                let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
                self.good.remove(&oldest);
            }
        }
        for key in keys.into_iter().flatten() {
            self.failed.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn each_failure_beyond_three_doubles_the_wait() {
        let mut throttle = Throttle::default();
        let waits: Vec<u64> =
            (0..13).map(|_| throttle.failed(address("2001:db8::1"), "bob", 100)).collect();
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(throttle.wait_s(address("2001:db8::2"), "eve", 100), 300, "the same /64");
        assert_eq!(throttle.wait_s(address("192.0.2.1"), "bob", 150), 250, "the same name");
        assert_eq!(throttle.wait_s(address("192.0.2.1"), "eve", 100), 0);
        assert_eq!(throttle.wait_s(address("2001:db8::1"), "bob", 401), 0);
        throttle.succeeded(address("2001:db8::1"), "bob", 500);
        assert_eq!(throttle.failed(address("2001:db8::1"), "bob", 500), 0);
    }

    #[test]
    fn a_stranger_locks_nobody_out() {
        let mut throttle = Throttle::default();
        throttle.succeeded(address("192.0.2.1"), "bob", 100);
        for _ in 0..20 {
            throttle.failed(address("198.51.100.7"), "bob", 200);
        }
        assert_eq!(throttle.wait_s(address("192.0.2.1"), "bob", 200), 0);
        assert_eq!(throttle.wait_s(address("192.0.2.2"), "bob", 200), 300, "a new place");
        for _ in 0..20 {
            throttle.failed(address("192.0.2.1"), "bob", 200);
        }
        assert_eq!(throttle.wait_s(address("192.0.2.1"), "bob", 200), 300, "by its own failures");
    }

    #[test]
    fn a_stranger_does_not_grow_it_for_ever() {
        let mut throttle = Throttle::default();
        for name in 0..2 * KEYS_MAX {
            throttle.failed(None, &name.to_string(), 100);
        }
        assert_eq!(throttle.failed.len(), KEYS_MAX);
    }
}
