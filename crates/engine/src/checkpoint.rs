//! The whole state as bytes: a head, the parts in a fixed order, a checksum.
//!
//! All numbers are little-endian. The checksum guards against torn writes and bit rot, not against
//! somebody who may write the store. A reader never trusts a length: it reads row by row and stops
//! at the first that is missing.

use crate::hash::mix;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use event::{Network, Subject};

/// The first bytes of every checkpoint.
const MAGIC: [u8; 8] = *b"mwengine";
/// Raised whenever a row or its meaning changes.
const VERSION: u32 = 8;

/// Why a checkpoint could not be taken up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckpointError {
    /// The bytes do not begin as a checkpoint does.
    Foreign,
    /// Written by another version of the format.
    Version(u32),
    /// Cut short, or changed since it was written.
    Torn,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointError::Foreign => out.write_str("not a checkpoint of the engine"),
            CheckpointError::Version(version) => {
                write!(out, "a checkpoint of format {version}, not {VERSION}")
            }
            CheckpointError::Torn => out.write_str("the checkpoint is torn or was changed"),
        }
    }
}

impl core::error::Error for CheckpointError {}

/// Something that can be written and read back.
pub(crate) trait Record: Sized {
    fn write(&self, into: &mut Writer<'_>);
    fn read(from: &mut Reader<'_>) -> Option<Self>;
}

/// Declares a struct whose fields are records, as a record.
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$doc:meta])* $field_vis:vis $field:ident: $type:ty,)+
    }) => {
        $(#[$meta])* $vis struct $name { $($(#[$doc])* $field_vis $field: $type,)+ }
        impl $crate::checkpoint::Record for $name {
            fn write(&self, into: &mut $crate::checkpoint::Writer<'_>) {
                $($crate::checkpoint::Record::write(&self.$field, into);)+
            }
            fn read(from: &mut $crate::checkpoint::Reader<'_>) -> Option<Self> {
                Some($name { $($field: $crate::checkpoint::Record::read(from)?,)+ })
            }
        }
    };
}
pub(crate) use record;

/// Appends to a checkpoint.
pub(crate) struct Writer<'a> {
    into: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    pub fn new(into: &'a mut Vec<u8>) -> Self {
        let start = into.len();
        into.extend_from_slice(&MAGIC);
        into.extend_from_slice(&VERSION.to_le_bytes());
        Writer { into, start }
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.into.extend_from_slice(bytes);
    }

    pub fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Writes the checksum behind all.
    pub fn finish(self) {
        let sum = checksum(self.into.get(self.start..).unwrap_or_default());
        self.into.extend_from_slice(&sum.to_le_bytes());
    }
}

/// Reads a checkpoint.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Looks at the head and the checksum.
    pub fn new(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(CheckpointError::Foreign)?;
        let (version, _) = rest.split_first_chunk().ok_or(CheckpointError::Torn)?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(CheckpointError::Version(version));
        }
        let (body, sum) = bytes.split_last_chunk().ok_or(CheckpointError::Torn)?;
        // A fuzzer cannot guess the sum; behind it lies what it shall reach.
        if !cfg!(fuzzing) && checksum(body) != u64::from_le_bytes(*sum) {
            return Err(CheckpointError::Torn);
        }
        Ok(Reader { rest: body.get(MAGIC.len() + 4..).ok_or(CheckpointError::Torn)? })
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub fn u64(&mut self) -> Option<u64> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*taken))
    }

    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let mut state = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0u8; 8];
        word.iter_mut().zip(chunk).for_each(|(slot, byte)| *slot = *byte);
        state = mix(state, u64::from_le_bytes(word));
    }
    state
}

macro_rules! numbers {
    ($($type:ty),+) => { $(
        impl Record for $type {
            fn write(&self, into: &mut Writer<'_>) {
                into.bytes(&self.to_le_bytes());
            }
            fn read(from: &mut Reader<'_>) -> Option<Self> {
                let (taken, rest) = from.rest.split_first_chunk()?;
                from.rest = rest;
                Some(<$type>::from_le_bytes(*taken))
            }
        }
    )+ };
}
numbers!(u8, u16, u32, u64, u128, i64);

impl Record for bool {
    fn write(&self, into: &mut Writer<'_>) {
        u8::from(*self).write(into);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        match u8::read(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<T: Record + Copy + Default, const N: usize> Record for [T; N] {
    fn write(&self, into: &mut Writer<'_>) {
        self.iter().for_each(|item| item.write(into));
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::read(from)?;
        }
        Some(items)
    }
}

impl<T: Record> Record for Option<T> {
    fn write(&self, into: &mut Writer<'_>) {
        self.is_some().write(into);
        if let Some(value) = self {
            value.write(into);
        }
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(if bool::read(from)? { Some(T::read(from)?) } else { None })
    }
}

impl<T: Record> Record for Vec<T> {
    fn write(&self, into: &mut Writer<'_>) {
        into.u64(self.len() as u64);
        self.iter().for_each(|item| item.write(into));
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let count = from.u64()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::read(from)?);
        }
        Some(items)
    }
}

impl Record for Box<[u8]> {
    fn write(&self, into: &mut Writer<'_>) {
        into.u64(self.len() as u64);
        into.bytes(self);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let count = usize::try_from(from.u64()?).ok()?;
        Some(from.take(count)?.into())
    }
}

impl Record for IpAddr {
    fn write(&self, into: &mut Writer<'_>) {
        match self {
            IpAddr::V4(v4) => {
                4u8.write(into);
                v4.to_bits().write(into);
            }
            IpAddr::V6(v6) => {
                6u8.write(into);
                v6.to_bits().write(into);
            }
        }
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        match u8::read(from)? {
            4 => Some(IpAddr::V4(Ipv4Addr::from_bits(u32::read(from)?))),
            6 => Some(IpAddr::V6(Ipv6Addr::from_bits(u128::read(from)?))),
            _ => None,
        }
    }
}

impl Record for Network {
    fn write(&self, into: &mut Writer<'_>) {
        self.address().write(into);
        self.prefix().write(into);
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let address = IpAddr::read(from)?;
        Some(Network::of(address, u8::read(from)?))
    }
}

impl Record for Subject {
    fn write(&self, into: &mut Writer<'_>) {
        match self {
            Subject::Client(address) => {
                0u8.write(into);
                address.write(into);
            }
            Subject::Network(network) => {
                1u8.write(into);
                network.write(into);
            }
            Subject::Account(name) => {
                2u8.write(into);
                name.write(into);
            }
            Subject::Sender(name) => {
                3u8.write(into);
                name.write(into);
            }
            Subject::Host(name) => {
                4u8.write(into);
                name.write(into);
            }
        }
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::read(from)? {
            0 => Subject::Client(IpAddr::read(from)?),
            1 => Subject::Network(Network::read(from)?),
            2 => Subject::Account(Record::read(from)?),
            3 => Subject::Sender(Record::read(from)?),
            4 => Subject::Host(Record::read(from)?),
            _ => return None,
        })
    }
}
