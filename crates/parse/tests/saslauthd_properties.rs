//! Whatever a stranger writes as login name or realm, a line of saslauthd has no client, and
//! counts.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::names_the_peer_or_nobody;
use stranger::named::{event, line};
use stranger::text;

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "] [service=",
    "] [realm=",
    "] [mech=",
    "] [reason=",
    "]",
    "[user=victim",
    "auth success: ",
    " ",
    "x",
];

/// Lines whose peer is always read; `{}` is a stranger's.
const READ: &[&str] = &[];

/// Lines without a peer, or whose peer a stranger can hide, but never change.
const HIDDEN: &[&str] = &[
    "saslauthd[4711]: do_auth         : auth failure: [user={}] [service=smtp] [realm=] [mech=pam] [reason=PAM auth error]",
    "saslauthd[4711]:                 : auth failure: [user={}] [service=imap] [realm={}] [mech=shadow] [reason=Unknown]",
    "saslauthd[4711]:                 : auth success: [user={}] [service=smtp] [realm=] [mech=pam]",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn saslauthd_names_the_peer_or_nobody(words in text(PIECES)) {
        names_the_peer_or_nobody(Server::Saslauthd, READ, HIDDEN, &words)?;
    }

    #[test]
    fn the_account_is_the_name_or_nobody(words in text(PIECES)) {
        for template in HIDDEN.iter().filter(|template| template.contains("[realm=]")) {
            let line = line(template, &words);
            let account = event(&line).and_then(|event| event.account);
            let account = account.map(|account| account.bytes().to_vec());
            prop_assert!(account.is_none_or(|name| name == words));
        }
    }
}
