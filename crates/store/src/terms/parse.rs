//! From what a person wrote to terms.

use super::{Field, FieldRow, Form, Term, Value};
use ::event::{Network, Origin};

/// The longest text that is read, in bytes, and the most terms and values in it: a URL is no place
/// for more.
const TEXT_MAX: usize = 4096;
const TERMS_MAX: usize = 64;
const VALUES_MAX: usize = 256;

/// What cannot be understood, where, and what would be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct TermError {
    /// The character at which it begins, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub what: String,
}

/// Reads the whole text. An empty one has no terms: everything is asked for.
///
/// # Errors
/// The first thing that cannot be understood.
pub fn parse(text: &str) -> Result<Vec<Term>, TermError> {
    let mut reading = Reading { text, at: 0 };
    if text.len() > TEXT_MAX {
        return Err(reading.error(format!("longer than {TEXT_MAX} bytes")));
    }
    let mut terms = Vec::new();
    while reading.skip_spaces() {
        if terms.len() == TERMS_MAX {
            return Err(reading.error(format!("more than {TERMS_MAX} terms")));
        }
        terms.push(reading.term()?);
    }
    Ok(terms)
}

struct Reading<'t> {
    text: &'t str,
    at: usize,
}

/// A value as it was written, where it began, and whether it stood in quotes.
struct Written {
    text: String,
    at: usize,
    is_quoted: bool,
}

impl<'t> Reading<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, what: impl Into<String>) -> TermError {
        self.error_at(self.at, what)
    }

    fn error_at(&self, at: usize, what: impl Into<String>) -> TermError {
        let column = self.text.get(..at).map_or(1, |before| before.chars().count() + 1);
        TermError { column, what: what.into() }
    }

    /// False at the end.
    fn skip_spaces(&mut self) -> bool {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        !self.rest().is_empty()
    }

    fn take(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    fn term(&mut self) -> Result<Term, TermError> {
        let began = self.at;
        let is_negated = self.take("-") || self.take("!");
        let name_at = self.at;
        let name = self.name();
        let operator = ["!=", "!:", ":", "="].into_iter().find(|one| self.take(one));
        let (Some(operator), false) = (operator, name.is_empty()) else {
            self.at = if is_negated { name_at } else { began };
            return self.words(is_negated);
        };
        let Some(row) = Field::from_name(name) else {
            return Err(self.error_at(name_at, unknown_field(name)));
        };
        let is_excluded = is_negated != operator.starts_with('!');
        let mut values = Vec::new();
        loop {
            let written = self.value(true)?;
            if values.len() == VALUES_MAX {
                return Err(self.error_at(written.at, format!("more than {VALUES_MAX} values")));
            }
            values.push(read(row, &written).map_err(|what| self.error_at(written.at, what))?);
            if !self.take(",") {
                break;
            }
        }
        if !self.rest().is_empty() && !self.rest().starts_with(char::is_whitespace) {
            return Err(self.error("a space is wanted between two terms"));
        }
        Ok(Term { field: row.field, values, is_excluded })
    }

    fn name(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// A text that the line holds.
    fn words(&mut self, is_excluded: bool) -> Result<Term, TermError> {
        let written = self.value(false)?;
        if written.text.is_empty() {
            return Err(self.error_at(written.at, "a text to look for is wanted"));
        }
        let text = Value::Name {
            text: written.text.to_ascii_lowercase().into_bytes(),
            is_open_before: true,
            is_open_behind: true,
        };
        Ok(Term { field: Field::Text, values: vec![text], is_excluded })
    }

    fn value(&mut self, ends_at_comma: bool) -> Result<Written, TermError> {
        let at = self.at;
        if self.take("\"") {
            let text = self.quoted(at)?;
            return Ok(Written { text, at, is_quoted: true });
        }
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || (ends_at_comma && c == ',');
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        let text = rest.get(..end).unwrap_or_default().to_owned();
        Ok(Written { text, at, is_quoted: false })
    }

    fn quoted(&mut self, began: usize) -> Result<String, TermError> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((place, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += place + 1;
                    return Ok(text);
                }
                '\\' => text.extend(characters.next().map(|(_, character)| character)),
                _ => text.push(character),
            }
        }
        Err(self.error_at(began, "the quote is not closed: write \" at the end"))
    }
}

fn unknown_field(name: &str) -> String {
    let names: Vec<&str> = super::FIELDS.iter().map(|row| row.name).collect();
    let near = names.iter().find(|known| {
        known.starts_with(&name.to_ascii_lowercase())
            || name.to_ascii_lowercase().starts_with(*known)
    });
    match near {
        Some(near) => format!("no field is called {name}; do you mean {near}?"),
        None => format!(
            "no field is called {name}: there are {}; put a text with a colon into quotes",
            names.join(", ")
        ),
    }
}

fn read(row: &FieldRow, written: &Written) -> Result<Value, String> {
    let text = written.text.as_str();
    if text.is_empty() && !written.is_quoted {
        return Err(format!("a value is wanted after {}", row.name));
    }
    if text == "none" && !written.is_quoted {
        return Ok(Value::None);
    }
    match row.form {
        Form::Word(names) => {
            let words = names();
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            word.map(|word| Value::Word(word))
                .ok_or_else(|| format!("{text}: {} is one of {}", row.name, words.join(", ")))
        }
        Form::Network => network(text)
            .ok_or_else(|| format!("{text}: write an address or a network, 198.51.100.0/24")),
        Form::Name => Ok(name(row.field, text, written.is_quoted)),
        Form::Operator => {
            let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as"));
            let number: Result<u32, _> = digits.unwrap_or(text).parse();
            number.map(Value::Operator).map_err(|_| format!("{text}: write AS64500"))
        }
        Form::Country => match Origin::country_of(text) {
            [0, 0] => Err(format!("{text}: write two letters (ISO 3166), DE")),
            country => Ok(Value::Country(country)),
        },
        Form::Flag => match text.to_ascii_lowercase().as_str() {
            "yes" | "true" => Ok(Value::Flag(true)),
            "no" | "false" => Ok(Value::Flag(false)),
            _ => Err(format!("{text}: write yes or no")),
        },
    }
}

fn network(text: &str) -> Option<Value> {
    let network = match text.parse::<std::net::IpAddr>() {
        Ok(address) => Network::host(address),
        Err(_) => text.parse::<Network>().ok()?,
    };
    Some(Value::Network(network))
}

fn name(field: Field, text: &str, is_quoted: bool) -> Value {
    let is_open = field == Field::Text;
    let (mut rest, mut before, mut behind) = (text, is_open, is_open);
    if !is_quoted && !is_open {
        if let Some(inner) = rest.strip_prefix('*') {
            (rest, before) = (inner, true);
        }
        if let Some(inner) = rest.strip_suffix('*') {
            (rest, behind) = (inner, true);
        }
    }
    Value::Name {
        text: rest.to_ascii_lowercase().into_bytes(),
        is_open_before: before,
        is_open_behind: behind,
    }
}
