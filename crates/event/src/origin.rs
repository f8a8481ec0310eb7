//! Where an address is, as far as a file of networks says so: operator and country.

use core::fmt;

/// Operator and country of an address. Nothing where nobody looked it up, or nothing is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Origin {
    /// The number of the autonomous system; 0 for none.
    pub operator: u32,
    /// Two letters (ISO 3166-1), upper case; zeros for none.
    pub country: [u8; 2],
}

impl Origin {
    /// The country of two ASCII letters, in any case; nothing of any other text.
    pub fn country_of(text: &str) -> [u8; 2] {
        match text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                [first.to_ascii_uppercase(), second.to_ascii_uppercase()]
            }
            _ => [0; 2],
        }
    }

    /// True where nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Origin::default()
    }
}

/// For people: `AS64500 DE`, with a `-` for what is not known.
impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operator {
            0 => out.write_str("-")?,
            operator => write!(out, "AS{operator}")?,
        }
        match core::str::from_utf8(&self.country) {
            Ok(country) if self.country != [0; 2] => write!(out, " {country}"),
            _ => out.write_str(" -"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn only_two_letters_are_a_country() {
        assert_eq!(Origin::country_of("de"), *b"DE");
        for text in ["", "D", "DEU", "1A", "ä", "é"] {
            assert_eq!(Origin::country_of(text), [0; 2], "{text}");
        }
        let origin = Origin { operator: 64_500, country: *b"DE" };
        assert_eq!(origin.to_string(), "AS64500 DE");
        assert_eq!(Origin::default().to_string(), "- -");
        assert!(Origin::default().is_unknown() && !origin.is_unknown());
    }
}
