//! TAI64N stamps, as multilog and tai64n write them: `@4000000065a1b2c31234abcd message`.
//!
//! Source: D. J. Bernstein, "TAI64, TAI64N, and TAI64NA": 16 hexadecimal digits of seconds, 2^62
//! standing for the second in which 1970 began by TAI; 8 digits of nanoseconds. Ten seconds are
//! subtracted, as most tools that write and read these labels do: they count no leap seconds, so
//! the offset stays what it was in 1970. A writer that knows leap seconds is some 27 seconds ahead.

use event::Timestamp;

/// The stamp and what stands behind its blank; `None` where the line does not begin with a label.
pub(crate) fn label(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (seconds, rest) = line.strip_prefix(b"@")?.split_first_chunk::<16>()?;
    let (nanos, rest) = rest.split_first_chunk::<8>()?;
    let seconds = hexadecimal(seconds)?.checked_sub((1 << 62) + 10)?;
    let micros = hexadecimal(nanos)? / 1000;
    if seconds > SECONDS_MAX || micros > 999_999 {
        return None;
    }
    let at = i64::try_from(seconds * 1_000_000 + micros).ok()?;
    Some((Timestamp(at), rest.strip_prefix(b" ")?))
}

/// The end of the year 9999; labels beyond are no time of a log.
const SECONDS_MAX: u64 = 253_402_300_799;

/// Lower-case digits, as the label's definition wants them.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_whole_or_not_at_all() {
        // The page that defines the format: 1992-06-02 08:06:43 TAI.
        let (at, rest) = label(b"@400000002a2b2c2d00000000 new msg 1").unwrap();
        assert_eq!((at.0, rest), (0x2a2b_2c2d * 1_000_000 - 10_000_000, &b"new msg 1"[..]));
        let (at, _) = label(b"@400000000000000a3b9ac9ff x").unwrap();
        assert_eq!(at.0, 999_999);
        for line in [
            &b"@400000002a2b2c2d0000000 x"[..],
            b"@400000002a2b2c2d00000000x",
            b"@400000002a2b2c2dffffffff x",
            b"@400000002A2B2C2D00000000 x",
            b"@4000000000000009000000 x",
            b"@400000000000000900000000 x",
            b"@7fffffffffffffff00000000 x",
            b"400000002a2b2c2d00000000 x",
            b"@",
        ] {
            assert_eq!(label(line), None, "{}", alloc::string::String::from_utf8_lossy(line));
        }
    }
}
