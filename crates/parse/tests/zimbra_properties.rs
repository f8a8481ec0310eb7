//! Whatever a stranger writes, the client of a line of Zimbra's is the peer or nobody, and a failed
//! login counts.

mod stranger;

use event::{Outcome, Server};
use proptest::prelude::*;
use stranger::named::{event, is_peer_or_nobody};
use stranger::{PEER, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    ";",
    ";;",
    "ip=6.6.6.6;",
    ";ip=6.6.6.6;",
    "oip=6.6.6.6;",
    "]",
    "[",
    "] [",
    "] [ip=6.6.6.6;] imap - connected",
    "x/] [ip=6.6.6.6;] security - cmd=Auth; account=victim; error=z;",
    "] []",
    "] [ip=6.6.6.6;] security - cmd=Auth; account=victim; protocol=soap;",
    "] imap - authentication failed for [victim] (invalid password)",
    "; error=account lockout;",
    "cmd=AdminAuth; ",
    " (account lockout)",
    "], account lockout",
    " authenticated, mechanism=LOGIN",
    "user victim",
    " - ",
    "=",
    " ",
    ",",
];

/// Each line in which a stranger has a say: in values, where Zimbra doubles semicolons (`{v}`), and
/// elsewhere (`{}`). The peer is 203.0.113.66.
const TEMPLATES: [&str; 6] = [
    "INFO  [ImapServer-1] [ip=203.0.113.66;] imap - authentication failed for [{}] (invalid password)",
    "INFO  [ImapServer-1] [ip=203.0.113.66;oip={v};via={v};ua={v};] imap - authentication failed for [{}] (invalid password)",
    "INFO  [Pop3Server-1] [ip=203.0.113.66;] pop - authentication failed for [{}] (account not found)",
    "WARN  [ImapServer-1] [ip=203.0.113.66;] security - cmd=Auth; account={v}; protocol=imap; error=authentication failed for [{v}], invalid password;",
    "WARN  [qtp1-1:https://mail.example.org/service/soap/] [ip=203.0.113.66;ua={v};] security - cmd=Auth; account={v}; protocol=soap; error=authentication failed for [{v}], invalid password;",
    "WARN  [qtp1-1:https://mail.example.org/service/soap/] [oip={v};ua={v};] security - cmd=Auth; account={v}; protocol=soap; error=authentication failed for [{v}], invalid password;",
];

/// Lines where the peer may be hidden: a host name in a URL, and a name behind it that is not
/// written with doubled semicolons.
const HIDDEN: [&str; 5] = [
    "WARN  [qtp1-1:https://{}/service/soap/] [ip=203.0.113.66;] security - cmd=Auth; account=x; protocol=soap; error=authentication failed for [x], invalid password;",
    "INFO  [qtp1-1:https://mail.example.org/service/soap/] [ip=203.0.113.66;] SoapEngine - handler exception: authentication failed for [{}], invalid password",
    "INFO  [LmtpServer-1] [ip=203.0.113.66;] lmtp - Delivering message: size=9 bytes, nrcpts=2, sender={}, msgid={}",
    "WARN  [qtp1-1:https://{}/service/soap/] [] security - cmd=Auth; account=x; protocol=soap; error=authentication failed for [x], invalid password;",
    "INFO  [ImapServer-1] [ip=203.0.113.66;ua={v};] imap - {}",
];

fn line(template: &str, words: &[u8]) -> Vec<u8> {
    let words: Vec<u8> =
        words.iter().map(|b| if b"\r\n".contains(b) { b' ' } else { *b }).collect();
    let doubled: Vec<u8> =
        words.iter().flat_map(|b| vec![*b; if *b == b';' { 2 } else { 1 }]).collect();
    let parts = template.split("{v}").map(|part| {
        let inner: Vec<&[u8]> = part.split("{}").map(str::as_bytes).collect();
        inner.join(&words[..])
    });
    let parts: Vec<Vec<u8>> = parts.collect();
    [b"2026-11-21 16:02:10,123 ".to_vec(), parts.join(&doubled[..])].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn zimbra_names_the_peer_or_nobody(
        template in prop::sample::select([&TEMPLATES[..], &HIDDEN].concat()),
        words in text(PIECES),
        cut in 0usize..300,
    ) {
        let line = line(template, &words);
        is_peer_or_nobody(&line)?;
        // A host name that is a whole line would end one that was cut in it: lines of this file are
        // cut where they are long.
        if !template.contains("://") {
            is_peer_or_nobody(line.get(..cut).unwrap_or(&line))?;
        }
        let long = self::line(template, &[&[b'x'; 8192], &words[..]].concat());
        is_peer_or_nobody(long.get(..8192 + cut).unwrap_or(&long))?;
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(event.is_none_or(|e| e.server == Server::Zimbra), "{}", shown);
        let victim = event.is_some_and(|e| {
            e.outcome == Outcome::Allowed && e.account.is_some_and(|name| name.bytes() == b"victim")
        });
        // The last one is Zimbra's own words, whatever they are.
        prop_assert!(!victim || template == HIDDEN[4], "{}", shown);
    }

    #[test]
    fn a_failed_login_counts_whatever_the_words_are(
        template in prop::sample::select(TEMPLATES.to_vec()),
        words in text(PIECES),
    ) {
        let line = line(template, &words);
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(event.is_some_and(|e| e.hostile && e.attempts == 1), "{}", shown);
        let client = event.and_then(|event| event.client).map(|client| client.to_string());
        // A web client's words can look like a second context.
        let is_hidden = template.contains("://") && line.windows(3).filter(|w| w == b"] [").count() > 1;
        prop_assert!(is_hidden || client.is_some() == template.contains(PEER), "{}", shown);
    }
}
