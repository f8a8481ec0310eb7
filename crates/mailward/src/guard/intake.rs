//! The sources of a guard, read in turn with a budget, so that none starves another.

use super::containers::Containers;
use crate::core::Core;
use crate::understand::{Reading, TRIAL_LINES, Tally, Told, Understood, doubt};
use edge::clock::{self, Moment};
use edge::source::{Position, Progress, Source, Status};
use edge::stamp::{Completer, Years, Zone};
use rustix::event::{PollFd, PollFlags};
use std::time::Duration;
use store::SourceId;

/// Lines taken from one source before the next has its turn.
const BUDGET_LINES: usize = 4_096;
/// A line that was written longer ago than this is late: there may be more of its kind to come.
pub const LATENESS_S: i64 = 2;
/// Least time between two notes on odd stamps of one source.
const NOTE_EVERY_S: u64 = 60;

/// One source, with what belongs to it.
pub struct Followed {
    source: Box<dyn Source>,
    /// One for each of its writers.
    readings: Vec<Reading>,
    /// For a writer that comes.
    fresh: Reading,
    id: SourceId,
    note_after: Moment,
    committed: String,
    /// Late lines came with the latest read.
    late: bool,
    /// Lines by what they were, since the start.
    pub tally: Tally,
}

/// All sources.
pub struct Intake {
    /// Each.
    pub followed: Vec<Followed>,
    /// What finds the logs of containers, where that is wanted.
    pub containers: Option<Containers>,
}

impl Followed {
    /// A source that stamps without zone are read in `zone` for.
    pub fn new(source: Box<dyn Source>, zone: &Zone, core: &mut Core) -> Self {
        let id = core.journal.source(source.name());
        Followed {
            readings: Vec::new(),
            fresh: Reading::new(Completer::new(zone.clone(), Years::Until(clock::now()))),
            committed: source.position().encode(),
            source,
            id,
            note_after: Moment::default(),
            late: false,
            tally: Tally::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        self.source.status()
    }

    fn read(&mut self, core: &mut Core) -> Progress {
        let Followed { source, readings, fresh, id, note_after, late, tally, .. } = self;
        let moment = clock::monotonic();
        *late = false;
        let mut doubtful = None;
        let progress = source.read(moment, BUDGET_LINES, &mut |line| {
            let now = clock::now();
            let Some(reading) = of_writer(readings, fresh, line.writer) else { return };
            reading.understand(line.bytes, Some(now), |understood| {
                let told = understood.told();
                let seq = core.line(*id, line.bytes, &told);
                tally.take(&told);
                doubtful = doubtful.take().or_else(|| judged(tally));
                let is_event = matches!(told, Told::Event(_));
                *late |= is_event && understood.at < now.plus_seconds(-LATENESS_S);
                match told {
                    Told::Unknown => core.journal.append_sample(seq, *id, "unknown", line.bytes),
                    Told::Unframed => {
                        core.journal.append_sample(seq, *id, "no log line", line.bytes);
                    }
                    _ => {}
                }
                if moment >= *note_after
                    && let Some(what) = odd(understood)
                {
                    *note_after = moment.plus(Duration::from_secs(NOTE_EVERY_S));
                    core.note(now, "stamp", &what);
                }
            });
        });
        for what in doubtful.into_iter().chain(source.news(moment)) {
            core.note(clock::now(), "source", &format!("{}: {what}", source.name()));
        }
        progress
    }
}

/// What is doubtful about a source, when enough of it was read to judge.
#[inline]
fn judged(tally: &Tally) -> Option<String> {
    if tally.lines == TRIAL_LINES { doubt(tally) } else { None }
}

/// What reads the lines of one of a source's writers.
#[inline]
fn of_writer<'a>(
    readings: &'a mut Vec<Reading>,
    fresh: &Reading,
    writer: u8,
) -> Option<&'a mut Reading> {
    let place = usize::from(writer);
    if place >= readings.len() {
        readings.resize_with(place + 1, || fresh.clone());
    }
    readings.get_mut(place)
}

/// What is odd about a line's stamp.
fn odd(understood: &Understood<'_>) -> Option<String> {
    if understood.clamped {
        return Some("a stamp lies in the future; its arrival was taken".to_owned());
    }
    let back_s = understood.back_s;
    (back_s > 0).then(|| format!("a stamp lies {back_s} s before the latest one"))
}

impl Intake {
    /// Reads every source once. True where there is more to read at once.
    pub fn read(&mut self, core: &mut Core) -> bool {
        if let Some(containers) = &mut self.containers {
            containers.look(&mut self.followed, core, clock::monotonic());
        }
        let mut more = false;
        for followed in &mut self.followed {
            more |= followed.read(core) == Progress::More;
        }
        more
    }

    /// True where the latest read brought late lines: a backlog is being read.
    pub fn is_late(&self) -> bool {
        self.followed.iter().any(|followed| followed.late)
    }

    /// Positions that moved since the last call of [`Intake::committed`].
    pub fn moved(&self) -> Vec<(String, String)> {
        self.followed
            .iter()
            .filter_map(|followed| {
                let position = followed.source.position().encode();
                let moved = position != followed.committed;
                moved.then(|| (followed.source.name().to_owned(), position))
            })
            .collect()
    }

    /// These positions are on record now.
    pub fn committed(&mut self, positions: Vec<(String, String)>) {
        for (name, position) in positions {
            let found = self.followed.iter_mut().find(|followed| followed.source.name() == name);
            if let Some(followed) = found {
                followed.committed = position;
            }
        }
    }

    /// What to wait for.
    pub fn poll<'a>(&'a self, into: &mut Vec<PollFd<'a>>) {
        let descriptors = self.followed.iter().flat_map(|followed| followed.source.descriptors());
        into.extend(descriptors.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
    }

    /// When to read at the latest.
    pub fn deadline(&self) -> Option<Moment> {
        self.followed.iter().filter_map(|followed| followed.source.deadline()).min()
    }
}

/// A position as the journal keeps it.
pub fn position(name: &str, positions: &[store::Position]) -> Option<Position> {
    let kept = positions.iter().find(|position| position.source == name)?;
    Position::decode(&kept.position).ok()
}
