//! Writing a segment: under another name first, flushed to the disk, then renamed.

use super::columns::{C, COLUMNS, Cells, Column, Holds, Row, fill_action, fill_event};
use super::sums::{BLOCK, KEY, Summing};
use super::{Name, parquet};
use crate::StoreError;
use crate::batch::Batch;
use crate::checkpoint::sync_dir;
use crate::codec::{Record, Sort, decode, sort};
use crate::summary;
use ::event::Timestamp;
use ::parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, FloatType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::{ColumnPath, Type};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are pruned, read and buffered together.
const GROUP_ROWS: usize = 32 << 10;
/// The footer's key of the row groups' summaries: where each begins in the file, and its length.
pub(super) const SUMMARIES: &str = "mailward.summaries";

/// Which records a segment holds: they are kept for different times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Family {
    /// Events with their lines.
    Events,
    /// Findings, decisions, expiries, evictions, commands, notes.
    Actions,
}

impl Family {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Family::Events => "events",
            Family::Actions => "actions",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// The file's name until it is whole.
    fn temporary(self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.tmp", self.name()))
    }
}

/// A segment that is on the disk, for the catalogue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    pub(crate) name: Name,
    pub(crate) seq: (u64, u64),
    pub(crate) at: (Timestamp, Timestamp),
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Writes batches (in order) as up to one segment of each family into `dir`. Where that fails,
/// nothing half-written is left to fill the disk.
pub(crate) fn write(
    dir: &Path,
    batches: impl Iterator<Item = (u64, Batch)>,
    span: (u64, u64),
    sources: &BTreeMap<u32, String>,
) -> Result<Vec<Written>, StoreError> {
    let written = write_families(dir, batches, span, sources);
    if written.is_err() {
        for family in [Family::Events, Family::Actions] {
            let _ = fs::remove_file(family.temporary(dir));
        }
    }
    written
}

fn write_families(
    dir: &Path,
    batches: impl Iterator<Item = (u64, Batch)>,
    span: (u64, u64),
    sources: &BTreeMap<u32, String>,
) -> Result<Vec<Written>, StoreError> {
    let mut events = Writing::begin(dir, Family::Events, span)?;
    let mut actions = Writing::begin(dir, Family::Actions, span)?;
    for (id, batch) in batches {
        let mut records = batch.records();
        let mut place = 0;
        while let Some(body) = records.next_body() {
            let Ok(body) = body else { continue };
            let into = match sort(body) {
                Sort::Event => &mut events,
                Sort::Action => &mut actions,
                Sort::Other => continue,
            };
            // What this version cannot read stays behind: the batch was checked as a whole.
            if let Ok(record) = decode(body) {
                into.push(id, place, &record, body, sources)?;
            }
            place += 1;
        }
    }
    let mut written = Vec::new();
    written.extend(events.finish(dir)?);
    written.extend(actions.finish(dir)?);
    sync_dir(dir)?;
    Ok(written)
}

struct Writing {
    family: Family,
    span: (u64, u64),
    path: PathBuf,
    cells: Vec<Cells>,
    writer: SerializedFileWriter<Summing>,
    group_rows: usize,
    summing: summary::Summing,
    /// Places of the summaries that are written, as they go into the footer.
    summaries: String,
    rows: u64,
    seq: (u64, u64),
    at: (Timestamp, Timestamp),
}

impl Writing {
    fn begin(dir: &Path, family: Family, span: (u64, u64)) -> Result<Self, StoreError> {
        let path = family.temporary(dir);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(StoreError::io("write", &path))?;
        let schema = schema().map_err(parquet("write", &path))?;
        let writer = SerializedFileWriter::new(Summing::new(file), schema, properties())
            .map_err(parquet("write", &path))?;
        Ok(Writing {
            family,
            span,
            path,
            cells: COLUMNS.iter().map(|_| Cells::default()).collect(),
            writer,
            group_rows: 0,
            summing: summary::Summing::of(GROUP_ROWS),
            summaries: String::new(),
            rows: 0,
            seq: (u64::MAX, 0),
            at: (Timestamp(i64::MAX), Timestamp(i64::MIN)),
        })
    }

    fn push(
        &mut self,
        batch: u64,
        place: i64,
        record: &Record<'_>,
        body: &[u8],
        sources: &BTreeMap<u32, String>,
    ) -> Result<(), StoreError> {
        let mut row = Row::begin(&mut self.cells);
        row.number(C::Batch, batch.cast_signed());
        row.number(C::Place, place);
        match record {
            Record::Event { seq, source, event, line } => {
                let source = sources.get(&source.0).map(String::as_str).unwrap_or_default();
                fill_event(&mut row, *seq, source, event, line);
            }
            _ => fill_action(&mut row, record, body),
        }
        if let Some(seq) = record.seq() {
            self.seq = (self.seq.0.min(seq), self.seq.1.max(seq));
        }
        if let Some(at) = record.at() {
            self.at = (self.at.0.min(at), self.at.1.max(at));
        }
        self.summing.add(record);
        self.rows += 1;
        self.group_rows += 1;
        if self.group_rows == GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        self.group_rows = 0;
        write_group(&mut self.writer, &mut self.cells).map_err(parquet("write", &self.path))?;
        // Between the row groups, as the format allows: other readers go by the footer alone.
        let next = summary::Summing::of(GROUP_ROWS);
        let summary = std::mem::replace(&mut self.summing, next).finish();
        let _ = write!(self.summaries, "{}+{} ", self.writer.bytes_written(), summary.len());
        self.writer.write_all(&summary).map_err(StoreError::io("write", &self.path))
    }

    /// Closes the file and gives it its name; a segment without rows leaves no file.
    fn finish(mut self, dir: &Path) -> Result<Option<Written>, StoreError> {
        let path = self.path.clone();
        let io = |action| StoreError::io(action, &path);
        if self.rows == 0 {
            fs::remove_file(&path).map_err(io("remove"))?;
            return Ok(None);
        }
        self.flush()?;
        let summaries = std::mem::take(&mut self.summaries);
        let close = |writer: &mut SerializedFileWriter<Summing>| {
            writer.append_key_value_metadata(KeyValue::new(SUMMARIES.to_owned(), summaries));
            writer.flush()?;
            let sums = writer.inner().full_blocks();
            let tail_start = writer.inner().blocks() * BLOCK;
            writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), sums));
            Ok(tail_start as u64)
        };
        let tail_start = close(&mut self.writer).map_err(parquet("write", &path))?;
        // Not `into_inner`, which hides a full disk in a text.
        self.writer.finish().map_err(parquet("write", &path))?;
        let summing = std::mem::take(self.writer.inner_mut());
        let bytes = summing.written;
        let Some(file) = summing.into_file() else {
            return Err(StoreError::damaged(&path, "closed too early"));
        };
        file.sync_data().map_err(io("flush"))?;
        let mut tail = vec![0; usize::try_from(bytes - tail_start).unwrap_or_default()];
        file.read_exact_at(&mut tail, tail_start).map_err(io("read"))?;
        let name = Name {
            family: self.family,
            batch_first: self.span.0,
            batch_last: self.span.1,
            tail: tail.len() as u64,
            tail_crc: crc32fast::hash(&tail),
        };
        fs::rename(&path, dir.join(name.to_string())).map_err(io("rename"))?;
        Ok(Some(Written { name, seq: self.seq, at: self.at, rows: self.rows, bytes }))
    }
}

fn schema() -> Result<Arc<Type>, ParquetError> {
    let fields: Result<Vec<_>, _> =
        COLUMNS.iter().map(|column| field(column).map(Arc::new)).collect();
    Ok(Arc::new(Type::group_type_builder("mailward").with_fields(fields?).build()?))
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.holds {
        Holds::Number => (Physical::INT64, None),
        Holds::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Holds::Flag => (Physical::BOOLEAN, None),
        Holds::Float => (Physical::FLOAT, None),
        Holds::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Holds::Bytes => (Physical::BYTE_ARRAY, None),
    };
    Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

fn properties() -> Arc<WriterProperties> {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("mailward ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::LZ4_RAW)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(true);
    for column in [C::Seq, C::At, C::Batch] {
        if let Some(column) = COLUMNS.get(column as usize) {
            let path = ColumnPath::from(column.name);
            properties = properties
                .set_column_statistics_enabled(path.clone(), EnabledStatistics::Chunk)
                .set_column_dictionary_enabled(path, false);
        }
    }
    for column in &COLUMNS {
        let path = ColumnPath::from(column.name);
        if column.bloom {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), 0.01)
                .set_column_bloom_filter_max_ndv(path, GROUP_ROWS as u64);
        }
    }
    for name in ["line", "place", "encoded", "session", "queue_id"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(name), false);
    }
    Arc::new(properties.build())
}

fn write_group(
    writer: &mut SerializedFileWriter<Summing>,
    cells: &mut [Cells],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for (column, cells) in COLUMNS.iter().zip(cells) {
        if let Some(mut into) = group.next_column()? {
            write_column(&mut into, column.holds, cells)?;
            into.close()?;
        }
    }
    group.close()?;
    Ok(())
}

fn write_column(
    into: &mut SerializedColumnWriter<'_>,
    holds: Holds,
    cells: &mut Cells,
) -> Result<(), ParquetError> {
    let levels = Some(cells.levels.as_slice());
    match holds {
        Holds::Number | Holds::Time => {
            into.typed::<Int64Type>().write_batch(&cells.numbers, levels, None)?;
        }
        Holds::Flag => {
            let flags: Vec<bool> = cells.numbers.iter().map(|number| *number != 0).collect();
            into.typed::<BoolType>().write_batch(&flags, levels, None)?;
        }
        Holds::Float => {
            let floats: Vec<f32> =
                cells.numbers.iter().map(|bits| f32::from_bits(*bits as u32)).collect();
            into.typed::<FloatType>().write_batch(&floats, levels, None)?;
        }
        Holds::Text | Holds::Bytes => {
            let all = bytes::Bytes::from(std::mem::take(&mut cells.texts));
            let mut start = 0;
            let texts: Vec<ByteArray> = cells
                .ends
                .iter()
                .map(|end| ByteArray::from(all.slice(std::mem::replace(&mut start, *end)..*end)))
                .collect();
            into.typed::<ByteArrayType>().write_batch(&texts, levels, None)?;
        }
    }
    cells.levels.clear();
    cells.numbers.clear();
    cells.ends.clear();
    Ok(())
}
