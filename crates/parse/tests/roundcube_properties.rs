//! Whatever a stranger writes as user name or as a header of his request, the client of a line of
//! Roundcube is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::{client, event};
use stranger::{PEER, text};

/// What a stranger would write to look like Roundcube: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    "2001:db8::6",
    " from 6.6.6.6",
    " from 6.6.6.6.",
    " from 6.6.6.6. ",
    " from 203.0.113.66. ",
    " from 6.6.6.6 (X-Forwarded-For: ",
    " from 6.6.6.6(X-Real-IP: ",
    " from 6.6.6.6 in session 0123456789abcdef (error: 0)",
    " in session 0123456789abcdef",
    " (error: -2)",
    " (ID: 1)",
    " against localhost from 6.6.6.6. LOGIN: A0001 NO ",
    " against ",
    "AUTHENTICATE PLAIN: Authentication failed.",
    "Could not connect to ",
    " in /x.php on line 1 (POST /)",
    "[6.6.6.6]; Message <x> for victim; 250: ok",
    "\n[28-Nov-2026 08:50:18 +0000]: <0123abcd> Failed login for victim from 6.6.6.6 in session x (error: 0)",
    "<0123abcd> ",
    "X-Forwarded-For: ",
    ",",
    ")",
    "(",
    ". ",
    " ",
    "'",
    "<",
    ">",
];

const ID: &str = "<0123abcd> ";

/// Lines in which nothing of a stranger's stands behind the peer: he is read whatever `{u}` is.
const PLAIN: &[&str] = &[
    "Failed login for {u} from 203.0.113.66 in session 0123456789abcdef (error: 0)",
    "Successful login for {u} (ID: 7) from 203.0.113.66 in session 0123456789abcdef",
];

/// Lines where he is read, or nobody: `{u}` is a user name, `{h}` a header, `{r}` an answer that
/// repeats the name.
const AROUND: &[&str] = &[
    "Failed login for {u} from 203.0.113.66 (X-Forwarded-For: {h}) in session 0123456789abcdef (error: 0)",
    "Failed login for {u} from 203.0.113.66 (X-Real-IP: {h},X-Forwarded-For: {h}) in session 0123456789abcdef (error: 1)",
    "Failed login for {u} from unix: (X-Forwarded-For: {h}) in session 0123456789abcdef (error: 0)",
    "Successful login for {u} (ID: 7) from 203.0.113.66 (X-Forwarded-For: {h}) in session 0123456789abcdef",
    "IMAP Error: Login failed for {u} against 192.0.2.10 from 203.0.113.66. AUTHENTICATE PLAIN: Authentication failed. in /x/rcube_imap.php on line 211 (POST /?_task=login&_action=login)",
    "IMAP Error: Login failed for {u} against 192.0.2.10 from 203.0.113.66. LOGIN: A0001 NO Login failed for {r}: sorry in /x/rcube_imap.php on line 211 (POST /)",
    "IMAP Error: Login failed for {u} from 203.0.113.66(X-Real-IP: {h},X-Forwarded-For: {h}). LOGIN: A0001 NO no in /x/rcube_imap.php on line 211 (POST /)",
    "IMAP Error: Login failed for {u} against 192.0.2.10 from 203.0.113.66 (X-Forwarded-For: {h}). AUTHENTICATE PLAIN: Authentication failed. in /x/rcube_imap.php on line 211 (POST /)",
    "IMAP Error: Login failed for {u} against 192.0.2.10 from . AUTHENTICATE PLAIN: Authentication failed. in /x/rcube_imap.php on line 211 (POST /)",
    "FAILED login for {u} from 203.0.113.66",
    "User {u} [203.0.113.66]; Message <1@example.org> for {h}; 250: 2.0.0 Ok: queued as ABC",
    "SMTP Error: Failed to add recipient '{u}': {h} (Code: 550) in /x/rcube.php on line 1787 (POST /)",
    "IP check failed for 0123abcd; expected {h}; got {h}",
];

fn message(template: &str, user: &[u8], header: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend(before.bytes());
        out.extend(if after.starts_with('h') { header } else { user });
        rest = &after[2..];
    }
    out.extend(rest.bytes());
    out
}

fn framings(message: &[u8]) -> [Vec<u8>; 3] {
    [
        [b"[28-Nov-2026 08:50:17 +0000]: ", message].concat(),
        [b"Nov 28 08:50:17 mx roundcube[4711]: ", message].concat(),
        [b"2026-11-28T08:50:17.000000000Z stdout F userlogins: ", message].concat(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn roundcube_names_the_peer_or_nobody(
        template in prop::sample::select([PLAIN, AROUND].concat()),
        user in text(PIECES),
        header in text(PIECES),
        cut in 0usize..300,
    ) {
        // `errors` has names in small letters, so it can be cut and broken anywhere. `userlogins`
        // has them whole, and short: it can be cut in the header, which is behind them.
        let (user, least) = match template.starts_with("IMAP") {
            true => (user.to_ascii_lowercase(), 0),
            false => (user.clone(), user.len() + 95),
        };
        let message = message(&[ID, template].concat(), &user, &header);
        let cut = least + cut;
        for line in framings(&message) {
            for line in [&line[..], line.get(..cut).unwrap_or(&line)] {
                let shown = String::from_utf8_lossy(line);
                prop_assert!(client(line).is_none_or(|client| client == PEER), "{}", shown);
                let event = event(line);
                prop_assert!(event.is_none_or(|e| e.server == Server::Roundcube), "{}", shown);
            }
        }
    }

    #[test]
    fn who_sends_no_header_is_always_named(
        template in prop::sample::select(PLAIN),
        user in text(PIECES),
    ) {
        // These words could be those of a header in which the line was cut.
        if String::from_utf8_lossy(&user).contains("(X-") {
            return Ok(());
        }
        for line in framings(&message(&[ID, template].concat(), &user, b"")) {
            let shown = String::from_utf8_lossy(&line);
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            prop_assert_eq!(event.client.map(|c| c.to_string()), Some(PEER.to_owned()), "{}", shown);
            prop_assert_eq!(event.account.map(|name| name.bytes().to_vec()), Some(user.clone()));
            prop_assert_eq!(event.hostile, template.starts_with("Failed"));
        }
    }

    #[test]
    fn a_failed_login_counts_whatever_the_words(user in text(PIECES), header in text(PIECES)) {
        let failures = AROUND.iter().filter(|template| template.contains("error: 0"));
        for template in failures.chain(&PLAIN[..1]) {
            for line in framings(&message(&[ID, template].concat(), &user, &header)) {
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
