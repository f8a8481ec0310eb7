//! dnsmasq with `log-queries`, by syslog or in the file of `log-facility`, which has syslog's form
//! without the host.
//!
//! `query[MX] NAME from 203.0.113.66`: the name stands left of the peer and is written nearly raw:
//! it may hold blanks, quotes and ` from 6.6.6.6`. So the peer is read behind the last ` from `. It
//! ends the line, so a line that was cut could end inside it; names have 255 bytes at most, and a
//! line that is longer than such a one has no client.
//!
//! With `log-queries=extra` a serial number and the peer stand before the word `query`, and before
//! all that he chose: `1 203.0.113.66/42677 query[MX] NAME from 203.0.113.66`. Then it is read
//! there.
//!
//! Answers name the client only so; in the plain form, they are noise.

use crate::dns::{self, Writer};
use crate::{Parsed, Parser, Record, scan};
use core::net::IpAddr;
use event::{Server, Timestamp};

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "dnsmasq",
    versions: "2.90, 2.91",
    origin: "real runs of 2.90 and 2.91; DHCP and refused queries by the format strings",
    owns,
    parse,
    own_file: None,
};

fn owns(record: &Record<'_>) -> bool {
    matches!(
        record.program.bytes(),
        b"dnsmasq" | b"dnsmasq-dhcp" | b"dnsmasq-tftp" | b"dnsmasq-script"
    )
}

/// The longest name that a DNS message can hold (RFC 1035, 2.3.4).
const NAME_MAX: usize = 255;

fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    if record.program.bytes() != b"dnsmasq" {
        return Parsed::Noise("dhcp");
    }
    let writer = Writer::of(record, at, Server::Dnsmasq, b"dnsmasq");
    if let Some(client) = asking(record.message) {
        let (client, text) = client;
        return said(&writer, Some(client), text).unwrap_or(Parsed::Unknown);
    }
    said(&writer, None, record.message).unwrap_or(Parsed::Unknown)
}

/// `1 203.0.113.66/42677 ` at the front.
fn asking(message: &[u8]) -> Option<(IpAddr, &[u8])> {
    let (serial, rest) = scan::take_while(message, |byte| byte.is_ascii_digit());
    let (client, rest) = dns::endpoint(rest.strip_prefix(b" ")?, b'/')?;
    (!serial.is_empty()).then_some((client, rest.strip_prefix(b" ")?))
}

/// `None` where no grammar knows the line. `client` is known of `log-queries=extra`.
fn said<'a>(writer: &Writer<'a>, client: Option<IpAddr>, text: &'a [u8]) -> Option<Parsed<'a>> {
    if let Some(rest) = text.strip_prefix(b"query[") {
        let (kind, rest) = scan::split_once(rest, b"] ")?;
        return Some(question(writer, client, kind, rest));
    }
    if let Some(rest) = text.strip_prefix(b"auth[") {
        let (kind, rest) = scan::split_once(rest, b"] ")?;
        return Some(question(writer, client, kind, rest));
    }
    if let (Some(client), Some((name, code))) = (client, refusal(text)) {
        let query = writer.query(Some(client), name, b"");
        return Some(dns::answered(query, code).map_or(Parsed::Noise("answer"), Parsed::Event));
    }
    dns::noise_of(text, &NOISE).map(Parsed::Noise)
}

/// `example.com from 203.0.113.66`.
fn question<'a>(
    writer: &Writer<'a>,
    client: Option<IpAddr>,
    kind: &'a [u8],
    rest: &'a [u8],
) -> Parsed<'a> {
    const FROM: &[u8] = b" from ";
    let Some((name, place)) = scan::find_last(rest, FROM).and_then(|at| rest.split_at_checked(at))
    else {
        return Parsed::Unknown;
    };
    let place = place.get(FROM.len()..).unwrap_or_default();
    let at_end = scan::address(place).filter(|_| name.len() <= NAME_MAX);
    // What stands in front is right, whatever a cut left of the end.
    let client = client.or(at_end);
    Parsed::Event(writer.query(client, shown(name), kind))
}

/// dnsmasq's word for a name that it does not want to print.
fn shown(name: &[u8]) -> &[u8] {
    if name == b"<name unprintable>" { b"" } else { name }
}

/// `reply nothere.example.com is NXDOMAIN`, `config NAME is NXDOMAIN`, `cached NAME is NXDOMAIN`,
/// `reply error is REFUSED`: the name, where it is one, and the code. The code ends the line: a
/// name that holds ` is ` stands before it.
fn refusal(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const IS: &[u8] = b" is ";
    let (_source, rest) = dns::whole_word(text).filter(|(source, _)| {
        matches!(*source, b"reply" | b"config" | b"cached" | b"cached-stale" | b"validation")
    })?;
    let (name, code) = rest.split_at_checked(scan::find_last(rest, IS)?)?;
    let name = if name == b"error" { b"" } else { shown(name) };
    // Behind the code, its explanation: `(EDE: invalid data)`.
    Some((name, scan::word(code.get(IS.len()..)?).0))
}

/// Known lines that tell of no client.
const NOISE: [(&[u8], &str); 31] = [
    (b"forwarded ", "forwarded"),
    (b"reply ", "answer"),
    (b"cached ", "answer"),
    (b"cached-stale ", "answer"),
    (b"config ", "answer"),
    (b"local-reply ", "answer"),
    (b"dnssec-query[", "resolution"),
    (b"dnssec-retry[", "resolution"),
    (b"validation ", "answer"),
    (b"rejected ", "answer"),
    (b"/", "answer"),
    (b"DHCP ", "answer"),
    (b"nameserver ", "upstream-error"),
    (b"started, ", "lifecycle"),
    (b"exiting on ", "lifecycle"),
    (b"compile time options", "lifecycle"),
    (b"cleared cache", "lifecycle"),
    (b"using ", "configuration"),
    (b"ignoring ", "configuration"),
    (b"reading ", "configuration"),
    (b"read ", "configuration"),
    (b"DNS service limited to ", "configuration"),
    (b"DNSSEC ", "configuration"),
    (b"DBus ", "lifecycle"),
    (b"UBus ", "lifecycle"),
    (b"time ", "statistics"),
    (b"cache size ", "statistics"),
    (b"queries ", "statistics"),
    (b"server ", "statistics"),
    (b"Maximum number of ", "warning"),
    (b"warning", "warning"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_front_is_the_client() {
        let text = b"7 203.0.113.66/42677 query[MX] a from 6.6.6.6";
        let (client, rest) = asking(text).unwrap();
        assert_eq!(client, IpAddr::from([203, 0, 113, 66]));
        assert_eq!(rest, b"query[MX] a from 6.6.6.6");
        assert_eq!(refusal(b"reply a is NXDOMAIN is NXDOMAIN").unwrap().0, b"a is NXDOMAIN");
        assert_eq!(shown(b"<name unprintable>"), b"");
    }
}
