//! Whatever a stranger writes as host name, login name, command or address, the client of an
//! OpenSMTPD line is the peer or nobody, and its session the line's own.

mod stranger;

use event::{Event, Kind, Outcome, Reason};
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]",
    "address=6.6.6.6",
    " address=6.6.6.6 host=x",
    " smtp connected address=6.6.6.6 host=x",
    "\nNov 21 16:40:01 mx smtpd[4711]: 0000000000000bad smtp connected address=6.6.6.6 host=x",
    "0000000000000bad smtp authentication user=victim result=ok",
    " host=",
    "user=victim",
    " result=ok",
    " result=permfail",
    " result=\"250 ok\"",
    "\" result=\"535 Authentication failed\"",
    "AUTH PLAIN (...)",
    "RCPT TO:<victim@example.org>",
    "> to=<",
    "> rcpt=<",
    " delay=0s result=Ok stat=x",
    "reason=quit",
    "local",
    "\"",
    "\\",
    "\\\"",
    "<",
    ">",
    "=",
    " ",
];

const SESSION: &[u8] = b"7d1c0a5e9b3f2246";

/// `{a}` and `{b}` are a stranger's, and the peer stands in the first two.
const TEMPLATES: &[&str] = &[
    "smtp connected address=203.0.113.66 host={a}",
    "smtp connected address=[::ffff:203.0.113.66] host={a}",
    "smtp disconnected reason={a}",
    "smtp tls ciphers={a}",
    "smtp authentication user={a} result=ok",
    "smtp authentication user={a} result=permfail",
    "smtp authentication user={a} result=tempfail",
    "smtp failed-command command=\"{a}\" result=\"500 5.5.1 Invalid command: {b}\"",
    "smtp failed-command command=\"RCPT TO:<{a}>\" result=\"550 Invalid recipient: <{b}>\"",
    "smtp failed-command command=\"AUTH PLAIN (...)\" result=\"535 Authentication failed\"",
    "smtp bad-input result=\"{a}\"",
    "smtp message msgid=d3ad0165 size=1 nrcpt=1 proto={a}",
    "smtp envelope evpid=d3ad016565b761f1 from=<{a}> to=<{b}>",
    "mda delivery evpid=d3ad016565b761f1 from=<{a}> to=<{b}> rcpt=<{b}> user=x delay=0s result=Ok stat={a}",
    "mta delivery evpid=d3ad016565b761f1 from=<{a}> to=<{b}> rcpt=<-> source=\"192.0.2.10\" relay=\"192.0.2.1 ({b})\" delay=0s result=\"Ok\" stat=\"{a}\"",
    "mta connecting address=smtp://6.6.6.6:25 host={a}",
    "{a}",
];

/// The template with its places filled, behind a session's id.
fn message(template: &str, a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = [SESSION, b" "].concat();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend(before.bytes());
        out.extend(if after.starts_with('a') { a } else { b });
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out.extend(rest.bytes());
    out
}

fn framings(message: &[u8]) -> [Vec<u8>; 3] {
    [
        [b"Nov 21 16:40:01 mx smtpd[4711]: ", message].concat(),
        [b"2026-11-21T16:40:01.000000+00:00 mx smtpd[4711]: ", message].concat(),
        [b"<22>1 2026-11-21T16:40:01.000000+00:00 mx smtpd 4711 - - ", message].concat(),
    ]
}

/// As `smtpd` writes a command: quotes and backslashes escaped.
fn escaped(text: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'"' | b'\\' => vec![b'\\', *byte],
        _ => vec![*byte],
    };
    text.iter().flat_map(escape).collect()
}

fn is_peer_or_nobody(line: &[u8]) -> Result<Option<Event<'_>>, TestCaseError> {
    let event = event(line);
    let client = event.and_then(|event| event.client).map(|client| client.to_string());
    let right = client.as_deref().is_none_or(|client| client == PEER);
    prop_assert!(right, "{client:?} of {}", String::from_utf8_lossy(line));
    Ok(event)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn opensmtpd_names_the_peer_or_nobody(
        template in prop::sample::select(&TEMPLATES[..TEMPLATES.len() - 1]),
        a in text(PIECES),
        b in text(PIECES),
    ) {
        for line in framings(&message(template, &a, &b)) {
            let Some(event) = is_peer_or_nobody(&line)? else { continue };
            let shown = String::from_utf8_lossy(&line).into_owned();
            let session = event.session.map(|session| session.bytes().to_vec());
            prop_assert!(session.as_deref().is_none_or(|id| id == SESSION), "{}", shown);
            prop_assert_eq!(event.client.is_some(), template.contains(PEER), "{}", shown);
            let account = event.account.map(|account| account.bytes().to_vec());
            let is_login = template.contains("authentication");
            prop_assert!(account.is_none_or(|name| is_login && name == a), "{}", shown);
        }
    }

    /// A line that begins as a connection does is a stranger's only from its host name on.
    #[test]
    fn a_line_that_was_cut_names_the_peer_or_nobody(
        template in prop::sample::select(&TEMPLATES[..TEMPLATES.len() - 1]),
        a in text(PIECES),
        cut in 0usize..200,
    ) {
        for line in framings(&message(template, &a, &a)) {
            is_peer_or_nobody(line.get(..cut).unwrap_or(&line))?;
        }
    }

    #[test]
    fn a_failed_login_counts_whatever_the_name(name in text(PIECES)) {
        // `smtpd` escapes blanks; one that is there all the same is no name's.
        let whole = !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace);
        for line in framings(&message("smtp authentication user={a} result=permfail", &name, b"")) {
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            prop_assert_eq!((event.kind, event.outcome), (Kind::Auth, Outcome::Rejected));
            prop_assert!(event.hostile && event.attempts == 1);
            prop_assert_eq!(event.session.map(|id| id.bytes().to_vec()), Some(SESSION.to_vec()));
            let account = event.account.map(|account| account.bytes().to_vec());
            prop_assert_eq!(account, whole.then(|| name.clone()));
        }
    }

    #[test]
    fn a_refused_recipient_is_one_whatever_the_name(name in text(PIECES)) {
        let template = "smtp failed-command command=\"RCPT TO:<{a}>\" result=\"550 Invalid recipient: <{b}>\"";
        for line in framings(&message(template, &escaped(&name), &name)) {
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            prop_assert_eq!(event.reason, Some(Reason::RecipientUnknown));
            prop_assert!(event.hostile && event.client.is_none());
        }
    }

    /// Any message at all: no panic, and what is shown of it is safe.
    #[test]
    fn any_message_has_an_answer(a in text(PIECES), part in prop::sample::select(TEMPLATES)) {
        let bare = [part.as_bytes(), &a].concat();
        for line in framings(&bare).iter().chain(&framings(&message("{a}", &bare, b""))) {
            let _ = event(line);
        }
    }
}
