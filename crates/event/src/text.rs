//! Bytes that a mail server logged, on behalf of somebody who may be hostile.

use core::fmt;

/// A piece of a log line, as bytes: it may hold invalid UTF-8, quotes or escape sequences.
///
/// `Display` never writes a raw control character: those become `\xNN`, and bytes that are not
/// UTF-8 become U+FFFD. Compare and hash the bytes, show the `Display` form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The bytes as logged.
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// True where nothing was logged.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(value: &'a str) -> Self {
        Text(value.as_bytes())
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_unsafe_to_show(character) {
                    write!(out, "\\u{{{:x}}}", character as u32)?;
                } else {
                    fmt::Write::write_char(out, character)?;
                }
            }
            if !chunk.invalid().is_empty() {
                fmt::Write::write_char(out, char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{self}\"")
    }
}

/// Controls, and the characters that reorder or hide text on a screen (Unicode TR 36 and 39).
fn is_unsafe_to_show(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn control_characters_never_reach_the_screen() {
        assert_eq!(Text(b"a\x1b[31m\xff\r").to_string(), "a\\u{1b}[31m\u{fffd}\\u{d}");
        assert_eq!(Text("evil\u{202e}txt".as_bytes()).to_string(), "evil\\u{202e}txt");
        assert_eq!(Text("J\u{fc}rgen".as_bytes()).to_string(), "J\u{fc}rgen");
    }
}
