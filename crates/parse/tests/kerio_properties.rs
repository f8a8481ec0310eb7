//! Whatever a stranger writes, the client of a line of Kerio Connect is the peer or nobody.

mod stranger;

use event::{Outcome, Server};
use proptest::prelude::*;
use stranger::named::{event, is_peer_or_nobody};
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "6.6.6.6,",
    " doesn't exist. Attempt from IP address 6.6.6.6",
    ". Attempt from IP address 6.6.6.6",
    " authenticated from IP address 6.6.6.6",
    ", IP address 6.6.6.6",
    ">, from <",
    ">, To: <",
    ">, Size: 1",
    ">, To: <y>, Size: 1, Sender-Host: 6.6.6.6, Subject: ",
    ", Sender-Host: 6.6.6.6, ",
    ", User: victim, ",
    ", Subject: ",
    ", Msg-Id: <",
    "Failed SMTP login from 6.6.6.6 with",
    "\"",
    "<",
    ">",
    ",",
    " ",
    ".",
];

/// Each line in which a stranger has a say (`{}`). The address stands left of his words, or right
/// of them at the line's end.
const LEFT: [&str; 5] = [
    "Failed IMAP login from 203.0.113.66, {}",
    "Relay attempt from IP address 203.0.113.66, mail from <{}> to <{}> rejected",
    "IP address 203.0.113.66 found in DNS blacklist zen.example.net, mail from <{}> to <{}> rejected",
    "Message from IP address 203.0.113.66, sender <{}> rejected: sender domain does not exist",
    "Client with IP address 203.0.113.66 has no reverse DNS entry, {}",
];
const RIGHT: [&str; 3] = [
    "SMTP: User {} doesn't exist. Attempt from IP address 203.0.113.66.",
    "IMAP: Invalid password for user {}. Attempt from IP address 203.0.113.66.",
    "Attempt to deliver to unknown recipient <{}>, from <{}>, IP address 203.0.113.66",
];
/// Between his words: the peer may be hidden.
const BETWEEN: [&str; 5] = [
    "Recv: Queue-ID: 1-1, Service: SMTP, From: <a@example.net>, To: <a@example.org>, Size: 9, SSL: yes, Subject: {}",
    "Recv: Queue-ID: 1-1, Service: SMTP, From: <a@example.net>, To: <a@example.org>, Size: 9, Msg-Id: <{}>",
    "Recv: Queue-ID: 1-1, Service: SMTP, From: <{}>, To: <{}>, Size: 9, Sender-Host: 203.0.113.66, SSL: yes, Subject: {}",
    "Recv: Queue-ID: 1-1, Service: SMTP, From: <{}>, To: <a@example.org>, Size: 9, User: bob, Sender-Host: 203.0.113.66, SSL: yes",
    "Recv: Queue-ID: 1-1, Service: DSN, From: <>, To: <{}>, Size: 9, Report: failed",
];

fn line(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    [b"[21/Nov/2026 16:02:10] ", &parts.join(words)[..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn kerio_names_the_peer_or_nobody(
        template in prop::sample::select([&LEFT[..], &RIGHT, &BETWEEN].concat()),
        words in text(PIECES),
        cut in 0usize..200,
    ) {
        let line = line(template, &words);
        is_peer_or_nobody(&line)?;
        // Lines are cut where they are long; elsewhere his words end before the peer is told.
        if LEFT.contains(&template) {
            is_peer_or_nobody(line.get(..cut).unwrap_or(&line))?;
        }
        let long = self::line(template, &[&[b'x'; 8192], &words[..]].concat());
        is_peer_or_nobody(long.get(..8250 + cut).unwrap_or(&long))?;
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(event.is_some_and(|e| e.server == Server::Kerio), "{}", shown);
        let account = event.and_then(|event| event.account).map(|name| name.bytes().to_vec());
        let victim = account.is_some_and(|name| name == b"victim");
        prop_assert!(!victim || template == RIGHT[0] || template == RIGHT[1], "{}", shown);
    }

    #[test]
    fn what_failed_counts_against_the_peer(
        template in prop::sample::select([&LEFT[..], &RIGHT].concat()),
        words in text(PIECES),
    ) {
        let line = line(template, &words);
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        let client = event.and_then(|event| event.client).map(|client| client.to_string());
        prop_assert_eq!(client.as_deref(), Some(PEER), "{}", shown);
        let disabled = words.ends_with(b"disabled");
        prop_assert!(disabled || event.is_some_and(|e| e.hostile), "{}", shown);
        prop_assert!(event.is_some_and(|e| e.outcome != Outcome::Allowed), "{}", shown);
    }
}
