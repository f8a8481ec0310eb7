//! The envelope of a line: who wrote it, when, where.

use event::{Text, Timestamp};

/// A line, cut into its parts. Borrows from the line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Record<'a> {
    /// When it was written, as far as the line tells.
    pub stamp: Stamp,
    /// The host that wrote it.
    pub host: Option<Text<'a>>,
    /// The program: `postfix/submission/smtpd`, `dovecot`, `imap-login`, `exim`.
    pub program: Text<'a>,
    /// Its process id.
    pub pid: Option<u32>,
    /// The rest of the line.
    pub message: &'a [u8],
    /// How the line was framed.
    pub envelope: Envelope,
}

/// How a line is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Envelope {
    /// `Nov 21 16:02:10 host program[pid]: message`, with or without `<PRI>`.
    Rfc3164,
    /// `2026-11-21T16:02:10.123456+00:00 host program[pid]: message`.
    Rfc3339,
    /// `<22>1 2026-11-21T16:02:10.123456+00:00 host program pid - - message`.
    Rfc5424,
    /// Dovecot's own files: `Nov 21 16:02:10 imap-login: Info: message`, or an ISO date.
    Dovecot,
    /// Exim's own files: `2026-11-21 16:02:10 [+0000] [[pid]] message`.
    Exim,
}

/// A line's stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// A point in time.
    Utc(Timestamp),
    /// A reading of a wall clock somewhere; year or zone are completed by whoever reads the source.
    Local(LocalStamp),
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
pub fn frame(line: &[u8]) -> Option<Record<'_>> {
    let _ = line;
    None
}
