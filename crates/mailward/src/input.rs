//! The logs that `parse` and `replay` read: one after the other, or merged by time.

use crate::failure::{Context as _, Failure};
use crate::print;
use crate::understand::{Reading, TRIAL_LINES, Tally, Understood, doubt};
use clap::ArgMatches;
use edge::clock;
use edge::source::{LineReader, NotRead, ReadError, Skipped};
use edge::stamp::{Completer, Years, Zone};
use event::Timestamp;
use std::path::{Path, PathBuf};

/// One log.
pub struct Log {
    /// As named on the command line.
    pub name: String,
    /// Lines handed out.
    pub lines: u64,
    /// Bytes of the decompressed log handed out.
    pub offset: u64,
    reader: LineReader<'static>,
    reading: Reading,
    trial: Trial,
    is_skipped_told: bool,
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
            print::error_line(format_args!("mailward: {name}: {doubt}"));
        }
    }
}

/// Opens the logs named on the command line.
pub fn open(matches: &ArgMatches) -> Result<Vec<Log>, Failure> {
    let zone = match matches.get_one::<String>("tz") {
        Some(name) => Zone::named(name).map_err(|error| {
            Failure::usage(error.to_string())
                .remedy("name it as in /usr/share/zoneinfo: Europe/Vienna, UTC")
        })?,
        None => Zone::local(),
    };
    let year = matches.get_one::<i32>("year").copied();
    let mut paths = Vec::new();
    for path in super::cli::files(matches) {
        expand(path, DEPTH_MAX, &mut paths)?;
    }
    let (mut logs, mut left_out) = (Vec::new(), None);
    for path in &paths {
        match Log::open(path, &zone, year) {
            Ok(log) => logs.push(log),
            Err(Unopened::Failed(failure)) => return Err(failure),
            // One of many is told and left out: the others are read.
            Err(Unopened::NotRead(what)) => {
                print::error_line(format_args!("mailward: {}", not_read(path, what)));
                left_out = Some((path, what));
            }
        }
    }
    match left_out {
        Some((path, what)) if logs.is_empty() => {
            Err(Failure::new(format!("nothing was read: {} is {what}", path.display()))
                .remedy("name a log that is text, or packed by gzip or zstd"))
        }
        _ => Ok(logs),
    }
}

/// What is told of a file that is left out, with the command that reads it.
fn not_read(path: &Path, what: NotRead) -> String {
    let name = path.display();
    let remedy = match what.unpacker() {
        Some(unpacker) => {
            let unpacker = unpacker.replace("FILE", &name.to_string());
            format!("read it by: {unpacker} | mailward replay -")
        }
        None => "it holds no lines of a log".to_owned(),
    };
    format!("{name} is not read: it is {what}; {remedy}")
}

/// Why a log was not opened.
enum Unopened {
    NotRead(NotRead),
    Failed(Failure),
}

/// Directories inside a directory that are looked into.
const DEPTH_MAX: u32 = 3;
/// Files of a directory that are no text.
const BINARY: [&str; 5] = [".journal", ".journal~", "wtmp", "btmp", "lastlog"];

/// A directory stands for the logs in it, in the order of their names.
fn expand(path: PathBuf, depth: u32, into: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.as_os_str() == "-" || !path.is_dir() {
        into.push(path);
        return Ok(());
    }
    let read = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(&path)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut inside = read().context(|| path.display().to_string())?;
    inside.sort();
    for path in inside {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_binary = BINARY.iter().any(|end| name.ends_with(end));
        let is_log = path.is_file() && !is_binary;
        if is_log || path.is_dir() && depth > 0 {
            expand(path, depth - u32::from(!is_log), into)?;
        }
    }
    Ok(())
}

impl Log {
    fn open(path: &Path, zone: &Zone, year: Option<i32>) -> Result<Log, Unopened> {
        let name = path.display().to_string();
        let (reader, changed) = if path.as_os_str() == "-" {
            (LineReader::of(std::io::stdin()), clock::now())
        } else {
            (LineReader::open(path), changed(path).unwrap_or_else(clock::now))
        };
        let reader = match reader {
            Err(ReadError::NotRead(what)) => return Err(Unopened::NotRead(what)),
            other => other.context(|| name.clone()).map_err(|failure| {
                Unopened::Failed(failure.remedy(
                    "name a log that is there and that you may read (as root, or in the group adm)",
                ))
            })?,
        };
        let years = match year {
            Some(year) => Years::From(year),
            None => Years::Until(changed),
        };
        Ok(Log {
            name,
            lines: 0,
            offset: 0,
            reader,
            reading: Reading::new(Completer::new(zone.clone(), years)),
            trial: Trial::default(),
            is_skipped_told: false,
        })
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
            self.told_skipped();
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

    /// Says once, on standard error, what of it is in no whole entry.
    #[cold]
    fn told_skipped(&mut self) {
        let skipped = self.reader.skipped();
        if skipped.pieces > 0 && !std::mem::replace(&mut self.is_skipped_told, true) {
            print::error_line(format_args!("mailward: {}: {skipped}", self.name));
        }
    }

    /// What of it is in no whole entry of the journal, so far.
    pub fn skipped(&self) -> Skipped {
        self.reader.skipped()
    }

    /// Reads on and hands all that is held then to `take`, line by line. `Ok(false)` at the end.
    #[inline(always)] // so that what is understood of a line stays where it is made
    pub fn each(
        &mut self,
        mut take: impl FnMut(u64, &[u8], &Understood<'_>) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        if !self.reader.fill_lines().map_err(|error| unreadable(&self.name, &error))? {
            self.trial.judge(&self.name);
            self.told_skipped();
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
