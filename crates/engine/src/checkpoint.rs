//! The whole state as bytes.

use core::fmt;

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
            CheckpointError::Version(version) => write!(out, "checkpoint of version {version}"),
            CheckpointError::Torn => out.write_str("checkpoint is torn or was changed"),
        }
    }
}

impl core::error::Error for CheckpointError {}
