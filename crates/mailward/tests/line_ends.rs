//! Lines that end in CR and LF say what they say with LF alone: those of all corpora.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use edge::source::LineReader;
use edge::stamp::{Completer, Years, Zone};
use event::Timestamp;
use mailward::understand::Reading;
use std::path::{Path, PathBuf};

/// All corpora's files.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpora");
    let directories = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    directories
        .filter(|path| path.is_dir())
        .flat_map(|path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()))
        .collect()
}

/// What each line of a log says.
fn said(log: &[u8]) -> Vec<String> {
    let until = Timestamp::from_seconds(1_795_300_000);
    let mut reading = Reading::new(Completer::new(Zone::UTC, Years::Until(until)));
    let mut reader = LineReader::of(std::io::Cursor::new(log.to_vec())).unwrap();
    let mut said = Vec::new();
    while let Some(line) = reader.next().unwrap() {
        said.push(reading.understand(&line, None, |understood| format!("{:?}", understood.told())));
    }
    said
}

#[test]
fn a_cr_at_the_end_changes_no_line_of_a_corpus() {
    let mut lines = 0;
    for path in files() {
        let text = std::fs::read(&path).unwrap();
        let is_line =
            |line: &&[u8]| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"=> ");
        for line in text.split(|byte| *byte == b'\n').filter(is_line) {
            let plain = said(&[line, b"\n"].concat());
            let with_cr = said(&[line, b"\r\n"].concat());
            assert_eq!(with_cr, plain, "{}: {}", path.display(), String::from_utf8_lossy(line));
            // The front of a log that is no text is no line yet.
            assert!(plain.len() <= 1);
            // As a container's runtime writes it.
            let front = b"2026-11-21T16:02:10.123456789Z stdout F ";
            let plain = said(&[front, line, b"\n"].concat());
            assert_eq!(said(&[front, line, b"\r\n"].concat()), plain, "{}", path.display());
            lines += 1;
        }
    }
    assert!(lines > 3_000, "{lines} lines");
}
