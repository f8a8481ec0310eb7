//! Old logs through the parsers and the engine, in the order of their times.

use crate::config::WebFile;
use crate::failure::Failure;
use crate::input::{self, Log, Opened};
use crate::lately::Lately;
use crate::listing::LeftOut;
use crate::print;
use crate::summary::{News, Summary, Totals};
use crate::terminal::Style;
use crate::understand::{Tally, Told, told};
use crate::web::Web;
use clap::ArgMatches;
use edge::clock;
use edge::geo::Geo;
use engine::{Engine, Input, Joined, Output};
use event::{
    Decision, Event, Kind, Outcome as Became, Server, Text, Timestamp, Vocabulary, canonical,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Decisions kept for the human form.
const KEPT_MAX: usize = 100_000;
/// Clients remembered as having logged in.
const LOGGED_IN_MAX: usize = 1_000_000;
/// Lines whose place in their log is remembered, where there are several; a power of two.
const PLACES: usize = 1 << 17;
/// Clients and accounts of the summary that did most, or to whom most was done.
const MOST: usize = 5;
/// Lines of several logs between two looks at the progress.
const TURNS: u64 = 1 << 12;

/// A replay.
pub struct Replay {
    geo: Geo,
    /// Each with what is known of web interfaces in it.
    logs: Vec<(Web, Log)>,
    engine: Engine,
    outputs: Vec<Output>,
    outcome: Outcome,
    summary: Summary,
    places: Places,
    logged_in: BTreeSet<IpAddr>,
    /// Some of these.
    lately: Lately<IpAddr>,
    seq: u64,
    progress: Option<ProgressBar>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Lines by what they were.
    pub tally: Tally,
    /// Findings.
    pub findings: u64,
    /// Decisions.
    pub decisions: u64,
    /// What each server told of, by its place in the vocabulary.
    pub servers: Vec<Activity>,
    /// The logs, each with its lines by what they were.
    pub logs: Vec<(String, Tally)>,
    /// Logs that were not read, or not all of them.
    pub left_out: Vec<LeftOut>,
    /// Something that should have been read was not.
    pub is_short: bool,
    /// Whether all was summed up: people see it, and whoever asks for it.
    pub has_totals: bool,
    /// All that the logs tell, summed up.
    pub totals: Totals,
    /// The first decisions.
    pub kept: Vec<Kept>,
    /// Time it took.
    pub seconds: f64,
    /// A log that could not be read to its end; what came before counts.
    pub failure: Option<Failure>,
}

/// What a server told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Activity {
    /// Events of any kind.
    pub events: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Login attempts that failed.
    pub failed: u64,
    /// Messages taken in.
    pub messages: u64,
    /// Recipients that got theirs.
    pub delivered: u64,
    /// Deliveries that will be tried again.
    pub deferred: u64,
    /// Recipients, senders and messages refused, and deliveries that failed.
    pub refused: u64,
}

impl Activity {
    fn take(&mut self, event: &Event<'_>, news: News) {
        self.events += 1;
        self.failed += u64::from(news.failed);
        if !news.is_new {
            return;
        }
        match (event.kind, event.outcome) {
            (Kind::Auth, Became::Allowed) => self.logins += 1,
            (Kind::Message, Became::Allowed) => self.messages += 1,
            (Kind::Delivery, Became::Allowed) => self.delivered += 1,
            (Kind::Delivery, Became::Deferred) => self.deferred += 1,
            (Kind::Delivery | Kind::Envelope | Kind::Message, Became::Rejected) => {
                self.refused += 1;
            }
            _ => {}
        }
    }
}

/// A decision, with what a person wants to know of it.
#[derive(Debug)]
pub struct Kept {
    /// It.
    pub decision: Decision,
    /// The client had logged in before.
    pub logged_in: bool,
    /// The log of its last line, and the line's number in it.
    pub last_line: Option<(String, u64)>,
}

impl Replay {
    /// Opens the logs named on the command line; `web_files` are those of web interfaces alone.
    pub fn open(
        matches: &ArgMatches,
        config: engine::Config,
        web_files: &[WebFile],
        geo_files: &[PathBuf],
    ) -> Result<Self, Failure> {
        let Opened { logs, left_out, is_short } = input::open(matches)?;
        let size: u64 =
            logs.iter().filter_map(|log| Some(std::fs::metadata(&log.name).ok()?.len())).sum();
        Ok(Replay {
            geo: geo_of(geo_files),
            logs: logs
                .into_iter()
                .map(|log| (Web::of(Path::new(&log.name), web_files), log))
                .collect(),
            summary: Summary::new(&config),
            places: Places::default(),
            engine: Engine::new(config),
            outputs: Vec::new(),
            outcome: Outcome {
                servers: vec![Activity::default(); Server::ALL.len()],
                has_totals: !super::cli::is_json(matches) || matches.get_flag("totals"),
                left_out,
                is_short,
                ..Outcome::default()
            },
            logged_in: BTreeSet::new(),
            lately: Lately::default(),
            seq: 0,
            progress: progress(size),
        })
    }

    /// Reads everything; every output goes to `take` in the order of event time.
    pub fn run(
        &mut self,
        take: &mut dyn FnMut(&Output) -> Result<(), Failure>,
    ) -> Result<Outcome, Failure> {
        let began = clock::monotonic();
        let read = match self.logs.len() {
            1 => self.one(take),
            _ => self.merged(take),
        };
        self.engine.finish(&mut self.outputs);
        self.hand_out(take)?;
        if let Some(progress) = &self.progress {
            progress.finish_and_clear();
        }
        let mut outcome = std::mem::take(&mut self.outcome);
        outcome.totals = self.summary.totals(MOST);
        outcome.seconds = clock::monotonic().since(began).as_secs_f64();
        outcome.failure = read.err();
        Ok(outcome)
    }

    fn one(&mut self, take: &mut dyn FnMut(&Output) -> Result<(), Failure>) -> Result<(), Failure> {
        let Some((mut web, mut log)) = self.logs.pop() else { return Ok(()) };
        let name = log.name.clone();
        self.places.names.push(name.clone());
        loop {
            let more = log.each(|_, _, understood| {
                let told = understood.told();
                let left = self.believed(&mut web, &told, &name);
                self.step(left.as_ref().unwrap_or(&told), take)
            });
            if !matches!(more, Ok(true)) {
                self.outcome.left_out.extend(log.left_out());
                self.outcome.logs.push((log.name, self.outcome.tally));
                return more.map(drop);
            }
            self.show_progress(log.read_bytes());
        }
    }

    /// Several logs: always the line with the earliest time next. A log's own order is kept.
    fn merged(
        &mut self,
        take: &mut dyn FnMut(&Output) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let logs = std::mem::take(&mut self.logs);
        let mut queues: Vec<Queue> = logs.into_iter().map(Queue::new).collect();
        self.places.names = queues.iter().map(|queue| queue.log.name.clone()).collect();
        let mut failed = None;
        let mut turns = 0_u64;
        for queue in &mut queues {
            failed = queue.fill().err().or(failed);
        }
        loop {
            let next = queues
                .iter_mut()
                .enumerate()
                .filter_map(|(position, queue)| Some((queue.due()?, position)))
                .min();
            let Some((_, position)) = next else { break };
            if turns.is_multiple_of(TURNS) && self.progress.is_some() {
                self.show_progress(queues.iter().map(|queue| queue.log.read_bytes()).sum());
            }
            turns += 1;
            let Some(queue) = queues.get_mut(position) else { break };
            self.places.next = (position, queue.log.lines);
            if let Some(at) = queue.at {
                let told = told(&queue.line, at);
                let left = self.believed(&mut queue.web, &told, &queue.log.name);
                let told = left.as_ref().unwrap_or(&told);
                queue.tally.take(told);
                self.step(told, take)?;
            }
            failed = queue.fill().err().or(failed);
        }
        self.outcome.left_out.extend(queues.iter().filter_map(|queue| queue.log.left_out()));
        let tallies = queues.into_iter().map(|queue| (queue.log.name, queue.tally));
        self.outcome.logs.extend(tallies);
        failed.map_or(Ok(()), Err)
    }

    /// What is left of a line that a stranger may have written, as in the guard; people are told
    /// once for each log.
    #[inline]
    fn believed<'a>(&self, web: &mut Web, told: &Told<'a>, log: &str) -> Option<Told<'a>> {
        if let Told::Event(event) = told
            && let Some(text) = web.news(event)
        {
            print::error_line(format_args!("mailward: {}: {text}", Text::from(log)));
        }
        web.left_of(told, &self.engine)
    }

    fn step(
        &mut self,
        told: &Told<'_>,
        take: &mut dyn FnMut(&Output) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.seq += 1;
        self.outcome.tally.take(told);
        let Told::Event(event) = told else { return Ok(()) };
        self.places.note(self.seq);
        match self.engine.join(event) {
            None => self.take_in(event),
            Some(joined) => self.take_in_joined(event, &joined),
        }
        if self.outputs.is_empty() { Ok(()) } else { self.hand_out(take) }
    }

    #[cold]
    fn take_in_joined(&mut self, event: &Event<'_>, joined: &Joined) {
        self.take_in(&joined.fill(event));
    }

    #[inline]
    fn take_in(&mut self, event: &Event<'_>) {
        self.remember(event);
        if self.outcome.has_totals {
            self.sum_up(event);
        }
        let placed = self.geo.placed(event);
        let event = placed.as_ref().unwrap_or(event);
        self.engine.step(self.seq, &Input::Event(event), &mut self.outputs);
    }

    #[inline(never)] // not where nobody asks
    fn sum_up(&mut self, event: &Event<'_>) {
        let news = self.summary.take(event, &self.engine);
        let activity = self.outcome.servers.get_mut(usize::from(event.server.code()));
        activity.into_iter().for_each(|activity| activity.take(event, news));
    }

    fn remember(&mut self, event: &Event<'_>) {
        if event.kind == Kind::Auth
            && event.outcome == Became::Allowed
            && let Some(client) = event.client
            && self.logged_in.len() < LOGGED_IN_MAX
        {
            let client = canonical(client);
            if self.lately.is_new(hash(client), client) {
                self.logged_in.insert(client);
            }
        }
    }

    fn hand_out(
        &mut self,
        take: &mut dyn FnMut(&Output) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for output in std::mem::take(&mut self.outputs) {
            take(&output)?;
            self.summary.said(&output);
            match output {
                Output::Finding(_) => self.outcome.findings += 1,
                Output::Decision(decision) => self.keep(decision),
                Output::Expiry(_) | Output::Evicted(_) => {}
            }
        }
        Ok(())
    }

    fn keep(&mut self, decision: Decision) {
        self.outcome.decisions += 1;
        if self.outcome.kept.len() < KEPT_MAX {
            let logged_in = decision.subject.network().is_some_and(|network| {
                self.logged_in
                    .range(network.address()..)
                    .next()
                    .is_some_and(|client| network.contains(*client))
            });
            let last_line = decision.evidence.lines().last().and_then(|seq| self.places.of(*seq));
            self.outcome.kept.push(Kept { decision, logged_in, last_line });
        }
    }

    fn show_progress(&self, offset: u64) {
        if let Some(progress) = &self.progress {
            progress.set_position(offset);
        }
    }
}

/// Files of operators and countries; who cannot be used is told, and the others are.
fn geo_of(paths: &[PathBuf]) -> Geo {
    let (geo, unusable) = Geo::open(paths);
    for why in unusable {
        print::error_line(format_args!("mailward: geo.files: {why}"));
    }
    geo
}

/// In which log, and where in it, the lines of lately stand.
#[derive(Default)]
struct Places {
    names: Vec<String>,
    /// The log and the number of the line that is next, where there are several logs.
    next: (usize, u64),
    /// The same of events by their numbers over all logs, each at its number's slot.
    ring: Vec<(u64, usize, u64)>,
}

impl Places {
    fn note(&mut self, seq: u64) {
        if self.names.len() < 2 {
            return;
        }
        if self.ring.is_empty() {
            self.ring = vec![(0, 0, 0); PLACES];
        }
        if let Some(slot) = self.ring.get_mut(seq as usize % PLACES) {
            *slot = (seq, self.next.0, self.next.1);
        }
    }

    fn of(&self, seq: u64) -> Option<(String, u64)> {
        if let [name] = self.names.as_slice() {
            return Some((name.clone(), seq));
        }
        let (held, log, line) = *self.ring.get(seq as usize % PLACES)?;
        let name = self.names.get(log).filter(|_| held == seq)?;
        Some((name.clone(), line))
    }
}

/// What spreads clients over the slots of [`Lately`].
fn hash(client: IpAddr) -> usize {
    let bits = match client {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u32 ^ (v6.to_bits() >> 96) as u32,
    };
    (bits ^ bits >> 12) as usize
}

/// On a terminal only, and to standard error.
fn progress(size: u64) -> Option<ProgressBar> {
    if !Style::stderr().is_terminal() || size == 0 {
        return None;
    }
    let style =
        ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} to go").ok()?;
    Some(ProgressBar::new(size).with_style(style))
}

/// The next line of one log, waiting for its turn.
struct Queue {
    web: Web,
    log: Log,
    line: Vec<u8>,
    tally: Tally,
    /// The time of the line, as completed; `None` at the end of the log.
    at: Option<Timestamp>,
    /// When it is due: never before the line before it, so that a log keeps its own order.
    due: Timestamp,
}

impl Queue {
    fn new((web, log): (Web, Log)) -> Self {
        let (line, tally) = (Vec::new(), Tally::default());
        Queue { web, log, line, tally, at: None, due: Timestamp(i64::MIN) }
    }

    fn due(&self) -> Option<Timestamp> {
        self.at.map(|_| self.due)
    }

    fn fill(&mut self) -> Result<(), Failure> {
        let Queue { log, line, at, due, .. } = self;
        *at = None;
        log.next(|_, bytes, understood| {
            line.clear();
            line.extend_from_slice(bytes);
            *at = Some(understood.at);
            *due = (*due).max(understood.at);
            Ok(())
        })
        .map(drop)
    }
}
