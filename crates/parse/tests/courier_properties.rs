//! Whatever a stranger writes, the client of a line of Courier is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "::ffff:6.6.6.6",
    ", ip=[::ffff:6.6.6.6]",
    ", ip=[::ffff:6.6.6.6], port=[1]",
    ", port=[1]",
    ", protocol=IMAP",
    ", time=0",
    "user=victim",
    "relay=::ffff:6.6.6.6",
    ",port=1,",
    ">,to=<",
    ">: 550 User unknown.",
    "\",cmd: ",
    "]",
    ", ",
    "<",
    ">",
    "=",
    " ",
];

/// `{}` is a stranger's text.
const TEMPLATES: &[&str] = &[
    "imapd: LOGIN FAILED, user={}, ip=[::ffff:203.0.113.66], port=[4711]",
    "imapd[7]: LOGIN FAILED, user={}, ip=[::ffff:203.0.113.66]",
    "pop3d-ssl: LOGIN FAILED, method={}, ip=[::ffff:203.0.113.66], port=[4711]",
    "imapd-ssl: LOGIN, user={}, ip=[::ffff:203.0.113.66], port=[4711], protocol=IMAP",
    "imapd: LOGOUT, user={}, ip=[::ffff:203.0.113.66], port=[4711], headers=0, body=0, rcvd=1, sent=2, time=1",
    "pop3d: DISCONNECTED, user={}, ip=[::ffff:203.0.113.66], port=[4711], time=1",
    "imapd-ssl: ip=[::ffff:203.0.113.66], couriertls: {}",
    "courieresmtpd: error,relay=::ffff:203.0.113.66,port=4711,from=<{}>,to=<b@example.org>: 550 User unknown.",
    "courieresmtpd: error,relay=::ffff:203.0.113.66,from=<>,to=<{}>: 513 Relaying denied.",
    "courieresmtpd: error,relay=::ffff:203.0.113.66,port=4711,msg=\"535 Authentication failed.\",cmd: {}",
    "courieresmtpd: error,relay=::ffff:203.0.113.66,port=4711,msg=\"535 Authentication failed.\",cmd: AUTH LOGIN {}",
    "courieresmtpd: ip=[::ffff:203.0.113.66], {}",
    "courieresmtpd: error,relay=::ffff:203.0.113.66: 550 {}",
    "courierd: newmsg,id=0000000000000003.5F000000.00000001: dns; {} (x [::ffff:203.0.113.66])",
    "courierd: newmsg,id=0000000000000003.5F000000.00000001, auth=bob@example.org: dns; {} ([::ffff:203.0.113.66])",
    "courieresmtp: id=0000000000000003.5F000000.00000001,from=<{}>,addr=<b@example.org>: 550 no",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn courier_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..60,
    ) {
        let (head, tail) = template.split_once("{}").unwrap_or((template, ""));
        let head = [b"Nov 21 16:40:01 mx ", head.as_bytes()].concat();
        let line = [&head, &words[..], tail.as_bytes()].concat();
        // A line that ends inside a stranger's name, left of the peer, cannot be told from a whole
        // one. syslog cuts only long ones, see the last test.
        let kept = line.len() - cut.min(tail.len());
        for (line, whole) in [(&line[..], true), (&line[..kept], false), (&head[..], false)] {
            let event = event(line);
            let shown = String::from_utf8_lossy(line);
            let client = event.and_then(|event| event.client).map(|client| client.to_string());
            let left = tail.contains(PEER);
            if whole || !left || kept > head.len() + words.len() + 4 {
                prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
            }
            prop_assert!(!whole || event.is_some_and(|e| e.server == Server::Courier), "{}", shown);
            prop_assert!(!whole || client.is_some() == template.contains(PEER), "{}", shown);
            let failed = template.contains("FAILED") || template.contains("535");
            let counts = event.is_some_and(|event| event.hostile && event.attempts == 1);
            prop_assert!(!whole || !failed || counts, "{}", shown);
            if whole && template.contains("user=") {
                let account = event.and_then(|event| event.account);
                let account = account.map(|name| name.bytes().to_vec()).unwrap_or_default();
                prop_assert_eq!(&account, &words, "{}", shown);
            }
        }
    }

    /// syslog may have cut it behind a stranger's copy of the fields.
    #[test]
    fn a_courier_line_that_is_long_names_nobody(length in 900usize..9000) {
        let name = "x".repeat(length);
        let line = format!("Nov 21 16:40:01 mx imapd: LOGIN FAILED, user={name}, ip=[6.6.6.6], port=[1]");
        let event = event(line.as_bytes());
        prop_assert!(event.is_some_and(|event| event.hostile && event.client.is_none()));
    }

    #[test]
    fn any_courier_message_has_an_answer(
        program in prop::sample::select(&["imapd", "pop3d", "courieresmtpd", "courierd"][..]),
        words in text(PIECES),
    ) {
        let _ = event(&[b"Nov 21 16:40:01 mx ", program.as_bytes(), b": ", &words].concat());
    }
}
