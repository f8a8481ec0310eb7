//! The socket between the guard and the process that started it: one datagram, one message.
//!
//! Down it come the enforcer's socket, once, who must not be banned, whenever that changes, and how
//! many clients came to the mail servers.
//! Up it goes that the guard is ready, and that it is alive. Whoever finds the other end closed
//! ends.

use crate::failure::{Context as _, Failure};
use event::{Network, Server, Vocabulary as _};
use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send, sendmsg,
    socketpair, sockopt,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The longest message, in bytes: as many networks as are told, each as text.
const MESSAGE_MAX: usize = 256 * 1024;
/// More networks are not told.
const NETWORKS_MAX: usize = 4096;
/// The longest status, in bytes.
const STATUS_MAX: usize = 256;
/// Messages heard in one turn.
const TURN_MAX: usize = 64;

const ENFORCER: &[u8] = b"enforcer";
const PROTECT: &str = "protect";
const CLIENTS: &str = "clients";
const READY: &str = "ready";
const ALIVE: &str = "alive";

/// A pair of connected sockets for datagrams that keep their order and their bounds.
pub fn pair() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// The parent's end.
pub struct ToGuard {
    socket: OwnedFd,
    told: Option<Vec<Network>>,
}

/// What the guard says. It reads hostile bytes, so its words are checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    /// It guards now.
    Ready,
    /// Its loop went round; how it is, in a few words of plain ASCII.
    Alive(String),
}

impl ToGuard {
    /// Hands the guard its socket to the enforcer.
    pub fn begin(socket: OwnedFd, enforcer: &OwnedFd) -> rustix::io::Result<Self> {
        let _ = sockopt::set_socket_send_buffer_size(&socket, 2 * MESSAGE_MAX);
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [enforcer.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(&socket, &[IoSlice::new(ENFORCER)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(ToGuard { socket, told: None })
    }

    /// Tells who must not be banned, where that is news. A guard that does not listen is told the
    /// next time.
    pub fn tell(&mut self, networks: Vec<Network>) {
        if self.told.as_ref() == Some(&networks) {
            return;
        }
        let text = networks
            .iter()
            .take(NETWORKS_MAX)
            .fold(PROTECT.to_owned(), |text, network| format!("{text}\n{network}"));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        if send(&self.socket, text.as_bytes(), flags).is_ok() {
            self.told = Some(networks);
        }
    }

    /// Tells how many clients came to a mail server since the last time.
    pub fn clients_came(&self, server: Option<Server>, count: u32) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // A guard that does not listen misses a few of many.
        let name = server.map_or("", Server::name);
        let _ = send(&self.socket, format!("{CLIENTS}\n{count}\n{name}").as_bytes(), flags);
    }

    /// What the guard said since the last call.
    pub fn hear(&self) -> Vec<Word> {
        let mut buffer = [0; STATUS_MAX + 16];
        let mut words = Vec::new();
        while words.len() < TURN_MAX {
            match recv(&self.socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(_) => break,
                Ok((_, length)) => words.extend(word(buffer.get(..length).unwrap_or_default())),
            }
        }
        words
    }
}

fn word(bytes: &[u8]) -> Option<Word> {
    let text = str::from_utf8(bytes).ok()?;
    let (word, status) = text.split_once('\n').unwrap_or((text, ""));
    let plain = status.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    match word {
        READY => Some(Word::Ready),
        ALIVE if plain && status.len() <= STATUS_MAX => Some(Word::Alive(status.to_owned())),
        _ => None,
    }
}

impl AsFd for ToGuard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The guard's end.
pub struct ToParent {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// What the parent said since the last time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// These must not be banned, and no others: its latest word.
    pub protect: Option<Vec<Network>>,
    /// So many clients came to these mail servers.
    pub clients: Vec<(Option<Server>, u32)>,
    /// It is gone, or wants the guard to end.
    pub is_gone: bool,
}

impl ToParent {
    /// Takes the enforcer's socket off it, which was sent before the guard was started.
    pub fn begin(socket: OwnedFd) -> Result<(Self, OwnedFd), Failure> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; 16];
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)
            .context(|| "standard input".to_owned())
            .map_err(|failure| failure.remedy("this process is started by `mailward up`"))?;
        let enforcer = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        match enforcer {
            Some(enforcer) if bytes.get(..received.bytes) == Some(ENFORCER) => {
                Ok((ToParent { socket, buffer: vec![0; MESSAGE_MAX] }, enforcer))
            }
            _ => Err(Failure::new("standard input is not the socket of a parent")
                .remedy("this process is started by `mailward up`")),
        }
    }

    /// What the parent said since the last call.
    pub fn hear(&mut self) -> Heard {
        let mut heard = Heard::default();
        for _ in 0..TURN_MAX {
            match recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => {
                    heard.is_gone = true;
                    break;
                }
                Ok((_, length)) => {
                    let text =
                        String::from_utf8_lossy(self.buffer.get(..length).unwrap_or_default());
                    let mut lines = text.lines();
                    match lines.next() {
                        Some(PROTECT) => {
                            let networks = lines.filter_map(|line| line.parse().ok());
                            heard.protect = Some(networks.collect());
                        }
                        Some(CLIENTS) => {
                            let count = lines.next().and_then(|line| line.parse().ok());
                            let server = lines.next().and_then(Server::from_name);
                            heard.clients.extend(count.map(|count| (server, count)));
                        }
                        _ => {}
                    }
                }
                Err(_) => break,
            }
        }
        heard
    }

    /// Says that the guard guards now.
    pub fn ready(&self) {
        self.say(READY);
    }

    /// Says that its loop went round, and how it is.
    pub fn alive(&self, status: &str) {
        self.say(&format!("{ALIVE}\n{status}"));
    }

    /// A parent that does not listen misses nothing that it could not hear the next time.
    fn say(&self, text: &str) {
        let _ = send(&self.socket, text.as_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}

impl AsFd for ToParent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> (ToGuard, ToParent, OwnedFd) {
        let (up, down) = pair().unwrap();
        let (ours, theirs) = pair().unwrap();
        let parent = ToGuard::begin(up, &ours).unwrap();
        let (guard, enforcer) = ToParent::begin(down).unwrap();
        send(&enforcer, b"x", SendFlags::empty()).unwrap();
        (parent, guard, theirs)
    }

    #[test]
    fn the_enforcers_socket_comes_first_and_news_behind_it() {
        let (mut parent, mut guard, theirs) = link();
        let mut byte = [0; 4];
        assert_eq!(recv(&theirs, byte.as_mut_slice(), RecvFlags::empty()).unwrap().1, 1);
        assert_eq!(guard.hear(), Heard::default());
        let some: Vec<Network> =
            ["192.0.2.7/32", "2001:db8::/48"].iter().map(|text| text.parse().unwrap()).collect();
        parent.tell(some.clone());
        assert_eq!(guard.hear().protect, Some(some.clone()));
        parent.tell(some);
        assert_eq!(guard.hear(), Heard::default(), "told once");
        parent.clients_came(Some(Server::Exim), 3);
        parent.tell(Vec::new());
        parent.clients_came(None, 4);
        let protect = Some(Vec::new());
        let clients = vec![(Some(Server::Exim), 3), (None, 4)];
        assert_eq!(guard.hear(), Heard { protect, clients, is_gone: false });
        drop(parent);
        assert!(guard.hear().is_gone);
    }

    #[test]
    fn as_many_networks_as_are_told_fit_into_a_message() {
        let (mut parent, mut guard, _theirs) = link();
        let network = |number: u16| format!("2001:db8:ffff:ffff:ffff:ffff:ffff:{number:x}/128");
        let many: Vec<Network> = (0x8000..0x8000 + NETWORKS_MAX as u16)
            .map(|number| network(number).parse().unwrap())
            .collect();
        parent.tell(many.clone());
        assert_eq!(guard.hear().protect, Some(many));
    }

    #[test]
    fn words_of_the_guard_are_checked() {
        let (parent, guard, _theirs) = link();
        guard.ready();
        guard.alive("3 bans hold");
        for other in ["", "alive\nREADY=1\nMAINPID=1", "alive\n\u{1b}[31m", "end", "alive\n\u{fc}"]
        {
            guard.say(other);
        }
        guard.alive(&"x".repeat(STATUS_MAX + 1));
        guard.alive("");
        let heard = parent.hear();
        // An empty datagram reads as the end: what comes behind it waits for the next turn.
        assert_eq!(heard, [Word::Ready, Word::Alive("3 bans hold".to_owned())]);
        assert_eq!(parent.hear(), [Word::Alive(String::new())]);
    }

    #[test]
    fn a_socket_of_somebody_else_is_refused() {
        let (ours, theirs) = pair().unwrap();
        assert!(ToParent::begin(theirs).is_err());
        let (ours2, theirs) = pair().unwrap();
        send(&ours2, b"enforcer", SendFlags::empty()).unwrap();
        assert!(ToParent::begin(theirs).is_err(), "without a socket in it");
        drop(ours);
    }
}
