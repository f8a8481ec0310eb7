//! Whatever a stranger writes, the client of a line of a Barracuda is the peer or nobody.

mod stranger;

use proptest::prelude::*;
use stranger::named::{client, event, line};
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

/// `{}` is a stranger's.
const TEMPLATES: &[&str] = &[
    "inbound/pass1[1]: x[203.0.113.66] 1263000000-2d 1263000000 1263000001 RECV {} {} 2 8 {}",
    "scan[1]: x[203.0.113.66] 1263000000-2d 1263000000 1263000001 SCAN - {} {} 9.5 2 31 {} SZ:1 SUBJ:{}",
    "outbound/smtp[1]: 127.0.0.1 1263000000-2d 0 0 SEND - 1 8B2052296C {}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn barracuda_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..200,
    ) {
        let line = line(template, &words);
        let shown = String::from_utf8_lossy(&line);
        // Bare blanks in an address, which SMTP does not allow, hide their sender and nobody else.
        let Some(whole) = event(&line) else { return Ok(()) };
        prop_assert!(!whole.hostile || template.contains(PEER), "{}", shown);
        prop_assert_eq!(client(&line), template.contains(PEER).then(|| PEER.to_owned()), "{}", shown);
        let part = client(line.get(..cut).unwrap_or(&line));
        prop_assert!(part.is_none_or(|client| client == PEER), "{}", shown);
    }

    /// Reverse DNS has no blanks.
    #[test]
    fn a_name_moves_no_address(words in text(PIECES)) {
        let name: Vec<u8> = words.iter().filter(|b| b.is_ascii_graphic()).copied().collect();
        let template =
            "inbound/pass1[1]: {}[203.0.113.66] 1263000000-2d 1 1 RECV - - 2 83 535 failed";
        let line = line(template, &name);
        let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        prop_assert!(event.hostile && event.attempts == 1);
        prop_assert_eq!(client(&line), Some(PEER.to_owned()));
    }

    #[test]
    fn a_quoted_sender_hides_nothing(words in text(PIECES)) {
        let inner: Vec<u8> =
            words.iter().filter(|b| !matches!(**b, b'"' | b'\\')).copied().collect();
        let template = "inbound/pass1[1]: x[203.0.113.66] 1263-2d 1 1 RECV {} a 2 8 -";
        let sender = [b"\"", &inner[..], b"\"@example.org"].concat();
        let line = line(template, &sender);
        let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        prop_assert!(event.hostile);
        prop_assert_eq!(event.sender.map(|sender| sender.bytes().to_vec()), Some(sender.clone()));
    }
}
