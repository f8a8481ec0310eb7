//! What of the engine goes into a checkpoint, in which order.
//!
//! Everything but the configuration, which the program brings. Indexes and what follows from the
//! decisions are made again.

use crate::checkpoint::{CheckpointError, Reader, Record, Writer};
use crate::config::Config;
use crate::decide::PREFIX_RULE;
use crate::detect::DETECTORS;
use crate::engine::{Engine, baits};
use crate::holds::Hold;
use crate::protection::Shelter;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use event::{Decision, Evidence, Measure, Mode, Name, Subject, Timestamp};

impl Engine {
    /// Appends the whole state to `into`. An engine that is restored from it under the same
    /// configuration goes on as this one does.
    pub fn checkpoint(&self, into: &mut Vec<u8>) {
        let mut writer = Writer::new(into);
        let w = &mut writer;
        w.u64(self.config.seed);
        self.now.0.write(w);
        w.u64(self.seq);
        self.reported_minute.write(w);
        self.shelter.write(w);
        self.timers.write(w);
        // In the order they were made: rows of the slab mean nothing.
        let mut holds: Vec<&Hold> = self.holds.iter().collect();
        holds.sort_unstable_by_key(|hold| hold.number);
        w.u64(holds.len() as u64);
        for hold in holds {
            hold.number.write(w);
            write_decision(&hold.decision, w);
        }
        self.state.write(w);
        writer.finish();
    }

    /// Takes up a checkpoint under a configuration. The seed is the checkpoint's: the keys of the
    /// tables depend on it. The allowlist is the checkpoint's, under which the records after it
    /// came about, until [`Engine::take_up_configured`] after these.
    ///
    /// # Errors
    /// The bytes are no checkpoint, one of another version, or damaged.
    pub fn restore(bytes: &[u8], config: Config) -> Result<Engine, CheckpointError> {
        let mut reader = Reader::new(bytes)?;
        let engine = read(&mut reader, config).ok_or(CheckpointError::Torn)?;
        if reader.is_empty() { Ok(engine) } else { Err(CheckpointError::Torn) }
    }
}

fn read(from: &mut Reader<'_>, config: Config) -> Option<Engine> {
    let seed = from.u64()?;
    let mut engine = Engine::new(Config { seed, ..config });
    engine.baits = baits(&engine.config);
    engine.set_now(Timestamp(i64::read(from)?));
    engine.seq = from.u64()?;
    engine.reported_minute = i64::read(from)?;
    engine.shelter = Shelter::read(from)?;
    engine.timers.read(from)?;
    let mut least = 0;
    for _ in 0..from.u64()? {
        let (number, decision) = (from.u64()?, read_decision(from)?);
        if number < least || number >= engine.timers.next() {
            return None;
        }
        least = number + 1;
        let until = decision.until;
        let (row, before) = engine.holds.insert(Hold { decision, number });
        if before.is_some() {
            return None;
        }
        if let Some(until) = until {
            engine.timers.set_end(until, number, row);
        }
    }
    engine.state.read(from)?;
    Some(engine)
}

fn write_decision(decision: &Decision, into: &mut Writer<'_>) {
    decision.at.0.write(into);
    let measure = Measure::ALL.iter().position(|measure| *measure == decision.measure);
    (measure.unwrap_or_default() as u8).write(into);
    decision.subject.write(into);
    decision.until.map(|until| until.0).write(into);
    let rule: Box<[u8]> = decision.rule.as_bytes().into();
    rule.write(into);
    decision.offence.write(into);
    decision.score.to_bits().write(into);
    (decision.mode == Mode::Enforce).write(into);
    decision.evidence.lines().to_vec().write(into);
}

fn read_decision(from: &mut Reader<'_>) -> Option<Decision> {
    Some(Decision {
        at: Timestamp(i64::read(from)?),
        measure: *Measure::ALL.get(usize::from(u8::read(from)?))?,
        subject: Subject::read(from)?,
        until: Option::<i64>::read(from)?.map(Timestamp),
        rule: name(&Box::<[u8]>::read(from)?)?,
        offence: u32::read(from)?,
        score: f32::from_bits(u32::read(from)?),
        mode: if bool::read(from)? { Mode::Enforce } else { Mode::Observe },
        evidence: Vec::<u64>::read(from)?.into_iter().collect::<Evidence>(),
    })
}

/// A name that is compiled in costs no memory.
fn name(bytes: &[u8]) -> Option<Name> {
    let text = core::str::from_utf8(bytes).ok()?;
    let known = DETECTORS.iter().map(|spec| spec.name).chain([PREFIX_RULE, "operator"]);
    let known = known.into_iter().find(|name| *name == text);
    Some(known.map_or_else(|| Cow::Owned(String::from(text)), Cow::Borrowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, KEYS, Value};
    use event::{Event, Kind, Outcome, Reason, Server, Text};
    use proptest::prelude::*;

    /// The smallest tables: a checkpoint of few bytes, and eviction soon.
    fn config() -> Config {
        let mut config = Config::default();
        for key in KEYS.iter().filter(|key| key.path.starts_with("table.")) {
            key.set(&mut config, &Value::Integer(key.min as i64)).unwrap();
        }
        config.ban.longest_s = 60;
        config
    }

    fn attack(engine: &mut Engine, start_s: i64, events: u64) {
        let mut out = Vec::new();
        for number in 0..events {
            let is_login = number.is_multiple_of(5);
            let outcome = if is_login { Outcome::Allowed } else { Outcome::Rejected };
            let at = Timestamp::from_seconds(start_s.saturating_add(number as i64));
            let account = [b'a' + (number % 7) as u8];
            let event = Event {
                hostile: !is_login,
                client: Some([198, 18, 0, (number % 23) as u8].into()),
                account: Some(Text(&account)),
                attempts: 1,
                reason: (!is_login).then_some(Reason::AuthFailed),
                ..Event::new(at, Server::Dovecot, Text(b"imap-login"), Kind::Auth, outcome)
            };
            engine.step(number + 1, &Input::Event(&event), &mut out);
        }
        engine.finish(&mut out);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Somebody who may write the store, and knows how the checksum is made.
        #[test]
        fn changed_bytes_with_a_right_checksum_are_an_error_or_an_engine_that_goes_on(
            patches in prop::collection::vec(
                (any::<prop::sample::Index>(), prop_oneof![Just(0u8), Just(255), any::<u8>()]),
                1..6,
            ),
            width in prop_oneof![Just(1usize), Just(8)],
        ) {
            let mut engine = Engine::new(config());
            attack(&mut engine, 1000, 120);
            let mut bytes = Vec::new();
            engine.checkpoint(&mut bytes);
            let body = bytes.len() - 8;
            for (place, byte) in patches {
                let place = 12 + place.index(body - 12);
                bytes[place..(place + width).min(body)].fill(byte);
            }
            let sum = crate::checkpoint::checksum(&bytes[..body]);
            bytes[body..].copy_from_slice(&sum.to_le_bytes());
            let Ok(mut engine) = Engine::restore(&bytes, config()) else { return Ok(()) };
            let now_s = engine.now().seconds();
            attack(&mut engine, now_s, 60);
            let mut again = Vec::new();
            engine.checkpoint(&mut again);
            prop_assert!(Engine::restore(&again, config()).is_ok(), "its own is refused");
        }
    }
}
