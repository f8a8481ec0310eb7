//! Follows the systemd journal through a `journalctl` child: it is there wherever journald is, and
//! knows every version of the file format.
//!
//! Each entry becomes one line as rsyslog would have written it with an RFC 3339 stamp:
//! `2026-11-21T16:02:10.123456+00:00 host program[pid]: message`. What a stranger can write (the
//! message) cannot make a second line: control characters are written as rsyslog writes them,
//! `#012` for a newline.
//!
//! Entries of users who are no service of the system are passed over and counted ([`Users`]).

pub(super) mod export;
pub(crate) mod kept;
mod users;

pub use self::users::Users;

use self::export::{Entry, Export};
use super::stdin::is_readable;
use super::{
    Counts, LINE_MAX, Line, Position, Problem, ProblemKind, Progress, Source, Start, State, Status,
};
use crate::clock::Moment;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Bytes taken in by one call of [`Source::read`] at most.
const CALL_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a line, for [`Start::Back`].
const LINE_BYTES: u64 = 160;
/// How long to wait before the child is started again: doubled each time, up to a minute.
const BACK_OFF: Duration = Duration::from_millis(500);
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// Failures in a row with the same cursor, after which the cursor is taken for gone.
const CURSOR_TRIES: u32 = 3;
/// How often to look whether the journal may be read.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Least time between two notes on entries that were passed over.
const NEWS_EVERY: Duration = Duration::from_secs(3_600);

/// How the journal is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalOptions {
    /// Which entries, as `journalctl` takes them (`FIELD=value`, `+` for or): those that any group
    /// of matches fits. Empty: all entries.
    pub matches: Vec<String>,
    /// Where to start where no cursor is kept.
    pub start: Start,
    /// The namespace (systemd-journald@.service); `None` for the host's own journal.
    pub namespace: Option<String>,
    /// Files to read instead of the host's journal.
    pub files: Vec<PathBuf>,
    /// Users whose entries are read besides those of the system's services.
    pub users: Vec<Users>,
    /// Where journald keeps its files: looked at for the right to read them. Empty: not looked at.
    pub kept_in: Vec<PathBuf>,
    /// False: read what is there, then end (for a replay).
    pub follow: bool,
    /// The program.
    pub journalctl: PathBuf,
}

impl Default for JournalOptions {
    /// Everything logged to the mail facility, from now on.
    fn default() -> Self {
        JournalOptions {
            matches: vec!["SYSLOG_FACILITY=2".to_owned()],
            start: Start::End,
            namespace: None,
            files: Vec::new(),
            users: Vec::new(),
            kept_in: kept::DIRECTORIES.iter().map(PathBuf::from).collect(),
            follow: true,
            journalctl: PathBuf::from("journalctl"),
        }
    }
}

/// Follows the journal.
#[derive(Debug)]
pub struct JournalSource {
    name: String,
    options: JournalOptions,
    child: Option<Running>,
    export: Export,
    /// Of the last entry handed out.
    cursor: Option<String>,
    /// The entry that the child begins with: the latest one handed out, or the first behind it
    /// where that is gone.
    expected: Option<String>,
    /// Entries up to this time were handed out: told by a cursor that is gone.
    skip_until: Option<i64>,
    line: Vec<u8>,
    written: u64,
    failures: u32,
    retry_at: Option<Moment>,
    counts: Counts,
    problem: Option<Problem>,
    /// Why less can be read than there is, or nothing.
    unreadable: Option<Problem>,
    look_at: Moment,
    /// Entries passed over that were not told yet, and the user of the latest.
    passed: u64,
    passed_user: u32,
    news_at: Option<Moment>,
    /// The last line of the child's complaints.
    said: Option<String>,
    ended: bool,
}

#[derive(Debug)]
struct Running {
    process: Child,
    output: ChildStdout,
    errors: ChildStderr,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It is ours and only reads; an error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl JournalSource {
    /// Starts to follow; goes on behind `resume` where that is a journal's position. Nothing fails
    /// here: what is wrong is told by [`Source::status`] and tried again.
    pub fn open(
        name: &str,
        options: JournalOptions,
        resume: Option<&Position>,
        now: Moment,
    ) -> Self {
        let cursor = match resume {
            Some(Position::Journal { cursor }) => Some(cursor.clone()),
            _ => None,
        };
        let mut source = JournalSource {
            name: name.to_owned(),
            options,
            child: None,
            export: Export::new(),
            cursor,
            skip_until: None,
            expected: None,
            line: Vec::with_capacity(1024),
            written: 0,
            failures: 0,
            retry_at: None,
            counts: Counts::default(),
            problem: None,
            unreadable: None,
            look_at: now,
            passed: 0,
            passed_user: 0,
            news_at: None,
            said: None,
            ended: false,
        };
        source.look(now);
        source.start(now);
        source
    }

    /// Looks whether the journal can be read, and is not just partly read in silence.
    fn look(&mut self, now: Moment) {
        self.look_at = now.plus(LOOK_EVERY);
        if self.options.kept_in.is_empty() || !self.options.files.is_empty() {
            return;
        }
        let machine = kept::machine_id(Path::new("/"));
        let namespace = self.options.namespace.as_deref();
        let found = kept::problem(&self.options.kept_in, machine.as_deref(), namespace);
        let was_forbidden =
            self.unreadable.as_ref().is_some_and(|one| one.kind == ProblemKind::Permission);
        if was_forbidden && found.is_none() && self.child.take().is_some() {
            // It does not try again what it was refused.
            self.start(now);
        }
        self.unreadable = found;
    }

    fn command(&mut self) -> Command {
        let mut command = Command::new(&self.options.journalctl);
        command.args(["--output=export", "--no-pager", "--quiet", "--all"]);
        command.arg(format!("--output-fields={}", export::FIELDS));
        if let Some(namespace) = &self.options.namespace {
            command.arg(format!("--namespace={namespace}"));
        }
        for file in &self.options.files {
            command.arg("--file").arg(file);
        }
        if self.options.follow {
            command.arg("--follow");
        }
        let machine = if self.reads_all_boots() { kept::machine_id(Path::new("/")) } else { None };
        if machine.is_some() {
            command.arg("--merge");
        }
        let gone = self.failures >= CURSOR_TRIES;
        match (&self.cursor, self.options.start) {
            (Some(cursor), _) if !gone => {
                // Not `--after-cursor`: where the entry is gone, it passes over one that is not.
                command.args(["--no-tail", "--cursor", cursor]);
                self.expected = Some(cursor.clone());
            }
            (Some(cursor), _) if let Some(at) = export::time_of_cursor(cursor) => {
                self.skip_until = Some(at);
                command.args(["--no-tail", "--since", &format!("@{}", at / 1_000_000)]);
            }
            (_, Start::Begin) | (Some(_), _) => {
                command.arg("--no-tail");
            }
            (None, Start::End) => {
                command.arg("--lines=0");
            }
            (None, Start::Back(bytes)) => {
                command.arg(format!("--lines={}", bytes.div_ceil(LINE_BYTES)));
            }
        }
        command.args(matches(&self.options.matches, machine.as_deref()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("LC_ALL", "C.UTF-8").env_remove("JOURNAL_STREAM");
        command
    }

    /// True where `--follow` is to read what came before the machine was started, too: alone it
    /// reads the latest boot only, and what was logged at the end of the one before is lost. With
    /// `--merge` it reads all, of other machines as well.
    fn reads_all_boots(&self) -> bool {
        self.options.follow && self.options.files.is_empty()
    }

    fn start(&mut self, now: Moment) {
        self.retry_at = None;
        self.expected = None;
        let gone = self.failures == CURSOR_TRIES && self.cursor.is_some();
        self.counts.losses += u64::from(gone);
        self.export = Export::new();
        match self.command().spawn() {
            Ok(mut process) => match (process.stdout.take(), process.stderr.take()) {
                (Some(output), Some(errors)) => {
                    self.child = Some(Running { process, output, errors });
                }
                _ => self.fail(None, now),
            },
            Err(error) => self.fail(Some(error.to_string()), now),
        }
    }

    fn fail(&mut self, system: Option<String>, now: Moment) {
        let wait = BACK_OFF.saturating_mul(1 << self.failures.min(16)).min(BACK_OFF_MAX);
        self.retry_at = Some(now.plus(wait));
        self.failures = self.failures.saturating_add(1);
        let about = self.options.journalctl.display().to_string();
        self.problem = Some(Problem { kind: ProblemKind::Child, about, system });
    }

    /// The child closed its output.
    fn child_ended(&mut self, now: Moment) {
        let Some(mut child) = self.child.take() else { return };
        // It has closed its output, so it ends; if not, it is ended.
        let _ = child.process.kill();
        let status = child.process.wait();
        let said = last_words(&child.errors).or(self.said.take());
        if !self.options.follow && status.as_ref().is_ok_and(|status| status.success()) {
            self.ended = true;
            return;
        }
        self.counts.rotations += 1;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        self.fail(Some(said.unwrap_or(status)), now);
    }

    /// Takes in more bytes; false where nothing is there now.
    fn fill(&mut self, now: Moment) -> bool {
        let Some(child) = &self.child else { return false };
        // It must not be held up by its own complaints.
        self.said = last_words(&child.errors).or(self.said.take());
        if !is_readable(child.output.as_fd()) {
            return false;
        }
        match rustix::io::read(&child.output, self.export.space()) {
            Ok(0) => {
                self.child_ended(now);
                false
            }
            Ok(count) => {
                self.export.filled(count);
                true
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => false,
            Err(error) => {
                self.child = None;
                self.fail(Some(std::io::Error::from(error).to_string()), now);
                false
            }
        }
    }

    /// Hands out one entry as a line; false where it is passed over.
    fn hand_out(&mut self, entry: &Entry, sink: &mut dyn FnMut(Line<'_>)) -> bool {
        self.failures = 0;
        self.problem = None;
        if self.skip_until.is_some_and(|until| entry.received_us <= until) {
            return false;
        }
        self.skip_until = None;
        match self.expected.take() {
            Some(expected) if export::is_same_entry(&expected, &entry.cursor) => return false,
            // The latest one that was read is gone, and perhaps others behind it.
            Some(_) => self.counts.losses += 1,
            None => {}
        }
        self.cursor = Some(entry.cursor.clone());
        if !users::is_read(entry.user, &self.options.users) {
            self.counts.passed_over += 1;
            self.passed += 1;
            self.passed_user = entry.user.unwrap_or_default();
            return false;
        }
        self.line.clear();
        entry.write_line(&mut self.line);
        let whole = self.line.len() as u64 + 1;
        self.written += whole;
        let cut = self.line.len() > LINE_MAX;
        let bytes = self.line.get(..self.line.len().min(LINE_MAX)).unwrap_or_default();
        let line = Line { bytes, cut, offset_end: self.written, writer: 0 };
        self.counts.take(&line, whole);
        sink(line);
        true
    }
}

/// Matches as `journalctl` takes them, each group of them with the machine's.
fn matches(wanted: &[String], machine: Option<&str>) -> Vec<String> {
    let Some(machine) = machine.map(|id| format!("_MACHINE_ID={id}")) else {
        return wanted.to_vec();
    };
    let groups = wanted
        .split(|word| word == "+")
        .map(|group| group.iter().cloned().chain([machine.clone()]).collect::<Vec<_>>());
    groups.collect::<Vec<_>>().join(&"+".to_owned())
}

/// The last line that the child wrote to its standard error.
fn last_words(errors: &ChildStderr) -> Option<String> {
    if !is_readable(errors.as_fd()) {
        return None;
    }
    let mut said = [0; 4096];
    let count = rustix::io::read(errors, &mut said).ok()?;
    let said = String::from_utf8_lossy(said.get(..count)?).into_owned();
    said.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
}

impl Source for JournalSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match &self.child {
            Some(child) => vec![child.output.as_fd()],
            None => Vec::new(),
        }
    }

    fn deadline(&self) -> Option<Moment> {
        let looks = !self.options.kept_in.is_empty();
        [self.retry_at, looks.then_some(self.look_at)].into_iter().flatten().min()
    }

    fn read(
        &mut self,
        now: Moment,
        budget_lines: usize,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> Progress {
        if self.retry_at.is_some_and(|at| now >= at) {
            self.start(now);
        }
        if now >= self.look_at {
            self.look(now);
        }
        let mut left = budget_lines;
        let mut bytes = 0;
        loop {
            while left > 0 {
                let Some(entry) = self.export.next() else { break };
                left -= usize::from(self.hand_out(&entry, sink));
                self.export.give_back(entry);
            }
            bytes += export::PIECE_BYTES;
            if left == 0 || bytes > CALL_BYTES {
                return Progress::More;
            }
            if !self.fill(now) {
                return if self.ended { Progress::Ended } else { Progress::Waiting };
            }
        }
    }

    fn position(&self) -> Position {
        match &self.cursor {
            Some(cursor) => Position::Journal { cursor: cursor.clone() },
            None => Position::None,
        }
    }

    fn status(&self) -> Status {
        let problem = self.unreadable.as_ref().or(self.problem.as_ref());
        let state = match (problem.map(|problem| problem.kind), self.ended) {
            (_, true) => State::Ended,
            (Some(ProblemKind::Missing), _) => State::Missing,
            (Some(ProblemKind::Permission), _) => State::Failing,
            (Some(_), _) if self.child.is_none() => State::Failing,
            _ => State::Following,
        };
        Status { state, lag_bytes: None, counts: self.counts, problem: problem.cloned() }
    }

    fn news(&mut self, now: Moment) -> Option<String> {
        if self.passed == 0 || self.news_at.is_some_and(|at| now.since(at) < NEWS_EVERY) {
            return None;
        }
        self.news_at = Some(now);
        Some(format!(
            "{} of users who are no service of this system passed over, latest of the user {}: anybody \
             may log as any program; where a mail server runs as that user, list it in \
             source.journal_users",
            match std::mem::take(&mut self.passed) {
                1 => "1 entry".to_owned(),
                count => format!("{count} entries"),
            },
            self.passed_user
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_asked_for_by_its_name() {
        let options = JournalOptions {
            namespace: Some("mail".to_owned()),
            journalctl: PathBuf::from("/nowhere/journalctl"),
            ..JournalOptions::default()
        };
        let mut source = JournalSource::open("journald mail", options, None, Moment(0));
        let command = source.command();
        assert!(command.get_args().any(|argument| argument == "--namespace=mail"));
    }

    #[test]
    fn each_group_of_matches_is_of_this_machine() {
        let wanted = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found = |text| matches(&wanted(text), Some("1")).join(" ");
        assert_eq!(found("A=2"), "A=2 _MACHINE_ID=1");
        assert_eq!(found("A=2 B=3 + C=4"), "A=2 B=3 _MACHINE_ID=1 + C=4 _MACHINE_ID=1");
        assert_eq!(matches(&[], Some("1")), ["_MACHINE_ID=1"]);
        assert_eq!(matches(&wanted("A=2"), None), ["A=2"]);
    }
}
