//! The engine: the only way in and out, the clock, and the course of one input.

use crate::client::ClientKey;
use crate::config::Config;
use crate::detect::{self, Seen};
use crate::explain::{Statistics, TableStatistics};
use crate::hash::lower;
use crate::holds::Holds;
use crate::jitter::Thresholds;
use crate::protection::Shelter;
use crate::state::State;
use crate::timer::{Timer, Timers};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use event::{Command, Decision, Event, Evicted, Expiry, Finding, Mode, Order, Timestamp};

/// What can change a decision.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Something happened.
    Event(&'a Event<'a>),
    /// Event time has come this far, although no event says so.
    Tick(Timestamp),
    /// An operator's order, or new surroundings.
    Command(&'a Command),
    /// A new configuration, from this time on. Its seed and its capacities hold from the next
    /// start on.
    Config(Timestamp, &'a Config),
    /// The machine's clock was set by so much, forward or back: no time passed. `at` is where
    /// event time stands now; lower than that it may be, where older lines are still to come.
    ClockSet {
        /// Event time now.
        at: Timestamp,
        /// How far all moves.
        by_micros: i64,
    },
}

/// What the engine says.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Something was recognised.
    Finding(Finding),
    /// Something is to hold.
    Decision(Decision),
    /// Something no longer holds.
    Expiry(Expiry),
    /// State gave way.
    Evicted(Evicted),
}

/// The engine. Memory is bounded by the capacities of its configuration.
pub struct Engine {
    pub(crate) config: Config,
    /// What of the configuration differs from host to host.
    pub(crate) thresholds: Thresholds,
    pub(crate) state: State,
    /// All that holds, in whatever mode.
    pub(crate) holds: Holds,
    pub(crate) shelter: Shelter,
    pub(crate) timers: Timers,
    pub(crate) now: Timestamp,
    /// The same in whole seconds since 1970, as the tables keep it (from 1970 to 2106): asked for
    /// several times an event.
    now_s: u32,
    /// The number of the latest line.
    pub(crate) seq: u64,
    /// Hashes of the bait accounts, sorted.
    pub(crate) baits: Vec<u64>,
    /// The minute of event time in which evictions were last reported.
    pub(crate) reported_minute: i64,
}

const MINUTE_MICROS: i64 = 60_000_000;

impl Engine {
    /// An engine that has seen nothing. Its clock stands at 1970.
    pub fn new(config: Config) -> Self {
        let shelter = Shelter { configured: config.allow_networks.clone(), ..Shelter::default() };
        let state = State::new(&config);
        let graces_max = state.pairs.capacity();
        Engine {
            state,
            baits: baits(&config),
            thresholds: Thresholds::of(&config),
            holds: Holds::new(config.seed),
            config,
            shelter,
            timers: Timers::new(graces_max),
            now: Timestamp(0),
            now_s: 0,
            seq: 0,
            reported_minute: 0,
        }
    }

    /// Applies one input. `seq` is the number of the line (in the order of arrival) that it came
    /// from; it becomes the evidence.
    ///
    /// Timers that are due fire first, with their deadline as the time of what they say. An event
    /// that is older than the clock counts as happening now; between two of them as much time
    /// passed as their stamps say.
    pub fn step(&mut self, seq: u64, input: &Input<'_>, out: &mut Vec<Output>) {
        self.seq = self.seq.max(seq);
        match input {
            Input::Event(event) => {
                self.advance(event.at, out);
                self.event(seq, event, out);
            }
            Input::Tick(at) => self.advance(*at, out),
            Input::Command(command) => {
                // The surroundings are told before a log's backlog is read. If they moved the
                // clock, all of the backlog would count as happening now.
                if !matches!(command.order, Order::Protect { .. }) {
                    self.advance(command.at, out);
                }
                self.order(command, out);
            }
            Input::Config(at, config) => {
                self.advance(*at, out);
                self.configure(config, out);
            }
            Input::ClockSet { at, by_micros } => self.set_clock(*at, *by_micros),
        }
    }

    /// Event time reached.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The desired state: all decisions in mode enforce that hold now, in subject order.
    pub fn holds(&self) -> impl Iterator<Item = &Decision> {
        self.holds.sorted(|decision| decision.mode == Mode::Enforce).into_iter()
    }

    /// What is proposed now for accounts, senders and hosts: recorded, and left to a person.
    pub fn proposals(&self) -> impl Iterator<Item = &Decision> {
        let is_proposal =
            |held: &Decision| held.mode == Mode::Observe && held.subject.network().is_none();
        self.holds.sorted(is_proposal).into_iter()
    }

    /// The key of its hash function: that of the checkpoint, where it was restored from one.
    pub fn seed(&self) -> u64 {
        self.config.seed
    }

    /// The state in numbers.
    pub fn statistics(&self) -> Statistics {
        let mut tables = self.state.statistics();
        tables.push(TableStatistics {
            name: "bans",
            entries: self.holds.len() as u32,
            capacity: self.config.table.bans,
            evicted: 0,
        });
        Statistics { tables, timers: self.timers.len() }
    }

    /// The end of a replay: lets pending grace periods run out, as time would have.
    pub fn finish(&mut self, out: &mut Vec<Output>) {
        if let Some(deadline) = self.timers.last_grace() {
            self.advance(deadline, out);
        }
        self.report_evictions(out);
    }

    /// Now in whole seconds since 1970.
    pub(crate) const fn now_s(&self) -> u32 {
        self.now_s
    }

    pub(crate) fn set_now(&mut self, now: Timestamp) {
        (self.now, self.now_s) = (now, now.seconds_u32());
    }

    fn advance(&mut self, to: Timestamp, out: &mut Vec<Output>) {
        if to <= self.now {
            return;
        }
        while let Some((deadline, timer)) = self.timers.due(to) {
            self.set_now(self.now.max(deadline));
            match timer {
                Timer::End(row) => self.lift_row(row, "expired", out),
                Timer::Grace { account, client } => {
                    detect::grace_over(self, account, client, out);
                }
            }
        }
        self.set_now(to);
        let minute = to.0.div_euclid(MINUTE_MICROS);
        if minute != self.reported_minute {
            self.reported_minute = minute;
            self.report_evictions(out);
        }
    }

    fn report_evictions(&mut self, out: &mut Vec<Output>) {
        for (table, entries) in self.state.take_evicted() {
            if entries > 0 {
                let table = Cow::Borrowed(table);
                out.push(Output::Evicted(Evicted { at: self.now, table, entries }));
            }
        }
    }

    fn event(&mut self, seq: u64, event: &Event<'_>, out: &mut Vec<Output>) {
        detect::mx_surge::explain(self, event, out);
        detect::outbound_surge::note(self, event, out);
        detect::spam_campaign::note(self, event, out);
        detect::deferred_surge::note(self, event, out);
        let Some(address) = event.client else { return };
        let Some(client) = ClientKey::of(address) else { return };
        let now_s = self.now_s();
        let at_s = event.at.seconds_u32();
        let late_s = now_s.saturating_sub(at_s);
        let seen = Seen { seq, now_s, late_s, client, address, event };
        detect::event(self, &seen, out);
    }

    fn configure(&mut self, config: &Config, out: &mut Vec<Output>) {
        let seed = self.config.seed;
        self.config = Config { seed, ..config.clone() };
        self.baits = baits(&self.config);
        self.thresholds = Thresholds::of(&self.config);
        self.shelter.configured.clone_from(&config.allow_networks);
        self.shelter.disallowed.clear();
        self.lift_sheltered(out);
    }
}

pub(crate) fn baits(config: &Config) -> Vec<u64> {
    let names = config.bait_accounts.iter();
    let mut baits: Vec<u64> = names.map(|name| lower(config.seed, name.as_bytes())).collect();
    baits.sort_unstable();
    baits
}
