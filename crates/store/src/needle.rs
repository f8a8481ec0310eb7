//! Looking for a text in many lines, ASCII case aside.

/// From common to rare in mail logs, for choosing what to look for first: the twenty-odd bytes
/// that make up most of a line. Others are rare.
const COMMON: &[u8] = b"e0 1a2t.s3-in4o5:r6d7c8l9=mphufg[],@";

/// A text to be looked for.
pub(crate) struct Needle<'a> {
    text: &'a [u8],
    /// The place of its rarest byte, and that byte in both cases.
    rare: usize,
    cases: [u8; 2],
}

impl<'a> Needle<'a> {
    pub(crate) fn of(text: &'a [u8]) -> Self {
        let rarity = |byte: &u8| {
            let lower = byte.to_ascii_lowercase();
            COMMON.iter().position(|common| *common == lower).unwrap_or(COMMON.len())
        };
        let rarest = text.iter().enumerate().max_by_key(|(_, byte)| rarity(byte));
        let (rare, byte) = rarest.map_or((0, 0), |(place, byte)| (place, *byte));
        Needle { text, rare, cases: [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()] }
    }

    /// True where the text is part of the line.
    pub(crate) fn is_in(&self, line: &[u8]) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let [lower, upper] = self.cases;
        let here = |place: usize| {
            let start = place.checked_sub(self.rare)?;
            line.get(start..start.checked_add(self.text.len())?)
        };
        memchr::memchr2_iter(lower, upper, line)
            .any(|place| here(place).is_some_and(|part| part.eq_ignore_ascii_case(self.text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(
            line in "[abzZ0@é ]{0,40}", text in "[aBz0@é ]{0,4}",
        ) {
            let (line, text) = (line.as_bytes(), text.as_bytes());
            let plain = text.is_empty()
                || line.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text));
            prop_assert_eq!(Needle::of(text).is_in(line), plain);
        }
    }
}
