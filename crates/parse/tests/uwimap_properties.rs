//! Whatever a stranger writes as login name or reverse DNS name, the client is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::names_the_peer_or_nobody;
use stranger::named::{event, line};
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]",
    " [6.6.6.6]",
    " host=x [6.6.6.6]",
    " host=",
    " auth=",
    "user=",
    "]",
    "[",
    " nmsgs=1/2",
    " ",
    " failure host=[6.6.6.6]",
    "x",
];

/// Lines whose peer is always read; `{}` is a stranger's.
const READ: &[&str] = &[
    "imapd[4711]: Login failed user={} auth={} host=unknown.example [203.0.113.66]",
    "ipop3d[4711]: Login failed user={} auth={} host=[203.0.113.66]",
    "imapd[4711]: Login user={} host=unknown.example [203.0.113.66]",
    "ipop3d[4711]: Login user={} host=unknown.example [203.0.113.66] nmsgs=3/4",
    "imapd[4711]: AUTHENTICATE {} failure host=unknown.example [203.0.113.66]",
    "imapd[4711]: Command stream end of file, while reading line user={} host=unknown.example [203.0.113.66]",
];

/// Lines without a peer, or whose peer a stranger can hide, but never change.
const HIDDEN: &[&str] = &["imapd[4711]: Login failed user=bob auth=bob host={} [203.0.113.66]"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn uwimap_names_the_peer_or_nobody(words in text(PIECES)) {
        names_the_peer_or_nobody(Server::Uwimap, READ, HIDDEN, &words)?;
    }

    #[test]
    fn a_cut_line_names_the_same_peer_or_none(cut in 0usize..400) {
        for template in READ {
            let line = line(template, b"bob");
            let event = event(line.get(..cut).unwrap_or(&line));
            let client = event.and_then(|event| event.client).map(|client| client.to_string());
            prop_assert!(client.as_deref().is_none_or(|client| client == PEER));
        }
    }
}
