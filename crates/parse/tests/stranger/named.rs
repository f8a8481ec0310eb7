//! What holds for every line of servers that name the peer at a fixed place: whatever a stranger
//! wrote, the client is the peer or nobody, and he does not hide what he did.

use super::PEER;
use event::{Event, Server, Timestamp};
use parse::{Parsed, frame, parse};
use proptest::prelude::*;

/// A line of syslog, `{}` of the template being a stranger's words.
pub fn line(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    [&b"Nov 21 16:40:01 mx "[..], &parts.join(words)].concat()
}

/// What it says.
pub fn event(line: &[u8]) -> Option<Event<'_>> {
    match parse(&frame(line)?, Timestamp(0)) {
        Parsed::Event(event) => Some(event),
        _ => None,
    }
}

/// The client of a line, as text.
pub fn client(line: &[u8]) -> Option<String> {
    event(line)?.client.map(|client| client.to_string())
}

/// No third is blamed by a line.
pub fn is_peer_or_nobody(line: &[u8]) -> Result<(), TestCaseError> {
    let client = client(line);
    let shown = String::from_utf8_lossy(line);
    prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
    Ok(())
}

/// Of the lines in `read` the peer can be read whatever the words are; in `hidden` he may be
/// nobody.
pub fn names_the_peer_or_nobody(
    server: Server,
    read: &[&str],
    hidden: &[&str],
    words: &[u8],
) -> Result<(), TestCaseError> {
    for template in read.iter().chain(hidden) {
        let line = line(template, words);
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        let client = event.and_then(|event| event.client).map(|client| client.to_string());
        prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
        prop_assert!(event.is_some_and(|e| e.server == server), "{}", shown);
        prop_assert!(client.is_some() || hidden.contains(template), "{}", shown);
        let failed = template.contains("fail") || template.contains("DENIED_RELAYING");
        prop_assert!(!failed || event.is_some_and(|e| e.hostile), "{}", shown);
    }
    Ok(())
}
