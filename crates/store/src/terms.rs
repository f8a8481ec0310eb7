//! The language in which a person says which events are meant: on the command line, in the
//! console's filter bar and in its URLs.
//!
//! ```text
//! outcome!=allowed client:198.51.100.0/24 account:info*,*@example.org "no such user"
//! ```
//!
//! Terms are separated by spaces, and all must hold. `field:value` (or `field=value`) includes,
//! `field!=value` (or `-field:value`) excludes. Several values with commas: any of them. A value in
//! double quotes may hold spaces, commas and, behind a backslash, quotes and backslashes. Names end
//! or begin with `*` for any text; `none` is the value of events that have none. A word alone is a
//! text that the log line holds; ASCII case is aside everywhere. [`FIELDS`] lists what can be
//! asked.

mod parse;
mod print;

use crate::needle::Needle;
use crate::rollup::Series;
use ::event::{Event, Kind, Network, Outcome, Protocol, Reason, Server, Text, Vocabulary};
use std::net::IpAddr;

pub use parse::{TermError, parse};
pub use print::text;

/// What an event can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the table says what each is")]
pub enum Field {
    Outcome,
    Reason,
    Kind,
    Server,
    Service,
    Protocol,
    Host,
    Client,
    Account,
    Operator,
    Country,
    Sender,
    Recipient,
    Helo,
    Hostile,
    Detector,
    Incident,
    Text,
}

/// What values of a field are.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A word of a closed list, by the names of its words.
    Word(fn() -> Vec<&'static str>),
    /// An address or network.
    Network,
    /// Text, with `*` at an end.
    Name,
    /// `AS64500` or `64500`.
    Operator,
    /// Two letters.
    Country,
    /// `yes` or `no`.
    Flag,
}

/// A row of [`FIELDS`].
#[derive(Clone, Copy, Debug)]
pub struct FieldRow {
    /// Which.
    pub field: Field,
    /// Its name in the language.
    pub name: &'static str,
    /// What its values are.
    pub form: Form,
    /// What it asks for, for a person.
    pub meaning: &'static str,
}

const fn row(field: Field, name: &'static str, form: Form, meaning: &'static str) -> FieldRow {
    FieldRow { field, name, form, meaning }
}

fn names<V: Vocabulary>() -> Vec<&'static str> {
    V::ALL.iter().map(|word| word.name()).collect()
}

/// All fields: help, documents and the filter bar are made from this table.
pub const FIELDS: [FieldRow; 18] = [
    row(Field::Outcome, "outcome", Form::Word(names::<Outcome>), "what became of it"),
    row(Field::Reason, "reason", Form::Word(names::<Reason>), "why"),
    row(Field::Kind, "kind", Form::Word(names::<Kind>), "what happened"),
    row(Field::Server, "server", Form::Word(names::<Server>), "who wrote the line"),
    row(Field::Service, "service", Form::Name, "the part of the server"),
    row(Field::Protocol, "protocol", Form::Word(names::<Protocol>), "what the client spoke"),
    row(Field::Host, "host", Form::Name, "the host that wrote the line"),
    row(Field::Client, "client", Form::Network, "the client's address, or a network around it"),
    row(Field::Account, "account", Form::Name, "the login name"),
    row(Field::Operator, "operator", Form::Operator, "who runs the client's network"),
    row(Field::Country, "country", Form::Country, "where the client is"),
    row(Field::Sender, "sender", Form::Name, "the envelope sender"),
    row(Field::Recipient, "recipient", Form::Name, "the envelope recipient"),
    row(Field::Helo, "helo", Form::Name, "the HELO name"),
    row(Field::Hostile, "hostile", Form::Flag, "whether it counts against the client"),
    row(Field::Detector, "detector", Form::Name, "which detector found something about the client"),
    row(
        Field::Incident,
        "incident",
        Form::Name,
        "the number of an incident that the client is part of",
    ),
    row(Field::Text, "text", Form::Name, "what the log line holds"),
];

impl Field {
    /// Its row.
    pub fn row(self) -> &'static FieldRow {
        FIELDS.iter().find(|row| row.field == self).unwrap_or(&FIELDS[FIELDS.len() - 1])
    }

    /// The field with this name.
    pub fn from_name(name: &str) -> Option<&'static FieldRow> {
        FIELDS.iter().find(|row| row.name.eq_ignore_ascii_case(name))
    }
}

/// A value that is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Events that have none.
    None,
    /// A word of a closed list.
    Word(&'static str),
    /// An address or network.
    Network(Network),
    /// A name; any text may stand before or behind it.
    Name {
        /// The text, in lower case where it is ASCII.
        text: Vec<u8>,
        /// Any text may stand before it.
        is_open_before: bool,
        /// Any text may stand behind it.
        is_open_behind: bool,
    },
    /// A number of an autonomous system.
    Operator(u32),
    /// Two letters, upper case.
    Country([u8; 2]),
    /// Yes or no.
    Flag(bool),
}

/// One condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// What is asked about.
    pub field: Field,
    /// Any of these.
    pub values: Vec<Value>,
    /// None of these, rather.
    pub is_excluded: bool,
}

/// What a field holds in one event.
#[derive(Clone, Copy)]
pub(crate) enum Held<'a> {
    Nothing,
    Word(&'static str),
    Bytes(&'a [u8]),
    Address(IpAddr),
    Number(u32),
    Country([u8; 2]),
    Flag(bool),
}

impl<'a> Held<'a> {
    fn text(text: Option<Text<'a>>) -> Self {
        text.map_or(Held::Nothing, |text| Held::Bytes(text.0))
    }
}

impl Value {
    /// A whole name.
    pub fn name(text: &[u8]) -> Value {
        Value::Name {
            text: text.to_ascii_lowercase(),
            is_open_before: false,
            is_open_behind: false,
        }
    }

    pub(crate) fn is(&self, held: Held<'_>) -> bool {
        match (self, held) {
            (Value::None, Held::Nothing) => true,
            (Value::None, Held::Bytes(bytes)) => bytes.is_empty(),
            (Value::Word(asked), Held::Word(found)) => *asked == found,
            // Words stand as text in history.
            (Value::Word(asked), Held::Bytes(found)) => asked.as_bytes() == found,
            (Value::Network(network), Held::Address(address)) => network.contains(address),
            (Value::Name { text, is_open_before, is_open_behind }, Held::Bytes(found)) => {
                is_name(found, text, *is_open_before, *is_open_behind)
            }
            (Value::Operator(asked), Held::Number(found)) => *asked == found,
            (Value::Country(asked), Held::Country(found)) => *asked == found,
            (Value::Flag(asked), Held::Flag(found)) => *asked == found,
            _ => false,
        }
    }
}

fn is_name(found: &[u8], text: &[u8], is_open_before: bool, is_open_behind: bool) -> bool {
    let length = text.len();
    match (is_open_before, is_open_behind) {
        (false, false) => found.eq_ignore_ascii_case(text),
        (false, true) => found.get(..length).is_some_and(|head| head.eq_ignore_ascii_case(text)),
        (true, false) => {
            let tail = found.len().checked_sub(length).and_then(|start| found.get(start..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(text))
        }
        (true, true) => Needle::of(text).is_in(found),
    }
}

impl Term {
    /// A condition with one value.
    pub fn of(field: Field, value: Value, is_excluded: bool) -> Term {
        Term { field, values: vec![value], is_excluded }
    }

    pub(crate) fn holds(&self, held: Held<'_>) -> bool {
        self.values.iter().any(|value| value.is(held)) != self.is_excluded
    }

    /// True where the event meets it.
    pub fn matches(&self, event: &Event<'_>, line: &[u8]) -> bool {
        match self.field {
            Field::Text => self.is_in_line(line),
            field => self.holds(held(field, event)),
        }
    }

    /// Of a term about the line: whether it meets it.
    pub(crate) fn is_in_line(&self, line: &[u8]) -> bool {
        let is_in = |value: &Value| match value {
            Value::Name { text, .. } => Needle::of(text).is_in(line),
            _ => false,
        };
        self.values.iter().any(is_in) != self.is_excluded
    }

    /// True where this name is one of its values, whether they are excluded or not.
    pub fn includes(&self, name: &[u8]) -> bool {
        self.values.iter().any(|value| value.is(Held::Bytes(name)))
    }

    /// Whether all events of the series meet it, or none; `None` where that differs among them.
    pub fn matches_series(&self, series: &Series) -> Option<bool> {
        let held = match self.field {
            Field::Outcome => Held::Word(series.outcome.name()),
            Field::Reason => series.reason.map_or(Held::Nothing, |word| Held::Word(word.name())),
            Field::Kind => Held::Word(series.kind.name()),
            Field::Server => Held::Word(series.server.name()),
            Field::Protocol => Held::Word(series.protocol.name()),
            Field::Service => Held::Bytes(&series.service),
            Field::Host => Held::Bytes(&series.host),
            _ => return None,
        };
        Some(self.holds(held))
    }
}

/// What an event holds. No event holds a detector.
fn held<'a>(field: Field, event: &Event<'a>) -> Held<'a> {
    match field {
        Field::Outcome => Held::Word(event.outcome.name()),
        Field::Reason => event.reason.map_or(Held::Nothing, |word| Held::Word(word.name())),
        Field::Kind => Held::Word(event.kind.name()),
        Field::Server => Held::Word(event.server.name()),
        Field::Service => Held::Bytes(event.service.0),
        Field::Protocol => Held::Word(event.protocol.name()),
        Field::Host => Held::text(event.host),
        Field::Client => event.client.map_or(Held::Nothing, Held::Address),
        Field::Account => Held::text(event.account),
        Field::Operator => match event.origin.operator {
            0 => Held::Nothing,
            operator => Held::Number(operator),
        },
        Field::Country => match event.origin.country {
            [0, 0] => Held::Nothing,
            country => Held::Country(country),
        },
        Field::Sender => Held::text(event.sender),
        Field::Recipient => Held::text(event.recipient),
        Field::Helo => Held::text(event.helo),
        Field::Hostile => Held::Flag(event.hostile),
        Field::Detector | Field::Incident | Field::Text => Held::Nothing,
    }
}

#[cfg(test)]
mod tests;
