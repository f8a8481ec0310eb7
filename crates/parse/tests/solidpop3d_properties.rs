//! Whatever a stranger writes as login name, the client of a line of solid-pop3d is the peer.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::names_the_peer_or_nobody;
use stranger::named::{event, line};
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    " - 6.6.6.6",
    " (6.6.6.6)",
    " - ",
    " authenticated",
    " authenticated through APOP",
    "user ",
    "connect from 6.6.6.6",
    "-",
    " ",
    "x",
];

/// Lines whose peer is always read; `{}` is a stranger's.
const READ: &[&str] = &[
    "solid-pop3d[4711]: authentication failed: no such user: {} - 203.0.113.66",
    "solid-pop3d[4711]: authentication failed for user {} - 203.0.113.66",
    "solid-pop3d[4711]: APOP authentication failed for user {} - 203.0.113.66",
    "solid-pop3d[4711]: user {} authenticated - 203.0.113.66",
    "solid-pop3d[4711]: session ended for user {} - 203.0.113.66",
    "solid-pop3d[4711]: authentication failed for user {} - 6.6.6.6 (203.0.113.66)",
    "solid-pop3d[4711]: authentication failed for user bob - {} (203.0.113.66)",
    "solid-pop3d[4711]: connect from {} (203.0.113.66)",
];

/// Lines without a peer, or whose peer a stranger can hide, but never change.
const HIDDEN: &[&str] = &[];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn solidpop3d_names_the_peer_or_nobody(words in text(PIECES)) {
        names_the_peer_or_nobody(Server::Solidpop3d, READ, HIDDEN, &words)?;
    }

    #[test]
    fn a_plain_name_is_the_account(name in "[a-z]{1,9}(@[a-z]{1,9}\\.example)?") {
        for template in READ.iter().chain(HIDDEN).filter(|t| t.contains("user {}")) {
            let line = line(template, name.as_bytes());
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            let account = event.account.map(|account| account.bytes().to_vec());
            prop_assert_eq!(account, Some(name.clone().into_bytes()));
            prop_assert_eq!(event.client.is_some(), template.contains(PEER));
        }
    }
}
