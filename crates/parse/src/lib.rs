//! Turns a log line of one mail server into at most one event.
//!
//! Two steps, both pure: [`frame`] cuts a line into stamp, host, program, process and message
//! ([`Record`]); [`parse`] asks the parser of that program what the message says ([`Parsed`]).
//! Nothing here allocates, knows a clock or can fail: what no grammar knows is
//! [`Parsed::Unknown`], which is data, too.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod amavis;
mod assp;
mod barracuda;
mod bind;
mod coredns;
mod courier;
mod cyrus;
mod dns;
mod dnsmasq;
mod dnstap;
mod domino;
mod dovecot;
mod exchange;
mod exim;
mod framer;
mod horde;
mod kerio;
mod mailcow;
mod mailscanner;
mod mailu;
mod mailward;
mod nginx;
mod nsd;
mod opensmtpd;
mod openwebmail;
mod pam;
mod pdns;
mod perdition;
mod postfix;
mod qmail;
mod record;
mod roundcube;
mod rspamd;
mod saslauthd;
mod scan;
mod sendmail;
mod sogo;
mod solidpop3d;
mod spamassassin;
mod squirrelmail;
mod stalwart;
mod unbound;
mod uwimap;
mod zimbra;

pub use framer::Framer;
pub use record::repeated::in_full;
pub use record::{Envelope, LocalStamp, Record, Stamp, frame};

use event::{Event, Kind, Server, Timestamp};
use framer::Owner;

/// What a message says.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(clippy::large_enum_variant)] // a box would be an allocation for each line
pub enum Parsed<'a> {
    /// Something about a client, an account or a message.
    Event(Event<'a>),
    /// A known line that says nothing about those; the name of its kind.
    Noise(&'static str),
    /// A line of a mail server that no grammar here knows.
    Unknown,
    /// A line of another program.
    Foreign,
    /// No log line at all: no stamp, or no program. Said of what [`frame`] cannot cut.
    Unframed,
}

/// Cuts a line into its parts, or says that it is not one of this kind.
pub type Cut = for<'a> fn(&'a [u8]) -> Option<Record<'a>>;

/// One mail server's grammar: a row of [`PARSERS`].
pub struct Parser {
    /// The name of its module, corpus, documentation page and [`event::Server`].
    pub name: &'static str,
    /// The versions whose lines were seen.
    pub versions: &'static str,
    /// Where its grammar comes from: real runs, or the maker's manual.
    pub origin: &'static str,
    /// True where lines of this program (`postfix/smtpd`, `dovecot`, `imap-login`) are its own.
    /// Looks at program and envelope only: [`Framer`] asks once for a program and remembers.
    pub owns: fn(&Record<'_>) -> bool,
    /// What a message says. Total: any bytes have an answer.
    pub parse: for<'a> fn(&Record<'a>, Timestamp) -> Parsed<'a>,
    /// Cuts a line of a file that this server writes itself, with a front that no other has. Asked
    /// of lines that are no syslog, so it must tell another's line from its first bytes.
    pub own_file: Option<Cut>,
}

/// All parsers, asked in this order.
pub const PARSERS: &[Parser] = &[
    postfix::PARSER,
    // Before Dovecot, which takes any line of a bare `imap` for its own.
    cyrus::PARSER,
    dovecot::PARSER,
    exim::PARSER,
    opensmtpd::PARSER,
    courier::PARSER,
    sendmail::PARSER,
    saslauthd::PARSER,
    perdition::PARSER,
    solidpop3d::PARSER,
    uwimap::PARSER,
    qmail::PARSER,
    pam::PARSER,
    bind::PARSER,
    unbound::PARSER,
    dnsmasq::PARSER,
    nsd::PARSER,
    pdns::PARSER,
    coredns::PARSER,
    dnstap::PARSER,
    rspamd::PARSER,
    amavis::PARSER,
    spamassassin::PARSER,
    barracuda::PARSER,
    exchange::PARSER,
    zimbra::PARSER,
    kerio::PARSER,
    domino::PARSER,
    roundcube::PARSER,
    sogo::PARSER,
    horde::PARSER,
    squirrelmail::PARSER,
    openwebmail::PARSER,
    stalwart::PARSER,
    mailscanner::PARSER,
    assp::PARSER,
    mailward::PARSER,
    nginx::PARSER,
    mailcow::PARSER,
    mailu::PARSER,
];

/// A line of fewer bytes is surely whole: sources and rsyslog cut at 8 KiB, envelope included; at
/// less, but syslog daemons of old (1 KiB), nobody is known to.
const WHOLE_MAX: usize = 7_680;

/// A message of fewer bytes no relay cuts: RFC 3164 (4.1) lets one cut packets of more than 1,024,
/// envelope included. Asked where the end of a line is where a stranger would like to write.
const RELAYED_MAX: usize = 900;

/// What the message of `record` says, `at` being the record's completed stamp.
#[inline]
pub fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let row = match record.owner {
        Owner::Row(row) => usize::from(row),
        Owner::Nobody => return Parsed::Foreign,
        Owner::Last => return Parsed::Noise(REPEATED),
        Owner::Unasked => match PARSERS.iter().position(|parser| (parser.owns)(record)) {
            Some(row) => row,
            None => return Parsed::Foreign,
        },
    };
    if record.is_long || record.times != 1 {
        return reserved(ask(row, record, at), record);
    }
    ask(row, record, at)
}

/// What `last message repeated 3 times` is, where nobody knows what came before it.
const REPEATED: &str = "repeated-message";

/// Login attempts that one line is believed to tell of, at most: as often as a message may be
/// repeated.
const ATTEMPTS_MAX: u32 = u16::MAX as u32;

/// What a message says that came more than once, or may have been cut.
#[cold]
fn reserved<'a>(parsed: Parsed<'a>, record: &Record<'a>) -> Parsed<'a> {
    let parsed = if record.is_long { perhaps_cut(parsed) } else { parsed };
    match parsed {
        Parsed::Event(event) if record.times != 1 => {
            let times = u32::from(record.times);
            // What a line tells of itself is not made less.
            let attempts_max = event.attempts.max(ATTEMPTS_MAX);
            let attempts = event.attempts.saturating_mul(times).min(attempts_max);
            Parsed::Event(Event { attempts, times, ..event })
        }
        parsed => parsed,
    }
}

#[inline(always)] // an event is large to return
fn ask<'a>(row: usize, record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some(parser) = PARSERS.get(row) else { return Parsed::Foreign };
    let parsed = (parser.parse)(record, at);
    // A `match` that hands it on would copy it.
    match parsed {
        Parsed::Unknown => return namesake(row, record, at).unwrap_or(Parsed::Unknown),
        Parsed::Foreign => return namesake(row, record, at).unwrap_or(Parsed::Foreign),
        _ => {}
    }
    parsed
}

/// What is left of what a line of [`WHOLE_MAX`] bytes and more says: it may have been cut, by a
/// source or by what wrote it (rsyslog: 8 KiB). What seems to be its end may then be the end of a
/// name, padded to that length by a stranger who put another's address there: it names nobody.
#[cold]
fn perhaps_cut(parsed: Parsed<'_>) -> Parsed<'_> {
    match parsed {
        Parsed::Event(event) if !is_client_first(&event) => {
            // The id of a message stands before all that a stranger chose, a session's need not.
            let queue_id = event.queue_id.filter(|_| event.kind == Kind::Message && !event.hostile);
            Parsed::Event(Event { client: None, session: None, queue_id, ..event })
        }
        parsed => parsed,
    }
}

/// True where the client stands before all that a stranger chose, or nowhere: then a long name does
/// not hide him. Such are also lines that are long by their nature: symbols of a filter, labels of
/// a DNS name.
const fn is_client_first(event: &Event<'_>) -> bool {
    match (event.kind, event.server) {
        (Kind::Auth, Server::Postfix) | (_, Server::Exchange) => true,
        _ if event.hostile => false,
        (Kind::Delivery | Kind::Query, _) => true,
        (Kind::Message, server) => matches!(
            server,
            Server::Rspamd | Server::Amavis | Server::Spamassassin | Server::Barracuda
        ),
        _ => false,
    }
}

/// The parser that is asked first about a record; `None` where it is another program's.
pub fn parser(record: &Record<'_>) -> Option<&'static Parser> {
    PARSERS.iter().find(|parser| match record.owner {
        Owner::Row(row) => {
            PARSERS.get(usize::from(row)).is_some_and(|row| core::ptr::eq(row, *parser))
        }
        Owner::Nobody | Owner::Last => false,
        Owner::Unasked => (parser.owns)(record),
    })
}

/// Several servers have an `imapd`. What the first does not know is asked of the others.
#[cold]
fn namesake<'a>(row: usize, record: &Record<'a>, at: Timestamp) -> Option<Parsed<'a>> {
    let others = PARSERS.iter().skip(row + 1).filter(|parser| (parser.owns)(record));
    others
        .map(|parser| (parser.parse)(record, at))
        .find(|parsed| !matches!(parsed, Parsed::Unknown | Parsed::Foreign))
}
