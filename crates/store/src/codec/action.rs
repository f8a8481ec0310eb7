//! Subjects, findings, decisions, expiries and operators' commands as bytes.

use super::CodecError;
use super::bytes::{Bytes, position, put_bytes, put_number};
use event::{
    Command, Decision, Evicted, Evidence, Expiry, Finding, IncidentStep, Measure, Mode, Network,
    Order, Subject, Timestamp,
};
use std::net::IpAddr;

const MODES: [Mode; 3] = [Mode::Off, Mode::Observe, Mode::Enforce];

pub(super) fn put_at(out: &mut Vec<u8>, at: Timestamp) {
    out.extend_from_slice(&at.0.to_le_bytes());
}

pub(super) fn at(input: &mut Bytes<'_>) -> Result<Timestamp, CodecError> {
    Ok(Timestamp(input.signed()?))
}

pub(super) fn put_until(out: &mut Vec<u8>, until: Option<Timestamp>) {
    out.push(u8::from(until.is_some()));
    if let Some(until) = until {
        put_at(out, until);
    }
}

pub(super) fn until(input: &mut Bytes<'_>) -> Result<Option<Timestamp>, CodecError> {
    match input.byte()? {
        0 => Ok(None),
        1 => at(input).map(Some),
        _ => Err(CodecError::Flags),
    }
}

/// Set in the byte of an expiry's measure where it was only recorded.
const RECORDED: u8 = 0x80;

fn put_measure(out: &mut Vec<u8>, measure: Measure) {
    out.push(measure_code(measure));
}

/// The position in [`Measure::ALL`].
pub(crate) fn measure_code(measure: Measure) -> u8 {
    Measure::ALL.iter().position(|other| *other == measure).map_or(u8::MAX, |found| found as u8)
}

fn measure(input: &mut Bytes<'_>) -> Result<Measure, CodecError> {
    measure_of(input.byte()?)
}

fn measure_of(code: u8) -> Result<Measure, CodecError> {
    Measure::ALL.get(usize::from(code)).copied().ok_or(CodecError::Word)
}

fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            out.push(4);
            out.extend_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            out.push(6);
            out.extend_from_slice(&v6.octets());
        }
    }
}

fn address(input: &mut Bytes<'_>) -> Result<IpAddr, CodecError> {
    match input.byte()? {
        4 => Ok(IpAddr::from(input.array::<4>()?)),
        6 => Ok(IpAddr::from(input.array::<16>()?)),
        _ => Err(CodecError::Flags),
    }
}

fn put_network(out: &mut Vec<u8>, network: &Network) {
    put_address(out, network.address());
    out.push(network.prefix());
}

fn network(input: &mut Bytes<'_>) -> Result<Network, CodecError> {
    let address = address(input)?;
    let prefix = input.byte()?;
    let network = Network::of(address, prefix);
    let same = network.address() == address && network.prefix() == prefix;
    if same { Ok(network) } else { Err(CodecError::Flags) }
}

/// One tag, then the value: also the key of the table of decisions that hold.
pub(crate) fn put_subject(out: &mut Vec<u8>, subject: &Subject) {
    match subject {
        Subject::Client(client) => {
            out.push(1);
            put_address(out, *client);
        }
        Subject::Network(network) => {
            out.push(2);
            put_network(out, network);
        }
        Subject::Account(name) => put_named(out, 3, name),
        Subject::Sender(name) => put_named(out, 4, name),
        Subject::Host(name) => put_named(out, 5, name),
    }
}

fn put_named(out: &mut Vec<u8>, tag: u8, name: &[u8]) {
    out.push(tag);
    put_bytes(out, name);
}

pub(super) fn subject(input: &mut Bytes<'_>) -> Result<Subject, CodecError> {
    match input.byte()? {
        1 => address(input).map(Subject::Client),
        2 => network(input).map(Subject::Network),
        3 => Ok(Subject::Account(input.bytes()?.into())),
        4 => Ok(Subject::Sender(input.bytes()?.into())),
        5 => Ok(Subject::Host(input.bytes()?.into())),
        _ => Err(CodecError::Flags),
    }
}

pub(super) fn put_score(out: &mut Vec<u8>, score: f32) {
    out.extend_from_slice(&score.to_le_bytes());
}

pub(super) fn score(input: &mut Bytes<'_>) -> Result<f32, CodecError> {
    Ok(f32::from_le_bytes(input.array()?))
}

pub(super) fn put_evidence(out: &mut Vec<u8>, evidence: &Evidence) {
    out.push(evidence.lines().len() as u8);
    evidence.lines().iter().for_each(|line| put_number(out, *line));
}

pub(super) fn evidence(input: &mut Bytes<'_>) -> Result<Evidence, CodecError> {
    let count = usize::from(input.byte()?);
    if count > Evidence::MAX {
        return Err(CodecError::Number);
    }
    (0..count).map(|_| input.number()).collect()
}

pub(super) fn put_finding(out: &mut Vec<u8>, finding: &Finding) {
    put_at(out, finding.at);
    put_bytes(out, finding.detector.as_bytes());
    put_subject(out, &finding.subject);
    put_score(out, finding.score);
    put_evidence(out, &finding.evidence);
}

pub(super) fn finding(input: &mut Bytes<'_>) -> Result<Finding, CodecError> {
    Ok(Finding {
        at: at(input)?,
        detector: input.name()?,
        subject: subject(input)?,
        score: score(input)?,
        evidence: evidence(input)?,
    })
}

pub(crate) fn put_decision(out: &mut Vec<u8>, decision: &Decision) {
    put_at(out, decision.at);
    put_measure(out, decision.measure);
    put_subject(out, &decision.subject);
    put_until(out, decision.until);
    put_bytes(out, decision.rule.as_bytes());
    put_number(out, u64::from(decision.offence));
    put_score(out, decision.score);
    out.push(position(&MODES, &decision.mode));
    put_evidence(out, &decision.evidence);
}

pub(super) fn decision(input: &mut Bytes<'_>) -> Result<Decision, CodecError> {
    Ok(Decision {
        at: at(input)?,
        measure: measure(input)?,
        subject: subject(input)?,
        until: until(input)?,
        rule: input.name()?,
        offence: input.small()?,
        score: score(input)?,
        mode: input.one_of(&MODES)?,
        evidence: evidence(input)?,
    })
}

pub(super) fn put_expiry(out: &mut Vec<u8>, expiry: &Expiry) {
    put_at(out, expiry.at);
    put_subject(out, &expiry.subject);
    let recorded = if expiry.mode == Mode::Enforce { 0 } else { RECORDED };
    out.push(measure_code(expiry.measure) | recorded);
    put_bytes(out, expiry.rule.as_bytes());
    put_bytes(out, expiry.cause.as_bytes());
}

pub(super) fn expiry(input: &mut Bytes<'_>) -> Result<Expiry, CodecError> {
    let (at, subject, code) = (at(input)?, subject(input)?, input.byte()?);
    Ok(Expiry {
        at,
        subject,
        measure: measure_of(code & !RECORDED)?,
        mode: if code & RECORDED == 0 { Mode::Enforce } else { Mode::Observe },
        rule: input.name()?,
        cause: input.name()?,
    })
}

pub(super) fn put_evicted(out: &mut Vec<u8>, evicted: &Evicted) {
    put_at(out, evicted.at);
    put_bytes(out, evicted.table.as_bytes());
    put_number(out, evicted.entries);
}

pub(super) fn evicted(input: &mut Bytes<'_>) -> Result<Evicted, CodecError> {
    Ok(Evicted { at: at(input)?, table: input.name()?, entries: input.number()? })
}

pub(crate) fn put_command(out: &mut Vec<u8>, command: &Command) {
    put_at(out, command.at);
    put_bytes(out, command.operator.as_bytes());
    put_bytes(out, command.reason.as_bytes());
    match &command.order {
        Order::Ban { subject, duration_s } => {
            out.push(1);
            put_subject(out, subject);
            put_number(out, duration_s.map_or(0, |seconds| u64::from(seconds) + 1));
        }
        Order::Unban { subject } => {
            out.push(2);
            put_subject(out, subject);
        }
        Order::Allow { network, until } => {
            out.push(3);
            put_network(out, network);
            put_until(out, *until);
        }
        Order::Disallow { network } => {
            out.push(4);
            put_network(out, network);
        }
        Order::Protect { networks } => {
            out.push(5);
            put_number(out, networks.len() as u64);
            networks.iter().for_each(|network| put_network(out, network));
        }
        Order::OpenIncident { subject } => {
            out.push(6);
            put_subject(out, subject);
        }
        Order::Incident { number, step } => {
            out.push(7);
            put_number(out, *number);
            out.push(position(&IncidentStep::ALL, step));
        }
    }
}

pub(super) fn command(input: &mut Bytes<'_>) -> Result<Command, CodecError> {
    Ok(Command {
        at: at(input)?,
        operator: input.boxed()?,
        reason: input.boxed()?,
        order: order(input)?,
    })
}

fn order(input: &mut Bytes<'_>) -> Result<Order, CodecError> {
    Ok(match input.byte()? {
        1 => {
            let subject = subject(input)?;
            let duration_s = match input.number()?.checked_sub(1) {
                None => None,
                Some(seconds) => Some(u32::try_from(seconds).map_err(|_| CodecError::Number)?),
            };
            Order::Ban { subject, duration_s }
        }
        2 => Order::Unban { subject: subject(input)? },
        3 => Order::Allow { network: network(input)?, until: until(input)? },
        4 => Order::Disallow { network: network(input)? },
        5 => {
            // The count is a stranger's statement: nothing is reserved for it, reading ends where
            // the bytes end.
            let count = input.number()?;
            let networks: Result<Vec<_>, _> = (0..count).map(|_| network(input)).collect();
            Order::Protect { networks: networks?.into() }
        }
        6 => Order::OpenIncident { subject: subject(input)? },
        7 => Order::Incident { number: input.number()?, step: input.one_of(&IncidentStep::ALL)? },
        _ => return Err(CodecError::Flags),
    })
}
