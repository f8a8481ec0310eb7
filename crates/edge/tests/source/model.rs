//! A writer that appends, rotates and truncates at random against a reader that is stopped and
//! started at random: every line is handed out exactly once, and each file's lines in order.

use crate::{drain, second};
use edge::source::{FileOptions, FileSource, Position, Source, Start};
use proptest::prelude::*;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    /// Writes so many lines; the last one half where true (the next write ends it).
    Write(u8, bool),
    /// Renames; the new file is there at once, or with the next write.
    Rename { at_once: bool },
    /// The writer opens the path anew (after a rename it wrote to the renamed file).
    Reopen,
    /// Copies and truncates.
    CopyTruncate,
    /// The reader reads, at most so many lines.
    Read(u8),
    /// The reader commits what it has.
    Commit,
    /// The reader is killed, and started from what it committed last.
    Restart,
    /// Time passes.
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u8..20, prop::bool::weighted(0.2)).prop_map(|(lines, half)| Step::Write(lines, half)),
        2 => any::<bool>().prop_map(|at_once| Step::Rename { at_once }),
        2 => Just(Step::Reopen),
        1 => Just(Step::CopyTruncate),
        6 => (1u8..40).prop_map(Step::Read),
        3 => Just(Step::Commit),
        2 => Just(Step::Restart),
        1 => (1u8..100).prop_map(Step::Wait),
    ]
}

struct World {
    directory: tempfile::TempDir,
    writer: File,
    /// Text of a half line, not yet ended.
    half: bool,
    number: usize,
    rotations: usize,
    renamed: bool,
    reader: FileSource,
    committed: (Position, usize),
    seen: Vec<usize>,
    now: u64,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.log");
        let writer = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let reader = FileSource::open("m", &path, options(), None, second(0));
        World {
            directory,
            writer,
            half: false,
            number: 0,
            rotations: 0,
            renamed: false,
            committed: (reader_start(&reader), 0),
            reader,
            seen: Vec::new(),
            now: 0,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("mail.log")
    }

    fn open_writer(&mut self) {
        self.finish_half();
        self.writer = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
        self.renamed = false;
    }

    fn finish_half(&mut self) {
        if std::mem::take(&mut self.half) {
            self.writer.write_all(b"half ended\n").unwrap();
        }
    }

    fn write(&mut self, lines: u8, half: bool) {
        self.finish_half();
        let mut text = String::new();
        for _ in 0..lines {
            text.push_str(&format!("{:08} some text behind the number\n", self.number));
            self.number += 1;
        }
        if half {
            text.truncate(text.len() - 5);
            self.half = true;
        }
        self.writer.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&mut self, at_once: bool) {
        if self.renamed {
            // A rotator that finds no file of this writer's does nothing.
            return;
        }
        self.rotations += 1;
        let to = self.directory.path().join(format!("mail.log-{:08}", self.rotations));
        fs::rename(self.path(), to).unwrap();
        self.renamed = true;
        // Times of files tell their order; the kernel's clock for them is coarse.
        std::thread::sleep(Duration::from_millis(12));
        if at_once {
            File::create(self.path()).unwrap();
        }
    }

    fn copy_truncate(&mut self) {
        if self.renamed || self.half {
            return;
        }
        // A file of which nothing was read says nothing about itself: its truncation before the
        // first read cannot be known. So something was read and committed; more was written since.
        self.write(1, false);
        self.read(usize::MAX);
        self.committed = (reader_start(&self.reader), self.seen.len());
        self.write(3, false);
        self.rotations += 1;
        let to = self.directory.path().join(format!("mail.log-{:08}", self.rotations));
        fs::copy(self.path(), to).unwrap();
        self.writer.set_len(0).unwrap();
        std::thread::sleep(Duration::from_millis(12));
    }

    fn read(&mut self, budget: usize) {
        let seen = &mut self.seen;
        let _ = self.reader.read(second(self.now), budget, &mut |line| {
            seen.push(number_of(line.bytes));
        });
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Write(lines, half) => self.write(lines, half),
            Step::Rename { at_once } => self.rename(at_once),
            Step::Reopen => self.open_writer(),
            Step::CopyTruncate => self.copy_truncate(),
            Step::Read(budget) => self.read(budget.into()),
            Step::Commit => self.committed = (reader_start(&self.reader), self.seen.len()),
            Step::Restart => {
                let position = Position::decode(&self.committed.0.encode()).unwrap();
                self.seen.truncate(self.committed.1);
                let path = self.path();
                let now = second(self.now);
                self.reader = FileSource::open("m", &path, options(), Some(&position), now);
            }
            Step::Wait(seconds) => self.now += u64::from(seconds),
        }
    }
}

fn reader_start(reader: &FileSource) -> Position {
    reader.position()
}

fn options() -> FileOptions {
    FileOptions { start: Start::Begin, ..FileOptions::default() }
}

fn number_of(line: &[u8]) -> usize {
    let text = String::from_utf8_lossy(line);
    text.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("not a whole line: {text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn every_line_exactly_once(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.act(step);
        }
        world.finish_half();
        world.now += 2;
        let rest = drain(&mut world.reader, second(world.now));
        world.seen.extend(rest.iter().map(|line| number_of(line.as_bytes())));
        let mut sorted = world.seen.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..world.number).collect::<Vec<_>>());
    }
}
