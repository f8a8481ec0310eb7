//! Closes live TCP connections of banned clients (`SOCK_DESTROY`, `linux/inet_diag.h`).
//!
//! Dropping packets would do, but a mail server keeps a slot for a silent client for minutes. Only
//! sockets with a peer are looked at, so a listening socket is never touched.

use super::netlink::{ACK, Builder, DUMP, REQUEST, Socket, SocketError};
use event::{Network, canonical};
use rustix::io::Errno;
use rustix::net::netlink;
use std::net::IpAddr;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
/// Established, syn-recv, fin-wait-1, fin-wait-2, close-wait, last-ack, closing, new-syn-recv.
const STATES: u32 = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11 | 1 << 12;
/// Bytes of `struct inet_diag_sockid`.
const ID_BYTES: usize = 48;
/// Connections closed for one ban at most; more go with the next look.
const CLOSED_MAX: usize = 65_536;

/// What a dump may take in the kernel, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// A connection of this host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// The local port.
    pub local_port: u16,
    /// The client, canonical.
    pub peer: IpAddr,
    family: u8,
    id: [u8; ID_BYTES],
}

/// Finds connections and closes them.
pub struct Closer {
    socket: Socket,
    sequence: u32,
}

impl Closer {
    /// Opens the socket.
    pub fn open() -> Result<Closer, SocketError> {
        Ok(Closer { socket: Socket::open(netlink::SOCK_DIAG, 0, BUFFER_BYTES)?, sequence: 0 })
    }

    /// Closes the connections for which `wanted` holds; never one with a loopback peer. With
    /// `focus` the kernel shows only peers in that network. Returns how many were closed.
    pub fn close(
        &mut self,
        focus: Option<&Network>,
        wanted: impl Fn(&Connection) -> bool,
    ) -> Result<u32, SocketError> {
        let mut closed = 0;
        for family in [AF_INET, AF_INET6] {
            if family == AF_INET && focus.is_some_and(|network| network.address().is_ipv6()) {
                continue;
            }
            for connection in self.connections(family, focus, &wanted)? {
                closed += u32::from(self.destroy(&connection)?);
            }
        }
        Ok(closed)
    }

    fn connections(
        &mut self,
        family: u8,
        focus: Option<&Network>,
        wanted: impl Fn(&Connection) -> bool,
    ) -> Result<Vec<Connection>, SocketError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut request = Builder::default();
        request.message(SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, self.sequence, |m| {
            m.raw(&[family, IPPROTO_TCP, 0, 0]).raw(&STATES.to_ne_bytes()).raw(&[0; ID_BYTES]);
            if let Some(network) = focus {
                m.bytes(1, &peer_in(network));
            }
        });
        let bytes = request.finish().ok_or(SocketError::TooLong)?;
        let found = self.socket.ask(&bytes, self.sequence, |found: &mut Vec<_>, message| {
            let connection = read(message.payload).filter(|c| !c.peer.is_loopback() && wanted(c));
            if found.len() < CLOSED_MAX {
                found.extend(connection);
            }
        });
        match found {
            // A kernel without IPv6.
            Err(SocketError::Refused { error: Errno::NOENT, .. }) => Ok(Vec::new()),
            found => found,
        }
    }

    /// False where it was gone already.
    fn destroy(&mut self, connection: &Connection) -> Result<bool, SocketError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut request = Builder::default();
        request.message(SOCK_DESTROY, REQUEST | ACK, self.sequence, |m| {
            m.raw(&[connection.family, IPPROTO_TCP, 0, 0]).raw(&STATES.to_ne_bytes());
            m.raw(&connection.id);
        });
        let bytes = request.finish().ok_or(SocketError::TooLong)?;
        match self.socket.transact(&bytes, self.sequence) {
            Ok(()) => Ok(true),
            Err(SocketError::Refused { error: Errno::NOENT | Errno::STALE, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Reads a `struct inet_diag_msg`.
pub fn read(payload: &[u8]) -> Option<Connection> {
    let (&[family, _, _, _], rest) = payload.split_first_chunk::<4>()?;
    let (id, _) = rest.split_first_chunk::<ID_BYTES>()?;
    let (ports, addresses) = id.split_first_chunk::<4>()?;
    let peer = addresses.get(16..32)?;
    let peer = match family {
        AF_INET => IpAddr::from(*peer.first_chunk::<4>()?),
        AF_INET6 => IpAddr::from(*peer.first_chunk::<16>()?),
        _ => return None,
    };
    let [high, low, _, _] = *ports;
    Some(Connection {
        local_port: u16::from_be_bytes([high, low]),
        peer: canonical(peer),
        family,
        id: *id,
    })
}

/// A program for the kernel that lets peers in a network pass (`struct inet_diag_bc_op` with a
/// `struct inet_diag_hostcond`). An IPv4 network also matches IPv4-mapped peers.
fn peer_in(network: &Network) -> Vec<u8> {
    let (family, address) = match network.address() {
        IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
    };
    let length = 4 + 8 + address.len() as u8;
    let mut program = vec![8, length];
    program.extend(u16::from(length + 4).to_ne_bytes());
    program.extend([family, network.prefix(), 0, 0]);
    program.extend((-1i32).to_ne_bytes());
    program.extend(address);
    program
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn mapped_peers_are_read_as_ipv4() {
        let mut payload = vec![AF_INET6, 1, 0, 0, 0, 25, 0x80, 0];
        payload.extend([0; 16]);
        payload.extend("::ffff:192.0.2.9".parse::<std::net::Ipv6Addr>().unwrap().octets());
        payload.extend([0; 32]);
        let connection = read(&payload).unwrap();
        assert_eq!(connection.local_port, 25);
        assert_eq!(connection.peer, IpAddr::from([192, 0, 2, 9]));
    }
}
