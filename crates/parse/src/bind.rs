//! BIND 9: the lines of `named`, by syslog and in the files of its channels.
//!
//! A line about a client begins `client @0x7f9ac4705c98 203.0.113.66#44664 (name): `: the peer
//! stands before all that he chose. Of that there is the name, twice, and a TSIG key's name.
//! `named` writes both as a zone file would have them, so no blank, quote, bracket or semicolon of
//! a stranger stands there without a backslash.
//!
//! A refused query is told up to three times: as `query:` (that it was asked), as `denied` (the
//! event of the refusal) and as `query failed (REFUSED)`, which is noise. A transfer that was asked
//! for is a `query:` for `AXFR`, too.

use crate::dns::{self, Writer};
use crate::{Envelope, LocalStamp, Parsed, Parser, Record, Stamp, record, scan};
use core::net::IpAddr;
use event::{Event, Outcome, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "bind",
    versions: "9.18, 9.20",
    origin: "real runs of 9.18.49 and 9.20.30; views, keys, older releases by the manual",
    owns,
    parse,
    own_file: Some(own_file),
};

/// `named` by syslog. In a channel's file with `print-time iso8601` the first word is the category
/// or the level, and no host stands before it.
fn owns(record: &Record<'_>) -> bool {
    match record.program.bytes() {
        b"named" | b"named-pkcs11" => true,
        word => {
            record.host.is_none()
                && record.envelope == Envelope::Rfc3339
                && (is_category(word) && is_front(record.message)
                    || is_level(word) && record.message.starts_with(b"client "))
        }
    }
}

/// `21-Nov-2026 16:11:37.916 `, or an ISO date where neither category nor level is printed.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (stamp, message) = match line.get(2)? {
        b'-' => local_stamp(line)?,
        _ => {
            let (stamp, rest) = record::iso_stamp(line)?;
            (stamp, rest.strip_prefix(b" ")?)
        }
    };
    let (first, rest) = scan::split_once(message, b": ").unwrap_or((message, b""));
    let is_own =
        message.starts_with(b"client ") || is_level(first) || is_category(first) && is_front(rest);
    is_own.then(|| Record::new(stamp, b"named", message, Envelope::OwnFile))
}

/// What stands behind a category.
fn is_front(text: &[u8]) -> bool {
    let level = scan::split_once(text, b": ").map_or(text, |(level, _)| level);
    text.starts_with(b"client ") || is_level(level)
}

/// `print-time local`: the day, an English month, the year.
fn local_stamp(line: &[u8]) -> Option<(Stamp, &[u8])> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let number = |from: usize, to: usize| scan::number(line.get(from..to)?);
    let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
    let name = line.get(3..6)?;
    let month = MONTHS.iter().zip(1..).find(|(month, _)| month.as_slice() == name)?.1;
    let fits = [(6, b'-'), (11, b' '), (14, b':'), (17, b':'), (20, b'.'), (24, b' ')];
    if !fits.iter().all(|(at, byte)| line.get(*at) == Some(byte)) {
        return None;
    }
    let (day, hour, minute, second) = (small(0)?, small(12)?, small(15)?, small(18)?);
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let year = Some(i32::try_from(number(7, 11)?).ok()?);
    let micros = number(21, 24)? * 1000;
    let stamp = Stamp::Local(LocalStamp { year, month, day, hour, minute, second, micros });
    Some((stamp, line.get(25..)?))
}

fn is_level(word: &[u8]) -> bool {
    let bare = word.strip_prefix(b"debug ").filter(|level| scan::number(level).is_some());
    bare.is_some()
        || matches!(word, b"info" | b"notice" | b"warning" | b"error" | b"critical" | b"debug")
}

/// The categories of 9.18 and 9.20.
fn is_category(word: &[u8]) -> bool {
    const CATEGORIES: [&[u8]; 31] = [
        b"queries",
        b"query-errors",
        b"security",
        b"client",
        b"general",
        b"default",
        b"network",
        b"config",
        b"database",
        b"resolver",
        b"dispatch",
        b"notify",
        b"update",
        b"update-security",
        b"unmatched",
        b"dnssec",
        b"dnstap",
        b"rpz",
        b"rpz-passthru",
        b"rate-limit",
        b"responses",
        b"xfer-in",
        b"xfer-out",
        b"zoneload",
        b"lame-servers",
        b"edns-disabled",
        b"cname",
        b"spill",
        b"nsid",
        b"serve-stale",
        b"trust-anchor-telemetry",
    ];
    CATEGORIES.contains(&word)
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let writer = Writer::of(record, at, Server::Bind, b"named");
    let program = record.program.bytes();
    let (category, message) = front(record.message, is_category);
    let (level, text) = front(message, is_level);
    // Behind an ISO date one of the two was taken for the program.
    let level = level.or(is_level(program).then_some(program));
    let named = category.is_some() || is_category(program);
    if let Some(rest) = text.strip_prefix(b"client ") {
        let parsed = about_client(&writer, rest);
        return match parsed {
            Parsed::Unknown if is_debug(level) => Parsed::Noise("debug"),
            parsed => parsed,
        };
    }
    if let Some(name) = worse_than_notice(level) {
        return Parsed::Noise(name);
    }
    match dns::noise_of(text, &OWN_AFFAIRS) {
        Some(name) => Parsed::Noise(name),
        None if level.is_some() && named => Parsed::Noise("lifecycle"),
        None => Parsed::Unknown,
    }
}

fn is_debug(level: Option<&[u8]>) -> bool {
    level.is_some_and(|level| level.starts_with(b"debug"))
}

/// `queries: `, `info: `: the word, if it is one, and the rest.
fn front(text: &[u8], is: fn(&[u8]) -> bool) -> (Option<&[u8]>, &[u8]) {
    match scan::split_once(text.get(..40).unwrap_or(text), b": ") {
        Some((word, _)) if is(word) => (Some(word), text.get(word.len() + 2..).unwrap_or_default()),
        _ => (None, text),
    }
}

/// Lines that are about no client, and have neither category nor level by syslog.
const OWN_AFFAIRS: [(&[u8], &str); 56] = [
    (b"zone ", "lifecycle"),
    (b"managed-keys-zone", "lifecycle"),
    (b"starting BIND", "lifecycle"),
    (b"running", "lifecycle"),
    (b"all zones loaded", "lifecycle"),
    (b"listening on ", "lifecycle"),
    (b"opening dnstap destination ", "lifecycle"),
    (b"no longer listening on ", "lifecycle"),
    (b"shutting down", "lifecycle"),
    (b"exiting", "lifecycle"),
    (b"received control channel command", "lifecycle"),
    (b"reloading ", "lifecycle"),
    (b"loading configuration", "configuration"),
    (b"using ", "configuration"),
    (b"command channel ", "configuration"),
    (b"network unreachable resolving ", "upstream-error"),
    (b"connection refused resolving ", "upstream-error"),
    (b"host unreachable resolving ", "upstream-error"),
    (b"timed out resolving ", "upstream-error"),
    (b"lame server resolving ", "upstream-error"),
    (b"resolver priming query complete", "upstream-error"),
    (b"limit ", "rate-limit"),
    (b"stop limiting ", "rate-limit"),
    (b"*stop limiting ", "rate-limit"),
    (b"would limit ", "rate-limit"),
    (b"would stop limiting ", "rate-limit"),
    // What it says of itself at its start, by syslog.
    (b"built with ", "lifecycle"),
    (b"running as: ", "lifecycle"),
    (b"running on ", "lifecycle"),
    (b"compiled ", "lifecycle"),
    (b"linked to ", "lifecycle"),
    (b"-----", "lifecycle"),
    (b"BIND 9 is maintained ", "lifecycle"),
    (b"Inc. (ISC), ", "lifecycle"),
    (b"corporation. ", "lifecycle"),
    (b"available at ", "lifecycle"),
    (b"found ", "lifecycle"),
    (b"DNSSEC algorithms: ", "lifecycle"),
    (b"DS algorithms: ", "lifecycle"),
    (b"HMAC algorithms: ", "lifecycle"),
    (b"TKEY mode ", "lifecycle"),
    (b"FIPS mode ", "lifecycle"),
    (b"generating session key ", "lifecycle"),
    (b"sizing zone task pool ", "lifecycle"),
    (b"set up managed keys zone ", "lifecycle"),
    (b"automatic empty zone: ", "lifecycle"),
    (b"adjusted limit ", "lifecycle"),
    (b"the limit on open files ", "lifecycle"),
    (b"the initial working directory ", "configuration"),
    (b"the working directory ", "configuration"),
    (b"looking for GeoIP2 ", "configuration"),
    (b"obtaining root key ", "configuration"),
    (b"reading built-in trust anchors ", "configuration"),
    (b"Disabling periodic interface ", "configuration"),
    (b"configuring command channel ", "configuration"),
    (b"none:", "configuration"),
];

/// Levels that say more than the words behind them.
fn worse_than_notice(level: Option<&[u8]>) -> Option<&'static str> {
    match level? {
        b"warning" => Some("warning"),
        b"error" | b"critical" => Some("internal-error"),
        level => level.starts_with(b"debug").then_some("debug"),
    }
}

/// `@0x7f9ac4705c98 203.0.113.66#44664/key NAME (NAME): view NAME: query: ...`; the pointer, the
/// key, the name and the view need not be there.
fn about_client<'a>(writer: &Writer<'a>, rest: &'a [u8]) -> Parsed<'a> {
    let rest = match rest.strip_prefix(b"@0x") {
        Some(pointer) => scan::word(pointer).1,
        None => rest,
    };
    let Some((client, rest)) = dns::endpoint(rest, b'#') else { return Parsed::Unknown };
    let Some(text) = behind_names(rest) else { return Parsed::Unknown };
    match said(writer, client, text) {
        Some(event) => Parsed::Event(event),
        None => dns::noise_of(text, &OF_CLIENTS).map_or(Parsed::Unknown, Parsed::Noise),
    }
}

/// What stands behind key, name and view.
fn behind_names(rest: &[u8]) -> Option<&[u8]> {
    let rest = match rest.strip_prefix(b"/key ") {
        Some(key) => {
            // A key's name has no blank, and may end in a colon as this does without a name.
            let end = scan::find_byte(key, b' ')?;
            let named = key.get(end..)?.starts_with(b" (");
            key.get(if named { end } else { end.checked_sub(1)? }..)?
        }
        None => rest,
    };
    let rest = match rest.strip_prefix(b" (") {
        Some(name) => scan::split_once(name, b"): ")?.1,
        None => rest.strip_prefix(b": ")?,
    };
    Some(match rest.strip_prefix(b"view ") {
        Some(view) => scan::split_once(view, b": ")?.1,
        None => rest,
    })
}

/// What was said of a client and is no event.
const OF_CLIENTS: [(&[u8], &str); 15] = [
    // Told by `denied` where it was refused; else a failure of ours or of the other side.
    (b"query failed (", "query-failed"),
    (b"response: ", "answer"),
    // `log-only yes`: nobody is limited.
    (b"would rate limit ", "rate-limit"),
    (b"received notify ", "notify"),
    (b"refused notify ", "notify"),
    (b"updating zone ", "zone-update"),
    (b"update '", "zone-update"),
    (b"transfer of '", "zone-transfer"),
    (b"set ede: ", "debug"),
    (b"error sending response", "warning"),
    (b"error ", "warning"),
    (b"no longer ", "lifecycle"),
    (b"rpz ", "policy"),
    (b"query '", "query-approved"),
    (b"message ", "debug"),
];

fn said<'a>(writer: &Writer<'a>, client: IpAddr, text: &'a [u8]) -> Option<Event<'a>> {
    let client = Some(client);
    if let Some(question) = text.strip_prefix(b"query: ") {
        let (name, rest) = dns::whole_word(question)?;
        let (_class, rest) = dns::whole_word(rest)?;
        let (kind, _flags) = scan::word(rest);
        return Some(writer.query(client, name, kind));
    }
    if let Some(what) = text.strip_prefix(b"rate limit ") {
        return rate_limited(writer, client, what);
    }
    if let Some(zone) = text.strip_prefix(b"bad zone transfer request: '") {
        let (zone, _why) = scan::split_once(zone, b"': ")?;
        // Of which type, AXFR or IXFR, it does not tell.
        let refused = writer.refused(client, without_last(zone)?.0, b"");
        return Some(Event { detail: text.get(..25).map(Text), ..refused });
    }
    if text.starts_with(b"request has invalid signature") {
        let refused = writer.refused(client, b"", b"");
        return Some(Event { detail: Some(Text(text)), ..refused });
    }
    const ASKED: [&[u8]; 6] = [
        b"query (cache) '",
        b"query '",
        b"zone transfer '",
        b"update '",
        b"query-on '",
        b"notify '",
    ];
    let asked = ASKED.iter().find_map(|words| text.strip_prefix(*words))?;
    let (asked, _why) = scan::split_once(asked, b"' denied")?;
    let (rest, _class) = without_last(asked)?;
    // An update names a zone and no type.
    if text.starts_with(b"update '") {
        return Some(Event {
            detail: text.get(..6).map(Text),
            ..writer.refused(client, rest, b"")
        });
    }
    let (name, kind) = without_last(rest)?;
    Some(writer.refused(client, name, kind))
}

/// `example.com/MX/IN` before and behind the last stroke: a name may hold one.
fn without_last(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = scan::find_last(text, b"/")?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// `drop NXDOMAIN response to 203.0.113.0/24 for example.com  (3023ffe2)`.
fn rate_limited<'a>(
    writer: &Writer<'a>,
    client: Option<IpAddr>,
    what: &'a [u8],
) -> Option<Event<'a>> {
    let (done, rest) = scan::word(what);
    let outcome = match done {
        b"drop" => Outcome::Dropped,
        b"slip" => Outcome::Deferred,
        _ => return None,
    };
    let (detail, _) = scan::split_once(rest, b" to ")?;
    let reason = Some(Reason::RateLimited);
    Some(Event { outcome, reason, detail: Some(Text(detail)), ..writer.limited(client, b"") })
}
