//! Reads the members of one JSON object (RFC 8259) in a line. Lenient, since a line may be cut:
//! what was read before its end counts. Takes linear time and no stack, whatever the bytes are.

use std::io::Write as _;

/// A member's value, unread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    /// What stands between the quotes; false where the line ends before the second.
    Text(&'a [u8], bool),
    /// Anything else, brackets included.
    Other(&'a [u8]),
}

/// The members of the object that `line` is, in order; no more where it is none any more.
pub(super) fn members(line: &[u8]) -> Members<'_> {
    let rest = line.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    Members { rest }
}

pub(super) struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        self.rest = &[];
        let (key, true, rest) = quoted(rest)? else { return None };
        let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, rest) = match quoted(rest) {
            Some((text, whole, rest)) => (Value::Text(text, whole), rest),
            None => {
                let (value, rest) = other(rest);
                (Value::Other(value), rest)
            }
        };
        self.rest = rest;
        Some((key, value))
    }
}

/// What stands between quotes at the front, whether the second is there, and what is behind.
fn quoted(bytes: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let inner = bytes.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let Some(step) = memchr::memchr2(b'"', b'\\', inner.get(from..).unwrap_or_default()) else {
            return Some((inner, false, &[]));
        };
        let at = from + step;
        if inner.get(at) == Some(&b'"') {
            let (text, rest) = inner.split_at_checked(at)?;
            return Some((text, true, rest.get(1..)?));
        }
        from = at + 2;
    }
}

/// A number, word, array or object at the front, and what is behind it.
fn other(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (mut depth, mut at) = (0u32, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' if depth <= 1 => {
                // The bracket that ends the object around it is no part of the value.
                return bytes.split_at(if depth == 1 { at + 1 } else { at });
            }
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => return bytes.split_at(at),
            b'"' => {
                let rest = bytes.get(at..).and_then(quoted).map_or(0, |(_, _, rest)| rest.len());
                at = bytes.len() - rest;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    (bytes, &[])
}

/// Writes a text without its escapes, at most `max` bytes of it.
pub(super) fn unescape(text: &[u8], max: usize, out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() && out.len() < max {
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let (head, behind) = rest.split_at(plain);
        out.extend_from_slice(head.get(..max - out.len()).unwrap_or(head));
        let [b'\\', kind, behind @ ..] = behind else { return };
        rest = behind;
        match kind {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => rest = unicode(rest, out),
            other => out.push(*other),
        }
    }
}

/// Writes the character whose `\u` was read, and says what is behind it.
fn unicode<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, rest)) = four(bytes) else {
        return put(bytes, char::REPLACEMENT_CHARACTER, out);
    };
    let second = rest.strip_prefix(b"\\u").and_then(four);
    if let Some((second, rest)) = second
        && (0xd800..0xdc00).contains(&first)
        && (0xdc00..0xe000).contains(&second)
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return put(rest, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), out);
    }
    put(rest, char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), out)
}

fn put<'a>(rest: &'a [u8], character: char, out: &mut Vec<u8>) -> &'a [u8] {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{character}");
    rest
}

/// Four hexadecimal digits.
fn four(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(4)?;
    let digits = str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// Writes what an array of numbers below 256 says, or the first text of an array of such.
pub(super) fn array(bytes: &[u8], max: usize, out: &mut Vec<u8>) {
    let Some(inner) = bytes.strip_prefix(b"[") else { return };
    if let Some((text, _, _)) = quoted(inner.trim_ascii_start()) {
        return unescape(text, max, out);
    }
    let numbers = inner.split(|byte| matches!(byte, b',' | b']')).take(max);
    let number = |word: &[u8]| str::from_utf8(word.trim_ascii()).ok()?.parse::<u8>().ok();
    out.extend(numbers.filter_map(number));
}
