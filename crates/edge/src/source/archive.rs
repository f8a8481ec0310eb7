//! Finished logs, read once from beginning to end: plain, gzip or zstd, told by their first bytes;
//! and within these, streams of dnstap, which are read as lines.

use super::convert::{Lines, Skipped, converted};
use super::dnstap::{self, DnstapLines};
use super::lines::{Line, LineBuffer};
use super::not_read::{MAGIC_BYTES, NotRead};
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

/// Bytes read at once: more would drive what the engine knows out of the processor's cache.
const BUFFER_BYTES: usize = 64 * 1024;

/// How a file is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
}

impl Compression {
    /// Told by the first four bytes of a file (RFC 1952 2.3.1, RFC 8878 3.1.1 and 3.1.2).
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50 => Compression::Zstd,
            _ => Compression::Plain,
        }
    }

    /// Reads `input`, which is packed so, unpacked.
    pub(super) fn unpack<'r>(self, input: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Compression::Plain => Box::new(input),
            Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::new(input))),
            Compression::Zstd => Box::new(ZstdFrames::new(input)),
        })
    }
}

/// Why an archive could not be opened or read to its end. All whole lines before were handed out.
#[derive(Debug)]
pub enum ReadError {
    /// It could not be opened.
    Open(io::Error),
    /// It is no log, or packed in a way that is not read. Nothing of it was handed out.
    NotRead(NotRead),
    /// It ends in the middle (a torn archive), after so many unpacked bytes.
    Torn {
        /// Unpacked bytes read.
        at: u64,
        /// How it is packed.
        compression: Compression,
    },
    /// It is damaged, or reading failed, after so many unpacked bytes.
    Read {
        /// Unpacked bytes read.
        at: u64,
        /// How it is packed.
        compression: Compression,
        /// What the system or the decoder says.
        error: io::Error,
    },
}

/// Hands out the lines of a file, pipe or byte slice. The last line needs no newline.
pub struct LineReader<'r> {
    input: Box<dyn Read + 'r>,
    compression: Compression,
    buffer: LineBuffer,
    lines: Lines,
    skipped: Rc<Cell<Skipped>>,
    ended: bool,
}

impl<'r> LineReader<'r> {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path) -> Result<LineReader<'static>, ReadError> {
        if path.as_os_str() == "-" {
            return LineReader::of(io::stdin());
        }
        let file = File::open(path).map_err(ReadError::Open)?;
        if file.metadata().map_err(ReadError::Open)?.is_dir() {
            return Err(ReadError::Open(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        LineReader::of(file)
    }

    /// Reads `input`, unpacked if its first bytes say that it is packed.
    pub fn of(input: impl Read + 'r) -> Result<LineReader<'r>, ReadError> {
        let (compression, input) = peeked(input)?;
        let skipped = Rc::default();
        let unpacked = lines(compression.unpack(input).map_err(ReadError::Open)?);
        let input = converted(unpacked, &skipped).map_err(ReadError::NotRead)?;
        let buffer = LineBuffer::new(BUFFER_BYTES, 0).with_entries();
        let lines = Lines::default();
        Ok(LineReader { input, compression, buffer, lines, skipped, ended: false })
    }

    /// What could not be read of it so far, because it is torn or damaged.
    pub fn skipped(&self) -> Skipped {
        self.skipped.get()
    }

    /// How the input is packed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The next line, `None` at the end. After an error the reader is at its end; a line that the
    /// error interrupted is not handed out: half a line may say something else than the whole.
    #[allow(clippy::should_implement_trait)] // a line borrows from the reader
    #[inline]
    pub fn next(&mut self) -> Result<Option<Line<'_>>, ReadError> {
        // The place of the newline and not the line, which would stay borrowed over the filling.
        let newline = match self.buffer.newline() {
            Some(newline) => Some(newline),
            None => self.next_newline()?,
        };
        let line = match newline {
            Some(newline) => Some(self.buffer.hand_out(newline, 1)),
            None => self.buffer.rest(),
        };
        Ok(line.map(|line| self.lines.read(line)))
    }

    /// Reads until a line is held; false at the end.
    pub fn fill_lines(&mut self) -> Result<bool, ReadError> {
        let held = self.buffer.newline().is_some() || self.next_newline()?.is_some();
        Ok(held || !self.buffer.is_empty())
    }

    /// Hands out all lines that are held: what [`LineReader::next`] hands out one by one, at less
    /// cost each. Goes no further where `take` fails.
    #[inline(always)] // so that nothing of a line goes through memory
    pub fn each_held<E>(
        &mut self,
        mut take: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let lines = &mut self.lines;
        while self.buffer.each(|line| take(lines.read(line)))? {}
        // Before the end the rest is the beginning of a line whose end was not read yet.
        let rest = if self.ended { self.buffer.rest() } else { None };
        rest.map_or(Ok(()), |line| take(self.lines.read(line)))
    }

    /// Reads on to the end of the line; `None` where the input ends before.
    #[cold]
    fn next_newline(&mut self) -> Result<Option<usize>, ReadError> {
        while !self.ended {
            self.fill()?;
            if let Some(newline) = self.buffer.newline() {
                return Ok(Some(newline));
            }
        }
        Ok(None)
    }

    fn fill(&mut self) -> Result<(), ReadError> {
        let at = self.buffer.read_offset();
        match self.input.read(self.buffer.space()) {
            Ok(0) => self.ended = true,
            Ok(count) => self.buffer.filled(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.ended = true;
                // The rest of a line that was torn would be taken for the line.
                self.buffer.restart(at);
                let compression = self.compression;
                return Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof => ReadError::Torn { at, compression },
                    _ => ReadError::Read { at, compression, error },
                });
            }
        }
        Ok(())
    }
}

/// Reads zstd frames, one after another, and skips those that hold no data (RFC 8878 3.1.2).
struct ZstdFrames<R: Read> {
    input: NotingEnd<R>,
    decoder: FrameDecoder,
    within_frame: bool,
}

impl<R: Read> ZstdFrames<R> {
    fn new(input: R) -> Self {
        let input = NotingEnd { input: BufReader::new(input), ended: false };
        ZstdFrames { input, decoder: FrameDecoder::new(), within_frame: false }
    }

    /// Reads a frame's header, or skips the frame.
    fn next_frame(&mut self) -> io::Result<()> {
        use FrameDecoderError::ReadFrameHeaderError as Header;
        match self.decoder.init(&mut self.input) {
            Ok(()) => self.within_frame = true,
            Err(Header(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                io::copy(&mut self.input.by_ref().take(u64::from(length)), &mut io::sink())?;
            }
            Err(error) => return Err(self.input.blame(error)),
        }
        Ok(())
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while !space.is_empty() {
            if !self.within_frame {
                if self.input.input.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.next_frame()?;
                continue;
            }
            while self.decoder.can_collect() < space.len() && !self.decoder.is_finished() {
                let wanted = BlockDecodingStrategy::UptoBytes(space.len());
                if let Err(error) = self.decoder.decode_blocks(&mut self.input, wanted) {
                    return Err(self.input.blame(error));
                }
            }
            let count = self.decoder.read(space)?;
            if count > 0 {
                return Ok(count);
            }
            self.within_frame = false;
        }
        Ok(0)
    }
}

/// Notes whether more was asked for than there is: the decoder's own error does not tell.
struct NotingEnd<R: Read> {
    input: BufReader<R>,
    ended: bool,
}

impl<R: Read> Read for NotingEnd<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(space)?;
        self.ended |= count == 0 && !space.is_empty();
        Ok(count)
    }
}

impl<R: Read> NotingEnd<R> {
    /// The decoder's error, or that the input is torn.
    fn blame(&self, error: FrameDecoderError) -> io::Error {
        match self.ended {
            true => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            false => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// What is unpacked, as lines: itself, or those of a stream of dnstap.
fn lines<'r>(mut input: Box<dyn Read + 'r>) -> Box<dyn Read + 'r> {
    let mut head = Vec::with_capacity(dnstap::HEAD_BYTES);
    let failed = input.by_ref().take(dnstap::HEAD_BYTES as u64).read_to_end(&mut head).err();
    let is_dnstap = dnstap::is_stream(&head);
    // What failed is told behind what was read, as if nobody had looked.
    let failing = Failing(failed);
    let whole = Cursor::new(head).chain(failing).chain(input);
    match is_dnstap {
        true => Box::new(DnstapLines::new(whole)),
        false => Box::new(whole),
    }
}

/// Nothing, or an error and then nothing.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _space: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Reads the first bytes, and puts them back.
fn peeked<R: Read>(mut input: R) -> Result<(Compression, Peeked<R>), ReadError> {
    let mut head = Vec::with_capacity(MAGIC_BYTES);
    input.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut head).map_err(ReadError::Open)?;
    match NotRead::of(&head) {
        Some(what) => Err(ReadError::NotRead(what)),
        None => Ok((Compression::of(&head), Cursor::new(head).chain(input))),
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Compression::Plain => "plain",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Open(error) => write!(out, "cannot be opened: {error}"),
            ReadError::NotRead(what) => write!(out, "not read: it is {what}"),
            ReadError::Torn { at, compression } => {
                write!(out, "the {compression} data end in the middle, after {at} unpacked bytes")
            }
            ReadError::Read { at, compression, error } => {
                write!(out, "reading the {compression} data failed after {at} bytes: {error}")
            }
        }
    }
}

impl std::error::Error for ReadError {}
