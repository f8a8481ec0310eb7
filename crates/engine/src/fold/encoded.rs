//! Encoded words of a header, `=?charset?B|Q?text?=` (RFC 2047): the letters that they stand for.
//!
//! UTF-8 and the Latin alphabets of ISO 8859 and Windows are read; of others the bytes count as
//! they are, the same in each message that was written alike. A word that is broken stands as text.

use super::Buffer;

#[derive(Clone, Copy, PartialEq)]
enum Charset {
    /// Bytes are taken as they are.
    Utf8,
    /// A byte is the letter of that number.
    Latin,
}

/// Reads a header's text; blanks between two encoded words are none.
pub(super) fn decode(mut text: &[u8], into: &mut Buffer) {
    let mut was_encoded = false;
    while let Some(byte) = text.first() {
        if let Some(behind) = text.strip_prefix(b"=?")
            && let Some(rest) = word(behind, into)
        {
            (text, was_encoded) = (rest, true);
            continue;
        }
        let behind = text.trim_ascii_start();
        let is_gap = was_encoded && behind.len() < text.len() && behind.starts_with(b"=?");
        was_encoded = false;
        if is_gap {
            text = behind;
            continue;
        }
        into.push(*byte);
        text = text.get(1..).unwrap_or_default();
    }
}

/// What follows `=?`; the rest behind the word, where it is one.
fn word<'a>(text: &'a [u8], into: &mut Buffer) -> Option<&'a [u8]> {
    let (charset, rest) = until(text, b'?')?;
    let (form, rest) = until(rest, b'?')?;
    let (body, rest) = until(rest, b'?')?;
    let rest = rest.strip_prefix(b"=")?;
    // RFC 2231 adds a language: `utf-8*de`.
    let name = charset.split(|byte| *byte == b'*').next().unwrap_or_default();
    let is =
        |begin: &[u8]| name.get(..begin.len()).is_some_and(|name| name.eq_ignore_ascii_case(begin));
    let is_latin = is(b"iso-8859-") || is(b"windows-125") || is(b"latin");
    let charset = if is_latin { Charset::Latin } else { Charset::Utf8 };
    match form {
        b"B" | b"b" => base64(body, charset, into),
        b"Q" | b"q" => quoted(body, charset, into),
        _ => return None,
    }
    Some(rest)
}

fn until(text: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    // RFC 2047, 2: no more than 75 letters; some programs write more.
    let at = text.iter().take(super::TEXT_MAX).position(|byte| *byte == end)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn put(byte: u8, charset: Charset, into: &mut Buffer) {
    match charset {
        Charset::Utf8 => into.push(byte),
        Charset::Latin => into.push_char(char::from(byte)),
    }
}

fn base64(body: &[u8], charset: Charset, into: &mut Buffer) {
    let (mut bits, mut count) = (0_u32, 0);
    for byte in body {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            put((bits >> count) as u8, charset, into);
        }
    }
}

fn quoted(body: &[u8], charset: Charset, into: &mut Buffer) {
    let mut rest = body;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let coded = (*byte == b'=').then(|| hex(behind)).flatten();
        match (byte, coded) {
            (_, Some(coded)) => {
                put(coded, charset, into);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'_', _) => into.push(b' '),
            _ => put(*byte, charset, into),
        }
    }
}

fn hex(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}
