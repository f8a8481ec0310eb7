//! Opens the journal and brings an engine up to it: the newest checkpoint that can be read, then
//! every input after it, stepped again. Without one, records are kept for a while only: what holds
//! and who is allowed comes from the journal's tables.

use crate::core::Core;
use crate::failure::Failure;
use crate::seed;
use engine::{Engine, Incidents, Input};
use event::Decision;
use std::collections::BTreeMap;
use std::path::Path;
use store::{
    AllowlistInput, Checkpoint, Journal, Mark, Options, Position, Reader, Record, StoreError,
};

/// A core that is where the last run stopped.
pub struct Recovered {
    /// It.
    pub core: Core,
    /// How far each source was read.
    pub positions: Vec<Position>,
    /// What was found broken, and what was lost by it.
    pub losses: Vec<String>,
    /// Records that were stepped again.
    pub replayed: u64,
    /// There was no checkpoint, or not all that came after it: records and tables told what they
    /// could.
    pub is_from_records: bool,
}

/// Opens `dir`, making it where it is not there.
pub fn open(dir: &Path, config: &engine::Config) -> Result<Recovered, Failure> {
    let (mut journal, recovery) = Journal::open(dir, Options::default()).map_err(failure)?;
    let mut losses: Vec<String> = recovery.losses.iter().map(|loss| loss.what.clone()).collect();
    let seed = seed::drawn(dir)?;
    let config = engine::Config { seed, ..config.clone() };
    let checkpoint = restored(&recovery.checkpoints, &config, &mut losses);
    let is_from_records = checkpoint.is_none();
    let (mut engine, mark) = match checkpoint {
        Some((engine, checkpoint)) => {
            journal.checkpoint_is_good(checkpoint);
            (engine, checkpoint.mark)
        }
        None => (from_nothing(config, &journal, &mut losses), Mark::default()),
    };
    if engine.seed() != seed {
        seed::keep(dir, engine.seed())?;
    }
    let mut dropped = Vec::new();
    let replayed = journal
        .replay(mark, |record| {
            step_again(&mut engine, record, &mut dropped);
            dropped.clear();
        })
        .map_err(failure)?;
    let is_whole = !is_from_records && replayed.losses.is_empty();
    if is_from_records {
        // Once more: records moved it by steps of the clock that it had taken up already.
        take_up_allowlist(&mut engine, &journal, &mut losses);
    }
    let is_reconfigured = engine.take_up_configured();
    if !is_whole {
        // What was told to hold does; what records alone led to, perhaps never did.
        engine.take_up_holds(&recovery.holds, recovery.losses.is_empty());
    } else if is_reconfigured && let Err(error) = keep(&journal, &engine) {
        losses.push(format!("{error}: `allow --remove` may be undone at the next start"));
    }
    tell_table(&mut journal, &engine, &recovery.holds);
    losses.extend(replayed.losses.iter().map(|loss| loss.what.clone()));
    Ok(Recovered {
        core: Core::new(
            engine,
            journal,
            recovery.seq,
            Incidents::of(recovery.incidents, recovery.incident_last),
        ),
        positions: recovery.positions,
        losses,
        replayed: replayed.records,
        is_from_records: !is_whole,
    })
}

/// The engine of the newest checkpoint that can be read.
fn restored<'a>(
    checkpoints: &'a [Checkpoint],
    config: &engine::Config,
    losses: &mut Vec<String>,
) -> Option<(Engine, &'a Checkpoint)> {
    for checkpoint in checkpoints {
        let engine = checkpoint
            .load()
            .map_err(|error| error.to_string())
            .and_then(|bytes| Engine::restore(&bytes, config.clone()).map_err(|e| e.to_string()));
        match engine {
            Ok(engine) => return Some((engine, checkpoint)),
            Err(error) => losses.push(format!("{}: {error}", checkpoint.path.display())),
        }
    }
    None
}

/// An engine that knows nothing but whom operators allowed: nobody of them is to be found out
/// again.
fn from_nothing(config: engine::Config, journal: &Journal, losses: &mut Vec<String>) -> Engine {
    let mut engine = Engine::new(config);
    take_up_allowlist(&mut engine, journal, losses);
    engine
}

fn take_up_allowlist(engine: &mut Engine, journal: &Journal, losses: &mut Vec<String>) {
    let told = match journal.allowlist_inputs() {
        Ok(told) => told,
        Err(error) => {
            let loss = format!("{error}: older orders to allow are forgotten");
            if !losses.contains(&loss) {
                losses.push(loss);
            }
            return;
        }
    };
    engine.take_up_allowlist(told.iter().map(|input| match input {
        AllowlistInput::Order(command) => Input::Command(command),
        AllowlistInput::ClockSet { at, by_micros } => {
            Input::ClockSet { at: *at, by_micros: *by_micros }
        }
    }));
}

/// A checkpoint before anything else is on record: orders from now on are about this configuration.
fn keep(journal: &Journal, engine: &Engine) -> Result<(), StoreError> {
    let mut state = Vec::new();
    engine.checkpoint(&mut state);
    journal.checkpoints().write(journal.mark(), &state)
}

/// Lets the table of what holds say what the engine says, with the next commit.
fn tell_table(journal: &mut Journal, engine: &Engine, table: &[Decision]) {
    let mut known = 0;
    for row in table {
        match engine.held(&row.subject) {
            Some(held) if held == row => known += 1,
            _ => journal.drop_hold(row),
        }
    }
    if engine.holds().count() > known {
        let table: BTreeMap<_, _> = table.iter().map(|row| (&row.subject, row)).collect();
        for held in engine.holds().filter(|held| table.get(&held.subject) != Some(held)) {
            journal.set_hold(held);
        }
    }
}

fn step_again(engine: &mut Engine, record: &Record<'_>, out: &mut Vec<engine::Output>) {
    match record {
        Record::Event { seq, event, .. } => {
            // It was joined before it was written; the table must learn from it again.
            engine.join(event);
            engine.step(*seq, &Input::Event(event), out);
        }
        Record::ClockSet { at, by_micros } => {
            engine.step(0, &Input::ClockSet { at: *at, by_micros: *by_micros }, out);
        }
        Record::Tick { at } => engine.step(0, &Input::Tick(*at), out),
        Record::Command { seq, command } => engine.step(*seq, &Input::Command(command), out),
        _ => {}
    }
}

/// The journal in `dir`, for reading: also while a guard writes it.
pub fn reader(dir: &Path) -> Result<Reader, Failure> {
    match dir.read_dir() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::new(format!(
            "there is no journal in {}: no guard ever ran with this state directory",
            dir.display()
        ))
        .remedy("start one with `mailward up`, or name its configuration with --config")),
        Err(error) => Err(Failure::new(format!("{}: {error}", dir.display()))
            .remedy("ask as the user who runs the guard (root)")),
        Ok(_) => Reader::open(dir).map_err(failure),
    }
}

/// What to do about a journal that cannot be opened.
pub fn failure(error: StoreError) -> Failure {
    let failure = Failure::new(format!("the journal: {error}"));
    match error {
        StoreError::InUse { .. } => failure.remedy(
            "another guard runs with this state directory: stop it; a second one on this host can \
             only observe, with mode = \"observe\" and a state.dir of its own",
        ),
        _ => failure.remedy("see that the directory can be written, or set state.dir"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understand::Told;
    use event::{Command, Event, Kind, Order, Outcome, Server, Subject, Text, Timestamp};
    use store::Policy;

    fn lines() -> Vec<Event<'static>> {
        let line = |second: i64, kind, outcome| Event {
            host: Some(Text(b"mx")),
            session: Some(Text(b"a1")),
            ..Event::new(
                Timestamp::from_seconds(1_700_000_000 + second),
                Server::Opensmtpd,
                Text(b"smtp"),
                kind,
                outcome,
            )
        };
        let client = Some([203, 0, 113, 5].into());
        let (account, queue_id) = (Some(Text(b"bob")), Some(Text(b"q1")));
        let delivery = |second| Event {
            session: None,
            queue_id,
            ..line(second, Kind::Delivery, Outcome::Allowed)
        };
        vec![
            Event { client, ..line(0, Kind::Connect, Outcome::Allowed) },
            Event { account, ..line(1, Kind::Auth, Outcome::Allowed) },
            Event { queue_id, ..line(2, Kind::Message, Outcome::Allowed) },
            delivery(3),
            delivery(4),
            line(5, Kind::Disconnect, Outcome::Allowed),
        ]
    }

    fn state(core: &Core) -> Vec<u8> {
        let mut bytes = Vec::new();
        core.engine.checkpoint(&mut bytes);
        bytes
    }

    /// Of a session whose later lines name nobody: what is known of it by then is in the state.
    #[test]
    fn the_state_is_that_of_an_engine_that_never_stopped() {
        for cut in 0..=lines().len() {
            let dir = tempfile::tempdir().unwrap();
            let mut core = open(dir.path(), &engine::Config::default()).unwrap().core;
            for event in lines().into_iter().take(cut) {
                let source = core.journal.source("log");
                core.line(source, b"a line", &Told::Event(event));
            }
            core.commit(&[]);
            let before = state(&core);
            drop(core);
            let core = open(dir.path(), &engine::Config::default()).unwrap().core;
            assert!(state(&core) == before, "after {cut} lines");
        }
    }

    const HOUR: i64 = 3_600_000_000;

    /// Whether an order of one hour, two steps of the clock before now, still holds a minute before
    /// its end and no longer a minute behind it. The oldest records are in history only.
    fn assert_ends_as_it_would(steps: [i64; 2], history_until: usize) {
        let dir = tempfile::tempdir().unwrap();
        let config = engine::Config::default();
        let mut core = open(dir.path(), &config).unwrap().core;
        let mut at = Timestamp::from_seconds(1_700_000_000);
        let allow = |core: &mut Core, at: Timestamp, network: &str| {
            let network = network.parse().unwrap();
            let order = Order::Allow { network, until: Some(Timestamp(at.0 + HOUR)) };
            core.tick(at);
            core.command(&Command { at, operator: "root".into(), reason: "".into(), order });
        };
        allow(&mut core, at, "192.0.2.1");
        for (number, by_micros) in (0..).zip(steps) {
            core.commit(&[]);
            if number == history_until {
                let policy = Policy {
                    segment_records: 1,
                    segment_age_s: 0,
                    replay_bytes: 0,
                    ..Policy::default()
                };
                core.journal.checkpoints().write(core.journal.mark(), b"none").unwrap();
                let done = core.journal.maintainer(policy).maintain(at).unwrap();
                assert!(done.batches_deleted > 0, "{done:?}");
            }
            at = Timestamp(at.0 + by_micros);
            core.set_clock(at, by_micros);
        }
        allow(&mut core, at, "192.0.2.2");
        core.commit(&[]);
        drop(core);
        let recovered = open(dir.path(), &config).unwrap();
        assert!(recovered.is_from_records);
        let mut core = recovered.core;
        for (late, holds) in [(-60_000_000, true), (60_000_000, false)] {
            core.tick(Timestamp(at.0 + HOUR + late));
            for client in ["192.0.2.1", "192.0.2.2"] {
                let subject = Subject::Client(client.parse().unwrap());
                let protection = core.engine.explain(&subject).protection;
                assert_eq!(protection.is_some(), holds, "{client} {steps:?} {history_until}");
            }
        }
    }

    #[test]
    fn without_a_checkpoint_an_order_to_allow_ends_whatever_the_clock_was_set_to() {
        for steps in [[24 * HOUR, 0], [-24 * HOUR, 24 * HOUR], [5 * HOUR, -30 * HOUR]] {
            for history_until in 0..=2 {
                assert_ends_as_it_would(steps, history_until);
            }
        }
    }
}
