//! What was found, decided and ordered, in a form that pages and the API share.

use event::{Civil, Command, Measure, Mode, Subject, Text, Timestamp};
use store::{Filter, Reader, Record, Row, StoreError, What};

/// What kind of action it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Deed {
    /// A detector recognised something.
    Found,
    /// Something is to hold.
    Decided,
    /// Something no longer holds.
    Ended,
    /// An operator ordered something.
    Ordered,
    /// A remark.
    Noted,
    /// Bounded state had to give way.
    GaveWay,
}

impl Deed {
    /// For people, and a class of the style sheet.
    pub const fn name(self) -> &'static str {
        match self {
            Deed::Found => "found",
            Deed::Decided => "decided",
            Deed::Ended => "ended",
            Deed::Ordered => "ordered",
            Deed::Noted => "noted",
            Deed::GaveWay => "gave way",
        }
    }
}

/// A finding, decision, expiry, order or note.
#[derive(Clone, PartialEq, Debug)]
pub struct Action {
    /// Event time.
    pub at: Timestamp,
    /// What it is.
    pub deed: Deed,
    /// Whom it is about.
    pub subject: Option<Subject>,
    /// What is to hold, or held.
    pub measure: Option<Measure>,
    /// Detector, rule, cause of the end, topic of a note.
    pub rule: String,
    /// Until when it is to hold; of a decision `None` is for ever.
    pub until: Option<Timestamp>,
    /// The score of a finding or decision.
    pub score: f32,
    /// Whether it is carried out.
    pub mode: Mode,
    /// Who ordered it.
    pub operator: String,
    /// In words: the order, the reason, the note.
    pub text: String,
    /// The lines that speak for it.
    pub evidence: Vec<u64>,
    /// The batch with which it was committed.
    pub batch: u64,
}

impl Action {
    /// Of a row; nothing where it is an event, or of no interest to a person.
    pub fn of(row: &Row) -> Option<Action> {
        let blank = |at, deed, subject| Action {
            at,
            deed,
            subject,
            measure: None,
            rule: String::new(),
            until: None,
            score: 0.0,
            mode: Mode::Enforce,
            operator: String::new(),
            text: String::new(),
            evidence: Vec::new(),
            batch: row.batch(),
        };
        Some(match row.record()? {
            Record::Finding { finding, .. } => Action {
                rule: finding.detector.to_string(),
                score: finding.score,
                evidence: finding.evidence.lines().to_vec(),
                ..blank(finding.at, Deed::Found, Some(finding.subject))
            },
            Record::Decision { decision, .. } => Action {
                measure: Some(decision.measure),
                rule: decision.rule.to_string(),
                until: decision.until,
                score: decision.score,
                mode: decision.mode,
                evidence: decision.evidence.lines().to_vec(),
                ..blank(decision.at, Deed::Decided, Some(decision.subject))
            },
            Record::Expiry { expiry, .. } => Action {
                measure: Some(expiry.measure),
                rule: expiry.rule.to_string(),
                mode: expiry.mode,
                text: expiry.cause.to_string(),
                ..blank(expiry.at, Deed::Ended, Some(expiry.subject))
            },
            Record::Evicted { evicted, .. } => Action {
                rule: evicted.table.to_string(),
                text: format!("{} entries", evicted.entries),
                ..blank(evicted.at, Deed::GaveWay, None)
            },
            Record::Command { command, .. } => Action {
                operator: command.operator.to_string(),
                rule: Text::from(&*command.reason).to_string(),
                text: ordered(&command),
                ..blank(command.at, Deed::Ordered, command.order.subject())
            },
            Record::Note { at, topic, text, .. } => Action {
                rule: topic.to_owned(),
                text: Text(text).to_string(),
                ..blank(at, Deed::Noted, None)
            },
            Record::Event { .. }
            | Record::Tick { .. }
            | Record::ClockSet { .. }
            | Record::Config { .. }
            | Record::Position { .. } => return None,
        })
    }
}

/// What was ordered, in words. A time in the midst of them is no mark that a browser could put into
/// its own zone: it says which one it is of.
pub fn ordered(command: &Command) -> String {
    command.order.words(&|at| {
        let Civil { year, month, day, hour, minute, second, .. } = at.civil();
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    })
}

/// Actions of a span, newest first, and whether there are more.
///
/// # Errors
/// The journal cannot be read.
pub fn actions(
    reader: &Reader,
    filter: &Filter,
    limit: usize,
) -> Result<(Vec<Action>, bool), StoreError> {
    let filter = Filter { what: What::Actions, ..filter.clone() };
    let found = reader.query(&filter, limit)?;
    Ok((found.rows.iter().filter_map(Action::of).collect(), found.cut))
}
