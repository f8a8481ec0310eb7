//! Which services there are, each with a bit of its own. Their names are the mail servers', not a
//! stranger's, and few; a bit by the hash alone is often that of two of them.

use crate::checkpoint::record;
use crate::hash::short;

/// So many are told apart.
const SERVICES: usize = 16;

record! {
    /// The short hashes of their names; 0 for none.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Services {
        known: [u32; SERVICES],
    }
}

impl Services {
    /// The bit of a service, by the hash of its name. Beyond those that are told apart, two may
    /// have the same.
    pub fn bit(&mut self, hash: u64) -> u16 {
        let short = short(hash);
        let place = self.known.iter().position(|known| *known == short || *known == 0);
        let place = place.unwrap_or(hash as usize % SERVICES);
        if let Some(free) = self.known.get_mut(place).filter(|known| **known == 0) {
            *free = short;
        }
        1 << place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn each_has_a_bit_of_its_own_as_long_as_there_are_some() {
        let mut services = Services::default();
        let hash = |number: u64| number << 32;
        let bits: Vec<u16> = (1..=16).map(|number| services.bit(hash(number))).collect();
        assert_eq!(bits.iter().fold(0, |all, bit| all | bit), u16::MAX);
        let again: Vec<u16> = (1..=16).map(|number| services.bit(hash(number))).collect();
        assert_eq!(again, bits);
        assert_eq!(services.bit(hash(17) | 7), 1 << 7, "by its hash");
        assert_eq!(services.bit(hash(1)), bits[0]);
    }
}
