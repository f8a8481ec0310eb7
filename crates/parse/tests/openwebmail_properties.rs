//! Whatever a stranger writes as user name, the client of a line of Open WebMail is the peer or
//! nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "(6.6.6.6) victim - login error - no such user",
    " - [4711] (6.6.6.6) victim - login error - ",
    "\nSat Nov 28 08:50:17 2026 - [4711] (6.6.6.6) victim - login error - no such user",
    " - login - ",
    "login error - ",
    ", ret -3, ",
    ") ",
    " - ",
    " ",
    "(",
    ")",
];

/// `{}` is what a stranger wrote. The peer stands before it.
const TEMPLATES: &[&str] = &[
    "(203.0.113.66) {} - login error - no such user - loginname={}",
    "(203.0.113.66) {} - login error - auth_unix.pl, ret -4, Password incorrect",
    "(203.0.113.66) {} - login - {} - active=0,1,1",
    "(203.0.113.66) {} - session error - session {} timeout access attempt",
    "(203.0.113.66) {} - send message - subject={} - to={}",
];

fn line(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    [b"Sat Nov 28 08:50:17 2026 - [4711] ", parts.join(words).as_slice()].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn openwebmail_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..200,
    ) {
        let line = line(template, &words);
        for (line, whole) in [(&line[..], true), (line.get(..cut).unwrap_or(&line), false)] {
            let shown = String::from_utf8_lossy(line);
            let event = event(line);
            let client = event.and_then(|event| event.client).map(|client| client.to_string());
            prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
            prop_assert!(event.is_none_or(|e| e.server == Server::Openwebmail), "{}", shown);
            // A name with a blank may end anywhere, so what was done is not known of each.
            let plain = !words.contains(&b' ');
            prop_assert!(!(whole && plain) || client.is_some(), "{}", shown);
        }
    }

    #[test]
    fn a_failed_login_counts_whatever_the_name(words in text(PIECES)) {
        // Another action in the name could stand before the real one.
        let plain: Vec<u8> = words.into_iter().filter(|byte| *byte != b' ').collect();
        for template in &TEMPLATES[..2] {
            let line = line(template, &plain);
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            prop_assert!(event.hostile && event.attempts == 1);
            prop_assert_eq!(event.client.map(|c| c.to_string()), Some(PEER.to_owned()));
        }
    }

    /// Any message at all: no panic.
    #[test]
    fn any_message_has_an_answer(words in text(PIECES)) {
        let _ = event(&line("{}", &words));
        let _ = event(&line("({}) {} - {}", &words));
    }
}
