//! Logs whose entries are no lines of text: JSON of Docker and of journalctl, journalctl's `export`
//! and `verbose`, and what container runtimes cut in parts. Each entry becomes one line that the
//! parsers read, and that the live sources write alike:
//!
//! - of the journal, `2026-11-21T16:02:10.123456+00:00 host program[pid]: message`;
//! - of a container, `2026-11-21T16:02:10.123456789Z stdout F line`.
//!
//! A log's form is told by its beginning. Nothing that an entry holds can make a second line:
//! control characters are written as rsyslog writes them, `#012` for a newline.

mod json;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use stream::converted;

use self::json::Value;
use super::journal::export::{Entry, VALUE_MAX, escaped};
use super::{LINE_MAX, Line};

/// Bytes of one entry in JSON that are read; Docker cuts lines at 16 KiB, which are six times that
/// where all of it is escaped.
pub(super) const ENTRY_MAX: usize = 128 * 1024;
/// Bytes that tell a form.
pub(super) const HEAD_BYTES: usize = 256;

/// The form of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Lines, to be read as they are.
    Plain,
    /// A JSON object a line.
    Json,
    /// `2026-11-21T16:02:10.123456789Z stdout F line`.
    Container,
    /// journalctl's `export`.
    Export,
    /// journalctl's `verbose`.
    Verbose,
}

impl Form {
    /// By its first bytes; `None` where more must be known.
    pub(super) fn of(head: &[u8]) -> Option<Form> {
        if head.starts_with(b"{\"") {
            return Some(Form::Json);
        }
        if head.starts_with(b"__CURSOR=") {
            return Some(Form::Export);
        }
        let whole = head.len() >= HEAD_BYTES || head.contains(&b'\n');
        let mut lines = head.split(|byte| *byte == b'\n');
        // Older ones begin with `-- Journal begins at ...`.
        let line = lines.find(|line| !line.starts_with(b"-- ")).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match () {
            () if part_of(line).is_some() => Some(Form::Container),
            () if cursor_of(line).is_some() => Some(Form::Verbose),
            () => whole.then_some(Form::Plain),
        }
    }

    /// True where each line is one entry.
    pub(super) const fn is_by_line(self) -> bool {
        matches!(self, Form::Json | Form::Container)
    }
}

/// Writes entries that are one line each.
#[derive(Default, Debug)]
pub(crate) struct Lines {
    /// The stamp of the latest container's line.
    stamp: Vec<u8>,
    /// The latest line of standard output, and of standard error, goes on in the next entry.
    open: [bool; 2],
    entry: Entry,
    value: Vec<u8>,
    text: Vec<u8>,
}

/// What is of interest in a JSON object.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    log: Option<(&'a [u8], bool)>,
    stream: Option<&'a [u8]>,
    time: Option<&'a [u8]>,
    is_journal: bool,
}

impl Lines {
    /// The line that is written for an entry.
    pub(super) fn convert<'a>(&'a mut self, line: &Line<'_>) -> Line<'a> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        self.write(line.bytes, &mut text);
        self.text = text;
        let cut = line.cut || self.text.len() > LINE_MAX;
        let bytes = self.text.get(..self.text.len().min(LINE_MAX)).unwrap_or_default();
        Line { bytes, cut, offset_end: line.offset_end, writer: line.writer }
    }

    /// Writes the line for an entry, without a newline. What is no entry is written as it is.
    pub(super) fn write(&mut self, line: &[u8], out: &mut Vec<u8>) {
        if line.first() == Some(&b'{') {
            let found = self.read(line);
            if let Some((log, whole)) = found.log {
                return self.docker(line, log, whole, &found, out);
            }
            if found.is_journal {
                return self.entry.write_line(out);
            }
        } else if let Some((stream, is_part)) = part_of(line) {
            return self.part(stream, is_part, line, out);
        }
        out.extend_from_slice(line);
    }

    /// Reads an object; what it says as an entry of the journal is in `entry` then.
    fn read<'a>(&mut self, line: &'a [u8]) -> Found<'a> {
        let mut found = Found::default();
        let mut has_message = false;
        let mut has_time = false;
        self.entry.clear();
        for (key, value) in json::members(line) {
            match (key, value) {
                (b"log", Value::Text(text, whole)) => found.log = Some((text, whole)),
                (b"stream", Value::Text(text, true)) => found.stream = Some(text),
                (b"time", Value::Text(text, true)) => found.time = Some(text),
                (b"log" | b"stream" | b"time", _) => {}
                (key, value) => {
                    self.value.clear();
                    match value {
                        Value::Text(text, _) => json::unescape(text, VALUE_MAX, &mut self.value),
                        Value::Other(other) => json::array(other, VALUE_MAX, &mut self.value),
                    }
                    has_message |= key == b"MESSAGE";
                    has_time |= key == b"__REALTIME_TIMESTAMP";
                    self.entry.set(key, &self.value);
                }
            }
        }
        found.is_journal = has_message && has_time;
        found
    }

    /// A line of Docker's json-file: `{"log":"...\n","stream":"stdout","time":"..."}`.
    fn docker(
        &mut self,
        line: &[u8],
        log: &[u8],
        whole: bool,
        found: &Found<'_>,
        out: &mut Vec<u8>,
    ) {
        let stamp = found.time.filter(|time| is_stamp(time));
        match stamp {
            Some(stamp) => {
                self.stamp.clear();
                self.stamp.extend_from_slice(stamp);
            }
            // An entry that was cut before its time has the time of the one before.
            None if whole || self.stamp.is_empty() => return out.extend_from_slice(line),
            None => {}
        }
        self.value.clear();
        json::unescape(log, VALUE_MAX, &mut self.value);
        let ends = self.value.strip_suffix(b"\n");
        let is_part = whole && ends.is_none();
        let stream = usize::from(found.stream == Some(b"stderr"));
        let goes_on =
            self.open.get_mut(stream).is_some_and(|open| std::mem::replace(open, is_part));
        if goes_on {
            return;
        }
        let text = ends.unwrap_or(&self.value);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        out.extend_from_slice(&self.stamp);
        out.extend_from_slice(if stream == 0 { b" stdout " } else { b" stderr " });
        out.extend_from_slice(if is_part { b"P " } else { b"F " });
        escaped(text, true, out);
    }

    /// A line of a container runtime. The rest of a line that was cut in parts is dropped, for
    /// nothing tells it from a line that a stranger wrote; an empty line stands for it.
    fn part(&mut self, stream: usize, is_part: bool, line: &[u8], out: &mut Vec<u8>) {
        let open = self.open.get_mut(stream);
        if !open.is_some_and(|open| std::mem::replace(open, is_part)) {
            out.extend_from_slice(line);
        }
    }
}

/// Of a line of a container runtime, the stream (0 is standard output), and whether it goes on in
/// the next.
fn part_of(line: &[u8]) -> Option<(usize, bool)> {
    let head = line.get(..STAMP_MAX + 1).unwrap_or(line);
    let (stamp, rest) = line.split_at_checked(memchr::memchr(b' ', head)?)?;
    if !is_stamp(stamp) {
        return None;
    }
    let (stream, rest) = match rest.split_at_checked(8)? {
        (b" stdout ", rest) => (0, rest),
        (b" stderr ", rest) => (1, rest),
        _ => return None,
    };
    match rest {
        [b'F', b' ', ..] => Some((stream, false)),
        [b'P', b' ', ..] => Some((stream, true)),
        _ => None,
    }
}

/// `2026-11-21T16:02:10.123456789+01:00` is the longest.
const STAMP_MAX: usize = 35;

/// True for what can be a stamp, so that it is the first word of a line whatever it says.
fn is_stamp(bytes: &[u8]) -> bool {
    let fine = |byte: &u8| byte.is_ascii_digit() || b"-:.TZ+".contains(byte);
    (20..=STAMP_MAX).contains(&bytes.len())
        && bytes.get(10) == Some(&b'T')
        && bytes.iter().all(fine)
}

/// The cursor of an entry's first line in journalctl's `verbose`.
fn cursor_of(line: &[u8]) -> Option<&[u8]> {
    let weekdays = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    if !weekdays.iter().any(|day| line.starts_with(*day)) {
        return None;
    }
    let at = memchr::memmem::find(line, b" [s=")?;
    line.get(at + 2..)?.strip_suffix(b"]")
}
