//! Incidents as bytes. Not a record of the journal: the row of a table that is written anew with
//! each change. Version (1 byte), CRC-32 of the rest (4, little-endian), then the fields in the
//! order of the type.

use super::CodecError;
use super::action::{
    at, evidence, put_at, put_evidence, put_score, put_subject, put_until, score, subject, until,
};
use super::bytes::{Bytes, position, put_bytes, put_number, sealed, unsealed};
use ::event::{Concerned, Incident, IncidentState, Standing};

const FORMAT: u8 = 1;

/// The position in [`IncidentState::ALL`].
pub(crate) fn state_code(state: IncidentState) -> u8 {
    position(&IncidentState::ALL, &state)
}

/// As it is stored.
pub(crate) fn encode(incident: &Incident) -> Vec<u8> {
    sealed(FORMAT, |out| put(out, incident))
}

/// The inverse of [`encode`].
pub(crate) fn decode(blob: &[u8]) -> Result<Incident, CodecError> {
    let mut input = Bytes(unsealed(FORMAT, blob).ok_or(CodecError::Flags)?);
    let incident = read(&mut input)?;
    if input.0.is_empty() { Ok(incident) } else { Err(CodecError::Trailing) }
}

fn put(out: &mut Vec<u8>, incident: &Incident) {
    put_number(out, incident.number);
    put_at(out, incident.opened_at);
    put_at(out, incident.latest_at);
    out.push(state_code(incident.state));
    put_bytes(out, incident.opened_by.as_bytes());
    put_bytes(out, incident.title.as_bytes());
    put_number(out, incident.detectors.len() as u64);
    incident.detectors.iter().for_each(|name| put_bytes(out, name.as_bytes()));
    put_number(out, incident.concerned.len() as u64);
    for one in &incident.concerned {
        put_subject(out, &one.subject);
        put_at(out, one.since);
        out.push(position(&Standing::ALL, &one.standing));
    }
    for count in
        [incident.findings_more, incident.unanswered_more, incident.findings, incident.decisions]
    {
        put_number(out, u64::from(count));
    }
    put_score(out, incident.score_max);
    put_evidence(out, &incident.evidence);
    for at in [incident.acknowledged_at, incident.contained_at, incident.resolved_at] {
        put_until(out, at);
    }
    put_bytes(out, incident.acted_by.as_bytes());
    put_bytes(out, incident.end.as_bytes());
}

fn read(input: &mut Bytes<'_>) -> Result<Incident, CodecError> {
    Ok(Incident {
        number: input.number()?,
        opened_at: at(input)?,
        latest_at: at(input)?,
        state: input.one_of(&IncidentState::ALL)?,
        opened_by: input.boxed()?,
        title: input.boxed()?,
        detectors: list(input, Bytes::name)?,
        concerned: list(input, |input| {
            Ok(Concerned {
                subject: subject(input)?,
                since: at(input)?,
                standing: input.one_of(&Standing::ALL)?,
            })
        })?,
        findings_more: input.small()?,
        unanswered_more: input.small()?,
        findings: input.small()?,
        decisions: input.small()?,
        score_max: score(input)?,
        evidence: evidence(input)?,
        acknowledged_at: until(input)?,
        contained_at: until(input)?,
        resolved_at: until(input)?,
        acted_by: input.boxed()?,
        end: input.boxed()?,
    })
}

/// The count is a statement only: nothing is reserved for it, reading ends where the bytes end.
fn list<'a, T>(
    input: &mut Bytes<'a>,
    mut one: impl FnMut(&mut Bytes<'a>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let count = input.number()?;
    (0..count).map(|_| one(input)).collect()
}
