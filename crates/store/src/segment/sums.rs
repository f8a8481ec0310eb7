//! Every byte of a segment is checked before the Parquet reader sees it: the file is cut into
//! blocks of 64 KiB, their checksums stand in the footer, the checksum of the footer's part of the
//! file stands in the file's name. So a damaged file is an error, whatever the damage.

use super::Name;
use crate::StoreError;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

pub(super) const BLOCK: usize = 64 << 10;
/// The footer's key of the blocks' checksums, eight hexadecimal digits each.
pub(super) const KEY: &str = "mailward.block-crc32";

/// Computes the blocks' checksums while a segment is written.
#[derive(Default)]
pub(super) struct Summing {
    file: Option<File>,
    sums: Vec<u32>,
    open: crc32fast::Hasher,
    filled: usize,
    pub(super) written: u64,
}

impl Summing {
    pub(super) fn new(file: File) -> Self {
        Summing { file: Some(file), ..Summing::default() }
    }

    /// Checksums of the blocks that are full by now.
    pub(super) fn full_blocks(&self) -> String {
        self.sums.iter().map(|sum| format!("{sum:08x}")).collect()
    }

    pub(super) fn blocks(&self) -> usize {
        self.sums.len()
    }

    pub(super) fn into_file(self) -> Option<File> {
        self.file
    }

    fn add(&mut self, mut bytes: &[u8]) {
        self.written += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.open.update(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.sums.push(std::mem::take(&mut self.open).finalize());
                self.filled = 0;
            }
            bytes = rest;
        }
    }
}

impl std::io::Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let file = self.file.as_mut().ok_or_else(|| std::io::Error::other("closed"))?;
        let count = file.write(bytes)?;
        self.add(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A segment's file, read through its checksums.
#[derive(Clone)]
pub(super) struct Verified {
    inner: Arc<Inner>,
}

struct Inner {
    file: File,
    len: u64,
    /// The end of the file, checked against the name.
    tail: bytes::Bytes,
    sums: Vec<u32>,
}

impl Verified {
    pub(super) fn open(path: &Path, name: &Name) -> Result<Self, StoreError> {
        let io = |action| StoreError::io(action, path);
        let file = File::open(path).map_err(io("open"))?;
        let len = file.metadata().map_err(io("open"))?.len();
        let damaged = |what| StoreError::damaged(path, what);
        let start = len.checked_sub(name.tail).ok_or_else(|| damaged("shorter than its end"))?;
        let mut tail = vec![0; usize::try_from(name.tail).map_err(|_| damaged("too long"))?];
        file.read_exact_at(&mut tail, start).map_err(io("read"))?;
        if crc32fast::hash(&tail) != name.tail_crc {
            return Err(damaged("its end does not match the checksum in its name"));
        }
        let inner = Inner { file, len, tail: tail.into(), sums: Vec::new() };
        Ok(Verified { inner: Arc::new(inner) })
    }

    /// The same file, with the blocks' checksums from its footer.
    pub(super) fn with_sums(self, text: &str, path: &Path) -> Result<Self, StoreError> {
        let damaged = || StoreError::damaged(path, "no checksums in its footer");
        let sums: Option<Vec<u32>> = text
            .as_bytes()
            .chunks(8)
            .map(|digits| u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok())
            .collect();
        let sums = sums.ok_or_else(damaged)?;
        let before = self.inner.len - self.inner.tail.len() as u64;
        if sums.len() as u64 * BLOCK as u64 != before {
            return Err(damaged());
        }
        let inner = Arc::try_unwrap(self.inner).map_err(|_| damaged())?;
        Ok(Verified { inner: Arc::new(Inner { sums, ..inner }) })
    }

    /// These bytes, checked.
    pub(super) fn read(&self, start: u64, length: usize) -> Result<bytes::Bytes, ParquetError> {
        let bad = |what: &str| ParquetError::General(what.to_owned());
        let inner = &*self.inner;
        let end = start.checked_add(length as u64).filter(|end| *end <= inner.len);
        let end = end.ok_or_else(|| bad("a range outside of the file"))?;
        let tail_start = inner.len - inner.tail.len() as u64;
        if start >= tail_start {
            let from = (start - tail_start) as usize;
            return Ok(inner.tail.slice(from..from + length));
        }
        let block = BLOCK as u64;
        let first = start / block * block;
        let last = end.div_ceil(block).saturating_mul(block).min(tail_start);
        let mut bytes = vec![0; (last - first) as usize];
        inner
            .file
            .read_exact_at(&mut bytes, first)
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        for (position, content) in bytes.chunks(BLOCK).enumerate() {
            let sum = inner.sums.get((first / block) as usize + position);
            if sum != Some(&crc32fast::hash(content)) {
                return Err(bad("a block does not match its checksum"));
            }
        }
        if end > last {
            bytes.extend_from_slice(inner.tail.get(..(end - last) as usize).unwrap_or_default());
        }
        let from = (start - first) as usize;
        Ok(bytes::Bytes::from(bytes).slice(from..from + length))
    }
}

impl Length for Verified {
    fn len(&self) -> u64 {
        self.inner.len
    }
}

impl ChunkReader for Verified {
    type T = Box<dyn Read>;

    /// Reads on as far as asked for, a block at a time.
    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(Box::new(Reading { from: self.clone(), at: start, now: Cursor::default() }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<bytes::Bytes, ParquetError> {
        self.read(start, length)
    }
}

struct Reading {
    from: Verified,
    at: u64,
    now: Cursor<bytes::Bytes>,
}

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.now.read(out)?;
        let left = self.from.inner.len.saturating_sub(self.at);
        if count > 0 || out.is_empty() || left == 0 {
            return Ok(count);
        }
        let length = (BLOCK - (self.at % BLOCK as u64) as usize).min(left as usize);
        let bytes = self.from.read(self.at, length).map_err(std::io::Error::other)?;
        self.at += length as u64;
        self.now = Cursor::new(bytes);
        self.now.read(out)
    }
}
