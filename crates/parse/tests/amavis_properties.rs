//! Whatever a stranger writes, the client of a line of amavis is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::{client, event, line};
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]:25 [6.6.6.6] ",
    ") {RejectedInbound}, [6.6.6.6]:25 [6.6.6.6] <a@b.test> -> <",
    ") {",
    "}, [6.6.6.6]:25 ",
    "> -> <victim@example.org>, ",
    ">,<",
    ", Queue-ID: 4BAD, ",
    ", Hits: 9, size: 1, ",
    ", Subject: \"",
    "\", From: ",
    "\nNov 21 16:40:01 mx amavis[1]: (!)DENIED ACCESS from IP 6.6.6.6, policy bank ''",
    " (00085-01) Passed CLEAN {RelayedInbound}, [6.6.6.6]:25 ",
    " ",
    "\"",
    "\\",
    "<",
    ">",
    "[",
    "]",
];

/// Each line in which a stranger has a say (`{}`): with 203.0.113.66 where amavis writes the peer.
const TEMPLATES: &[&str] = &[
    "amavis[4711]: (00085-01) Passed CLEAN {RelayedInbound}, [203.0.113.66]:4711 [192.0.2.1] <{}> -> <{}>, Queue-ID: 4ABCDEF, Message-ID: <{}>, mail_id: SUVWLLChd8Xu, Hits: -0.001, size: 169, queued_as: 4XYZABC, 293 ms",
    "amavis[4711]: (00085-01) Blocked SPAM {DiscardedInbound,Quarantined}, MYNETS LOCAL [203.0.113.66] [192.0.2.1] <{}> -> <{}>, quarantine: x, Message-ID: <{}>, mail_id: M5, Hits: 999.999, size: 226, 211 ms",
    "amavis[4711]: (00085-01) Passed CLEAN {RelayedInternal}, [6.6.6.6] <{}> -> <{}>, Message-ID: <{}>, mail_id: M5, Hits: -, size: 226, 211 ms",
    "amavis[4711]: (00085-01) Passed SPAMMY {RelayedTaggedInbound}, [203.0.113.66]:4711 <{}> -> <{}>, mail_id: M5, b: x, Hits: 6.2, size: 226, Subject: \"{}\", From: <{}>, 211 ms",
];

/// A file name stands before the peer.
const NAMED: &str = "amavis[4711]: (00085-05) Blocked BANNED (.exe,{}) {RejectedInbound,Quarantined}, [203.0.113.66]:4711 [203.0.113.66] <{}> -> <ann@example.com>, Queue-ID: 4ABCDEF, Message-ID: <one@example.org>, mail_id: BdX, Hits: -, size: 415, 86 ms";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn amavis_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..300,
    ) {
        let line = line(template, &words);
        let shown = String::from_utf8_lossy(&line);
        let whole = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        prop_assert!(whole.server == Server::Amavis && !whole.hostile, "{}", shown);
        let expected = template.contains(PEER).then(|| PEER.to_owned());
        prop_assert_eq!(client(&line), expected, "{}", shown);
        let part = client(line.get(..cut).unwrap_or(&line));
        prop_assert!(part.is_none_or(|client| client == PEER), "{}", shown);
    }

    #[test]
    fn a_banned_name_blames_nobody_else(words in text(PIECES), cut in 0usize..500) {
        let line = line(NAMED, &words);
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(event(&line).is_some(), "{}", shown);
        for line in [&line[..], line.get(..cut).unwrap_or(&line)] {
            prop_assert!(client(line).is_none_or(|client| client == PEER), "{}", shown);
        }
    }

    /// Any message at all: no panic.
    #[test]
    fn any_message_has_an_answer(words in text(PIECES)) {
        let _ = event(&line("amavis: {}", &words));
        let _ = event(&line("amavis: (00085-01) {}", &words));
    }
}
