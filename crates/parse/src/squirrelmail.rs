//! SquirrelMail with the plugin squirrel_logger, by syslog and in the plugin's own file.
//!
//! The plugin's forms are settings; known here are those that its example has, `Failed webmail
//! login: by NAME (DOMAIN) at ADDRESS on 11/28/2026 08:50:17: WHY` for syslog and `11/28/2026
//! 08:50:17 [LOGIN_ERROR] NAME (DOMAIN) from ADDRESS: WHY` for the file. A stranger chooses name
//! and, by the request's host, the domain; `WHY` can be the IMAP server's answer and repeat the
//! name. The last place that looks like the address's is the address's, unless it stood there
//! before: then two readings are possible, and the client is nobody. He is nobody, too, in a line
//! so long that a syslog daemon may have cut the address's place off.

use crate::{Envelope, Parsed, Parser, RELAYED_MAX, Record, record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "squirrelmail",
    versions: "squirrel_logger 2",
    origin: "made from the plugin's example of a configuration, no run",
    owns,
    parse,
    own_file: Some(own_file),
};

/// Where the plugin is told no name, syslog has that of the program that runs PHP.
fn owns(record: &Record<'_>) -> bool {
    matches!(
        record.program.bytes(),
        b"squirrelmail" | b"webmail" | b"apache2" | b"httpd" | b"php" | b"php-fpm"
    )
}

/// `11/28/2026 08:50:17 [LOGIN_ERROR] ...`; the message begins at the bracket.
fn own_file(line: &[u8]) -> Option<Record<'_>> {
    let (head, rest) = line.split_first_chunk::<19>()?;
    let [m1, m2, b'/', d1, d2, b'/', y1, y2, y3, y4, b' ', h1, h2, b':', n1, n2, b':', s1, s2] =
        *head
    else {
        return None;
    };
    let iso =
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2];
    let (stamp, _) = record::iso_stamp(&iso)?;
    let message = rest.strip_prefix(b" ").filter(|rest| file_event(rest).is_some())?;
    Some(Record::new(stamp, b"squirrelmail", message, Envelope::OwnFile))
}

/// What the plugin tells of.
const EVENTS: &[(&[u8], &[u8])] = &[
    (b"[LOGIN] ", b"Successful webmail login: by "),
    (b"[LOGOUT] ", b"Webmail logout: by "),
    (b"[TIMEOUT] ", b"Webmail session timed out: by "),
    (b"[OUTGOING_MAIL] ", b"Message sent via webmail: by "),
    (b"[MASS_MAILING] ", b"Possible outgoing spam: by "),
    (b"[LOGIN_ERROR] ", b"Failed webmail login: by "),
    (b"[ERROR] ", b"Webmail error: by "),
    (b"[INVALID] ", b"Failed webmail login: by "),
];

fn file_event(message: &[u8]) -> Option<(&'static [u8], &[u8])> {
    EVENTS.iter().find_map(|(name, _)| Some((*name, message.strip_prefix(*name)?)))
}

fn syslog_event(message: &[u8]) -> Option<(&'static [u8], &[u8])> {
    EVENTS.iter().find_map(|(name, words)| Some((*name, message.strip_prefix(*words)?)))
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let is_own = record.envelope == Envelope::OwnFile;
    let read = if is_own { file_event } else { syslog_event };
    let Some((name, rest)) = read(record.message) else {
        // The programs that run PHP have much else to say.
        return match record.program.bytes() {
            b"squirrelmail" => Parsed::Unknown,
            _ => Parsed::Foreign,
        };
    };
    let event = |kind, outcome| Event {
        protocol: Protocol::Http,
        host: record.host,
        pid: record.pid,
        ..Event::new(at, Server::Squirrelmail, Text(b"squirrel_logger"), kind, outcome)
    };
    let event = match name {
        b"[LOGIN] " => Event { attempts: 1, ..event(Kind::Auth, Outcome::Allowed) },
        b"[LOGOUT] " => event(Kind::Session, Outcome::Allowed),
        b"[TIMEOUT] " => {
            let event = event(Kind::Session, Outcome::Dropped);
            Event { reason: Some(Reason::Timeout), ..event }
        }
        b"[OUTGOING_MAIL] " | b"[MASS_MAILING] " => event(Kind::Message, Outcome::Allowed),
        b"[LOGIN_ERROR] " | b"[INVALID] " => {
            let event = event(Kind::Auth, Outcome::Rejected);
            let reason = Some(Reason::AuthFailed);
            Event { reason, hostile: true, attempts: 1, ..event }
        }
        _ => return Parsed::Noise("internal-error"),
    };
    Parsed::Event(placed(event, rest, if is_own { b" from " } else { b" at " }))
}

/// `NAME (DOMAIN) at ADDRESS on DATE: WHY`, or `from ADDRESS: WHY`.
fn placed<'a>(event: Event<'a>, text: &'a [u8], word: &'static [u8]) -> Event<'a> {
    if text.len() > RELAYED_MAX {
        return event;
    }
    let Some(last) = places(text, word).last() else { return event };
    let agree = places(text, word).all(|place| place.client == last.client);
    let stood_before = places(text, word).filter(|place| place.client == last.client).count() > 1;
    if !agree && stood_before {
        return event;
    }
    // With one place only it is clear what the name is.
    let only = places(text, word).count() == 1;
    let name = last.before.strip_suffix(b")").and_then(|before| {
        let end = scan::find_last(before, b" (")?;
        before.get(..end)
    });
    let client = Some(last.client);
    Event {
        client,
        account: name.filter(|name| *name != b"N/A" && (only || !agree)).map(Text),
        ..event
    }
}

/// A place that could be the address's.
struct Place<'a> {
    before: &'a [u8],
    client: IpAddr,
}

fn places<'a>(text: &'a [u8], word: &'static [u8]) -> impl Iterator<Item = Place<'a>> {
    let mut searched = 0;
    core::iter::from_fn(move || {
        loop {
            let start = searched + scan::find(text.get(searched..)?, word)?;
            searched = start + word.len();
            let behind = text.get(searched..)?;
            let client = match word {
                b" at " => syslog_address(behind),
                _ => {
                    let address = scan::split_once(behind, b": ").map(|(address, _)| address);
                    address.and_then(scan::address)
                }
            };
            // The domain's bracket stands before it.
            let before = text.get(..start)?;
            if let Some(client) = client.filter(|_| before.ends_with(b")")) {
                return Some(Place { before, client });
            }
        }
    })
}

/// `ADDRESS on 11/28/2026 08:50:17: `: the form of the date is a setting, but it has digits, and a
/// colon ends it.
fn syslog_address(behind: &[u8]) -> Option<IpAddr> {
    let (address, rest) = scan::word(behind);
    let date = rest.strip_prefix(b"on ")?;
    let (date, _) = scan::split_once(date, b": ")?;
    (date.len() <= 40 && date.iter().any(u8::is_ascii_digit)).then(|| scan::address(address))?
}
