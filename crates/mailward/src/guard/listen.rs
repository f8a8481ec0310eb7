//! The listening side of [`crate::control`]: never blocks, never holds more than a few askers.

use crate::control::{Answer, LINE_MAX, Request};
use rustix::event::{PollFd, PollFlags};
use rustix::net::sockopt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Askers served at once; more wait in the kernel's queue.
const ASKERS_MAX: usize = 16;
/// The longest request.
const REQUEST_MAX: usize = 64 * 1024;

/// Who asks, as the kernel says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The user id.
    pub uid: u32,
}

/// The control socket.
pub struct Control {
    listener: Option<UnixListener>,
    askers: Vec<Asker>,
}

struct Asker {
    stream: UnixStream,
    peer: Peer,
    request: Vec<u8>,
    answer: Vec<u8>,
    written: usize,
    done: bool,
}

impl Control {
    /// One that nobody can reach.
    pub const fn none() -> Self {
        Control { listener: None, askers: Vec::new() }
    }

    /// Listens at `path`. A socket that another guard left behind is replaced; one that is
    /// answered is an error of kind `AddrInUse`.
    pub fn listen(path: &Path) -> std::io::Result<Self> {
        if UnixStream::connect(path).is_ok() {
            return Err(std::io::Error::new(ErrorKind::AddrInUse, "another guard runs here"));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Control { listener: Some(listener), askers: Vec::new() })
    }

    /// What to wait for.
    pub fn poll<'a>(&'a self, into: &mut Vec<PollFd<'a>>) {
        if let Some(listener) = self.listener.as_ref().filter(|_| self.askers.len() < ASKERS_MAX) {
            into.push(PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN));
        }
        for asker in &self.askers {
            let flags = if asker.answer.is_empty() { PollFlags::IN } else { PollFlags::OUT };
            into.push(PollFd::from_borrowed_fd(asker.stream.as_fd(), flags));
        }
    }

    /// Accepts, reads and answers what is ready.
    pub fn serve(&mut self, mut answer: impl FnMut(Peer, Request) -> Answer) {
        self.accept();
        for asker in &mut self.askers {
            asker.read(&mut answer);
            asker.write();
        }
        self.askers.retain(|asker| !asker.done);
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while self.askers.len() < ASKERS_MAX {
            let Ok((stream, _)) = listener.accept() else { return };
            let Ok(credentials) = sockopt::socket_peercred(&stream) else { continue };
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            let peer = Peer { uid: credentials.uid.as_raw() };
            self.askers.push(Asker {
                stream,
                peer,
                request: Vec::new(),
                answer: Vec::new(),
                written: 0,
                done: false,
            });
        }
    }
}

impl Asker {
    fn read(&mut self, answer: &mut impl FnMut(Peer, Request) -> Answer) {
        if !self.answer.is_empty() {
            return;
        }
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.done = true,
                Ok(count) => {
                    self.request.extend_from_slice(buffer.get(..count).unwrap_or_default())
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.done = true,
            }
            if self.request.len() > REQUEST_MAX {
                return self.done = true;
            }
        }
        if self.request.last() == Some(&b'\n') {
            let reply = match serde_json::from_slice(&self.request) {
                Ok(request) => answer(self.peer, request),
                Err(error) => Answer::refused(format!("the request cannot be read: {error}")),
            };
            self.answer = serde_json::to_vec(&reply).unwrap_or_default();
            self.answer.truncate(LINE_MAX);
            self.answer.push(b'\n');
        }
    }

    fn write(&mut self) {
        while let Some(rest) = self.answer.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.done = true,
            }
        }
        self.done |= !self.answer.is_empty();
    }
}
