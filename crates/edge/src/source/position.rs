//! Where reading stopped, as a text that is kept beside the events.

use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Behind the last line that a source handed out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Position {
    /// Nothing read yet, or a source that cannot resume.
    None,
    /// In a log file and its renamed predecessors that are still being drained.
    Files {
        /// The configured path.
        path: PathBuf,
        /// Oldest first; the last one is the file at `path`.
        files: Vec<FilePosition>,
    },
    /// In the systemd journal.
    Journal {
        /// Of the last entry, as `journalctl` prints it.
        cursor: String,
    },
}

/// Where reading stopped in one file, and how to know that file again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FilePosition {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub inode: u64,
    /// Bytes handed out.
    pub offset: u64,
    /// Of its beginning.
    pub fingerprint: Fingerprint,
    /// It had been read to its end, and nobody had written to it for long: nothing is lost where
    /// it is gone.
    pub quiet: bool,
}

/// A hash of the first bytes of a file: tells a file that was truncated, rewritten or whose inode
/// number was given to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    /// How many bytes it covers: 0 (says nothing) to [`Fingerprint::MAX`].
    pub covered: u16,
    /// 64-bit FNV-1a of these bytes.
    pub hash: u64,
}

impl Fingerprint {
    /// Bytes covered at most.
    pub const MAX: usize = 256;

    /// Of the first bytes of `head`.
    pub fn of(head: &[u8]) -> Self {
        let head = head.get(..Self::MAX).unwrap_or(head);
        let hash = head.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Fingerprint { covered: u16::try_from(head.len()).unwrap_or(u16::MAX), hash }
    }

    /// True where a file that begins with `head` can be the file that this was taken of.
    pub fn matches(&self, head: &[u8]) -> bool {
        head.get(..usize::from(self.covered)).is_some_and(|head| Fingerprint::of(head) == *self)
    }
}

/// Why a text is no position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionError {
    /// It starts with no known kind and version.
    Kind,
    /// A field is missing or no number.
    Field,
    /// The path is not percent-encoded.
    Path,
}

impl Position {
    /// As one line of printable ASCII.
    pub fn encode(&self) -> String {
        match self {
            Position::None => "none".to_owned(),
            Position::Journal { cursor } => format!("journal1 {cursor}"),
            Position::Files { path, files } => {
                let mut text = format!("file1 {}", escape(path));
                for file in files {
                    let FilePosition { dev, inode, offset, fingerprint, quiet } = file;
                    let Fingerprint { covered, hash } = fingerprint;
                    text.push_str(&format!(" {dev}:{inode}:{offset}:{covered}:{hash:016x}"));
                    text.push_str(if *quiet { QUIET } else { "" });
                }
                text
            }
        }
    }

    /// Reads what [`Position::encode`] wrote.
    pub fn decode(text: &str) -> Result<Position, PositionError> {
        if text == "none" {
            return Ok(Position::None);
        }
        if let Some(cursor) = text.strip_prefix("journal1 ") {
            let fine = !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_graphic());
            return match fine {
                true => Ok(Position::Journal { cursor: cursor.to_owned() }),
                false => Err(PositionError::Field),
            };
        }
        let rest = text.strip_prefix("file1 ").ok_or(PositionError::Kind)?;
        let mut words = rest.split(' ');
        let path = unescape(words.next().unwrap_or_default()).ok_or(PositionError::Path)?;
        let files = words.map(decode_file).collect::<Option<Vec<_>>>();
        Ok(Position::Files { path, files: files.ok_or(PositionError::Field)? })
    }
}

/// Behind a file that nobody had written to for long.
const QUIET: &str = ":quiet";

fn decode_file(word: &str) -> Option<FilePosition> {
    let (word, quiet) = match word.strip_suffix(QUIET) {
        Some(word) => (word, true),
        None => (word, false),
    };
    let mut fields = word.split(':');
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (dev, inode, offset, covered) = (number()?, number()?, number()?, number()?);
    let hash = u64::from_str_radix(fields.next()?, 16).ok()?;
    let covered = u16::try_from(covered).ok().filter(|c| usize::from(*c) <= Fingerprint::MAX)?;
    match fields.next() {
        Some(_) => None,
        None => {
            let fingerprint = Fingerprint { covered, hash };
            Some(FilePosition { dev, inode, offset, fingerprint, quiet })
        }
    }
}

fn escape(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'!'..=b'~' if *byte != b'%' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

fn unescape(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    (!bytes.is_empty()).then(|| PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

impl fmt::Display for PositionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            PositionError::Kind => "not a position of a source that is known here",
            PositionError::Field => "a field of the position is missing or malformed",
            PositionError::Path => "the path of the position is malformed",
        })
    }
}

impl std::error::Error for PositionError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn positions_round_trip(
            path in prop::collection::vec(1u8.., 1..40),
            files in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..300), any::<bool>()), 0..4),
        ) {
            let files = files.into_iter().map(|(dev, inode, offset, head, quiet)| {
                FilePosition { dev, inode, offset, fingerprint: Fingerprint::of(&head), quiet }
            }).collect();
            let path = PathBuf::from(std::ffi::OsString::from_vec(path));
            let position = Position::Files { path, files };
            let text = position.encode();
            prop_assert!(text.is_ascii() && !text.contains('\n'));
            prop_assert_eq!(Position::decode(&text), Ok(position));
        }

        #[test]
        fn any_text_is_a_position_or_an_error(text in "(none|journal1 |file1 )?[ -~]{0,60}") {
            let _ = Position::decode(&text);
        }
    }

    #[test]
    fn a_fingerprint_tells_another_beginning() {
        let fingerprint = Fingerprint::of(b"Nov 21 16:02:10 host");
        assert!(fingerprint.matches(b"Nov 21 16:02:10 host and more"));
        assert!(!fingerprint.matches(b"Nov 21 16:02:11 host and more"));
        assert!(!fingerprint.matches(b"Nov 21 16:02:10 hos"), "shorter than what was read");
        assert!(Fingerprint::of(b"").matches(b"anything"));
    }
}
