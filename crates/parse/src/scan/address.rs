//! Addresses, whole or not at all.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 or IPv6 address and nothing else, canonical; an IPv6 zone (`%eth0`) is left out.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some((v4, [])) = leading_ipv4(text) {
        return Some(IpAddr::V4(v4));
    }
    if text.len() > 64 || !text.contains(&b':') {
        return None;
    }
    let text = text.split(|byte| *byte == b'%').next()?;
    let v6: Ipv6Addr = core::str::from_utf8(text).ok()?.parse().ok()?;
    Some(event::canonical(IpAddr::V6(v6)))
}

/// An IPv4 address at the front, and the rest. `None` where more digits or a dot follow it, or
/// where a number has a leading zero, which some readers take for octal.
#[inline]
pub(crate) fn leading_ipv4(text: &[u8]) -> Option<(Ipv4Addr, &[u8])> {
    // No address is longer, so no place has to be compared with the length.
    let (bits, end) = match text.first_chunk::<16>() {
        Some(head) => ipv4(|at| head[at % 16]),
        None => ipv4(|at| text.get(at).copied().unwrap_or(0)),
    }?;
    Some((Ipv4Addr::from_bits(bits), text.get(end..)?))
}

/// Reads bytes up to the fifteenth.
#[inline(always)]
fn ipv4(byte: impl Fn(usize) -> u8) -> Option<(u32, usize)> {
    let digit = |at| u32::from(byte(at).wrapping_sub(b'0'));
    let (mut bits, mut at) = (0, 0);
    for place in 0..4 {
        if place > 0 {
            if byte(at) != b'.' {
                return None;
            }
            at += 1;
        }
        let (a, b, c) = (digit(at), digit(at + 1), digit(at + 2));
        let (value, length) = match (b < 10, c < 10) {
            (false, _) => (a, 1),
            (true, false) => (a * 10 + b, 2),
            (true, true) => (a * 100 + b * 10 + c, 3),
        };
        if a > 9 || value > 255 || length > 1 && a == 0 {
            return None;
        }
        (bits, at) = (bits << 8 | value, at + length);
    }
    (byte(at) != b'.' && digit(at) > 9).then_some((bits, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_whole_or_not_at_all() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("255.255.255.255", Some("255.255.255.255")),
            ("0.0.0.0", Some("0.0.0.0")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("2001:db8:bad:32:0:0:0:1", Some("2001:db8:bad:32::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("192.0.2", None),
            ("192.0.2.1.5", None),
            ("192.0.2.256", None),
            ("192.0.02.1", None),
            ("00.0.0.0", None),
            ("1234.0.2.1", None),
            (".192.0.2.1", None),
            ("192..2.1", None),
            ("192.0.2.", None),
            ("255.255.255.2550", None),
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

    proptest! {
        #[test]
        fn any_digits_and_dots_are_what_the_standard_library_reads(
            text in prop_oneof!["[0-9.]{0,17}", "([0-9]{1,3}\\.){3}[0-9]{1,3}"],
            behind in "([] :a-z][] :a-z0-9.]{0,18})?",
        ) {
            let line = format!("{text}{behind}");
            let expected = text.parse::<Ipv4Addr>().ok().map(|read| (read, behind.as_bytes()));
            prop_assert_eq!(leading_ipv4(line.as_bytes()), expected);
        }
    }
}
