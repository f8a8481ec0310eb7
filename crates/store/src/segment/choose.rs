//! Which rows of a row group a filter asks for: pruned by time, line and client, then condition by
//! condition, each on its own column.

use super::columns::C;
use super::escape::unescaped;
use super::read::{Group, bounds};
use crate::filter::Filter;
use crate::needle::Needle;
use crate::terms::{Field, Held, Term};
use ::event::{Kind, Origin, Outcome, Protocol, Reason, Server, Subject, Timestamp, Vocabulary};
use ::parquet::errors::ParquetError;

impl Group<'_> {
    fn bounds(&self, column: C) -> Option<(i64, i64)> {
        bounds(self.0.metadata().columns().get(column as usize)?.statistics())
    }

    /// Rows that meet the conditions on events; for actions a first choice.
    pub(super) fn candidates(&self, filter: &Filter) -> Result<Vec<usize>, ParquetError> {
        if self.is_outside(filter) {
            return Ok(Vec::new());
        }
        let mut rows: Vec<usize> = (0..self.0.metadata().num_rows() as usize).collect();
        self.keep_by_number(filter, &mut rows)?;
        let words: [(C, Option<&str>); 5] = [
            (C::Outcome, filter.outcome.map(Outcome::name)),
            (C::Reason, filter.reason.map(Reason::name)),
            (C::Kind, filter.kind.map(Kind::name)),
            (C::Server, filter.server.map(Server::name)),
            (C::Protocol, filter.protocol.map(Protocol::name)),
        ];
        for (column, word) in words {
            if let Some(word) = word {
                self.keep(column, &mut rows, |text| text == word.as_bytes())?;
            }
        }
        if self.0.metadata().columns().get(C::Encoded as usize).is_some() && self.holds_actions() {
            return Ok(rows);
        }
        self.keep_by_text(filter, &mut rows)?;
        for term in &filter.terms {
            self.keep_by_term(term, &mut rows)?;
        }
        Ok(rows)
    }

    /// Actions have the column `encoded`, events have not: the first row tells.
    fn holds_actions(&self) -> bool {
        self.texts(C::Encoded, &[0]).is_ok_and(|cells| cells.iter().any(Option::is_some))
    }

    fn is_outside(&self, filter: &Filter) -> bool {
        let outside_time = self
            .bounds(C::At)
            .is_some_and(|(least, greatest)| !filter.spans(Timestamp(least), Timestamp(greatest)));
        let outside_lines = self.bounds(C::Seq).is_some_and(|(least, greatest)| {
            !filter.covers(least.cast_unsigned(), greatest.cast_unsigned())
        });
        let exact = |subject: &Subject| match subject {
            Subject::Client(address) => Some(*address),
            _ => None,
        };
        let client = match (&filter.client, &filter.subject) {
            (Some(network), _) if network.is_host() => Some(network.address()),
            (_, Some(subject)) => exact(subject),
            _ => None,
        };
        let absent = client.is_some_and(|client| {
            let bloom = self.0.get_column_bloom_filter(C::Client as usize);
            bloom.is_some_and(|bloom| !bloom.check(client.to_string().as_str()))
        });
        outside_time || outside_lines || (absent && !self.holds_actions())
    }

    fn keep_by_number(&self, filter: &Filter, rows: &mut Vec<usize>) -> Result<(), ParquetError> {
        if filter.from.is_some() || filter.until.is_some() {
            self.keep_numbers(C::At, rows, |at| filter.spans(Timestamp(at), Timestamp(at)))?;
        }
        if let Some(lines) = &filter.lines {
            self.keep_numbers(C::Seq, rows, |seq| lines.contains(&seq.cast_unsigned()))?;
        }
        if filter.before.is_some() {
            let (batches, places) = (self.numbers(C::Batch, rows)?, self.numbers(C::Place, rows)?);
            let number = |cell: Option<i64>| cell.unwrap_or_default().cast_unsigned();
            let mut cells = batches.into_iter().map(number).zip(places.into_iter().map(number));
            rows.retain(|_| {
                cells.next().is_some_and(|(batch, place)| filter.is_before(batch, place))
            });
        }
        if let Some(hostile) = filter.hostile {
            self.keep_numbers(C::Hostile, rows, |flag| (flag != 0) == hostile)?;
        }
        Ok(())
    }

    fn keep_by_text(&self, filter: &Filter, rows: &mut Vec<usize>) -> Result<(), ParquetError> {
        let networks = [filter.client, filter.subject.as_ref().and_then(Subject::network)];
        for network in networks.into_iter().flatten() {
            self.keep(C::Client, rows, |text| {
                let client = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                client.is_some_and(|client| network.contains(client))
            })?;
        }
        let named = match &filter.subject {
            Some(Subject::Account(name)) => Some((C::Account, name)),
            Some(Subject::Sender(name)) => Some((C::Sender, name)),
            Some(Subject::Host(name)) => Some((C::Host, name)),
            _ => None,
        };
        if let Some((column, name)) = named {
            self.keep(column, rows, |text| unescaped(text).eq_ignore_ascii_case(name))?;
        }
        if let Some(account) = &filter.account {
            self.keep(C::Account, rows, |text| unescaped(text).eq_ignore_ascii_case(account))?;
        }
        if let Some(text) = &filter.text {
            let needle = Needle::of(text);
            let plain = text.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
            self.keep(C::Line, rows, |line| {
                // Plain text stands in the escaped line as it does in the line.
                (!plain || needle.is_in(line)) && needle.is_in(&unescaped(line))
            })?;
        }
        Ok(())
    }

    fn keep_by_term(&self, term: &Term, rows: &mut Vec<usize>) -> Result<(), ParquetError> {
        let column = column_of(term.field);
        if column as usize >= self.0.metadata().num_columns() {
            // A file of an earlier version: no event in it has any.
            rows.retain(|_| term.holds(Held::Nothing));
            return Ok(());
        }
        if matches!(column, C::Hostile | C::NetworkOperator) {
            let cells = self.numbers(column, rows)?;
            let mut cells = cells.iter();
            rows.retain(|_| {
                let cell = cells.next().copied().flatten();
                term.holds(cell.map_or(Held::Nothing, |number| held_number(column, number)))
            });
            return Ok(());
        }
        let cells = self.texts(column, rows)?;
        let mut cells = cells.iter();
        rows.retain(|_| match cells.next().and_then(Option::as_ref) {
            Some(cell) if column == C::Line => term.is_in_line(&unescaped(cell.data())),
            Some(cell) => term.holds(held_text(column, &unescaped(cell.data()))),
            None => term.holds(Held::Nothing),
        });
        Ok(())
    }

    fn keep(
        &self,
        column: C,
        rows: &mut Vec<usize>,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<(), ParquetError> {
        let cells = self.texts(column, rows)?;
        let mut cells = cells.iter();
        rows.retain(|_| {
            cells.next().is_some_and(|cell| cell.as_ref().is_some_and(|cell| wanted(cell.data())))
        });
        Ok(())
    }

    fn keep_numbers(
        &self,
        column: C,
        rows: &mut Vec<usize>,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<(), ParquetError> {
        let cells = self.numbers(column, rows)?;
        let mut cells = cells.iter();
        rows.retain(|_| cells.next().is_some_and(|cell| cell.is_some_and(&wanted)));
        Ok(())
    }
}

/// Where a field stands. No event holds a detector, nor does a row of events.
fn column_of(field: Field) -> C {
    match field {
        Field::Outcome => C::Outcome,
        Field::Reason => C::Reason,
        Field::Kind => C::Kind,
        Field::Server => C::Server,
        Field::Service => C::Service,
        Field::Protocol => C::Protocol,
        Field::Host => C::Host,
        Field::Client => C::Client,
        Field::Account => C::Account,
        Field::Operator => C::NetworkOperator,
        Field::Country => C::Country,
        Field::Sender => C::Sender,
        Field::Recipient => C::Recipient,
        Field::Helo => C::Helo,
        Field::Hostile => C::Hostile,
        Field::Detector | Field::Incident => C::Rule,
        Field::Text => C::Line,
    }
}

fn held_number(column: C, number: i64) -> Held<'static> {
    match column {
        C::Hostile => Held::Flag(number != 0),
        _ => u32::try_from(number).map_or(Held::Nothing, Held::Number),
    }
}

fn held_text(column: C, text: &[u8]) -> Held<'_> {
    let parsed = || str::from_utf8(text).ok();
    match column {
        C::Client => {
            let address = parsed().and_then(|text| text.parse().ok());
            address.map_or(Held::Nothing, Held::Address)
        }
        C::Country => Held::Country(parsed().map_or([0; 2], Origin::country_of)),
        _ => Held::Bytes(text),
    }
}
