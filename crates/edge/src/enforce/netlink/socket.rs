//! Netlink sockets. The kernel answers a request while it is being sent, so no call here waits.

use super::{DONE, DUMP_INTERRUPTED, Message, Messages, acknowledged};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, getsockname,
    recv, send, socket_with, sockopt,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The largest datagram that the kernel sends: a dump's part, or an error that quotes a message.
const DATAGRAM_BYTES: usize = 128 << 10;
/// How often a dump that was overtaken by a change is begun anew.
const DUMP_TRIES: u32 = 16;

/// What went wrong with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SocketError {
    /// The kernel refused the request, or the message in a transaction, with this number.
    #[error("{error}")]
    Refused {
        /// The number of the message.
        sequence: u32,
        /// Why.
        error: Errno,
    },
    /// A system call failed.
    #[error("{call}: {error}")]
    Call {
        /// Which.
        call: &'static str,
        /// Why.
        error: Errno,
    },
    /// No answer came.
    #[error("the kernel did not answer")]
    Silent,
    /// What was to be read kept changing.
    #[error("the answer kept changing")]
    Restless,
    /// A message was too long for its length field.
    #[error("the request was too long")]
    TooLong,
}

/// A netlink socket.
pub struct Socket {
    fd: OwnedFd,
    port: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens a socket of a protocol, subscribed to the groups of a mask, for which the kernel may
    /// hold so many bytes either way.
    pub fn open(
        protocol: Protocol,
        groups: u32,
        buffer_bytes: usize,
    ) -> Result<Socket, SocketError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(protocol))
            .map_err(call("socket"))?;
        bind(&fd, &SocketAddrNetlink::new(0, groups)).map_err(call("bind"))?;
        let name = getsockname(&fd).map_err(call("getsockname"))?;
        let port = SocketAddrNetlink::try_from(name).map_err(call("getsockname"))?.pid();
        // Both need CAP_NET_ADMIN. Without it the first request will say so.
        let _ = sockopt::set_socket_send_buffer_size_force(&fd, buffer_bytes);
        let _ = sockopt::set_socket_recv_buffer_size_force(&fd, buffer_bytes);
        Ok(Socket { fd, port, buffer: vec![0; DATAGRAM_BYTES] })
    }

    /// The number by which the kernel names this socket as the cause of a change.
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// Sends messages, of which the one numbered `last` asks for an acknowledgement. `Ok` when it
    /// came and no message was refused.
    pub fn transact(&mut self, bytes: &[u8], last: u32) -> Result<(), SocketError> {
        self.send(bytes)?;
        let mut refused = None;
        let mut done = false;
        while let Some(length) = self.read()? {
            for message in Messages::new(self.buffer.get(..length).unwrap_or_default()) {
                match acknowledged(&message) {
                    Some(0) => done |= message.sequence == last,
                    Some(number) if refused.is_none() => {
                        let error = Errno::from_raw_os_error(number);
                        refused = Some(SocketError::Refused { sequence: message.sequence, error });
                    }
                    _ => {}
                }
            }
            if done && refused.is_none() {
                return Ok(());
            }
        }
        Err(refused.unwrap_or(SocketError::Silent))
    }

    /// Sends one request and gives each message of its answer to `each`; for a dump up to its end,
    /// begun anew when a change overtook it.
    pub fn ask<T: Default>(
        &mut self,
        bytes: &[u8],
        sequence: u32,
        mut each: impl FnMut(&mut T, &Message<'_>),
    ) -> Result<T, SocketError> {
        for _ in 0..DUMP_TRIES {
            self.send(bytes)?;
            let mut answer = T::default();
            if self.answer(sequence, |message| each(&mut answer, message))? {
                return Ok(answer);
            }
        }
        Err(SocketError::Restless)
    }

    /// False where a change overtook a dump.
    fn answer(
        &mut self,
        sequence: u32,
        mut each: impl FnMut(&Message<'_>),
    ) -> Result<bool, SocketError> {
        let mut steady = true;
        let mut refused = None;
        let mut ended = false;
        while !ended {
            let Some(length) = self.read()? else { break };
            for message in Messages::new(self.buffer.get(..length).unwrap_or_default()) {
                if message.sequence != sequence {
                    continue;
                }
                steady &= message.flags & DUMP_INTERRUPTED == 0;
                match acknowledged(&message) {
                    Some(0) => ended = true,
                    Some(number) => {
                        let error = Errno::from_raw_os_error(number);
                        refused = Some(SocketError::Refused { sequence, error });
                        ended = true;
                    }
                    None if message.kind == DONE => {
                        refused = dump_error(message.payload, sequence);
                        ended = true;
                    }
                    None => each(&message),
                }
            }
        }
        match refused {
            Some(SocketError::Refused { error: Errno::INTR, .. }) => Ok(false),
            Some(refused) => Err(refused),
            None if ended => Ok(steady),
            None => Err(SocketError::Silent),
        }
    }

    /// Reads the notifications that have come; false when some were lost.
    pub fn drain(&mut self, mut each: impl FnMut(&Message<'_>)) -> Result<bool, SocketError> {
        let mut complete = true;
        loop {
            match self.read() {
                Ok(Some(length)) => {
                    Messages::new(self.buffer.get(..length).unwrap_or_default())
                        .for_each(|message| each(&message));
                }
                Ok(None) => return Ok(complete),
                Err(SocketError::Call { error: Errno::NOBUFS, .. }) => complete = false,
                Err(error) => return Err(error),
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), SocketError> {
        loop {
            match send(&self.fd, bytes, SendFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(SocketError::Call { call: "send", error }),
            }
        }
    }

    fn read(&mut self) -> Result<Option<usize>, SocketError> {
        loop {
            match recv(&self.fd, self.buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((_, length)) => return Ok(Some(length.min(self.buffer.len()))),
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(SocketError::Call { call: "recv", error }),
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The error number that the end of a dump may carry.
fn dump_error(payload: &[u8], sequence: u32) -> Option<SocketError> {
    let (code, _) = payload.split_first_chunk::<4>()?;
    let number = i32::from_ne_bytes(*code).saturating_neg();
    (number > 0).then(|| SocketError::Refused { sequence, error: Errno::from_raw_os_error(number) })
}

fn call(call: &'static str) -> impl Fn(Errno) -> SocketError {
    move |error| SocketError::Call { call, error }
}
