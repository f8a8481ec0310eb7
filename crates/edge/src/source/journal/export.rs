//! The journal export format (systemd's "Journal Export Formats"): `FIELD=value` lines, or for a
//! value that holds a newline or is no UTF-8, `FIELD`, a newline, its length as 64 bits little
//! endian, the value, a newline. An empty line ends an entry.

use crate::source::Skipped;
use crate::source::convert::is_field_name;
use event::Timestamp;
use std::io::Write;

/// The fields that are asked for.
pub(in crate::source) const FIELDS: &str = "MESSAGE,_HOSTNAME,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_UID,_COMM,_SOURCE_REALTIME_TIMESTAMP,\
__REALTIME_TIMESTAMP,__CURSOR";

/// Bytes taken in at once.
pub(in crate::source) const PIECE_BYTES: usize = 64 * 1024;
/// A value longer than this is cut; the rest is skipped.
pub(in crate::source) const VALUE_MAX: usize = 64 * 1024;

/// What an entry begins with.
const CURSOR: &[u8] = b"__CURSOR=";
/// No field is longer (journald's own limit is 768 MiB).
const LENGTH_MAX: u64 = 1 << 30;

/// One entry.
#[derive(Default, Debug)]
pub(in crate::source) struct Entry {
    pub(in crate::source) cursor: String,
    /// When journald received it, microseconds since 1970.
    pub(in crate::source) received_us: i64,
    /// When it was sent, as the kernel or the sender's socket says.
    sent_us: Option<i64>,
    /// The user who sent it, as the kernel told journald.
    pub(in crate::source) user: Option<u32>,
    host: Vec<u8>,
    program: Vec<u8>,
    command: Vec<u8>,
    pid: Vec<u8>,
    sender_pid: Vec<u8>,
    message: Vec<u8>,
    /// It is no entry: the message is a line of another log, which stood between two.
    is_line: bool,
}

impl Entry {
    pub(in crate::source) fn clear(&mut self) {
        self.cursor.clear();
        (self.received_us, self.sent_us, self.user) = (0, None, None);
        self.is_line = false;
        let texts = [
            &mut self.host,
            &mut self.program,
            &mut self.command,
            &mut self.pid,
            &mut self.sender_pid,
            &mut self.message,
        ];
        texts.into_iter().for_each(Vec::clear);
    }

    /// Takes in a field; one that is of no use here is passed over.
    pub(in crate::source) fn set(&mut self, field: &[u8], value: &[u8]) {
        let number = || str::from_utf8(value).ok()?.parse::<i64>().ok();
        let text = match field {
            b"__CURSOR" => {
                self.cursor = String::from_utf8_lossy(value).into_owned();
                return;
            }
            b"__REALTIME_TIMESTAMP" => {
                self.received_us = number().unwrap_or_default();
                return;
            }
            b"_SOURCE_REALTIME_TIMESTAMP" => {
                self.sent_us = number();
                return;
            }
            b"_UID" => {
                // A number that cannot be read is nobody's that is known.
                self.user = Some(number().and_then(|uid| uid.try_into().ok()).unwrap_or(u32::MAX));
                return;
            }
            b"_HOSTNAME" => &mut self.host,
            b"SYSLOG_IDENTIFIER" => &mut self.program,
            b"_COMM" => &mut self.command,
            b"_PID" => &mut self.pid,
            b"SYSLOG_PID" => &mut self.sender_pid,
            b"MESSAGE" => &mut self.message,
            _ => return,
        };
        text.clear();
        text.extend_from_slice(value);
    }

    /// Appends it as rsyslog would write it.
    pub(in crate::source) fn write_line(&self, line: &mut Vec<u8>) {
        if self.is_line {
            return line.extend_from_slice(&self.message);
        }
        let at = Timestamp(self.sent_us.unwrap_or(self.received_us)).civil();
        // Writing to a vector cannot fail.
        let _ = write!(
            line,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00 ",
            at.year, at.month, at.day, at.hour, at.minute, at.second, at.micros
        );
        word(line, &self.host, "-");
        line.push(b' ');
        let program = if self.program.is_empty() { &self.command } else { &self.program };
        word(line, program, "-");
        let pid = if self.sender_pid.is_empty() { &self.pid } else { &self.sender_pid };
        if !pid.is_empty() && pid.iter().all(u8::is_ascii_digit) {
            line.push(b'[');
            line.extend_from_slice(pid);
            line.push(b']');
        }
        line.extend_from_slice(b": ");
        escaped(self.message.trim_ascii_end(), false, line);
    }
}

/// Writes control characters as rsyslog does, `#012` for a newline; a tabulator is kept where
/// `keep_tab` says so.
pub(in crate::source) fn escaped(text: &[u8], keep_tab: bool, out: &mut Vec<u8>) {
    for part in text.chunk_by(|one, two| !one.is_ascii_control() && !two.is_ascii_control()) {
        match part {
            [b'\t'] if keep_tab => out.push(b'\t'),
            [control] if control.is_ascii_control() => {
                // Writing to a vector cannot fail.
                let _ = write!(out, "#{control:03o}");
            }
            plain => out.extend_from_slice(plain),
        }
    }
}

/// Writes a host or program name: what would end it early is replaced.
fn word(line: &mut Vec<u8>, word: &[u8], missing: &str) {
    if word.is_empty() {
        line.extend_from_slice(missing.as_bytes());
    }
    line.extend(word.iter().map(|byte| match byte {
        b':' | b'[' | b']' | b' ' => b'_',
        byte if byte.is_ascii_control() => b'_',
        other => *other,
    }));
}

/// The time that a cursor names (`...;t=<hexadecimal microseconds>;...`).
pub(in crate::source) fn time_of_cursor(cursor: &str) -> Option<i64> {
    let time = cursor.split(';').find_map(|field| field.strip_prefix("t="))?;
    i64::from_str_radix(time, 16).ok()
}

/// True where both cursors are of one entry: sequence numbers apart, which are others where
/// journald put an entry into another file.
pub(in crate::source) fn is_same_entry(one: &str, other: &str) -> bool {
    let field = |cursor: &'_ str, name: &str| -> Option<String> {
        cursor.split(';').find_map(|field| field.strip_prefix(name)).map(str::to_owned)
    };
    ["b=", "m=", "t=", "x="].iter().all(|name| field(one, name) == field(other, name))
}

/// Cuts the stream into entries.
#[derive(Debug)]
pub(in crate::source) struct Export {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    state: Expect,
    entry: Entry,
    spare: Option<Entry>,
    name: Vec<u8>,
    value: Vec<u8>,
    /// Where the first of `bytes` stands in the stream.
    bytes_at: u64,
    /// Where an entry began whose end did not come yet, or what is skipped.
    within_from: Option<u64>,
    skipped: Skipped,
    /// Lines that are no entry are handed out as they are.
    keeps_lines: bool,
}

/// What comes next in the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    /// A line: `FIELD=value`, `FIELD`, or nothing.
    Line,
    /// The length of a binary value.
    Length,
    /// So many more bytes of a binary value.
    Value(u64),
    /// The newline behind a binary value.
    Newline,
    /// The rest of a line that was too long.
    Rest,
    /// The next entry behind a torn one; the line before was empty or not. Nothing between is
    /// believed, for a stranger may have chosen it.
    Cursor { behind_blank: bool },
}

impl Export {
    pub(in crate::source) fn new() -> Self {
        Export {
            bytes: vec![0; PIECE_BYTES + VALUE_MAX + 1024],
            start: 0,
            end: 0,
            state: Expect::Line,
            entry: Entry::default(),
            spare: None,
            name: Vec::new(),
            value: Vec::new(),
            bytes_at: 0,
            within_from: None,
            skipped: Skipped::default(),
            keeps_lines: false,
        }
    }

    /// Of a file, which others may have been put together with; `is_torn` where its first entry
    /// has no beginning.
    pub(in crate::source) fn of_file(is_torn: bool) -> Self {
        let mut export = Export { keeps_lines: true, ..Export::new() };
        if is_torn {
            export.is_damaged(0);
        }
        export
    }

    /// What is in no whole entry.
    pub(in crate::source) const fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// At the end of the stream: what is left, where it is a line of another log.
    pub(in crate::source) fn finish(&mut self) -> Option<Vec<u8>> {
        let rest = self.held();
        let is_line = self.keeps_lines
            && self.state == Expect::Line
            && self.within_from.is_none()
            && !rest.is_empty()
            && !rest.starts_with(CURSOR)
            && !is_field_name(field_and_value(rest).0);
        let line = is_line.then(|| rest.to_vec());
        let (at, end) = (self.at(), self.bytes_at + self.end as u64);
        let from = self.within_from.take().unwrap_or(at);
        if !is_line {
            self.skipped.add(from, end);
        }
        self.start = self.end;
        line
    }

    /// Where what comes next stands in the stream.
    const fn at(&self) -> u64 {
        self.bytes_at + self.start as u64
    }

    /// Drops an entry that turned out to be none, and looks for the next.
    fn is_damaged(&mut self, from: u64) {
        self.within_from.get_or_insert(from);
        self.entry.clear();
        self.state = Expect::Cursor { behind_blank: false };
    }

    /// Room for at least [`PIECE_BYTES`].
    pub(in crate::source) fn space(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        self.bytes_at += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    pub(in crate::source) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Takes back an entry, to use its memory again.
    pub(in crate::source) fn give_back(&mut self, entry: Entry) {
        self.spare = Some(entry);
    }

    fn held(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The next whole entry.
    pub(in crate::source) fn next(&mut self) -> Option<Entry> {
        loop {
            match self.state {
                Expect::Line => {
                    if self.line()? {
                        let mut fresh = self.spare.take().unwrap_or_default();
                        fresh.clear();
                        let entry = std::mem::replace(&mut self.entry, fresh);
                        if !entry.cursor.is_empty() || entry.is_line {
                            return Some(entry);
                        }
                    }
                }
                Expect::Length => {
                    let length = *self.held().first_chunk::<8>()?;
                    self.start += 8;
                    self.value.clear();
                    match u64::from_le_bytes(length) {
                        length if length <= LENGTH_MAX => self.state = Expect::Value(length),
                        _ => self.is_damaged(self.at()),
                    }
                }
                Expect::Value(0) => {
                    self.entry.set(&self.name, &self.value);
                    self.state = Expect::Newline;
                }
                Expect::Value(left) => {
                    let held = self.held();
                    let count = held.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if count == 0 {
                        return None;
                    }
                    let room = VALUE_MAX.saturating_sub(self.value.len()).min(count);
                    let from = self.start;
                    let kept = self.bytes.get(from..from + room).unwrap_or_default();
                    self.value.extend_from_slice(kept);
                    self.start += count;
                    self.state = Expect::Value(left - count as u64);
                }
                Expect::Newline => match self.held().first()? {
                    b'\n' => {
                        self.start += 1;
                        self.state = Expect::Line;
                    }
                    _ => self.is_damaged(self.at()),
                },
                Expect::Cursor { behind_blank } => self.look_for_cursor(behind_blank)?,
                Expect::Rest => match memchr::memchr(b'\n', self.held()) {
                    Some(at) => {
                        self.start += at + 1;
                        self.state = Expect::Line;
                    }
                    None => {
                        self.start = self.end;
                        return None;
                    }
                },
            }
        }
    }

    /// Skips a line that is in no whole entry, unless an entry begins there.
    fn look_for_cursor(&mut self, behind_blank: bool) -> Option<()> {
        let held = self.held();
        let Some(length) = memchr::memchr(b'\n', held) else {
            if held.len() > VALUE_MAX {
                self.start = self.end;
                self.state = Expect::Cursor { behind_blank: false };
            }
            return None;
        };
        if behind_blank && held.starts_with(CURSOR) {
            let at = self.at();
            let from = self.within_from.take().unwrap_or(at);
            self.skipped.add(from, at);
            self.state = Expect::Line;
            return Some(());
        }
        self.start += length + 1;
        self.state = Expect::Cursor { behind_blank: length == 0 };
        Some(())
    }

    /// Reads one line; true where it ends the entry, or is a line of another log.
    fn line(&mut self) -> Option<bool> {
        let at = self.at();
        let held = self.bytes.get(self.start..self.end).unwrap_or_default();
        let newline = memchr::memchr(b'\n', held);
        if newline.is_none() && held.len() <= VALUE_MAX {
            return None;
        }
        let (line, _) = held.split_at_checked(newline.unwrap_or(held.len()))?;
        let (field, value) = field_and_value(line);
        let is_cursor = field == b"__CURSOR" && value.is_some();
        if line.is_empty() {
            self.start += 1;
            self.within_from = None;
            return Some(true);
        }
        if self.within_from.is_none() && !is_field_name(field) {
            self.entry.clear();
            self.entry.message.extend_from_slice(line);
            self.entry.is_line = self.keeps_lines;
            self.behind_line(newline);
            return Some(self.keeps_lines);
        }
        if is_cursor {
            // Of the entry before, the end is torn off: it says nothing.
            let from = self.within_from.replace(at).unwrap_or(at);
            self.skipped.add(from, at);
            self.entry.clear();
        } else if self.within_from.is_none() || !is_field_name(field) {
            self.is_damaged(at);
            return Some(false);
        }
        match value {
            Some(value) => {
                self.entry.set(field, value);
                self.behind_line(newline);
            }
            None => {
                self.name.clear();
                self.name.extend_from_slice(field);
                self.behind_line(newline);
                self.state = Expect::Length;
            }
        }
        Some(false)
    }

    /// Goes behind a line, or to the rest of one that is too long.
    fn behind_line(&mut self, newline: Option<usize>) {
        match newline {
            Some(length) => self.start += length + 1,
            None => {
                self.start = self.end;
                self.state = Expect::Rest;
            }
        }
    }
}

fn field_and_value(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', line) {
        Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..)),
        None => (line, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(stream: &[u8], piece: usize) -> Vec<String> {
        let mut export = Export::new();
        let mut lines = Vec::new();
        let mut line = Vec::new();
        for part in stream.chunks(piece) {
            export.space()[..part.len()].copy_from_slice(part);
            export.filled(part.len());
            while let Some(entry) = export.next() {
                line.clear();
                entry.write_line(&mut line);
                lines.push(String::from_utf8_lossy(&line).into_owned());
                export.give_back(entry);
            }
        }
        lines
    }

    #[test]
    fn entries_become_lines_in_whatever_pieces_they_come() {
        let mut stream = b"__CURSOR=s=a;t=1\n__REALTIME_TIMESTAMP=1795276930123456\n_HOSTNAME=mx\n\
SYSLOG_IDENTIFIER=postfix/smtpd\n_PID=7\nMESSAGE=connect from unknown[192.0.2.1]\n\n\
__CURSOR=s=b;t=2\n__REALTIME_TIMESTAMP=1795276930123457\n_SOURCE_REALTIME_TIMESTAMP=1795276930000001\n\
_COMM=dovecot: x[1]\nMESSAGE\n"
            .to_vec();
        let message = b"one\nNov 21 00:00:00 two\xff";
        stream.extend_from_slice(&(message.len() as u64).to_le_bytes());
        stream.extend_from_slice(message);
        stream.extend_from_slice(b"\n\n");
        let expected = [
            "2026-11-21T16:02:10.123456+00:00 mx postfix/smtpd[7]: connect from unknown[192.0.2.1]",
            "2026-11-21T16:02:10.000001+00:00 - dovecot__x_1_: one#012Nov 21 00:00:00 two\u{fffd}",
        ];
        for piece in [1, 7, 8, 9, 64, 1000] {
            assert_eq!(entries(&stream, piece), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn a_value_of_a_megabyte_is_cut() {
        let mut stream = b"__CURSOR=s=a\nMESSAGE=".to_vec();
        stream.extend(std::iter::repeat_n(b'x', 1 << 20));
        stream.extend_from_slice(b"\n_PID=3\n\n__CURSOR=s=b\nMESSAGE=next\n\n");
        let lines = entries(&stream, 4096);
        assert!(lines[0].contains("[3]: xxx") && lines[0].len() < 80_000);
        assert!(lines[1].ends_with(": next"));
    }

    #[test]
    fn an_entry_in_another_file_is_the_same() {
        let cursor = "s=1;i=2;b=3;m=4;t=10;x=5";
        assert!(is_same_entry(cursor, "s=9;i=9;b=3;m=4;t=10;x=5"));
        for other in ["s=1;i=2;b=9;m=4;t=10;x=5", "s=1;i=2;b=3;m=4;t=10;x=9", "s=1;i=2", ""] {
            assert!(!is_same_entry(cursor, other), "{other}");
        }
    }

    #[test]
    fn cursors_tell_their_time() {
        assert_eq!(time_of_cursor("s=1;i=2;b=3;m=4;t=10;x=5"), Some(16));
        assert_eq!(time_of_cursor("nonsense"), None);
    }
}
