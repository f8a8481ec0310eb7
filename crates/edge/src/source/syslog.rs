//! Receives syslog of other hosts and appliances: UDP (RFC 5426), a message a datagram; TCP
//! (RFC 6587) and TLS (RFC 5425), counted or by lines.
//!
//! Only listed peers are read; others are counted and never looked at. What a peer may hold is
//! bounded, and each has its turn, so that none starves another: a datagram that finds its peer's
//! queue full is dropped and counted, a connection is not read on until its messages had their
//! turn. The addresses of datagrams can be forged: only a network that is one's own is worth UDP.

mod frames;
mod stream;

use self::frames::Frames;
pub use self::stream::SyslogTls;
use self::stream::{Secured, Stream};
use super::journal::export::escaped;
use super::{Counts, LINE_MAX, Line, Position, Progress, Source, State, Status};
use crate::clock::Moment;
use event::{Network, canonical};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Peers whose lines are told apart; each has stamps, and a queue, of its own.
pub const PEERS_MAX: usize = 255;
/// Bytes of datagrams that wait for one peer's turn.
const QUEUE_BYTES: usize = 256 * 1024;
/// Datagrams taken in by one call of [`Source::read`] at most, of each socket.
const CALL_DATAGRAMS: usize = 4096;
/// Lines of one peer or connection before the next has its turn.
const TURN_LINES: usize = 32;
/// Bytes taken of one connection before the next has its turn: lines need not be in them.
const TURN_BYTES: usize = 256 * 1024;
/// Bytes taken of all connections by one call of [`Source::read`], and a little more.
const CALL_BYTES: usize = 4 * TURN_BYTES;
/// How long no connection is taken in after one could not be, for want of a descriptor or memory:
/// it goes on waiting, and would wake the loop at once.
const REST: Duration = Duration::from_secs(1);
/// What the kernel is asked to hold while the guard is busy.
const KERNEL_BYTES: usize = 8 * 1024 * 1024;
/// A connection must bring a message within this, and end each that it begins.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two reports.
const NEWS_EVERY: Duration = Duration::from_secs(60);

/// An address to listen on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyslogAddress {
    /// `udp:192.0.2.1:514`.
    Udp(SocketAddr),
    /// `tcp:[2001:db8::1]:601`.
    Tcp(SocketAddr),
    /// `tls:192.0.2.1:6514`.
    Tls(SocketAddr),
}

impl SyslogAddress {
    /// As it is written in a configuration.
    pub fn named(text: &str) -> Option<Self> {
        let (kind, address) = text.split_once(':')?;
        let address = address.parse().ok()?;
        match kind {
            "udp" => Some(SyslogAddress::Udp(address)),
            "tcp" => Some(SyslogAddress::Tcp(address)),
            "tls" => Some(SyslogAddress::Tls(address)),
            _ => None,
        }
    }
}

impl fmt::Display for SyslogAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyslogAddress::Udp(address) => write!(out, "udp:{address}"),
            SyslogAddress::Tcp(address) => write!(out, "tcp:{address}"),
            SyslogAddress::Tls(address) => write!(out, "tls:{address}"),
        }
    }
}

/// What is received, and of whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyslogOptions {
    /// Who may send.
    pub peers: Vec<Network>,
    /// Connections open at once; one peer has a quarter of them at most.
    pub connections_max: usize,
    /// What `tls:` addresses need.
    pub tls: Option<SyslogTls>,
}

/// Why syslog cannot be received.
#[derive(thiserror::Error, Debug)]
pub enum SyslogError {
    /// An address cannot be listened on.
    #[error("{0}: {1}")]
    Address(SyslogAddress, io::Error),
    /// A file of TLS is of no use.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// TLS was asked for without a certificate.
    #[error("{0}: TLS needs a certificate and its key")]
    NoCertificate(SyslogAddress),
}

/// Receives syslog.
#[derive(Debug)]
pub struct SyslogSource {
    options: SyslogOptions,
    datagrams: Vec<UdpSocket>,
    /// With TLS, where the address asks for it.
    listeners: Vec<(TcpListener, Option<Secured>)>,
    /// Until when they are left alone.
    rest_until: Option<Moment>,
    connections: Vec<Connection>,
    peers: Vec<Peer>,
    /// Whose turn is next.
    turn: usize,
    datagram: Vec<u8>,
    line: Vec<u8>,
    written: u64,
    counts: Counts,
    lost: Lost,
    news_at: Option<Moment>,
}

/// What was not read since the latest report.
#[derive(Default, Debug)]
struct Lost {
    strangers: u64,
    stranger: Option<IpAddr>,
    dropped: u64,
    flooder: Option<IpAddr>,
    refused: u64,
    /// How often no connection could be taken in, and why it was the latest time.
    untaken: u64,
    shortage: Option<io::Error>,
    closed: u64,
    /// Connections whose TLS failed, and the latest of them with its reason.
    unsecured: u64,
    failure: Option<(IpAddr, String)>,
}

#[derive(Debug)]
struct Peer {
    address: IpAddr,
    /// Datagrams, and whether they were cut.
    queue: VecDeque<(Box<[u8]>, bool)>,
    bytes: usize,
}

#[derive(Debug)]
struct Connection {
    stream: Stream,
    peer: usize,
    frames: Frames,
    /// When it last brought something.
    heard: Moment,
    /// Since when a message is awaited: the first, or one that has begun.
    awaited: Option<Moment>,
    /// It has brought a message.
    has_spoken: bool,
    ended: bool,
    /// Why its TLS ended.
    failure: Option<String>,
}

impl SyslogSource {
    /// Listens. To be called while ports below 1024 may still be had.
    ///
    /// # Errors
    /// The address or the file of TLS that is of no use, and why.
    pub fn listen(
        addresses: &[SyslogAddress],
        options: SyslogOptions,
    ) -> Result<Self, SyslogError> {
        let tls = options.secured(addresses)?;
        let mut source = SyslogSource {
            options,
            datagrams: Vec::new(),
            listeners: Vec::new(),
            rest_until: None,
            connections: Vec::new(),
            peers: Vec::new(),
            turn: 0,
            datagram: vec![0; 65_536],
            line: Vec::with_capacity(1024),
            written: 0,
            counts: Counts::default(),
            lost: Lost::default(),
            news_at: None,
        };
        for address in addresses {
            let added = source.add(*address, tls.as_ref());
            added.map_err(|error| SyslogError::Address(*address, error))?;
        }
        Ok(source)
    }

    fn add(&mut self, address: SyslogAddress, tls: Option<&Secured>) -> io::Result<()> {
        match address {
            SyslogAddress::Udp(address) => {
                let socket = UdpSocket::bind(address)?;
                socket.set_nonblocking(true)?;
                // A smaller buffer than asked for is no failure.
                let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, KERNEL_BYTES);
                self.datagrams.push(socket);
            }
            SyslogAddress::Tcp(address) => self.listeners.push((listener(address)?, None)),
            SyslogAddress::Tls(address) => self.listeners.push((listener(address)?, tls.cloned())),
        }
        Ok(())
    }

    /// Where it listens, with the ports that were given for port 0.
    pub fn addresses(&self) -> Vec<SyslogAddress> {
        let udp = self.datagrams.iter().filter_map(|socket| socket.local_addr().ok());
        let streams = self.listeners.iter().filter_map(|(socket, secured)| {
            let address = socket.local_addr().ok()?;
            Some(match secured {
                None => SyslogAddress::Tcp(address),
                Some(_) => SyslogAddress::Tls(address),
            })
        });
        udp.map(SyslogAddress::Udp).chain(streams).collect()
    }

    /// The place of a peer that may send.
    fn admitted(&mut self, address: IpAddr) -> Option<usize> {
        let address = canonical(address);
        if !self.options.peers.iter().any(|network| network.contains(address)) {
            self.lost.strangers += 1;
            self.lost.stranger = Some(address);
            return None;
        }
        if let Some(place) = self.peers.iter().position(|peer| peer.address == address) {
            return Some(place);
        }
        if self.peers.len() == PEERS_MAX {
            self.lost.refused += 1;
            return None;
        }
        self.peers.push(Peer { address, queue: VecDeque::new(), bytes: 0 });
        Some(self.peers.len() - 1)
    }

    /// Takes datagrams in; true where there are more.
    fn receive(&mut self, socket: usize) -> bool {
        for _ in 0..CALL_DATAGRAMS {
            let Some(from) = self.datagrams.get(socket) else { return false };
            let (length, address) = match from.recv_from(&mut self.datagram) {
                Ok((length, address)) => (length, address.ip()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // An answer to something that was sent: nothing is.
                Err(_) => continue,
            };
            let Some(place) = self.admitted(address) else { continue };
            let Some(peer) = self.peers.get_mut(place) else { continue };
            if peer.bytes + length > QUEUE_BYTES {
                self.lost.dropped += 1;
                self.lost.flooder = Some(peer.address);
                continue;
            }
            let kept = self.datagram.get(..length.min(LINE_MAX)).unwrap_or_default();
            peer.bytes += kept.len();
            peer.queue.push_back((kept.into(), length > LINE_MAX));
        }
        true
    }

    /// Takes connections in, unless the listeners are left alone.
    fn accept_all(&mut self, now: Moment) {
        self.rest_until = self.rest_until.filter(|until| now < *until);
        for listener in 0..self.listeners.len() {
            if self.rest_until.is_none() {
                self.accept(listener, now);
            }
        }
    }

    fn accept(&mut self, listener: usize, now: Moment) {
        // Who comes after these waits for the next call.
        for _ in 0..self.options.connections_max.max(1) {
            let Some((from, secured)) = self.listeners.get(listener) else { return };
            let secured = secured.clone();
            let (socket, address) = match from.accept() {
                Ok((socket, address)) => (socket, address.ip()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    if is_shortage(&error) {
                        self.rest_until = Some(now.plus(REST));
                        self.lost.untaken += 1;
                        self.lost.shortage = Some(error);
                    }
                    return;
                }
            };
            let Some(peer) = self.admitted(address) else { continue };
            if socket.set_nonblocking(true).is_err() || !self.has_room(peer, now) {
                self.lost.refused += 1;
                continue;
            }
            // The end of a host that vanished is noticed so.
            let _ = rustix::net::sockopt::set_socket_keepalive(&socket, true);
            let Ok(stream) = Stream::new(socket, secured.as_ref()) else { continue };
            self.connections.push(Connection {
                stream,
                peer,
                frames: Frames::new(),
                heard: now,
                awaited: Some(now),
                has_spoken: false,
                ended: false,
                failure: None,
            });
        }
    }

    /// Whether one more connection of this peer may be had. One that was silent gives way.
    fn has_room(&mut self, peer: usize, now: Moment) -> bool {
        let max = self.options.connections_max;
        let of_peer = |connection: &&Connection| connection.peer == peer;
        let is_many = self.connections.iter().filter(of_peer).count() >= (max / 4).max(1);
        if !is_many && self.connections.len() < max {
            return true;
        }
        let all = self.connections.iter().enumerate();
        let oldest = all
            .filter(|(_, connection)| !is_many || connection.peer == peer)
            .min_by_key(|(_, connection)| connection.heard)
            .filter(|(_, connection)| now.since(connection.heard) >= PATIENCE)
            .map(|(place, _)| place);
        match oldest {
            Some(place) => {
                self.connections.remove(place);
                self.lost.closed += 1;
                true
            }
            None => false,
        }
    }

    /// Closes connections that ended, broke their framing, or leave a message waiting.
    fn close(&mut self, now: Moment) {
        for connection in &mut self.connections {
            if let Some(failure) = connection.failure.take() {
                self.lost.unsecured += 1;
                let peer = self.peers.get(connection.peer);
                self.lost.failure = peer.map(|peer| (peer.address, failure));
            }
        }
        let before = self.connections.len();
        let is_late = |connection: &Connection| {
            connection.awaited.is_some_and(|since| now.since(since) >= PATIENCE)
        };
        self.connections.retain(|connection| !connection.ended);
        let ended = before - self.connections.len();
        self.connections.retain(|connection| !connection.frames.is_broken && !is_late(connection));
        self.lost.closed += (before - ended - self.connections.len()) as u64;
    }

    /// Hands out a few lines of whoever's turn it is; how many there were, and how many bytes were
    /// taken in.
    fn serve(
        &mut self,
        who: usize,
        lines: usize,
        now: Moment,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> (usize, usize) {
        let SyslogSource { peers, connections, line, written, counts, .. } = self;
        let mut count = 0;
        let mut hand_out = |message: &[u8], cut: bool, peer: usize| {
            line.clear();
            escaped(ended(message), false, line);
            let whole = message.len() as u64 + 1;
            *written += whole;
            let bytes = line.get(..line.len().min(LINE_MAX)).unwrap_or_default();
            let cut = cut || line.len() > LINE_MAX;
            let writer = u8::try_from(peer + 1).unwrap_or(u8::MAX);
            let line = Line { bytes, cut, offset_end: *written, writer };
            counts.take(&line, whole);
            sink(line);
        };
        if let Some(peer) = peers.get_mut(who) {
            while count < lines
                && let Some((message, cut)) = peer.queue.pop_front()
            {
                peer.bytes = peer.bytes.saturating_sub(message.len());
                hand_out(&message, cut, who);
                count += 1;
            }
            return (count, 0);
        }
        let Some(connection) = connections.get_mut(who - peers.len()) else { return (0, 0) };
        let mut taken = 0;
        while count < lines {
            if let Some((message, cut)) = connection.frames.next() {
                hand_out(message, cut, connection.peer);
                connection.awaited = None;
                connection.has_spoken = true;
                count += 1;
            } else if taken >= TURN_BYTES || !connection.fill(now, &mut taken) {
                break;
            }
        }
        (count, taken)
    }
}

/// True where the host, and not the connection, is at fault: the next call fails alike.
fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| shortages.contains(&error))
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A message without what ends it.
fn ended(message: &[u8]) -> &[u8] {
    let end = message.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0));
    end.and_then(|end| message.get(..=end)).unwrap_or_default()
}

impl Connection {
    /// Takes in more bytes, and adds how many the socket gave; false where nothing is there now.
    fn fill(&mut self, now: Moment, taken: &mut usize) -> bool {
        if self.ended || self.frames.is_broken {
            return false;
        }
        match self.stream.read(self.frames.space(), taken) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                self.frames.filled(count);
                self.heard = now;
                return true;
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                match self.frames.is_partial() {
                    true => self.awaited = self.awaited.or(Some(now)),
                    false if self.has_spoken => self.awaited = None,
                    false => {}
                }
            }
            Err(error) => {
                self.ended = true;
                let is_of_tls = error.kind() == ErrorKind::InvalidData;
                self.failure = is_of_tls.then(|| error.to_string());
            }
        }
        false
    }
}

impl Source for SyslogSource {
    fn name(&self) -> &str {
        "syslog"
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let datagrams = self.datagrams.iter().map(AsFd::as_fd);
        let is_awake = self.rest_until.is_none();
        let listeners =
            self.listeners.iter().filter(|_| is_awake).map(|(socket, _)| socket.as_fd());
        let connections = self.connections.iter().map(|connection| connection.stream.as_fd());
        datagrams.chain(listeners).chain(connections).collect()
    }

    fn deadline(&self) -> Option<Moment> {
        let awaited = self.connections.iter().filter_map(|connection| connection.awaited);
        awaited.map(|since| since.plus(PATIENCE)).chain(self.rest_until).min()
    }

    fn read(
        &mut self,
        now: Moment,
        budget_lines: usize,
        sink: &mut dyn FnMut(Line<'_>),
    ) -> Progress {
        let mut more = false;
        for socket in 0..self.datagrams.len() {
            more |= self.receive(socket);
        }
        self.accept_all(now);
        let mut left = budget_lines;
        let mut taken = 0;
        let all = self.peers.len() + self.connections.len();
        let mut idle = 0;
        while left > 0 && taken < CALL_BYTES && idle < all {
            let who = self.turn % all;
            let (count, bytes) = self.serve(who, left.min(TURN_LINES), now, sink);
            left -= count;
            taken += bytes;
            // After so many bytes there may be more, some of it taken in already.
            idle = if count == 0 && bytes < TURN_BYTES { idle + 1 } else { 0 };
            self.turn = who + 1;
        }
        self.close(now);
        let more = more || left == 0 || taken >= CALL_BYTES;
        if more { Progress::More } else { Progress::Waiting }
    }

    fn position(&self) -> Position {
        Position::None
    }

    fn status(&self) -> Status {
        Status { state: State::Following, lag_bytes: None, counts: self.counts, problem: None }
    }

    fn news(&mut self, now: Moment) -> Option<String> {
        let Lost { strangers, dropped, refused, untaken, closed, unsecured, .. } = self.lost;
        if strangers + dropped + refused + untaken + closed + unsecured == 0
            || self.news_at.is_some_and(|at| now.since(at) < NEWS_EVERY)
        {
            return None;
        }
        self.news_at = Some(now);
        let Lost { stranger, flooder, shortage, failure, .. } = std::mem::take(&mut self.lost);
        let mut parts = Vec::new();
        if let Some(latest) = stranger {
            parts.push(format!("{strangers} of peers that are not listed, latest {latest}"));
        }
        if let Some(latest) = flooder {
            parts.push(format!(
                "{dropped} datagrams dropped, sent faster than read, latest of {latest}"
            ));
        }
        if refused > 0 {
            parts.push(format!("{refused} refused: too many peers or connections"));
        }
        if let Some(why) = shortage {
            parts.push(format!("{untaken} times no connection could be taken: {why}"));
        }
        if closed > 0 {
            parts.push(format!("{closed} slow, silent or broken connections closed"));
        }
        if let Some((latest, why)) = failure {
            parts.push(format!(
                "{unsecured} connections without TLS as asked, latest {latest}: {why}"
            ));
        }
        Some(format!("syslog: {}", parts.join("; ")))
    }
}
