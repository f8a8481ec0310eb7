//! From the bytes of a line to an event: frame, complete the stamp, parse. The live run and the
//! replay both come through here, so they cannot differ.

use crate::repeats::Repeats;
use crate::terminal::count;
use edge::source::Line;
use edge::stamp::{Completed, Completer};
use event::{Civil, Timestamp};
use parse::{Framer, LocalStamp, Record, Stamp};
use std::fmt;

/// What a line turned out to be: the parser's own word.
pub use parse::Parsed as Told;

/// A line whose envelope was read and whose stamp is complete.
#[derive(Clone, Copy, Debug)]
pub struct Understood<'a> {
    /// When; for a line without a stamp, the beginning of time (it is no event then).
    pub at: Timestamp,
    /// The line claims to be from the future and was given its arrival instead.
    pub clamped: bool,
    /// By so many seconds its writer's clock seems to have been set back.
    pub back_s: u32,
    line: &'a [u8],
    record: Option<&'a Record<'a>>,
}

impl<'a> Understood<'a> {
    /// The line: as it was read, or, where it says only that the one before it was repeated, in
    /// full. What it tells is a piece of this.
    pub const fn line(&self) -> &'a [u8] {
        self.line
    }

    /// How the line was cut, where it has an envelope.
    pub const fn record(&self) -> Option<&'a Record<'a>> {
        self.record
    }

    /// What it tells. Reads the message anew each time: an event is large, so it is made where it
    /// will stay.
    #[inline]
    pub fn told(&self) -> Told<'a> {
        match self.record {
            Some(record) => parse::parse(record, self.at),
            None => Told::Unframed,
        }
    }
}

/// Reads the lines of one source, in order.
#[derive(Clone, Debug)]
pub struct Reading {
    framer: Framer,
    completer: Completer,
    repeats: Repeats,
}

impl Reading {
    /// Of the source that `completer` is for.
    pub fn new(completer: Completer) -> Self {
        Reading { framer: Framer::new(), completer, repeats: Repeats::default() }
    }

    /// Reads the next line and hands `take` what was understood. `arrival` is now for one that is
    /// read as it is written, `None` for one of an old log.
    #[inline(always)] // a record is large, and stays where it was made
    pub fn understand<R>(
        &mut self,
        line: &Line<'_>,
        arrival: Option<Timestamp>,
        take: impl FnOnce(&Understood<'_>) -> R,
    ) -> R {
        let bytes = line.bytes;
        let record = self.framer.frame(bytes);
        let Some(record) = &record else {
            let at = Timestamp(i64::MIN);
            let (clamped, back_s, record) = (false, 0, None);
            return take(&Understood { at, clamped, back_s, line: bytes, record });
        };
        let Completed { at, clamped, back_s } = completed(&mut self.completer, record, arrival);
        let full;
        let (line, record) = if self.repeats.take(line, record) {
            full = parse::frame(self.repeats.full());
            (self.repeats.full(), full.as_ref())
        } else {
            (bytes, Some(record))
        };
        take(&Understood { at, clamped, back_s, line, record })
    }
}

#[inline(always)]
fn completed(
    completer: &mut Completer,
    record: &Record<'_>,
    arrival: Option<Timestamp>,
) -> Completed {
    match record.stamp {
        Stamp::Utc(at) => completer.utc(at, arrival),
        Stamp::Local(local) => completer.local(local.year, reading(&local), arrival),
        Stamp::Zoned(local, east_s) => completer.zoned(reading(&local), east_s, arrival),
        Stamp::Missing => completer.missing(arrival),
    }
}

#[inline(always)]
fn reading(local: &LocalStamp) -> Civil {
    Civil {
        year: local.year.unwrap_or_default(),
        month: local.month,
        day: local.day,
        hour: local.hour,
        minute: local.minute,
        second: local.second,
        micros: local.micros,
    }
}

/// What a line tells whose stamp was completed before.
pub fn told(line: &[u8], at: Timestamp) -> Told<'_> {
    match parse::frame(line) {
        Some(record) => parse::parse(&record, at),
        None => Told::Unframed,
    }
}

/// How many lines were what.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// All lines.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Events that count against a client.
    pub hostile: u64,
    /// Known lines that say nothing.
    pub noise: u64,
    /// Lines of mail servers that no grammar knows.
    pub unknown: u64,
    /// Lines of other programs.
    pub foreign: u64,
    /// No log lines.
    pub unframed: u64,
}

impl Tally {
    /// Counts a line.
    pub const fn take(&mut self, told: &Told<'_>) {
        self.lines += 1;
        match told {
            Told::Event(event) => {
                self.events += 1;
                self.hostile += event.hostile as u64;
            }
            Told::Noise(_) => self.noise += 1,
            Told::Unknown => self.unknown += 1,
            Told::Foreign => self.foreign += 1,
            Told::Unframed => self.unframed += 1,
        }
    }

    /// Lines that were understood: events and named noise.
    pub const fn parsed(&self) -> u64 {
        self.events + self.noise
    }

    /// The share of the mail servers' lines that was understood, in percent; `None` where there
    /// is no line of a mail server.
    pub fn understood(&self) -> Option<f64> {
        let mail = self.parsed() + self.unknown;
        (mail > 0).then(|| 100.0 * self.parsed() as f64 / mail as f64)
    }
}

/// Lines of a source after which it is judged.
pub const TRIAL_LINES: u64 = 200;
/// A log of fewer lines is not judged.
const TRIAL_LINES_MIN: u64 = 10;

/// What is doubtful about a source whose first lines these are: a wrong file was named, or a right
/// one in a form that cannot be read.
pub fn doubt(first: &Tally) -> Option<String> {
    let Tally { lines, unframed, foreign, .. } = *first;
    if lines < TRIAL_LINES_MIN || 2 * (unframed + foreign) <= lines {
        return None;
    }
    let (unframed, foreign) = (count(unframed), count(foreign));
    Some(format!(
        "of its first {lines} lines {unframed} have no time and program in front (journalctl -o cat \
         writes none), and {foreign} are of other programs: is it a mail server's log?"
    ))
}

/// One line about all lines, for people.
impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} lines: {} events ({} hostile), {} noise, {} unknown, {} of other programs, {} no log lines; {}",
            count(self.lines),
            count(self.events),
            count(self.hostile),
            count(self.noise),
            count(self.unknown),
            count(self.foreign),
            count(self.unframed),
            self.understood().map_or("not one is a mail server's".to_owned(), |share| {
                format!("{share:.2} % of the mail servers' lines understood")
            })
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge::stamp::{Years, Zone};

    /// A long envelope leaves less of a line that is cut to the message.
    #[test]
    fn a_line_cut_behind_a_long_envelope_blames_nobody() {
        for fields in [10, 600, 3_000] {
            let envelope = format!(
                "<22>1 2026-11-21T16:02:10Z mx exim 7 - [x@1 y=\"{}\"] ",
                "z".repeat(fields)
            );
            let forged = ") [6.6.6.6]: 535 Incorrect authentication data";
            let head = "login authenticator failed for (";
            let pad = 8_192 - envelope.len() - head.len() - forged.len();
            let line = format!("{envelope}{head}{}{forged}", "x".repeat(pad));
            let mut reading = Reading::new(Completer::new(Zone::local(), Years::From(2026)));
            for told in [
                reading.understand(&of_bytes(line.as_bytes()), None, |line| client(&line.told())),
                client(&told(line.as_bytes(), Timestamp(0))),
            ] {
                assert_eq!(told, Some(None), "{fields}");
            }
        }
    }

    fn of_bytes(bytes: &[u8]) -> Line<'_> {
        Line { bytes, cut: false, offset_end: bytes.len() as u64 + 1, writer: 0 }
    }

    fn client(told: &Told<'_>) -> Option<Option<std::net::IpAddr>> {
        match told {
            Told::Event(event) => Some(event.client),
            _ => None,
        }
    }
}
