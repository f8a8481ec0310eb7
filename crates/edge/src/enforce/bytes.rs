//! Fixed binary fields, little end first, for the messages between the two processes.

use super::message::MessageError;
use event::Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Texts are cut to this many bytes.
const TEXT_MAX: usize = 1024;

/// Writes fields behind each other.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// The length of the list that follows.
    pub(super) fn count(&mut self, entries: usize) {
        self.u32(u32::try_from(entries).unwrap_or(u32::MAX));
    }

    pub(super) fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.u8(4).0.extend(v4.octets()),
            IpAddr::V6(v6) => self.u8(6).0.extend(v6.octets()),
        }
    }

    pub(super) fn network(&mut self, network: &Network) {
        self.address(network.address());
        self.u8(network.prefix());
    }

    pub(super) fn text(&mut self, text: &str) {
        let mut end = text.len().min(TEXT_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads them back, trusting nothing.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(MessageError::Length)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, MessageError> {
        self.take().map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, MessageError> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, MessageError> {
        self.take().map(u64::from_le_bytes)
    }

    /// A byte that is 0 or 1.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, MessageError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(MessageError::Field(field)),
        }
    }

    pub(super) fn port(&mut self) -> Result<u16, MessageError> {
        match self.take().map(u16::from_le_bytes)? {
            0 => Err(MessageError::Field("port")),
            port => Ok(port),
        }
    }

    pub(super) fn address(&mut self) -> Result<IpAddr, MessageError> {
        match self.u8()? {
            4 => Ok(IpAddr::V4(Ipv4Addr::from(self.take::<4>()?))),
            6 => Ok(IpAddr::V6(Ipv6Addr::from(self.take::<16>()?))),
            _ => Err(MessageError::Field("address family")),
        }
    }

    /// A network in its canonical form: no bits behind the prefix, no IPv4-mapped IPv6.
    pub(super) fn network(&mut self) -> Result<Network, MessageError> {
        let address = self.address()?;
        let prefix = self.u8()?;
        let network = Network::of(address, prefix);
        if network.address() != address || network.prefix() != prefix {
            return Err(MessageError::Field("network"));
        }
        Ok(network)
    }

    pub(super) fn text(&mut self) -> Result<String, MessageError> {
        let length = self.u32()? as usize;
        if length > TEXT_MAX {
            return Err(MessageError::Length);
        }
        let (text, rest) = self.0.split_at_checked(length).ok_or(MessageError::Length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).map_err(|_| MessageError::Field("text"))
    }

    /// A counted list of at most `most` entries. Allocates as entries come, not as announced.
    pub(super) fn list<T>(
        &mut self,
        most: usize,
        mut entry: impl FnMut(&mut Self) -> Result<T, MessageError>,
    ) -> Result<Vec<T>, MessageError> {
        let count = self.u32()? as usize;
        if count > most {
            return Err(MessageError::Length);
        }
        (0..count).map(|_| entry(self)).collect()
    }

    pub(super) fn end(&self) -> Result<(), MessageError> {
        if self.0.is_empty() { Ok(()) } else { Err(MessageError::Length) }
    }
}
