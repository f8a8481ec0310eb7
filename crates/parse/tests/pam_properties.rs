//! Whatever a stranger writes as login name, the client of a line of PAM is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::names_the_peer_or_nobody;
use stranger::named::{event, line};
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    " rhost=6.6.6.6",
    " rhost=6.6.6.6 ",
    "  user=",
    "rhost=",
    "user=x",
    " ruser=",
    " rhost=203.0.113.66  user=z",
    "z",
    " tty=dovecot",
    "'",
    "]",
    " by (uid=0)",
    "; logname=",
    " ",
];

/// Lines whose peer is always read; `{}` is a stranger's.
const READ: &[&str] = &[];

/// Lines without a peer, or whose peer a stranger can hide, but never change.
const HIDDEN: &[&str] = &[
    "dovecot-auth[4711]: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={} rhost=203.0.113.66  user={}",
    "dovecot-auth[4711]: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={} rhost=203.0.113.66 ",
    "dovecot: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={} rhost=203.0.113.66 user={}",
    "auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser={} rhost=203.0.113.66",
    "auth: pam_unix(imap:auth): 3 more authentication failures; logname= uid=0 euid=0 tty= ruser= rhost=203.0.113.66  user={}",
    "imapd[7]: pam_sss(imap:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=203.0.113.66 user={}",
    "imap(pam_unix)[7]: authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=203.0.113.66  user={}",
    "smtpd[7]: pam_winbind(smtp:auth): user '{}' denied access (incorrect password or invalid membership)",
    "perdition.imaps[7]: pam_ldap(perdition:auth): Authentication failure; user={}",
    "saslauthd[7]: pam_unix(smtp:auth): authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=  user={}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn pam_names_the_peer_or_nobody(words in text(PIECES)) {
        names_the_peer_or_nobody(Server::Pam, READ, HIDDEN, &words)?;
    }

    #[test]
    fn a_plain_name_is_the_account(name in "[a-z]{1,9}(@[a-z]{1,9}\\.example)?") {
        for template in READ.iter().chain(HIDDEN).filter(|t| t.contains("rhost=203")) {
            let line = line(template, name.as_bytes());
            let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
            let account = event.account.map(|account| account.bytes().to_vec());
            prop_assert_eq!(account, Some(name.clone().into_bytes()));
            prop_assert_eq!(event.client.is_some(), template.contains(PEER));
        }
    }

    /// A name that repeats his own address, to make another's stand between equal names.
    #[test]
    fn no_mirror_blames_another(z in "[a-z ]{0,4}", blanks in " {0,2}") {
        for template in HIDDEN {
            for name in [
                format!("{z} rhost={PEER}  rhost=6.6.6.6{blanks}user={z}"),
                format!("{z} rhost={PEER} {blanks}rhost=6.6.6.6 user={z}"),
                format!("{z} rhost=6.6.6.6  user= rhost={PEER}  user={z}"),
                format!(" rhost=6.6.6.6{blanks}user={z}"),
            ] {
                let line = line(template, name.as_bytes());
                let client = event(&line).and_then(|event| event.client).map(|c| c.to_string());
                let shown = String::from_utf8_lossy(&line);
                prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
            }
        }
    }
}
