//! Follows a log file, whatever is done to it.
//!
//! A file is followed by descriptor, not by name. When it is renamed and a new one appears at the
//! path, both are read, the older first: the mail server may go on writing to it. The latest
//! predecessor is held until the next rotation, and any for as long as nothing was written to its
//! successors: a server that was never told of the rotation may write its next line tomorrow. The
//! others are held until they were idle for a while.
//!
//! When it is truncated or rewritten in place (copytruncate), reading starts at its beginning, and
//! the copy, if there is one, is read on from where reading had stopped. After a restart the files
//! are found again by inode number and fingerprint, under whatever name of the same directory, of
//! those in it, and of those that are named for it (logrotate's `olddir`).
//!
//! What can be lost in principle: lines written between the copying and the truncating of
//! copytruncate (the copier itself loses them); lines of a file that was truncated or removed
//! before they were read, when no copy is left in its directory, or before anything of it was read
//! (nothing tells then that it was another); a file that was rotated away and
//! compressed by something else than gzip or zstd while nobody was reading.
//!
//! Notice of changes (inotify) is only a wake-up: everything is found by looking, so a lost notice
//! costs a second, never a line.

mod generation;
mod rotated;
mod siblings;
mod watch;

use self::generation::{Filled, Generation, OpenError};
use self::watch::Watch;
use super::{
    Counts, FilePosition, Line, Position, Problem, ProblemKind, Progress, Source, Start, State,
    Status,
};
use crate::clock::Moment;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files held open at once: the current one and predecessors that are being drained.
const GENERATIONS_MAX: usize = 8;
/// Files remembered after they were drained, so that they are not taken for unread ones.
const DRAINED_MAX: usize = 16;
/// Bytes taken in by one call of [`Source::read`] at most.
const CALL_BYTES: u64 = 4 * 1024 * 1024;

/// How a file is followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileOptions {
    /// Where to start in a file that was never read before and is there at the start. A file that
    /// appears later is read from its beginning.
    pub start: Start,
    /// How long a renamed file must be silent, with a new one in its place, before its last line
    /// needs no newline, and before it is let go where a later one is held.
    pub drain_idle: Duration,
    /// How often to look at the path although no change was noticed.
    pub check_interval: Duration,
    /// Directories to which rotated files are moved, besides the path's own and those in it.
    pub rotated_to: Vec<PathBuf>,
}

impl Default for FileOptions {
    /// From the end; 60 s; every second.
    fn default() -> Self {
        FileOptions {
            start: Start::End,
            drain_idle: Duration::from_secs(60),
            check_interval: Duration::from_secs(1),
            rotated_to: Vec::new(),
        }
    }
}

/// Follows one path.
#[derive(Debug)]
pub struct FileSource {
    name: String,
    path: PathBuf,
    options: FileOptions,
    watch: Watch,
    /// Oldest first. The last one is, or was, the file at `path`.
    generations: Vec<Generation>,
    /// Files read to their end and let go, oldest first.
    drained: Vec<FilePosition>,
    /// Handed in at the start and not found yet: the path's directory may not be there.
    resume: Vec<FilePosition>,
    /// True until the path was there, or was not.
    fresh: bool,
    /// What the file had when it was first seen, where it could not be opened then.
    size_first_seen: Option<u64>,
    check_at: Moment,
    counts: Counts,
    problem: Option<Problem>,
    /// More files were missed than may be held at once.
    crowded: bool,
    /// A file whose writer went on with it long after its rotation; not told yet.
    straggling: bool,
}

impl FileSource {
    /// Starts to follow `path`; goes on at `resume` where that is a position in the same path.
    /// Nothing fails here: what is wrong is told by [`Source::status`] and tried again.
    pub fn open(
        name: &str,
        path: &Path,
        options: FileOptions,
        resume: Option<&Position>,
        now: Moment,
    ) -> Self {
        let resume = match resume {
            Some(Position::Files { path: of, files }) if of == path => files.clone(),
            _ => Vec::new(),
        };
        let mut source = FileSource {
            name: name.to_owned(),
            path: path.to_owned(),
            options,
            watch: Watch::new(),
            generations: Vec::new(),
            drained: Vec::new(),
            resume,
            fresh: true,
            size_first_seen: None,
            check_at: now,
            counts: Counts::default(),
            problem: None,
            crowded: false,
            straggling: false,
        };
        source.check(now);
        source
    }

    /// The path that is followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks what is at the path now.
    fn check(&mut self, now: Moment) {
        let notices = self.watch.look_at(&self.path);
        let interval = match notices {
            true => self.options.check_interval,
            false => self.options.check_interval.min(Duration::from_millis(200)),
        };
        self.check_at = now.plus(interval);
        self.make_room(now);
        if self.generations.len() < GENERATIONS_MAX {
            match Generation::open(&self.path, now) {
                Ok(found) => self.take(found, now),
                Err(error) => self.cannot_open(error, now),
            }
        }
        self.let_go(now);
        if let Some(current) = self.generations.last() {
            self.watch.follow(current.file());
        }
        if !self.watch.notices() && self.problem.is_none() {
            self.problem = Some(self.problem_of(ProblemKind::NoNotice, None));
        }
    }

    fn cannot_open(&mut self, error: OpenError, now: Moment) {
        let (kind, system) = match error {
            OpenError::NotAFile => (ProblemKind::NotAFile, None),
            OpenError::System(error) => {
                let kind = match error.kind() {
                    std::io::ErrorKind::NotFound => ProblemKind::Missing,
                    std::io::ErrorKind::PermissionDenied => ProblemKind::Permission,
                    _ => ProblemKind::Read,
                };
                (kind, Some(error.to_string()))
            }
        };
        match kind {
            // A predecessor can be drained even where its successor is not there yet.
            ProblemKind::Missing => {
                self.resume_predecessors(None, now);
                self.fresh = false;
                self.take_missed(None, now);
            }
            // What is written until it can be read is new, and to be read then.
            ProblemKind::Permission if self.fresh && self.size_first_seen.is_none() => {
                self.size_first_seen = self.path.metadata().ok().map(|metadata| metadata.len());
            }
            _ => {}
        }
        self.problem = Some(self.problem_of(kind, system));
    }

    fn problem_of(&self, kind: ProblemKind, system: Option<String>) -> Problem {
        Problem { kind, about: self.path.display().to_string(), system }
    }

    /// The path leads to `found`: the file that is followed already, or a new one.
    fn take(&mut self, mut found: Generation, now: Moment) {
        self.problem = None;
        if let Some(at) = self.generations.iter().position(|known| known.is_same_file(&found)) {
            // Usually the last one already; not where a rename was taken back.
            let known = self.generations.remove(at);
            self.generations.push(known);
            self.crowded = false;
            return;
        }
        // Its writer has from now on to notice.
        if let Some(previous) = self.generations.last_mut() {
            previous.is_superseded(now);
        }
        let fresh = std::mem::take(&mut self.fresh);
        if !self.resume.is_empty() {
            self.resume_with(found, now);
            return;
        }
        if fresh {
            found.start_at(self.options.start, self.size_first_seen);
            self.generations.push(found);
            return;
        }
        if self.generations.is_empty() {
            self.generations.push(found);
            return;
        }
        if let Some(previous) = self.generations.last()
            && found.continues(previous)
        {
            // The whole log was put into another file (an editor, a restored copy).
            found.go_on_at(previous.offset());
            self.generations.pop();
        } else if !self.take_missed(Some(&found), now) {
            // More than may be held: those first, the log itself when there is room.
            return;
        }
        self.counts.rotations += 1;
        self.generations.push(found);
    }

    /// Closes predecessors that nobody will write to any more.
    fn let_go(&mut self, now: Moment) {
        let idle = self.options.drain_idle;
        for predecessor in self.generations.iter_mut().rev().skip(1) {
            predecessor.rest_if_quiet(now, idle);
        }
        for at in (0..self.generations.len()).rev() {
            if self.is_over(at, now) {
                self.close(at);
            }
        }
    }

    /// True where generation `at` is not needed any more.
    fn is_over(&self, at: usize, now: Moment) -> bool {
        let (own, later) = match self.generations.get(at..).and_then(<[Generation]>::split_first) {
            // The newest is only let go when something took its place: it is the log.
            None | Some((_, [])) => return false,
            Some(parts) => parts,
        };
        if !own.is_drained(now, self.options.drain_idle) {
            return false;
        }
        if own.is_complete() {
            return true;
        }
        // Where nobody writes to the new file, its writer is still in the old one.
        let is_moved_on = later.iter().any(|later| !later.is_blank());
        let is_latest = later.iter().filter(|later| !later.is_complete()).count() == 1;
        // One that was removed takes up room on the disk for as long as it is held.
        is_moved_on && !(is_latest && own.has_name())
    }

    /// Where as many files are held as may be, closes the predecessor that was silent longest; one
    /// that nothing was ever written to goes first. While there are more that were never read, all
    /// that can be.
    fn make_room(&mut self, now: Moment) {
        if self.crowded {
            let idle = self.options.drain_idle.min(Duration::from_secs(1));
            for at in (0..self.generations.len().saturating_sub(1)).rev() {
                if self.generations.get(at).is_some_and(|one| one.is_drained(now, idle)) {
                    self.close(at);
                }
            }
        }
        if self.generations.len() < GENERATIONS_MAX {
            return;
        }
        let idle = self.options.drain_idle.min(Duration::from_secs(1));
        let predecessors = self.generations.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let silent = predecessors.iter().enumerate();
        let silent = silent.filter(|(_, generation)| generation.is_drained(now, idle));
        let first = silent.min_by_key(|(_, silent)| (!silent.is_blank(), silent.last_growth()));
        if let Some((at, _)) = first {
            self.close(at);
        }
    }

    fn close(&mut self, at: usize) {
        self.drained.push(self.generations.remove(at).position());
        let surplus = self.drained.len().saturating_sub(DRAINED_MAX);
        self.drained.drain(..surplus);
    }

    /// The file at `at` was truncated or rewritten: its copy, if any, is read on; then it itself
    /// from its beginning.
    fn truncated(&mut self, at: usize, now: Moment) {
        self.counts.truncations += 1;
        let Some(generation) = self.generations.get(at) else { return };
        let position = generation.position();
        let mut copy = None;
        if position.offset > 0 {
            let siblings = self.siblings();
            let taken = self.generations.iter().collect::<Vec<_>>();
            copy = siblings::find(&siblings, &position, &taken, now);
            if copy.is_none() {
                self.counts.losses += 1;
            }
        }
        if let Some(generation) = self.generations.get_mut(at) {
            generation.read_again(now);
        }
        if let Some(mut copy) = copy {
            copy.go_on_at(position.offset);
            let mut missed = self.missed_after(&copy, None, now);
            let room = GENERATIONS_MAX.saturating_sub(self.generations.len() + 1);
            // Which of the copies come next is not known later.
            self.counts.losses += u64::from(missed.len() > room);
            missed.truncate(room);
            self.generations.splice(at..at, std::iter::once(copy).chain(missed));
        }
    }

    /// Hands out what generation `at` holds; true where it has no more for now.
    fn drain(
        &mut self,
        at: usize,
        now: Moment,
        budget: &mut Budget,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> bool {
        loop {
            let is_last = at + 1 == self.generations.len();
            let Some(generation) = self.generations.get_mut(at) else { return true };
            while budget.lines > 0 {
                let Some((line, whole)) = generation.next_line() else { break };
                self.counts.take(&line, whole);
                budget.lines -= 1;
                sink(line);
            }
            if budget.lines == 0 || budget.bytes == 0 {
                return false;
            }
            match generation.fill(now) {
                Ok(Filled::Bytes(count)) => {
                    budget.bytes = budget.bytes.saturating_sub(count);
                    self.straggling |= generation.straggles(now, self.options.drain_idle);
                }
                Ok(Filled::Truncated) => {
                    self.truncated(at, now);
                    // What stands at `at` now is the copy, or the same file from its beginning.
                }
                Ok(Filled::Nothing) => {
                    if !is_last && generation.is_finished(now, self.options.drain_idle) {
                        // Its last line has no newline, and will not get one.
                        if let Some((line, whole)) = generation.rest() {
                            self.counts.take(&line, whole);
                            sink(line);
                            budget.lines -= 1;
                        }
                    }
                    if let Some([own, next]) = self.generations.get_mut(at..at + 2) {
                        next.begin_behind(own);
                    }
                    return budget.lines > 0;
                }
                // A torn archive; its beginning was read, and it gets no better.
                Err(_) if generation.give_up_packed() => self.counts.losses += 1,
                Err(error) => {
                    let problem = self.problem_of(ProblemKind::Read, Some(error.to_string()));
                    self.problem = Some(problem);
                    return true;
                }
            }
        }
    }
}

/// What one call may still do.
struct Budget {
    lines: usize,
    bytes: u64,
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.watch.descriptor().into_iter().collect()
    }

    fn deadline(&self) -> Option<Moment> {
        Some(self.check_at)
    }

    fn read(
        &mut self,
        now: Moment,
        budget_lines: usize,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> Progress {
        if self.watch.changed() || now >= self.check_at {
            self.check(now);
        }
        let mut budget = Budget { lines: budget_lines, bytes: CALL_BYTES };
        let mut at = 0;
        while at < self.generations.len() {
            if !self.drain(at, now, &mut budget, sink) {
                return Progress::More;
            }
            at += 1;
        }
        Progress::Waiting
    }

    fn position(&self) -> Position {
        let files = self.generations.iter().map(Generation::position);
        let files: Vec<_> = self.resume.iter().copied().chain(files).collect();
        match files.is_empty() {
            true => Position::None,
            false => Position::Files { path: self.path.clone(), files },
        }
    }

    fn news(&mut self, _now: Moment) -> Option<String> {
        std::mem::take(&mut self.straggling).then(|| {
            "its writer goes on with the renamed file long after the rotation; all is read, but let \
             the rotation tell the mail server or syslog daemon (logrotate's postrotate)"
                .to_owned()
        })
    }

    fn status(&self) -> Status {
        let state = match &self.problem {
            None => State::Following,
            Some(problem) => match problem.kind {
                ProblemKind::NoNotice => State::Following,
                ProblemKind::Missing => State::Missing,
                _ => State::Failing,
            },
        };
        let lag_bytes = Some(self.generations.iter().map(Generation::lag_bytes).sum());
        Status { state, lag_bytes, counts: self.counts, problem: self.problem.clone() }
    }
}
