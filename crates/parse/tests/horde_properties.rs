//! Whatever a stranger writes as user name or header, the client of a line of Horde is the peer or
//! nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

/// What a stranger would write to look like Horde: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    " (6.6.6.6)",
    " [6.6.6.6]",
    " to horde (6.6.6.6)",
    " to Horde",
    " to {imap://6.6.6.6/}",
    " to ",
    " (6.6.6.6) (forwarded for [x])",
    " (forwarded for [",
    "])",
    " (Horde user victim)",
    " [pid 1 on line 191 of \"/x.php\"]",
    " [on line 191 of \"/x.php\"]",
    "[horde] FAILED LOGIN for victim to horde (6.6.6.6)",
    "\n2026-11-28T09:22:26+00:00 ERR: HORDE [horde] FAILED LOGIN for victim to horde (6.6.6.6)",
    "FAILED LOGIN for ",
    ",",
    ")",
    "]",
    "}",
    " ",
    "\"",
];

/// Lines in which `{u}` is a user name; the peer stands behind it.
const NAMED: &[&str] = &[
    "[horde] FAILED LOGIN for {u} to horde (203.0.113.66) [pid 56 on line 191 of \"/usr/share/horde/login.php\"]",
    "[imp] FAILED LOGIN for {u} (203.0.113.66) to {imap://192.0.2.10/} [pid 56 on line 148 of \"/usr/share/horde/imp/lib/Auth.php\"]",
    "[horde] Login success for {u} to horde (203.0.113.66) [pid 56 on line 156 of \"/usr/share/horde/login.php\"]",
    "[error] [horde] FAILED LOGIN for {u} [203.0.113.66] to Horde [on line 116 of \"/var/www/horde/login.php\"]",
    "[error] [imp] FAILED LOGIN for {u} [203.0.113.66] to {mx.example.org:143 [imap/notls]} [on line 139 of \"/var/www/horde/imp/lib/Auth/imp.php\"]",
    "[horde] User {u} logged out of Horde (203.0.113.66) [pid 56 on line 102 of \"/usr/share/horde/login.php\"]",
    "[imp] Message sent to {u} from bob (203.0.113.66) [pid 56 on line 961 of \"/usr/share/horde/imp/lib/Compose.php\"]",
];

/// `{h}` is a header.
const AROUND: &[&str] = &[
    "[imp] FAILED LOGIN for {u} (203.0.113.66) (forwarded for [{h}]) to {imap://192.0.2.10/} [pid 56 on line 148 of \"/usr/share/horde/imp/lib/Auth.php\"]",
    "[imp] Login success for {u} (203.0.113.66) (forwarded for [{h}]) to {imap://192.0.2.10/} [pid 56 on line 148 of \"/usr/share/horde/imp/lib/Auth.php\"]",
    "[horde] Login failed from ActiveSync client for user {u}. [pid 56 on line 222 of \"/usr/share/php/Horde/Core/ActiveSync/Driver.php\"]",
    "[imp] PHP ERROR: Undefined array key \"{u}\" [pid 56 on line 320 of \"/usr/share/horde/imp/lib/Application.php\"]",
];

fn message(template: &str, user: &[u8], header: &[u8]) -> (Vec<u8>, usize) {
    let (mut out, mut tail) = (Vec::new(), 0);
    let mut rest = template;
    while let Some(at) = rest.find("{u}").or_else(|| rest.find("{h}")) {
        out.extend(rest[..at].bytes());
        out.extend(if rest[at..].starts_with("{h}") { header } else { user });
        rest = &rest[at + 3..];
        tail = out.len();
    }
    out.extend(rest.bytes());
    (out, tail)
}

fn framings(message: &[u8]) -> [Vec<u8>; 3] {
    [
        [b"Nov 28 09:22:16 mx HORDE: ", message].concat(),
        [b"2026-11-28T09:22:26+00:00 ERR: HORDE ", message].concat(),
        [b"Nov 28 09:22:16 HORDE ", message].concat(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn horde_names_the_peer_or_nobody(
        template in prop::sample::select([NAMED, AROUND].concat()),
        user in text(PIECES),
        header in text(PIECES),
        cut in 1usize..120,
    ) {
        // A name that was cut or broken where it looks like the end of a line makes one.
        let (message, tail) = message(template, &user, &header);
        for line in framings(&message) {
            let front = line.len() - message.len();
            for line in [&line[..], line.get(..front + tail + cut).unwrap_or(&line)] {
                let shown = String::from_utf8_lossy(line);
                let event = event(line);
                let client = event.and_then(|event| event.client).map(|client| client.to_string());
                prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
                prop_assert!(event.is_none_or(|e| e.server == Server::Horde), "{}", shown);
            }
        }
    }

    #[test]
    fn who_sends_no_header_is_always_named(
        template in prop::sample::select(NAMED),
        user in text(PIECES),
    ) {
        for line in framings(&message(template, &user, b"").0) {
            let shown = String::from_utf8_lossy(&line);
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            prop_assert_eq!(event.client.map(|c| c.to_string()), Some(PEER.to_owned()), "{}", shown);
            prop_assert_eq!(event.hostile, template.contains("FAILED"));
        }
    }

    #[test]
    fn a_failed_login_counts_whatever_the_words(user in text(PIECES), header in text(PIECES)) {
        for template in NAMED.iter().chain(AROUND).filter(|template| template.contains("FAILED")) {
            for line in framings(&message(template, &user, &header).0) {
                prop_assert!(event(&line).is_some_and(|e| e.hostile && e.attempts == 1));
            }
        }
    }

    /// A line so long that its end may be lost names nobody.
    #[test]
    fn a_long_line_names_nobody(template in prop::sample::select(NAMED), user in text(PIECES)) {
        let long = [user, vec![b'a'; 1000]].concat();
        let failed = template.contains("LOGIN") || template.contains("Login");
        for line in framings(&message(template, &long, b"").0) {
            let client = event(&line).and_then(|event| event.client);
            prop_assert!(!failed || client.is_none());
        }
    }

    /// Any message at all: no panic.
    #[test]
    fn any_message_has_an_answer(user in text(PIECES)) {
        for line in framings(&user) {
            let _ = event(&line);
        }
    }
}
