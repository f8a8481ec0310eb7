//! `last message repeated 3 times`: whose message that was.
//!
//! The daemons of BSD, macOS and Solaris write it behind the line that it is about. Where that is
//! the line before, in the same log and of the same host, it is read as rsyslog would have written
//! it: with the whole message (`message repeated 3 times: [ ... ]`). So its event, the journal and
//! a replay have a line that says all. Everywhere else it is noise:
//!
//! - behind a rotation, a restart, a part that was lost, or another line: what stands before it is
//!   told by the offsets of the lines;
//! - in a log of several hosts, and of what other hosts send: lines on their way here may be lost,
//!   and the repeats would count for whoever stood before.

use edge::source::{LINE_MAX, Line};
use parse::{Envelope, Record};

/// What is remembered of one log.
#[derive(Clone, Debug, Default)]
pub struct Repeats {
    /// The latest line that may be repeated.
    last: Vec<u8>,
    /// Where it ended, or the latest repeat of it.
    offset_end: u64,
    /// The host whose log it is; empty until one is met.
    host: Vec<u8>,
    /// Several hosts write to it.
    is_collected: bool,
    /// A repeated line in full.
    full: Vec<u8>,
}

impl Repeats {
    /// Takes note of a line, and makes the full one in [`Repeats::full`] where it repeats the last:
    /// true then.
    #[inline]
    pub fn take(&mut self, line: &Line<'_>, record: &Record<'_>) -> bool {
        // Those daemons know no other stamps. What others sent has a number.
        if record.envelope != Envelope::Rfc3164 || line.writer != 0 || self.is_collected {
            return false;
        }
        if let Some(host) = record.host
            && host.bytes() != self.host
        {
            self.meet(host.bytes());
        }
        if record.repeats_last() {
            return self.repeat(line, record.times());
        }
        // Of a line that is not kept no offset tells.
        if !record.is_foreign() && line.bytes.len() <= WHOLE_MAX {
            self.last.clear();
            self.last.extend_from_slice(line.bytes);
            self.offset_end = line.offset_end;
        }
        false
    }

    /// The line made by the latest [`Repeats::take`].
    pub fn full(&self) -> &[u8] {
        &self.full
    }

    #[cold]
    fn meet(&mut self, host: &[u8]) {
        self.is_collected = !self.host.is_empty();
        self.host.extend_from_slice(host);
    }

    #[cold]
    fn repeat(&mut self, line: &Line<'_>, times: u16) -> bool {
        let is_next =
            |newline: u64| self.offset_end + line.bytes.len() as u64 + newline == line.offset_end;
        // A line may end in CR and LF; an empty one in between is nobody's.
        if self.is_collected || self.last.is_empty() || !(is_next(1) || is_next(2)) {
            return false;
        }
        let Some([stamp, tagged, message]) = parse::in_full(&self.last, line.bytes) else {
            return false;
        };
        self.full.clear();
        self.full.extend_from_slice(stamp);
        self.full.extend_from_slice(tagged);
        let said = format!("message repeated {times} times: [ ");
        self.full.extend_from_slice(if tagged.ends_with(b" ") { b"" } else { b" " });
        self.full.extend_from_slice(said.as_bytes());
        self.full.extend_from_slice(message);
        self.full.push(b']');
        self.offset_end = line.offset_end;
        true
    }
}

/// A line of so many bytes has room for the words that are put in. Those daemons write none that
/// are longer.
const WHOLE_MAX: usize = LINE_MAX / 2;
