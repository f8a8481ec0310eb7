//! The peer as Postfix prints it.
//!
//! smtpd: `name[address]`, with `:port` where `smtpd_client_port_logging` is on; postscreen and
//! tlsproxy: `[address]:port`. The name comes from the DNS, so a stranger chose it, but Postfix
//! prints `unknown` for any that holds more than the characters of a host name. So none has a
//! bracket, a space or a colon, and the first bracket behind the words that lead here is
//! Postfix's own.

use crate::scan;
use core::net::IpAddr;

/// A peer at its fixed place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Peer {
    /// `None` where Postfix itself knows none (`unknown[unknown]`).
    pub client: Option<IpAddr>,
}

const NAME_MAX: usize = 255;
const ADDRESS_MAX: usize = 64;

/// Reads a peer from the front; the rest begins behind it. `None` where there is none, which is
/// also the case where the line ends before the closing bracket.
pub(super) fn peer(bytes: &[u8]) -> Option<(Peer, &[u8])> {
    let name = end_of_name(bytes)?;
    let inner = bytes.get(name + 1..)?;
    if let Some((address, [b']', rest @ ..])) = scan::leading_ipv4(inner) {
        return Some((Peer { client: Some(IpAddr::V4(address)) }, behind_port(rest)));
    }
    let end = inner.iter().take(ADDRESS_MAX).position(|byte| *byte == b']')?;
    let text = inner.get(..end)?;
    let client = scan::address(text);
    if client.is_none() && !matches!(text, b"unknown" | b"UNKNOWN" | b"UNAVAILABLE") {
        return None;
    }
    Some((Peer { client }, behind_port(inner.get(end + 1..)?)))
}

/// Where the bracket behind the name is.
#[inline]
fn end_of_name(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"unknown[") {
        return Some(7);
    }
    let end = scan::find_near(bytes.get(..NAME_MAX + 1).unwrap_or(bytes), *b"[ :")?;
    (bytes.get(end) == Some(&b'[')).then_some(end)
}

/// True where `rest`, which stands behind a peer, begins with Postfix's words for this place, or
/// is a piece of them because the line was cut.
pub(super) fn follows(rest: &[u8], words: &[u8]) -> bool {
    rest.starts_with(words) || words.starts_with(rest)
}

/// A peer, then nothing, or a colon and what a stranger or the TLS library said.
pub(super) fn peer_and_text(bytes: &[u8]) -> Option<(Peer, &[u8])> {
    let (peer, rest) = peer(bytes)?;
    follows(rest, b": ").then(|| (peer, rest.strip_prefix(b": ").unwrap_or_default()))
}

fn behind_port(bytes: &[u8]) -> &[u8] {
    let Some(port) = bytes.strip_prefix(b":") else { return bytes };
    let (digits, rest) = scan::take_while(port, |byte| byte.is_ascii_digit());
    if digits.is_empty() { port.strip_prefix(b"unknown").unwrap_or(bytes) } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Option<IpAddr>, &str)> {
        let (peer, rest) = peer(text.as_bytes())?;
        Some((peer.client, core::str::from_utf8(rest).unwrap()))
    }

    #[test]
    fn only_the_whole_peer_at_the_front_is_one() {
        let client = Some("192.0.2.1".parse().unwrap());
        for (text, expected) in [
            ("unknown[192.0.2.1]: SASL", Some((client, ": SASL"))),
            ("a-b.example[192.0.2.1]", Some((client, ""))),
            ("a[192.0.2.1]:25 x", Some((client, " x"))),
            ("[192.0.2.1]:4711: GET", Some((client, ": GET"))),
            ("[::ffff:192.0.2.1]:4711", Some((client, ""))),
            ("unknown[unknown]", Some((None, ""))),
            ("unknown[unknown]:unknown", Some((None, ""))),
            ("a b[192.0.2.1]", None),
            ("a: b[192.0.2.1]", None),
            ("a[192.0.2.1", None),
            ("a[192.0.2.x]", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
