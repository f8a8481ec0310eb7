//! The lines of one log, one after another. Most begin as the line before: the same second, the
//! same host, one of a few programs. What was read of those once is compared, and not read again.

use crate::record::{self, Envelope, LocalStamp, Record, Stamp};
use crate::{PARSERS, WHOLE_MAX, scan};
use event::{Text, Timestamp};

/// Cuts lines as [`crate::frame`] does, faster where they repeat each other. For one log; what it
/// remembers never changes what a line says.
#[derive(Clone, Debug)]
pub struct Framer {
    front: Front,
    programs: [Program; PROGRAMS],
}

/// Programs remembered; a power of two.
const PROGRAMS: usize = 1 << PROGRAM_BITS;
const PROGRAM_BITS: u32 = 6;

/// How the lines begin.
#[derive(Clone, Copy, Debug)]
enum Front {
    /// Nothing was seen that can be compared.
    Unknown,
    /// `2026-11-21T16:02:10.123456+00:00 host `: all but seconds and fraction are compared.
    Precise { words: [u64; 4], minute: Timestamp, host: Prefix },
    /// `Nov 21 16:02:10 host `: all but the seconds are compared.
    Traditional { words: [u64; 2], minute: LocalStamp, host: Prefix },
}

/// Where the host begins.
const PRECISE: usize = 33;
const TRADITIONAL: usize = 16;

/// A few bytes to compare, with what is behind them masked out.
#[derive(Clone, Copy, Debug)]
struct Prefix {
    words: [u64; 2],
    masks: [u64; 2],
    length: usize,
}

/// A program and its `[`.
#[derive(Clone, Copy, Debug)]
struct Program {
    words: [u64; 4],
    masks: [u64; 4],
    /// Without the `[`; 0 for none.
    length: usize,
    owner: Owner,
}

/// Which row of [`PARSERS`] a program's lines are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// Nobody asked yet.
    Unasked,
    /// No row.
    Nobody,
    /// No row: the line says that the one before it was repeated.
    Last,
    /// The row at this place.
    Row(u8),
}

impl Default for Framer {
    fn default() -> Self {
        Framer::new()
    }
}

impl Framer {
    /// Remembers nothing yet.
    pub const fn new() -> Self {
        let none = Program { words: [0; 4], masks: [0; 4], length: 0, owner: Owner::Unasked };
        Framer { front: Front::Unknown, programs: [none; PROGRAMS] }
    }

    /// What [`crate::frame`] makes of the line.
    #[inline(always)] // a record is large to return
    pub fn frame<'a>(&mut self, line: &'a [u8]) -> Option<Record<'a>> {
        match self.repeated(line) {
            Some(record) => Some(record),
            None => self.anew(line),
        }
    }

    /// A line all of whose envelope was seen before.
    #[inline(always)]
    fn repeated<'a>(&self, line: &'a [u8]) -> Option<Record<'a>> {
        let (stamp, start, length, envelope) = match &self.front {
            Front::Precise { words, minute, host } => {
                let at = Timestamp(minute.0 + i64::from(within_minute(line, words)?));
                (Stamp::Utc(at), PRECISE, host.at(line, PRECISE)?, Envelope::Rfc3339)
            }
            Front::Traditional { words, minute, host } => {
                let second = second(line, words)?;
                let stamp = Stamp::Local(LocalStamp { second, ..*minute });
                (stamp, TRADITIONAL, host.at(line, TRADITIONAL)?, Envelope::Rfc3164)
            }
            Front::Unknown => return None,
        };
        let tagged = line.get(start + length + 1..)?;
        let known = self.programs.get(slot(tagged)?)?.at(tagged)?;
        let digits = tagged.get(known.length + 1..)?;
        let (pid, count) = scan::leading_number(digits)?;
        let [b']', b':', message @ ..] = digits.get(count..)? else { return None };
        // Solaris writes more of the envelope there, and rsyslog how often the message came.
        if let [b' ', b'[', b'I', b'D', ..] | [b' ', b'm', b'e', b's', b's', b'a', b'g', b'e', ..] =
            message
        {
            return None;
        }
        Some(Record {
            stamp,
            host: Some(Text(line.get(start..start + length)?)),
            program: Text(tagged.get(..known.length)?),
            pid: Some(pid),
            message: message.strip_prefix(b" ").unwrap_or(message),
            envelope,
            owner: known.owner,
            is_long: line.len() >= WHOLE_MAX,
            times: 1,
        })
    }

    #[inline(never)]
    fn anew<'a>(&mut self, line: &'a [u8]) -> Option<Record<'a>> {
        let mut record = record::frame(line)?;
        if let Some((front, start)) = front(line, &record) {
            self.front = front;
            let tagged = line.get(start..).unwrap_or_default();
            if let Some(slot) = slot(tagged).and_then(|slot| self.programs.get_mut(slot))
                && let Some(program) = Program::of(&record, tagged)
            {
                record.owner = program.owner;
                *slot = program;
            }
        }
        Some(record)
    }
}

/// What the next line may repeat of this one, and where the program stands.
fn front(line: &[u8], record: &Record<'_>) -> Option<(Front, usize)> {
    let host = record.host?.bytes();
    let start = match record.envelope {
        Envelope::Rfc3339 => PRECISE,
        Envelope::Rfc3164 => TRADITIONAL,
        _ => return None,
    };
    let host = Prefix::of(host).filter(|prefix| prefix.at(line, start).is_some())?;
    let head = line.first_chunk::<32>()?.as_chunks::<8>().0;
    let words = |place: usize| head.get(place).map_or(0, |word| u64::from_le_bytes(*word));
    let front = match record.stamp {
        Stamp::Utc(at) if start == PRECISE => {
            let words = [words(0), words(1), words(2), words(3)];
            let minute = Timestamp(at.0 - i64::from(within_minute(line, &words)?));
            Front::Precise { words, minute, host }
        }
        // A stamp of another length would not have the host there.
        Stamp::Local(stamp @ LocalStamp { year: None, .. }) if start == TRADITIONAL => {
            let words = [words(0), words(1)];
            second(line, &words)?;
            Front::Traditional { words, minute: stamp, host }
        }
        _ => return None,
    };
    Some((front, start + host.length + 1))
}

/// The microseconds since the minute began, of a line that begins as `words` do but for these:
/// `2026-11-`, `21T16:02`, `:10.1234`, `56+00:00`, and a space.
#[inline]
fn within_minute(line: &[u8], words: &[u64; 4]) -> Option<u32> {
    let [head @ .., b' '] = line.first_chunk::<PRECISE>()? else { return None };
    let head = head.as_chunks::<8>().0.first_chunk::<4>()?;
    let [a, b, c, d] = head.map(u64::from_le_bytes);
    let others = (c ^ words[2]) & 0xff00_00ff | (d ^ words[3]) >> 16;
    if (a ^ words[0]) | (b ^ words[1]) | others != 0 {
        return None;
    }
    let second = two_digits((c >> 8) as u16)?;
    // The six digits, behind two that are 0.
    let micros = scan::eight_digits(((c >> 32 | d << 32) << 16) ^ 0x3030_3030_3030_0000)?;
    Some(u32::from(second) * 1_000_000 + micros)
}

/// The second of a line that begins as `words` do but for this: `Nov 21 1`, `6:02:10 `.
#[inline]
fn second(line: &[u8], words: &[u64; 2]) -> Option<u8> {
    let head = line.first_chunk::<16>()?.as_chunks::<8>().0.first_chunk::<2>()?;
    let [a, b] = head.map(u64::from_le_bytes);
    if (a ^ words[0]) | (b ^ words[1]) & !0x00ff_ff00_0000_0000 != 0 {
        return None;
    }
    two_digits((b >> 40) as u16)
}

/// Two digits of a second, the first lowest. A leap second is left to the long way.
#[inline]
fn two_digits(digits: u16) -> Option<u8> {
    let [tens, ones] = (digits ^ 0x3030).to_le_bytes();
    (tens < 6 && ones < 10).then(|| tens * 10 + ones)
}

impl Prefix {
    /// A host and the space behind it. `None` for one that could be something else.
    fn of(host: &[u8]) -> Option<Prefix> {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || host.len() > 15 || !host.iter().all(plain) {
            return None;
        }
        let (words, masks) = masked(host, b' ');
        Some(Prefix { words, masks, length: host.len() })
    }

    /// Its length, if it stands there.
    #[inline]
    fn at(&self, line: &[u8], start: usize) -> Option<usize> {
        let words = line.get(start..)?.first_chunk::<16>()?.as_chunks::<8>().0.first_chunk()?;
        same(&words.map(u64::from_le_bytes), &self.words, &self.masks).then_some(self.length)
    }
}

impl Program {
    /// The program of a record, which stands at the front of `tagged`.
    fn of(record: &Record<'_>, tagged: &[u8]) -> Option<Program> {
        let name = record.program.bytes();
        if name.len() > 31 || tagged.get(name.len()) != Some(&b'[') || !tagged.starts_with(name) {
            return None;
        }
        let owner = PARSERS.iter().position(|parser| (parser.owns)(record));
        let owner = owner.and_then(|row| u8::try_from(row).ok()).map_or(Owner::Nobody, Owner::Row);
        let (words, masks) = masked(name, b'[');
        Some(Program { words, masks, length: name.len(), owner })
    }

    /// Itself, if it stands at the front.
    #[inline]
    fn at(&self, tagged: &[u8]) -> Option<&Self> {
        let words = tagged.first_chunk::<32>()?.as_chunks::<8>().0.first_chunk()?;
        let same = same(&words.map(u64::from_le_bytes), &self.words, &self.masks);
        (same && self.length > 0).then_some(self)
    }
}

/// Where a program is remembered: by five bytes that tell the usual ones apart.
#[inline]
fn slot(tagged: &[u8]) -> Option<usize> {
    let [first, second] = *tagged.first_chunk::<16>()?.as_chunks::<8>().0.first_chunk()?;
    let key = if first == *b"postfix/" { second } else { first };
    let key = u64::from_le_bytes(key) << 24;
    // Under this number the daemons of mail servers have places of their own.
    Some((key.wrapping_mul(0x6f44_4b36_0ecf_d8d1) >> (64 - PROGRAM_BITS)) as usize)
}

/// The bytes and one more, as words; and which of their bits count.
fn masked<const N: usize>(bytes: &[u8], end: u8) -> ([u64; N], [u64; N]) {
    let (mut words, mut masks) = ([0; N], [0; N]);
    for (at, byte) in bytes.iter().chain([&end]).enumerate() {
        if let (Some(word), Some(mask)) = (words.get_mut(at / 8), masks.get_mut(at / 8)) {
            *word |= u64::from(*byte) << (8 * (at % 8));
            *mask |= 0xff << (8 * (at % 8));
        }
    }
    (words, masks)
}

#[inline]
fn same<const N: usize>(found: &[u64; N], words: &[u64; N], masks: &[u64; N]) -> bool {
    let all = found.iter().zip(words).zip(masks);
    all.fold(0, |differ, ((found, word), mask)| differ | (found ^ word) & mask) == 0
}

#[cfg(test)]
mod tests;
