//! The envelope of a line: who wrote it, when, where.
//!
//! Everything is read from the front, at fixed places, before the first byte that a stranger may
//! have chosen: the message can hold anything and never moves the envelope.

mod container;
mod own;
pub(crate) mod repeated;
mod stamp;
pub(crate) mod tai64n;
#[cfg(test)]
mod tests;

use crate::framer::Owner;
use crate::{PARSERS, WHOLE_MAX, scan};
use event::{Text, Timestamp};

/// A line, cut into its parts. Borrows from the line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Record<'a> {
    /// When it was written, as far as the line tells.
    pub stamp: Stamp,
    /// The host that wrote it.
    pub host: Option<Text<'a>>,
    /// The program: `postfix/submission/smtpd`, `dovecot`, `imap-login`, `exim`. In Dovecot's own
    /// files all that stands before the level word: `auth-worker(658)`, `imap(bob)<655><session>`.
    pub program: Text<'a>,
    /// Its process id.
    pub pid: Option<u32>,
    /// The rest of the line. A line longer than the source's cap was cut there, so it may end
    /// anywhere.
    pub message: &'a [u8],
    /// How the line was framed.
    pub envelope: Envelope,
    /// Whose line it is, where that is known already.
    pub(crate) owner: Owner,
    /// Its line is so long that it may have been cut.
    pub(crate) is_long: bool,
    /// How often the message came, as the line says.
    pub(crate) times: u16,
}

impl<'a> Record<'a> {
    /// A record without host and process, as files have that a mail server writes itself.
    pub const fn new(
        stamp: Stamp,
        program: &'a [u8],
        message: &'a [u8],
        envelope: Envelope,
    ) -> Self {
        Record {
            stamp,
            host: None,
            program: Text(program),
            pid: None,
            message,
            envelope,
            owner: Owner::Unasked,
            is_long: false,
            times: 1,
        }
    }

    /// True where the line says no more than that the line before it was repeated: whose that was,
    /// only the daemon that wrote both knew.
    pub fn repeats_last(&self) -> bool {
        self.owner == Owner::Last
    }

    /// How often the message came, as the line says: 1 but for those that a syslog daemon counted.
    pub const fn times(&self) -> u16 {
        self.times
    }

    /// True where the line is known to be no mail server's.
    pub fn is_foreign(&self) -> bool {
        self.owner == Owner::Nobody
    }

    /// The record of the message that was repeated, where this is one of rsyslog's that says so.
    #[inline]
    fn unwrapped(self) -> Self {
        if !self.message.starts_with(repeated::FRONT) {
            return self;
        }
        match repeated::unwrapped(self.message) {
            Some(found) => Record {
                message: found.message,
                times: found.times,
                is_long: found.may_be_cut,
                ..self
            },
            None => self,
        }
    }
}

/// How a line is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Envelope {
    /// `Nov 21 16:02:10 host program[pid]: message`, with or without `<PRI>` and host.
    Rfc3164,
    /// `2026-11-21T16:02:10.123456+00:00 host program[pid]: message`; journalctl's `short-iso`.
    Rfc3339,
    /// `<22>1 2026-11-21T16:02:10.123456+00:00 host program pid - - message`.
    Rfc5424,
    /// Dovecot's own files: `Nov 21 16:02:10 imap-login: Info: message`, or an ISO date.
    Dovecot,
    /// Exim's own files: `2026-11-21 16:02:10 [+0000] [[pid]] message`.
    Exim,
    /// A file that a mail server writes itself, in a form of its own: see the parser's page.
    OwnFile,
    /// journalctl's `short-full`: `Sat 2026-11-21 16:02:10 UTC host program[pid]: message`.
    JournalFull,
    /// journalctl's `short-unix`: `1795282302.887933 host program[pid]: message`.
    JournalUnix,
    /// What a container wrote, behind the stamp of what runs it:
    /// `2026-11-21T16:02:10.123456789Z stdout F LINE`. A line of a mail server's own file keeps the
    /// envelope that it has there.
    Container,
}

/// A line's stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// A point in time.
    Utc(Timestamp),
    /// A reading of a wall clock somewhere; year or zone are completed by whoever reads the source.
    Local(LocalStamp),
    /// A reading without a year, so many seconds east of Greenwich.
    Zoned(LocalStamp, i32),
    /// The line says that it knows no time (RFC 5424's `-`).
    Missing,
}

/// What a stamp without zone tells. The fields are within the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct LocalStamp {
    pub year: Option<i32>,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
}

/// Cuts a line (without its newline) into its parts, by content: no format needs to be declared.
/// `None` where it has no envelope that is known here.
#[inline]
pub fn frame(line: &[u8]) -> Option<Record<'_>> {
    let known = match line.first()? {
        b'0'..=b'9' => calendar(line).or_else(|| other_digits(line)),
        b'<' => priority(line),
        b'A'..=b'Z' if line.get(3) == Some(&b' ') => {
            traditional(line).or_else(|| journal_full(line))
        }
        0xef => behind_mark_of_utf8(line),
        _ => None,
    };
    let record = known.or_else(|| own_file(line)).or_else(|| container::named(line))?;
    Some(Record { is_long: record.is_long || line.len() >= WHOLE_MAX, ..record })
}

/// What begins a file that was saved as UTF-8 by some editors and shells.
pub(crate) const MARK_OF_UTF8: &[u8] = b"\xef\xbb\xbf";

#[cold]
fn behind_mark_of_utf8(line: &[u8]) -> Option<Record<'_>> {
    let rest = line.strip_prefix(MARK_OF_UTF8)?;
    if rest.starts_with(MARK_OF_UTF8) { None } else { frame(rest) }
}

/// Lines that begin with a digit and no date that [`calendar`] knows.
#[cold]
fn other_digits(line: &[u8]) -> Option<Record<'_>> {
    if let Some((stamp, rest)) = stamp::unix(line) {
        return syslog(stamp, rest.strip_prefix(b" ")?, Envelope::JournalUnix);
    }
    if let Some((stamp, rest)) = stamp::year_first(line) {
        return syslog(stamp, rest.strip_prefix(b" ")?, Envelope::Rfc3164);
    }
    container::frame(line)
}

/// An ISO date with or without zone, for grammars of [`Parser::own_file`](crate::Parser::own_file).
/// The rest begins behind it.
pub(crate) fn iso_stamp(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (civil, rest) = stamp::calendar(line)?;
    let (zone, rest) = match stamp::zone(rest) {
        Some((zone, rest)) => (Some(zone), rest),
        None => (None, rest),
    };
    Some((stamp::of(civil, zone), rest))
}

/// A stamp of syslog, for the same. The rest begins behind it.
pub(crate) fn syslog_stamp(line: &[u8]) -> Option<(Stamp, &[u8])> {
    stamp::traditional(line)
}

/// A line of a file that a mail server writes itself.
#[cold]
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    PARSERS.iter().zip(0..).find_map(|(parser, row)| {
        let record = (parser.own_file?)(line)?;
        Some(Record { owner: Owner::Row(row), ..record })
    })
}

/// `<22>` in front of RFC 3164, RFC 5424 or (from rsyslog and others) RFC 3339; or BSD's
/// `<mail.info>`.
fn priority(line: &[u8]) -> Option<Record<'_>> {
    let (digits, rest) = scan::take_while(line.get(1..)?, |byte| byte.is_ascii_digit());
    let rest = match rest.strip_prefix(b">") {
        Some(rest) if (1..=3).contains(&digits.len()) => rest,
        _ => behind_mark(line)?,
    };
    match rest.first()? {
        b'1' if rest.get(1) == Some(&b' ') => rfc5424(rest.get(2..)?),
        b'0'..=b'9' => calendar(rest).or_else(|| other_digits(rest)),
        _ => traditional(rest),
    }
}

/// Lines that begin with a month's name.
fn traditional(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, rest) = stamp::traditional(line)?;
    let rest = rest.strip_prefix(b" ")?;
    if let Some((program, message)) = own::dovecot(rest) {
        return Some(Record::new(stamp, program, message, Envelope::Dovecot));
    }
    let rest = if rest.first() == Some(&b'<') { behind_mark(rest)? } else { rest };
    syslog(stamp, rest, Envelope::Rfc3164).or_else(|| {
        let (stamp, rest) = stamp::behind_time(stamp, rest)?;
        syslog(stamp, rest, Envelope::Rfc3164)
    })
}

/// Lines that begin with a date in digits: RFC 3339, or a mail server's own file.
#[inline]
fn calendar(line: &[u8]) -> Option<Record<'_>> {
    if line.starts_with(b"1 ") {
        return rfc5424(line.get(2..)?);
    }
    if let Some((at, rest)) = stamp::precise(line) {
        return syslog(Stamp::Utc(at), rest.strip_prefix(b" ")?, Envelope::Rfc3339);
    }
    let (civil, rest) = stamp::calendar(line)?;
    if line.get(10) != Some(&b' ') {
        let (zone, rest) = match stamp::zone(rest) {
            Some((zone, rest)) => (Some(zone), rest),
            None => (None, rest),
        };
        return syslog(stamp::of(civil, zone), rest.strip_prefix(b" ")?, Envelope::Rfc3339);
    }
    let rest = rest.strip_prefix(b" ")?;
    if let Some((program, message)) = own::dovecot(rest) {
        return Some(Record::new(stamp::of(civil, None), program, message, Envelope::Dovecot));
    }
    if let Some(record) = own_file(line) {
        return Some(record);
    }
    let (zone, pid, message) = own::exim(rest);
    let record = Record::new(stamp::of(civil, zone), b"exim", message, Envelope::Exim);
    Some(Record { pid, ..record })
}

/// `host program[pid]: message`; a first word that ends in a colon is the program (the local
/// socket's form, which names no host).
#[inline]
fn syslog(stamp: Stamp, rest: &[u8], envelope: Envelope) -> Option<Record<'_>> {
    let (host, after) = scan::word(rest);
    if host.is_empty() {
        return None;
    }
    let (host, tagged) =
        if host.ends_with(b":") { (None, rest) } else { (Some(Text(host)), after) };
    let tagged = match tagged.first() {
        Some(b' ') => scan::take_while(tagged, |byte| byte == b' ').1,
        _ => tagged,
    };
    let (program, pid, message) = match tag(tagged) {
        Some(parts) => parts,
        // BusyBox writes `mail.info` between host and program.
        None => match behind_facility(tagged).and_then(tag) {
            Some(parts) => parts,
            None => return of_last(stamp, rest, envelope),
        },
    };
    if program == SYSLOGD
        && let Some(record) = of_last(stamp, rest, envelope)
    {
        return Some(record);
    }
    let message = if message.first() == Some(&b'[') { behind_id(message) } else { message };
    let record = Record { host, pid, ..Record::new(stamp, program, message, envelope) };
    Some(record.unwrapped())
}

/// The daemon that writes `last message repeated 3 times`, if its name is there.
const SYSLOGD: &[u8] = b"syslogd";

#[cold]
fn of_last(stamp: Stamp, rest: &[u8], envelope: Envelope) -> Option<Record<'_>> {
    let repeated::OfLast { host, text, times } = repeated::of_last(rest)?;
    let record = Record::new(stamp, SYSLOGD, text, envelope);
    Some(Record { host, times, owner: Owner::Last, ..record })
}

/// `program[pid]: ` or `program: `, as program, process id and what follows.
#[inline]
fn tag(bytes: &[u8]) -> Option<(&[u8], Option<u32>, &[u8])> {
    let end = match frequent(bytes) {
        Some(end) => end,
        None => scan::find_near(bytes.get(..PROGRAM_MAX).unwrap_or(bytes), *b":[ ")?,
    };
    let (program, rest) = bytes.split_at_checked(end)?;
    if program.is_empty() {
        return None;
    }
    if let [b'[', digits @ ..] = rest
        && let Some((pid, count)) = scan::leading_number(digits)
        && let Some([b']', b':', message @ ..]) = digits.get(count..)
    {
        return Some((program, Some(pid), message.strip_prefix(b" ").unwrap_or(message)));
    }
    let (pid, end) = match rest.first()? {
        b':' => (None, program.len() + 1),
        b'[' => {
            let (digits, after) = scan::take_while(rest.get(1..)?, |byte| byte != b']');
            after.strip_prefix(b"]:")?;
            (scan::number(digits), program.len() + digits.len() + 3)
        }
        _ => return None,
    };
    let message = bytes.get(end..)?;
    Some((program, pid, message.strip_prefix(b" ").unwrap_or(message)))
}

/// The length of a program's name that most lines have.
#[inline]
fn frequent(bytes: &[u8]) -> Option<usize> {
    match bytes.first_chunk::<8>()? {
        b"postfix/" => match bytes.get(8..)? {
            [b's', b'm', b't', b'p', b'd', b'[', ..] => Some(13),
            [b'q', b'm', b'g', b'r', b'[', ..] => Some(12),
            rest if rest.starts_with(b"submission/smtpd[") => Some(24),
            rest if rest.starts_with(b"cleanup[") => Some(15),
            _ => None,
        },
        b"dovecot[" => Some(7),
        [b'e', b'x', b'i', b'm', b'[', ..] => Some(4),
        _ => None,
    }
}

/// Longer program names are none: a bound for lines that are no syslog.
const PROGRAM_MAX: usize = 128;

/// The levels of syslog(3), old names included.
const LEVELS: [&[u8]; 11] = [
    b"emerg", b"alert", b"crit", b"err", b"warning", b"notice", b"info", b"debug", b"panic",
    b"error", b"warn",
];

/// Skips `mail.info `, any facility and level.
fn behind_facility(bytes: &[u8]) -> Option<&[u8]> {
    let (selector, rest) = scan::word(bytes);
    is_selector(selector).then_some(rest)
}

/// True for `mail.info`.
fn is_selector(word: &[u8]) -> bool {
    let (facility, level) = scan::take_while(word, |byte| byte.is_ascii_alphanumeric());
    let level = level.strip_prefix(b".").unwrap_or_default();
    !facility.is_empty() && facility.len() <= 12 && LEVELS.contains(&level)
}

/// Skips what BSD's `syslogd -v -v` writes behind the stamp, `<mail.info> `, or with one `-v`
/// `<2.6> `.
#[cold]
fn behind_mark(bytes: &[u8]) -> Option<&[u8]> {
    let inner = bytes.strip_prefix(b"<")?;
    let end = scan::find_near(inner.get(..MARK_MAX).unwrap_or(inner), *b">")?;
    let (mark, rest) = inner.split_at_checked(end)?;
    let numbers = |mark: &[u8]| {
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        scan::split_once(mark, b".").is_some_and(|(one, two)| digits(one) && digits(two))
    };
    if !is_selector(mark) && !numbers(mark) {
        return None;
    }
    let rest = rest.strip_prefix(b">")?;
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

/// No facility and level are longer together.
const MARK_MAX: usize = 24;

/// Skips what Solaris and illumos write at the front of a message, `[ID 197553 mail.info] `. A
/// stranger who begins a message could write what stands behind it as well.
#[cold]
fn behind_id(message: &[u8]) -> &[u8] {
    let behind = || {
        let (digits, rest) = scan::word(message.strip_prefix(b"[ID ")?);
        let near = rest.get(..MARK_MAX).unwrap_or(rest);
        let (selector, behind) = rest.split_at_checked(scan::find_near(near, *b"]")?)?;
        scan::number(digits).filter(|_| is_selector(selector))?;
        behind.strip_prefix(b"] ")
    };
    behind().unwrap_or(message)
}

/// RFC 5424 behind `<PRI>1 `.
fn rfc5424(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, rest) = match line {
        [b'-', rest @ ..] => (Stamp::Missing, rest),
        _ => {
            let (civil, rest) = stamp::calendar(line)?;
            let (zone, rest) = stamp::zone(rest)?;
            (stamp::of(civil, Some(zone)), rest)
        }
    };
    let (host, rest) = scan::word(rest.strip_prefix(b" ")?);
    let (program, rest) = scan::word(rest);
    let (pid, rest) = scan::word(rest);
    let (_message_id, rest) = scan::word(rest);
    let message = behind_structured_data(rest)?;
    if program.is_empty() || program == b"-" {
        return None;
    }
    let message = message.strip_prefix(MARK_OF_UTF8).unwrap_or(message);
    // rsyslog's template keeps the space that RFC 3164 has behind the colon.
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let record = Record {
        host: (host != b"-" && !host.is_empty()).then_some(Text(host)),
        pid: scan::number(pid),
        ..Record::new(stamp, program, message, Envelope::Rfc5424)
    };
    Some(record.unwrapped())
}

/// Skips `-` or `[id name="value" ...]...` (RFC 5424, 6.3) and one space.
fn behind_structured_data(bytes: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = bytes.strip_prefix(b"-") {
        return if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b" ") };
    }
    let (mut quoted, mut escaped, mut open) = (false, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if open => quoted = !quoted,
            b'[' if !quoted && !open => open = true,
            b']' if !quoted && open => open = false,
            b' ' if !open && at > 0 => return bytes.get(at + 1..),
            _ if !open => return None,
            _ => {}
        }
    }
    (!open && !bytes.is_empty()).then_some(b"")
}

/// journalctl's `short-full`: a weekday before the date, the zone's name behind the time.
fn journal_full(line: &[u8]) -> Option<Record<'_>> {
    if !matches!(line.get(..3)?, b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun") {
        return None;
    }
    let (civil, rest) = stamp::calendar(line.get(4..)?)?;
    let (zone, rest) = scan::word(rest.strip_prefix(b" ")?);
    let zone = match zone {
        b"UTC" | b"GMT" => Some(0),
        _ => stamp::zone(zone).filter(|(_, rest)| rest.is_empty()).map(|(zone, _)| zone),
    };
    syslog(stamp::of(civil, zone), rest, Envelope::JournalFull)
}
