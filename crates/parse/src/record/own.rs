//! Files that a mail server writes itself, without syslog: no host, and a level word instead.

use crate::scan;

const LEVELS: [&[u8]; 6] = [b"Info", b"Warning", b"Error", b"Debug", b"Fatal", b"Panic"];

/// What follows `Info: ` or another level word.
fn behind_level(bytes: &[u8]) -> Option<&[u8]> {
    LEVELS.iter().find_map(|level| bytes.strip_prefix(*level)?.strip_prefix(b": "))
}

/// Dovecot's `imap-login: Info: message` or `imap(user)<pid><session>: Info: message`, as program
/// (with everything before the level word) and message.
///
/// A user name stands between the brackets, so the level word must follow `)` or `>` and a colon
/// there, and the first that does is taken. A name that holds such a text itself belongs to
/// somebody who has logged in already, and Dovecot's default `auth_username_chars` has no colon.
pub(super) fn dovecot(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, after) = scan::take_while(rest, |byte| {
        byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'0'..=b'9')
    });
    if name.is_empty() {
        return None;
    }
    match after.first()? {
        b':' => Some((name, behind_level(after.strip_prefix(b": ")?)?)),
        b'(' => {
            let mut end = name.len();
            loop {
                end += 1 + memchr::memchr(b':', rest.get(end + 1..)?)?;
                let closed = matches!(rest.get(end - 1), Some(b')' | b'>'));
                let message =
                    rest.get(end..)?.strip_prefix(b": ").and_then(behind_level).filter(|_| closed);
                if let Some(message) = message {
                    return Some((rest.get(..end)?, message));
                }
            }
        }
        _ => None,
    }
}

/// Exim's ` [+0000] [[pid]] message` behind the stamp: zone, process id, message.
pub(super) fn exim(rest: &[u8]) -> (Option<i64>, Option<u32>, &[u8]) {
    let (zone, rest) = match super::stamp::zone(rest) {
        Some((zone, [b' ', after @ ..])) => (Some(zone), after),
        _ => (None, rest),
    };
    let with_pid = rest
        .strip_prefix(b"[")
        .and_then(|inner| scan::split_once(inner, b"] "))
        .and_then(|(digits, message)| Some((scan::number(digits)?, message)));
    match with_pid {
        Some((pid, message)) => (zone, Some(pid), message),
        None => (zone, None, rest),
    }
}
