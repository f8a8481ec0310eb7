//! The table of all keys.

use super::{Config, ConfigError, Points, Problem, Value, ValueKind};
use event::Mode;

/// One key: where it is, what it means, what it may hold.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Table and key, `brute-force.score_max`.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The unit of a number: `s`, `points`, `days`, or nothing.
    pub unit: &'static str,
    /// What kind of value it takes.
    pub kind: ValueKind,
    /// Smallest number.
    pub min: f64,
    /// Largest number.
    pub max: f64,
    get: fn(&Config) -> Value,
    put: fn(&mut Config, &Value) -> Option<()>,
}

impl Key {
    /// What the key holds in `config`.
    pub fn get(&self, config: &Config) -> Value {
        (self.get)(config)
    }

    /// What the key holds where nobody set it.
    pub fn default(&self) -> Value {
        (self.get)(&Config::default())
    }

    /// Sets the key in `config`.
    ///
    /// # Errors
    /// Another kind of value, or a number out of range.
    pub fn set(&self, config: &mut Config, value: &Value) -> Result<(), ConfigError> {
        let number = match value {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        };
        let fault = |problem| ConfigError { path: self.path.into(), problem };
        if number.is_some_and(|number| !(self.min..=self.max).contains(&number)) {
            return Err(fault(Problem::Range { min: self.min, max: self.max }));
        }
        (self.put)(config, value).ok_or_else(|| fault(Problem::Kind(self.kind)))
    }
}

const MODES: &[&str] = &["off", "observe", "enforce"];

fn mode_of(word: &str) -> Option<Mode> {
    [Mode::Off, Mode::Observe, Mode::Enforce].into_iter().find(|mode| mode.name() == word)
}

fn points_of(value: &Value) -> Option<Points> {
    let points = match value {
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        _ => return None,
    };
    Some(Points((points * 1000.0 + 0.5) as u32))
}

macro_rules! key {
    (mode $path:literal, $summary:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: "", kind: ValueKind::Word(MODES),
            min: 0.0, max: 0.0,
            get: |config| Value::Word(config.$($field).+.name().into()),
            put: |config, value| match value {
                Value::Word(word) => { config.$($field).+ = mode_of(word)?; Some(()) }
                _ => None,
            },
        }
    };
    (points $path:literal, $summary:literal, $min:literal..$max:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: "points", kind: ValueKind::Float,
            min: $min, max: $max,
            get: |config| Value::Float(f64::from(config.$($field).+.0) / 1000.0),
            put: |config, value| { config.$($field).+ = points_of(value)?; Some(()) },
        }
    };
    (networks $path:literal, $summary:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: "", kind: ValueKind::Networks,
            min: 0.0, max: 0.0,
            get: |config| Value::Networks(config.$($field).+.clone()),
            put: |config, value| match value {
                Value::Networks(networks) => {
                    config.$($field).+ = networks.clone();
                    Some(())
                }
                _ => None,
            },
        }
    };
    (
        $unit:literal $path:literal, $summary:literal, $min:literal..$max:literal,
        $($field:ident).+
    ) => {
        Key {
            path: $path, summary: $summary, unit: $unit, kind: ValueKind::Integer,
            min: $min as f64, max: $max as f64,
            get: |config| Value::Integer(i64::from(config.$($field).+)),
            put: |config, value| match value {
                Value::Integer(number) => {
                    config.$($field).+ = u32::try_from(*number).ok()?;
                    Some(())
                }
                _ => None,
            },
        }
    };
}

mod detectors;
mod table;
mod telling;

use detectors::OF_BANNING;
use table::OF_ALL;
use telling::OF_TELLING;

/// All keys, by detector, then what concerns all of them.
pub const KEYS: &[Key] = &joined::<{ OF_BANNING.len() + OF_TELLING.len() + OF_ALL.len() }>();

/// One table of the three; the compiler makes it, so no index fails at run time.
#[allow(clippy::indexing_slicing)]
const fn joined<const COUNT: usize>() -> [Key; COUNT] {
    let mut all = [OF_ALL[0]; COUNT];
    let tables = [OF_BANNING, OF_TELLING, OF_ALL];
    let (mut at, mut table, mut row) = (0, 0, 0);
    while at < COUNT {
        if row == tables[table].len() {
            (table, row) = (table + 1, 0);
            continue;
        }
        all[at] = tables[table][row];
        (at, row) = (at + 1, row + 1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_takes_its_default_and_refuses_nonsense() {
        for (position, key) in KEYS.iter().enumerate() {
            let mut config = Config::default();
            let value = key.default();
            assert_eq!(key.set(&mut config, &value), Ok(()), "{}", key.path);
            assert_eq!(config, Config::default(), "{}", key.path);
            assert!(KEYS[..position].iter().all(|other| other.path != key.path), "{}", key.path);
            let nonsense = match key.kind {
                ValueKind::Words | ValueKind::Networks => Value::Integer(0),
                _ => Value::Words([].into()),
            };
            assert!(key.set(&mut config, &nonsense).is_err(), "{}", key.path);
            if matches!(key.kind, ValueKind::Integer | ValueKind::Float) {
                assert!(key.set(&mut config, &Value::Float(key.max * 2.0 + 1.0)).is_err());
                assert!(key.set(&mut config, &Value::Float(f64::NAN)).is_err());
            }
        }
    }

    #[test]
    fn a_key_that_is_set_reads_back() {
        let mut config = Config::default();
        assert_eq!(config.set("scan.mode", &Value::Word("observe".into())), Ok(()));
        assert_eq!(config.scan.rule.mode, Mode::Observe);
        assert_eq!(config.set("brute-force.score_max", &Value::Float(7.25)), Ok(()));
        assert_eq!(config.brute_force.rule.score_max, Points(7250));
        assert!(config.set("scan.mode", &Value::Word("on".into())).is_err());
        assert!(config.set("scan.mod", &Value::Word("off".into())).is_err());
    }
}
