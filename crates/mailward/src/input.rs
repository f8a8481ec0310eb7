//! The logs that `parse` and `replay` read: one after the other, or merged by time.

use crate::failure::Failure;
use crate::listing::{self, LeftOut, Listing, READ_IT};
use crate::print;
use crate::understand::{Reading, TRIAL_LINES, Tally, Understood, doubt};
use clap::ArgMatches;
use edge::clock;
use edge::source::{LineReader, ReadError};
use edge::stamp::{Completer, Years, Zone};
use event::{Text, Timestamp};
use rustix::process::{Resource, Rlimit};
use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;

/// One log.
pub struct Log {
    /// As named on the command line.
    pub name: String,
    /// Lines handed out.
    pub lines: u64,
    /// Bytes of the decompressed log handed out.
    pub offset: u64,
    /// Bytes of the file read, packed as they are.
    read: Rc<Cell<u64>>,
    reader: LineReader<'static>,
    reading: Reading,
    trial: Trial,
}

/// A file that notes how far it was read.
struct Metered {
    file: File,
    read: Rc<Cell<u64>>,
}

impl io::Read for Metered {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(space)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Judges a log by its first lines.
#[derive(Default)]
struct Trial {
    first: Tally,
    is_over: bool,
}

impl Trial {
    /// Looks at one of the first lines.
    #[cold]
    fn take(&mut self, name: &str, understood: &Understood<'_>) {
        self.first.take(&understood.told());
        if self.first.lines == TRIAL_LINES {
            self.judge(name);
        }
    }

    /// Says once, on standard error, what is doubtful.
    #[cold]
    fn judge(&mut self, name: &str) {
        if !std::mem::replace(&mut self.is_over, true)
            && let Some(doubt) = doubt(&self.first)
        {
            print::error_line(format_args!("mailward: {}: {doubt}", Text::from(name)));
        }
    }
}

/// Files that any process may hold open.
const FILES_MANY: usize = 32;

/// All logs are open at once, to be merged: asks for as many as this process may have.
fn hold_more_open() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it may not, the logs that cannot be opened are named.
    let _ = rustix::process::setrlimit(Resource::Nofile, most);
}

/// The logs named on the command line.
pub struct Opened {
    /// Those that are read.
    pub logs: Vec<Log>,
    /// Those that are not.
    pub left_out: Vec<LeftOut>,
    /// Something that should be read is not.
    pub is_short: bool,
}

/// Opens the logs named on the command line. A log that is named itself must be there; one that
/// stands in a directory is left out where it cannot be opened.
pub fn open(matches: &ArgMatches) -> Result<Opened, Failure> {
    let zone = match matches.get_one::<String>("tz") {
        Some(name) => Zone::named(name).map_err(|error| {
            Failure::usage(error.to_string())
                .remedy("name it as in /usr/share/zoneinfo: Europe/Vienna, UTC")
        })?,
        None => Zone::local(),
    };
    let year = matches.get_one::<i32>("year").copied();
    let mut listing = listing::list(super::cli::files(matches))?;
    if listing.files.len() > FILES_MANY {
        hold_more_open();
    }
    let mut logs = Vec::new();
    for (path, is_named) in std::mem::take(&mut listing.files) {
        match Log::open(&path, &zone, year) {
            Ok(log) => logs.push(log),
            Err(ReadError::NotRead(what)) => listing.not_read(&path, is_named, what),
            Err(error) if is_named => {
                return Err(Failure::new(format!("{}: {error}", path.display())).remedy(
                    "name a log that is there and that you may read (as root, or in the group adm)",
                ));
            }
            Err(ReadError::Open(error)) => {
                listing.miss(&path, listing::words(&error), Some(READ_IT.to_owned()));
            }
            Err(error) => listing.miss(&path, error.to_string(), None),
        }
    }
    if logs.is_empty() {
        return Err(listing.nothing());
    }
    let Listing { mut left_out, is_short, .. } = listing;
    left_out.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Opened { logs, left_out, is_short })
}

impl Log {
    fn open(path: &Path, zone: &Zone, year: Option<i32>) -> Result<Log, ReadError> {
        let name = path.display().to_string();
        let read = Rc::new(Cell::new(0));
        let (reader, changed) = if path.as_os_str() == "-" {
            (LineReader::of(std::io::stdin())?, clock::now())
        } else {
            let file =
                Metered { file: File::open(path).map_err(ReadError::Open)?, read: read.clone() };
            if path.is_dir() {
                return Err(ReadError::Open(io::Error::from(io::ErrorKind::IsADirectory)));
            }
            (LineReader::of(file)?, changed(path).unwrap_or_else(clock::now))
        };
        let years = match year {
            Some(year) => Years::From(year),
            None => Years::Until(changed),
        };
        Ok(Log {
            name,
            lines: 0,
            offset: 0,
            read,
            reader,
            reading: Reading::new(Completer::new(zone.clone(), years)),
            trial: Trial::default(),
        })
    }

    /// Bytes of the file read, packed as they are.
    pub fn read_bytes(&self) -> u64 {
        self.read.get()
    }

    /// Reads the next line and hands it to `take` with its number in this log.
    /// `Ok(false)` at the end.
    pub fn next(
        &mut self,
        take: impl FnOnce(u64, &[u8], &Understood<'_>) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let line = self.reader.next().map_err(|error| unreadable(&self.name, &error))?;
        let Some(line) = line else {
            self.trial.judge(&self.name);
            return Ok(false);
        };
        self.lines += 1;
        self.offset = line.offset_end;
        let Log { name, lines, reading, trial, .. } = self;
        reading.understand(&line, None, |understood| {
            if !trial.is_over {
                trial.take(name, understood);
            }
            take(*lines, understood.line(), understood)
        })?;
        Ok(true)
    }

    /// What was not read of it so far, where it is torn or damaged.
    pub fn left_out(&self) -> Option<LeftOut> {
        let skipped = self.reader.skipped();
        (skipped.pieces > 0).then(|| LeftOut {
            name: self.name.clone(),
            why: skipped.to_string(),
            remedy: None,
        })
    }

    /// Reads on and hands all that is held then to `take`, line by line. `Ok(false)` at the end.
    #[inline(always)] // so that what is understood of a line stays where it is made
    pub fn each(
        &mut self,
        mut take: impl FnMut(u64, &[u8], &Understood<'_>) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        if !self.reader.fill_lines().map_err(|error| unreadable(&self.name, &error))? {
            self.trial.judge(&self.name);
            return Ok(false);
        }
        let Log { name, lines, offset, reader, reading, trial, .. } = self;
        reader.each_held(|line| {
            *lines += 1;
            *offset = line.offset_end;
            reading.understand(&line, None, |understood| {
                if !trial.is_over {
                    trial.take(name, understood);
                }
                take(*lines, understood.line(), understood)
            })
        })?;
        Ok(true)
    }
}

#[cold]
fn unreadable(name: &str, error: &ReadError) -> Failure {
    Failure::new(format!("{name}: {error}"))
        .remedy("the lines before that were read; mend or replace the file")
}

fn changed(path: &Path) -> Option<Timestamp> {
    Some(clock::of_system_time(std::fs::metadata(path).ok()?.modified().ok()?))
}
