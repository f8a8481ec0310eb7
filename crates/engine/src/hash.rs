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
    folded(mix(seed, bytes.len() as u64 ^ K0), bytes, lower_word)
}

/// The same of bytes as they are: addresses, ids.
pub fn exact(seed: u64, bytes: &[u8]) -> u64 {
    folded(mix(seed, bytes.len() as u64 ^ K1), bytes, |word| word)
}

#[inline]
fn folded(state: u64, bytes: &[u8], as_it_counts: impl Fn(u64) -> u64) -> u64 {
    let add = |state: u64, word| mix(state ^ as_it_counts(word), K2);
    mix(words(bytes).fold(state, add), K2)
}

/// Bytes as little-endian words, zeros behind the last of them.
#[inline]
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = bytes.as_chunks::<8>();
    let last = (!rest.is_empty()).then(|| last_word(bytes, rest));
    whole.iter().map(|word| u64::from_le_bytes(*word)).chain(last)
}

/// The bytes behind the last whole word, zeros behind them: from the last eight bytes at once where
/// there are as many.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    if let Some(last) = bytes.last_chunk::<8>() {
        return u64::from_le_bytes(*last) >> (64 - 8 * rest.len());
    }
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Eight bytes, those that are `A` to `Z` in lower case. A byte's high bit says whether the sum
/// passed `Z`, or reached `A`; bytes above 127 are no letters.
const fn lower_word(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = word & (EACH * 0x7f);
    let is_past_z = low + EACH * (0x7f - b'Z' as u64);
    let is_letter = (low + EACH * (0x80 - b'A' as u64)) & !is_past_z & !word & (EACH * 0x80);
    word | is_letter >> 2
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
    fn words_are_hashed_as_their_bytes_were() {
        let by_bytes = |seed: u64, bytes: &[u8]| {
            let mut state = mix(seed, bytes.len() as u64 ^ K0);
            for chunk in bytes.chunks(8) {
                let mut word = [0u8; 8];
                let lower = chunk.iter().map(|byte| byte.to_ascii_lowercase());
                word.iter_mut().zip(lower).for_each(|(slot, byte)| *slot = byte);
                state = mix(state ^ u64::from_le_bytes(word), K2);
            }
            mix(state, K2)
        };
        let all: alloc::vec::Vec<u8> = (0..=255).collect();
        for begin in 0..=255 {
            for end in begin..=(begin + 20).min(256) {
                let bytes = all.get(begin..end).unwrap();
                assert_eq!(lower(5, bytes), by_bytes(5, bytes), "{bytes:?}");
            }
        }
    }

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
