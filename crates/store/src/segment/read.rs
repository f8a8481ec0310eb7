//! Reading a segment: row groups are pruned by time, line and client; conditions are checked
//! column by column; the rest is read for the rows that are left only.

use super::columns::{C, COLUMNS, Holds, counts};
use super::escape::unescaped;
use super::sums::{KEY, Verified};
use super::write::SUMMARIES;
use super::{Name, parquet};
use crate::StoreError;
use crate::codec::{Record, encode};
use crate::filter::{Cursor, Filter};
use crate::journal::SourceId;
use crate::summary::Asked;
use ::event::{
    CommandCounts, Event, Kind, Origin, Outcome, Protocol, Server, Text, Timestamp, Vocabulary,
};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::ReaderProperties;
use ::parquet::file::reader::{FileReader, RowGroupReader};
use ::parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use ::parquet::file::statistics::Statistics;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// A row of a segment as a record of the journal.
pub(crate) struct SegmentRow {
    pub(crate) batch: u64,
    pub(crate) place: u64,
    pub(crate) source: String,
    /// Encoded, with its length in front.
    pub(crate) record: Vec<u8>,
}

/// An open segment.
pub(crate) struct Segment {
    path: PathBuf,
    name: Name,
    file: Verified,
    reader: SerializedFileReader<Verified>,
    /// Of each row group where its summary begins, and its length; none in files of an earlier
    /// version.
    summaries: Vec<(u64, usize)>,
}

impl Segment {
    pub(crate) fn open(dir: &Path, name: &Name) -> Result<Segment, StoreError> {
        let path = dir.join(name.to_string());
        let file = Verified::open(&path, name)?;
        // The footer lies in the part of the file that has been checked already.
        let footer = SerializedFileReader::new(file.clone()).map_err(parquet("read", &path))?;
        let (sums, summaries) = (value(&footer, KEY), value(&footer, SUMMARIES));
        drop(footer);
        let file = file.with_sums(&sums, &path)?;
        let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
        let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
        let reader = SerializedFileReader::new_with_options(file.clone(), options)
            .map_err(parquet("read", &path))?;
        let summaries = places(&summaries).unwrap_or_default();
        Ok(Segment { path, name: name.clone(), file, reader, summaries })
    }

    /// False where the row group's summary says that nothing in it is asked for.
    fn may_hold(&self, group: usize, filter: &Filter) -> Result<bool, ParquetError> {
        let Some((start, length)) = self.summaries.get(group) else { return Ok(true) };
        let Some(asked) = Asked::by(filter) else { return Ok(true) };
        Ok(asked.may_be_in(&self.file.read(*start, *length)?))
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.reader.metadata().file_metadata().num_rows().cast_unsigned()
    }

    /// Where a row group begins in the journal.
    pub(crate) fn begins(&self, group: usize) -> Result<Cursor, StoreError> {
        let error = parquet("read", &self.path);
        let group = self.reader.get_row_group(group).map_err(&error)?;
        let group = Group(&*group);
        let first = |column| -> Result<u64, ParquetError> {
            let cell = group.numbers(column, &[0])?.into_iter().next().flatten();
            Ok(cell.unwrap_or_default().cast_unsigned())
        };
        let (batch, place) = (first(C::Batch).map_err(&error)?, first(C::Place).map_err(&error)?);
        Ok(Cursor { batch, place })
    }

    /// The rows of a row group that the filter asks for, in order; no more than the last `limit`.
    /// Events come without their lines where those are not wanted.
    pub(crate) fn find(
        &self,
        group: usize,
        filter: &Filter,
        limit: usize,
        with_lines: bool,
    ) -> Result<Vec<SegmentRow>, StoreError> {
        let error = parquet("read", &self.path);
        if !self.may_hold(group, filter).map_err(&error)? {
            return Ok(Vec::new());
        }
        let group = self.reader.get_row_group(group).map_err(&error)?;
        let group = Group(&*group);
        let mut rows = group.candidates(filter).map_err(&error)?;
        let surplus = rows.len().saturating_sub(limit);
        match self.name.family {
            super::Family::Events => {
                rows.drain(..surplus);
                group.events(&rows, with_lines).map_err(&error)
            }
            super::Family::Actions => {
                let mut found = group.actions(&rows, filter).map_err(&error)?;
                found.drain(..found.len().saturating_sub(limit));
                Ok(found)
            }
        }
    }

    /// The values of one text column for the rows asked for, for counting.
    pub(crate) fn clients(
        &self,
        group: usize,
        filter: &Filter,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let error = parquet("read", &self.path);
        if !self.may_hold(group, filter).map_err(&error)? {
            return Ok(Vec::new());
        }
        let group = self.reader.get_row_group(group).map_err(&error)?;
        let group = Group(&*group);
        let rows = group.candidates(filter).map_err(&error)?;
        let cells = group.texts(C::Client, &rows).map_err(&error)?;
        Ok(cells.into_iter().flatten().map(|cell| cell.data().to_vec()).collect())
    }

    /// Least and greatest line and time, for the catalogue.
    pub(crate) fn spans(&self) -> ((u64, u64), (Timestamp, Timestamp)) {
        let (mut seq, mut at) = ((i64::MAX, 0), (i64::MAX, i64::MIN));
        for group in self.reader.metadata().row_groups() {
            for (column, span) in [(C::Seq, &mut seq), (C::At, &mut at)] {
                let chunk = group.columns().get(column as usize);
                if let Some((least, greatest)) = chunk.and_then(|chunk| bounds(chunk.statistics()))
                {
                    *span = (span.0.min(least), span.1.max(greatest));
                }
            }
        }
        ((seq.0.cast_unsigned(), seq.1.cast_unsigned()), (Timestamp(at.0), Timestamp(at.1)))
    }
}

fn value(footer: &SerializedFileReader<Verified>, key: &str) -> String {
    let pairs = footer.metadata().file_metadata().key_value_metadata();
    let pair = pairs.into_iter().flatten().find(|pair| pair.key == key);
    pair.and_then(|pair| pair.value.clone()).unwrap_or_default()
}

/// Beginnings and lengths, as `4+1000 5004+800`.
fn places(text: &str) -> Option<Vec<(u64, usize)>> {
    let place = |text: &str| {
        let (start, length) = text.split_once('+')?;
        Some((start.parse().ok()?, length.parse().ok()?))
    };
    text.split_whitespace().map(place).collect()
}

pub(super) fn bounds(statistics: Option<&Statistics>) -> Option<(i64, i64)> {
    match statistics? {
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

pub(super) type Cell = Option<ByteArray>;

pub(super) struct Group<'a>(pub(super) &'a dyn RowGroupReader);

impl Group<'_> {
    pub(super) fn texts(&self, column: C, rows: &[usize]) -> Result<Vec<Cell>, ParquetError> {
        match self.0.get_column_reader(column as usize)? {
            ColumnReader::ByteArrayColumnReader(mut reader) => pick(&mut reader, rows),
            _ => Err(wrong_type(column)),
        }
    }

    pub(super) fn numbers(
        &self,
        column: C,
        rows: &[usize],
    ) -> Result<Vec<Option<i64>>, ParquetError> {
        match self.0.get_column_reader(column as usize)? {
            ColumnReader::Int64ColumnReader(mut reader) => pick(&mut reader, rows),
            ColumnReader::BoolColumnReader(mut reader) => {
                let flags = pick(&mut reader, rows)?;
                Ok(flags.into_iter().map(|flag| flag.map(i64::from)).collect())
            }
            _ => Err(wrong_type(column)),
        }
    }

    fn actions(&self, rows: &[usize], filter: &Filter) -> Result<Vec<SegmentRow>, ParquetError> {
        let (batches, places) = (self.numbers(C::Batch, rows)?, self.numbers(C::Place, rows)?);
        let records = self.texts(C::Encoded, rows)?;
        let mut found = Vec::new();
        for ((batch, place), body) in batches.into_iter().zip(places).zip(records) {
            let Some(body) = body else { continue };
            let Ok(record) = crate::codec::decode(body.data()) else { continue };
            if filter.matches(&record) {
                let mut encoded = Vec::new();
                encode(&mut encoded, &record);
                found.push(SegmentRow {
                    batch: batch.unwrap_or_default().cast_unsigned(),
                    place: place.unwrap_or_default().cast_unsigned(),
                    source: String::new(),
                    record: encoded,
                });
            }
        }
        Ok(found)
    }

    fn events(&self, rows: &[usize], with_lines: bool) -> Result<Vec<SegmentRow>, ParquetError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut columns = Columns::default();
        let stored = self.0.metadata().num_columns();
        let is_wanted = |id: &C| (*id as usize) < stored && (with_lines || *id != C::Line);
        for id in OF_EVENTS.into_iter().filter(is_wanted) {
            match COLUMNS.get(id as usize).map(|column| column.holds) {
                Some(Holds::Text) => columns.texts.push((id, self.texts(id, rows)?)),
                _ => columns.numbers.push((id, self.numbers(id, rows)?)),
            }
        }
        Ok((0..rows.len()).map(|row| columns.event(row)).collect())
    }
}

fn wrong_type(column: C) -> ParquetError {
    ParquetError::General(format!("column {column:?} has another type"))
}

/// Reads the cells of the rows (ascending) and skips the others.
fn pick<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: &[usize],
) -> Result<Vec<Option<T::T>>, ParquetError> {
    let mut cells = Vec::with_capacity(rows.len());
    let (mut at, mut rest) = (0, rows);
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    while let Some(first) = rest.first().copied() {
        let run = rest.iter().zip(first..).take_while(|(row, expected)| *row == expected).count();
        if first > at {
            reader.skip_records(first - at)?;
        }
        let mut left = run;
        while left > 0 {
            values.clear();
            levels.clear();
            let (records, ..) = reader.read_records(left, Some(&mut levels), None, &mut values)?;
            if records == 0 {
                return Err(ParquetError::EOF("fewer rows than told".to_owned()));
            }
            let mut present = values.drain(..);
            cells
                .extend(levels.iter().map(|level| if *level == 0 { None } else { present.next() }));
            left = left.saturating_sub(records);
        }
        at = first + run;
        rest = rest.get(run..).unwrap_or_default();
    }
    Ok(cells)
}

/// The columns of an event. Files of earlier versions end before one of the later ones.
const OF_EVENTS: [C; 38] = [
    C::Batch,
    C::Place,
    C::Record,
    C::Seq,
    C::At,
    C::Source,
    C::Server,
    C::Service,
    C::Protocol,
    C::Kind,
    C::Outcome,
    C::Reason,
    C::Hostile,
    C::Client,
    C::Account,
    C::Known,
    C::Attempts,
    C::Host,
    C::Pid,
    C::Session,
    C::QueueId,
    C::Mechanism,
    C::Sender,
    C::Recipient,
    C::Helo,
    C::SecretTag,
    C::Detail,
    C::Commands,
    C::Line,
    C::MailSubject,
    C::SpamScore,
    C::QueryName,
    C::QueryType,
    C::Recipients,
    C::Forwarded,
    C::Times,
    C::NetworkOperator,
    C::Country,
];

#[derive(Default)]
struct Columns {
    numbers: Vec<(C, Vec<Option<i64>>)>,
    texts: Vec<(C, Vec<Cell>)>,
}

impl Columns {
    fn number(&self, column: C, row: usize) -> Option<i64> {
        let (_, cells) = self.numbers.iter().find(|(id, _)| *id == column)?;
        cells.get(row).copied().flatten()
    }

    fn small(&self, column: C, row: usize) -> Option<u32> {
        u32::try_from(self.number(column, row)?).ok()
    }

    fn commands(&self, row: usize) -> Option<CommandCounts> {
        counts(str::from_utf8(&self.text(C::Commands, row)?).ok()?)
    }

    fn origin(&self, row: usize) -> Origin {
        let country: Option<String> = self.parsed(C::Country, row);
        Origin {
            operator: self.small(C::NetworkOperator, row).unwrap_or(0),
            country: country.map_or([0; 2], |letters| Origin::country_of(&letters)),
        }
    }

    fn text(&self, column: C, row: usize) -> Option<Cow<'_, [u8]>> {
        let (_, cells) = self.texts.iter().find(|(id, _)| *id == column)?;
        cells.get(row)?.as_ref().map(|cell| unescaped(cell.data()))
    }

    fn word<V: Vocabulary>(&self, column: C, row: usize) -> Option<V> {
        V::from_name(str::from_utf8(&self.text(column, row)?).ok()?)
    }

    fn parsed<T: std::str::FromStr>(&self, column: C, row: usize) -> Option<T> {
        str::from_utf8(&self.text(column, row)?).ok()?.parse().ok()
    }

    fn event(&self, row: usize) -> SegmentRow {
        let number = |column| self.number(column, row);
        let texts = [
            C::Service,
            C::Account,
            C::Host,
            C::Session,
            C::QueueId,
            C::Mechanism,
            C::Sender,
            C::Recipient,
            C::Helo,
            C::SecretTag,
            C::Detail,
            C::MailSubject,
            C::SpamScore,
            C::QueryName,
            C::QueryType,
        ]
        .map(|column| self.text(column, row));
        let [
            service,
            account,
            host,
            session,
            queue_id,
            mechanism,
            sender,
            recipient,
            helo,
            tag,
            detail,
            mail_subject,
            spam_score,
            query_name,
            query_type,
        ] = texts.each_ref().map(|text| text.as_deref().map(Text));
        let mut event = Event::new(
            Timestamp(number(C::At).unwrap_or_default()),
            self.word(C::Server, row).unwrap_or(Server::Mailward),
            service.unwrap_or_default(),
            self.word(C::Kind, row).unwrap_or(Kind::Limit),
            self.word(C::Outcome, row).unwrap_or(Outcome::Allowed),
        );
        event.protocol = self.word(C::Protocol, row).unwrap_or(Protocol::Unknown);
        event.reason = self.word(C::Reason, row);
        event.hostile = number(C::Hostile) == Some(1);
        event.client = self.parsed(C::Client, row);
        event.known = number(C::Known).map(|known| known != 0);
        event.attempts = self.small(C::Attempts, row).unwrap_or(0);
        event.pid = self.small(C::Pid, row);
        event.commands = self.commands(row);
        (event.account, event.host, event.session) = (account, host, session);
        (event.queue_id, event.mechanism, event.sender) = (queue_id, mechanism, sender);
        (event.recipient, event.helo, event.secret_tag) = (recipient, helo, tag);
        (event.detail, event.mail_subject, event.spam_score) = (detail, mail_subject, spam_score);
        (event.query_name, event.query_type) = (query_name, query_type);
        event.recipients = self.small(C::Recipients, row).unwrap_or_default();
        event.forwarded = self.parsed(C::Forwarded, row);
        event.times = self.small(C::Times, row).unwrap_or(1);
        event.origin = self.origin(row);
        let seq = number(C::Seq).unwrap_or_default().cast_unsigned();
        let line = self.text(C::Line, row).unwrap_or_default();
        let mut record = Vec::new();
        encode(&mut record, &Record::Event { seq, source: SourceId(0), event, line: &line });
        SegmentRow {
            batch: number(C::Batch).unwrap_or_default().cast_unsigned(),
            place: number(C::Place).unwrap_or_default().cast_unsigned(),
            source: self.parsed(C::Source, row).unwrap_or_default(),
            record,
        }
    }
}
