//! Whatever a stranger writes as login name, the client of a line of mailward is the peer.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::names_the_peer_or_nobody;
use stranger::named::{event, line};
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "client=6.6.6.6",
    " client=6.6.6.6 account=x",
    "sign-in allowed ",
    " account=",
    " ",
    "x",
];

/// Lines whose peer is always read; `{}` is a stranger's.
const READ: &[&str] = &[
    "mailward-console[4711]: sign-in refused client=203.0.113.66 account={}",
    "mailward-console[4711]: sign-in allowed client=203.0.113.66 account={}",
];

/// Lines without a peer, or whose peer a stranger can hide, but never change.
const HIDDEN: &[&str] = &["mailward-console[4711]: sign-in refused client=- account={}"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn mailward_names_the_peer_or_nobody(words in text(PIECES)) {
        names_the_peer_or_nobody(Server::Mailward, READ, HIDDEN, &words)?;
    }

    #[test]
    fn a_plain_name_is_the_account(name in "[a-z]{1,9}(@[a-z]{1,9}\\.example)?") {
        for template in READ.iter().chain(HIDDEN).filter(|t| t.contains("account={}")) {
            let line = line(template, name.as_bytes());
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            let account = event.account.map(|account| account.bytes().to_vec());
            prop_assert_eq!(account, Some(name.clone().into_bytes()));
            prop_assert_eq!(event.client.is_some(), template.contains(PEER));
        }
    }
}
