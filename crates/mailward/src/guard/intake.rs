//! The sources of a guard, read in turn with a budget, so that none starves another.

use super::containers::Containers;
use super::drift::Drift;
use super::losses::Losses;
use super::silence::Heard;
use super::time::TimeOfDay;
use crate::core::Core;
use crate::understand::{Reading, TRIAL_LINES, Tally, Told, Understood, doubt, told};
use crate::web::Web;
use edge::clock::{self, Moment};
use edge::source::{Position, Progress, Source, Status};
use edge::stamp::{Completer, Years, Zone};
use event::Timestamp;
use rustix::event::{PollFd, PollFlags};
use std::time::Duration;
use store::SourceId;

/// Lines taken from one source before the next has its turn.
const BUDGET_LINES: usize = 4_096;
/// A line that was written longer ago than this is late: there may be more of its kind to come.
pub const LATENESS_S: i64 = 2;
/// Least time between two notes on odd stamps of one source.
const NOTE_EVERY_S: u64 = 60;

/// Reads of one source, while sources are merged, that may bring bytes and no whole line before it
/// has to wait for the next turn. Each may take in a megabyte.
const EMPTY_HOLDS_MAX: u32 = 16;

/// A pause as long as this between two reads is a backlog, whatever the lines say.
const PAUSE: Duration = Duration::from_secs(5);

/// One source, with what belongs to it.
pub struct Followed {
    source: Box<dyn Source>,
    /// One for each of its writers.
    readings: Vec<Reading>,
    /// For a writer that comes.
    fresh: Reading,
    committed: String,
    losses: Losses,
    /// A line of a backlog that waits for the earlier ones of other sources.
    held: Option<Held>,
    /// There may be more to read at once.
    more: bool,
    /// Reads of this turn that brought no line, although there is more to read.
    empty_holds: u32,
    /// When the line held is due: never before the one before it, so that a log keeps its order.
    due: Timestamp,
    /// What was taken in of it.
    pub taken: Taken,
}

/// All sources.
pub struct Intake {
    /// Each.
    pub followed: Vec<Followed>,
    /// What is read may have been written long ago: sources are merged by the times of their lines.
    behind: bool,
    read_at: Moment,
    /// What finds the logs of containers, where that is wanted.
    containers: Option<Containers>,
}

/// A line that was read and not yet taken in.
struct Held {
    bytes: Vec<u8>,
    at: Timestamp,
    odd: Option<String>,
    /// Where the source stood before it: until it is taken in, nothing behind that is on record.
    position: String,
}

impl Followed {
    /// A source that stamps without zone are read in `zone` for.
    pub fn new(source: Box<dyn Source>, zone: &Zone, core: &mut Core) -> Self {
        let taken = Taken::new(source.name(), core);
        Followed {
            readings: Vec::new(),
            fresh: Reading::new(Completer::new(zone.clone(), Years::Until(clock::now()))),
            committed: source.position().encode(),
            source,
            losses: Losses::default(),
            held: None,
            more: true,
            empty_holds: 0,
            due: Timestamp(i64::MIN),
            taken,
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

    /// When lines of it were lost last, as far as is known.
    pub const fn lost_at(&self) -> Option<Timestamp> {
        self.losses.latest
    }

    /// Reads up to a budget of lines and takes them in.
    fn read(&mut self, core: &mut Core, time: &TimeOfDay, moment: Moment) -> Progress {
        let Followed { source, readings, fresh, taken, .. } = self;
        let progress = source.read(moment, BUDGET_LINES, &mut |line| {
            let now = time.now();
            let Some(reading) = of_writer(readings, fresh, line.writer) else { return };
            reading.understand(&line, Some(now), |understood| {
                taken.take(core, understood.line(), &understood.told(), understood.at, now);
                taken.note(core, odd(understood), now, moment);
            });
        });
        self.tell_news(core, time, moment);
        progress
    }

    /// Notes what happened to the source that a person should know.
    fn tell_news(&mut self, core: &mut Core, time: &TimeOfDay, moment: Moment) {
        if let Some(what) = self.source.news(moment) {
            core.note(time.now(), "source", &format!("{}: {what}", self.source.name()));
        }
        if !self.losses.is_due(moment) {
            return;
        }
        let now = time.now();
        if let Some(what) = self.losses.look(self.source.status().counts, moment, now) {
            core.note(now, "source", &format!("{}: {what}", self.source.name()));
        }
    }

    /// Reads one line and holds it, where none is held and there may be one.
    fn hold(&mut self, time: &TimeOfDay, moment: Moment) {
        if self.held.is_some() || !self.more || self.empty_holds >= EMPTY_HOLDS_MAX {
            return;
        }
        let Followed { source, readings, fresh, held, .. } = self;
        let position = source.position().encode();
        let progress = source.read(moment, 1, &mut |line| {
            let Some(reading) = of_writer(readings, fresh, line.writer) else { return };
            *held = Some(reading.understand(&line, Some(time.now()), |understood| Held {
                bytes: understood.line().to_vec(),
                at: understood.at,
                odd: odd(understood),
                position: position.clone(),
            }));
        });
        self.more = progress == Progress::More;
        self.empty_holds += u32::from(self.more && self.held.is_none());
        self.due = self.held.as_ref().map_or(self.due, |line| self.due.max(line.at));
    }

    /// Takes the line in that is held.
    fn release(&mut self, core: &mut Core, time: &TimeOfDay, moment: Moment) {
        let Some(line) = self.held.take() else { return };
        let now = time.now();
        self.taken.take(core, &line.bytes, &told(&line.bytes, line.at), line.at, now);
        self.taken.note(core, line.odd, now, moment);
    }

    /// True where a line was read and waits for those of other sources.
    pub fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// How far it is taken in.
    fn position(&self) -> String {
        match &self.held {
            Some(held) => held.position.clone(),
            None => self.source.position().encode(),
        }
    }
}

/// What was taken in of a source, and told of it.
pub struct Taken {
    id: SourceId,
    name: String,
    /// Its lines are other hosts'.
    is_remote: bool,
    note_after: Moment,
    /// Late lines came with the latest read.
    late: bool,
    drift: Drift,
    /// What is known of web interfaces in it.
    pub web: Web,
    heard: Heard,
    /// Lines by what they were, since the start.
    pub tally: Tally,
}

impl Taken {
    fn new(name: &str, core: &mut Core) -> Self {
        Taken {
            id: core.journal.source(name),
            name: name.to_owned(),
            is_remote: name == "syslog",
            note_after: Moment::default(),
            late: false,
            drift: Drift::default(),
            web: Web::Untold,
            heard: Heard::default(),
            tally: Tally::default(),
        }
    }

    fn take(
        &mut self,
        core: &mut Core,
        bytes: &[u8],
        told: &Told<'_>,
        at: Timestamp,
        now: Timestamp,
    ) {
        let believed = self.believed(core, told, now);
        let told = believed.as_ref().unwrap_or(told);
        let seq = core.line(self.id, bytes, told);
        self.tally.take(told);
        if let Some(drifted) = self.drift.take(told, core.parser_drift) {
            core.note(now, "parser-drift", &format!("{}: {drifted}", self.name));
        }
        if let Some(doubtful) = judged(&self.tally) {
            core.note(now, "source", &format!("{}: {doubtful}", self.name));
        }
        self.late |= matches!(told, Told::Event(_)) && at < now.plus_seconds(-LATENESS_S);
        match told {
            Told::Unknown => core.journal.append_sample(seq, self.id, "unknown", bytes),
            Told::Unframed => core.journal.append_sample(seq, self.id, "no log line", bytes),
            _ => {}
        }
    }

    /// What is left of a line that a stranger may have written.
    #[inline]
    fn believed<'a>(
        &mut self,
        core: &mut Core,
        told: &Told<'a>,
        now: Timestamp,
    ) -> Option<Told<'a>> {
        let Told::Event(event) = told else { return None };
        // What other hosts log says nothing of the servers here; nor does what a stranger wrote.
        let is_odd = matches!(self.web, Web::Only { server, .. } if server != event.server);
        if !self.is_remote && !is_odd {
            self.heard.add(event.server);
        }
        if let Some(text) = self.web.news(event) {
            core.note(now, "source", &format!("{}: {text}", self.name));
        }
        self.web.left_of(told, &core.engine)
    }

    fn note(&mut self, core: &mut Core, odd: Option<String>, now: Timestamp, moment: Moment) {
        if moment >= self.note_after
            && let Some(what) = odd
        {
            self.note_after = moment.plus(Duration::from_secs(NOTE_EVERY_S));
            core.note(now, "stamp", &what);
        }
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
    /// The servers of which something was read since the last call.
    pub fn heard(&mut self) -> Heard {
        let each =
            self.followed.iter_mut().map(|followed| std::mem::take(&mut followed.taken.heard));
        each.fold(Heard::default(), Heard::and)
    }

    /// Of these sources, of which each may have a backlog.
    pub fn new(followed: Vec<Followed>, containers: Option<Containers>) -> Self {
        Intake { followed, behind: true, read_at: clock::monotonic(), containers }
    }

    /// Reads every source once. True where there is more to read at once.
    pub fn read(&mut self, core: &mut Core, time: &TimeOfDay) -> bool {
        let moment = clock::monotonic();
        if let Some(containers) = &mut self.containers {
            containers.look(&mut self.followed, core, time.now(), moment);
        }
        let is_pause = moment.since(self.read_at) > PAUSE;
        self.read_at = moment;
        self.followed.iter_mut().for_each(|followed| followed.taken.late = false);
        if self.followed.len() > 1 && (self.behind || is_pause) {
            return self.read_merged(core, time, moment);
        }
        let mut more = false;
        for followed in &mut self.followed {
            more |= followed.read(core, time, moment) == Progress::More;
        }
        self.behind = self.is_late();
        more
    }

    /// Always the line with the earliest stamp next, as a replay of the same logs reads them: taken
    /// one log after the other, all that happened in the second would count as happening at the
    /// first one's end.
    fn read_merged(&mut self, core: &mut Core, time: &TimeOfDay, moment: Moment) -> bool {
        for followed in &mut self.followed {
            (followed.more, followed.empty_holds) = (true, 0);
            followed.tell_news(core, time, moment);
        }
        for _ in 0..BUDGET_LINES {
            self.followed.iter_mut().for_each(|followed| followed.hold(time, moment));
            let held = self.followed.iter_mut().filter(|followed| followed.held.is_some());
            let next = held.min_by_key(|followed| followed.due);
            match next {
                Some(followed) => followed.release(core, time, moment),
                None => {
                    // One that brought no line of much that it read is asked again at once.
                    let more = self.followed.iter().any(|followed| followed.more);
                    self.behind = more || self.is_late();
                    return more;
                }
            }
        }
        self.behind = true;
        true
    }

    /// True where the latest read brought late lines: a backlog is being read.
    pub fn is_late(&self) -> bool {
        self.followed.iter().any(|followed| followed.taken.late)
    }

    /// Positions that moved since the last call of [`Intake::committed`].
    pub fn moved(&self) -> Vec<(String, String)> {
        self.followed
            .iter()
            .filter_map(|followed| {
                let position = followed.position();
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

#[cfg(test)]
mod tests;
