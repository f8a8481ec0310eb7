//! The event with its line: one record, decoded without a copy.

use super::CodecError;
use super::bytes::{Bytes, put_bytes, put_number, put_text};
use crate::SourceId;
use event::{CommandCounts, Event, Kind, Protocol, Reason, Server, Text, Timestamp, Vocabulary};
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
    out.extend_from_slice(&present(event, &texts).to_le_bytes());
    match event.client {
        Some(IpAddr::V4(v4)) => out.extend_from_slice(&v4.octets()),
        Some(IpAddr::V6(v6)) => out.extend_from_slice(&v6.octets()),
        None => {}
    }
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

fn present(event: &Event<'_>, texts: &[Option<Text<'_>>]) -> u16 {
    let mut bits = 0;
    for (position, text) in texts.iter().enumerate() {
        bits |= u16::from(text.is_some()) << (position as u16 + TEXTS_SHIFT);
    }
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
    let client = match flags & (CLIENT_V4 | CLIENT_V6) {
        0 => None,
        CLIENT_V4 => Some(IpAddr::from(input.array::<4>()?)),
        CLIENT_V6 => Some(IpAddr::from(input.array::<16>()?)),
        _ => return Err(CodecError::Flags),
    };
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
    texts(input, &mut event, present >> TEXTS_SHIFT, line)?;
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

fn texts<'a>(
    input: &mut Bytes<'a>,
    event: &mut Event<'a>,
    present: u16,
    line: &'a [u8],
) -> Result<(), CodecError> {
    let fields: [&mut Option<Text<'a>>; 10] = [
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
    for (position, field) in fields.into_iter().enumerate() {
        if present >> position & 1 != 0 {
            *field = Some(Text(input.text(line)?));
        }
    }
    Ok(())
}
