//! mailcow's own lines: failed logins of its interface, and what its `netfilter` container says.
//! Made from the format strings of its source, no run. All else in mailcow is another server's.
//!
//! `mailcow UI: Invalid password for USER by ADDRESS`: the address is PHP's `REMOTE_ADDR`, at the
//! line's end. The user's name is a stranger's, line feeds included: he can end the line behind an
//! address of his choice, and write further lines. So the address is told ([`Event::forwarded`])
//! and nobody is blamed.
//!
//! `netfilter` tells what it counted and banned. A stranger can choose the address in it, and what
//! it counts is told by the server itself: all of it is noise.

use crate::{Envelope, Parsed, Parser, Record, record, scan};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "mailcow",
    versions: "2021 to 2026",
    origin: "format strings of the source; no real run",
    owns,
    parse,
    own_file: Some(own_file),
};

/// PHP cuts what a worker says at 1,024 bytes, its own words included.
const MAX_LINE: usize = 800;

/// `NOTICE` is what PHP's words begin with in a container without a stamp; in `docker logs -t`,
/// the first word of `mailcow UI: ` stands at the place of the host.
fn owns(record: &Record<'_>) -> bool {
    match record.program.bytes() {
        b"NOTICE" | b"mailcow" => true,
        b"UI" => record.host.is_some_and(|host| matches!(host.bytes(), b"mailcow" | b"Rspamd")),
        program => {
            scan::contains(program, b"php-fpm-mailcow")
                || scan::contains(program, b"netfilter-mailcow")
        }
    }
}

/// What stands in a container's log, behind its runtime's stamp or PHP's own.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, message) = match line.first()? {
        b'[' => fpm_stamp(line)?,
        _ if line.get(10) == Some(&b'T') => {
            let (stamp, rest) = record::iso_stamp(line)?;
            let rest = rest.strip_prefix(b" ")?;
            let streams: [&[u8]; 4] = [b"stdout F ", b"stderr F ", b"stdout P ", b"stderr P "];
            (stamp, streams.iter().find_map(|words| rest.strip_prefix(*words)).unwrap_or(rest))
        }
        _ => return None,
    };
    let is_own = failed(unwrapped(message)).is_some() || netfilter(message).is_some();
    is_own.then(|| Record::new(stamp, b"mailcow", message, Envelope::OwnFile))
}

/// `[21-Nov-2026 16:02:10] `, with or without a zone's name, which PHP sets for itself.
fn fpm_stamp(line: &[u8]) -> Option<(crate::Stamp, &[u8])> {
    let (inside, rest) = scan::split_once(line.strip_prefix(b"[")?, b"] ")?;
    if inside.get(11) != Some(&b' ') || inside.get(2) != Some(&b'-') {
        return None;
    }
    // As syslog has it: `Nov 21 16:02:10`.
    let mut spaced = [b' '; 15];
    spaced.get_mut(..3)?.copy_from_slice(inside.get(3..6)?);
    spaced.get_mut(4..6)?.copy_from_slice(inside.get(..2)?);
    spaced.get_mut(7..15)?.copy_from_slice(inside.get(12..20)?);
    let year = i32::try_from(scan::number(inside.get(7..11)?)?).ok()?;
    let (stamp, _) = record::syslog_stamp(&spaced)?;
    let crate::Stamp::Local(local) = stamp else { return None };
    Some((crate::Stamp::Local(crate::LocalStamp { year: Some(year), ..local }), rest))
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let message = fpm_stamp(record.message).map_or(record.message, |(_, message)| message);
    let words = unwrapped(message);
    let words = if record.program.bytes() == b"UI" { Some(words) } else { failed(words) };
    if let Some(words) = words.filter(|words| words.starts_with(b"Invalid password ")) {
        return Parsed::Event(login(words, message.len(), record, at));
    }
    if let Some(name) = netfilter(message) {
        return Parsed::Noise(name);
    }
    match record.program.bytes() {
        // Another's PHP.
        b"NOTICE" => Parsed::Foreign,
        program if scan::contains(program, b"php-fpm-mailcow") => Parsed::Noise("web-interface"),
        _ => Parsed::Unknown,
    }
}

/// Behind `mailcow UI: `.
fn failed(words: &[u8]) -> Option<&[u8]> {
    let rest =
        words.strip_prefix(b"mailcow UI: ").or_else(|| words.strip_prefix(b"Rspamd UI: "))?;
    rest.starts_with(b"Invalid password ").then_some(rest)
}

/// Without PHP's words around it: `WARNING: [pool web] child 42 said into stderr: "NOTICE: PHP
/// message: WORDS"`.
fn unwrapped(message: &[u8]) -> &[u8] {
    let said = message.strip_prefix(b"WARNING: [pool ").and_then(|rest| {
        let (_, words) = scan::split_once(rest, b" said into stderr: \"")?;
        // A line that was cut has no quote at its end: none of it is taken for whole.
        Some(words.strip_suffix(b"\"").unwrap_or(words))
    });
    let words = said.unwrap_or(message);
    let words = words.strip_prefix(b"NOTICE: ").unwrap_or(words);
    words.strip_prefix(b"PHP message: ").unwrap_or(words)
}

/// `Invalid password for USER by ADDRESS`, or without the user.
fn login<'a>(words: &'a [u8], size: usize, record: &Record<'a>, at: Timestamp) -> Event<'a> {
    let split = scan::find_last(words, b" by ");
    let address = split.and_then(|end| words.get(end + 4..)).and_then(scan::address);
    let account = split
        .filter(|_| address.is_some())
        .and_then(|end| words.get(..end)?.strip_prefix(b"Invalid password for "));
    Event {
        protocol: Protocol::Http,
        reason: Some(Reason::AuthFailed),
        hostile: true,
        forwarded: address.filter(|_| size <= MAX_LINE),
        account: account.map(Text),
        attempts: 1,
        host: record.host.filter(|_| record.program.bytes() != b"UI"),
        pid: record.pid,
        ..Event::new(at, Server::Mailcow, Text(b"ui"), Kind::Auth, Outcome::Rejected)
    }
}

/// What the container `netfilter` says, by its fronts.
fn netfilter(message: &[u8]) -> Option<&'static str> {
    const FRONTS: [(&[u8], &str); 8] = [
        (b"Banning ", "own-ban"),
        (b"Unbanning ", "own-ban"),
        (b"Added host/network ", "own-ban"),
        (b"Removed host/network ", "own-ban"),
        (b"Clearing all bans", "own-ban"),
        (b"Watching Redis channel ", "lifecycle"),
        (b"Initializing mailcow netfilter chain", "lifecycle"),
        (b"Setting MAILCOW isolation", "lifecycle"),
    ];
    if let Some((_, name)) = FRONTS.iter().find(|(front, _)| message.starts_with(front)) {
        return Some(name);
    }
    let (first, rest) = scan::word(message);
    // By whatever name it has for its lists.
    if first.ends_with(b"list") && rest.starts_with(b"was changed, it has ") {
        return Some("configuration");
    }
    let is_counted = rest.starts_with(b"matched rule id ") && scan::address(first).is_some();
    let is_left = scan::number(first).is_some() && rest.starts_with(b"more attempts in the next ");
    (is_counted || is_left).then_some("own-ban")
}
