//! A keyed hash for table keys: folded 64 by 64 bit multiplication, as in wyhash (Wang Yi, 2019).
//!
//! It is no cryptographic function. The key (`Config::seed`) keeps strangers from choosing names
//! that fall into one slot; equality is always decided on the whole key.

const K0: u64 = 0xa076_1d64_78bd_642f;
const K1: u64 = 0xe703_7ed1_a0b4_28db;
const K2: u64 = 0x8ebc_6af0_9c88_c6e3;

/// Mixes two words into one.
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let product = (a ^ K0) as u128 * (b ^ K1) as u128;
    (product as u64) ^ ((product >> 64) as u64)
}

/// The keyed hash by which the tables know a name: ASCII letters count in lower case, for login
/// names differ in case only by typing.
pub fn lower(seed: u64, bytes: &[u8]) -> u64 {
    folded(mix(seed, bytes.len() as u64 ^ K0), bytes, |byte| byte.to_ascii_lowercase())
}

/// The same of bytes as they are: addresses, ids.
pub fn exact(seed: u64, bytes: &[u8]) -> u64 {
    folded(mix(seed, bytes.len() as u64 ^ K1), bytes, |byte| byte)
}

#[inline]
fn folded(mut state: u64, bytes: &[u8], as_it_counts: impl Fn(u8) -> u8) -> u64 {
    for chunk in bytes.chunks(8) {
        let mut word = [0u8; 8];
        for (slot, byte) in word.iter_mut().zip(chunk) {
            *slot = as_it_counts(*byte);
        }
        state = mix(state ^ u64::from_le_bytes(word), K2);
    }
    mix(state, K2)
}

/// The first half of a checksum or a fingerprint that fits 32 bits; never 0, which means none.
pub(crate) const fn short(hash: u64) -> u32 {
    let short = (hash >> 32) as u32 ^ hash as u32;
    if short == 0 { 1 } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::format;

    #[test]
    fn names_that_differ_have_hashes_that_differ_in_all_parts() {
        let names = (0..5000).map(|n| format!("user{n}@example.org"));
        let hashes: BTreeSet<u64> = names.map(|name| lower(7, name.as_bytes())).collect();
        assert_eq!(hashes.len(), 5000);
        for shift in [0, 16, 32, 48, 58] {
            let parts: BTreeSet<u64> = hashes.iter().map(|hash| hash >> shift & 0x3f).collect();
            assert_eq!(parts.len(), 64);
        }
        assert_eq!(lower(7, b"Alice"), lower(7, b"aLICE"));
        assert_ne!(lower(7, b"alice"), lower(8, b"alice"));
        assert_ne!(lower(7, b"alice\0"), lower(7, b"alice"));
    }
}
