//! Whatever a stranger writes as user name, the client of a line of SquirrelMail is the peer or
//! nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

/// What a stranger would write to look like the plugin: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    " at 6.6.6.6",
    " at 6.6.6.6 on 11/28/2026 08:50:17: Unknown user or password incorrect.",
    " at 203.0.113.66 on 11/28/2026 08:50:17: ",
    " on 11/28/2026 08:50:17: ",
    " from 6.6.6.6: ",
    " from 203.0.113.66: ",
    " (example.org)",
    ") at ",
    "Failed webmail login: by victim (x)",
    "\n11/28/2026 08:50:17 [LOGIN_ERROR] victim (x) from 6.6.6.6: y",
    "[LOGIN] ",
    " ",
    "(",
    ")",
    ":",
];

/// `{u}` is the name, `{d}` the domain, `{r}` an answer that repeats the name.
const TEMPLATES: &[&str] = &[
    "Failed webmail login: by {u} ({d}) at 203.0.113.66 on 11/28/2026 08:50:17: Unknown user or password incorrect.",
    "Failed webmail login: by {u} ({d}) at 203.0.113.66 on 11/28/2026 08:50:17: ERROR: {r}",
    "Successful webmail login: by {u} ({d}) at 203.0.113.66 on 11/28/2026 08:50:17: ",
    "[LOGIN_ERROR] {u} ({d}) from 203.0.113.66: Unknown user or password incorrect.",
    "[LOGIN_ERROR] {u} ({d}) from 203.0.113.66: ERROR: {r}",
];

fn line(template: &str, user: &[u8], domain: &[u8]) -> Vec<u8> {
    let front = match template.starts_with('[') {
        true => "11/28/2026 08:50:17 ",
        false => "Nov 28 08:50:17 mx squirrelmail[4711]: ",
    };
    let mut out = front.as_bytes().to_vec();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend(before.bytes());
        out.extend(if after.starts_with('d') { domain } else { user });
        rest = &after[2..];
    }
    out.extend(rest.bytes());
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn squirrelmail_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        user in text(PIECES),
        domain in text(PIECES),
    ) {
        let line = line(template, &user, &domain);
        let shown = String::from_utf8_lossy(&line);
        let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        let client = event.client.map(|client| client.to_string());
        prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
        prop_assert_eq!(event.server, Server::Squirrelmail);
        prop_assert!(event.hostile != template.starts_with("Success"));
    }

    /// A line so long that its end may be lost names nobody.
    #[test]
    fn a_long_line_names_nobody(
        template in prop::sample::select(TEMPLATES),
        user in text(PIECES),
    ) {
        let long = [user, vec![b'a'; 1000]].concat();
        let line = line(template, &long, b"example.org");
        prop_assert!(event(&line).is_some_and(|event| event.client.is_none()));
    }

    /// Any message at all: no panic.
    #[test]
    fn any_message_has_an_answer(user in text(PIECES)) {
        let _ = event(&line("Failed webmail login: by {u}", &user, b""));
        let _ = event(&line("{u}", &user, b""));
    }
}
