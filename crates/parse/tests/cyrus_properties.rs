//! Whatever a stranger writes, the client of a line of Cyrus is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]",
    " [6.6.6.6] ",
    "x [6.6.6.6] PLAIN (victim) [SASL(-13): authentication failure]",
    "badlogin: [6.6.6.6] ",
    "(victim)",
    ") [SASL(-13): x]",
    ") [SASL(-1): x]",
    " User logged in",
    " SESSIONID=<x>",
    "plaintext+TLS",
    "-notset-",
    ") ",
    "[",
    "]",
    "(",
    " ",
];

/// `{}` is a stranger's text.
const TEMPLATES: &[&str] = &[
    "cyrus/imap[7]: badlogin: [203.0.113.66] PLAIN ({}) [SASL(-13): authentication failure: Password verification failed]",
    "imaps[7]: badlogin: cpe-66.isp.example [203.0.113.66] plaintext ({}) [SASL(-13): authentication failure: checkpass failed]",
    "cyrus/pop3[7]: badlogin: [203.0.113.66] plaintext ({}) invalid user",
    "timsieved[7]: badlogin: [203.0.113.66] x{} error base64 decoding string",
    "lmtpd[7]: badlogin: [203.0.113.66] x{} (bob) [authentication failure]",
    "cyrus/imap[7]: login: [203.0.113.66] x{} PLAIN+TLS User logged in SESSIONID=<cyrus-1>",
    "cyrus/imap[7]: login: cpe-66.isp.example [203.0.113.66] anonymous {}",
    "cyrus/lmtpunix[7]: verify_user(user.{}) failed: Mailbox does not exist",
    "cyrus/lmtpunix[7]: Delivered: <{}> to mailbox: user.bob",
];

fn client(line: &[u8]) -> Option<String> {
    event(line).and_then(|event| event.client).map(|client| client.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn cyrus_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..300,
    ) {
        let (head, tail) = template.split_once("{}").unwrap_or((template, ""));
        let line = [b"Nov 21 16:40:01 mx ", head.as_bytes(), &words, tail.as_bytes()].concat();
        for (line, whole) in [(&line[..], true), (line.get(..cut).unwrap_or(&line), false)] {
            let shown = String::from_utf8_lossy(line);
            let event = event(line);
            let client = client(line);
            prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
            prop_assert!(!whole || event.is_some_and(|e| e.server == Server::Cyrus), "{}", shown);
            prop_assert!(!whole || client.is_some() == template.contains(PEER), "{}", shown);
            if whole && template.contains("SASL(-13)") {
                prop_assert!(event.is_some_and(|e| e.hostile && e.attempts == 1), "{}", shown);
                let account = event.and_then(|event| event.account);
                let name = account.map(|name| name.bytes().to_vec()).unwrap_or_default();
                let nobody = words == b"-notset-";
                prop_assert_eq!(&name, if nobody { b"" } else { &words[..] }, "{}", shown);
            }
        }
    }

    /// The mechanism is a stranger's word, too, and the host name his DNS: no third one is blamed.
    #[test]
    fn a_cyrus_mechanism_or_host_name_blames_nobody_else(
        name in text(PIECES),
        mechanism in text(PIECES),
    ) {
        let no_blank = |text: &[u8]| -> Vec<u8> {
            text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
        };
        let name = no_blank(&name);
        let mechanism = no_blank(&mechanism);
        let parts: [&[u8]; 6] = [
            b"Nov 21 16:40:01 mx cyrus/imap[7]: badlogin: ",
            &name,
            if name.is_empty() { b"" } else { b" " },
            b"[203.0.113.66] ",
            &mechanism,
            b" (bob) [SASL(-4): no mechanism available]",
        ];
        let line = parts.concat();
        let client = client(&line);
        prop_assert!(client.as_deref().is_none_or(|client| client == PEER));
    }

    #[test]
    fn any_cyrus_message_has_an_answer(words in text(PIECES)) {
        let _ = event(&[b"Nov 21 16:40:01 mx cyrus/imap[7]: ", &words[..]].concat());
        let _ = event(&[b"Nov 21 16:40:01 mx cyrus/imap[7]: badlogin: ", &words[..]].concat());
        let _ = event(&[b"Nov 21 16:40:01 mx cyrus/imap[7]: login: ", &words[..]].concat());
    }
}
