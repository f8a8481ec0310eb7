//! Terms that no event can meet by itself.

use super::Reader;
use crate::StoreError;
use crate::codec::Record;
use crate::filter::{Filter, What};
use crate::terms::{Field, Term, Value};
use ::event::{Subject, Timestamp};
use std::collections::BTreeSet;

/// Findings that are looked at for a term about a detector.
const FINDINGS_MAX: usize = 2_000;

impl Reader {
    /// Terms about detectors and incidents become terms about the clients (or accounts) in which
    /// they found something between these times. Others stay as they are.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn resolved(
        &self,
        terms: &[Term],
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Term>, StoreError> {
        let resolve = |term: &Term| {
            let (field, values) = match term.field {
                Field::Detector => (Field::Client, found_by(self, term, (from, until))?),
                Field::Incident => part_of(self, term)?,
                _ => (term.field, term.values.clone()),
            };
            Ok(Term { field, values, is_excluded: term.is_excluded })
        };
        terms.iter().map(resolve).collect()
    }
}

/// The clients and networks that incidents concern; where there are none, the accounts.
fn part_of(reader: &Reader, term: &Term) -> Result<(Field, Vec<Value>), StoreError> {
    let (mut networks, mut accounts) = (BTreeSet::new(), BTreeSet::new());
    for value in &term.values {
        let Value::Name { text, .. } = value else { continue };
        let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let Some(number) = number else { continue };
        let incident = reader.incident(number)?;
        for one in incident.into_iter().flat_map(|incident| incident.concerned) {
            networks.extend(one.subject.network());
            if let Subject::Account(name) = one.subject {
                accounts.insert(name);
            }
        }
    }
    if networks.is_empty() && !accounts.is_empty() {
        return Ok((Field::Account, accounts.iter().map(|name| Value::name(name)).collect()));
    }
    Ok((Field::Client, networks.into_iter().map(Value::Network).collect()))
}

/// The clients and networks in which a detector found something.
fn found_by(
    reader: &Reader,
    term: &Term,
    (from, until): (Timestamp, Timestamp),
) -> Result<Vec<Value>, StoreError> {
    let filter =
        Filter { what: What::Actions, from: Some(from), until: Some(until), ..Filter::default() };
    let mut networks = BTreeSet::new();
    for row in reader.query(&filter, FINDINGS_MAX)?.rows {
        let (name, subject): (String, Subject) = match row.record() {
            Some(Record::Finding { finding, .. }) => {
                (finding.detector.to_string(), finding.subject)
            }
            Some(Record::Decision { decision, .. }) => {
                (decision.rule.to_string(), decision.subject)
            }
            _ => continue,
        };
        if term.includes(name.as_bytes()) {
            networks.extend(subject.network());
        }
    }
    Ok(networks.into_iter().map(Value::Network).collect())
}
