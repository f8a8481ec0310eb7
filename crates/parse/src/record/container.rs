//! What a container wrote to its standard output, behind what its runtime wrote in front of it.
//!
//! The runtime's stamp is taken: it is a point in time, and the container's own names no year and
//! another zone than the host's. Behind it stands a whole line of syslog or of a mail server's own
//! file, or one without a stamp, as programs write that leave the time to others.

use super::{Envelope, Record, Stamp, calendar, own, own_file, priority, stamp, tag, traditional};
use crate::scan;

/// `2026-11-21T16:02:10.123456789Z stdout F LINE`, as Kubernetes' runtimes and Podman write it and
/// `edge` writes Docker's; or `2026-11-21T16:02:10.123456789Z LINE` (`docker logs -t`), where only
/// a line with a stamp of its own, or a front that no other has, is known.
pub(super) fn frame(line: &[u8]) -> Option<Record<'_>> {
    let (civil, rest) = stamp::calendar(line).filter(|_| line.get(10) == Some(&b'T'))?;
    let (zone, rest) = stamp::zone(rest)?;
    let stamp = stamp::of(civil, Some(zone));
    let rest = rest.strip_prefix(b" ")?;
    match behind_stream(rest) {
        Some(inner) => stamped(inner).or_else(|| bare(stamp, inner)),
        None => stamped(rest),
    }
    .map(|record| Record { stamp, ..record })
}

/// Skips `stdout F ` and its like. `P` says that the rest of the line stands in the next one.
fn behind_stream(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"stdout ").or_else(|| rest.strip_prefix(b"stderr "))?;
    match rest {
        [b'F' | b'P', b' ', inner @ ..] => Some(inner),
        _ => None,
    }
}

/// `name-1  | LINE`, as `docker compose logs` writes it.
#[cold]
pub(super) fn named(line: &[u8]) -> Option<Record<'_>> {
    let (name, rest) = scan::take_while(line, |byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    });
    if name.is_empty() || !rest.starts_with(b" ") {
        return None;
    }
    let inner = scan::take_while(rest, |byte| byte == b' ').1.strip_prefix(b"| ")?;
    stamped(inner).or_else(|| frame(inner))
}

/// A line with a stamp, or another front, of its own.
fn stamped(inner: &[u8]) -> Option<Record<'_>> {
    let known = match inner.first()? {
        b'0'..=b'9' => calendar(inner),
        b'<' => priority(inner),
        _ => traditional(inner),
    };
    let record = known.or_else(|| own_file(inner))?;
    let envelope = match record.envelope {
        own @ (Envelope::Dovecot | Envelope::Exim | Envelope::OwnFile) => own,
        _ => Envelope::Container,
    };
    Some(Record { envelope, ..record })
}

/// A line without a stamp: Dovecot's `imap-login: Info: message`, or `program[pid]: message`.
fn bare(stamp: Stamp, inner: &[u8]) -> Option<Record<'_>> {
    if let Some((program, message)) = own::dovecot(inner) {
        return Some(Record::new(stamp, program, message, Envelope::Dovecot));
    }
    let (program, pid, message) =
        tag(inner).filter(|parts| parts.0.first().is_some_and(u8::is_ascii_alphabetic))?;
    let record = Record::new(stamp, program, message, Envelope::Container);
    Some(Record { pid, ..record })
}
