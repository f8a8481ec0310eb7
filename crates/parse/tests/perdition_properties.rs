//! Whatever a stranger writes, the client of a line of Perdition is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::names_the_peer_or_nobody;
use stranger::named::{event, line};
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "6.6.6.6:1->192.0.2.1:143",
    "->",
    "\"",
    " status=\"ok\"",
    " server=\"",
    "\" server=\"x:143\" protocol=IMAP4 server-secure=plaintext status=\"ok\"",
    " authentication_id=\"",
    " passwd=\"",
    " received=1 sent=1",
    "\\",
    " ",
    "x",
];

/// Lines whose peer is always read; `{}` is a stranger's.
const READ: &[&str] = &[
    "perdition.imaps[4711]: Auth: 203.0.113.66:1234->192.0.2.1:993 client-secure=ssl authorisation_id=NONE authentication_id=\"{}\" server=\"imap.example.org:993\" protocol=IMAP4S server-secure=ssl status=\"failed: Re-Authentication Failure\"",
    "perdition[4711]: Auth: 203.0.113.66:1234->192.0.2.1:143 client-secure=plaintext authorisation_id=\"{}\" authentication_id=\"{}\" server=\"imap.example.org:143\" protocol=IMAP4 server-secure=plaintext status=\"failed: local authentication failure\"",
    "perdition[4711]: Auth: 203.0.113.66:1234->192.0.2.1:143 client-secure=plaintext authorisation_id=NONE authentication_id=\"bob\" passwd=\"{}\" server=\"imap.example.org:143\" protocol=IMAP4 server-secure=plaintext status=\"ok\"",
    "perdition[4711]: Closing session: 203.0.113.66:1234->192.0.2.1:143 authorisation_id=NONE authentication_id=\"{}\" received=3 sent=4",
];

/// Lines without a peer, or whose peer a stranger can hide, but never change.
const HIDDEN: &[&str] = &[];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn perdition_names_the_peer_or_nobody(words in text(PIECES)) {
        names_the_peer_or_nobody(Server::Perdition, READ, HIDDEN, &words)?;
    }

    #[test]
    fn a_cut_line_names_the_same_peer_or_none(words in text(PIECES), cut in 0usize..400) {
        for template in READ {
            let line = line(template, &words);
            let event = event(line.get(..cut).unwrap_or(&line));
            let client = event.and_then(|event| event.client).map(|client| client.to_string());
            prop_assert!(client.as_deref().is_none_or(|client| client == PEER));
        }
    }

    /// A password is no field, whatever it holds.
    #[test]
    fn a_password_is_no_account(words in text(PIECES)) {
        for template in READ.iter().filter(|template| template.contains("passwd=")) {
            let line = line(template, &words);
            let account = event(&line).and_then(|event| event.account);
            prop_assert!(account.is_none_or(|name| name.bytes() == b"bob"));
        }
    }
}
