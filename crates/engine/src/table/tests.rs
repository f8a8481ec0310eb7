use super::*;
use crate::checkpoint::record;
use alloc::collections::BTreeSet;
use proptest::prelude::*;

record! {
    #[derive(Clone, Copy, Default, Debug)]
    struct Thing { key: u64, chances: u8, }
}

impl Row for Thing {
    fn key(&self) -> u64 {
        self.key
    }
    fn with_key(key: u64) -> Self {
        Thing { key, ..Thing::default() }
    }
    fn chances(&mut self) -> &mut u8 {
        &mut self.chances
    }
}

#[test]
fn newcomers_do_not_push_out_what_is_of_interest() {
    let mut table = Table::<Thing>::new(1000, 1);
    for key in 0..100 {
        table.entry(key);
    }
    for newcomer in 0..100_000u64 {
        table.entry(1_000_000 + newcomer);
        // The hundred are touched now and then, each of them once in 500 newcomers.
        if newcomer % 5 == 0 {
            table.touch(newcomer / 5 % 100);
        }
    }
    assert_eq!(table.len(), 1000);
    assert_eq!((0..100).filter(|key| table.get(*key).is_some()).count(), 100);
    assert_eq!(table.evicted, 99_100);
    assert_eq!(table.take_unreported(), 99_100);
    assert_eq!(table.take_unreported(), 0);
}

proptest! {
    #[test]
    fn is_a_map_while_it_has_room(steps in prop::collection::vec((any::<bool>(), 0..60u64), 0..300)) {
        let mut table = Table::<Thing>::new(64, 7);
        let mut model = BTreeSet::new();
        for (insert, key) in steps {
            if insert {
                table.entry(key);
                model.insert(key);
            } else {
                table.remove(key);
                model.remove(&key);
            }
            prop_assert_eq!(table.len(), model.len());
            for key in 0..60 {
                prop_assert_eq!(table.get(key).is_some(), model.contains(&key));
            }
        }
    }

    #[test]
    fn never_passes_its_capacity(keys in prop::collection::vec(0..500u64, 0..600)) {
        let mut table = Table::<Thing>::new(16, 3);
        for key in keys {
            table.entry(key);
            prop_assert!(table.get(key).is_some());
            prop_assert!(table.len() <= 16);
            prop_assert!(table.index.len() == table.rows.len());
        }
    }
}
