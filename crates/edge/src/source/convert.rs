//! Logs whose entries are no lines of text: JSON of Docker and of journalctl, journalctl's `export`
//! and `verbose`, and what container runtimes cut in parts. Each entry becomes one line that the
//! parsers read, and that the live sources write alike:
//!
//! - of the journal, `2026-11-21T16:02:10.123456+00:00 host program[pid]: message`;
//! - of a container, `2026-11-21T16:02:10.123456789Z stdout F line`.
//!
//! Each line is judged by itself, for a log may be torn or put together; journalctl's `export` and
//! `verbose` are told by the beginning of a log. Nothing that an entry holds can make a second
//! line: control characters are written as rsyslog writes them, `#012` for a newline. A stranger
//! who can write a line of his own into a log gains nothing by writing it as an entry: the line
//! that is made of it is believed as it would be had he written that.

mod form;
mod json;
mod stream;
#[cfg(test)]
mod tests;

pub use form::Skipped;
pub(super) use form::is_field_name;
pub(super) use stream::converted;

use self::json::Value;
use super::journal::export::{Entry, VALUE_MAX, escaped};
use super::{LINE_MAX, Line};

/// Bytes of one entry in JSON that are read; Docker cuts lines at 16 KiB, which are six times that
/// where all of it is escaped.
pub(super) const ENTRY_MAX: usize = 128 * 1024;

/// True for a line that may be an entry, so that [`Lines::read`] looks at it, by what costs least.
/// Lines of syslog are none: those with a digit in front have a host behind a stamp of 32 bytes.
#[inline]
pub(super) fn has_entry_front(line: &[u8]) -> bool {
    match line.first() {
        Some(b'{' | 0 | 0xef) => true,
        Some(b'0'..=b'9') => {
            line.get(10) == Some(&b'T')
                && (line.get(32) != Some(&b' ') || line.get(33) == Some(&b's'))
        }
        _ => false,
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
    /// The lines of these streams that go on are those of another log, which ended.
    pub(super) const fn go_on(&mut self, other: &Lines) {
        self.open = other.open;
    }

    /// The line itself, or that which is written for an entry.
    #[inline]
    pub(super) fn read<'a>(&'a mut self, line: Line<'a>) -> Line<'a> {
        if has_entry_front(line.bytes) { self.convert(&line) } else { line }
    }

    /// The line that is written for an entry.
    #[cold]
    fn convert<'a>(&'a mut self, line: &Line<'_>) -> Line<'a> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        self.write(line.bytes, &mut text);
        self.text = text;
        let cut = line.cut || self.text.len() > LINE_MAX;
        let bytes = self.text.get(..self.text.len().min(LINE_MAX)).unwrap_or_default();
        Line { bytes, cut, offset_end: line.offset_end, writer: line.writer }
    }

    /// Writes the line for an entry, without a newline. What is no entry is written as it is, but
    /// for a mark of UTF-8 or a hole (of a machine that lost its power) in front.
    fn write(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let hole = line.iter().take_while(|byte| **byte == 0).count();
        let line = line.get(hole..).unwrap_or_default();
        if line.first() == Some(&b'{') {
            let (line, found) = self.read_whole(line);
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

    /// Reads an object, or the last of several in one line: Docker, when it was killed, leaves the
    /// beginning of an entry without a newline. Quotes within an entry are escaped, so that nothing
    /// in it looks like a second one.
    fn read_whole<'a>(&mut self, line: &'a [u8]) -> (&'a [u8], Found<'a>) {
        const FRONT: &[u8] = b"{\"log\":\"";
        let found = self.members(line);
        let torn = found.time.is_none() && line.starts_with(FRONT);
        let second = memchr::memmem::rfind(line, FRONT).filter(|at| torn && *at > 0);
        match second.and_then(|at| line.get(at..)) {
            Some(line) => (line, self.members(line)),
            None => (line, found),
        }
    }

    /// Reads an object; what it says as an entry of the journal is in `entry` then.
    fn members<'a>(&mut self, line: &'a [u8]) -> Found<'a> {
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
