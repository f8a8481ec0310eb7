//! Standard input: lines until it closes.

use super::lines::LineBuffer;
use super::{Counts, Line, Position, Problem, ProblemKind, Progress, Source, State, Status};
use crate::clock::Moment;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Bytes read in one call of [`Source::read`] at most.
const CALL_BYTES: u64 = 4 * 1024 * 1024;

/// Standard input, or any other pipe, socket or file that is read until it ends.
#[derive(Debug)]
pub struct StdinSource {
    name: String,
    input: OwnedFd,
    buffer: LineBuffer,
    counts: Counts,
    ended: bool,
    problem: Option<Problem>,
}

impl StdinSource {
    /// Reads standard input.
    pub fn open() -> std::io::Result<Self> {
        Ok(Self::of("stdin", std::io::stdin().as_fd().try_clone_to_owned()?))
    }

    /// Reads `input`. It may be in blocking mode: it is only read when `poll(2)` says so.
    pub fn of(name: &str, input: OwnedFd) -> Self {
        StdinSource {
            name: name.to_owned(),
            input,
            buffer: LineBuffer::new(BUFFER_BYTES, 0),
            counts: Counts::default(),
            ended: false,
            problem: None,
        }
    }

    fn fail(&mut self, error: rustix::io::Errno) {
        self.ended = true;
        self.problem = Some(Problem {
            kind: ProblemKind::Read,
            about: self.name.clone(),
            system: Some(std::io::Error::from(error).to_string()),
        });
    }

    /// Takes in more bytes; `None` where nothing is there now.
    fn fill(&mut self) -> Option<()> {
        if !is_readable(self.input.as_fd()) {
            return None;
        }
        match rustix::io::read(&self.input, self.buffer.space()) {
            Ok(0) => self.ended = true,
            Ok(count) => self.buffer.filled(count),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return None,
            Err(error) => self.fail(error),
        }
        Some(())
    }
}

/// True where a read would not block: bytes, the end, or an error are waiting.
pub(super) fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut wanted = [PollFd::new(&descriptor, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut wanted, Some(&at_once)), Ok(ready) if ready > 0)
}

impl Source for StdinSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        if self.ended { Vec::new() } else { vec![self.input.as_fd()] }
    }

    fn deadline(&self) -> Option<Moment> {
        None
    }

    fn read(
        &mut self,
        _now: Moment,
        budget_lines: usize,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> Progress {
        let mut left = budget_lines;
        let stop_at = self.buffer.read_offset().saturating_add(CALL_BYTES);
        loop {
            while left > 0 {
                let from = self.buffer.offset();
                let Some(line) = self.buffer.next() else { break };
                self.counts.take(&line, line.offset_end - from);
                sink(line);
                left -= 1;
            }
            if left == 0 || self.buffer.read_offset() >= stop_at {
                return Progress::More;
            }
            if self.ended {
                let from = self.buffer.offset();
                if let Some(line) = self.buffer.rest() {
                    self.counts.take(&line, line.offset_end - from);
                    sink(line);
                }
                return Progress::Ended;
            }
            if self.fill().is_none() {
                return Progress::Waiting;
            }
        }
    }

    fn position(&self) -> Position {
        Position::None
    }

    fn status(&self) -> Status {
        Status {
            state: if self.ended { State::Ended } else { State::Following },
            lag_bytes: None,
            counts: self.counts,
            problem: self.problem.clone(),
        }
    }
}
