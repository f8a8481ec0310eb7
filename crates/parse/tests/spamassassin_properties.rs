//! Whatever a stranger writes, the client of a line of spamd is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]:25",
    "[6.6.6.6]:25 to port 783, fd 6",
    "x [6.6.6.6]:25 to port 783, fd 6",
    "spamd: unauthorized connection from x [6.6.6.6]:25 to port 783, fd 6",
    "\nSat Nov 28 07:01:54 2026 [83] info: spamd: unauthorized connection from x [6.6.6.6]:25 to port 783, fd 6",
    ") for ",
    "(0.0/5.0)",
    "raddr=6.6.6.6,",
    " ",
    "[",
    "]",
    "<",
    ">",
];

/// Each line in which a stranger has a say (`{}`).
const TEMPLATES: &[&str] = &[
    "spamd: identified spam (12.3/5.0) for {}:1001 in 0.5 seconds, 2412 bytes.",
    "spamd: clean message (-0.1/5.0) for {}:1001 in 0.5 seconds, 2412 bytes.",
    "spamd: result: Y 12 - X scantime=0.5,user={},raddr=127.0.0.1,mid={},autolearn=no",
    "spamd: processing message {} for bob:1001",
    "spamd: bad protocol: header error: {}",
    "spamd: handle_user (sql) unable to find user: {}",
    "spamd: connection from {} [127.0.0.1]:4711 to port 783, fd 6",
    "plugin: eval failed: {}",
];

fn framings(message: &[u8]) -> [Vec<u8>; 2] {
    [
        [b"Nov 21 16:40:01 mx spamd[4711]: ", message].concat(),
        [b"Sat Nov 21 16:40:01 2026 [4711] info: ", message].concat(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// A name of the DNS has no blanks: the C library refuses others.
    #[test]
    fn spamd_names_the_peer_or_nobody(words in text(PIECES), cut in 0usize..200) {
        let name: Vec<u8> = words.iter().filter(|b| b.is_ascii_graphic()).copied().collect();
        let head = b"spamd: unauthorized connection from ";
        let tail = b" [203.0.113.66]:4711 to port 783, fd 6";
        for line in framings(&[&head[..], &name, tail].concat()) {
            let shown = String::from_utf8_lossy(&line).into_owned();
            let whole = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            let client = whole.client.map(|client| client.to_string());
            prop_assert!(whole.hostile && whole.server == Server::Spamassassin, "{}", shown);
            prop_assert_eq!(client, Some(PEER.to_owned()), "{}", shown);
            let part = event(line.get(..cut).unwrap_or(&line)).and_then(|event| event.client);
            prop_assert!(part.is_none_or(|client| client.to_string() == PEER), "{}", shown);
        }
    }

    #[test]
    fn no_other_line_names_anybody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..200,
    ) {
        let words = String::from_utf8_lossy(&words).into_owned();
        for line in framings(template.replace("{}", &words).as_bytes()) {
            for line in [&line[..], line.get(..cut).unwrap_or(&line)] {
                let shown = String::from_utf8_lossy(line);
                let event = event(line);
                prop_assert!(event.is_none_or(|e| e.client.is_none() && !e.hostile), "{}", shown);
            }
        }
    }

    /// Any message at all: no panic.
    #[test]
    fn any_message_has_an_answer(words in text(PIECES)) {
        for line in framings(&words) {
            let _ = event(&line);
        }
    }
}
