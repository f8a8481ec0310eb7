//! Reads a configuration text: every problem is reported, each with its place and the nearest
//! right key; what is right is taken.

use super::keys::{ONLY, UNLIMITED};
use super::value::is_number;
use super::{Config, Setting, settings};
use engine::{Value, ValueKind};
use event::{Network, Text};
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most networks of the allowlist, and of all lists of `kernel.only` together.
const NETWORKS_MAX: usize = 3_072;
/// Networks that the limits do not hold for, in the same message.
const UNLIMITED_MAX: usize = 256;
/// The most ports besides the standard ones.
const PORTS_MAX: usize = 256;

/// Something wrong in a configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key or value of the file may hold anything, `"\e"` too.
        write!(out, "{}:{}: {}", self.line, self.column, Text(self.text.as_bytes()))
    }
}

/// Reads a whole configuration (TOML 1.1). Never fails: what cannot be taken is a problem, and its
/// default holds.
pub fn read(text: &str) -> (Config, Vec<Problem>) {
    let mut reading = Reading { text, config: Config::default(), problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reading.problem(error.span().unwrap_or(0..0), error.message().to_owned());
    }
    reading.table("", table.get_ref());
    reading.problems.sort();
    reading.problems.dedup();
    (reading.config, reading.problems)
}

struct Reading<'t> {
    text: &'t str,
    config: Config,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn problem(&mut self, span: Range<usize>, text: String) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        self.problems.push(Problem {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            text,
        });
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let path = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            if prefix == ONLY {
                self.only(name, value);
            } else if let Some(setting) = settings().find(|setting| setting.path() == path) {
                self.set(setting, value);
            } else if let (DeValue::Table(inner), true) = (value.get_ref(), is_table(&path)) {
                self.table(&path, inner);
            } else {
                self.problem(name.span(), unknown(&path));
            }
        }
    }

    fn set(&mut self, setting: Setting, value: &Spanned<DeValue<'_>>) {
        let converted = convert(setting, value.get_ref()).and_then(|converted| match &converted {
            Value::Networks(list) if setting.path() == UNLIMITED => {
                fits(list.len(), UNLIMITED_MAX).map(|()| converted)
            }
            Value::Networks(list) => fits(list.len(), NETWORKS_MAX).map(|()| converted),
            Value::Words(list) if setting.path() == "kernel.ports" => {
                fits(list.len(), PORTS_MAX).map(|()| converted)
            }
            _ => Ok(converted),
        });
        let outcome = match converted {
            Ok(converted) => setting.set(&mut self.config, &converted),
            Err(text) => Err(text),
        };
        if let Err(text) = outcome {
            self.problem(value.span(), format!("{}: {text}", setting.path()));
        }
    }

    fn only(&mut self, name: &Spanned<toml::de::DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let port = name.get_ref().parse::<u16>().ok().filter(|port| *port > 0);
        let Some(port) = port else {
            return self
                .problem(name.span(), format!("{ONLY}: the key must be a port, 1 to 65535"));
        };
        let before: usize = self.config.kernel.only.values().map(Vec::len).sum();
        let listed = texts(value.get_ref()).and_then(|texts| networks(&texts)).and_then(|list| {
            fits(before + list.len(), NETWORKS_MAX)?;
            Ok(list)
        });
        match listed {
            Ok(networks) => {
                self.config.kernel.only.insert(port, networks);
            }
            Err(text) => self.problem(value.span(), format!("{ONLY}.{port}: {text}")),
        }
    }
}

/// The enforcer takes its rules in one message, and looks each ban up in each list.
fn fits(entries: usize, most: usize) -> Result<(), String> {
    if entries <= most {
        return Ok(());
    }
    Err(format!("has {entries} entries, {most} are the most; join neighbours to wider networks"))
}

fn is_table(path: &str) -> bool {
    path == ONLY
        || settings().any(|setting| {
            setting.path().strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
        })
}

/// A TOML value as the key takes it; lengths of time may be written as `"10m"`.
fn convert(setting: Setting, value: &DeValue<'_>) -> Result<Value, String> {
    let kind = setting.kind();
    let wants = || format!("wants {}", super::value::wanted(kind));
    match (value, kind) {
        (DeValue::Integer(number), _) if is_number(kind) => {
            let number = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
            number.map(Value::Integer).map_err(|_| "the number is too large".to_owned())
        }
        (DeValue::Float(number), ValueKind::Float) => {
            number.as_str().replace('_', "").parse().map(Value::Float).map_err(|_| wants())
        }
        (DeValue::String(text), ValueKind::Integer) if setting.unit() == "s" => {
            let seconds = crate::subject::duration_s(text);
            seconds.map(|seconds| Value::Integer(seconds.into())).map_err(|failure| failure.what)
        }
        (DeValue::String(text), ValueKind::Word(_)) => Ok(Value::Word(text.to_string().into())),
        (DeValue::Boolean(yes), ValueKind::Word(words)) if words.contains(&"yes") => {
            Ok(Value::Word(if *yes { "yes" } else { "no" }.into()))
        }
        (DeValue::Array(_), ValueKind::Words) => {
            Ok(Value::Words(texts(value)?.into_iter().map(String::into_boxed_str).collect()))
        }
        (DeValue::Array(_), ValueKind::Networks) => Ok(Value::Networks(networks(&texts(value)?)?)),
        _ => Err(wants()),
    }
}

fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let wants = || "wants a list of texts".to_owned();
    let DeValue::Array(items) = value else { return Err(wants()) };
    items
        .iter()
        .map(|item| match item.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.as_str().to_owned()),
            _ => Err(wants()),
        })
        .collect()
}

fn networks(texts: &[String]) -> Result<Vec<Network>, String> {
    texts.iter().map(|text| text.parse().map_err(|error| format!("\"{text}\": {error}"))).collect()
}

/// What to say of a key that does not exist.
fn unknown(path: &str) -> String {
    let nearest = settings()
        .map(Setting::path)
        .map(|known| (distance(path, known), known))
        .filter(|(distance, known)| *distance <= known.len() / 3 + 1)
        .min();
    match nearest {
        Some((_, known)) => format!("no such key: {path}; the nearest is {known}"),
        None => format!("no such key: {path}"),
    }
}

/// How many characters must be added, dropped, replaced or swapped with their neighbour
/// (Damerau 1964, "optimal string alignment").
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().take(128).collect();
    let to: Vec<char> = to.chars().take(128).collect();
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests;
