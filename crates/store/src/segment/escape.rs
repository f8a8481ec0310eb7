//! Bytes as UTF-8 text and back without loss: Parquet's strings must be UTF-8, log lines need
//! not be. A byte that is no UTF-8 becomes `\xNN`; a backslash in front of an `x` becomes `\x5c`.

use std::borrow::Cow;

pub(super) fn put_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.contains(&b'\\') && str::from_utf8(bytes).is_ok() {
        out.extend_from_slice(bytes);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid().as_bytes();
        while let [first, tail @ ..] = rest {
            match (first, tail.first()) {
                (b'\\', Some(b'x')) => out.extend_from_slice(b"\\x5c"),
                _ => out.push(*first),
            }
            rest = tail;
        }
        chunk.invalid().iter().for_each(|byte| put_hex(out, *byte));
    }
}

fn put_hex(out: &mut Vec<u8>, byte: u8) {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
}

pub(super) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(text, b"\\x").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'\\', [b'x', high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                    continue;
                }
                _ => out.push(*first),
            },
            _ => out.push(*first),
        }
        rest = tail;
    }
    Cow::Owned(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\\'), Just(b'x'), Just(b'5'), Just(b'c')], 0..60,
        )) {
            let mut text = Vec::new();
            put_escaped(&mut text, &bytes);
            prop_assert!(str::from_utf8(&text).is_ok());
            prop_assert_eq!(unescaped(&text).into_owned(), bytes);
        }
    }

    #[test]
    fn ordinary_text_is_as_it_was() {
        let mut text = Vec::new();
        put_escaped(&mut text, "J\u{fc}rgen \\o/ C:\\mail".as_bytes());
        assert_eq!(text, "J\u{fc}rgen \\o/ C:\\mail".as_bytes());
    }
}
