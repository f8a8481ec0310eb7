//! Whatever a stranger writes, the client of a line of ASSP is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::{PEER, contains, named, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "6.6.6.6 ",
    " [OIP: 6.6.6.6] ",
    "> to: ",
    "> 6.6.6.6 <x> to: y ",
    " to: x ",
    " Blocked 6.6.6.6 - too many AUTH errors (7)",
    " Limiting 6.6.6.6 connections to 5",
    " 6.6.6.6:25 denied by droplist strict: x",
    " Connected: session:7F 6.6.6.6:1 > 192.0.2.1:25 > 127.0.0.1:125",
    " Disconnected: session:7F 6.6.6.6 - command list was",
    " authenticated to 127.0.0.1:125",
    " [spam found] and possibly passing because (x) [y] -> z;",
    " [RelayAttempt] ",
    "[scoring]",
    "[testmode] ",
    "[Worker_1] ",
    "m1-16130-00999 ",
    "Nov-21-26 16:02:11 ",
    "<",
    ">",
    " ",
];

/// `{}` is a stranger's; the tag decides, whatever he wrote.
const READ: &[&str] = &[
    "assp: m1-16130-00155 [Worker_1] [RelayAttempt] 203.0.113.66 <{}> to: {} relay attempt",
    "assp: m1-16130-00155 [Worker_1] [TLS-in] [RelayAttempt] 203.0.113.66 <{}>",
    "assp: 16130-00155 [MalformedAddress] 203.0.113.66 <{}> malformed address: '{}' - RFC822",
    "assp: m1-16130-00155 [Worker_1] [MaxErrors] 203.0.113.66 <{}> to: {} max errors: {}",
    "assp: m1-16130-00155 [Worker_1] [Delayed] 203.0.113.66 <{}> to: {} recipient delayed: {}",
    "assp: Nov-21-26 16:02:10 m1-16130-00155 [RelayAttempt] 203.0.113.66 <{}> to: {} {}",
    "assp: m1-16130-00155 203.0.113.66 warning: SMTP authentication failed on {}",
    "assp: m1-16130-00155 203.0.113.66 <{}> to: {} warning: SMTP authentication failed on 127.0.0.1:125",
    "assp: m1-16130-00155 [MaxAUTHErrors] 203.0.113.66 <{}> to: {} max sender authentication errors (5) exceeded",
    "assp: m1-16130-00155 203.0.113.66 [spam found] (Bayesian) [{}] -> {};",
];

/// Lines of a message whose address was logged once, with its connection.
const NOBODY: &[&str] = &[
    "m1-16130-00155 [Worker_1] [RelayAttempt] <{}> to: {} relay attempt blocked for: {}",
    "m1-16130-00155 [Worker_1] <{}> to: {} {}",
    "m1-16130-00155 [Worker_1] <{}>",
    "m1-16130-00155 to: {} [spam found] (Bayesian) [{}] -> {};",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn assp_names_the_peer_or_nobody(words in text(PIECES), cut in 0usize..300) {
        named::names_the_peer_or_nobody(Server::Assp, READ, &[], &words)?;
        for template in READ {
            let line = named::line(template, &words);
            let part = named::client(line.get(..cut).unwrap_or(&line));
            prop_assert!(part.is_none_or(|client| client == PEER), "{}", template);
        }
    }

    /// Nobody is named, nor let in, by a line that has the stranger's words only.
    #[test]
    fn words_name_nobody(template in prop::sample::select(NOBODY), words in text(PIECES)) {
        for front in ["assp: ", "assp[4711]: Nov-21-26 16:02:10 "] {
            let line = named::line(&[front, template].concat(), &words);
            let event = named::event(&line);
            let shown = String::from_utf8_lossy(&line);
            prop_assert!(event.is_none_or(|event| event.client.is_none()), "{}", shown);
            let is_login = event.is_some_and(|event| event.kind == event::Kind::Auth);
            prop_assert!(!is_login || contains(&line, b"failed on"), "{}", shown);
        }
    }
}
