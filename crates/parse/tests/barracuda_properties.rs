//! Whatever a stranger writes, the client of a line of a Barracuda is the peer or nobody.

mod stranger;

use event::{Event, Timestamp};
use parse::{Parsed, frame, parse};
use proptest::prelude::*;
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "x[6.6.6.6] 1263000000-2d 1 1 RECV a b 2 8 -",
    "[6.6.6.6]",
    " 0 0 ",
    " 2 83 ",
    " SUBJ:",
    "\n",
    " ",
    "\"",
    "\\",
    "<",
    ">",
];

/// `@` is a stranger's.
const TEMPLATES: &[&str] = &[
    "inbound/pass1[1]: x[203.0.113.66] 1263000000-2d 1263000000 1263000001 RECV @ @ 2 8 @",
    "scan[1]: x[203.0.113.66] 1263000000-2d 1263000000 1263000001 SCAN - @ @ 9.5 2 31 @ SZ:1 SUBJ:@",
    "outbound/smtp[1]: 127.0.0.1 1263000000-2d 0 0 SEND - 1 8B2052296C @",
];

fn filled(template: &str, words: &[u8]) -> Vec<u8> {
    let mut out = b"Nov 21 16:40:01 gw ".to_vec();
    for byte in template.bytes() {
        match byte {
            b'@' => out.extend(words),
            _ => out.push(byte),
        }
    }
    out
}

fn event(line: &[u8]) -> Option<Event<'_>> {
    match parse(&frame(line)?, Timestamp(0)) {
        Parsed::Event(event) => Some(event),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn barracuda_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..200,
    ) {
        let line = filled(template, &words);
        let shown = String::from_utf8_lossy(&line);
        // Bare blanks in an address, which SMTP does not allow, hide their sender and nobody else.
        let Some(whole) = event(&line) else { return Ok(()) };
        let client = whole.client.map(|client| client.to_string());
        prop_assert_eq!(client, template.contains(PEER).then(|| PEER.to_owned()), "{}", shown);
        let part = event(line.get(..cut).unwrap_or(&line)).and_then(|event| event.client);
        prop_assert!(part.is_none_or(|client| client.to_string() == PEER), "{}", shown);
    }

    /// Reverse DNS has no blanks.
    #[test]
    fn a_name_moves_no_address(words in text(PIECES)) {
        let name: Vec<u8> = words.iter().filter(|b| b.is_ascii_graphic()).copied().collect();
        let line = [b"Nov 21 16:40:01 gw inbound/pass1[1]: ", &name[..],
            b"[203.0.113.66] 1263000000-2d 1 1 RECV - - 2 83 535 failed"].concat();
        let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        prop_assert!(event.hostile && event.attempts == 1);
        prop_assert_eq!(event.client.map(|client| client.to_string()), Some(PEER.to_owned()));
    }

    #[test]
    fn a_quoted_sender_hides_nothing(words in text(PIECES)) {
        let inner: Vec<u8> =
            words.iter().filter(|b| !matches!(**b, b'"' | b'\\')).copied().collect();
        let template = "inbound/pass1[1]: x[203.0.113.66] 1263-2d 1 1 RECV @ a 2 8 -";
        let sender = [b"\"", &inner[..], b"\"@example.org"].concat();
        let line = filled(template, &sender);
        let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        prop_assert!(event.hostile);
        prop_assert_eq!(event.sender.map(|sender| sender.bytes().to_vec()), Some(sender.clone()));
    }
}
