//! The guard's end of the socket to the enforcer: never blocks, bounded, coalescing.

use super::message::{BANS_MAX, MESSAGE_MAX, MessageError, Order, Report};
use super::ruleset::{Ban, Ruleset};
use event::Network;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair, sockopt,
};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Changes that wait for a slow enforcer; above this a snapshot is asked for instead.
const WAITING_MAX: usize = 65_536;
/// Questions that wait.
const QUESTIONS_MAX: usize = 64;
/// What the kernel may hold of ours on the way to the other process, in bytes.
const BUFFER_BYTES: usize = 4 << 20;

/// Why the enforcer cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// Its process ended; a new one needs the ruleset and a snapshot.
    #[error("the enforcer's process is gone")]
    Gone,
    /// The ruleset is longer than a message may be; the one before stays in force.
    #[error("the ruleset has more than {BANS_MAX} networks or ports in a list")]
    TooLarge,
    /// It wrote what is no message.
    #[error("the enforcer sent a bad message")]
    Message(#[from] MessageError),
    /// The socket failed.
    #[error("the socket to the enforcer failed")]
    Socket(#[source] std::io::Error),
}

/// What the guard tells the enforcer with, and hears it by.
///
/// Every method returns at once. What the socket cannot take waits here; several changes for one
/// network become one. When more waits than [`Handle::needs_snapshot`] allows for, the changes are
/// dropped and the guard sends its whole desired state again.
pub struct Handle {
    socket: OwnedFd,
    sequence: u32,
    queue: VecDeque<Queued>,
    /// The latest word on each network: `Some` to ban, `None` to lift.
    waiting: BTreeMap<Network, Option<Ban>>,
    waiting_sequence: u32,
    needs_snapshot: bool,
    buffer: Vec<u8>,
}

struct Queued {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ruleset,
    Snapshot,
    Change,
    Question,
}

impl Handle {
    /// A new handle, and the end that the enforcer's process gets.
    pub fn pair() -> Result<(Handle, OwnedFd), HandleError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
            .map_err(|e| HandleError::Socket(e.into()))?;
        for end in [&ours, &theirs] {
            // Without privilege the kernel gives what it allows; a smaller buffer only queues more.
            let _ = sockopt::set_socket_send_buffer_size(end, BUFFER_BYTES);
        }
        Ok((Handle::new(ours), theirs))
    }

    /// A handle on one end of a non-blocking `SOCK_SEQPACKET` socketpair.
    pub fn new(socket: OwnedFd) -> Handle {
        Handle {
            socket,
            sequence: 0,
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            waiting_sequence: 0,
            needs_snapshot: false,
            buffer: vec![0; MESSAGE_MAX],
        }
    }

    /// Replaces the rules. Returns the order's number, which reports name.
    pub fn ruleset(&mut self, ruleset: &Ruleset) -> Result<u32, HandleError> {
        let sequence = self.next();
        let bytes = Order::Ruleset(ruleset.clone()).encode(sequence);
        let Ruleset { ports, allow, protect, allow_only, unlimited, .. } = ruleset;
        let mut lists = vec![ports.len(), allow.len(), protect.len()];
        lists.extend([allow_only.len(), unlimited.len()]);
        lists.extend(ruleset.allow_only.iter().map(|only| only.networks.len()));
        if bytes.len() > MESSAGE_MAX || lists.into_iter().any(|length| length > BANS_MAX) {
            return Err(HandleError::TooLarge);
        }
        self.queue.retain(|queued| queued.kind != Kind::Ruleset);
        self.queue.push_front(Queued { kind: Kind::Ruleset, bytes });
        self.flush()?;
        Ok(sequence)
    }

    /// Bans, or changes the time of a ban.
    pub fn ban(&mut self, bans: &[Ban]) -> Result<u32, HandleError> {
        self.change(bans.iter().map(|ban| (ban.network, Some(*ban))))
    }

    /// Lifts bans.
    pub fn unban(&mut self, networks: &[Network]) -> Result<u32, HandleError> {
        self.change(networks.iter().map(|network| (*network, None)))
    }

    /// Sends the whole desired state: these bans and no others.
    pub fn snapshot(&mut self, bans: impl IntoIterator<Item = Ban>) -> Result<u32, HandleError> {
        self.queue.retain(|queued| !matches!(queued.kind, Kind::Snapshot | Kind::Change));
        self.waiting.clear();
        self.needs_snapshot = false;
        let sequence = self.next();
        self.push(Kind::Snapshot, &Order::SnapshotBegin, sequence);
        let mut bans = bans.into_iter();
        loop {
            let part: Vec<Ban> = bans.by_ref().take(BANS_MAX).collect();
            if part.is_empty() {
                break;
            }
            self.push(Kind::Snapshot, &Order::SnapshotPart(part), sequence);
        }
        self.push(Kind::Snapshot, &Order::SnapshotEnd, sequence);
        self.flush()?;
        Ok(sequence)
    }

    /// Asks for the counters; the answer is a [`Report::Counters`].
    pub fn ask_counters(&mut self) -> Result<(), HandleError> {
        self.ask(&Order::AskCounters)
    }

    /// Asks what the kernel holds for an address; the answer is a [`Report::Address`].
    pub fn ask_address(&mut self, address: IpAddr) -> Result<(), HandleError> {
        self.ask(&Order::AskAddress(address))
    }

    /// Sends what waits, as far as the socket takes it. Call it when the socket is writable and
    /// [`Handle::wants_write`] holds.
    pub fn flush(&mut self) -> Result<(), HandleError> {
        loop {
            while let Some(queued) = self.queue.front() {
                if !self.send(&queued.bytes)? {
                    return Ok(());
                }
                self.queue.pop_front();
            }
            if self.waiting.is_empty() {
                return Ok(());
            }
            self.queue_waiting();
        }
    }

    /// True while something waits for the socket to become writable.
    pub fn wants_write(&self) -> bool {
        !self.queue.is_empty() || !self.waiting.is_empty()
    }

    /// True after so much waited that changes were dropped: send a [`Handle::snapshot`].
    pub const fn needs_snapshot(&self) -> bool {
        self.needs_snapshot
    }

    /// Reads all reports that have come. [`HandleError::Gone`] when the process ended.
    pub fn receive(&mut self, into: &mut Vec<Report>) -> Result<(), HandleError> {
        loop {
            match recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => return Err(HandleError::Gone),
                Ok((length, _)) => {
                    let bytes = self.buffer.get(..length).unwrap_or_default();
                    into.push(Report::decode(bytes)?);
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(HandleError::Socket(error.into())),
            }
        }
    }

    fn next(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    fn push(&mut self, kind: Kind, order: &Order, sequence: u32) {
        self.queue.push_back(Queued { kind, bytes: order.encode(sequence) });
    }

    fn ask(&mut self, order: &Order) -> Result<(), HandleError> {
        if self.queue.iter().filter(|q| q.kind == Kind::Question).count() < QUESTIONS_MAX {
            let sequence = self.next();
            self.push(Kind::Question, order, sequence);
        }
        self.flush()
    }

    fn change(
        &mut self,
        changes: impl Iterator<Item = (Network, Option<Ban>)>,
    ) -> Result<u32, HandleError> {
        let sequence = self.next();
        self.waiting_sequence = sequence;
        for (network, ban) in changes {
            if self.needs_snapshot {
                break;
            }
            self.waiting.insert(network, ban);
            if self.waiting.len() > WAITING_MAX {
                self.waiting.clear();
                self.needs_snapshot = true;
            }
        }
        self.flush()?;
        Ok(sequence)
    }

    /// Turns the changes that wait into messages.
    fn queue_waiting(&mut self) {
        let sequence = self.waiting_sequence;
        let mut bans = Vec::new();
        let mut lifted = Vec::new();
        for (network, ban) in std::mem::take(&mut self.waiting) {
            match ban {
                Some(ban) => bans.push(ban),
                None => lifted.push(network),
            }
        }
        for part in lifted.chunks(BANS_MAX) {
            self.push(Kind::Change, &Order::Unban(part.to_vec()), sequence);
        }
        for part in bans.chunks(BANS_MAX) {
            self.push(Kind::Change, &Order::Ban(part.to_vec()), sequence);
        }
    }

    /// False where the socket takes no more for now.
    fn send(&self, bytes: &[u8]) -> Result<bool, HandleError> {
        loop {
            match send(&self.socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(true),
                Err(Errno::AGAIN | Errno::NOBUFS) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => {
                    return Err(HandleError::Gone);
                }
                Err(error) => return Err(HandleError::Socket(error.into())),
            }
        }
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests;
