//! Whatever stands in a Dovecot user name or password, the client is the peer or nobody, the
//! account is the name that was tried (or a longer text, or nobody), and the login line counts
//! against the peer.

mod stranger;

use event::{Event, Kind, Outcome, Timestamp};
use parse::{Parsed, frame, parse};
use proptest::prelude::*;
use std::net::IpAddr;
use stranger::{PEER, contains, text, utf8_printable};

const PIECES: &[&str] = &[
    ">",
    "<",
    ",",
    "6.6.6.6",
    ",6.6.6.6",
    ",6.6.6.6,<s>): ",
    ",6.6.6.6): ",
    "): ",
    ")",
    "(",
    ",sasl:plain)<s>: passwd-file: ",
    ",6.6.6.6,sasl:plain): ",
    "unknown user",
    "Password mismatch",
    "passwd-file(",
    "auth: passwd-file(victim,6.6.6.6): ",
    " (given password: ",
    " (SHA1 of given password: 405d07)",
    " (SHA1 of given password: 405d07",
    " - trying the next passdb",
    "Username character disallowed by auth_username_chars: 0x3e (username: ",
    "Policy check action is tarpit 3 second(s)",
    "oauth2 failed: ",
    "x,6.6.6.6): Login failed (status=",
    "x,6.6.6.6,sasl:plain): Info: Login failed (status=",
    "?,6.6.6.6,<s>): Username character disallowed by auth_username_chars: 0x3e (username: ",
    "user=<victim>, method=PLAIN, rip=6.6.6.6, lip=9.9.9.9, session=<x>",
    ": user=<",
    ": user=<>, rip=6.6.6.6, lip=1.1.1.1, ",
    ", method=PLAIN",
    ", method=",
    ", rip=6.6.6.6, lip=9.9.9.9",
    ", rip=",
    "rip=6.6.6.6",
    ", lip=",
    ", mpid=1, TLS",
    "TLS: Received invalid SSL certificate: ",
    ", TLS: Received invalid SSL certificate: x>",
    ", session=<s>",
    ": Info: ",
    ": Error: ",
    "Login: ",
    "(auth failed, 9 attempts in 1 secs)",
    "(no auth attempts in 0 secs)",
    "\n",
    "Nov 21 16:15:37 mx dovecot: imap-login: Login: user=<victim>, method=PLAIN, rip=6.6.6.6, ",
];

const SESSION: &str = "Z8Oxq8tgI4XLAHFC";

/// What a login process prints of a name: `str_sanitize(name, 80)`.
fn login_name(name: &[u8]) -> Vec<u8> {
    let mut shown = utf8_printable(name);
    if shown.len() > 80 {
        shown.truncate(77);
        shown.extend(b"...");
    }
    shown
}

/// What `auth` prints of a name: lower case, 64 bytes.
fn auth_name(name: &[u8]) -> Vec<u8> {
    let mut shown = utf8_printable(name).to_ascii_lowercase();
    if shown.len() > 64 {
        shown.truncate(61);
        shown.extend(b"...");
    }
    shown
}

/// By syslog, and in Dovecot's own file.
fn framings(service: &str, message: &[u8]) -> [Vec<u8>; 2] {
    let syslog = [b"Nov 21 16:15:37 mx dovecot: ", service.as_bytes(), message].concat();
    // The level word stands before the text, behind all brackets of the identity.
    let own = match message.strip_prefix(b": ") {
        Some(text) => [b"2026-11-21 16:15:37 ", service.as_bytes(), b": Info: ", text].concat(),
        None => {
            let (identity, text) = split_identity(message);
            [b"2026-11-21 16:15:37 ", service.as_bytes(), identity, b": Info: ", text].concat()
        }
    };
    [syslog, own]
}

/// At the mark that the 2.4 template has behind its identity.
fn split_identity(message: &[u8]) -> (&[u8], &[u8]) {
    let mark = b": passwd-file: ";
    let at = message.windows(mark.len()).rposition(|window| window == mark);
    let at = at.unwrap_or_default();
    (&message[..at], &message[at + 2..])
}

fn event<'a>(line: &'a [u8]) -> Option<Event<'a>> {
    match parse(&frame(line)?, Timestamp(0)) {
        Parsed::Event(event) => Some(event),
        _ => None,
    }
}

fn holds(line: &[u8], name: &[u8]) -> Result<Option<IpAddr>, TestCaseError> {
    let Some(event) = event(line) else { return Ok(None) };
    let peer = PEER.parse::<IpAddr>().ok();
    let shown = String::from_utf8_lossy(line);
    prop_assert!(event.client.is_none() || event.client == peer, "{:?} of {shown}", event.client);
    if let Some(account) = event.account {
        // Never less than the name: a part of it could be another's.
        prop_assert!(contains(account.bytes(), name), "{account:?} of {shown}");
    }
    Ok(event.client)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_failed_login_counts_against_the_peer(raw in text(PIECES), attempts in 1u32..40) {
        let name = login_name(&raw);
        for head in [
            format!(": Disconnected: Connection closed (auth failed, {attempts} attempts in 2 secs): user=<"),
            format!(": Login aborted: Logged out (auth failed, {attempts} attempts in 2 secs) (auth_failed): user=<"),
        ] {
            for tail in [
                format!(">, method=PLAIN, rip={PEER}, lip=192.0.2.1, TLS, session=<{SESSION}>"),
                format!(">, method=LOGIN, rip=::ffff:{PEER}, lip=::ffff:192.0.2.1, session=<{SESSION}>"),
                format!(">, method=PLAIN, rip={PEER}, lip=192.0.2.1, mpid=7"),
            ] {
                let message = [head.as_bytes(), &name, tail.as_bytes()].concat();
                for line in framings("imap-login", &message) {
                    let shown = String::from_utf8_lossy(&line).into_owned();
                    prop_assert_eq!(holds(&line, &name)?, Some(PEER.parse().unwrap()), "{}", shown);
                    let event = event(&line).unwrap();
                    prop_assert_eq!(event.attempts, attempts);
                    prop_assert!(event.hostile && event.outcome == Outcome::Rejected);
                    let account = event.account.map(|account| account.bytes().to_vec());
                    prop_assert_eq!(account.unwrap_or_default(), name.clone());
                }
            }
        }
    }

    #[test]
    fn raw_names_never_blame_another(raw in text(PIECES)) {
        let tail = format!(">, method=PLAIN, rip={PEER}, lip=192.0.2.1, TLS, session=<{SESSION}>");
        for head in [
            ": Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<",
            ": Disconnected: Connection closed (client didn't finish SASL auth, waited 0 secs): user=<",
            ": Login: user=<",
            ": Disconnected: Aborted login by logging out (tried to use disallowed plaintext auth): user=<",
            ": proxy(x): Login failed: y: user=<",
        ] {
            let message = [head.as_bytes(), &raw, tail.as_bytes()].concat();
            for line in framings("pop3-login", &message) {
                holds(&line, &raw)?;
            }
        }
    }

    #[test]
    fn a_certificate_never_blames_another(raw in text(PIECES), name in "[a-z]{0,8}") {
        for (head, group) in [
            (": Disconnected: Connection closed (no auth attempts in 0 secs): user=<>", String::new()),
            (": Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<", format!("{name}>, method=PLAIN")),
        ] {
            let fixed = format!("{head}{group}, rip={PEER}, lip=192.0.2.1, TLS: Received invalid SSL certificate: certificate revoked: /CN=");
            let message = [fixed.as_bytes(), &raw, format!(" (check ssl_ca setting?), session=<{SESSION}>").as_bytes()].concat();
            for line in framings("imap-login", &message) {
                let Some(event) = event(&line) else { continue };
                let peer: IpAddr = PEER.parse().unwrap();
                prop_assert!(event.client.is_none_or(|client| client == peer), "{}", String::from_utf8_lossy(&line));
            }
        }
    }

    #[test]
    fn reasons_of_auth_never_blame_another(raw in text(PIECES), password in text(PIECES), cut in any::<bool>()) {
        let name = if cut { auth_name(&raw) } else { raw };
        for reason in [
            &b"unknown user"[..],
            b"Password mismatch",
            b"Password mismatch (SHA1 of given password: 405d07)",
            &[b"unknown user (given password: ", &password[..], b")"].concat(),
        ] {
            for message in [
                [b": passwd-file(", &name[..], format!(",{PEER},<{SESSION}>): ").as_bytes(), reason].concat(),
                [b": sql(", &name[..], format!(",{PEER}): ").as_bytes(), reason].concat(),
                [b"(", &name[..], format!(",{PEER},sasl:plain)<{SESSION}>: passwd-file: ").as_bytes(), reason].concat(),
                [b"(", &name[..], format!(",{PEER},sasl:plain): passwd-file: ").as_bytes(), reason].concat(),
            ] {
                if message.starts_with(b"(") && contains(reason, b": passwd-file: ") {
                    continue; // where the own file's level word goes could not be told
                }
                for line in framings("auth", &message) {
                    holds(&line, &name)?;
                    let shown = String::from_utf8_lossy(&line).into_owned();
                    if let Some(event) = event(&line) {
                        let secret = event.secret_tag.map(|tag| tag.bytes().to_vec());
                        prop_assert!(secret.is_none_or(|tag| tag.iter().all(u8::is_ascii_hexdigit)), "{}", shown);
                        prop_assert!(event.detail.is_none(), "{}", shown);
                    }
                }
            }
        }
    }

    /// A driver whose words are in no table: the name may copy a failure that is.
    #[test]
    fn a_reason_that_nobody_knows_never_blames_another(raw in text(PIECES)) {
        for message in [
            [b": lua(", &raw[..], format!(",{PEER},<{SESSION}>): a reason of its own").as_bytes()].concat(),
            [b": imap(", &raw[..], format!(",{PEER}): a reason of its own").as_bytes()].concat(),
            [b"(", &raw[..], format!(",{PEER},sasl:plain)<{SESSION}>: lua: a reason of its own").as_bytes()].concat(),
        ] {
            for line in framings("auth", &message) {
                let Some(event) = event(&line) else { continue };
                let peer: IpAddr = PEER.parse().unwrap();
                prop_assert!(event.client.is_none_or(|client| client == peer), "{}", String::from_utf8_lossy(&line));
            }
        }
    }

    #[test]
    fn a_refused_name_never_blames_another(raw in text(PIECES)) {
        let mut name = utf8_printable(&raw);
        name.truncate(128);
        let text = [&b"Username character disallowed by auth_username_chars: 0x3e (username: "[..], &name, b")"].concat();
        let message = [format!(": plain(?,{PEER},<{SESSION}>): ").as_bytes(), &text].concat();
        for line in framings("auth", &message) {
            holds(&line, &name)?;
        }
    }

    #[test]
    fn plain_names_with_a_fixed_reason_are_read_whole(name in "[ -+--~]{1,60}") {
        prop_assume!(!name.contains("): ") && name != "?" && !name.contains(")<"));
        for message in [
            format!(": passwd-file({name},{PEER},<{SESSION}>): Password mismatch"),
            format!("({name},{PEER},sasl:plain)<{SESSION}>: passwd-file: Password mismatch"),
        ] {
            let line = &framings("auth", message.as_bytes())[0];
            let event = event(line).unwrap();
            prop_assert_eq!(event.client, Some(PEER.parse().unwrap()));
            prop_assert_eq!(event.account.unwrap().bytes(), name.as_bytes());
            prop_assert_eq!(event.kind, Kind::Auth);
        }
    }

    #[test]
    fn a_line_that_was_cut_names_no_other(cut in 0usize..400) {
        for message in [
            format!(": Disconnected: Connection closed (auth failed, 3 attempts in 2 secs): user=<bob>, method=PLAIN, rip={PEER}, lip=192.0.2.1, TLS, session=<{SESSION}>"),
            format!(": passwd-file(bob,{PEER},<{SESSION}>): Password mismatch"),
            format!("(bob,{PEER},sasl:plain)<{SESSION}>: passwd-file: Password mismatch"),
            format!(": haproxy: Client not trusted (rip={PEER})"),
        ] {
            for service in ["imap-login", "auth"] {
                let line = [b"Nov 21 16:15:37 mx dovecot: ", service.as_bytes(), message.as_bytes()].concat();
                holds(line.get(..cut).unwrap_or(&line), b"")?;
            }
        }
    }

    #[test]
    fn nothing_panics(bytes in text(PIECES), service in prop::sample::select(vec!["imap-login", "auth", "auth-worker", "lmtp", "imap", "x"])) {
        for line in [
            [b"Nov 21 16:15:37 mx dovecot: ", service.as_bytes(), b": ", &bytes[..]].concat(),
            [b"Nov 21 16:15:37 mx dovecot: ", service.as_bytes(), b"(", &bytes[..]].concat(),
            [b"2026-11-21 16:15:37 ", service.as_bytes(), b"(", &bytes[..], b"): Info: ", &bytes[..]].concat(),
            [b"Nov 21 16:15:37 mx dovecot: ", &bytes[..]].concat(),
        ] {
            let _ = event(&line);
        }
    }
}
