//! Reading bytes at fixed places: what all grammars here stand on.
//!
//! Nothing here searches a line for an address. A grammar first finds the place, by the words
//! that the mail server itself wrote around it, and then asks [`address`] what stands there.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where `needle` first occurs. Needles should begin with a rare byte.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(step) = memchr::memchr(first, hay.get(from..)?) {
        let at = from + step;
        if hay.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Where `needle` last occurs.
pub(crate) fn find_last(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut end = hay.len();
    while let Some(at) = memchr::memrchr(first, hay.get(..end)?) {
        if hay.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        end = at;
    }
    None
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

/// Splits before the first space; the space is in neither part. For short words: a loop over a few
/// bytes is cheaper than a call that finds sixteen at once.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (word, rest) = take_while(bytes, |byte| byte != b' ');
    (word, rest.get(1..).unwrap_or_default())
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

/// An IPv4 or IPv6 address and nothing else, canonical; an IPv6 zone (`%eth0`) is left out.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some(v4) = ipv4(text) {
        return Some(IpAddr::V4(v4));
    }
    if text.len() > 64 || !text.contains(&b':') {
        return None;
    }
    let text = text.split(|byte| *byte == b'%').next()?;
    let v6: Ipv6Addr = core::str::from_utf8(text).ok()?.parse().ok()?;
    Some(event::canonical(IpAddr::V6(v6)))
}

fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let (address, rest) = leading_ipv4(text)?;
    rest.is_empty().then_some(address)
}

/// An IPv4 address at the front, and the rest.
#[inline]
pub(crate) fn leading_ipv4(text: &[u8]) -> Option<(Ipv4Addr, &[u8])> {
    let (mut address, mut octet, mut digits, mut dots, mut end) = (0u32, 0u32, 0u32, 0u32, 0);
    for byte in text {
        match byte {
            // No leading zeros: some readers take them for octal.
            b'0'..=b'9' if digits == 0 || octet != 0 => {
                octet = octet * 10 + u32::from(byte - b'0');
                digits += 1;
                if octet > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && dots < 3 => {
                address = address << 8 | octet;
                (octet, digits, dots) = (0, 0, dots + 1);
            }
            b'0'..=b'9' | b'.' => return None,
            _ => break,
        }
        end += 1;
    }
    let whole = dots == 3 && digits > 0;
    whole.then(|| (Ipv4Addr::from_bits(address << 8 | octet), text.get(end..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_whole_or_not_at_all() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("2001:db8:bad:32:0:0:0:1", Some("2001:db8:bad:32::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("192.0.2", None),
            ("192.0.2.1.5", None),
            ("192.0.2.256", None),
            ("192.0.02.1", None),
            ("192.0.2.1 ", None),
            ("192.0.2.+1", None),
            ("unknown", None),
            ("", None),
            ("::1]", None),
        ] {
            let expected = expected.map(|text| text.parse::<IpAddr>().unwrap());
            assert_eq!(address(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn finding_from_both_ends() {
        let hay = b"; from=<; fro; from=<x";
        assert_eq!(find(hay, b"; from=<"), Some(0));
        assert_eq!(find_last(hay, b"; from=<"), Some(13));
        assert_eq!(find(hay, b"; to"), None);
        assert_eq!(find_last(b"", b"; to"), None);
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
