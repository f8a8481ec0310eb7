//! The columns of a segment, one row of a table each, and how a record fills them.

use super::escape::put_escaped;
use crate::codec::Record;
use crate::filter::subject_of;
use ::event::{CommandCounts, Event, Evidence, Text, Vocabulary};
use std::fmt::Write;

/// What a column holds. All columns may be null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    Number,
    /// Microseconds since 1970, UTC.
    Time,
    Flag,
    Float,
    /// UTF-8; bytes that are none are escaped (see `escape`).
    Text,
    /// As is.
    Bytes,
}

/// One column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) holds: Holds,
    /// A filter of the values is kept for each row group, for exact look-ups.
    pub(super) bloom: bool,
}

const fn column(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, bloom: false }
}

/// Positions in [`COLUMNS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub(super) enum C {
    Batch,
    Place,
    Record,
    Seq,
    At,
    Source,
    Server,
    Service,
    Protocol,
    Kind,
    Outcome,
    Reason,
    Hostile,
    Client,
    Account,
    Known,
    Attempts,
    Host,
    Pid,
    Session,
    QueueId,
    Mechanism,
    Sender,
    Recipient,
    Helo,
    SecretTag,
    Detail,
    Commands,
    Line,
    SubjectKind,
    Subject,
    Measure,
    Rule,
    Until,
    Offence,
    Score,
    Mode,
    Cause,
    Evidence,
    Operator,
    Text,
    Encoded,
    MailSubject,
    SpamScore,
    QueryName,
    QueryType,
    Recipients,
    Forwarded,
    Times,
    NetworkOperator,
    Country,
}

/// The format: append only.
pub(super) const COLUMNS: [Column; 51] = [
    column("batch", Holds::Number),
    column("place", Holds::Number),
    column("record", Holds::Text),
    column("seq", Holds::Number),
    column("at", Holds::Time),
    column("source", Holds::Text),
    column("server", Holds::Text),
    column("service", Holds::Text),
    column("protocol", Holds::Text),
    column("kind", Holds::Text),
    column("outcome", Holds::Text),
    column("reason", Holds::Text),
    column("hostile", Holds::Flag),
    Column { name: "client", holds: Holds::Text, bloom: true },
    column("account", Holds::Text),
    column("known", Holds::Flag),
    column("attempts", Holds::Number),
    column("host", Holds::Text),
    column("pid", Holds::Number),
    column("session", Holds::Text),
    column("queue_id", Holds::Text),
    column("mechanism", Holds::Text),
    column("sender", Holds::Text),
    column("recipient", Holds::Text),
    column("helo", Holds::Text),
    column("secret_tag", Holds::Text),
    column("detail", Holds::Text),
    column("commands", Holds::Text),
    column("line", Holds::Text),
    column("subject_kind", Holds::Text),
    column("subject", Holds::Text),
    column("measure", Holds::Text),
    column("rule", Holds::Text),
    column("until", Holds::Time),
    column("offence", Holds::Number),
    column("score", Holds::Float),
    column("mode", Holds::Text),
    column("cause", Holds::Text),
    column("evidence", Holds::Text),
    column("operator", Holds::Text),
    column("text", Holds::Text),
    column("encoded", Holds::Bytes),
    column("mail_subject", Holds::Text),
    column("spam_score", Holds::Text),
    column("query_name", Holds::Text),
    column("query_type", Holds::Text),
    column("recipients", Holds::Number),
    column("forwarded", Holds::Text),
    column("times", Holds::Number),
    column("network_operator", Holds::Number),
    column("country", Holds::Text),
];

/// The values of one column in one row group.
#[derive(Default)]
pub(super) struct Cells {
    pub(super) levels: Vec<i16>,
    pub(super) numbers: Vec<i64>,
    pub(super) texts: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

/// One row in the making: cells that are not set are null.
pub(super) struct Row<'a> {
    cells: &'a mut [Cells],
}

impl<'a> Row<'a> {
    /// Adds a row to the columns.
    pub(super) fn begin(cells: &'a mut [Cells]) -> Self {
        cells.iter_mut().for_each(|cells| cells.levels.push(0));
        Row { cells }
    }

    fn cell(&mut self, column: C) -> Option<&mut Cells> {
        let cells = self.cells.get_mut(column as usize)?;
        *cells.levels.last_mut()? = 1;
        Some(cells)
    }

    pub(super) fn number(&mut self, column: C, value: i64) {
        if let Some(cells) = self.cell(column) {
            cells.numbers.push(value);
        }
    }

    pub(super) fn text(&mut self, column: C, value: &[u8]) {
        if let Some(cells) = self.cell(column) {
            put_escaped(&mut cells.texts, value);
            cells.ends.push(cells.texts.len());
        }
    }

    pub(super) fn bytes(&mut self, column: C, value: &[u8]) {
        if let Some(cells) = self.cell(column) {
            cells.texts.extend_from_slice(value);
            cells.ends.push(cells.texts.len());
        }
    }

    fn shown(&mut self, column: C, value: impl std::fmt::Display) {
        if let Some(cells) = self.cell(column) {
            let _ = write!(Utf8(&mut cells.texts), "{value}");
            cells.ends.push(cells.texts.len());
        }
    }

    fn maybe(&mut self, column: C, value: Option<Text<'_>>) {
        if let Some(value) = value {
            self.text(column, value.0);
        }
    }
}

struct Utf8<'a>(&'a mut Vec<u8>);

impl Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

pub(super) fn fill_event(
    row: &mut Row<'_>,
    seq: u64,
    source: &str,
    event: &Event<'_>,
    line: &[u8],
) {
    row.text(C::Record, b"event");
    row.number(C::Seq, seq.cast_signed());
    row.number(C::At, event.at.0);
    row.text(C::Source, source.as_bytes());
    row.text(C::Server, event.server.name().as_bytes());
    row.text(C::Service, event.service.0);
    row.text(C::Protocol, event.protocol.name().as_bytes());
    row.text(C::Kind, event.kind.name().as_bytes());
    row.text(C::Outcome, event.outcome.name().as_bytes());
    if let Some(reason) = event.reason {
        row.text(C::Reason, reason.name().as_bytes());
    }
    row.number(C::Hostile, i64::from(event.hostile));
    if let Some(client) = event.client {
        row.shown(C::Client, client);
    }
    row.maybe(C::Account, event.account);
    if let Some(known) = event.known {
        row.number(C::Known, i64::from(known));
    }
    row.number(C::Attempts, i64::from(event.attempts));
    row.maybe(C::Host, event.host);
    if let Some(pid) = event.pid {
        row.number(C::Pid, i64::from(pid));
    }
    row.maybe(C::Session, event.session);
    row.maybe(C::QueueId, event.queue_id);
    row.maybe(C::Mechanism, event.mechanism);
    row.maybe(C::Sender, event.sender);
    row.maybe(C::Recipient, event.recipient);
    row.maybe(C::Helo, event.helo);
    row.maybe(C::SecretTag, event.secret_tag);
    row.maybe(C::Detail, event.detail);
    if let Some(commands) = &event.commands {
        row.shown(C::Commands, Counts(commands));
    }
    row.text(C::Line, line);
    row.maybe(C::MailSubject, event.mail_subject);
    row.maybe(C::SpamScore, event.spam_score);
    row.maybe(C::QueryName, event.query_name);
    row.maybe(C::QueryType, event.query_type);
    if event.recipients != 0 {
        row.number(C::Recipients, i64::from(event.recipients));
    }
    if let Some(forwarded) = event.forwarded {
        row.shown(C::Forwarded, forwarded);
    }
    if event.times != 1 {
        row.number(C::Times, i64::from(event.times));
    }
    if event.origin.operator != 0 {
        row.number(C::NetworkOperator, i64::from(event.origin.operator));
    }
    if event.origin.country != [0; 2] {
        row.text(C::Country, &event.origin.country);
    }
}

/// `auth=0/3 mail=1/1 rcpt=1/2 unknown=0 commands=4/8`, successful and all.
struct Counts<'a>(&'a CommandCounts);

impl std::fmt::Display for Counts<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let c = self.0;
        write!(
            out,
            "auth={}/{} mail={}/{} rcpt={}/{} unknown={} commands={}/{}",
            c.auth_ok,
            c.auth_all,
            c.mail_ok,
            c.mail_all,
            c.rcpt_ok,
            c.rcpt_all,
            c.unknown,
            c.ok,
            c.all
        )
    }
}

/// Reads what [`Counts`] writes.
pub(super) fn counts(text: &str) -> Option<CommandCounts> {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse::<u32>().ok());
    let mut next = || numbers.next().flatten();
    Some(CommandCounts {
        auth_ok: next()?,
        auth_all: next()?,
        mail_ok: next()?,
        mail_all: next()?,
        rcpt_ok: next()?,
        rcpt_all: next()?,
        unknown: next()?,
        ok: next()?,
        all: next()?,
    })
}

/// An action: its columns for other tools, and the record itself for mailward.
pub(super) fn fill_action(row: &mut Row<'_>, record: &Record<'_>, body: &[u8]) {
    row.text(C::Record, record.name().as_bytes());
    if let Some(seq) = record.seq() {
        row.number(C::Seq, seq.cast_signed());
    }
    if let Some(at) = record.at() {
        row.number(C::At, at.0);
    }
    if let Some(subject) = subject_of(record) {
        row.text(C::SubjectKind, subject.kind().as_bytes());
        row.shown(C::Subject, subject);
    }
    fill_parts(row, record);
    row.bytes(C::Encoded, body);
}

fn fill_parts(row: &mut Row<'_>, record: &Record<'_>) {
    match record {
        Record::Finding { finding, .. } => {
            row.text(C::Rule, finding.detector.as_bytes());
            row.number(C::Score, float(finding.score));
            row.shown(C::Evidence, Lines(&finding.evidence));
        }
        Record::Decision { decision, .. } => {
            row.text(C::Measure, decision.measure.name().as_bytes());
            row.text(C::Rule, decision.rule.as_bytes());
            if let Some(until) = decision.until {
                row.number(C::Until, until.0);
            }
            row.number(C::Offence, i64::from(decision.offence));
            row.number(C::Score, float(decision.score));
            row.text(C::Mode, decision.mode.name().as_bytes());
            row.shown(C::Evidence, Lines(&decision.evidence));
        }
        Record::Expiry { expiry, .. } => {
            row.text(C::Measure, expiry.measure.name().as_bytes());
            row.text(C::Rule, expiry.rule.as_bytes());
            row.text(C::Cause, expiry.cause.as_bytes());
        }
        Record::Evicted { evicted, .. } => {
            row.text(C::Text, evicted.table.as_bytes());
            row.number(C::Offence, evicted.entries.cast_signed());
        }
        Record::Command { command, .. } => {
            row.text(C::Operator, command.operator.as_bytes());
            row.text(C::Text, command.reason.as_bytes());
        }
        Record::Note { topic, text, .. } => {
            row.text(C::Rule, topic.as_bytes());
            row.text(C::Text, text);
        }
        Record::Config { text, .. } => row.text(C::Text, text),
        Record::Event { .. }
        | Record::Tick { .. }
        | Record::ClockSet { .. }
        | Record::Position { .. } => {}
    }
}

/// Floats travel in the numbers' buffer as their bits.
fn float(value: f32) -> i64 {
    i64::from(value.to_bits())
}

struct Lines<'a>(&'a Evidence);

impl std::fmt::Display for Lines<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, line) in self.0.lines().iter().enumerate() {
            write!(out, "{}{line}", if position == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
