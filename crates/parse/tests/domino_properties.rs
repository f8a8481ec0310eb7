//! Whatever a stranger writes, the client of a line of Domino's console is the peer or nobody.

mod stranger;

use event::{Outcome, Server};
use proptest::prelude::*;
use stranger::named::{event, is_peer_or_nobody};
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]",
    " [6.6.6.6] authentication failure using internet password",
    "] authentication failure using internet password",
    ": User is locked out",
    "IP Address",
    " ; connecting host 6.6.6.6",
    "; connecting host 6.6.6.6",
    " logged in from 6.6.6.6",
    " logged in; connecting host 6.6.6.6",
    " logged out",
    " from host 6.6.6.6 sending mail from ",
    " from host ",
    "(6.6.6.6) connected",
    " (no such user)",
    " connected",
    "http: ",
    "SMTP Server: ",
    "Authentication succeeded for user victim; connecting host 6.6.6.6",
    "[",
    "]",
    ":",
    " ",
];

/// Each line in which a stranger has a say (`{}`), the peer behind his words.
const FAILED: [&str; 6] = [
    "POP3 Server: Authentication failed for user {}; connecting host 203.0.113.66 (no such user)",
    "ldap: {} [203.0.113.66] authentication failure using internet password (no such user)",
    "http: {} [203.0.113.66] authentication failure using internet password",
    "smtp: {} [203.0.113.66] authentication failure using internet password",
    "imap: {} [203.0.113.66] authentication failure using internet password",
    "SMTP Server: Authentication failed for user {} ; connecting host 203.0.113.66",
];
const OTHERS: [&str; 5] = [
    "SMTP Server: Message rejected. Authenticated user bob from host 203.0.113.66 sending mail from {} failed to match directory address bob",
    "SMTP Server: Message 0053C0B7 (MessageID : {}) received",
    "Router: Message 0053C0B7 delivered to {} from {} OF85A1B2C3:12345678 Size: 3K",
    "Router: No messages transferred to {}",
    "SMTPClient: ReceiveResponse: {}",
];

fn line(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    [b"[0A44:000F-080C] 21/11/2026 16:02:12   ", &parts.join(words)[..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn domino_names_the_peer_or_nobody(
        template in prop::sample::select([&FAILED[..], &OTHERS].concat()),
        words in text(PIECES),
        cut in 0usize..200,
    ) {
        let whole = line(template, &words);
        is_peer_or_nobody(&whole)?;
        // Lines are cut where they are long.
        let long = line(template, &[&[b'x'; 8192], &words[..]].concat());
        is_peer_or_nobody(long.get(..8270 + cut).unwrap_or(&long))?;
        let event = event(&whole);
        let shown = String::from_utf8_lossy(&whole);
        prop_assert!(event.is_none_or(|e| e.server == Server::Domino), "{}", shown);
        let is_login = event.is_some_and(|e| e.outcome == Outcome::Allowed && e.attempts > 0);
        prop_assert!(!is_login, "{}", shown);
    }

    #[test]
    fn what_failed_counts_against_the_peer(
        template in prop::sample::select(FAILED.to_vec()),
        words in text(PIECES),
    ) {
        let line = line(template, &words);
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        let client = event.and_then(|event| event.client).map(|client| client.to_string());
        prop_assert_eq!(client.as_deref(), Some(PEER), "{}", shown);
        prop_assert!(event.is_some_and(|e| e.hostile), "{}", shown);
    }
}
