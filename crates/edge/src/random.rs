//! Numbers that no stranger can know: the one place that asks for them.

use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// A number of the operating system's randomness.
pub fn number() -> io::Result<u64> {
    let mut bytes = [0; 8];
    // So few bytes come whole or not at all (getrandom(2)).
    match getrandom(&mut bytes, GetRandomFlags::empty())? {
        8 => Ok(u64::from_le_bytes(bytes)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_the_same() {
        assert_ne!(super::number().unwrap(), super::number().unwrap());
    }
}
