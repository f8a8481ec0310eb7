//! Whatever a stranger writes, the client of a line of MailScanner is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::{client, event, line};
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    " from 6.6.6.6 (victim) to example.com is spam",
    "Message 1 from 6.6.6.6 (a) to b is spam",
    "Infected message 1 came from 6.6.6.6",
    ") to example.com is not spam",
    " with subject ",
    ": message 1 from ",
    "Delivery of Spam: message 1 from a to b",
    " is ",
    " to ",
    "(",
    ")",
    " ",
    "\"",
];

/// `{}` is a stranger's.
const TEMPLATES: &[&str] = &[
    "MailScanner[7]: Message 4F2A.A1 from 203.0.113.66 ({}) to {} is spam, SpamAssassin (score=9, required 6)",
    "MailScanner[7]: Message 4F2A.A1 from 203.0.113.66 ({}) is whitelisted",
    "MailScanner[7]: Message 4F2A.A1 from 203.0.113.66 ({}) to {} is too big for spam checks (2 > 1 bytes)",
    "MailScanner[7]: Non-delivery of Spam: message 4F2A.A1 from {} to {} with subject {}",
    "MailScanner[7]: Delivery of Nonspam: message 4F2A.A1 from {} to {} with subject {}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn mailscanner_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..200,
    ) {
        let line = line(template, &words);
        let shown = String::from_utf8_lossy(&line);
        let event = event(&line).ok_or_else(|| TestCaseError::fail(shown.clone().into_owned()))?;
        prop_assert_eq!(client(&line), template.contains(PEER).then(|| PEER.to_owned()), "{}", shown);
        prop_assert_eq!(event.server, Server::Mailscanner);
        prop_assert_eq!(event.queue_id.map(|id| id.bytes().to_vec()), Some(b"4F2A.A1".to_vec()));
        prop_assert!(!event.hostile || template.contains(PEER));
        let part = client(line.get(..cut).unwrap_or(&line));
        prop_assert!(part.is_none_or(|client| client == PEER), "{}", shown);
    }

    /// Any message at all: no panic.
    #[test]
    fn any_message_has_an_answer(words in text(PIECES), head in prop::sample::select(TEMPLATES)) {
        let _ = event(&line("{}", &[head.as_bytes(), &words].concat()));
        let _ = event(&line("MailScanner: {}", &words));
    }
}
