//! Whatever a stranger writes, the client of a line of Stalwart is the peer or nobody.

mod stranger;

use event::{Event, Server};
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "remoteIp = 6.6.6.6",
    "\", remoteIp = 6.6.6.6, x = \"",
    "\", remoteIp = 6.6.6.6",
    ", localPort = 25, remoteIp = 6.6.6.6, remotePort = 1",
    "\\\", remoteIp = 6.6.6.6, accountName = \\\"victim",
    "\", accountName = \"victim",
    " (auth.success) ",
    "\"], remoteIp = 6.6.6.6, x = [\"",
    " { ",
    " }",
    "\x1b[36m",
    "\n2026-11-21T16:02:10Z INFO x (auth.failed) localPort = 25, remoteIp = 6.6.6.6, remotePort = 1",
    "\"",
    "\\",
    ", ",
    " = ",
    "[",
    "]",
];

/// `{}` is a stranger's. Older releases write the peer first.
const PEER_FIRST: &[&str] = &[
    "Authentication failed (auth.failed) listenerId = \"smtp\", localPort = 25, remoteIp = 203.0.113.66, remotePort = 4, remoteIp = 203.0.113.66, accountName = \"{}\"",
    "Authentication failed (auth.failed) listenerId = \"imap\", localPort = 143, remoteIp = 203.0.113.66, remotePort = 4, accountName = \"{}\", id = \"{}\"",
    "Authentication failed (auth.failed) listenerId = \"https\", localPort = 443, remoteIp = 203.0.113.66, remotePort = 4, remoteIp = 6.6.6.6, accountName = \"{}\"",
    "Banned due to scan (security.scan-ban) listenerId = \"https\", localPort = 443, remoteIp = 203.0.113.66, remotePort = 4, remoteIp = 6.6.6.6, path = \"{}\"",
    "Mailbox does not exist (smtp.mailbox-does-not-exist) listenerId = \"smtp\", localPort = 25, remoteIp = 203.0.113.66, remotePort = 4, to = \"{}\"",
    "Invalid EHLO command (smtp.invalid-ehlo) listenerId = \"smtp\", localPort = 25, remoteIp = 203.0.113.66, remotePort = 4, domain = \"{}\"",
    "Queued message for delivery (queue.message-queued) listenerId = \"smtp\", localPort = 25, remoteIp = 203.0.113.66, remotePort = 4, queueId = 18, from = \"{}\", to = [\"{}\", \"{}\"], size = 1, nextDsn = (null)",
    "TLS handshake error (tls.handshake-error) listenerId = \"imap\", localPort = 143, remoteIp = 203.0.113.66, remotePort = 4, reason = \"{}\"",
];

/// Newer ones write him last, and escape quotes.
const PEER_LAST: &[&str] = &[
    "Authentication failed (auth.failed) listenerId = \"smtp\", localPort = 25, remotePort = 4, accountName = \"{}\", accountId = 5, reason = \"Authentication failed\", remoteIp = 203.0.113.66",
    "Banned due to authentication errors (security.authentication-ban) listenerId = \"imap\", localPort = 143, remotePort = 4, remoteIp = 203.0.113.66, accountName = \"{}\"",
    "Banned due to abuse (security.abuse-ban) listenerId = \"smtp\", localPort = 25, remotePort = 4, remoteIp = 203.0.113.66, to = \"{}\"",
];

/// Of these the peer cannot be read, whatever stands there.
const PEER_UNKNOWN: &[&str] = &[
    "Authentication failed (auth.failed) listenerId = \"https\", localPort = 443, remotePort = 4, accountName = \"{}\", reason = \"Account not found\", remoteIp = 6.6.6.6",
    "Banned due to scan (security.scan-ban) listenerId = \"https\", localPort = 443, remotePort = 4, remoteIp = 6.6.6.6, path = \"{}\"",
    "Authentication failed (auth.failed) accountName = \"{}\", details = x, remoteIp = 6.6.6.6",
    "Message delivered (delivery.delivered) queueId = 1, from = \"{}\", to = [\"{}\"], total = 1, hostname = \"{}\", remoteIp = 6.6.6.6, to = \"{}\", details = \"{}\"",
];

fn line(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    [&b"2026-11-21T16:02:10Z INFO "[..], &parts.join(words)].concat()
}

/// As newer releases write a text.
fn escaped(words: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        b'\t' => b"\\t".to_vec(),
        b'"' | b'\\' => vec![b'\\', *byte],
        0..0x20 | 0x7f => format!("\\x{byte:02x}").into_bytes(),
        _ => vec![*byte],
    };
    words.iter().flat_map(escape).collect()
}

/// As older ones do.
fn half_escaped(words: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        b'\\' => vec![b'\\', b'\\'],
        _ => vec![*byte],
    };
    words.iter().flat_map(escape).collect()
}

fn client(event: Option<Event<'_>>) -> Option<String> {
    event.and_then(|event| event.client).map(|client| client.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn stalwart_names_the_peer_or_nobody(
        first in prop::sample::select(PEER_FIRST),
        last in prop::sample::select(PEER_LAST),
        unknown in prop::sample::select(PEER_UNKNOWN),
        words in text(PIECES),
        cut in 0usize..300,
    ) {
        for (template, words) in [
            (first, half_escaped(&words)),
            (first, escaped(&words)),
            (last, escaped(&words)),
            (unknown, half_escaped(&words)),
            (unknown, escaped(&words)),
        ] {
            let line = line(template, &words);
            let shown = String::from_utf8_lossy(&line);
            let event = event(&line);
            prop_assert!(event.is_some_and(|e| e.server == Server::Stalwart), "{}", shown);
            // Longer lines may have been cut inside the address that ends them.
            let read = template != unknown && (template == first || line.len() < 2000);
            prop_assert_eq!(client(event), read.then(|| PEER.to_owned()), "{}", shown);
            let failed = template.contains("auth.failed") || template.contains("-ban");
            prop_assert!(!failed || event.is_some_and(|e| e.hostile), "{}", shown);
        }
        let line = line(first, &half_escaped(&words));
        let client = client(event(line.get(..cut).unwrap_or(&line)));
        prop_assert!(client.is_none_or(|client| client == PEER));
    }

    /// A release that leaves keys out and quotes as they are, which none is known to be.
    #[test]
    fn an_address_behind_open_quotes_is_nobodys(
        template in prop::sample::select(PEER_LAST),
        words in text(PIECES),
    ) {
        let line = line(template, &half_escaped(&words));
        let client = client(event(&line));
        prop_assert!(client.is_none_or(|client| client == PEER), "{}", String::from_utf8_lossy(&line));
    }

    #[test]
    fn the_account_is_what_was_tried(words in text(PIECES)) {
        let line = line(PEER_LAST[0], &escaped(&words));
        let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        prop_assert_eq!(event.attempts, 1);
        prop_assert_eq!(event.account.map(|name| name.bytes().to_vec()), Some(escaped(&words)));
    }

    /// Any message at all: no panic.
    #[test]
    fn any_message_has_an_answer(words in text(PIECES)) {
        let head = "2026-11-21T16:02:10Z INFO x (auth.failed) ";
        let _ = event(&[head.as_bytes(), &words].concat());
        let _ = event(&[b"Nov 21 16:40:01 mx stalwart[4]: ", &words[..]].concat());
    }
}
