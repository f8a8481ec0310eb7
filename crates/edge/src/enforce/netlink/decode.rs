//! Reads netlink messages. Any bytes are safe to read: what does not add up ends the iteration.

use super::ERROR;

/// One message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// Its type.
    pub kind: u16,
    /// Its flags.
    pub flags: u16,
    /// The number of the request that it answers.
    pub sequence: u32,
    /// The socket that caused it.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The messages of one datagram.
#[derive(Clone, Debug)]
pub struct Messages<'a>(&'a [u8]);

/// The attributes of a message or of an attribute: type without flags, and value.
#[derive(Clone, Debug)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    /// Reads a datagram.
    pub fn new(bytes: &'a [u8]) -> Self {
        Messages(bytes)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let (header, _) = self.0.split_first_chunk::<16>()?;
        let [a, b, c, d, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = *header;
        let length = u32::from_ne_bytes([a, b, c, d]) as usize;
        // A datagram that was cut (an error quotes the whole request) still says its first bytes.
        let length = length.min(self.0.len());
        let payload = self.0.get(16..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            payload,
        })
    }
}

impl<'a> Attributes<'a> {
    /// Reads attributes, which begin `skip` bytes into `bytes` (behind the message's fixed part).
    pub fn behind(bytes: &'a [u8], skip: usize) -> Self {
        Attributes(bytes.get(skip..).unwrap_or_default())
    }

    /// Reads attributes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Attributes(bytes)
    }

    /// The value of the first attribute of this type.
    pub fn value(&self, kind: u16) -> Option<&'a [u8]> {
        self.clone().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// The attributes inside the first attribute of this type.
    pub fn nested(&self, kind: u16) -> Option<Attributes<'a>> {
        self.value(kind).map(Attributes)
    }

    /// A number, big end first.
    pub fn u32(&self, kind: u16) -> Option<u32> {
        self.value(kind).and_then(|value| value.try_into().ok()).map(u32::from_be_bytes)
    }

    /// A number, big end first.
    pub fn u64(&self, kind: u16) -> Option<u64> {
        self.value(kind).and_then(|value| value.try_into().ok()).map(u64::from_be_bytes)
    }

    /// A text, up to its zero byte.
    pub fn text(&self, kind: u16) -> Option<&'a str> {
        let value = self.value(kind)?;
        std::str::from_utf8(value.split(|byte| *byte == 0).next()?).ok()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (&[l0, l1, k0, k1], _) = self.0.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]) & 0x3fff, value))
    }
}

/// What an `NLMSG_ERROR` says: `Some(0)` is an acknowledgement, else a positive error number.
pub fn acknowledged(message: &Message<'_>) -> Option<i32> {
    if message.kind != ERROR {
        return None;
    }
    let (code, _) = message.payload.split_first_chunk::<4>()?;
    Some(i32::from_ne_bytes(*code).saturating_neg())
}
