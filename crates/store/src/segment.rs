//! Segments: closed batches as Parquet files, which any tool reads. See the crate's documentation
//! for the columns.

mod choose;
mod columns;
mod escape;
mod read;
mod sums;
mod write;

use crate::StoreError;
use std::path::Path;

pub(crate) use read::Segment;
pub(crate) use write::{Family, Written, write};

/// What a segment's file name tells: everything that is needed to trust and to catalogue it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    pub(crate) family: Family,
    pub(crate) batch_first: u64,
    pub(crate) batch_last: u64,
    /// Length and CRC-32 of the file's end, which holds the checksums of all before it.
    pub(crate) tail: u64,
    pub(crate) tail_crc: u32,
}

impl Name {
    pub(crate) fn parse(name: &str) -> Option<Name> {
        let mut parts = name.strip_suffix(".parquet")?.split('-');
        let family = match parts.next()? {
            "events" => Family::Events,
            "actions" => Family::Actions,
            _ => return None,
        };
        let name = Name {
            family,
            batch_first: parts.next()?.parse().ok()?,
            batch_last: parts.next()?.parse().ok()?,
            tail: u64::from_str_radix(parts.next()?, 16).ok()?,
            tail_crc: u32::from_str_radix(parts.next()?, 16).ok()?,
        };
        (parts.next().is_none() && name.batch_first <= name.batch_last).then_some(name)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{}-{:012}-{:012}-{:06x}-{:08x}.parquet",
            self.family.name(),
            self.batch_first,
            self.batch_last,
            self.tail,
            self.tail_crc
        )
    }
}

/// The segments in a directory, catalogued or not, by the numbers of their batches.
pub(crate) fn names(dir: &Path) -> Vec<Name> {
    let mut names: Vec<Name> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Name::parse(entry.file_name().to_str()?))
        .collect();
    names.sort_by_key(|name| name.batch_last);
    names
}

fn parquet(
    action: &'static str,
    path: &Path,
) -> impl Fn(parquet::errors::ParquetError) -> StoreError {
    let path = path.to_owned();
    move |error| match error {
        parquet::errors::ParquetError::External(inner) => {
            match inner.downcast::<std::io::Error>() {
                Ok(io) => StoreError::io(action, &path)(*io),
                Err(other) => StoreError::damaged(&path, other),
            }
        }
        other => StoreError::damaged(&path, other),
    }
}
