//! Where lines come from: files, journald, other hosts, standard input, archives, dnstap.
//!
//! A [`Source`] is read by one loop in one thread: wait with `poll(2)` for its descriptors or its
//! deadline, then [`Source::read`] with a budget, so that a log that grows faster than it can be
//! read starves no other. What was handed out so far is its [`Position`]; the program commits it
//! in the same transaction as the events, and hands it back after a restart. Then every line is
//! handed out exactly once.

mod archive;
mod convert;
pub mod dnstap;
mod file;
pub(crate) mod journal;
mod lines;
mod not_read;
mod position;
mod stdin;
mod syslog;

pub use archive::{Compression, LineReader, ReadError};
pub use convert::Skipped;
pub use dnstap::DnstapSource;
pub use file::{FileOptions, FileSource};
pub use journal::{JournalOptions, JournalSource, Users};
pub use lines::{LINE_MAX, Line};
pub use not_read::NotRead;
pub use position::{FilePosition, Fingerprint, Position, PositionError};
pub use stdin::StdinSource;
pub use syslog::{PEERS_MAX, SyslogAddress, SyslogError, SyslogOptions, SyslogSource, SyslogTls};

use crate::clock::Moment;
use std::fmt;
use std::os::fd::BorrowedFd;

/// Something that lines come from, read without ever blocking.
pub trait Source {
    /// The name it goes by in configuration, offsets and reports; unique on a host.
    fn name(&self) -> &str;

    /// What to wait for with `poll(2)` (readable). May change with every call of [`Source::read`];
    /// empty where only the deadline tells.
    fn descriptors(&self) -> Vec<BorrowedFd<'_>>;

    /// When to read at the latest, even if no descriptor is ready.
    fn deadline(&self) -> Option<Moment>;

    /// Hands out at most `budget_lines` lines, in order; also does what is due (rotation, restart
    /// of a child). Never blocks; also bounded in bytes, so that rubbish without newlines cannot
    /// hold the loop.
    fn read(
        &mut self,
        now: Moment,
        budget_lines: usize,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> Progress;

    /// Behind the last line handed out.
    fn position(&self) -> Position;

    /// How it is doing.
    fn status(&self) -> Status;

    /// What happened that a person should know; at most once a minute.
    fn news(&mut self, _now: Moment) -> Option<String> {
        None
    }
}

/// What a [`Source::read`] left behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There is more to read now: read again before waiting.
    More,
    /// Nothing more for now: wait for a descriptor or the deadline.
    Waiting,
    /// Nothing will ever come again (standard input closed).
    Ended,
}

/// Where to start in a log that was never read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// With the next line that is written.
    End,
    /// With the first line.
    Begin,
    /// So many bytes before the end (at the next start of a line): enough to learn who usually
    /// logs in. For journald a line counts as 160 bytes.
    Back(u64),
}

/// How a source is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Whether it can be read.
    pub state: State,
    /// Bytes written and not yet read, where that can be known.
    pub lag_bytes: Option<u64>,
    /// What was counted since the start.
    pub counts: Counts,
    /// What is wrong now.
    pub problem: Option<Problem>,
}

/// What a source counts since its start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Lines handed out.
    pub lines: u64,
    /// Their bytes, newlines and what was cut included.
    pub bytes: u64,
    /// Lines longer than [`LINE_MAX`].
    pub cut_lines: u64,
    /// Bytes cut off from those.
    pub cut_bytes: u64,
    /// How often the file was replaced by a new one (or the child restarted).
    pub rotations: u64,
    /// How often the file was truncated or rewritten in place.
    pub truncations: u64,
    /// How often something unread may have been lost: a truncated file of which no copy was found,
    /// a rotated file that was gone after a restart.
    pub losses: u64,
    /// Entries of a journal that are not handed out: any user may have written them ([`Users`]).
    pub passed_over: u64,
}

impl Counts {
    fn take(&mut self, line: &Line<'_>, whole_bytes: u64) {
        self.lines += 1;
        self.bytes += whole_bytes;
        if line.cut {
            self.cut_lines += 1;
            self.cut_bytes += whole_bytes.saturating_sub(line.bytes.len() as u64 + 1);
        }
    }
}

/// Whether a source can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Being read.
    Following,
    /// Not there (yet); looked for again and again.
    Missing,
    /// There, but it cannot be read; tried again and again.
    Failing,
    /// At its end.
    Ended,
}

impl State {
    /// The word in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            State::Following => "following",
            State::Missing => "missing",
            State::Failing => "failing",
            State::Ended => "ended",
        }
    }
}

/// What is wrong with a source. The program adds the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Which kind.
    pub kind: ProblemKind,
    /// The path, command or text that it is about.
    pub about: String,
    /// What the system says, where it says something.
    pub system: Option<String>,
}

/// Kinds of problems of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// No such file (or a directory above it is missing).
    Missing,
    /// No permission to open it.
    Permission,
    /// It is no regular file.
    NotAFile,
    /// Reading failed.
    Read,
    /// The system gives no notice of changes (inotify); polled instead.
    NoNotice,
    /// The program that delivers the lines could not be started, or ended.
    Child,
    /// The position to resume from is gone; lines in between may be lost.
    Gone,
}

impl ProblemKind {
    /// In words.
    pub const fn meaning(self) -> &'static str {
        match self {
            ProblemKind::Missing => "no such file",
            ProblemKind::Permission => "no permission to read",
            ProblemKind::NotAFile => "not a regular file",
            ProblemKind::Read => "reading failed",
            ProblemKind::NoNotice => "no notice of changes (inotify), polling instead",
            ProblemKind::Child => "the program that delivers the lines ended",
            ProblemKind::Gone => "where reading had stopped is gone, lines may be lost",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.about, self.kind.meaning())?;
        match &self.system {
            Some(system) => write!(out, " ({system})"),
            None => Ok(()),
        }
    }
}

/// A kind of source: a row of [`SOURCES`].
pub struct SourceSpec {
    /// The word in configuration.
    pub name: &'static str,
    /// What it reads, in one sentence.
    pub summary: &'static str,
    /// How it is configured, in TOML; or the command that reads it.
    pub example: &'static str,
}

/// All kinds of sources; help, docs and tests walk this table.
pub const SOURCES: &[SourceSpec] = &[
    SourceSpec {
        name: "file",
        summary: "follows a log file through rename and copytruncate rotation, from where it stopped",
        example: "source.files = [\"/var/log/mail.log\"]",
    },
    SourceSpec {
        name: "journald",
        summary: "follows the systemd journal through a journalctl child, from its cursor",
        example: "source.journal = true\nsource.journal_namespaces = [\"mail\"]",
    },
    SourceSpec {
        name: "syslog",
        summary: "receives syslog of listed hosts and appliances over UDP and TCP",
        example: "[source.syslog]\nlisten = [\"udp:192.0.2.1:514\"]\npeers = [\"192.0.2.7\"]\n",
    },
    SourceSpec {
        name: "stdin",
        summary: "reads standard input until it ends",
        example: "mailward parse -",
    },
    SourceSpec {
        name: "archive",
        summary: "reads a finished log once, plain, gzip or zstd by content: for parse and replay",
        example: "mailward replay /var/log/mail.log.2.gz",
    },
    SourceSpec {
        name: "dnstap",
        summary: "listens on a socket to which DNS servers send dnstap, and writes it down as lines",
        example: "source.dnstap = \"/run/mailward/dnstap.sock\"",
    },
];
