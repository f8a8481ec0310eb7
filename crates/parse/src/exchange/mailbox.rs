//! Lines of the IMAP4 and POP3 logs.
//!
//! The context is `R=ok` or `R="TAG NO LOGIN failed.";Msg=...;ErrMsg=...`, with its quotes doubled
//! where the whole field stands in quotes. The tag is a stranger's, without a blank, and the name
//! in `Msg` is one's, too: so a login is good by the very first bytes only, and a fault of
//! Exchange's own where nothing but its words stands between the tag and `ErrMsg=`.

use super::{Front, field, last_field, name};
use crate::{Parsed, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Text};

pub(super) fn parse<'a>(front: &Front<'a>) -> Option<Parsed<'a>> {
    let (user, rest) = field(front.rest)?;
    let (_duration, rest) = field(rest)?;
    let (_request, rest) = field(rest)?;
    let (_response, rest) = field(rest)?;
    let (command, rest) = field(rest)?;
    let (parameters, context) = match field(rest) {
        Some((parameters, rest)) => (parameters, last_field(rest)),
        None => (last_field(rest), &b""[..]),
    };
    let protocol = protocol(front.port, command);
    let event = |kind| front.event(protocol, kind, Outcome::Allowed);
    let answer = answer(context);
    let is = |word: &[u8]| command.eq_ignore_ascii_case(word);
    let event = if is(b"OpenSession") {
        event(Kind::Connect)
    } else if is(b"CloseSession") {
        Event { account: name(user), ..event(Kind::Disconnect) }
    } else if is(b"login") || is(b"authenticate") || is(b"pass") || is(b"auth") {
        let event = login(front, protocol, answer)?;
        Event {
            account: account(user, parameters),
            mechanism: mechanism(command, parameters),
            ..event
        }
    } else if (is(b"starttls") || is(b"stls")) && answer == Answer::Ok {
        event(Kind::Tls)
    } else if user.is_empty() && matches!(answer, Answer::Bad(_)) {
        // A command that is none can be a password that came late: it is no detail.
        let event = front.refusal(protocol, Kind::Command, Reason::ProtocolError);
        Event { hostile: true, ..event }
    } else {
        return Some(Parsed::Noise("command"));
    };
    Some(Parsed::Event(Event { forwarded: forwarded(context), ..event }))
}

/// By the port that the client came to, or else by a command that one of the two has alone.
fn protocol(port: Option<u32>, command: &[u8]) -> Protocol {
    let is = |word: &[u8]| command.eq_ignore_ascii_case(word);
    match port {
        Some(143 | 993 | 1993) => Protocol::Imap,
        Some(110 | 995 | 1995) => Protocol::Pop3,
        _ if is(b"login") || is(b"authenticate") || is(b"capability") => Protocol::Imap,
        _ if is(b"user") || is(b"pass") || is(b"auth") || is(b"capa") => Protocol::Pop3,
        _ => Protocol::Unknown,
    }
}

/// What Exchange answered.
#[derive(Clone, Copy, PartialEq)]
enum Answer<'a> {
    Ok,
    /// `NO`, or `-ERR` for a cause that is no fault of the command's.
    No(&'a [u8]),
    /// `BAD`, or `-ERR` for a command that is none here.
    Bad(&'a [u8]),
    Unknown,
}

fn answer(context: &[u8]) -> Answer<'_> {
    let Some(value) = context.strip_prefix(b"R=") else { return Answer::Unknown };
    let (word, _) = scan::take_while(value, |byte| byte != b';');
    if word.eq_ignore_ascii_case(b"ok") {
        return Answer::Ok;
    }
    let (_, value) = scan::take_while(value, |byte| byte == b'"');
    if let Some(text) = value.strip_prefix(b"-ERR ") {
        let is_bad = text.starts_with(b"Protocol error") || text.starts_with(b"Command is not");
        return if is_bad { Answer::Bad(text) } else { Answer::No(text) };
    }
    let (_tag, rest) = scan::word(value);
    match scan::word(rest) {
        (b"NO", text) => Answer::No(text),
        (b"BAD", text) => Answer::Bad(text),
        _ => Answer::Unknown,
    }
}

/// `None` where the line was cut before the answer.
fn login<'a>(front: &Front<'a>, protocol: Protocol, answer: Answer<'_>) -> Option<Event<'a>> {
    let refusal = |reason| front.refusal(protocol, Kind::Auth, reason);
    Some(match answer {
        Answer::Ok => Event { attempts: 1, ..front.event(protocol, Kind::Auth, Outcome::Allowed) },
        Answer::No(text) if text.starts_with(b"The AUTH protocol exchange was canceled") => {
            refusal(Reason::AuthAborted)
        }
        Answer::No(text) if is_own_fault(text) => {
            Event { outcome: Outcome::Deferred, ..refusal(Reason::AuthUnavailable) }
        }
        Answer::No(_) => Event { hostile: true, attempts: 1, ..refusal(Reason::AuthFailed) },
        // Without TLS, or a second time: a matter of settings.
        Answer::Bad(text)
            if text.starts_with(b"Command received in Invalid state")
                || text.starts_with(b"Command is not valid in this state") =>
        {
            refusal(Reason::AuthDisallowed)
        }
        Answer::Bad(_) => {
            let event = front.refusal(protocol, Kind::Command, Reason::ProtocolError);
            Event { hostile: true, ..event }
        }
        Answer::Unknown => return None,
    })
}

/// `LOGIN failed.";Msg=Proxy:EX1.example.org:1993:SSL;ErrMsg=ProxyNotAuthenticated`, behind the
/// tag: the name was good, the server behind was not reached. Read from the front, up to Exchange's
/// word, so that no name in `Msg` is one.
fn is_own_fault(answer: &[u8]) -> bool {
    let quotes = |text| scan::take_while(text, |byte: u8| byte == b'"').1;
    let (_, rest) = scan::take_while(answer, |byte| !matches!(byte, b'"' | b';'));
    let mut rest = quotes(rest);
    if let Some(told) = rest.strip_prefix(b";Msg=") {
        let Some(server) = quotes(told).strip_prefix(b"Proxy:") else { return false };
        let (_, behind) = scan::take_while(server, |b| !matches!(b, b'"' | b';' | b' '));
        rest = quotes(behind);
    }
    rest.starts_with(b";ErrMsg=Proxy")
}

/// The user's field, or the name in `bob *****`.
fn account<'a>(user: &'a [u8], parameters: &'a [u8]) -> Option<Text<'a>> {
    match user {
        b"" => name(parameters.strip_suffix(b" *****")?.trim_ascii()),
        _ => Some(Text(user)),
    }
}

fn mechanism<'a>(command: &[u8], parameters: &'a [u8]) -> Option<Text<'a>> {
    let has_one = command.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"auth"));
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = parameters.len() <= MECHANISM_MAX && parameters.iter().all(is_word);
    name(parameters).filter(|_| has_one && fits)
}

/// RFC 4422, 3.1.
const MECHANISM_MAX: usize = 20;

/// `R=ok;ClientIp=203.0.113.9`: for whom the front end speaks. Not behind a quote, where a tag or a
/// name may bring it.
fn forwarded(context: &[u8]) -> Option<IpAddr> {
    let (head, rest) = scan::split_once(context, b";ClientIp=")?;
    let (told, _) = scan::take_while(rest, |byte| byte != b';');
    scan::address(told).filter(|_| !head.contains(&b'"'))
}
