//! Ceremonies that were begun and not ended: what the server must remember of them, for minutes,
//! and of few. Each is the affair of one browser, which has a cookie for it, and ends once.

use event::Network;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How long one may take, in seconds: as long as browsers wait for a person.
pub const OPEN_S: i64 = 300;
/// Of each kind at once.
pub const OPEN_MAX: usize = 50;

struct One<T> {
    until_s: i64,
    client: Option<Network>,
    what: T,
}

/// Those of one kind, by the hashes of their cookies.
pub struct Ceremonies<T>(BTreeMap<[u8; 32], One<T>>);

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Ceremonies(BTreeMap::new())
    }
}

impl<T> Ceremonies<T> {
    /// Remembers one. Where there are too many, whoever began most loses his oldest: a stranger who
    /// begins one after the other ends none of others.
    pub fn begin(&mut self, cookie: [u8; 32], client: Option<IpAddr>, what: T, now_s: i64) {
        self.0.retain(|_, one| one.until_s > now_s);
        while self.0.len() >= OPEN_MAX {
            let Some(one) = self.who_gives_way() else { break };
            self.0.remove(&one);
        }
        let client = client.map(crate::server::of_one_client);
        self.0.insert(cookie, One { until_s: now_s + OPEN_S, client, what });
    }

    fn who_gives_way(&self) -> Option<[u8; 32]> {
        let mut counts: BTreeMap<Option<Network>, usize> = BTreeMap::new();
        self.0.values().for_each(|one| *counts.entry(one.client).or_default() += 1);
        let most = counts.into_iter().max_by_key(|(_, count)| *count)?.0;
        let of_most = self.0.iter().filter(|(_, one)| one.client == most);
        of_most.min_by_key(|(_, one)| one.until_s).map(|(cookie, _)| *cookie)
    }

    /// Takes one, which is gone then.
    pub fn take(&mut self, cookie: &[u8; 32], now_s: i64) -> Option<T> {
        self.0.remove(cookie).filter(|one| one.until_s > now_s).map(|one| one.what)
    }

    /// Moves all back in time, for tests.
    #[cfg(test)]
    pub fn age(&mut self, by_s: i64) {
        self.0.values_mut().for_each(|one| one.until_s -= by_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(number: usize) -> [u8; 32] {
        let mut cookie = [0; 32];
        cookie[..8].copy_from_slice(&number.to_be_bytes());
        cookie
    }

    #[test]
    fn each_ends_once_and_in_time() {
        let mut open = Ceremonies::default();
        open.begin(cookie(1), None, "one", 100);
        open.begin(cookie(2), None, "two", 100);
        assert_eq!(open.take(&cookie(3), 100), None, "nobody began it");
        assert_eq!(open.take(&cookie(1), 100 + OPEN_S - 1), Some("one"));
        assert_eq!(open.take(&cookie(1), 100), None, "a second time");
        assert_eq!(open.take(&cookie(2), 100 + OPEN_S), None, "too late");
        assert_eq!(open.take(&cookie(2), 100), None, "and gone");
    }

    #[test]
    fn a_stranger_ends_no_ceremony_of_others() {
        let mut open = Ceremonies::default();
        let client = |last: usize| format!("192.0.2.{last}").parse().ok();
        for other in 0..OPEN_MAX / 2 {
            open.begin(cookie(other), client(other), "honest", 100);
        }
        for number in 1000..2000 {
            open.begin(cookie(number), client(200), "flood", 101);
        }
        assert_eq!(open.0.len(), OPEN_MAX);
        let is_there = |open: &mut Ceremonies<_>, other| open.take(&cookie(other), 102).is_some();
        assert!((0..OPEN_MAX / 2).all(|other| is_there(&mut open, other)));
        assert!(is_there(&mut open, 1999), "the newest of the flood is one of those left");
        // What is over makes place before anybody gives way.
        open.begin(cookie(1), None, "later", 102 + OPEN_S);
        assert_eq!(open.0.len(), 1);
    }
}
