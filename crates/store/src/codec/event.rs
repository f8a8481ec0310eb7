//! The event with its line: one record, decoded without a copy.

use super::CodecError;
use super::bytes::{Bytes, put_bytes, put_number, put_text};
use crate::SourceId;
use event::{
    CommandCounts, Event, Kind, Origin, Protocol, Reason, Server, Text, Timestamp, Vocabulary,
};
use std::net::IpAddr;

const HOSTILE: u8 = 1;
const KNOWN: u8 = 2;
const KNOWN_TRUE: u8 = 4;
const CLIENT_V4: u8 = 8;
const CLIENT_V6: u8 = 16;

const ATTEMPTS: u16 = 1;
const PID: u16 = 2;
const COMMANDS: u16 = 4;
/// The optional texts take the bits from here on, in the order of [`optional_texts`].
const TEXTS_SHIFT: u16 = 3;
/// Two more bytes follow, which say what else there is.
const MORE: u16 = 1 << 15;

/// What few events have. The order of the texts is the format: append only.
const RECIPIENTS: u16 = 1;
const FORWARDED_V4: u16 = 2;
const FORWARDED_V6: u16 = 4;
/// How often it happened, where that is not once; behind the texts.
const TIMES: u16 = 1 << 15;
/// Operator and country of the client, where they were looked up; behind the times.
const ORIGIN: u16 = 1 << 14;

fn more_texts<'a>(event: &Event<'a>) -> [Option<Text<'a>>; 4] {
    [event.mail_subject, event.spam_score, event.query_name, event.query_type]
}

/// Which of these an event has.
fn more(event: &Event<'_>) -> u16 {
    let mut bits = texts_present(&more_texts(event));
    bits |= if event.recipients != 0 { RECIPIENTS } else { 0 };
    bits |= if event.times != 1 { TIMES } else { 0 };
    bits |= if event.origin.is_unknown() { 0 } else { ORIGIN };
    bits | match event.forwarded {
        None => 0,
        Some(IpAddr::V4(_)) => FORWARDED_V4,
        Some(IpAddr::V6(_)) => FORWARDED_V6,
    }
}

fn put_more(out: &mut Vec<u8>, event: &Event<'_>, line: &[u8]) {
    if event.recipients != 0 {
        put_number(out, u64::from(event.recipients));
    }
    put_address(out, event.forwarded);
    for text in more_texts(event).into_iter().flatten() {
        put_text(out, line, text.0);
    }
    if event.times != 1 {
        put_number(out, u64::from(event.times));
    }
    if !event.origin.is_unknown() {
        put_number(out, u64::from(event.origin.operator));
        out.extend_from_slice(&event.origin.country);
    }
}

fn read_more<'a>(
    input: &mut Bytes<'a>,
    event: &mut Event<'a>,
    line: &'a [u8],
    more: u16,
) -> Result<(), CodecError> {
    if more & RECIPIENTS != 0 {
        event.recipients = input.small()?;
    }
    let (v4, v6) = (more & FORWARDED_V4 != 0, more & FORWARDED_V6 != 0);
    event.forwarded = address(input, v4, v6)?;
    let fields = [
        &mut event.mail_subject,
        &mut event.spam_score,
        &mut event.query_name,
        &mut event.query_type,
    ];
    texts(input, fields, more >> TEXTS_SHIFT, line)?;
    if more & TIMES != 0 {
        event.times = input.small()?;
    }
    if more & ORIGIN != 0 {
        event.origin = Origin { operator: input.small()?, country: input.array()? };
    }
    Ok(())
}

/// The order is the format: append only.
fn optional_texts<'a>(event: &Event<'a>) -> [Option<Text<'a>>; 10] {
    [
        event.account,
        event.host,
        event.session,
        event.queue_id,
        event.mechanism,
        event.sender,
        event.recipient,
        event.helo,
        event.secret_tag,
        event.detail,
    ]
}

pub(super) fn put_event(
    out: &mut Vec<u8>,
    seq: u64,
    source: SourceId,
    event: &Event<'_>,
    line: &[u8],
) {
    put_number(out, seq);
    put_number(out, u64::from(source.0));
    put_bytes(out, line);
    let reason = event.reason.map_or(0, |reason| reason.code() + 1);
    out.extend_from_slice(&event.at.0.to_le_bytes());
    out.extend_from_slice(&[
        event.server.code(),
        event.protocol.code(),
        event.kind.code(),
        event.outcome.code(),
        reason,
        flags(event),
    ]);
    let texts = optional_texts(event);
    let more = more(event);
    out.extend_from_slice(&present(event, &texts, more).to_le_bytes());
    if more != 0 {
        out.extend_from_slice(&more.to_le_bytes());
    }
    put_address(out, event.client);
    put_text(out, line, event.service.0);
    if event.attempts != 0 {
        put_number(out, u64::from(event.attempts));
    }
    if let Some(pid) = event.pid {
        put_number(out, u64::from(pid));
    }
    if let Some(commands) = &event.commands {
        counts(commands).iter().for_each(|count| put_number(out, u64::from(*count)));
    }
    for text in texts.into_iter().flatten() {
        put_text(out, line, text.0);
    }
    put_more(out, event, line);
}

fn put_address(out: &mut Vec<u8>, address: Option<IpAddr>) {
    match address {
        Some(IpAddr::V4(v4)) => out.extend_from_slice(&v4.octets()),
        Some(IpAddr::V6(v6)) => out.extend_from_slice(&v6.octets()),
        None => {}
    }
}

fn address(input: &mut Bytes<'_>, v4: bool, v6: bool) -> Result<Option<IpAddr>, CodecError> {
    match (v4, v6) {
        (false, false) => Ok(None),
        (true, false) => Ok(Some(IpAddr::from(input.array::<4>()?))),
        (false, true) => Ok(Some(IpAddr::from(input.array::<16>()?))),
        (true, true) => Err(CodecError::Flags),
    }
}

fn flags(event: &Event<'_>) -> u8 {
    let known = match event.known {
        None => 0,
        Some(false) => KNOWN,
        Some(true) => KNOWN | KNOWN_TRUE,
    };
    let client = match event.client {
        None => 0,
        Some(IpAddr::V4(_)) => CLIENT_V4,
        Some(IpAddr::V6(_)) => CLIENT_V6,
    };
    known | client | if event.hostile { HOSTILE } else { 0 }
}

fn texts_present(texts: &[Option<Text<'_>>]) -> u16 {
    let mut bits = 0;
    for (position, text) in texts.iter().enumerate() {
        bits |= u16::from(text.is_some()) << (position as u16 + TEXTS_SHIFT);
    }
    bits
}

fn present(event: &Event<'_>, texts: &[Option<Text<'_>>], more: u16) -> u16 {
    let mut bits = texts_present(texts);
    bits |= if more != 0 { MORE } else { 0 };
    bits |= if event.attempts != 0 { ATTEMPTS } else { 0 };
    bits |= if event.pid.is_some() { PID } else { 0 };
    bits | if event.commands.is_some() { COMMANDS } else { 0 }
}

fn counts(c: &CommandCounts) -> [u32; 9] {
    [c.auth_ok, c.auth_all, c.mail_ok, c.mail_all, c.rcpt_ok, c.rcpt_all, c.unknown, c.ok, c.all]
}

/// A decoded event record.
type EventRecord<'a> = (u64, SourceId, Event<'a>, &'a [u8]);

pub(super) fn event<'a>(input: &mut Bytes<'a>) -> Result<EventRecord<'a>, CodecError> {
    let seq = input.number()?;
    let source = SourceId(input.small()?);
    let line = input.bytes()?;
    let at = Timestamp(input.signed()?);
    let server: Server = input.word()?;
    let protocol: Protocol = input.word()?;
    let kind: Kind = input.word()?;
    let outcome = input.word()?;
    let reason = match input.byte()?.checked_sub(1) {
        None => None,
        Some(code) => Some(Reason::from_code(code).ok_or(CodecError::Word)?),
    };
    let flags = input.byte()?;
    let present = u16::from_le_bytes(input.array()?);
    let more = if present & MORE != 0 { u16::from_le_bytes(input.array()?) } else { 0 };
    let client = address(input, flags & CLIENT_V4 != 0, flags & CLIENT_V6 != 0)?;
    let service = Text(input.text(line)?);
    let mut event = Event { protocol, ..Event::new(at, server, service, kind, outcome) };
    event.reason = reason;
    event.hostile = flags & HOSTILE != 0;
    event.known = (flags & KNOWN != 0).then_some(flags & KNOWN_TRUE != 0);
    event.client = client;
    if present & ATTEMPTS != 0 {
        event.attempts = input.small()?;
    }
    if present & PID != 0 {
        event.pid = Some(input.small()?);
    }
    if present & COMMANDS != 0 {
        event.commands = Some(commands(input)?);
    }
    let fields = [
        &mut event.account,
        &mut event.host,
        &mut event.session,
        &mut event.queue_id,
        &mut event.mechanism,
        &mut event.sender,
        &mut event.recipient,
        &mut event.helo,
        &mut event.secret_tag,
        &mut event.detail,
    ];
    texts(input, fields, present >> TEXTS_SHIFT, line)?;
    read_more(input, &mut event, line, more)?;
    Ok((seq, source, event, line))
}

fn commands(input: &mut Bytes<'_>) -> Result<CommandCounts, CodecError> {
    Ok(CommandCounts {
        auth_ok: input.small()?,
        auth_all: input.small()?,
        mail_ok: input.small()?,
        mail_all: input.small()?,
        rcpt_ok: input.small()?,
        rcpt_all: input.small()?,
        unknown: input.small()?,
        ok: input.small()?,
        all: input.small()?,
    })
}

fn texts<'a, const N: usize>(
    input: &mut Bytes<'a>,
    fields: [&mut Option<Text<'a>>; N],
    present: u16,
    line: &'a [u8],
) -> Result<(), CodecError> {
    for (position, field) in fields.into_iter().enumerate() {
        if present >> position & 1 != 0 {
            *field = Some(Text(input.text(line)?));
        }
    }
    Ok(())
}
