//! Whatever a stranger writes, the client of a line of Exchange's protocol logs is the peer or
//! nobody, and a failed login counts.

mod stranger;

use event::{Event, Outcome, Server};
use parse::frame;
use proptest::prelude::*;
use stranger::named::{event, is_peer_or_nobody};
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "6.6.6.6:25",
    ",",
    "\"",
    "\"\"",
    "\",\"",
    ";",
    "R=ok",
    "R=ok;",
    ";ErrMsg=ProxyFailed",
    ";ClientIp=6.6.6.6",
    "\";Msg=Proxy:x;ErrMsg=ProxyFailed",
    "NO LOGIN failed.",
    ",authenticated",
    "User Name: victim",
    "0000000000000bad,1,192.0.2.10:25,6.6.6.6:1,>,535 5.7.3 Authentication unsuccessful,",
    "\r\n2026-11-21T16:02:10.001Z,EX1\\x,08DB994D2DD18DBF,0,192.0.2.10:25,6.6.6.6:1,+,,",
    " [InternalId=1, Hostname=x]",
    " Queued mail for delivery",
    "> SIZE=1",
    "<",
    ">",
    " ",
    "'",
    "\\",
];

const SMTP: &str =
    "2026-11-21T16:02:10.001Z,EX1\\Default EX1,08DB994D2DD18DBF,9,192.0.2.10:25,203.0.113.66:518,";
const IMAP: &str = "2026-11-21T16:02:10.001Z,00000000000000E2,2,192.0.2.10:993,203.0.113.66:22162,";

/// What stands in front of a stranger's field, the field, and what stands behind it.
const TEMPLATES: &[(&str, &str, &str)] = &[
    (SMTP, "<,", "EHLO {}"),
    (SMTP, "<,", "MAIL FROM:<{}> SIZE=1"),
    (SMTP, "<,", "RCPT TO:<{}>"),
    (SMTP, "<,", "{}"),
    (SMTP, ">,", "550 5.1.1 User unknown {}"),
    (SMTP, ">,", "500 5.3.3 Unrecognized command '{}'"),
    (SMTP, ">,", "250 2.6.0 <{}> [InternalId=7, Hostname=EX1] 1 bytes Queued mail for delivery"),
    (SMTP, "*,,", "User Name: {}"),
    (SMTP, "*,", "{}"),
    (SMTP, "-,,", "Remote({})"),
];

/// As Exchange writes a field.
fn csv(field: &[u8]) -> Vec<u8> {
    if !field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        return field.to_vec();
    }
    let doubled = field.iter().flat_map(|byte| match byte {
        b'"' => vec![b'"', b'"'],
        _ => vec![*byte],
    });
    [b"\"".to_vec(), doubled.collect(), b"\"".to_vec()].concat()
}

fn filled(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    parts.join(words)
}

/// A line of the IMAP log, with a stranger's tag (no blank) and name.
fn login(tag: &[u8], name: &[u8]) -> Vec<u8> {
    let tag: Vec<u8> = tag.iter().copied().filter(|byte| *byte != b' ').collect();
    let parameters = csv(&[name, b" *****"].concat());
    let context = [
        b"R=\"",
        &tag[..],
        b" NO LOGIN failed.\";Msg=\"AuthFailed:LogonDenied,User: ",
        name,
        b"\";ErrMsg=AuthFailed:LogonDenied",
    ];
    let context = csv(&context.concat());
    [IMAP.as_bytes(), &csv(name), b",1,2,3,login,", &parameters, b",", &context].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn exchange_names_the_peer_or_nobody(
        (head, mark, template) in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..300,
    ) {
        let field = filled(template, &words);
        let line = [head.as_bytes(), mark.as_bytes(), &csv(&field), b","].concat();
        is_peer_or_nobody(&line)?;
        is_peer_or_nobody(line.get(..cut).unwrap_or(&line))?;
        // Also where a field came without its quotes.
        is_peer_or_nobody(&[head.as_bytes(), mark.as_bytes(), &field].concat())?;
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(frame(&line).is_some(), "{}", shown);
        let event = event(&line);
        prop_assert!(event.is_none_or(|e| e.server == Server::Exchange), "{}", shown);
        if template.starts_with('5') {
            prop_assert!(event.is_some_and(|e| e.hostile && e.client.is_some()), "{}", shown);
        }
        // Nobody logs himself in by what he says; a name that failed is an attempt.
        let is_name = template.starts_with("User Name: ");
        let is_none = |e: Event<'_>| e.attempts == 0 || is_name && e.hostile;
        prop_assert!(event.is_none_or(is_none), "{}", shown);
    }

    #[test]
    fn a_failed_login_counts_whatever_tag_and_name_are(
        tag in text(PIECES),
        name in text(PIECES),
        cut in 0usize..300,
    ) {
        let line = login(&tag, &name);
        let shown = String::from_utf8_lossy(&line).into_owned();
        let read = event(&line);
        let failed = read.is_some_and(|e| e.hostile && e.attempts == 1);
        prop_assert!(failed, "{}", shown);
        let client = read.and_then(|event| event.client).map(|client| client.to_string());
        prop_assert_eq!(client.as_deref(), Some(PEER), "{}", shown);
        // Nor does the reason stand behind the name in every release.
        let bare = line.strip_suffix(b";ErrMsg=AuthFailed:LogonDenied\"").unwrap_or(&line);
        let read = event(bare);
        prop_assert!(read.is_some_and(|e| e.hostile && e.attempts == 1), "{}", shown);
        prop_assert!(read.is_some_and(|e| e.forwarded.is_none()), "{}", shown);
        let cut = line.get(..cut).unwrap_or(&line);
        is_peer_or_nobody(cut)?;
        let good = event(cut).is_some_and(|e| e.outcome == Outcome::Allowed);
        prop_assert!(!good, "{}", shown);
    }
}
