//! Whatever a stranger writes as login name or realm, a line of saslauthd has no client, and
//! counts.

mod stranger;

use event::{Event, Server, Timestamp};
use parse::{Parsed, frame, parse};
use proptest::prelude::*;
use stranger::{PEER, text};

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

fn line(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    [&b"Nov 21 16:40:01 mx "[..], &parts.join(words)].concat()
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
    fn saslauthd_names_the_peer_or_nobody(words in text(PIECES)) {
        for template in READ.iter().chain(HIDDEN) {
            let line = line(template, &words);
            let event = event(&line);
            let shown = String::from_utf8_lossy(&line);
            let client = event.and_then(|event| event.client).map(|client| client.to_string());
            prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
            // Whatever the words are: no stranger hides what he did.
            prop_assert!(event.is_some_and(|e| e.server == Server::Saslauthd), "{}", shown);
            prop_assert!(client.is_some() || HIDDEN.contains(template), "{}", shown);
            let failed = template.contains("fail") || template.contains("DENIED_RELAYING");
            prop_assert!(!failed || event.is_some_and(|e| e.hostile), "{}", shown);
        }
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
