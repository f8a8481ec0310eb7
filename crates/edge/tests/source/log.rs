//! A log file in a directory of its own, and the source that follows it.

use crate::second;
use edge::source::{FileOptions, FileSource, Position, Start};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

pub struct Log {
    pub directory: tempfile::TempDir,
    pub path: PathBuf,
}

impl Log {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.log");
        Log { directory, path }
    }

    pub fn other(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn writer(&self) -> File {
        OpenOptions::new().append(true).create(true).open(&self.path).unwrap()
    }

    pub fn write(&self, text: &str) {
        self.writer().write_all(text.as_bytes()).unwrap();
    }

    pub fn open(&self, start: Start) -> FileSource {
        open(&self.path, start, None)
    }

    pub fn resume(&self, position: &Position) -> FileSource {
        let position = Position::decode(&position.encode()).unwrap();
        open(&self.path, Start::End, Some(&position))
    }
}

pub fn open(path: &Path, start: Start, resume: Option<&Position>) -> FileSource {
    let options = FileOptions { start, ..FileOptions::default() };
    FileSource::open("mail", path, options, resume, second(0))
}
