//! Roundcube's own files, and what it says of itself.

use crate::{Envelope, Record, Stamp, record, scan};

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// `[28-Nov-2026 08:50:17 +0000]: message`; or PHP's own `[28-Nov-2026 08:50:22 UTC] PHP ...`,
/// which lands in the same files.
pub(super) fn cut(line: &[u8]) -> Option<Record<'_>> {
    let (head, rest) = line.strip_prefix(b"[")?.split_first_chunk::<20>()?;
    let (zone, rest) = scan::split_once(rest.strip_prefix(b" ")?, b"]")?;
    let message = match rest.strip_prefix(b": ") {
        Some(message) => message,
        None => rest.strip_prefix(b" ").filter(|message| message.starts_with(b"PHP "))?,
    };
    Some(Record::new(stamp(*head, zone)?, b"roundcube", message, Envelope::OwnFile))
}

/// `28-Nov-2026 08:50:17` and a zone, as RFC 3339 has it. A name of a user that broke the line may
/// be in lower case, its months, too.
fn stamp(head: [u8; 20], zone: &[u8]) -> Option<Stamp> {
    let [d1, d2, b'-', m1, m2, m3, b'-', y1, y2, y3, y4, b' ', time @ ..] = head else {
        return None;
    };
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(&[m1, m2, m3]))?;
    let month = u8::try_from(month + 1).ok()?;
    let [h1, h2, c1, n1, n2, c2, s1, s2] = time;
    let date = [y1, y2, y3, y4, b'-', b'0' + month / 10, b'0' + month % 10, b'-', d1, d2, b'T'];
    let mut iso = [0; 24];
    let (zone, length) = match zone {
        b"UTC" | b"GMT" => (*b"+0000", 24),
        _ => zone
            .first_chunk::<5>()
            .filter(|_| zone.len() == 5)
            .map_or((*b"     ", 19), |z| (*z, 24)),
    };
    let bytes = date.into_iter().chain([h1, h2, c1, n1, n2, c2, s1, s2]).chain(zone);
    for (place, byte) in iso.iter_mut().zip(bytes) {
        *place = byte;
    }
    let (stamp, rest) = record::iso_stamp(iso.get(..length)?)?;
    rest.is_empty().then_some(stamp)
}

const KNOWN: &[(&str, &str)] = &[
    ("PHP ", "internal-error"),
    ("IMAP Error: ", "internal-error"),
    ("SMTP Error: ", "outgoing"),
    ("DB Error: ", "internal-error"),
    ("DB Error ", "internal-error"),
    ("LDAP Error: ", "internal-error"),
    ("XML Error: ", "internal-error"),
    ("The URL parameter ", "warning"),
    ("[", "debug"),
    ("C: ", "debug"),
    ("S: ", "debug"),
];

/// The kind of a line about Roundcube itself. What has no session's id is what followed a line
/// break in a line before.
pub(super) fn affair(text: &[u8], has_session: bool) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words.as_bytes()));
    let other = match has_session {
        // `PLUGIN Error: ...`: any part of it may have errors of its own.
        true => is_error(text).then_some("internal-error"),
        false => Some("continued-line"),
    };
    known.map(|(_, name)| *name).or(other)
}

/// `WORD Error: `.
fn is_error(text: &[u8]) -> bool {
    let (word, rest) = scan::word(text);
    !word.is_empty()
        && word.iter().all(|b| b.is_ascii_alphanumeric())
        && rest.starts_with(b"Error: ")
}
