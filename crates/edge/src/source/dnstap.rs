//! dnstap: what DNS servers tell of their clients, as Frame Streams in a file or by a Unix socket.
//!
//! Each frame of interest becomes one line of text (`message` says of which form), so that the
//! journal, the corpora and `parse` have lines as of any other source.
//!
//! The socket is ours, and servers connect: any number of them up to a bound, each with its own
//! stream, bidirectional (READY, ACCEPT, START) or not. A stream that breaks the rules is closed; a
//! frame that cannot be read is left out. Nothing is remembered: what a server sends while nobody
//! listens is lost.

mod frames;
mod message;

pub use frames::{FRAME_MAX, FrameError, Frames, HEAD_BYTES, Reply, Step, control, is_stream};
pub use message::{Skipped, line};

use super::{Counts, Line, Position, Problem, ProblemKind, Progress, Source, State, Status};
use crate::clock::Moment;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Least time between two reports of frames that could not be read.
const NEWS_EVERY: Duration = Duration::from_secs(60);
/// Servers that may be connected at once.
const CLIENTS_MAX: usize = 32;
/// Bytes read of one server at once.
const READ_BYTES: usize = 64 * 1024;
/// Reads of all servers in one call of [`Source::read`].
const CALL_READS: usize = 64;
/// How long until a socket that could not be made is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// The lines of a stream in a file: reads frames, hands out text.
pub struct DnstapLines<R> {
    input: R,
    frames: Frames,
    text: Vec<u8>,
    /// What of `text` was handed out.
    given: usize,
    ended: bool,
}

impl<R: Read> DnstapLines<R> {
    /// Of a stream's first byte on.
    pub fn new(input: R) -> Self {
        DnstapLines { input, frames: Frames::default(), text: Vec::new(), given: 0, ended: false }
    }

    /// Reads on until there is text, or the input ends.
    fn fill(&mut self) -> io::Result<()> {
        (self.given, self.ended) = (0, false);
        self.text.clear();
        let mut space = vec![0; READ_BYTES];
        while self.text.is_empty() && !self.ended {
            let count = self.input.read(&mut space)?;
            self.ended = count == 0;
            self.frames.take_in(space.get(..count).unwrap_or_default());
            let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            while let Some(step) = self.frames.step().map_err(invalid)? {
                if let Step::Data(payload) = step
                    && let Ok(line) = line(payload)
                {
                    self.text.extend_from_slice(line.as_bytes());
                    self.text.push(b'\n');
                }
            }
        }
        match self.ended && !self.frames.is_empty() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(()),
        }
    }
}

impl<R: Read> Read for DnstapLines<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.fill()?;
        }
        let mut rest = self.text.get(self.given..).unwrap_or_default();
        let count = rest.read(space)?;
        self.given += count;
        Ok(count)
    }
}

/// A Unix socket to which DNS servers send dnstap.
#[derive(Debug)]
pub struct DnstapSource {
    name: String,
    path: PathBuf,
    listener: Option<UnixListener>,
    clients: Vec<Client>,
    counts: Counts,
    /// Frames that could not be read.
    malformed: u64,
    /// Of these, those that people were told of.
    malformed_told: u64,
    news_at: Moment,
    problem: Option<Problem>,
    retry_at: Option<Moment>,
}

/// One server.
#[derive(Debug)]
struct Client {
    stream: UnixStream,
    frames: Frames,
    /// More may be held or waiting.
    ready: bool,
}

impl DnstapSource {
    /// Listens at `path`; where that fails, again and again.
    pub fn new(name: &str, path: &Path, now: Moment) -> Self {
        let mut source = DnstapSource {
            name: name.to_owned(),
            path: path.to_owned(),
            listener: None,
            clients: Vec::new(),
            counts: Counts::default(),
            malformed: 0,
            malformed_told: 0,
            news_at: now,
            problem: None,
            retry_at: None,
        };
        source.listen(now);
        source
    }

    /// Frames since the start that could not be read.
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    fn listen(&mut self, now: Moment) {
        match bound(&self.path) {
            Ok(listener) => {
                (self.listener, self.problem, self.retry_at) = (Some(listener), None, None);
            }
            Err(error) => {
                let kind = match error.kind() {
                    io::ErrorKind::NotFound => ProblemKind::Missing,
                    io::ErrorKind::PermissionDenied => ProblemKind::Permission,
                    _ => ProblemKind::Read,
                };
                self.fail(kind, Some(error.to_string()));
                self.retry_at = Some(now.plus(RETRY));
            }
        }
    }

    fn fail(&mut self, kind: ProblemKind, system: Option<String>) {
        let about = self.path.to_string_lossy().into_owned();
        self.problem = Some(Problem { kind, about, system });
    }

    /// Takes servers in that wait, up to the bound.
    fn accept(&mut self) {
        while self.clients.len() < CLIENTS_MAX {
            let Some(listener) = &self.listener else { return };
            let Ok((stream, _)) = listener.accept() else { return };
            if stream.set_nonblocking(true).is_ok() {
                self.clients.push(Client { stream, frames: Frames::default(), ready: true });
            }
        }
    }

    /// Hands out what is held of the server at `place`; true where its stream goes on.
    fn hand_out(
        &mut self,
        place: usize,
        left: &mut usize,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> Result<bool, FrameError> {
        let Some(client) = self.clients.get_mut(place) else { return Ok(false) };
        while *left > 0 {
            match client.frames.step()? {
                None => return Ok(true),
                Some(Step::Data(payload)) => match line(payload) {
                    Ok(text) => {
                        let whole_bytes = text.len() as u64 + 1;
                        let offset_end = self.counts.bytes + whole_bytes;
                        let line =
                            Line { bytes: text.as_bytes(), cut: false, offset_end, writer: 0 };
                        self.counts.take(&line, whole_bytes);
                        sink(line);
                        *left -= 1;
                    }
                    Err(Skipped::Malformed) => self.malformed += 1,
                    Err(Skipped::NoClient) => {}
                },
                Some(Step::Reply(reply)) => {
                    // An answer of a few bytes fits into an empty socket, or nobody reads it.
                    let sent = client.stream.write_all(&reply.bytes());
                    if sent.is_err() || reply == Reply::Finish {
                        return Ok(false);
                    }
                }
                Some(Step::Stopped) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Reads once of the server at `place`; false where its stream ended.
    fn fill(&mut self, place: usize, space: &mut [u8]) -> bool {
        let Some(client) = self.clients.get_mut(place) else { return false };
        match client.stream.read(space) {
            Ok(0) => false,
            Ok(count) => {
                client.frames.take_in(space.get(..count).unwrap_or_default());
                true
            }
            Err(error) => {
                client.ready = false;
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
            }
        }
    }

    /// One turn of one server; false where it is to be closed.
    fn serve(
        &mut self,
        place: usize,
        left: &mut usize,
        space: &mut [u8],
        sink: &mut dyn FnMut(Line<'_>),
    ) -> bool {
        for filled in [false, true] {
            if filled && !self.fill(place, space) {
                return false;
            }
            match self.hand_out(place, left, sink) {
                Ok(true) if *left == 0 => return true,
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    self.fail(ProblemKind::Read, Some(error.to_string()));
                    return false;
                }
            }
        }
        true
    }
}

impl Source for DnstapSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        // One more than there is room for would be readable for ever.
        let room = self.clients.len() < CLIENTS_MAX;
        let listener = self.listener.iter().filter(|_| room).map(AsFd::as_fd);
        listener.chain(self.clients.iter().map(|client| client.stream.as_fd())).collect()
    }

    fn deadline(&self) -> Option<Moment> {
        self.retry_at
    }

    fn news(&mut self, now: Moment) -> Option<String> {
        if self.malformed == self.malformed_told || now < self.news_at {
            return None;
        }
        self.news_at = now.plus(NEWS_EVERY);
        let count = self.malformed - self.malformed_told;
        self.malformed_told = self.malformed;
        Some(format!("{count} frames could not be read; what sent them is no DNS server's dnstap"))
    }

    fn read(
        &mut self,
        now: Moment,
        budget_lines: usize,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> Progress {
        if self.retry_at.is_some_and(|at| now >= at) {
            self.listen(now);
        }
        self.accept();
        let (mut left, mut reads) = (budget_lines, CALL_READS);
        let mut space = vec![0; READ_BYTES];
        self.clients.iter_mut().for_each(|client| client.ready = true);
        while left > 0 && reads > 0 && self.clients.iter().any(|client| client.ready) {
            let mut place = 0;
            while place < self.clients.len() && left > 0 && reads > 0 {
                let is_ready = self.clients.get(place).is_some_and(|client| client.ready);
                reads -= usize::from(is_ready);
                if is_ready && !self.serve(place, &mut left, &mut space, sink) {
                    self.clients.swap_remove(place);
                } else {
                    place += 1;
                }
            }
        }
        // The next call begins with another, so that no server keeps the others waiting.
        if !self.clients.is_empty() {
            self.clients.rotate_left(1);
        }
        match left == 0 || reads == 0 {
            true => Progress::More,
            false => Progress::Waiting,
        }
    }

    fn position(&self) -> Position {
        Position::None
    }

    fn status(&self) -> Status {
        let state = match self.listener {
            Some(_) => State::Following,
            None => State::Failing,
        };
        Status { state, lag_bytes: None, counts: self.counts, problem: self.problem.clone() }
    }
}

impl Drop for DnstapSource {
    fn drop(&mut self) {
        if self.listener.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A socket at `path`, for its owner and group: who may send is said by the directory. One that a
/// process left behind is taken over; one that is being served is not.
fn bound(path: &Path) -> io::Result<UnixListener> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        other => other?,
    };
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o660))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn is_left_behind(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).is_err_and(refused)
}
