//! Whatever a stranger writes, the client of a line of Mailu's is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::{PEER, named, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    " from 6.6.6.6.",
    " from: 6.6.6.6/1: failed: badauth: 3fa1c2",
    " for 6.6.6.6 has been rate-limited.",
    "Authentication attempt from 6.6.6.6 has been rate-limited.",
    "Login attempt for: a/sso/https",
    "/imap/993",
    "/web/443",
    "/sso/https",
    ": success: password: 0",
    "[2026-11-21 16:02:10,123] WARNING in limiter: ",
    "'",
    ".",
    " ",
];

/// `{}` is a stranger's.
const READ: &[&str] = &[
    "mailu-admin[7]: [2026-11-21 16:02:10,123] WARNING in base: Login failed for {} from 203.0.113.66.",
    "mailu-admin[7]: [2026-11-21 16:02:10,123] INFO in limiter: Authentication attempt from 203.0.113.66 for {} has been rate-limited.",
];

/// Where his words hold ` from: `, nobody can be named.
const HIDDEN: &[&str] = &[
    "mailu: [2026-11-21 16:02:10,123] INFO in base: Login attempt for: b@c.test/sso/{} from: 203.0.113.66/5: failed: badauth: 3fa1c2",
    "mailu: [2026-11-21 16:02:10,123] INFO in nginx: Login attempt for: '{}'/web/None from: 203.0.113.66/5: failed: account disabled",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn mailu_names_the_peer_or_nobody(words in text(PIECES), cut in 0usize..300) {
        named::names_the_peer_or_nobody(Server::Mailu, READ, HIDDEN, &words)?;
        // Lines are cut far behind what a name may hold; a header may be longer.
        let long = [&words[..], &[b'A'; 1000]].concat();
        let cuts = [(READ[1], &words, cut), (READ[0], &long, 1000), (HIDDEN[0], &long, 1000)];
        for (template, words, cut) in cuts {
            let line = named::line(template, words);
            let part = named::client(line.get(..cut).unwrap_or(&line));
            prop_assert!(part.is_none_or(|client| client == PEER), "{}", template);
        }
    }
}
