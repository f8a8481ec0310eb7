//! Whatever a stranger writes, the client of a line of qmail's programs is the peer or nobody.

mod stranger;

use event::Server;
use parse::frame;
use proptest::prelude::*;
use stranger::named::names_the_peer_or_nobody;
use stranger::named::{event, line};
use stranger::{PEER, text};

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &[
    "6.6.6.6",
    ":6.6.6.6",
    "@",
    ":",
    "') x@y:6.6.6.6",
    " origin_ip: 6.6.6.6 origin_rdns: x",
    " origin_rdns: ",
    " to: ",
    " auth: ",
    " reason: ",
    "> remote <a:b:6.6.6.6> rcpt <x> : y",
    "> rcpt <",
    "> : ",
    "> qp ",
    " ",
    "x",
];

/// Lines whose peer is always read; `{}` is a stranger's.
const READ: &[&str] = &[
    "vpopmail[4711]: vchkpw-smtp: vpopmail user not found {}@:203.0.113.66",
    "vpopmail[4711]: vchkpw-submission: password fail (pass: '{}') x@y.test:203.0.113.66",
    "vpopmail[4711]: vchkpw-pop3: password fail {}:203.0.113.66",
    "qmail: 1764312341.123456 rblsmtpd: 203.0.113.66 pid 7: 451 {}",
];

/// Lines without a peer, or whose peer a stranger can hide, but never change.
const HIDDEN: &[&str] = &[
    "spamdyke[7]: DENIED_RELAYING from: {} to: x@y.test origin_ip: 203.0.113.66 origin_rdns: (unknown) auth: (unknown) encryption: (none) reason: (empty)",
    "spamdyke[7]: DENIED_RELAYING from: a@b.test to: x@y.test origin_ip: 203.0.113.66 origin_rdns: {} auth: {} encryption: (none) reason: (empty)",
    "qmail-smtpd[7]: CHKUSER rejected rcpt: from <{}::> remote <{}:{}:203.0.113.66> rcpt <{}> : not existing recipient",
    "tcpserver: deny 7 mx.example.org:192.0.2.1:25 {}:203.0.113.66:{}:47743",
    "vpopmail[4711]: vchkpw-smtp: vpopmail user not found {}@y.test:2001:db8::66",
    "qmail: info msg 7: bytes 3 from <{}> qp 7 uid 7",
    "qmail: delivery 3: success: {}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn qmail_names_the_peer_or_nobody(words in text(PIECES)) {
        names_the_peer_or_nobody(Server::Qmail, READ, HIDDEN, &words)?;
    }

    /// A password is no field, whatever it holds.
    #[test]
    fn a_password_is_no_account(words in text(PIECES)) {
        let line = line("vpopmail[7]: vchkpw-smtp: password fail (pass: '{}') x@y.test:203.0.113.66", &words);
        let event = event(&line).ok_or_else(|| TestCaseError::fail("no event"))?;
        let account = event.account.map(|account| account.bytes().to_vec());
        prop_assert!(account.is_none_or(|name| name == b"x@y.test"));
        prop_assert!(event.detail.is_none());
    }

    /// multilog's files: no line of another writer begins so.
    #[test]
    fn only_labels_make_a_line_of_multilog(words in text(PIECES)) {
        let own = [b"@4000000069295c0e1d2ab4f4 tcpserver: pid 7 from 203.0.113.66 ", &words[..]].concat();
        let client = event(&own).and_then(|event| event.client).map(|client| client.to_string());
        prop_assert!(client.as_deref().is_none_or(|client| client == PEER));
        if let Some(record) = frame(&[b"@", &words[..]].concat()) {
            prop_assert!(words.starts_with(b"4") && record.message.len() < words.len());
        }
    }
}
