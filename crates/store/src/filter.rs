//! Which records a question is about.

use crate::codec::{Record, Sort};
use crate::needle::Needle;
use crate::terms::{Field, Term, Value};
use ::event::{
    Command, Event, Kind, Network, Order, Outcome, Protocol, Reason, Server, Subject, Timestamp,
};

/// Which kinds of records are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum What {
    /// Events with their lines.
    #[default]
    Events,
    /// Findings, decisions, expiries, evictions, commands, notes.
    Actions,
    /// Both.
    All,
}

/// A place in the journal, for going on where a page of an answer ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cursor {
    pub(crate) batch: u64,
    pub(crate) place: u64,
}

impl Cursor {
    /// The next place.
    pub const fn next(self) -> Cursor {
        Cursor { batch: self.batch, place: self.place + 1 }
    }
}

/// `12.7`, as in a URL.
impl std::fmt::Display for Cursor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}", self.batch, self.place)
    }
}

impl std::str::FromStr for Cursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (batch, place) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Cursor { batch: batch.parse()?, place: place.parse()? })
    }
}

/// All conditions that are set must hold. The default asks for every event.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Kinds of records.
    pub what: What,
    /// Events of clients inside; actions about a subject that shares an address with it.
    pub client: Option<Network>,
    /// The login name, ASCII case aside.
    pub account: Option<Vec<u8>>,
    /// Everything about a subject: its events, and the actions on it or on a network around it.
    pub subject: Option<Subject>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before (exclusive).
    pub until: Option<Timestamp>,
    /// Events with this outcome.
    pub outcome: Option<Outcome>,
    /// Events with this reason.
    pub reason: Option<Reason>,
    /// Events of this kind.
    pub kind: Option<Kind>,
    /// Events told by this server.
    pub server: Option<Server>,
    /// Events of this protocol.
    pub protocol: Option<Protocol>,
    /// Events that count, or do not count, against the client.
    pub hostile: Option<bool>,
    /// Events whose line holds these bytes, ASCII case aside.
    pub text: Option<Vec<u8>>,
    /// Only these lines.
    pub lines: Option<Vec<u64>>,
    /// Events that meet all of these.
    pub terms: Vec<Term>,
    /// What stands before this in the journal: the next page of an answer.
    pub before: Option<Cursor>,
    /// Only what was committed after this batch: see [`crate::Reader::version`].
    pub after: Option<u64>,
}

impl Filter {
    /// Everything about a subject.
    pub fn about(subject: Subject) -> Self {
        Filter { what: What::All, subject: Some(subject), ..Filter::default() }
    }

    /// Events that meet all of these terms. Conditions that have an index stand where it is used.
    pub fn of_terms(terms: &[Term]) -> Self {
        let mut filter = Filter::default();
        for term in terms {
            if !filter.takes(term) {
                filter.terms.push(term.clone());
            }
        }
        filter
    }

    /// True where a field of its own says the same as the term.
    fn takes(&mut self, term: &Term) -> bool {
        let ([value], false) = (term.values.as_slice(), term.is_excluded) else { return false };
        match (term.field, value) {
            (Field::Outcome, Value::Word(word)) => put(&mut self.outcome, word),
            (Field::Reason, Value::Word(word)) => put(&mut self.reason, word),
            (Field::Kind, Value::Word(word)) => put(&mut self.kind, word),
            (Field::Server, Value::Word(word)) => put(&mut self.server, word),
            (Field::Protocol, Value::Word(word)) => put(&mut self.protocol, word),
            (Field::Client, Value::Network(network)) if self.client.is_none() => {
                self.client = Some(*network);
                true
            }
            (
                Field::Account,
                Value::Name { text, is_open_before: false, is_open_behind: false },
            ) if self.account.is_none() => {
                self.account = Some(text.clone());
                true
            }
            (Field::Text, Value::Name { text, .. }) if self.text.is_none() => {
                self.text = Some(text.clone());
                true
            }
            _ => false,
        }
    }

    /// True where the batch is one that is asked for.
    pub(crate) fn is_after(&self, batch: u64) -> bool {
        self.after.is_none_or(|after| batch > after)
    }

    /// True where records of this sort are asked for.
    pub(crate) fn wants(&self, sort: Sort) -> bool {
        match sort {
            Sort::Event => self.wants_events(),
            Sort::Action => self.wants_actions(),
            Sort::Other => false,
        }
    }

    /// True where the place is one that is asked for.
    pub(crate) fn is_before(&self, batch: u64, place: u64) -> bool {
        self.before.is_none_or(|before| Cursor { batch, place } < before)
    }

    /// Exactly these lines: the evidence of a finding.
    pub fn lines(lines: &[u64]) -> Self {
        Filter { lines: Some(lines.to_vec()), ..Filter::default() }
    }

    pub(crate) fn wants_events(&self) -> bool {
        self.what != What::Actions
    }

    pub(crate) fn wants_actions(&self) -> bool {
        self.what != What::Events && !self.is_about_events_only()
    }

    /// Conditions that no action can meet.
    fn is_about_events_only(&self) -> bool {
        self.outcome.is_some()
            || self.reason.is_some()
            || self.kind.is_some()
            || self.server.is_some()
            || self.protocol.is_some()
            || self.hostile.is_some()
            || self.text.is_some()
            || !self.terms.is_empty()
    }

    /// True where the record is asked for.
    pub fn matches(&self, record: &Record<'_>) -> bool {
        let Some(at) = record.at() else { return false };
        if !self.spans(at, at) {
            return false;
        }
        if let (Some(lines), Some(seq)) = (&self.lines, record.seq())
            && !lines.contains(&seq)
        {
            return false;
        }
        match record {
            Record::Event { event, line, .. } => {
                self.wants_events() && self.matches_event(event, line)
            }
            Record::Tick { .. } | Record::ClockSet { .. } | Record::Position { .. } => false,
            _ => self.wants_actions() && self.matches_action(record),
        }
    }

    /// True where records between these times may be asked for.
    pub(crate) fn spans(&self, at_min: Timestamp, at_max: Timestamp) -> bool {
        self.from.is_none_or(|from| at_max >= from) && self.until.is_none_or(|until| at_min < until)
    }

    /// True where lines between these numbers may be asked for.
    pub(crate) fn covers(&self, seq_first: u64, seq_last: u64) -> bool {
        self.lines
            .as_ref()
            .is_none_or(|lines| lines.iter().any(|seq| (seq_first..=seq_last).contains(seq)))
    }

    fn matches_event(&self, event: &Event<'_>, line: &[u8]) -> bool {
        same(self.outcome, event.outcome)
            && same(self.kind, event.kind)
            && same(self.server, event.server)
            && same(self.protocol, event.protocol)
            && same(self.hostile, event.hostile)
            && self.reason.is_none_or(|reason| event.reason == Some(reason))
            && self
                .client
                .is_none_or(|network| event.client.is_some_and(|client| network.contains(client)))
            && self.account.as_ref().is_none_or(|account| named(event.account, account))
            && self.subject.as_ref().is_none_or(|subject| concerns(event, subject))
            && self.text.as_ref().is_none_or(|text| Needle::of(text).is_in(line))
            && self.terms.iter().all(|term| term.matches(event, line))
    }

    fn matches_action(&self, record: &Record<'_>) -> bool {
        let subject = subject_of(record);
        self.client.is_none_or(|network| {
            subject.and_then(Subject::network).is_some_and(|other| other.overlaps(&network))
        }) && self.account.as_ref().is_none_or(|account| {
            matches!(subject, Some(Subject::Account(name)) if name.eq_ignore_ascii_case(account))
        }) && self.subject.as_ref().is_none_or(|asked| match (asked.network(), subject) {
            (_, None) => false,
            (Some(network), Some(found)) => {
                found.network().is_some_and(|other| other.overlaps(&network))
            }
            (None, Some(found)) => same_name(asked, found),
        })
    }
}

/// False where another word is asked for already.
fn put<V: ::event::Vocabulary>(place: &mut Option<V>, word: &str) -> bool {
    let is_free = place.is_none();
    if is_free {
        *place = V::from_name(word);
    }
    is_free && place.is_some()
}

fn same<T: PartialEq>(asked: Option<T>, found: T) -> bool {
    asked.is_none_or(|asked| asked == found)
}

fn named(found: Option<::event::Text<'_>>, asked: &[u8]) -> bool {
    found.is_some_and(|found| found.0.eq_ignore_ascii_case(asked))
}

fn concerns(event: &Event<'_>, subject: &Subject) -> bool {
    match subject {
        Subject::Client(_) | Subject::Network(_) => {
            let network = subject.network();
            network.zip(event.client).is_some_and(|(network, client)| network.contains(client))
        }
        Subject::Account(name) => named(event.account, name),
        Subject::Sender(name) => named(event.sender, name),
        Subject::Host(name) => named(event.host, name),
    }
}

fn same_name(one: &Subject, other: &Subject) -> bool {
    match (one, other) {
        (Subject::Account(a), Subject::Account(b))
        | (Subject::Sender(a), Subject::Sender(b))
        | (Subject::Host(a), Subject::Host(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

/// Whom an action is about.
pub(crate) fn subject_of<'a>(record: &'a Record<'_>) -> Option<&'a Subject> {
    match record {
        Record::Finding { finding, .. } => Some(&finding.subject),
        Record::Decision { decision, .. } => Some(&decision.subject),
        Record::Expiry { expiry, .. } => Some(&expiry.subject),
        Record::Command { command, .. } => subject_of_order(command),
        _ => None,
    }
}

fn subject_of_order(command: &Command) -> Option<&Subject> {
    match &command.order {
        Order::Ban { subject, .. } | Order::Unban { subject } | Order::OpenIncident { subject } => {
            Some(subject)
        }
        Order::Allow { .. }
        | Order::Disallow { .. }
        | Order::Protect { .. }
        | Order::Incident { .. } => None,
    }
}
