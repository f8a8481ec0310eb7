//! Cuts a stream of bytes into lines, without an allocation or a copy per line.

use super::convert::{ENTRY_MAX, has_entry_front};
use memchr::memchr;

/// Bytes of a line that are kept; what is behind is skipped and counted. RFC 5424 asks a receiver
/// to take 2 KiB and Postfix logs at most 2 KiB a record; rsyslog's own limit is 8 KiB.
pub const LINE_MAX: usize = 8192;

/// One line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// Its bytes as written, without the newline (LF, or CR and LF); NUL, invalid UTF-8 and any
    /// other CR are kept.
    pub bytes: &'a [u8],
    /// True where it was longer than [`LINE_MAX`]; only its beginning is here.
    pub cut: bool,
    /// Where it ends in the file or stream, its newline included.
    pub offset_end: u64,
    /// Which of the writers of its source wrote it, for each has stamps of its own; 0 where there
    /// is one.
    pub writer: u8,
}

/// Holds what was read and not yet handed out.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    /// Empty until the first use: many a file is opened only to be looked at.
    bytes: Vec<u8>,
    size_bytes: usize,
    /// First byte of the current line.
    start: usize,
    /// No newline between `start` and here.
    scanned: usize,
    /// Behind the last byte held.
    end: usize,
    /// Where the current line starts in the stream.
    offset: u64,
    /// Bytes of the current line that were dropped behind its first `line_max`.
    dropped: u64,
    /// Bytes of a line that are kept.
    line_max: usize,
    /// The same of a line that may be an entry to be converted.
    entry_max: usize,
}

impl LineBuffer {
    /// A buffer of `size_bytes` (at least four lines) for a stream that goes on at `offset`.
    pub(crate) fn new(size_bytes: usize, offset: u64) -> Self {
        let size_bytes = size_bytes.max(LINE_MAX * 4);
        LineBuffer {
            bytes: Vec::new(),
            size_bytes,
            start: 0,
            scanned: 0,
            end: 0,
            offset,
            dropped: 0,
            line_max: LINE_MAX,
            entry_max: LINE_MAX,
        }
    }

    /// The same, for lines of which so many bytes are kept.
    pub(crate) fn with_line_max(mut self, line_max: usize) -> Self {
        (self.line_max, self.entry_max) = (line_max, line_max);
        self.size_bytes = self.size_bytes.max(line_max * 4);
        self
    }

    /// The same, for lines of which some are entries to be converted, which are kept whole.
    pub(crate) fn with_entries(mut self) -> Self {
        self.entry_max = ENTRY_MAX;
        self.size_bytes = self.size_bytes.max(ENTRY_MAX * 2);
        self
    }

    /// Bytes that are kept of a line that begins so.
    #[cold]
    fn kept_max(&self, line: &[u8]) -> usize {
        if has_entry_front(line) { self.entry_max } else { self.line_max }
    }

    /// Forgets what is held; the stream goes on at `offset`.
    pub(crate) fn restart(&mut self, offset: u64) {
        (self.start, self.scanned, self.end) = (0, 0, 0);
        (self.offset, self.dropped) = (offset, 0);
    }

    /// Behind the last line handed out.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Behind the last byte taken in.
    pub(crate) const fn read_offset(&self) -> u64 {
        self.offset + self.dropped + (self.end - self.start) as u64
    }

    /// Room for the next bytes; never empty once [`LineBuffer::next`] said `None`.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; self.size_bytes];
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Gives the memory back where nothing is held; it is had anew at the next use.
    pub(crate) fn give_back(&mut self) {
        if self.start == self.end {
            (self.start, self.scanned, self.end) = (0, 0, 0);
            self.bytes = Vec::new();
        }
    }

    /// Says that the first `count` bytes of [`LineBuffer::space`] were filled.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.bytes.len());
    }

    /// Drops the NUL bytes at the start of the current line (a hole in the file).
    pub(crate) fn drop_nul(&mut self) {
        while self.start < self.end && self.bytes.get(self.start) == Some(&0) {
            self.start += 1;
            self.offset += 1;
        }
        self.scanned = self.scanned.max(self.start);
    }

    /// True where nothing of a line is held.
    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end && self.dropped == 0
    }

    /// Where the current line ends, if its newline is held.
    #[inline]
    pub(crate) fn newline(&mut self) -> Option<usize> {
        let unseen = self.bytes.get(self.scanned..self.end).unwrap_or_default();
        match memchr(b'\n', unseen) {
            Some(at) => Some(self.scanned + at),
            None => {
                self.shed();
                None
            }
        }
    }

    /// Drops what a line without an end yet has behind its first `line_max`.
    fn shed(&mut self) {
        let held = self.end - self.start;
        if held > self.line_max {
            let line = self.bytes.get(self.start..self.end).unwrap_or_default();
            let kept = held.min(self.kept_max(line));
            self.dropped += (held - kept) as u64;
            self.end = self.start + kept;
        }
        self.scanned = self.end;
    }

    /// The next whole line.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Line<'_>> {
        let newline = self.newline()?;
        Some(self.hand_out(newline, 1))
    }

    /// Hands out every whole line that is held, as [`LineBuffer::next`] would one by one, and goes
    /// on until `take` fails. True where there was one.
    #[inline(always)] // so that nothing of a line goes through memory
    pub(crate) fn each<E>(
        &mut self,
        mut take: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        // Of a line that was dropped in part only the long way knows where it begins.
        if self.dropped > 0 {
            return self.next().map_or(Ok(false), |line| take(line).map(|()| true));
        }
        let mut rest = self.bytes.get(self.start..self.end).unwrap_or_default();
        let mut done = Ok(false);
        while let Some(length) = memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(length);
            rest = behind.get(1..).unwrap_or_default();
            self.offset += length as u64 + 1;
            let (mut cut, mut bytes) = (false, ended(line));
            if length > self.line_max {
                let kept = self.kept_max(line);
                if length > kept {
                    (cut, bytes) = (true, line.get(..kept).unwrap_or(line));
                }
            }
            done = take(Line { bytes, cut, offset_end: self.offset, writer: 0 }).map(|()| true);
            if done.is_err() {
                break;
            }
        }
        self.start = self.end - rest.len();
        self.scanned = self.start;
        done
    }

    /// What is held of a line whose newline will not come.
    pub(crate) fn rest(&mut self) -> Option<Line<'_>> {
        if self.is_empty() {
            return None;
        }
        Some(self.hand_out(self.end, 0))
    }

    /// Hands out the line that ends at `end`, with so many bytes of newline behind it.
    #[inline]
    pub(crate) fn hand_out(&mut self, end: usize, newline: usize) -> Line<'_> {
        let start = self.start;
        let length = end - start;
        let mut kept = length;
        if length > self.line_max {
            kept = length.min(self.kept_max(self.bytes.get(start..end).unwrap_or_default()));
        }
        let cut = self.dropped > 0 || length > kept;
        self.offset += self.dropped + (length + newline) as u64;
        self.dropped = 0;
        self.start = end + newline;
        self.scanned = self.start;
        let bytes = self.bytes.get(start..start + kept).unwrap_or_default();
        let bytes = if cut { bytes } else { ended(bytes) };
        Line { bytes, cut, offset_end: self.offset, writer: 0 }
    }
}

/// A line without the CR that some put in front of its LF. Only the LF ends a line: a stranger may
/// write a CR.
#[inline]
pub(super) fn ended(line: &[u8]) -> &[u8] {
    match line {
        [line @ .., b'\r'] => line,
        line => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a buffer hands out when it is fed `pieces`.
    fn lines(pieces: &[&[u8]]) -> Vec<(Vec<u8>, bool, u64)> {
        let mut buffer = LineBuffer::new(0, 0);
        let mut out = Vec::new();
        for piece in pieces {
            let mut piece = *piece;
            while !piece.is_empty() {
                let space = buffer.space();
                let count = space.len().min(piece.len());
                space[..count].copy_from_slice(&piece[..count]);
                buffer.filled(count);
                piece = &piece[count..];
                while let Some(line) = buffer.next() {
                    out.push((line.bytes.to_vec(), line.cut, line.offset_end));
                }
            }
        }
        if let Some(line) = buffer.rest() {
            out.push((line.bytes.to_vec(), line.cut, line.offset_end));
        }
        assert_eq!(buffer.offset(), buffer.read_offset());
        out
    }

    /// As [`lines`], all whole lines at once; every third piece one by one.
    fn lines_at_once(pieces: &[&[u8]]) -> Vec<(Vec<u8>, bool, u64)> {
        let mut buffer = LineBuffer::new(0, 0);
        let mut out = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let mut piece = *piece;
            while !piece.is_empty() {
                let space = buffer.space();
                let count = space.len().min(piece.len());
                space[..count].copy_from_slice(&piece[..count]);
                buffer.filled(count);
                piece = &piece[count..];
                let mut left = if number % 3 == 0 { 1 } else { usize::MAX };
                loop {
                    let each = buffer.each(|line| {
                        out.push((line.bytes.to_vec(), line.cut, line.offset_end));
                        left -= 1;
                        if left == 0 { Err(()) } else { Ok(()) }
                    });
                    match each {
                        Err(()) => left = 1,
                        Ok(true) => {}
                        Ok(false) => break,
                    }
                }
                assert!(buffer.newline().is_none());
            }
        }
        if let Some(line) = buffer.rest() {
            out.push((line.bytes.to_vec(), line.cut, line.offset_end));
        }
        assert_eq!(buffer.offset(), buffer.read_offset());
        out
    }

    /// The same by splitting the whole.
    fn expected(whole: &[u8]) -> Vec<(Vec<u8>, bool, u64)> {
        let mut offset = 0;
        whole
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| {
                offset += line.len() as u64;
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let cut = line.len() > LINE_MAX;
                let kept = if cut { &line[..LINE_MAX] } else { line };
                let kept = if cut { kept } else { kept.strip_suffix(b"\r").unwrap_or(kept) };
                (kept.to_vec(), cut, offset)
            })
            .collect()
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_and_the_next_is_whole() {
        let mut whole = vec![b'x'; 1 << 20];
        whole.extend_from_slice(b"\nnext\nlast without newline");
        let found = lines(&[&whole]);
        assert_eq!(found, expected(&whole));
        assert_eq!(found[0].0.len(), LINE_MAX);
        assert_eq!(found[1].0, b"next");
    }

    /// One CR in front of the LF is no part of a line, wherever it was read in two; any other is.
    #[test]
    fn a_cr_in_front_of_the_newline_is_dropped_and_ends_no_line() {
        let whole = b"one\r\ntwo\rstill two\r\r\n\r\n\rfour\nfive\r";
        let wanted: [(&[u8], u64); 5] =
            [(b"one", 5), (b"two\rstill two\r", 21), (b"", 23), (b"\rfour", 29), (b"five", 34)];
        let wanted = wanted.map(|(line, offset_end)| (line.to_vec(), false, offset_end));
        for at in 0..whole.len() {
            let (front, behind) = whole.split_at(at);
            assert_eq!(lines(&[front, behind]), wanted, "{at}");
            assert_eq!(lines_at_once(&[front, behind]), wanted, "{at}");
            assert_eq!(lines_at_once(&[b"", front, behind]), wanted, "{at}");
        }
        // What is cut ends anywhere.
        let long = [vec![b'x'; LINE_MAX - 1], b"\ry\r\n".to_vec()].concat();
        assert_eq!(lines(&[&long]), expected(&long));
        assert!(lines(&[&long])[0].0.ends_with(b"x\r"));
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_the_same_lines(
            sizes in prop::collection::vec(
                (0usize..30_000, prop::bool::weighted(0.7), any::<bool>()), 0..12
            ),
            cuts in prop::collection::vec(0usize..200_000, 0..12),
            filler in any::<u8>().prop_filter("not a newline", |b| *b != b'\n'),
        ) {
            let mut whole = Vec::new();
            for (index, (size, newline, cr)) in sizes.iter().enumerate() {
                whole.extend(std::iter::repeat_n(filler.wrapping_add((index % 3) as u8), *size));
                if *cr { whole.push(b'\r'); }
                if *newline { whole.push(b'\n'); }
            }
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
            cuts.sort_unstable();
            let mut pieces: Vec<&[u8]> = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([whole.len()]) {
                pieces.push(&whole[from..cut]);
                from = cut;
            }
            prop_assert_eq!(lines(&pieces), expected(&whole));
            prop_assert_eq!(lines_at_once(&pieces), expected(&whole));
        }
    }
}
