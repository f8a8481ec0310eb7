//! Subjects as people write them.

use crate::failure::Failure;
use event::{Network, Subject};

/// `203.0.113.9` is a client, `198.51.100.0/24` a network, what cannot be meant as one an account.
pub fn read(text: &str) -> Result<Subject, Failure> {
    if text.is_empty() {
        return Err(
            Failure::usage("an empty subject").remedy("name an address, a network or an account")
        );
    }
    if is_meant_as_address(text) {
        return addresses(text);
    }
    Ok(Subject::Account(text.to_ascii_lowercase().into_bytes().into_boxed_slice()))
}

/// The same, and `sender:NAME` and `host:NAME`.
pub fn read_any(text: &str) -> Result<Subject, Failure> {
    let name = |name: &str| name.to_ascii_lowercase().into_bytes().into_boxed_slice();
    match text.split_once(':') {
        Some(("sender", sender)) if !sender.is_empty() => Ok(Subject::Sender(name(sender))),
        Some(("host", host)) if !host.is_empty() => Ok(Subject::Host(name(host))),
        _ => read(text),
    }
}

/// A client or a network, and nothing else.
pub fn addresses(text: &str) -> Result<Subject, Failure> {
    let network = network(text)?;
    Ok(if network.is_host() {
        Subject::Client(network.address())
    } else {
        Subject::Network(network)
    })
}

/// True for addresses and for what somebody mistyped: `203.0.113`, `203.0.113.300`, `2001:db8`,
/// `203.0.113.9/`. An account of digits alone is none.
fn is_meant_as_address(text: &str) -> bool {
    let (before, _) = text.split_once('/').unwrap_or((text, ""));
    let is_v4 = before.contains('.') && before.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let hex = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    // Link-local addresses may name an interface behind a percent sign.
    let (address, _) = before.split_once('%').unwrap_or((before, ""));
    let is_v6 = address.contains(':') && address.bytes().all(hex);
    is_v4 || is_v6
}

/// A network, or an address as the network that holds just it.
pub fn network(text: &str) -> Result<Network, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!("{text:?}: {error}")).remedy(
            "write an address as 203.0.113.9 or 2001:db8::9, a network as 198.51.100.0/24 or 2001:db8::/32",
        )
    })
}

/// How long something is to hold: a length of time that is not over at once.
pub fn term_s(text: &str) -> Result<u32, Failure> {
    match duration_s(text)? {
        0 => Err(Failure::usage(format!("{text}: it would be over at once"))
            .remedy("write it as 90s, 10m, 4h, 3d or 2w")),
        seconds => Ok(seconds),
    }
}

/// `90s`, `10m`, `4h`, `3d`, `2w` or a number of seconds.
pub fn duration_s(text: &str) -> Result<u32, Failure> {
    let wrong = || {
        Failure::usage(format!("{text}: not a length of time"))
            .remedy("write it as 90s, 10m, 4h, 3d or 2w")
    };
    let (number, factor) = match text.bytes().last() {
        Some(b's') => (text.strip_suffix('s'), 1),
        Some(b'm') => (text.strip_suffix('m'), 60),
        Some(b'h') => (text.strip_suffix('h'), 3_600),
        Some(b'd') => (text.strip_suffix('d'), 86_400),
        Some(b'w') => (text.strip_suffix('w'), 604_800),
        _ => (Some(text), 1),
    };
    let digits = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let seconds = number.checked_mul(factor).and_then(|seconds| u32::try_from(seconds).ok());
    seconds.ok_or_else(|| {
        Failure::usage(format!("{text}: longer than 136 years"))
            .remedy("write a shorter time; without one it is until further notice")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn subjects() {
        assert!(matches!(read("::ffff:203.0.113.9").unwrap(), Subject::Client(IpAddr::V4(_))));
        assert!(matches!(read("198.51.100.7/24").unwrap(), Subject::Network(_)));
        assert_eq!(read("Bob@Example.org").unwrap().to_string(), "bob@example.org");
        assert!(read("198.51.100.7/77").is_err());
        assert!(read("").is_err());
        assert!(matches!(read("198.51.100.7/32").unwrap(), Subject::Client(_)));
        assert!(matches!(read("::ffff:198.51.100.0/120").unwrap(), Subject::Network(_)));
        for mistyped in [
            "203.0.113",
            "203.0.113.300",
            "203.0.113.9.",
            "203.0.113/24",
            "203.0.113.9/",
            "2001:db8",
            "2001:db8::g/64",
            "fe80::1%eth0",
            "203.0.113.9/24/8",
            "::ffff:1.2.3.4/5",
            "1::2::3",
        ] {
            let usage = read(mistyped);
            if mistyped.contains('g') {
                assert!(usage.is_ok(), "{mistyped} may be anything");
            } else {
                assert_eq!(usage.unwrap_err().code, 2, "{mistyped}");
            }
            assert_eq!(addresses(mistyped).unwrap_err().code, 2, "{mistyped}");
        }
        for account in ["bob", "12345", "DOMAIN/user", "a.b", "0x1.2", "bob@203.0.113.9", "x:y"] {
            assert!(matches!(read(account).unwrap(), Subject::Account(_)), "{account}");
            assert_eq!(addresses(account).unwrap_err().code, 2, "{account}");
        }
    }

    #[test]
    fn senders_and_hosts() {
        assert!(matches!(read_any("sender:Bob@example.org").unwrap(), Subject::Sender(_)));
        assert!(matches!(read_any("host:mx1").unwrap(), Subject::Host(_)));
        assert!(matches!(read_any("2001:db8::1").unwrap(), Subject::Client(_)));
        assert!(matches!(read_any("host:").unwrap(), Subject::Account(_)));
        assert!(matches!(read("host:mx1").unwrap(), Subject::Account(_)));
    }

    #[test]
    fn durations() {
        assert_eq!(duration_s("90").unwrap(), 90);
        assert_eq!(duration_s("10m").unwrap(), 600);
        assert_eq!(duration_s("2w").unwrap(), 1_209_600);
        for wrong in ["", "m", "10 m", "-1s", "+1s", "99999w", "1y", "18446744073709551616w", "1é"]
        {
            assert!(duration_s(wrong).is_err(), "{wrong}");
        }
        assert!(duration_s("99999w").unwrap_err().to_string().contains("longer than"));
        assert_eq!(duration_s("0").unwrap(), 0);
        assert!(term_s("0d").is_err() && term_s("1").is_ok());
    }
}
