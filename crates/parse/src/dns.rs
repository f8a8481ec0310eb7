//! What the grammars of DNS servers share.
//!
//! An event of a query is never hostile: whoever sends a UDP datagram writes any address he likes
//! in front of it, so a query, refused or not, says nothing that could be held against an address.

use crate::{Record, scan};
use core::net::IpAddr;
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};

/// Who writes the line, and when.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub server: Server,
    /// Which part of the server: `named`, `unbound`.
    pub service: &'static [u8],
    pub at: Timestamp,
    pub host: Option<Text<'a>>,
    pub pid: Option<u32>,
}

impl<'a> Writer<'a> {
    pub fn of(record: &Record<'a>, at: Timestamp, server: Server, service: &'static [u8]) -> Self {
        Writer { server, service, at, host: record.host, pid: record.pid }
    }

    /// A question that a client asked.
    pub fn query(&self, client: Option<IpAddr>, name: &'a [u8], kind: &'a [u8]) -> Event<'a> {
        Event {
            query_name: (!name.is_empty()).then(|| without_final_dot(name)),
            query_type: is_type(kind).then_some(Text(kind)),
            ..self.event(Kind::Query, Outcome::Allowed, client)
        }
    }

    /// A question that was refused.
    pub fn refused(&self, client: Option<IpAddr>, name: &'a [u8], kind: &'a [u8]) -> Event<'a> {
        Event {
            outcome: Outcome::Rejected,
            reason: Some(Reason::QueryRefused),
            ..self.query(client, name, kind)
        }
    }

    /// A client whose answers are limited.
    pub fn limited(&self, client: Option<IpAddr>, kind: &'a [u8]) -> Event<'a> {
        Event {
            reason: Some(Reason::RateLimited),
            query_type: is_type(kind).then_some(Text(kind)),
            ..self.event(Kind::Limit, Outcome::Deferred, client)
        }
    }

    fn event(&self, kind: Kind, outcome: Outcome, client: Option<IpAddr>) -> Event<'a> {
        Event {
            protocol: Protocol::Dns,
            host: self.host,
            pid: self.pid,
            client,
            ..Event::new(self.at, self.server, Text(self.service), kind, outcome)
        }
    }
}

/// `query` with what its answer says: that the name does not exist, or that it was refused. `None`
/// for other answers.
pub(crate) fn answered<'a>(query: Event<'a>, code: &[u8]) -> Option<Event<'a>> {
    let reason = match code {
        b"NXDOMAIN" | b"3" => Reason::NameUnknown,
        b"REFUSED" | b"5" => Reason::QueryRefused,
        _ => return None,
    };
    Some(Event { outcome: Outcome::Rejected, reason: Some(reason), ..query })
}

/// `203.0.113.9#1234` up to what follows the port. Something must: of a line that was cut, another
/// address could be left, and of an address without a port, too.
pub(crate) fn endpoint(text: &[u8], separator: u8) -> Option<(IpAddr, &[u8])> {
    let place = match text.strip_prefix(b"[") {
        // CoreDNS and PowerDNS put an IPv6 address in brackets before a port.
        Some(inner) => scan::find_near(inner.get(..ADDRESS_MAX).unwrap_or(inner), *b"]")? + 2,
        None => scan::find_near(text.get(..ADDRESS_MAX).unwrap_or(text), [separator])?,
    };
    let (place, rest) = text.split_at_checked(place)?;
    let bare = place.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(place);
    let (port, rest) =
        scan::take_while(rest.strip_prefix(&[separator])?, |byte| byte.is_ascii_digit());
    (matches!(port.len(), 1..=5)).then_some((scan::address(bare)?, rest))
}

/// The longest address with a zone: `fe80::...%interface`.
const ADDRESS_MAX: usize = 64;

/// The name as logged, without the dot of the root. A dot that is part of a label has a backslash.
pub(crate) fn without_final_dot(name: &[u8]) -> Text<'_> {
    let Some(head) = name.strip_suffix(b".").filter(|head| !head.is_empty()) else {
        return Text(name);
    };
    let escapes = head.iter().rev().take_while(|byte| **byte == b'\\').count();
    Text(if escapes % 2 == 0 { head } else { name })
}

/// `MX`, `TYPE65`, `NSAP-PTR`; dnsmasq's `type=65`.
fn is_type(kind: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'=');
    matches!(kind.len(), 1..=16) && kind.iter().all(fits)
}

/// The word at the front; one that no space follows may have been cut.
pub(crate) fn whole_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = scan::find_byte(text, b' ')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The name of the noise in the first row whose text stands at the front.
pub(crate) fn noise_of(text: &[u8], rows: &[(&[u8], &'static str)]) -> Option<&'static str> {
    rows.iter().find(|(words, _)| text.starts_with(words)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_whole_or_not_at_all() {
        let read = |text: &'static str, separator| {
            endpoint(text.as_bytes(), separator)
                .map(|(client, rest)| (alloc::format!("{client}"), rest.len()))
        };
        let found = |client: &str, rest| Some((alloc::string::String::from(client), rest));
        assert_eq!(read("203.0.113.9#53 x", b'#'), found("203.0.113.9", 2));
        assert_eq!(read("[2001:db8::9]:53", b':'), found("2001:db8::9", 0));
        assert_eq!(read("2001:db8::9#53:", b'#'), found("2001:db8::9", 1));
        assert_eq!(read("fe80::1%eth0#53:", b'#'), found("fe80::1", 1));
        for text in ["203.0.113.9", "203.0.113.9#", "203.0.113.9#x", "#1", "[2001:db8::9]", "["] {
            assert_eq!(read(text, b'#'), None, "{text}");
        }
    }

    #[test]
    fn the_dot_of_the_root_goes_and_that_of_a_label_stays() {
        for (name, bare) in
            [("a.b.", "a.b"), ("a.b", "a.b"), (".", "."), ("a\\.", "a\\."), ("a\\\\.", "a\\\\")]
        {
            assert_eq!(without_final_dot(name.as_bytes()), Text(bare.as_bytes()));
        }
    }
}
