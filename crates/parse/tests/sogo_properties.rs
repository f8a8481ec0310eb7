//! Whatever a stranger writes as user name, path or header of his request, the client of a line of
//! SOGo is the one that the proxy named or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

/// What a stranger would write to look like SOGo: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "' for user '",
    "6.6.6.6' for user 'victim",
    ", 6.6.6.6' for user 'victim",
    "Login from '6.6.6.6' for user '",
    "' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    "' - expire = -1  grace = -1",
    "SOGoRootPage Login from '6.6.6.6' for user 'victim' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    "6.6.6.6 \"POST /SOGo/connect HTTP/1.0\" 401 33/50 0.011 - - 0 - 13",
    "\" 401 33/50 0.011 - - 0 - 13",
    "\"GET /x HTTP/1.0",
    "<0x0x55[SOGoDAVAuthenticator]> tried wrong password for user 'victim'!",
    "'!",
    "\nNov 28 08:54:16 sogod [96]: 6.6.6.6 \"GET /x HTTP/1.0\" 401 12/0 0.002 - - 0 - 12",
    ", ",
    ",",
    " ",
    "'",
    "\"",
    "<",
    ">",
    "=",
];

/// Lines in which `{u}` is a user name; the peer stands before it.
const NAMED: &[&str] = &[
    "SOGoRootPage Login from '203.0.113.66' for user '{u}' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    "SOGoRootPage successful login from '203.0.113.66' for user '{u}' - expire = -1  grace = -1",
];

/// `{h}` is a header that a proxy added to; `{p}` is the path of a request, which has no blank.
const AROUND: &[&str] = &[
    "SOGoRootPage Login from '{h}, 203.0.113.66' for user '{u}' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    "SOGoRootPage successful login from '{h}, 203.0.113.66' for user '{u}' - expire = -1  grace = -1",
    "SOGoRootPage Login for user '{u}' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
    "203.0.113.66 \"GET /SOGo/{p} HTTP/1.0\" 401 12/0 0.002 - - 0 - 12",
    "203.0.113.66 \"GET /SOGo/{h} HTTP/1.0\" 401 12/0 0.002 - - 0 - 12",
    "{h}, 203.0.113.66 \"GET /SOGo/{p} HTTP/1.0\" 401 12/0 0.002 - - 0 - 12",
    "<0x0x5611c8ee1450[SOGoDAVAuthenticator]> tried wrong password for user '{u}'!",
    "<0x0x5611c8ee1450[SOGoDAVAuthenticator]> got empty password for user '{u}'!",
    "SOGoRootPage Invalid TOTP key for '{u}'",
    "SOGoUserHomePage user '{u}' logged off",
    "[ERROR] <0x0x5611c8ee3e30[SQLSource]> could not run SQL 'c_uid = '{u}'': <PostgreSQL72Exception: 0x5611c8fefc50>",
];

fn message(template: &str, user: &[u8], header: &[u8]) -> Vec<u8> {
    let path: Vec<u8> =
        user.iter().map(|byte| if byte.is_ascii_graphic() { *byte } else { b'+' }).collect();
    let mut out = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend(before.bytes());
        out.extend(match after.as_bytes()[0] {
            b'h' => header,
            b'p' => &path,
            _ => user,
        });
        rest = &after[2..];
    }
    out.extend(rest.bytes());
    out
}

fn framings(message: &[u8]) -> [Vec<u8>; 3] {
    [
        [b"Nov 28 08:54:16 sogod [4711]: ", message].concat(),
        [b"Nov 28 08:54:16 mx sogod[4711]: ", message].concat(),
        [
            b"2026-11-28T08:54:16.000000+00:00 mx sogod[4711]: Nov 28 08:54:16 sogod [4711]: ",
            message,
        ]
        .concat(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn sogo_names_the_peer_or_nobody(
        template in prop::sample::select([NAMED, AROUND].concat()),
        user in text(PIECES),
        header in text(PIECES),
        cut in 0usize..300,
    ) {
        for line in framings(&message(template, &user, &header)) {
            // A proxy bounds a header, so no line is cut inside one.
            let cut = if template.contains("{h}") { cut + header.len() + 125 } else { cut };
            for line in [&line[..], line.get(..cut).unwrap_or(&line)] {
                let shown = String::from_utf8_lossy(line);
                let event = event(line);
                let client = event.and_then(|event| event.client).map(|client| client.to_string());
                prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
                prop_assert!(event.is_none_or(|e| e.server == Server::Sogo), "{}", shown);
            }
        }
    }

    /// Names that do not hold the words of SOGo's own line hide nobody.
    #[test]
    fn who_logs_in_is_named(template in prop::sample::select(NAMED), user in text(PIECES)) {
        let own = String::from_utf8_lossy(&user);
        let words = ["might not have worked", "' - expire = ", "' for user '"];
        if words.iter().any(|words| own.contains(words)) {
            return Ok(());
        }
        for line in framings(&message(template, &user, b"")) {
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            prop_assert_eq!(event.client.map(|c| c.to_string()), Some(PEER.to_owned()));
            prop_assert_eq!(event.account.map(|name| name.bytes().to_vec()), Some(user.clone()));
        }
    }

    #[test]
    fn a_failed_login_counts_whatever_the_words(user in text(PIECES), header in text(PIECES)) {
        let failures = AROUND.iter().filter(|t| t.contains("might not") || t.contains("wrong password"));
        for template in failures.chain(&NAMED[..1]) {
            for line in framings(&message(template, &user, &header)) {
                prop_assert!(event(&line).is_some_and(|e| e.hostile && e.attempts == 1));
            }
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
