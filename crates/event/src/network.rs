//! Networks (CIDR prefixes) and the one canonical form of an address.

use alloc::string::{String, ToString as _};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// An address with its prefix length; bits behind the prefix are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NetworkError {
    /// The part before the slash is no IPv4 or IPv6 address.
    Address,
    /// The part behind the slash is no number, or longer than the address (32 or 128).
    Prefix,
}

/// The one form in which addresses are compared: IPv4-mapped IPv6 (`::ffff:a.b.c.d`) is IPv4.
pub const fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => address,
        },
    }
}

impl Network {
    /// The network of `address` with `prefix` bits (clamped to 32 or 128).
    pub const fn of(address: IpAddr, prefix: u8) -> Self {
        match canonical(address) {
            IpAddr::V4(v4) => {
                let prefix = if prefix > 32 { 32 } else { prefix };
                let bits = v4.to_bits() & mask(prefix, 32) as u32;
                Network { address: IpAddr::V4(Ipv4Addr::from_bits(bits)), prefix }
            }
            IpAddr::V6(v6) => {
                let prefix = if prefix > 128 { 128 } else { prefix };
                let bits = v6.to_bits() & mask(prefix, 128);
                Network { address: IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix }
            }
        }
    }

    /// The network that holds exactly this address.
    pub const fn host(address: IpAddr) -> Self {
        Network::of(address, 128)
    }

    /// The first address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Bits that are fixed, 0 to 32 or 128.
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// True where `address` (canonical or not) is inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        Network::of(address, self.prefix) == *self
    }

    /// True where the two share an address.
    pub fn overlaps(&self, other: &Network) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// As people and other programs write it: one address alone without its length.
    pub fn short(&self) -> String {
        if self.is_host() { self.address.to_string() } else { self.to_string() }
    }

    /// True where it names exactly one address.
    pub const fn is_host(&self) -> bool {
        match self.address {
            IpAddr::V4(_) => self.prefix == 32,
            IpAddr::V6(_) => self.prefix == 128,
        }
    }
}

const fn mask(prefix: u8, width: u8) -> u128 {
    if prefix == 0 {
        0
    } else {
        let ones = u128::MAX << (width - prefix);
        if width == 32 { ones & u32::MAX as u128 } else { ones }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a single address. Host bits are cleared.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let Some(prefix) = prefix else { return Ok(Network::host(address)) };
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u8 = prefix.parse().map_err(|_| NetworkError::Prefix)?;
        if prefix > width {
            return Err(NetworkError::Prefix);
        }
        let mapped = address.is_ipv6() && canonical(address).is_ipv4();
        match (mapped, prefix.checked_sub(96)) {
            (true, Some(prefix)) => Ok(Network::of(address, prefix)),
            (true, None) => Err(NetworkError::Prefix),
            (false, _) => Ok(Network::of(address, prefix)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            NetworkError::Address => "not an IPv4 or IPv6 address",
            NetworkError::Prefix => {
                "the prefix length is not between 0 and 32 (IPv4) or 128 (IPv6)"
            }
        })
    }
}

impl core::error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_clears_and_prints() {
        for (text, shown) in [
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("192.0.2.77", "192.0.2.77/32"),
            ("2001:db8:1:2:3::/64", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
        for bad in
            ["192.0.2.1/33", "::/129", "example.org", "1.2.3/24", "1.2.3.4/-1", "::ffff:1.2.3.4/5"]
        {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn contains_and_overlaps() {
        let network: Network = "192.0.2.0/24".parse().unwrap();
        assert!(network.contains("::ffff:192.0.2.200".parse().unwrap()));
        assert!(!network.contains("2001:db8::1".parse().unwrap()));
        assert!(network.overlaps(&"192.0.0.0/16".parse().unwrap()));
        assert!(!network.overlaps(&"192.0.3.0/24".parse().unwrap()));
    }
}
