//! One open file of those that were, one after another, at the path that is followed.

use super::siblings::Sibling;
use crate::clock::Moment;
use crate::source::archive::Compression;
use crate::source::convert::{ENTRY_MAX, Lines};
use crate::source::lines::LineBuffer;
use crate::source::{FilePosition, Fingerprint, Line, Start};
use rustix::fs::{Mode, OFlags, SeekFrom};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Bytes before the place where reading begins that are looked at: of both streams of a container
/// the latest entry.
const LOOK_BACK: u64 = 2 * ENTRY_MAX as u64;

/// Why a path could not be opened.
pub(super) enum OpenError {
    System(io::Error),
    NotAFile,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        OpenError::System(error)
    }
}

/// What [`Generation::fill`] found.
pub(super) enum Filled {
    Bytes(u64),
    Nothing,
    /// The file is shorter than what was read, or begins with something else.
    Truncated,
}

/// An open file, where reading is in it, and what it began with.
pub(super) struct Generation {
    file: File,
    dev: u64,
    inode: u64,
    /// When it was made, where the file system knows.
    born: Option<SystemTime>,
    /// When it had last been written to, when it was last read.
    written: SystemTime,
    buffer: LineBuffer,
    /// Its first bytes as read, at most [`Fingerprint::MAX`].
    head: Vec<u8>,
    /// NUL bytes at its start are a hole that a writer left who did not notice a truncation.
    after_truncation: bool,
    /// What comes up to the next newline is the rest of a line whose beginning was handed out: it
    /// must not be taken for a line, for a stranger may have chosen it.
    torn: bool,
    /// Unpacked contents where it was compressed meanwhile.
    unpacked: Option<Box<dyn Read>>,
    size: u64,
    last_growth: Moment,
    /// When another file took its place, until it is told that somebody still writes to it.
    superseded: Option<Moment>,
    /// Read to its end, and silent for long, at the last look.
    quiet: bool,
    /// Read to its end, at the last look.
    ended: bool,
    /// Nothing will be appended.
    complete: bool,
    /// What makes lines of entries that are none. journalctl's `export` and `verbose` are not
    /// followed.
    lines: Box<Lines>,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Generation").field("position", &self.position()).finish_non_exhaustive()
    }
}

impl Generation {
    /// Opens the regular file at `path`, to be read from its beginning.
    pub(super) fn open(path: &Path, now: Moment) -> Result<Self, OpenError> {
        // Without NONBLOCK, opening a FIFO would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
        let file = File::from(file);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(OpenError::NotAFile);
        }
        Ok(Self::of(file, &metadata, now))
    }

    fn of(file: File, metadata: &Metadata, now: Moment) -> Self {
        Generation {
            dev: metadata.dev(),
            inode: metadata.ino(),
            born: metadata.created().ok(),
            written: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            buffer: LineBuffer::new(BUFFER_BYTES, 0).with_entries(),
            head: Vec::new(),
            after_truncation: false,
            torn: false,
            unpacked: None,
            size: metadata.size(),
            last_growth: now,
            superseded: None,
            quiet: false,
            ended: false,
            complete: false,
            lines: Box::default(),
            file,
        }
    }
}

/// What it is and where reading is in it.
impl Generation {
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn is_same_file(&self, other: &Generation) -> bool {
        (self.dev, self.inode) == (other.dev, other.inode)
    }

    pub(super) fn is_sibling(&self, sibling: &Sibling) -> bool {
        (self.dev, self.inode) == (sibling.dev, sibling.inode)
    }

    pub(super) fn is_inode(&self, position: &FilePosition) -> bool {
        self.inode == position.inode
    }

    /// Bytes handed out.
    pub(super) fn offset(&self) -> u64 {
        self.buffer.offset()
    }

    /// When it was made, and when it had last been written to when it was last read.
    pub(super) fn times(&self) -> (Option<SystemTime>, SystemTime) {
        (self.born, self.written)
    }

    pub(super) fn position(&self) -> FilePosition {
        let offset = self.buffer.offset();
        let known = self.head.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let fingerprint = Fingerprint::of(self.head.get(..known).unwrap_or_default());
        FilePosition { dev: self.dev, inode: self.inode, offset, fingerprint, quiet: self.quiet }
    }

    /// True where nothing was ever written to it.
    pub(super) const fn is_blank(&self) -> bool {
        self.size == 0 && self.buffer.offset() == 0
    }

    /// True where nothing will be appended: it is a copy, or packed.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete || self.unpacked.is_some()
    }

    /// True where it was not removed.
    pub(super) fn has_name(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }

    /// When something was last read of it, or another file took its place.
    pub(super) const fn last_growth(&self) -> Moment {
        self.last_growth
    }

    /// Bytes written and not handed out.
    pub(super) fn lag_bytes(&self) -> u64 {
        if self.unpacked.is_some() {
            return 0;
        }
        let size = self.file.metadata().map_or(self.size, |metadata| metadata.size());
        size.saturating_sub(self.buffer.offset())
    }

    /// How its contents are packed.
    pub(super) fn compression(&self) -> Compression {
        self.peek().map_or(Compression::Plain, |(head, _)| Compression::of(&head))
    }

    /// True where it is as it was when its end was reached.
    fn is_unchanged(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| {
            metadata.size() == self.buffer.read_offset()
                && metadata.modified().is_ok_and(|written| written == self.written)
        })
    }

    /// Its first bytes as they are now.
    fn peek(&self) -> io::Result<([u8; Fingerprint::MAX], usize)> {
        let mut head = [0; Fingerprint::MAX];
        let mut known = 0;
        while let Some(rest) = head.get_mut(known..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, known as u64) {
                Ok(0) => break,
                Ok(count) => known += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((head, known))
    }

    /// True where its beginning is the one of `fingerprint`.
    pub(super) fn begins_like(&self, fingerprint: &Fingerprint) -> bool {
        self.peek().is_ok_and(|(head, known)| {
            head.get(..known).is_some_and(|head| fingerprint.matches(head))
        })
    }

    /// True where `position` is in this file. Device numbers may change with a restart of the
    /// machine; the inode number may when a log is restored, so a whole fingerprint is enough.
    pub(super) fn is_at(&self, position: &FilePosition) -> bool {
        let whole = usize::from(position.fingerprint.covered) == Fingerprint::MAX;
        (self.inode == position.inode || whole)
            && self.size >= position.offset
            && self.begins_like(&position.fingerprint)
    }

    /// True where `other` begins with what was read of this.
    pub(super) fn is_copied_to(&self, other: &Generation) -> bool {
        let FilePosition { offset, fingerprint, .. } = self.position();
        offset > 0 && other.size >= offset && other.begins_like(&fingerprint)
    }

    /// True where it is the file that was read to `drained` and let go.
    pub(super) fn was(&self, drained: &FilePosition) -> bool {
        self.inode == drained.inode && self.begins_like(&drained.fingerprint)
    }

    /// True where both begin with the same, as far as a fingerprint can tell.
    pub(super) fn begins_with_all_of(&self, other: &Generation) -> bool {
        match (self.peek(), other.peek()) {
            (Ok((own, length)), Ok((other, known))) => {
                length == Fingerprint::MAX && known == length && own == other
            }
            _ => false,
        }
    }

    /// True where it is the same log as `previous`, put into another file.
    pub(super) fn continues(&self, previous: &Generation) -> bool {
        previous.head.len() == Fingerprint::MAX
            && self.size >= previous.offset()
            && self.begins_like(&Fingerprint::of(&previous.head))
    }
}

/// Where to read.
impl Generation {
    /// Goes to where a log that was never read is to be read from; `size` is what it had when it
    /// was first seen.
    pub(super) fn start_at(&mut self, start: Start, size: Option<u64>) {
        let end = size.unwrap_or(u64::MAX).min(self.size);
        let wanted = match start {
            Start::Begin => 0,
            Start::End => end,
            Start::Back(bytes) => end.saturating_sub(bytes),
        };
        self.go_on_at(self.start_of_line(wanted));
    }

    /// The next start of a line at or behind `offset`.
    fn start_of_line(&self, offset: u64) -> u64 {
        // The byte before may be the newline that this line starts behind.
        let Some(mut at) = offset.checked_sub(1) else { return 0 };
        let mut piece = [0; 4096];
        loop {
            let count = self.file.read_at(&mut piece, at).unwrap_or(0);
            let bytes = piece.get(..count).unwrap_or_default();
            match memchr::memchr(b'\n', bytes) {
                Some(newline) => return at + newline as u64 + 1,
                // The last line is still being written: it will be read from where it is.
                None if bytes.is_empty() => return offset,
                None => at += count as u64,
            }
        }
    }

    /// Goes on at `offset`: an earlier run, or another file, was read up to here.
    pub(super) fn go_on_at(&mut self, offset: u64) {
        self.buffer.restart(offset);
        if let Some(unpacked) = &mut self.unpacked {
            // An error shows again, and is reported, at the next read.
            let _ = io::copy(&mut unpacked.by_ref().take(offset), &mut io::sink());
            return;
        }
        let mut before = [b'\n'];
        let read = offset.checked_sub(1).map(|at| self.file.read_at(&mut before, at));
        self.torn = matches!(read, Some(Ok(1))) && before != *b"\n";
        if let Ok((head, known)) = self.peek() {
            let known = known.min(usize::try_from(offset).unwrap_or(usize::MAX));
            self.head = head.get(..known).unwrap_or_default().to_vec();
        }
        self.look_back(offset);
    }

    /// Looks at the entries before `offset`: the latest may be a part of a line, whose rest is no
    /// line.
    fn look_back(&mut self, offset: u64) {
        let from = offset.saturating_sub(LOOK_BACK);
        let mut piece = vec![0; usize::try_from(offset - from).unwrap_or_default()];
        if self.file.read_exact_at(&mut piece, from).is_err() {
            return;
        }
        let lines = piece.split_inclusive(|byte| *byte == b'\n');
        // The first may be torn.
        for line in lines.skip(usize::from(from > 0)) {
            if let Some(bytes) = line.strip_suffix(b"\n") {
                self.lines.read(Line { bytes, cut: false, offset_end: 0, writer: 0 });
            }
        }
    }

    /// Begins where `previous`, which is read to its end, leaves off: with the rest of a line, or
    /// with a line.
    pub(super) fn begin_behind(&mut self, previous: &Generation) {
        if self.buffer.read_offset() == 0 && self.unpacked.is_none() {
            self.lines.go_on(&previous.lines);
        }
    }

    /// It was truncated: reads it from its beginning.
    pub(super) fn read_again(&mut self, now: Moment) {
        // A writer that does not append goes on at its old offset and leaves a hole before it.
        let data = rustix::fs::seek(&self.file, SeekFrom::Data(0)).unwrap_or(0);
        self.buffer.restart(data);
        self.torn = false;
        self.head.clear();
        *self.lines = Lines::default();
        self.after_truncation = true;
        self.last_growth = now;
        self.quiet = false;
    }

    /// Reads its contents unpacked. It is complete: nothing will be appended.
    pub(super) fn unpack(&mut self, compression: Compression) -> io::Result<()> {
        self.unpacked = Some(compression.unpack(self.file.try_clone()?)?);
        Ok(())
    }

    /// Says that another file took its place: its silence counts from now.
    pub(super) fn is_superseded(&mut self, now: Moment) {
        self.last_growth = now;
        self.superseded = Some(now);
    }

    /// True, once, where somebody wrote to it when another file had been in its place for `idle`.
    pub(super) fn straggles(&mut self, now: Moment, idle: Duration) -> bool {
        self.superseded.take_if(|at| now.since(*at) >= idle).is_some()
    }

    /// True where it is packed and damaged, or ends in the middle: what cannot be unpacked is given
    /// up.
    pub(super) fn give_up_packed(&mut self) -> bool {
        let is_packed = self.unpacked.is_some();
        if is_packed {
            self.unpacked = Some(Box::new(io::empty()));
            // The beginning of a line is no line.
            self.buffer.restart(self.buffer.read_offset());
        }
        is_packed
    }

    /// Says that nothing will be appended: it is a copy.
    pub(super) fn is_copy(&mut self) {
        self.complete = true;
    }
}

/// Reading.
impl Generation {
    /// The next whole line, and its length in the file.
    pub(super) fn next_line(&mut self) -> Option<(Line<'_>, u64)> {
        if self.after_truncation {
            self.buffer.drop_nul();
        }
        if self.torn {
            self.buffer.next()?;
            self.torn = false;
        }
        let from = self.buffer.offset();
        let line = self.buffer.next()?;
        self.after_truncation = false;
        let whole = line.offset_end - from;
        Some((self.lines.read(line), whole))
    }

    /// What there is of a last line whose newline will not come.
    pub(super) fn rest(&mut self) -> Option<(Line<'_>, u64)> {
        let from = self.buffer.offset();
        let line = self.buffer.rest()?;
        if std::mem::replace(&mut self.torn, true) {
            return None;
        }
        let whole = line.offset_end - from;
        Some((self.lines.read(line), whole))
    }

    /// Takes in more bytes.
    pub(super) fn fill(&mut self, now: Moment) -> io::Result<Filled> {
        if let Some(unpacked) = &mut self.unpacked {
            let count = unpacked.read(self.buffer.space())?;
            self.buffer.filled(count);
            self.ended = count == 0;
            return Ok(if count == 0 { Filled::Nothing } else { Filled::Bytes(count as u64) });
        }
        let metadata = self.file.metadata()?;
        self.size = metadata.size();
        let at = self.buffer.read_offset();
        self.ended = self.size == at;
        if self.size < at {
            return Ok(Filled::Truncated);
        }
        let written = metadata.modified().unwrap_or(self.written);
        if self.ended && written == self.written {
            return Ok(Filled::Nothing);
        }
        let (head, known) = self.peek()?;
        let head = head.get(..known).unwrap_or_default();
        if !head.starts_with(&self.head) {
            return Ok(Filled::Truncated);
        }
        self.written = written;
        if self.ended {
            return Ok(Filled::Nothing);
        }
        let count = match self.file.read_at(self.buffer.space(), at) {
            Ok(0) => return Ok(Filled::Nothing),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        self.buffer.filled(count);
        let read = usize::try_from(self.buffer.read_offset()).unwrap_or(usize::MAX);
        if self.head.len() < Fingerprint::MAX {
            self.head = head.get(..read.min(known)).unwrap_or_default().to_vec();
        }
        self.last_growth = now;
        self.quiet = false;
        Ok(Filled::Bytes(count as u64))
    }

    /// True where it is read to its end and was silent for `idle`.
    pub(super) fn is_finished(&self, now: Moment, idle: Duration) -> bool {
        let silent = self.is_complete() || now.since(self.last_growth) >= idle;
        // It may have grown, or been truncated, since the last look.
        silent && self.ended && (self.unpacked.is_some() || self.is_unchanged())
    }

    /// True where, besides, all of it was handed out.
    pub(super) fn is_drained(&self, now: Moment, idle: Duration) -> bool {
        self.is_finished(now, idle) && self.buffer.is_empty()
    }

    /// Gives its memory back where it was silent for `idle`: it is only held in case somebody
    /// still writes to it.
    pub(super) fn rest_if_quiet(&mut self, now: Moment, idle: Duration) {
        if !self.quiet && self.is_drained(now, idle) {
            self.quiet = true;
            self.buffer.give_back();
        }
    }
}
