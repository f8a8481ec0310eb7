//! Numbers, texts and words as bytes, and back. Reading never panics: what does not fit is a
//! [`CodecError`].

use super::CodecError;
use event::{Name, Vocabulary};
use std::borrow::Cow;

/// Bytes in front of what is [`sealed`].
const SEAL: usize = 5;

/// LEB128: seven bits a byte, least significant first.
pub(crate) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A length, then the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A text of an event. Most are pieces of the line itself: these cost an offset and a length and
/// no copy. The lowest bit of the first number tells the two forms apart.
pub(crate) fn put_text(out: &mut Vec<u8>, line: &[u8], text: &[u8]) {
    match offset_within(line, text) {
        Some(offset) => {
            put_number(out, (offset as u64) << 1 | 1);
            put_number(out, text.len() as u64);
        }
        None => {
            put_number(out, (text.len() as u64) << 1);
            out.extend_from_slice(text);
        }
    }
}

/// Where `text` lies inside the memory of `line`, if it does. Only addresses are compared.
fn offset_within(line: &[u8], text: &[u8]) -> Option<usize> {
    let offset = text.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
    (!text.is_empty() && offset.checked_add(text.len())? <= line.len()).then_some(offset)
}

/// Version (1 byte), CRC-32 of the rest (4, little-endian), the rest.
pub(crate) fn sealed(format: u8, put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![format, 0, 0, 0, 0];
    put(&mut out);
    let sum = crc32fast::hash(out.get(SEAL..).unwrap_or_default());
    if let Some(place) = out.get_mut(1..SEAL) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
    out
}

/// The rest of what was [`sealed`]; nothing where it is of another version, or damaged.
pub(crate) fn unsealed(format: u8, blob: &[u8]) -> Option<&[u8]> {
    let (head, rest) = blob.split_first_chunk::<SEAL>()?;
    let (found, sum) = head.split_first()?;
    (*found == format && sum == crc32fast::hash(rest).to_le_bytes()).then_some(rest)
}

/// The position of a word in the list of all.
pub(crate) fn position<T: PartialEq>(all: &[T], one: &T) -> u8 {
    all.iter().position(|other| other == one).unwrap_or_default() as u8
}

/// What is left to read.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(CodecError::Short)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(CodecError::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, CodecError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(CodecError::Number);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError::Number)
    }

    pub(crate) fn small(&mut self) -> Result<u32, CodecError> {
        u32::try_from(self.number()?).map_err(|_| CodecError::Number)
    }

    fn length(&mut self) -> Result<usize, CodecError> {
        usize::try_from(self.number()?).map_err(|_| CodecError::Number)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let len = self.length()?;
        self.take(len)
    }

    pub(crate) fn utf8(&mut self) -> Result<&'a str, CodecError> {
        str::from_utf8(self.bytes()?).map_err(|_| CodecError::Utf8)
    }

    pub(crate) fn boxed(&mut self) -> Result<Box<str>, CodecError> {
        Ok(self.utf8()?.into())
    }

    pub(crate) fn name(&mut self) -> Result<Name, CodecError> {
        Ok(Cow::Owned(self.utf8()?.to_owned()))
    }

    pub(crate) fn text(&mut self, line: &'a [u8]) -> Result<&'a [u8], CodecError> {
        let first = self.length()?;
        if first & 1 == 0 {
            return self.take(first >> 1);
        }
        let offset = first >> 1;
        let len = self.length()?;
        let end = offset.checked_add(len).ok_or(CodecError::Number)?;
        line.get(offset..end).ok_or(CodecError::Short)
    }

    pub(crate) fn signed(&mut self) -> Result<i64, CodecError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// The inverse of [`position`].
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> Result<T, CodecError> {
        all.get(usize::from(self.byte()?)).copied().ok_or(CodecError::Word)
    }

    pub(crate) fn word<V: Vocabulary>(&mut self) -> Result<V, CodecError> {
        V::from_code(self.byte()?).ok_or(CodecError::Word)
    }
}
