//! Text of a stranger: any bytes, or pieces of a grammar in any order.

#![allow(dead_code)] // each test binary uses its part

pub mod named;

use proptest::prelude::*;

/// The one client of all lines.
pub const PEER: &str = "203.0.113.66";

pub fn text(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => "[a-z ]{1,6}".prop_map(String::into_bytes),
    ];
    prop_oneof![
        4 => prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat()),
        1 => prop::collection::vec(any::<u8>(), 0..100),
    ]
}

/// Controls and bytes that are no UTF-8 become `?`.
pub fn utf8_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let shown = if (character as u32) < 32 { '?' } else { character };
            out.extend(shown.to_string().bytes());
        }
        out.extend(chunk.invalid().iter().map(|_| b'?'));
    }
    out
}

/// True where `needle` occurs in `hay`.
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || hay.windows(needle.len()).any(|window| window == needle)
}
