//! Cuts what comes over a connection into messages (RFC 6587): by a count of octets in front of
//! each, or by newlines, as the first one tells.

use crate::source::LINE_MAX;

/// Bytes held of one connection.
const BUFFER_BYTES: usize = 4 * LINE_MAX;
/// No message has a count of more digits.
const DIGITS_MAX: usize = 7;

/// How messages are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    Counted,
    Lines,
}

/// Holds what was read and not yet handed out.
#[derive(Debug)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    framing: Option<Framing>,
    /// Bytes of a counted message that are still to be passed over.
    skip: usize,
    /// The rest of a line is to be passed over.
    skip_line: bool,
    /// The other side does not keep to its framing: nothing can be read any more.
    pub(super) is_broken: bool,
}

impl Frames {
    pub(super) fn new() -> Self {
        Frames {
            bytes: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            framing: None,
            skip: 0,
            skip_line: false,
            is_broken: false,
        }
    }

    /// Room for the next bytes; never empty once [`Frames::next`] said `None`.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// True where a message has begun and not ended.
    pub(super) const fn is_partial(&self) -> bool {
        self.start < self.end || self.skip > 0 || self.skip_line
    }

    fn held(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The next message, and whether it was cut.
    pub(super) fn next(&mut self) -> Option<(&[u8], bool)> {
        self.pass_over()?;
        while matches!(self.held().first(), Some(b'\n' | b'\r' | 0)) {
            self.start += 1;
        }
        let framing = match self.framing {
            Some(framing) => framing,
            None => {
                let framing = told_by(self.held())?;
                *self.framing.insert(framing)
            }
        };
        match framing {
            Framing::Counted => self.counted(),
            Framing::Lines => self.line(),
        }
    }

    /// Passes over the rest of what was too long; `None` where more of it has to come.
    fn pass_over(&mut self) -> Option<()> {
        let step = self.skip.min(self.end - self.start);
        self.start += step;
        self.skip -= step;
        if self.skip_line {
            match memchr::memchr2(b'\n', 0, self.held()) {
                Some(at) => {
                    self.start += at + 1;
                    self.skip_line = false;
                }
                None => self.start = self.end,
            }
        }
        (self.skip == 0 && !self.skip_line).then_some(())
    }

    fn counted(&mut self) -> Option<(&[u8], bool)> {
        let held = self.held();
        let digits = digits(held);
        let length = match held.get(digits) {
            None if digits <= DIGITS_MAX => return None,
            Some(b' ') => held.get(..digits).and_then(|digits| str::from_utf8(digits).ok()),
            _ => None,
        };
        let length = length.and_then(|digits| digits.parse::<usize>().ok());
        let Some(length) = length.filter(|length| *length > 0 && digits <= DIGITS_MAX) else {
            self.is_broken = true;
            return None;
        };
        let kept = length.min(LINE_MAX);
        if held.len() < digits + 1 + kept {
            return None;
        }
        let from = self.start + digits + 1;
        self.start = from + kept;
        self.skip = length - kept;
        Some((self.bytes.get(from..from + kept)?, self.skip > 0))
    }

    fn line(&mut self) -> Option<(&[u8], bool)> {
        let from = self.start;
        let length = match memchr::memchr2(b'\n', 0, self.held()) {
            Some(at) => {
                self.start += at + 1;
                at
            }
            None if self.held().len() > LINE_MAX => {
                self.skip_line = true;
                let length = self.held().len();
                self.start = self.end;
                length
            }
            None => return None,
        };
        Some((self.bytes.get(from..from + length.min(LINE_MAX))?, length > LINE_MAX))
    }
}

fn digits(bytes: &[u8]) -> usize {
    let head = bytes.get(..=DIGITS_MAX).unwrap_or(bytes);
    head.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// How a connection that begins so is framed: a count is followed by a blank, a date is not.
fn told_by(bytes: &[u8]) -> Option<Framing> {
    bytes.first()?;
    let digits = digits(bytes);
    match bytes.get(digits) {
        None if digits <= DIGITS_MAX => None,
        Some(b' ') if digits > 0 => Some(Framing::Counted),
        _ => Some(Framing::Lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages(stream: &[u8], piece: usize) -> (Vec<(String, bool)>, bool) {
        let mut frames = Frames::new();
        let mut found = Vec::new();
        for part in stream.chunks(piece) {
            frames.space()[..part.len()].copy_from_slice(part);
            frames.filled(part.len());
            while let Some((message, cut)) = frames.next() {
                found.push((String::from_utf8_lossy(message).into_owned(), cut));
            }
        }
        (found, frames.is_broken)
    }

    #[test]
    fn both_framings_in_whatever_pieces_they_come() {
        let long = "x".repeat(LINE_MAX + 9);
        let counted = format!("7 <22>a\nb{} {long}5 <22>c\n3 <2>", long.len());
        let lines = format!("<22>a 7 b\r\n\n{long}\n<22>c\n<22>half");
        let cut = long[..LINE_MAX].to_owned();
        for piece in [1, 5, 4096] {
            let expected = vec![
                ("<22>a\nb".to_owned(), false),
                (cut.clone(), true),
                ("<22>c".to_owned(), false),
                ("<2>".to_owned(), false),
            ];
            assert_eq!(messages(counted.as_bytes(), piece), (expected, false), "{piece}");
            let expected = vec![
                ("<22>a 7 b\r".to_owned(), false),
                (cut.clone(), true),
                ("<22>c".to_owned(), false),
            ];
            assert_eq!(messages(lines.as_bytes(), piece), (expected, false), "{piece}");
        }
    }

    #[test]
    fn who_breaks_the_framing_is_not_read_on() {
        for stream in ["3 <2>x <22>y", "3 <2>99999999 y", "0 x", "3 <2>0 x"] {
            assert!(messages(stream.as_bytes(), 64).1, "{stream}");
        }
        assert_eq!(messages(b"2026-11-21T16:02:10Z mx exim: x\n", 64).0.len(), 1);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(stream in "([0-9]{1,4} |<22>|x|\n){0,40}", piece in 1usize..9) {
            prop_assert_eq!(messages(stream.as_bytes(), piece), messages(stream.as_bytes(), 4096));
        }
    }
}
