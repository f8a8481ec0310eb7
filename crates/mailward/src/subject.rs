//! Subjects as people write them.

use crate::failure::Failure;
use event::{Network, Subject, canonical};
use std::net::IpAddr;

/// `203.0.113.9` is a client, `198.51.100.0/24` a network, anything else an account.
pub fn read(text: &str) -> Result<Subject, Failure> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Subject::Client(canonical(address)));
    }
    if let Some((before, _)) = text.split_once('/')
        && before.parse::<IpAddr>().is_ok()
    {
        return network(text).map(Subject::Network);
    }
    if text.is_empty() {
        return Err(
            Failure::usage("an empty subject").remedy("name an address, a network or an account")
        );
    }
    Ok(Subject::Account(text.to_ascii_lowercase().into_bytes().into_boxed_slice()))
}

/// A network, or an address as the network that holds just it.
pub fn network(text: &str) -> Result<Network, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!("{text}: {error}"))
            .remedy("write it as 198.51.100.0/24 or 2001:db8::/32")
    })
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
    let number: u32 = number.and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects() {
        assert!(matches!(read("::ffff:203.0.113.9").unwrap(), Subject::Client(IpAddr::V4(_))));
        assert!(matches!(read("198.51.100.7/24").unwrap(), Subject::Network(_)));
        assert_eq!(read("Bob@Example.org").unwrap().to_string(), "bob@example.org");
        assert!(read("198.51.100.7/77").is_err());
        assert!(read("").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration_s("90").unwrap(), 90);
        assert_eq!(duration_s("10m").unwrap(), 600);
        assert_eq!(duration_s("2w").unwrap(), 1_209_600);
        for wrong in ["", "m", "10 m", "-1s", "99999w", "1y"] {
            assert!(duration_s(wrong).is_err(), "{wrong}");
        }
    }
}
