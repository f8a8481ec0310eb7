//! saslauthd of Cyrus SASL 2.1: it checks passwords for Postfix, Exim, Sendmail and Cyrus.
//!
//! No line names a peer: events have an account, and never a client. A stranger chooses `user=` and
//! (where the asking server cuts names at `@`) `realm=`, and nothing is escaped: where the words
//! between the fields stand more than once, the account is nobody's, and the failure counts all the
//! same.
//!
//! With `-a pam` the attempt also stands in PAM's line: it is counted here.

use crate::scan;
use crate::{Parsed, Parser, Record};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "saslauthd",
    versions: "2.1.28",
    origin: "real runs of 2.1.28 with PAM and sasldb; else by the program's format strings",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"saslauthd"
}

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let Some(text) = behind_function(record.message) else {
        return match record.message.starts_with(b"DEBUG: ") {
            true => Parsed::Noise("debug"),
            false => Parsed::Unknown,
        };
    };
    let event = Event {
        host: record.host,
        pid: record.pid,
        attempts: 1,
        ..Event::new(at, Server::Saslauthd, Text(b"saslauthd"), Kind::Auth, Outcome::Rejected)
    };
    if let Some(fields) = text.strip_prefix(b"auth failure: ") {
        return Parsed::Event(failure(fields, event));
    }
    let cached = text.strip_prefix(b"auth success (cached): ");
    if let Some(fields) = cached.or_else(|| text.strip_prefix(b"auth success: ")) {
        return Parsed::Event(Event { outcome: Outcome::Allowed, ..named(fields, event) });
    }
    let is_empty = matches!(text, b"NULL login received" | b"NULL password received");
    if is_empty || scan::contains(text, b" exceeded MAX_REQ_LEN: ") {
        // Credentials that are none: without a name, without a password, or longer than any.
        let reason = Some(Reason::AuthFailed);
        return Parsed::Event(Event { reason, hostile: true, ..event });
    }
    own_affair(text)
}

/// The function's name stands in front, filled up to 16 letters; since 2.1.27 it may be empty.
fn behind_function(message: &[u8]) -> Option<&[u8]> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'0'..=b'9');
    let (name, rest) = scan::take_while(message, is_name);
    let (blanks, rest) = scan::take_while(rest, |byte| byte == b' ');
    let filled = name.len() + blanks.len() >= 15;
    if filled { rest.strip_prefix(b": ") } else { None }
}

/// `[user=U] [service=S] [realm=R] [mech=M] [reason=X]`: reason and mechanism are the server's own,
/// the last of their words the real ones.
fn failure<'a>(fields: &'a [u8], event: Event<'a>) -> Event<'a> {
    const REASON: &[u8] = b"] [reason=";
    let event = Event { hostile: true, reason: Some(Reason::AuthFailed), ..named(fields, event) };
    let Some(at) = scan::find_last(fields, REASON) else { return event };
    let why = fields.get(at + REASON.len()..).unwrap_or_default();
    let why = why.strip_suffix(b"]").unwrap_or(why);
    let event = Event { detail: (!why.is_empty()).then_some(Text(why)), ..event };
    match why {
        b"PAM acct error" => {
            Event { hostile: false, attempts: 0, reason: Some(Reason::AccountDisabled), ..event }
        }
        _ if is_own_trouble(why) => Event {
            hostile: false,
            attempts: 0,
            outcome: Outcome::Deferred,
            reason: Some(Reason::AuthUnavailable),
            ..event
        },
        _ => event,
    }
}

/// The credentials could not be checked.
fn is_own_trouble(why: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [
        b"internal mechanism failure",
        b"PAM start error",
        b"PAM session error",
        b"saslauthd internal error",
        b"Username lookup failure",
    ];
    WORDS.contains(&why) || why.starts_with(b"[ALERT] ") || why.ends_with(b"(ENOMEM)")
}

/// Account and protocol, where the words around them stand once.
fn named<'a>(fields: &'a [u8], event: Event<'a>) -> Event<'a> {
    let Some((user, rest)) = once(fields, b"] [service=") else { return event };
    let Some((service, _)) = once(rest, b"] [realm=") else { return event };
    let Some(user) = user.strip_prefix(b"[user=") else { return event };
    Event {
        account: (!user.is_empty()).then_some(Text(user)),
        protocol: protocol(service),
        ..event
    }
}

/// Split at words that stand there once and no second time.
fn once<'a>(bytes: &'a [u8], words: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, behind) = scan::split_once(bytes, words)?;
    (!scan::contains(behind, words)).then_some((before, behind))
}

fn protocol(service: &[u8]) -> Protocol {
    match service {
        b"imap" | b"imaps" => Protocol::Imap,
        b"pop" | b"pop3" | b"pop3s" | b"pops" => Protocol::Pop3,
        b"smtp" | b"smtpd" => Protocol::Smtp,
        b"submission" | b"smtps" => Protocol::Submission,
        b"sieve" => Protocol::Sieve,
        b"lmtp" => Protocol::Lmtp,
        _ => Protocol::Unknown,
    }
}

/// Lines about the daemon itself.
fn own_affair(text: &[u8]) -> Parsed<'_> {
    const KNOWN: [(&[u8], &str); 22] = [
        (b"master pid is: ", "lifecycle"),
        (b"master exited: ", "lifecycle"),
        (b"child exited: ", "lifecycle"),
        (b"listening on socket: ", "lifecycle"),
        (b"pid file ", "lifecycle"),
        (b"socket removed: ", "lifecycle"),
        (b"accept lock file removed: ", "lifecycle"),
        (b"acquired accept lock", "debug"),
        (b"released accept lock", "debug"),
        (b"response: ", "debug"),
        (b"using ", "debug"),
        (b"num_procs ", "debug"),
        (b"mech_option: ", "debug"),
        (b"run_path ", "debug"),
        (b"auth_mech ", "debug"),
        (b"write failure", "warning"),
        (b"read failure", "warning"),
        (b"write: ", "warning"),
        (b"read: ", "warning"),
        (b"could not ", "internal-error"),
        (b"internal mechanism failure", "internal-error"),
        (b"mechanism returned unknown response", "internal-error"),
    ];
    let known = KNOWN.iter().find(|(words, _)| text.starts_with(words));
    known.map_or(Parsed::Unknown, |(_, name)| Parsed::Noise(name))
}
