//! Whatever a stranger writes, the client of a line of nginx' is the peer or nobody; in a file or
//! a container's log, where he can write whole lines, it is nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::{client, event};
use stranger::{PEER, named, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    ", client: 6.6.6.6, server: 0.0.0.0:25",
    "\", client: 6.6.6.6, server: 0.0.0.0:25, login: \"",
    "\", upstream: 6.6.6.6:25",
    ", request: \"GET /\"",
    "\" while in http auth state, client: 6.6.6.6",
    "client login failed: \"",
    "client 6.6.6.6:25 connected to 0.0.0.0:25",
    "2026/11/28 09:21:03 [info] 12#12: *1 ",
    " using starttls",
    "#012",
    "\"",
    " ",
];

/// `{}` is a stranger's.
const READ: &[&str] = &[
    "nginx: 2026/11/28 09:21:03 [info] 12#12: *1 client login failed: \"Authentication credentials invalid\" while in http auth state, client: 203.0.113.66, server: 0.0.0.0:143, login: \"{}\"",
    "nginx: 2026/11/28 09:21:03 [info] 12#12: *1 client login failed: \"AUTH not supported\" while in http auth state, client: 203.0.113.66 using starttls, server: 0.0.0.0:25, login: \"{}",
    "nginx: 2026/11/28 09:21:03 [info] 12#12: *1 client logged in, client: 203.0.113.66, server: 0.0.0.0:993, login: \"{}\", upstream: 127.0.0.1:143",
    "nginx: 2026/11/28 09:21:03 [info] 12#12: *1 client timed out (110: Connection timed out) while in auth state, client: 203.0.113.66, server: 0.0.0.0:25, login: \"{}\"",
    "nginx: 2026/11/28 09:21:03 [info] 12#12: *1 proxied session done, client: 203.0.113.66, server: 0.0.0.0:25, login: \"{}\", upstream: 127.0.0.1:25",
];

/// His words stand in front, or the authentication server may repeat them.
const HIDDEN: &[&str] = &[
    "nginx: 2026/11/28 09:21:03 [info] 12#12: *1 client was rejected: \"{}\" while in auth state, client: 203.0.113.66, server: 0.0.0.0:587",
    "nginx: 2026/11/28 09:21:03 [info] 12#12: *1 client login failed: \"no {} here\" while in http auth state, client: 203.0.113.66, server: 0.0.0.0:143, login: \"{}\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn nginx_names_the_peer_or_nobody(words in text(PIECES), cut in 0usize..300) {
        named::names_the_peer_or_nobody(Server::Nginx, READ, HIDDEN, &words)?;
        // nginx cuts its lines: those with his words in front are short, or long and cut.
        let long = [&words[..], &[b'A'; 2048]].concat();
        let read = READ.iter().map(|template| (named::line(template, &words), cut));
        let hidden = HIDDEN.iter().map(|template| (named::line(template, &long), 2048));
        for (line, cut) in read.chain(hidden) {
            let part = client(line.get(..cut).unwrap_or(&line));
            let shown = String::from_utf8_lossy(&line);
            prop_assert!(part.is_none_or(|client| client == PEER), "{}", shown);
        }
    }

    /// Not even the peer: such a line may be a stranger's as a whole.
    #[test]
    fn a_file_names_nobody(words in text(PIECES)) {
        let fronts: [&[u8]; 5] = [
            b"",
            b"2026-11-28T09:21:03.123456789Z stderr F ",
            b"2026-11-28T09:21:03.123456789Z stderr F Nov 28 09:21:03 mx nginx: ",
            b"Nov 28 09:21:03 mx nginx[7]: ",
            b"Nov 28 09:21:03 mx mailu-front[7]: ",
        ];
        for template in READ.iter().chain(HIDDEN) {
            let own = template.strip_prefix("nginx: ").unwrap_or(template);
            let parts: Vec<&[u8]> = own.split("{}").map(str::as_bytes).collect();
            for front in fronts {
                let line = [front, &parts.join(&words[..])].concat();
                let shown = String::from_utf8_lossy(&line);
                let event = event(&line);
                prop_assert!(event.is_some_and(|e| e.server == Server::Nginx), "{}", shown);
                prop_assert!(event.is_none_or(|event| event.client.is_none()), "{}", shown);
            }
        }
    }
}
