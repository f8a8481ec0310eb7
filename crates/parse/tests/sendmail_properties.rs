//! Whatever a stranger writes, the client of a line of Sendmail is the peer or nobody.

mod stranger;

use event::{Event, Server};
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, contains, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]",
    "x [6.6.6.6]",
    ", relay=[6.6.6.6]",
    ", relay=x [6.6.6.6], reject=550 5.7.1 x",
    ", relay=",
    ", reject=",
    ", user=victim",
    ", authid=victim, mech=PLAIN, bits=0",
    ", size=1",
    ", nrcpts=9",
    ", delay=1, stat=Sent",
    ", stat=Sent",
    ">... User unknown",
    "[6.6.6.6]: VRFY x",
    ": possible SMTP attack: command=x, count=1",
    " did not issue MAIL/EXPN/VRFY/ETRN during connection to x",
    " (may be forged)",
    ") from [6.6.6.6]",
    "AUTH failure (",
    "<",
    ">",
    "]",
    ", ",
    " ",
];

/// `{}` is a stranger's text. Those where it stands left of the peer, or nowhere near.
const TEMPLATES: &[&str] = &[
    "AUTH failure ({}): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user=x, relay=[203.0.113.66]",
    "AUTH failure (PLAIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user={}, relay=[203.0.113.66]",
    "AUTH failure (LOGIN): user not found (-20) user not found, user={}, relay=cpe-66.isp.example [203.0.113.66] (may be forged)",
    "invalid domain name ({}) from cpe-66.isp.example [203.0.113.66]",
    "AUTH decode64 error [1 for \"{}\"], relay=[203.0.113.66]",
];

/// Those where it stands on both sides or where the words around it may come twice: then nobody.
const EITHER: &[&str] = &[
    "from=<{}>, size=124, class=0, nrcpts=1, msgid=<{}>, proto=ESMTP, daemon=MTA-v4, relay=cpe-66.isp.example [203.0.113.66]",
    "from=<a@b.example>, size=124, class=0, nrcpts=1, msgid=<{}>, proto=ESMTP, daemon=MTA-v4, relay=[203.0.113.66]",
    "ruleset=check_rcpt, arg1=<{}>, relay=[203.0.113.66], reject=550 5.7.1 <{}>... Relaying denied. IP name lookup failed [203.0.113.66]",
    "ruleset=check_mail, arg1={}, relay=cpe-66.isp.example [203.0.113.66] (may be forged), reject=553 5.1.8 {}... Domain of sender address x does not exist",
    "AUTH=server, relay=cpe-66.isp.example [203.0.113.66], authid={}, mech=PLAIN, bits=0",
    "[203.0.113.66]: VRFY {} [rejected]",
    "cpe-66.isp.example [203.0.113.66]: probable open proxy: command={}",
    "to=<{}>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=30403, relay=mx.example [6.6.6.6], dsn=5.0.0, stat={}",
    "to=<a@example.org>, delay=00:00:00, xdelay=00:00:00, mailer=local, pri=30403, dsn=2.0.0, stat={}",
    "<{}>... User unknown",
    "Milter: to=<{}>, reject=550 5.7.1 {}",
    "Milter: connect: host=x, addr=203.0.113.66, reject={}",
];

fn client(event: Option<Event<'_>>) -> Option<String> {
    event.and_then(|event| event.client).map(|client| client.to_string())
}

fn filled(template: &str, words: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
    [b"Nov 21 16:40:01 mx sm-mta[7]: 6ALGkL4h059723: ", &parts.join(words)[..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn sendmail_names_the_peer_whatever_stands_left_of_it(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
    ) {
        let line = filled(template, &words);
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(event.is_some_and(|e| e.server == Server::Sendmail), "{}", shown);
        let client = client(event);
        prop_assert_eq!(client.as_deref(), Some(PEER), "{}", shown);
        // A mechanism that looks like an error of the server is refused before any password.
        if template.contains("user={}") {
            prop_assert!(event.is_some_and(|e| e.hostile && e.attempts == 1), "{}", shown);
            let account = event.and_then(|event| event.account);
            let account = account.map(|name| name.bytes().to_vec()).unwrap_or_default();
            prop_assert_eq!(&account, &words, "{}", shown);
        }
    }

    #[test]
    fn sendmail_names_the_peer_or_nobody(
        template in prop::sample::select(EITHER),
        words in text(PIECES),
    ) {
        let line = filled(template, &words);
        let event = event(&line);
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(event.is_some_and(|e| e.server == Server::Sendmail), "{}", shown);
        let client = client(event);
        prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
        // Text without the server's own words hides nobody.
        let plain = [&b", "[..], b"]", b": "].iter().all(|part| !contains(&words, part));
        let peer = template.contains("203.0.113.66");
        prop_assert!(!plain || client.is_some() == peer, "{}", shown);
        let refused = template.contains("ruleset=");
        prop_assert!(!refused || event.is_some_and(|event| event.hostile), "{}", shown);
    }

    /// Names come from the stranger's own DNS, and Sendmail cuts long ones. The C library lets no
    /// blank and no comma through.
    #[test]
    fn a_sendmail_host_name_blames_nobody_else(name in text(PIECES), length in 0usize..120) {
        let name: Vec<u8> = name.iter().copied().filter(|byte| !b" ,\t".contains(byte)).collect();
        let peer = [&name[..], b" [203.0.113.66]"].concat();
        let long = [&b"x".repeat(length)[..], &peer].concat();
        let cut = long.get(..100).unwrap_or(&long);
        for (front, behind) in [
            ("AUTH failure (PLAIN): authentication failure (-13) x, user=bob, relay=", ""),
            ("lost input channel from ", " to MTA-v4 after rcpt"),
            ("timeout waiting for input from ", " during server cmd read"),
            ("", " did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA-v4"),
            ("connect from ", ""),
        ] {
            let line = [
                b"Nov 21 16:40:01 mx sm-mta[7]: 6ALGkL4h059723: ",
                front.as_bytes(),
                cut,
                behind.as_bytes(),
            ]
            .concat();
            let client = client(event(&line));
            let shown = String::from_utf8_lossy(&line);
            prop_assert!(client.as_deref().is_none_or(|client| client == PEER), "{}", shown);
        }
    }

    #[test]
    fn any_sendmail_message_has_an_answer(words in text(PIECES)) {
        let _ = event(&[b"Nov 21 16:40:01 mx sendmail[7]: ", &words[..]].concat());
        let _ = event(&filled("{}", &words));
    }

    /// A recipient that looks like the whole of such a line, repetition included, also of a line
    /// that was cut behind the peer.
    #[test]
    fn a_recipient_that_repeats_itself_blames_nobody_else(
        words in text(PIECES),
        tail in text(PIECES),
        cut in 0usize..400,
    ) {
        let own = [&words[..], b", relay=[6.6.6.6], reject=550 5.7.1 <", &words, b"... x", &tail];
        let own = own.concat();
        let template = "ruleset=check_rcpt, arg1=<{}>, relay=[203.0.113.66], reject=550 5.7.1 <{}>... Relaying denied";
        let line = filled(template, &own);
        let shown = String::from_utf8_lossy(&line);
        prop_assert!(event(&line).is_some_and(|event| event.hostile), "{}", shown);
        let whole = client(event(&line));
        prop_assert!(whole.is_none_or(|client| client == PEER), "{}", shown);
        let behind = line.len() - own.len() - 30;
        let cut = line.get(..behind + cut).unwrap_or(&line);
        let part = client(event(cut));
        prop_assert!(part.is_none_or(|client| client == PEER), "{}", shown);
    }
}
