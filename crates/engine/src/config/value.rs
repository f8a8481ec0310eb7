//! What a key can hold, and what can be wrong with it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use event::Network;

/// The value of a key.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A count, or seconds.
    Integer(i64),
    /// Points.
    Float(f64),
    /// One of a few words.
    Word(Box<str>),
    /// A list of texts.
    Words(Vec<Box<str>>),
    /// A list of networks.
    Networks(Vec<Network>),
}

/// The kind of value that a key takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueKind {
    /// A whole number.
    Integer,
    /// A number with or without a fraction.
    Float,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Words,
    /// A list of networks.
    Networks,
}

/// Why a key could not be set.
#[derive(Clone, PartialEq, Debug)]
pub struct ConfigError {
    /// The key, as it was given.
    pub path: Box<str>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a key or its value.
#[derive(Clone, PartialEq, Debug)]
pub enum Problem {
    /// There is no such key.
    NoSuchKey,
    /// Another kind of value is wanted.
    Kind(ValueKind),
    /// The number lies outside these bounds.
    Range {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.path)?;
        match &self.problem {
            Problem::NoSuchKey => out.write_str("no such key"),
            Problem::Kind(kind) => write!(out, "wants {kind}"),
            Problem::Range { min, max } => write!(out, "must be between {min} and {max}"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl fmt::Display for ValueKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueKind::Integer => out.write_str("a whole number"),
            ValueKind::Float => out.write_str("a number"),
            ValueKind::Words => out.write_str("a list of texts"),
            ValueKind::Networks => out.write_str("a list of networks"),
            ValueKind::Word(words) => {
                out.write_str("one of ")?;
                for (position, word) in words.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(out, "{comma}{word}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => number.fmt(out),
            Value::Float(number) => number.fmt(out),
            Value::Word(word) => word.fmt(out),
            Value::Words(words) => list(out, words),
            Value::Networks(networks) => list(out, networks),
        }
    }
}

fn list<T: fmt::Display>(out: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    out.write_str("[")?;
    for (position, item) in items.iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        write!(out, "{comma}\"{item}\"")?;
    }
    out.write_str("]")
}
