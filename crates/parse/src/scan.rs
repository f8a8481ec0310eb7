//! Reading bytes at fixed places: what all grammars here stand on.
//!
//! Nothing here searches a line for an address. A grammar first finds the place, by the words
//! that the mail server itself wrote around it, and then asks [`address`] what stands there.

mod address;

pub(crate) use address::{address, leading_ipv4};

/// Where `needle` first occurs. Needles should begin with a rare byte.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(step) = find_byte(hay.get(from..)?, first) {
        let at = from + step;
        if stands_at(hay, at, needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Where a byte first is. Nearly always that is near, and a call that finds far ones fast costs
/// more than a look at the next few.
#[inline]
pub(crate) fn find_byte(hay: &[u8], byte: u8) -> Option<usize> {
    let Some((near, far)) = hay.split_at_checked(NEAR) else { return find_near(hay, [byte]) };
    find_near(near, [byte]).or_else(|| Some(NEAR + memchr::memchr(byte, far)?))
}

/// What is near, bytes.
const NEAR: usize = 32;

/// True where `needle` stands at `at`. Its last byte is compared first: its first is known, and
/// the words of one line begin alike.
#[inline]
fn stands_at(hay: &[u8], at: usize, needle: &[u8]) -> bool {
    let Some(found) = hay.get(at..at + needle.len()) else { return false };
    if found.last() != needle.last() {
        return false;
    }
    // Most needles are so long; a call that compares any length costs more than both ends do.
    match (ends(found), ends(needle)) {
        (Some(found), Some(needle)) => found == needle,
        _ => found == needle,
    }
}

/// The first and the last eight bytes of eight to sixteen.
#[inline]
fn ends(bytes: &[u8]) -> Option<(u64, u64)> {
    let (first, last) = (bytes.first_chunk()?, bytes.last_chunk()?);
    (bytes.len() <= 16).then(|| (u64::from_le_bytes(*first), u64::from_le_bytes(*last)))
}

/// Where `needle` last occurs.
pub(crate) fn find_last(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut end = hay.len();
    while let Some(at) = memchr::memrchr(first, hay.get(..end)?) {
        if stands_at(hay, at, needle) {
            return Some(at);
        }
        end = at;
    }
    None
}

/// As [`find_last`], where the byte of the needle at `rare` is one that few texts hold.
pub(crate) fn find_last_by(hay: &[u8], needle: &[u8], rare: usize) -> Option<usize> {
    let byte = *needle.get(rare)?;
    memchr::memrchr_iter(byte, hay).find_map(|at| {
        let start = at.checked_sub(rare)?;
        stands_at(hay, start, needle).then_some(start)
    })
}

/// True where `needle` occurs.
pub(crate) fn contains(hay: &[u8], needle: &[u8]) -> bool {
    find(hay, needle).is_some()
}

/// True where `needle` (given in lower case) occurs in any case.
pub(crate) fn contains_ignoring_case(hay: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), hay).any(|at| {
        hay.get(at..at + needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(needle))
    })
}

/// What stands before and behind the first `delimiter`.
pub(crate) fn split_once<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(bytes, delimiter)?;
    Some((bytes.get(..at)?, bytes.get(at + delimiter.len()..)?))
}

/// The bytes as long as `keep` holds, and the rest.
#[inline]
pub(crate) fn take_while(bytes: &[u8], keep: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !keep(*byte)).unwrap_or(bytes.len());
    bytes.split_at(end)
}

/// Splits before the first space; the space is in neither part.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = find_near(bytes, [b' ']).unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at(end);
    (word, rest.get(1..).unwrap_or_default())
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Where the first of `needles` is. For short ways: eight bytes at once, without the call that a
/// search for long ones costs.
#[inline]
pub(crate) fn find_near<const N: usize>(bytes: &[u8], needles: [u8; N]) -> Option<usize> {
    let (mut at, mut rest) = (0, bytes);
    while let Some((head, behind)) = rest.split_first_chunk::<8>() {
        let head = u64::from_le_bytes(*head);
        let mut found = 0;
        for needle in needles {
            let other = head ^ (ONES * u64::from(needle));
            // The lowest bit set marks the first zero byte; higher ones may be wrong.
            found |= other.wrapping_sub(ONES) & !other & HIGH;
        }
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        (at, rest) = (at + 8, behind);
    }
    Some(at + rest.iter().position(|byte| needles.contains(byte))?)
}

/// The values of the digits at the front of a word (first byte lowest), and how many there are.
#[inline]
const fn leading_digits(word: u64) -> (u64, u32) {
    let values = word ^ (ONES * b'0' as u64);
    // A digit gives 0 to 9; adding 6 carries more than that into the high half. What carries out
    // of a byte disturbs only those behind the first that is no digit.
    let others =
        (values.wrapping_add(ONES * 6) | values) & (HIGH | HIGH >> 1 | HIGH >> 2 | HIGH >> 3);
    (values, others.trailing_zeros() / 8)
}

/// A number of one to seven digits with something behind it, and how many digits it has. `None`
/// also for numbers that the longer way has to read.
#[inline]
pub(crate) fn leading_number(bytes: &[u8]) -> Option<(u32, usize)> {
    let (values, count) = leading_digits(u64::from_le_bytes(*bytes.first_chunk::<8>()?));
    if count == 0 || count == 8 {
        return None;
    }
    // The last digit becomes the highest byte.
    let digits = values << (64 - 8 * count);
    Some((joined(digits), count as usize))
}

/// The number of eight digits, given as their values, first byte lowest; `None` where one is none.
#[inline]
pub(crate) const fn eight_digits(values: u64) -> Option<u32> {
    if (values.wrapping_add(ONES * 6) | values) & (ONES * 0xf0) != 0 {
        return None;
    }
    Some(joined(values))
}

/// Joins the values of eight digits to pairs, fours and eight.
#[inline]
const fn joined(digits: u64) -> u32 {
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let value = (fours * 10_000 + (fours >> 32)) & 0xffff_ffff;
    value as u32
}

/// A number of decimal digits and nothing else; `None` also where it does not fit.
#[inline]
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    let mut value: u32 = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u32::from(digit))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_finds_are_those_of_a_loop() {
        for length in 0..40 {
            for place in 0..40 {
                let mut bytes = [b'a'; 40];
                bytes[place] = b'[';
                bytes[39] = b':';
                let text = &bytes[..length];
                let slow = text.iter().position(|byte| b"[:".contains(byte));
                assert_eq!(find_near(text, *b"[:"), slow);
            }
        }
        assert_eq!(find_near(b"\x21\x20aaaaaa", *b" "), Some(1));
        assert_eq!(find_near(b"\xa0\x9f\x20aaaaa", *b" "), Some(2));
    }

    #[test]
    fn leading_numbers_are_those_of_the_long_way() {
        for text in ["0] postfix", "7]: x    ", "12345]: x", "1234567x", "0000012]", "90/3 x xx"] {
            let (value, count) = leading_number(text.as_bytes()).unwrap();
            assert_eq!(number(&text.as_bytes()[..count]), Some(value), "{text}");
            assert!(!text.as_bytes()[count].is_ascii_digit(), "{text}");
        }
        for text in ["12345678", "x1234567", "123", "", ":1234567"] {
            assert_eq!(leading_number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn finding_from_both_ends() {
        let hay = b"; from=<; fro; from=<x";
        assert_eq!(find(hay, b"; from=<"), Some(0));
        assert_eq!(find_last(hay, b"; from=<"), Some(13));
        assert_eq!(find(hay, b"; to"), None);
        assert_eq!(find_last(b"", b"; to"), None);
        for rare in 0..8 {
            assert_eq!(find_last_by(hay, b"; from=<", rare), Some(13));
            assert_eq!(find_last_by(b"from=<; from", b"; from=<", rare), None);
        }
        assert_eq!(find(b"abc", b""), None);
        assert!(contains_ignoring_case(b"You are GreyListed", b"greylist"));
        assert!(!contains_ignoring_case(b"", b"greylist"));
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"+1"), None);
        assert_eq!(number(b""), None);
    }
}
