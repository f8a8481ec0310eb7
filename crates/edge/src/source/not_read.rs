//! Files that are no logs, or are packed in a way that is not read: told by their first bytes, so
//! that nobody takes them for a log without attacks.

use std::fmt;

/// What a file is that is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotRead {
    /// Packed by xz.
    Xz,
    /// Packed by bzip2.
    Bzip2,
    /// A zip archive.
    Zip,
    /// A 7z archive.
    SevenZip,
    /// Packed by lz4.
    Lz4,
    /// Packed by lzip.
    Lzip,
    /// Packed by compress.
    Compress,
    /// A file of systemd's journal.
    Journal,
    /// Text in UTF-16.
    Utf16,
    /// A database of SQLite.
    Database,
    /// A program.
    Program,
    /// No text at all.
    Binary,
}

/// By the first bytes of a file; what it is, and the command that makes a log of it.
const MAGIC: &[(&[u8], NotRead)] = &[
    (b"\xfd7zXZ\0", NotRead::Xz),
    (b"BZh", NotRead::Bzip2),
    (b"PK\x03\x04", NotRead::Zip),
    (b"PK\x05\x06", NotRead::Zip),
    (b"7z\xbc\xaf\x27\x1c", NotRead::SevenZip),
    (b"\x04\x22\x4d\x18", NotRead::Lz4),
    (b"LZIP\x01", NotRead::Lzip),
    (b"\x1f\x9d", NotRead::Compress),
    (b"LPKSHHRH", NotRead::Journal),
    (b"\xff\xfe", NotRead::Utf16),
    (b"\xfe\xff", NotRead::Utf16),
    (b"SQLite for", NotRead::Database),
    (b"\x7fELF", NotRead::Program),
];

/// Bytes by which these are told; that many are asked for before anything is read.
pub(super) const MAGIC_BYTES: usize = 10;

impl NotRead {
    /// Told by the first [`MAGIC_BYTES`] of a file.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let (_, kind) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic))?;
        // A block, or the end, of bzip2; the letters alone may begin a text.
        let is_bzip2 = |head: &[u8]| {
            matches!(head.get(3), Some(b'1'..=b'9'))
                && (head.get(4..10) == Some(b"1AY&SY")
                    || head.get(4..10) == Some(b"\x17\x72\x45\x38\x50\x90"))
        };
        Some(*kind).filter(|kind| *kind != NotRead::Bzip2 || is_bzip2(head))
    }

    /// By the beginning of a file in which no log's line was found: NUL behind the first other
    /// byte (before may be a hole), or one control character in twenty bytes, is no text.
    pub(super) fn of_no_log(head: &[u8]) -> Option<Self> {
        let hole = head.iter().take_while(|byte| **byte == 0).count();
        let text = head.get(hole..).unwrap_or_default();
        let strange =
            |byte: &&u8| byte.is_ascii_control() && !matches!(**byte, b'\t' | b'\n' | b'\r' | 27);
        let is_binary = text.iter().filter(strange).count() * 20 > text.len();
        (is_binary || text.contains(&0)).then_some(NotRead::Binary)
    }

    /// What it is, in words.
    pub const fn name(self) -> &'static str {
        match self {
            NotRead::Xz => "packed by xz",
            NotRead::Bzip2 => "packed by bzip2",
            NotRead::Zip => "a zip archive",
            NotRead::SevenZip => "a 7z archive",
            NotRead::Lz4 => "packed by lz4",
            NotRead::Lzip => "packed by lzip",
            NotRead::Compress => "packed by compress",
            NotRead::Journal => "a file of systemd's journal",
            NotRead::Utf16 => "text in UTF-16",
            NotRead::Database => "a database, no log",
            NotRead::Program => "a program, no log",
            NotRead::Binary => "no text",
        }
    }

    /// The command that prints it as a log, `FILE` standing for its name; `None` where none can.
    pub const fn unpacker(self) -> Option<&'static str> {
        Some(match self {
            NotRead::Xz => "xzcat FILE",
            NotRead::Bzip2 => "bzcat FILE",
            NotRead::Zip => "unzip -p FILE",
            NotRead::SevenZip => "7z x -so FILE",
            NotRead::Lz4 => "lz4 -dc FILE",
            NotRead::Lzip => "lzip -dc FILE",
            NotRead::Compress => "zcat FILE",
            NotRead::Journal => "journalctl --file FILE -o short-iso-precise",
            NotRead::Utf16 => "iconv -f UTF-16 -t UTF-8 FILE",
            NotRead::Database | NotRead::Program | NotRead::Binary => return None,
        })
    }
}

impl fmt::Display for NotRead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
