//! A log that is read from beginning to end, entry by entry, as a stream of lines.

use super::{ENTRY_MAX, Form, HEAD_BYTES, Lines, cursor_of};
use crate::source::journal::export::{Entry, Export, VALUE_MAX, time_of_cursor};
use crate::source::lines::LineBuffer;
use std::io::{self, Cursor, Read};

/// Bytes read at once, and written before they are handed on.
const PIECE_BYTES: usize = 64 * 1024;

/// Reads `input` as lines of text, whatever its form is.
pub(in crate::source) fn converted<'r>(input: Box<dyn Read + 'r>) -> Box<dyn Read + 'r> {
    let (form, input) = peeked(input);
    match form {
        Form::Plain => Box::new(input),
        Form::Json | Form::Container => {
            let buffer = LineBuffer::new(PIECE_BYTES, 0).with_line_max(ENTRY_MAX);
            Box::new(Converted::new(input, ByLine(Lines::default(), buffer)))
        }
        Form::Verbose => Box::new(Converted::new(input, Verbose::default())),
        Form::Export => Box::new(Converted::new(input, ByEntry(Export::new()))),
    }
}

/// Reads until the form is known, and puts what was read back, with the error behind it, if any.
fn peeked<'r>(mut input: Box<dyn Read + 'r>) -> (Form, impl Read + 'r) {
    let mut head = vec![0; HEAD_BYTES];
    let (mut known, mut failed) = (0, None);
    let form = loop {
        let read = head.get(..known).unwrap_or_default();
        if let Some(form) = Form::of(read).filter(|_| known > 0) {
            break form;
        }
        match input.read(head.get_mut(known..).unwrap_or_default()) {
            Ok(0) => break Form::Plain,
            Ok(count) => known += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                failed = Some(error);
                break Form::Plain;
            }
        }
    };
    head.truncate(known);
    (form, Cursor::new(head).chain(FailsOnce(failed)).chain(input))
}

/// An error that was met too early.
struct FailsOnce(Option<io::Error>);

impl Read for FailsOnce {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Makes lines of bytes.
trait Convert {
    /// Room for the next bytes.
    fn space(&mut self) -> &mut [u8];
    /// So many were filled.
    fn filled(&mut self, count: usize);
    /// Writes the next line with its newline; false where more bytes are needed.
    fn next(&mut self, out: &mut Vec<u8>) -> bool;
    /// Writes what is left at the end.
    fn finish(&mut self, out: &mut Vec<u8>);
}

/// Reads through a [`Convert`].
struct Converted<R, C> {
    input: R,
    convert: C,
    out: Vec<u8>,
    /// Bytes of `out` that were handed on.
    taken: usize,
    ended: bool,
}

impl<R: Read, C: Convert> Converted<R, C> {
    const fn new(input: R, convert: C) -> Self {
        Converted { input, convert, out: Vec::new(), taken: 0, ended: false }
    }

    /// Writes lines; nothing is read while there are any to hand on.
    fn more(&mut self) -> io::Result<()> {
        self.out.clear();
        self.taken = 0;
        while self.out.len() < PIECE_BYTES && self.convert.next(&mut self.out) {}
        if self.out.is_empty() {
            match self.input.read(self.convert.space()) {
                Ok(0) => {
                    self.ended = true;
                    self.convert.finish(&mut self.out);
                }
                Ok(count) => self.convert.filled(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read, C: Convert> Read for Converted<R, C> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.out.len() && !self.ended {
            self.more()?;
        }
        let left = self.out.get(self.taken..).unwrap_or_default();
        let count = left.len().min(space.len());
        if let (Some(space), Some(left)) = (space.get_mut(..count), left.get(..count)) {
            space.copy_from_slice(left);
        }
        self.taken += count;
        Ok(count)
    }
}

/// Entries that are one line each.
struct ByLine(Lines, LineBuffer);

impl Convert for ByLine {
    fn space(&mut self) -> &mut [u8] {
        self.1.space()
    }

    fn filled(&mut self, count: usize) {
        self.1.filled(count);
    }

    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(line) = self.1.next() else { return false };
        self.0.write(line.bytes, out);
        out.push(b'\n');
        true
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(line) = self.1.rest() {
            self.0.write(line.bytes, out);
        }
    }
}

/// journalctl's `export`.
struct ByEntry(Export);

impl Convert for ByEntry {
    fn space(&mut self) -> &mut [u8] {
        self.0.space()
    }

    fn filled(&mut self, count: usize) {
        self.0.filled(count);
    }

    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(entry) = self.0.next() else { return false };
        entry.write_line(out);
        out.push(b'\n');
        self.0.give_back(entry);
        true
    }

    /// An entry that is not whole says nothing: its message may be missing, or half.
    fn finish(&mut self, _: &mut Vec<u8>) {}
}

/// journalctl's `verbose`: a line with the cursor, then `    FIELD=value`; what goes on in another
/// line stands deeper.
struct Verbose {
    lines: LineBuffer,
    entry: Option<Entry>,
    field: Vec<u8>,
    value: Vec<u8>,
}

impl Default for Verbose {
    fn default() -> Self {
        let lines = LineBuffer::new(PIECE_BYTES, 0).with_line_max(ENTRY_MAX);
        Verbose { lines, entry: None, field: Vec::new(), value: Vec::new() }
    }
}

/// Writes an entry that is complete.
fn end(entry: &mut Option<Entry>, field: &mut Vec<u8>, value: &[u8], out: &mut Vec<u8>) {
    if let Some(mut entry) = entry.take() {
        entry.set(field, value);
        entry.write_line(out);
        out.push(b'\n');
    }
    field.clear();
}

impl Convert for Verbose {
    fn space(&mut self) -> &mut [u8] {
        self.lines.space()
    }

    fn filled(&mut self, count: usize) {
        self.lines.filled(count);
    }

    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let Verbose { lines, entry, field, value } = self;
        let Some(line) = lines.next() else { return false };
        let line = line.bytes;
        if let Some(cursor) = cursor_of(line) {
            end(entry, field, value, out);
            let mut fresh = Entry::default();
            fresh.received_us =
                str::from_utf8(cursor).ok().and_then(time_of_cursor).unwrap_or_default();
            *entry = Some(fresh);
        } else if let Some(entry) = entry {
            match line.strip_prefix(b"    ") {
                Some(text) if text.first() != Some(&b' ') => {
                    entry.set(field, value);
                    let at = memchr::memchr(b'=', text).unwrap_or(text.len());
                    let (name, rest) = text.split_at(at);
                    *field = name.to_vec();
                    *value = rest.get(1..).unwrap_or_default().to_vec();
                }
                Some(text) if value.len() < VALUE_MAX => {
                    value.push(b'\n');
                    value.extend_from_slice(text.trim_ascii_start());
                }
                _ => {}
            }
        }
        true
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        end(&mut self.entry, &mut self.field, &self.value, out);
    }
}
