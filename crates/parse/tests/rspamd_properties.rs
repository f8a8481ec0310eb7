//! Whatever a stranger writes, the client of a line of rspamd is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]:25",
    ", ip: 6.6.6.6, from: <a>, ",
    ">, ip: 6.6.6.6, from: <",
    ">, qid: <",
    "user: victim, ",
    ">, (default: F (no action): [0.00/15.00] [",
    "(default: ",
    "; source ip: 6.6.6.6:25",
    " via 6.6.6.6",
    ", digest: <",
    ">, rcpts: <victim@example.org>",
    " (set by antivirus)",
    "rspamd_task_write_log: id: <x>, ip: 6.6.6.6, (default: F (no action): [0.00/15.00] []), ",
    "\n2026-11-28 07:01:37 #18(controller) rspamd_controller_check_password: absent or incorrect password has been specified; source ip: 6.6.6.6:25",
    " ",
    "\"",
    "\\",
    "<",
    ">",
    "=",
];

/// Each line in which a stranger has a say (`{}`): with 203.0.113.66 where the server writes the
/// peer. rspamd writes no blank in a Message-ID, so `{id}` has none.
const TEMPLATES: &[&str] = &[
    "<ab12cd>; task; rspamd_task_write_log: id: <{id}>, ip: 203.0.113.66, from: <{}>, (default: F (no action): [1.20/15.00] [X(0.00){}]), len: 1, time: 1ms, dns req: 0, digest: <00112233445566778899aabbccddeeff>, rcpts: <a@b.test>",
    "<ab12cd>; task; rspamd_task_write_log: id: <{id}>, qid: <4ABC>, ip: 203.0.113.66, user: {}, from: <a@b.test>, (default: T (reject): [16.00/15.00] [X(0.00){}])",
    "<ab12cd>; task; rspamd_task_write_log: id: <{id}>, from: <{}>, (default: F (no action): [1.20/15.00] [X(0.00){}])",
    "<ab12cd>; task; rspamd_task_write_log: id: <{id}>, ip: 203.0.113.66, (default: F (add header): [9.20/15.00] [X(0.00){{}}]), len: 1, digest: <00112233445566778899aabbccddeeff>, mime_rcpts: <{}>",
    "<ab12cd>; task; rspamd_message_parse: loaded message; id: <{id}>; queue-id: <undef>",
    "<ab12cd>; task; lua_spf_resolve: cannot make spf request for {}",
    "<ab12cd>; csession; rspamd_controller_check_forwarded: cannot parse forwarded IP: {}",
];

fn message(template: &str, words: &[u8]) -> Vec<u8> {
    let graph = |b: &u8| if b.is_ascii_graphic() { *b } else { b'?' };
    let id: Vec<u8> = words.iter().map(graph).collect();
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        out.extend(before.bytes());
        let (text, length) = match after {
            _ if after.starts_with("{id}") => (&id[..], 4),
            _ if after.starts_with("{}") => (words, 2),
            _ => (&b"{"[..], 1),
        };
        out.extend(text);
        rest = &after[length..];
    }
    out.extend(rest.bytes());
    out
}

fn framings(message: &[u8]) -> [Vec<u8>; 3] {
    [
        [b"Nov 21 16:40:01 mx rspamd[4711]: ", message].concat(),
        [b"2026-11-21 16:40:01 #4711(normal) ", message].concat(),
        [b"2026-11-21T16:40:01.000000+00:00 mx rspamd[4711]: (normal) ", message].concat(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn rspamd_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..400,
    ) {
        for line in framings(&message(template, &words)) {
            for (line, whole) in [(&line[..], true), (line.get(..cut).unwrap_or(&line), false)] {
                let event = event(line);
                let shown = String::from_utf8_lossy(line);
                let client = event.and_then(|event| event.client).map(|client| client.to_string());
                prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
                prop_assert!(!whole || client.is_some() == template.contains(PEER), "{}", shown);
                prop_assert!(event.is_none_or(|event| !event.hostile), "{}", shown);
                let own = event.is_none_or(|event| event.server == Server::Rspamd);
                prop_assert!(own, "{}", shown);
            }
        }
    }

    #[test]
    fn a_wrong_password_counts_and_nothing_that_was_cut(cut in 0usize..200) {
        let text = b"rspamd_controller_check_password: absent or incorrect password has been specified; source ip: 203.0.113.66:43";
        for line in framings(text) {
            let whole = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            prop_assert!(whole.hostile && whole.attempts == 1);
            prop_assert_eq!(whole.client.map(|c| c.to_string()), Some(PEER.to_owned()));
            let part = event(line.get(..cut).unwrap_or(&line)).and_then(|event| event.client);
            prop_assert!(part.is_none_or(|client| client.to_string() == PEER));
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
