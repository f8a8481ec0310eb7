//! One view of every key, whichever crate it belongs to.

use super::Config;
use super::keys::{self, Key};
use engine::{Value, ValueKind};

/// A key: where it is written, what it means, how it is read and set.
#[derive(Clone, Copy)]
pub enum Setting {
    /// One of the engine's.
    Engine(&'static engine::Key),
    /// One of the program's.
    Program(&'static Key),
}

/// All keys, the program's first.
pub fn settings() -> impl Iterator<Item = Setting> {
    keys::KEYS.iter().map(Setting::Program).chain(engine::KEYS.iter().map(Setting::Engine))
}

impl Setting {
    /// `brute-force.score_max`.
    pub const fn path(self) -> &'static str {
        match self {
            Setting::Engine(key) => key.path,
            Setting::Program(key) => key.path,
        }
    }

    /// What it is for.
    pub const fn summary(self) -> &'static str {
        match self {
            Setting::Engine(key) => key.summary,
            Setting::Program(key) => key.summary,
        }
    }

    /// Its unit, or empty.
    pub const fn unit(self) -> &'static str {
        match self {
            Setting::Engine(key) => key.unit,
            Setting::Program(key) => key.unit,
        }
    }

    /// What it takes.
    pub const fn kind(self) -> ValueKind {
        match self {
            Setting::Engine(key) => key.kind,
            Setting::Program(key) => key.kind,
        }
    }

    /// Smallest and largest number.
    pub const fn range(self) -> (f64, f64) {
        match self {
            Setting::Engine(key) => (key.min, key.max),
            Setting::Program(key) => (0.0, key.max as f64),
        }
    }

    /// Its value in a configuration.
    pub fn get(self, config: &Config) -> Value {
        match self {
            Setting::Engine(key) => key.get(&config.engine),
            Setting::Program(key) => (key.get)(config),
        }
    }

    /// Sets it, or says what it wants instead.
    pub fn set(self, config: &mut Config, value: &Value) -> Result<(), String> {
        let (min, max) = self.range();
        let number = match value {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        };
        if is_number(self.kind()) && number.is_some_and(|number| !(min..=max).contains(&number)) {
            return Err(format!("must be between {min} and {max}"));
        }
        let done = match self {
            Setting::Engine(key) => key.set(&mut config.engine, value).ok(),
            Setting::Program(key) => (key.set)(config, value),
        };
        done.ok_or_else(|| match self.kind() {
            // It is of the right kind, and yet no address, name or whatever else is meant.
            ValueKind::Word([]) | ValueKind::Words => {
                format!("cannot be that; it is: {}", self.summary())
            }
            kind => format!("wants {}", wanted(kind)),
        })
    }
}

/// True for the kinds that are numbers.
pub const fn is_number(kind: ValueKind) -> bool {
    matches!(kind, ValueKind::Integer | ValueKind::Float)
}

/// What a kind is called.
pub fn wanted(kind: ValueKind) -> String {
    match kind {
        ValueKind::Word([]) => "a text".to_owned(),
        other => other.to_string(),
    }
}
