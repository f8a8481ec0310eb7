//! What the property tests of DNS servers' parsers share.

#![allow(dead_code)] // each test binary uses its part

use crate::stranger::{PEER, named};
use event::{Kind, Server};
use proptest::prelude::*;

/// What a stranger would put into a name: servers' own words, with another's address.
pub const PIECES: &[&str] = &[
    "6.6.6.6",
    "6.6.6.6#53",
    "6.6.6.6:53",
    "[6.6.6.6]:53",
    " from 6.6.6.6",
    " from 6.6.6.6:53",
    "' from 6.6.6.6:53",
    " from 6.6.6.6 refused, no acl matches",
    " query 6.6.6.6 MX",
    "1 6.6.6.6/53 query[MX] x from 6.6.6.6",
    "client @0x1 6.6.6.6#53 (x): query: x IN MX + (6.6.6.6)",
    "client-query 6.6.6.6#53 udp MX x",
    "6.6.6.6 x. MX IN",
    "): query: x IN MX (6.6.6.6)",
    "' denied",
    "/MX/IN",
    "|MX",
    "', do = 0",
    "', client '6.6.6.6:53', denied: client IP has no permission",
    "\" remote=\"6.6.6.6:53\"",
    " remote=\"6.6.6.6:53\"",
    " source=\"6.6.6.6:53\"",
    "\"",
    "\\",
    "\\032",
    "[INFO] 6.6.6.6:53 - 1 \"MX IN x. udp 1 false 1\" NOERROR",
    "\n[1] unbound[1:0] info: 6.6.6.6 x. MX IN",
    " IN MX",
    " NXDOMAIN",
    " is NXDOMAIN",
    "] ",
    "(",
    ")",
    ".",
    " ",
    "#",
    "'",
];

/// As a server writes a name: a backslash before `marked`, three digits for what is not `plain`.
pub fn escaped(text: &[u8], marked: &[u8], plain: impl Fn(u8) -> bool) -> Vec<u8> {
    let byte = |byte: &u8| match *byte {
        byte if marked.contains(&byte) => vec![b'\\', byte],
        byte if plain(byte) => vec![byte],
        byte => format!("\\{byte:03}").into_bytes(),
    };
    text.iter().flat_map(byte).collect()
}

/// The template with the name in each of its places.
pub fn line(template: &str, name: &[u8]) -> Vec<u8> {
    template.split("{}").map(str::as_bytes).collect::<Vec<_>>().join(name)
}

/// What holds for a server's line, `name` being what a stranger asks for, raw bytes that the server
/// would not write too, and `written` the same as the server writes it: the client is the peer or
/// nobody, also where the line was cut, and a whole line as written is the peer's. Where the peer
/// stands behind the name (`is_behind`), a cut may only fall into what the server can write.
pub fn names_the_peer_or_nobody(
    server: Server,
    template: &str,
    (name, written): (&[u8], &[u8]),
    cut: usize,
    is_behind: bool,
) -> Result<(), TestCaseError> {
    let raw = line(template, name);
    is_peer_or_nobody(&raw)?;
    if !is_behind {
        is_peer_or_nobody(raw.get(..cut).unwrap_or(&raw))?;
    }
    let line = line(template, written);
    is_peer_or_nobody(line.get(..cut).unwrap_or(&line))?;
    tells_of_peer(&line, server)
}

/// The client is the peer or nobody, and whatever it is, it is not blamed.
pub fn is_peer_or_nobody(line: &[u8]) -> Result<(), TestCaseError> {
    let event = named::event(line);
    let shown = String::from_utf8_lossy(line);
    let client = event.and_then(|event| event.client).map(|client| client.to_string());
    prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
    prop_assert!(event.is_none_or(|event| !event.hostile), "{}", shown);
    Ok(())
}

/// A line as the server writes it is an event of the peer's, whatever the name is.
pub fn tells_of_peer(line: &[u8], server: Server) -> Result<(), TestCaseError> {
    let shown = String::from_utf8_lossy(line);
    let event = named::event(line).ok_or_else(|| TestCaseError::fail(shown.to_string()))?;
    prop_assert_eq!(event.server, server);
    prop_assert!(matches!(event.kind, Kind::Query | Kind::Limit), "{}", shown);
    let client = event.client.map(|client| client.to_string());
    prop_assert_eq!(client.as_deref(), Some(PEER), "{}", shown);
    Ok(())
}
