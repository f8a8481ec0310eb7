//! The logs that `parse` and `replay` read: one after the other, or merged by time.

use crate::failure::{Context as _, Failure};
use crate::print;
use crate::understand::{Reading, TRIAL_LINES, Tally, Understood, doubt};
use clap::ArgMatches;
use edge::clock;
use edge::source::{LineReader, ReadError};
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
    paths.iter().map(|path| Log::open(path, &zone, year)).collect()
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
    fn open(path: &Path, zone: &Zone, year: Option<i32>) -> Result<Log, Failure> {
        let name = path.display().to_string();
        let (reader, changed) = if path.as_os_str() == "-" {
            (LineReader::of(std::io::stdin()), clock::now())
        } else {
            (LineReader::open(path), changed(path).unwrap_or_else(clock::now))
        };
        let reader = reader.context(|| name.clone()).map_err(|failure| {
            failure.remedy(
                "name a log that is there and that you may read (as root, or in the group adm)",
            )
        })?;
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

    /// Reads on and hands all that is held then to `take`, line by line. `Ok(false)` at the end.
    #[inline(always)] // so that what is understood of a line stays where it is made
    pub fn each(
        &mut self,
        mut take: impl FnMut(u64, &[u8], &Understood<'_>) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let Log { name, lines, offset, reader, reading, trial } = self;
        if !reader.fill_lines().map_err(|error| unreadable(name, &error))? {
            trial.judge(name);
            return Ok(false);
        }
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
