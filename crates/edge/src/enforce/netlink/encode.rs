//! Writes netlink messages behind each other into one buffer.

/// Attributes that hold attributes carry this bit.
const NESTED: u16 = 0x8000;
/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;

/// Builds messages. A part that grows beyond what its length field can say makes
/// [`Builder::finish`] return `None`: nothing half-true is ever sent.
#[derive(Default)]
pub struct Builder {
    bytes: Vec<u8>,
    overflow: bool,
}

impl Builder {
    /// Appends a message; `body` writes what follows its header.
    pub fn message(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        body: impl FnOnce(&mut Builder),
    ) -> &mut Self {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(sequence.to_ne_bytes());
        self.bytes.extend([0; 4]);
        debug_assert_eq!(self.bytes.len() - start, HEADER);
        body(self);
        let length = self.bytes.len() - start;
        self.patch(start, u32::try_from(length).ok().map(u32::to_ne_bytes));
        self
    }

    /// Appends bytes as they are: a message's fixed part.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends an attribute.
    pub fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let start = self.open(kind);
        self.bytes.extend_from_slice(value);
        self.close(start);
        self
    }

    /// Appends a text, ended by a zero byte.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let start = self.open(kind);
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(0);
        self.close(start);
        self
    }

    /// Appends one byte.
    pub fn u8(&mut self, kind: u16, value: u8) -> &mut Self {
        self.bytes(kind, &[value])
    }

    /// Appends a number, big end first, as nf_tables wants them.
    pub fn u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// Appends a number, big end first.
    pub fn u64(&mut self, kind: u16, value: u64) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    /// Appends an attribute of attributes, which `body` writes.
    pub fn nest(&mut self, kind: u16, body: impl FnOnce(&mut Builder)) -> &mut Self {
        let start = self.open(kind | NESTED);
        body(self);
        self.close(start);
        self
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True before the first message.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The messages, unless one was too long to say so.
    pub fn finish(self) -> Option<Vec<u8>> {
        (!self.overflow).then_some(self.bytes)
    }

    fn open(&mut self, kind: u16) -> usize {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        start
    }

    fn close(&mut self, start: usize) {
        let length = u16::try_from(self.bytes.len() - start).ok();
        self.patch(start, length.map(u16::to_ne_bytes));
        let padded = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(padded, 0);
    }

    fn patch<const N: usize>(&mut self, at: usize, value: Option<[u8; N]>) {
        match (self.bytes.get_mut(at..at + N), value) {
            (Some(field), Some(value)) => field.copy_from_slice(&value),
            _ => self.overflow = true,
        }
    }
}
