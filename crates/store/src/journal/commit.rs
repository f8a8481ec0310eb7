//! The commit: batches, positions, decisions that hold, counts and audit in one transaction.

use super::pending::{Pending, Sealed};
use super::{Committed, Journal, Mark};
use crate::codec::incident::{encode, state_code};
use crate::{StoreError, database};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::sync::atomic::Ordering;

impl Journal {
    /// Puts everything appended since the last commit on record, together with how far each
    /// source has been read (name and position; those not named stay as they were).
    ///
    /// On an error nothing is written, everything is kept (within [`super::Options::memory_bytes`])
    /// and goes with the next commit: the program goes on and tries again.
    pub fn commit(&mut self, positions: &[(&str, &str)]) -> Result<Committed, StoreError> {
        for (name, position) in positions {
            let id = self.source(name);
            match self.pending.positions.get_mut(&id) {
                Some((_, waiting)) if waiting == position => {}
                Some((_, waiting)) => (*position).clone_into(waiting),
                None => {
                    let entry = ((*name).to_owned(), (*position).to_owned());
                    self.pending.positions.insert(id, entry);
                }
            }
        }
        if self.shared.damaged.swap(false, Ordering::SeqCst) {
            self.salvage_running()?;
        }
        if self.nothing_to_write() {
            return Ok(Committed { mark: self.mark, records: 0, bytes: 0, gap: None });
        }
        let written = match self.write() {
            Err(StoreError::Damaged { .. }) => {
                self.salvage_running()?;
                self.write()
            }
            other => other,
        }?;
        self.pending.clear();
        self.mark = written.mark;
        Ok(written)
    }

    fn nothing_to_write(&self) -> bool {
        let pending = &self.pending;
        pending.is_empty()
            && pending.positions.is_empty()
            && pending.seq == self.mark.seq
            && pending.gap.is_none()
            && pending.new_sources.is_empty()
            && pending.samples.is_empty()
            && pending.changes.is_empty()
            && pending.incidents.is_empty()
    }

    fn write(&mut self) -> Result<Committed, StoreError> {
        let path = self.dir.join(database::FILE);
        let _turn = self.shared.turn();
        let tail = self.pending.tail();
        let batches = || self.pending.sealed.iter().chain(&tail);
        let records = batches().map(|sealed| sealed.span.records).sum();
        let bytes = batches().map(|sealed| sealed.bytes as u64).sum();
        let mark =
            Mark { batch: self.mark.batch + batches().count() as u64, seq: self.pending.seq };
        let work =
            Work { pending: &self.pending, tail: tail.as_ref(), after: self.mark.batch, mark };
        transact(&mut self.database, &work, self.options.samples)
            .map_err(StoreError::sql("write the journal", &path))?;
        Ok(Committed { mark, records, bytes, gap: self.pending.gap })
    }
}

/// What one transaction writes.
struct Work<'a> {
    pending: &'a Pending,
    tail: Option<&'a Sealed>,
    /// The last batch before.
    after: u64,
    mark: Mark,
}

fn transact(
    database: &mut Connection,
    work: &Work<'_>,
    samples: u32,
) -> Result<(), rusqlite::Error> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    put_sources(&transaction, work.pending)?;
    put_batches(&transaction, work)?;
    put_changes(&transaction, work.pending)?;
    put_incidents(&transaction, work.pending)?;
    put_counts(&transaction, work.pending)?;
    put_records_for_people(&transaction, work.pending, samples)?;
    transaction
        .prepare_cached("UPDATE head SET seq = ?1, batch = ?2")?
        .execute(params![work.mark.seq.cast_signed(), work.mark.batch.cast_signed()])?;
    transaction.commit()
}

fn put_sources(to: &Transaction<'_>, pending: &Pending) -> Result<(), rusqlite::Error> {
    for (id, name) in &pending.new_sources {
        to.prepare_cached(
            "INSERT INTO source(id, name) VALUES(?1, ?2)
             ON CONFLICT DO UPDATE SET name = excluded.name",
        )?
        .execute(params![id.0, name])?;
    }
    for (id, (_, position)) in &pending.positions {
        to.prepare_cached("UPDATE source SET position = ?2, position_crc = ?3 WHERE id = ?1")?
            .execute(params![id.0, position, crc32fast::hash(position.as_bytes())])?;
    }
    Ok(())
}

fn put_batches(to: &Transaction<'_>, work: &Work<'_>) -> Result<(), rusqlite::Error> {
    for (sealed, id) in work.pending.sealed.iter().chain(work.tail).zip(work.after + 1..) {
        let span = sealed.span;
        to.prepare_cached("INSERT INTO batch VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
            params![
                id.cast_signed(),
                span.seq_first.cast_signed(),
                span.seq_last.cast_signed(),
                span.at_min.0,
                span.at_max.0,
                span.records.cast_signed(),
                sealed.bytes as i64,
                sealed.data
            ],
        )?;
    }
    Ok(())
}

fn put_changes(to: &Transaction<'_>, pending: &Pending) -> Result<(), rusqlite::Error> {
    for ((subject, measure), change) in &pending.changes {
        match change {
            Some((until, decision)) => to
                .prepare_cached("INSERT OR REPLACE INTO hold VALUES(?1, ?2, ?3, ?4)")?
                .execute(params![subject, measure, until.map(|until| until.0), decision])?,
            None => to
                .prepare_cached("DELETE FROM hold WHERE subject = ?1 AND measure = ?2")?
                .execute(params![subject, measure])?,
        };
    }
    Ok(())
}

fn put_incidents(to: &Transaction<'_>, pending: &Pending) -> Result<(), rusqlite::Error> {
    for (number, incident) in &pending.incidents {
        to.prepare_cached("INSERT OR REPLACE INTO incident VALUES(?1, ?2, ?3, ?4)")?.execute(
            params![
                number.cast_signed(),
                state_code(incident.state),
                incident.latest_at.0,
                encode(incident)
            ],
        )?;
    }
    Ok(())
}

fn put_counts(to: &Transaction<'_>, pending: &Pending) -> Result<(), rusqlite::Error> {
    for ((hour, server, outcome, reason), n) in pending.counts.rows() {
        to.prepare_cached(
            "INSERT INTO count VALUES(?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?
        .execute(params![hour, server, outcome, reason, n.cast_signed()])?;
    }
    for (id, counts) in pending.counts.sources() {
        to.prepare_cached(
            "UPDATE source SET lines = lines + ?2, events = events + ?3, noise = noise + ?4,
             unknown = unknown + ?5 WHERE id = ?1",
        )?
        .execute(params![
            id.0,
            counts.lines.cast_signed(),
            counts.events.cast_signed(),
            counts.noise.cast_signed(),
            counts.unknown.cast_signed()
        ])?;
    }
    Ok(())
}

/// The audit trail, and the samples of unknown lines with their bound.
fn put_records_for_people(
    to: &Transaction<'_>,
    pending: &Pending,
    samples: u32,
) -> Result<(), rusqlite::Error> {
    for entry in &pending.audit {
        to.prepare_cached(
            "INSERT INTO audit(seq, at, operator, reason, record) VALUES(?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            entry.seq.cast_signed(),
            entry.at.0,
            entry.operator,
            entry.reason,
            entry.record
        ])?;
    }
    for sample in &pending.samples {
        to.prepare_cached("INSERT INTO sample(source, seq, why, line) VALUES(?1, ?2, ?3, ?4)")?
            .execute(params![sample.source.0, sample.seq.cast_signed(), sample.why, sample.line])?;
    }
    if !pending.samples.is_empty() {
        to.prepare_cached("DELETE FROM sample WHERE id <= (SELECT max(id) FROM sample) - ?1")?
            .execute(params![samples])?;
    }
    Ok(())
}
