//! Which form a log has that is read from its beginning to its end.

use crate::source::lines::ended;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// Bytes that tell a form. Most logs do so in their first line.
pub(super) const HEAD_BYTES: usize = 64 * 1024;

/// The form of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Lines, some of which may be entries.
    Lines,
    /// journalctl's `export`; or one whose first entry is torn.
    Export { is_torn: bool },
    /// journalctl's `verbose`.
    Verbose,
}

/// Looks for the form in the first lines: the first that is a log's line, or the beginning of an
/// entry, tells it. So what a stranger wrote into a log tells nothing, for it stands behind what
/// the log's writer wrote in front of it; and a torn entry in front hides nothing.
#[derive(Default)]
pub(super) struct Teller {
    /// Where the first line begins that was not looked at.
    at: usize,
    /// The line before was empty.
    behind_blank: bool,
}

impl Teller {
    /// By the first bytes, which may be more at the next call; `None` where nothing tells.
    pub(super) fn tell(&mut self, head: &[u8]) -> Option<Form> {
        loop {
            let rest = head.get(self.at..)?;
            let length = memchr::memchr(b'\n', rest);
            let line = rest.get(..length.unwrap_or(rest.len()))?;
            if line.starts_with(b"__CURSOR=") && (self.at == 0 || self.behind_blank) {
                return Some(Form::Export { is_torn: self.at > 0 });
            }
            let length = length?;
            let line = ended(line);
            if cursor_of(line).is_some() {
                return Some(Form::Verbose);
            }
            if is_front(line) {
                return Some(Form::Lines);
            }
            self.behind_blank = line.is_empty();
            self.at += length + 1;
        }
    }
}

/// Bytes in which a log's line has its time, a container's name in front of it included.
const FRONT_BYTES: usize = 96;

/// True for the beginning of a log's line: an object, or one with a time of day or a stamp.
fn is_front(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if line.starts_with(b"{\"") || line.starts_with(b"@4000") {
        return true;
    }
    // Older ones of journalctl begin with `-- Journal begins at ...`; its fields hold times, too.
    if line.starts_with(b"-- ") || is_field(line.trim_ascii_start()) || ends_like_cursor(line) {
        return false;
    }
    // Of a torn `SYSLOG_TIMESTAMP=Nov 21 16:02:10 ` nothing stands behind the time.
    let head = line.trim_ascii_end();
    let head = head.get(..head.len().saturating_sub(1).min(FRONT_BYTES)).unwrap_or(head);
    let is_clock = |eight: &[u8]| {
        eight.iter().zip(b"00:00:00").all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            literal => byte == literal,
        })
    };
    head.windows(8).any(is_clock) || is_unix(line)
}

/// `1795282302.887933 `
fn is_unix(line: &[u8]) -> bool {
    let Some((stamp, [b' ', ..])) = line.split_at_checked(17) else { return false };
    let is_fine =
        |(at, byte): (usize, &u8)| if at == 10 { *byte == b'.' } else { byte.is_ascii_digit() };
    stamp.iter().enumerate().all(is_fine)
}

/// `FIELD=value`, as the journal names its fields.
fn is_field(line: &[u8]) -> bool {
    memchr::memchr(b'=', line).and_then(|at| line.get(..at)).is_some_and(is_field_name)
}

/// True for a name that a field of the journal may have.
pub(in crate::source) fn is_field_name(name: &[u8]) -> bool {
    let fine = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    (1..=64).contains(&name.len()) && name.iter().all(fine)
}

/// The cursor of an entry's first line in journalctl's `verbose`.
pub(super) fn cursor_of(line: &[u8]) -> Option<&[u8]> {
    let weekdays = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    if !weekdays.iter().any(|day| line.starts_with(*day)) {
        return None;
    }
    let at = memchr::memmem::find(line, b" [s=")?;
    line.get(at + 2..)?.strip_suffix(b"]")
}

/// True for such a line, its front torn off.
fn ends_like_cursor(line: &[u8]) -> bool {
    line.ends_with(b"]") && memchr::memmem::find(line, b" [s=").is_some()
}

/// What of a log in journalctl's `export` or `verbose` is in no entry that is whole.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Skipped {
    /// How many pieces.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Where the first begins in the unpacked log.
    pub first_at: u64,
}

impl Skipped {
    /// Counts a piece from byte `at` up to `end`.
    pub(in crate::source) fn add(&mut self, at: u64, end: u64) {
        if end > at {
            self.first_at = if self.pieces == 0 { at } else { self.first_at };
            self.pieces += 1;
            self.bytes += end - at;
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Skipped { pieces, bytes, first_at } = self;
        let words = match pieces {
            1 => "piece that is",
            _ => "pieces that are",
        };
        write!(out, "{pieces} {words} no whole entry, {bytes} bytes, the first at byte {first_at}")
    }
}

/// The same, where who reads and who is asked are two.
pub(in crate::source) type SharedSkipped = Rc<Cell<Skipped>>;
