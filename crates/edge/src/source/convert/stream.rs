//! A log that is read from beginning to end, entry by entry, as a stream of lines.

use super::ENTRY_MAX;
use super::form::{Form, HEAD_BYTES, SharedSkipped, Teller, cursor_of};
use crate::source::journal::export::{Entry, Export, VALUE_MAX, time_of_cursor};
use crate::source::lines::LineBuffer;
use crate::source::not_read::NotRead;
use std::io::{self, Cursor, Read};
use std::rc::Rc;

/// Bytes read at once, and written before they are handed on.
const PIECE_BYTES: usize = 64 * 1024;

/// Reads `input` as lines, some of which may be entries; what is skipped is counted in `skipped`.
pub(in crate::source) fn converted<'r>(
    input: Box<dyn Read + 'r>,
    skipped: &SharedSkipped,
) -> Result<Box<dyn Read + 'r>, NotRead> {
    let (form, input) = peeked(input)?;
    let skipped = Rc::clone(skipped);
    Ok(match form {
        Form::Lines => Box::new(input),
        Form::Verbose => Box::new(Converted::new(input, Verbose::new(skipped))),
        Form::Export { is_torn } => {
            Box::new(Converted::new(input, ByEntry(Export::of_file(is_torn), skipped)))
        }
    })
}

/// Reads until the form is known, and puts what was read back, with the error behind it, if any.
fn peeked<'r>(mut input: Box<dyn Read + 'r>) -> Result<(Form, impl Read + 'r), NotRead> {
    let mut head = vec![0; HEAD_BYTES];
    let (mut known, mut failed, mut teller) = (0, None, Teller::default());
    let form = loop {
        match input.read(head.get_mut(known..).unwrap_or_default()) {
            Ok(0) => break None,
            Ok(count) => known += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                failed = Some(error);
                break None;
            }
        }
        let form = teller.tell(head.get(..known).unwrap_or_default());
        if form.is_some() || known == head.len() {
            break form;
        }
    };
    head.truncate(known);
    head.shrink_to_fit();
    if let (None, Some(what)) = (form, NotRead::of_no_log(&head)) {
        return Err(what);
    }
    let form = form.unwrap_or(Form::Lines);
    Ok((form, Cursor::new(head).chain(FailsOnce(failed)).chain(input)))
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

/// journalctl's `export`.
struct ByEntry(Export, SharedSkipped);

impl Convert for ByEntry {
    fn space(&mut self) -> &mut [u8] {
        self.0.space()
    }

    fn filled(&mut self, count: usize) {
        self.0.filled(count);
    }

    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let entry = self.0.next();
        self.1.set(self.0.skipped());
        let Some(entry) = entry else { return false };
        entry.write_line(out);
        out.push(b'\n');
        self.0.give_back(entry);
        true
    }

    /// An entry that is not whole says nothing: its message may be missing, or half.
    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(line) = self.0.finish() {
            out.extend_from_slice(&line);
        }
        self.1.set(self.0.skipped());
    }
}

/// journalctl's `verbose`: a line with the cursor, then `    FIELD=value`; what goes on in another
/// line stands deeper. What does not is a line of another log.
struct Verbose {
    lines: LineBuffer,
    skipped: SharedSkipped,
    /// Where a piece that is skipped begins.
    skips_from: Option<u64>,
    entry: Option<Entry>,
    field: Vec<u8>,
    value: Vec<u8>,
}

impl Verbose {
    fn new(skipped: SharedSkipped) -> Self {
        let lines = LineBuffer::new(PIECE_BYTES, 0).with_line_max(ENTRY_MAX);
        let (field, value) = (Vec::new(), Vec::new());
        Verbose { lines, skipped, skips_from: None, entry: None, field, value }
    }

    /// Counts what was skipped up to byte `end`.
    fn skipped_until(&mut self, end: u64) {
        if let Some(from) = self.skips_from.take() {
            let mut skipped = self.skipped.get();
            skipped.add(from, end);
            self.skipped.set(skipped);
        }
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
        let from = self.lines.offset();
        let Verbose { lines, entry, field, value, .. } = self;
        let Some(line) = lines.next() else { return false };
        let line = line.bytes;
        if let Some(cursor) = cursor_of(line) {
            end(entry, field, value, out);
            let mut fresh = Entry::default();
            fresh.received_us =
                str::from_utf8(cursor).ok().and_then(time_of_cursor).unwrap_or_default();
            *entry = Some(fresh);
            self.skipped_until(from);
        } else if let Some(text) = line.strip_prefix(b"    ") {
            let Some(entry) = entry else {
                self.skips_from.get_or_insert(from);
                return true;
            };
            if text.first() != Some(&b' ') {
                entry.set(field, value);
                let at = memchr::memchr(b'=', text).unwrap_or(text.len());
                let (name, rest) = text.split_at(at);
                *field = name.to_vec();
                *value = rest.get(1..).unwrap_or_default().to_vec();
            } else if value.len() < VALUE_MAX {
                value.push(b'\n');
                value.extend_from_slice(text.trim_ascii_start());
            }
        } else if from == 0 && !line.starts_with(b"-- ") {
            // The end of a line of a torn entry, which a stranger may have chosen.
            self.skips_from = Some(from);
        } else if !line.is_empty() && !line.starts_with(b"-- ") {
            end(entry, field, value, out);
            out.extend_from_slice(line);
            out.push(b'\n');
            self.skipped_until(from);
        }
        true
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        end(&mut self.entry, &mut self.field, &self.value, out);
        self.skipped_until(self.lines.read_offset());
        // A last line that is torn is no line, and no field.
        let from = self.lines.offset();
        if self.lines.rest().is_some() {
            self.skips_from = Some(from);
            self.skipped_until(self.lines.offset());
        }
    }
}
