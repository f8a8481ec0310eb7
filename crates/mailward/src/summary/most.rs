//! Who did most, or to whom most was done, in bounded memory.
//!
//! All are counted exactly while they fit. Where they do not, the half that did least gives way, so
//! a count is too small at most, and whoever stands out keeps his place.

use std::collections::BTreeMap;

/// Rows that are kept.
const ROWS_MAX: usize = 1 << 14;
/// Different counterparts of a row that are told apart.
pub const OTHERS_MAX: usize = 100;

/// One client, or one account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row<L> {
    /// Who.
    pub label: L,
    /// Failed logins.
    pub failed: u64,
    /// Other things that count against the client.
    pub probes: u64,
    /// Hashes of the accounts of a client, or of the clients of an account.
    others: Vec<u32>,
}

impl<L> Row<L> {
    /// How many counterparts it has; [`OTHERS_MAX`] stands for as many or more.
    pub const fn others(&self) -> usize {
        self.others.len()
    }

    const fn weight(&self) -> u64 {
        self.failed + self.probes
    }
}

/// Counts by key.
pub struct Most<L> {
    rows: BTreeMap<u64, Row<L>>,
    /// Somebody gave way: counts are "at least".
    pub is_cut: bool,
}

impl<L> Default for Most<L> {
    fn default() -> Self {
        Most { rows: BTreeMap::new(), is_cut: false }
    }
}

impl<L: Clone> Most<L> {
    /// Adds to a key. `other` is the hash of the counterpart, if there is one.
    pub fn add(
        &mut self,
        key: u64,
        label: impl FnOnce() -> L,
        (failed, probes): (u64, u64),
        other: Option<u64>,
    ) {
        let row = self.rows.entry(key).or_insert_with(|| Row {
            label: label(),
            failed: 0,
            probes: 0,
            others: Vec::new(),
        });
        row.failed += failed;
        row.probes += probes;
        if let Some(other) = other.map(|hash| hash as u32)
            && row.others.len() < OTHERS_MAX
            && !row.others.contains(&other)
        {
            row.others.push(other);
        }
        if self.rows.len() > ROWS_MAX {
            self.cut();
        }
    }

    #[cold]
    fn cut(&mut self) {
        self.is_cut = true;
        let mut order: Vec<(u64, u64)> =
            self.rows.iter().map(|(key, row)| (row.weight(), *key)).collect();
        order.sort_unstable();
        for (_, key) in order.iter().take(ROWS_MAX / 2) {
            self.rows.remove(key);
        }
    }

    /// Those with most, first.
    pub fn first(&self, number: usize) -> Vec<Row<L>> {
        let mut rows: Vec<(&u64, &Row<L>)> = self.rows.iter().collect();
        rows.sort_by_key(|(key, row)| (std::cmp::Reverse(row.weight()), **key));
        rows.into_iter().take(number).map(|(_, row)| row.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stands_out_is_found_among_any_number_of_others() {
        let mut most = Most::default();
        for number in 0..100_000_u64 {
            let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            most.add(key, || format!("{number}"), (1, 0), Some(number));
            if number % 3 == 0 {
                most.add(7, || "he".to_owned(), (1, 1), Some(number));
            }
            assert!(most.rows.len() <= ROWS_MAX);
        }
        assert!(most.is_cut);
        let first = most.first(2);
        assert_eq!((first[0].label.as_str(), first[0].failed), ("he", 33_334));
        assert_eq!((first[0].probes, first[0].others()), (33_334, OTHERS_MAX));
        assert_eq!(first.len(), 2);
    }
}
