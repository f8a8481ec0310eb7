//! A batch: many records in one blob, compressed, with a checksum. See the crate's documentation
//! for the layout.

use crate::StoreError;
use crate::codec::{Records, records};
use std::path::Path;

/// The blob's own version; a reader refuses a later one.
const FORMAT: u8 = 1;
const STORED: u8 = 0;
const LZ4: u8 = 1;
const HEAD: usize = 10;
/// No batch holds more than this before compression: the bound of what a damaged length can make
/// a reader reserve. One record above the seal size still fits.
const RAW_MAX: usize = 64 << 20;

/// Compresses records into a blob: version, method, length before, CRC-32 of the rest, data.
pub(crate) fn seal(raw: &[u8]) -> Vec<u8> {
    let mut blob = vec![0; HEAD + lz4_flex::block::get_maximum_output_size(raw.len())];
    let packed = match blob.get_mut(HEAD..) {
        Some(room) => lz4_flex::block::compress_into(raw, room).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let method = if packed < raw.len() { LZ4 } else { STORED };
    if method == LZ4 {
        blob.truncate(HEAD + packed);
    } else {
        blob.truncate(HEAD);
        blob.extend_from_slice(raw);
    }
    let crc = crc32fast::hash(blob.get(HEAD..).unwrap_or_default());
    let raw_len = u32::try_from(raw.len()).unwrap_or(u32::MAX);
    let mut head = [0; HEAD];
    head[0] = FORMAT;
    head[1] = method;
    head[2..6].copy_from_slice(&raw_len.to_le_bytes());
    head[6..].copy_from_slice(&crc.to_le_bytes());
    if let Some(place) = blob.get_mut(..HEAD) {
        place.copy_from_slice(&head);
    }
    blob
}

/// One batch, decompressed.
#[derive(Debug)]
pub(crate) struct Batch {
    raw: Vec<u8>,
}

impl Batch {
    /// Checks and decompresses a blob. `path` names the file in the error.
    pub(crate) fn open(blob: &[u8], path: &Path) -> Result<Batch, StoreError> {
        let damaged = |what: &str| StoreError::damaged(path, what);
        let (head, data) =
            blob.split_first_chunk::<HEAD>().ok_or_else(|| damaged("a batch is too short"))?;
        let [format, method, l0, l1, l2, l3, c0, c1, c2, c3] = *head;
        if format > FORMAT {
            return Err(StoreError::Newer {
                path: path.to_owned(),
                found: u32::from(format),
                known: u32::from(FORMAT),
            });
        }
        if crc32fast::hash(data) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(damaged("a batch does not match its checksum"));
        }
        let raw_len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let raw = match method {
            STORED => data.to_vec(),
            LZ4 if raw_len <= RAW_MAX => lz4_flex::block::decompress(data, raw_len)
                .map_err(|_| damaged("a batch cannot be decompressed"))?,
            _ => return Err(damaged("a batch has an impossible head")),
        };
        if raw.len() == raw_len {
            Ok(Batch { raw })
        } else {
            Err(damaged("a batch has the wrong length"))
        }
    }

    /// All of it, undecoded.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.raw
    }

    pub(crate) fn records(&self) -> Records<'_> {
        records(&self.raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_survive(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(Batch::open(&seal(&raw), Path::new("x")).unwrap().raw, raw);
        }

        #[test]
        fn a_flipped_bit_is_noticed(
            raw in proptest::collection::vec(0_u8..4, 1..600), at in any::<prop::sample::Index>(), bit in 0_u8..8,
        ) {
            let good = seal(&raw);
            let mut bad = good.clone();
            let at = at.index(bad.len());
            bad[at] ^= 1 << bit;
            if let Ok(batch) = Batch::open(&bad, Path::new("x")) {
                // Only the version may differ, downwards: the content is what it was.
                prop_assert!(at == 0);
                prop_assert_eq!(batch.raw, raw);
            }
        }

        #[test]
        fn garbage_is_an_error(blob in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Batch::open(&blob, Path::new("x")).is_err());
        }
    }
}
