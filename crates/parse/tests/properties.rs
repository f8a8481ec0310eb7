//! Whatever a stranger writes, the client is the peer or nobody, the account is what this peer
//! tried to log in as or nobody, and nothing panics.

#![allow(clippy::unwrap_used)] // a part of tests

mod corpus;

use event::{Event, Timestamp};
use parse::{Parsed, frame, parse};
use proptest::prelude::*;
use std::net::IpAddr;

const PEER: &str = "203.0.113.66";

/// Text of a stranger: any bytes, or pieces of the grammar in any order.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => "[a-z ]{1,6}".prop_map(String::into_bytes),
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(any::<u8>(), 0..80),
    ]
}

const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]",
    "unknown[6.6.6.6]",
    "[6.6.6.6]:25",
    "victim",
    " from ",
    " from x[6.6.6.6]: ",
    ": ",
    ": SASL ",
    "PLAIN",
    "SASL LOGIN authentication failed: ",
    " authentication aborted",
    ", sasl_username=",
    ", sasl_username=victim",
    ", sasl_method=PLAIN",
    "client=x[6.6.6.6], sasl_method=PLAIN, sasl_username=victim",
    "warning: ",
    "; from=<",
    "> to=<",
    "> proto=ESMTP helo=<",
    "> sasl_username=<victim",
    ">: ",
    ">, relay=",
    ", status=sent (",
    ", dsn=2.0.0",
    "NOQUEUE: reject: RCPT from x[6.6.6.6]: ",
    "6F7AD769: ",
    " after ",
    " in RCPT command: ",
    " for service smtp",
    "does not resolve to address 6.6.6.6: ",
    " (587:6.6.6.6) at ",
    "rip=6.6.6.6, ",
    "H=x [6.6.6.6] ",
    "set_id=victim",
    "\"",
    "]",
    "[",
    ">",
    "<",
    ")",
    "\n",
    "Nov 21 16:18:13 mx postfix/smtpd[1]: connect from x[6.6.6.6]",
];

/// What Postfix prints for a text: `?` for controls and for bytes that are no UTF-8.
fn printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let shown = if character.is_control() { '?' } else { character };
            out.extend(shown.to_string().bytes());
        }
        out.extend(chunk.invalid().iter().map(|_| b'?'));
    }
    out
}

/// What Postfix prints for the name of a peer: `unknown` unless it is a host name.
fn host_name(text: &[u8]) -> Vec<u8> {
    let ok = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if text.is_empty() || text.len() > 255 || !text.iter().all(ok) {
        return b"unknown".to_vec();
    }
    text.to_vec()
}

/// Lines with a stranger's texts in all places that he chooses. `{n}` name, `{p}` peer with
/// brackets, `{a}` to `{d}` texts, `{u}` a name that a login was tried with.
const TEMPLATES: &[(&str, &str)] = &[
    ("smtpd", "connect from {n}{p}"),
    ("smtpd", "disconnect from {n}{p} ehlo=1 auth=0/3 quit=1 commands=2/5"),
    ("smtpd", "lost connection after AUTH from {n}{p}"),
    ("smtpd", "NOQUEUE: timeout after DATA (12 bytes) from {n}{p}"),
    ("smtpd", "SSL_accept error from {n}{p}: {a}"),
    ("smtpd", "Anonymous TLS connection established from {n}{p}: {a}"),
    (
        "submission/smtpd",
        "warning: {n}{p}: SASL PLAIN authentication failed: (reason unavailable), sasl_username={u}",
    ),
    ("smtpd", "warning: {n}{p}: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username={u}"),
    (
        "smtpd",
        "warning: {n}{p}: SASL \"{a}\" authentication failed: Invalid authentication mechanism, sasl_username=(unavailable)",
    ),
    (
        "smtpd",
        "warning: {n}{p}: SASL {w} authentication failed: Invalid authentication mechanism, sasl_username=(unavailable)",
    ),
    ("smtpd", "warning: non-SMTP command from {n}{p}: {a}"),
    ("smtpd", "warning: improper command pipelining after EHLO from {n}{p}: {a}"),
    ("smtpd", "warning: Illegal address syntax from {n}{p} in MAIL command: {a}"),
    ("smtpd", "warning: AUTH command rate limit exceeded: 6 from {n}{p} for service smtp"),
    ("smtpd", "warning: hostname {n} does not resolve to address {P}: Name or service not known"),
    ("smtpd", "warning: hostname {n} does not resolve to address {P}"),
    ("smtpd", "warning: valid_hostname: invalid character 58(decimal): {a}"),
    ("smtpd", "warning: haproxy read: short protocol header: {a}"),
    ("smtpd", "6F7AD769: client={n}{p}, orig_client={a}"),
    (
        "smtpd",
        "NOQUEUE: reject: RCPT from {n}{p}: 554 5.7.1 <{a}>: Relay access denied; from=<{b}> to=<{a}> proto=ESMTP helo=<{c}>",
    ),
    (
        "smtpd",
        "NOQUEUE: reject: RCPT from {n}{p}: 504 5.5.2 <{c}>: Helo command rejected: need fully-qualified hostname; from=<{b}> to=<{a}> proto=ESMTP helo=<{c}> sasl_username=<{d}>",
    ),
    (
        "smtpd",
        "NOQUEUE: reject: CONNECT from {n}{p}: 554 5.7.1 <{n}{p}>: Client host rejected: {a}; proto=SMTP",
    ),
    (
        "smtpd",
        "NOQUEUE: milter-reject: RCPT from {n}{p}: 550 5.7.1 {d}; from=<{b}> to=<{a}> proto=ESMTP helo=<{c}>",
    ),
    (
        "cleanup",
        "6F7AD769: milter-reject: END-OF-MESSAGE from {n}{p}: 5.7.1 {d}; from=<{b}> to=<{a}> proto=ESMTP helo=<{c}>",
    ),
    (
        "cleanup",
        "6F7AD769: reject: header Subject: {d} from {n}{p}; from=<{b}> to=<{a}> proto=ESMTP helo=<{c}>: 5.7.1 no",
    ),
    ("cleanup", "6F7AD769: message-id=<{a}>"),
    ("qmgr", "6F7AD769: from=<{a}>, size=1, nrcpt=1 (queue active)"),
    (
        "smtp",
        "6F7AD769: to=<{a}>, orig_to=<{b}>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.0.0, status=bounced (host said: {c})",
    ),
    ("smtp", "6F7AD769: host mx[192.0.2.1] said: 450 {a}"),
    ("postscreen", "CONNECT from {p}:25 to [192.0.2.1]:25"),
    ("postscreen", "PREGREET 12 after 0.1 from {p}:47745: {a}"),
    ("postscreen", "NON-SMTP COMMAND from {p}:47745 after CONNECT: {a}"),
    ("postscreen", "COMMAND PIPELINING from {p}:47745 after {a}: {b}"),
    ("postscreen", "BARE NEWLINE from {p}:47745 after {a}"),
    ("postscreen", "DNSBL rank 8 for {p}:47745"),
    (
        "postscreen",
        "NOQUEUE: reject: RCPT from {p}:1: 550 5.5.1 Protocol error; from=<{a}>, to=<{b}>, proto=ESMTP, helo=<{c}>",
    ),
    ("anvil", "statistics: max connection rate 4/60s for (smtp:{P}) at Nov 21 16:18:13"),
];

struct Texts {
    name: Vec<u8>,
    peer: &'static str,
    account: Vec<u8>,
    texts: [Vec<u8>; 4],
}

fn filled(template: &str, given: &Texts) -> Vec<u8> {
    let mut line = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (key, after) = after.split_once('}').unwrap();
        line.extend(before.bytes());
        match key {
            "n" => line.extend(&given.name),
            "p" => line.extend(format!("[{}]", given.peer).bytes()),
            "P" => line.extend(given.peer.bytes()),
            "u" => line.extend(&given.account),
            "w" => line.extend(given.texts[0].iter().filter(|byte| **byte != b' ')),
            key => line.extend(&given.texts[usize::from(key.as_bytes()[0] - b'a')]),
        }
        rest = after;
    }
    line.extend(rest.bytes());
    line
}

fn event_of<'a>(line: &'a [u8]) -> Option<Event<'a>> {
    match parse(&frame(line)?, Timestamp(0)) {
        Parsed::Event(event) => Some(event),
        _ => None,
    }
}

/// Failures are printed, not kept in a file: those worth keeping become lines of a corpus.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Checks a line and all its beginnings, with the daemon's name and without.
fn holds(program: &str, template: &str, given: &Texts) -> Result<(), TestCaseError> {
    let peer: IpAddr = given.peer.parse().unwrap();
    for program in [format!("postfix/{program}"), "postfix".to_owned()] {
        let mut line = format!("Nov 21 16:18:13 mx {program}[77]: ").into_bytes();
        line.extend(filled(template, given));
        for end in 0..=line.len() {
            let Some(event) = event_of(&line[..end]) else { continue };
            let shown = String::from_utf8_lossy(&line[..end]).into_owned();
            prop_assert!(
                event.client.is_none_or(|client| client == peer),
                "{}: {:?}",
                shown,
                event
            );
            if let Some(account) = event.account {
                let own = template.contains("{u}") && given.account.starts_with(account.bytes());
                prop_assert!(own, "{}: account {:?}", shown, account);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn postfix_charges_the_peer_or_nobody(
        name in text(),
        account in text(),
        texts in prop::array::uniform4(text()),
        v6 in any::<bool>(),
    ) {
        let peer = if v6 { "2001:db8::66" } else { PEER };
        let raw = Texts {
            // Brackets and spaces are what Postfix's check of a name keeps out.
            name: name.iter().copied().filter(|byte| !b"[ ".contains(byte)).collect(),
            peer,
            account: account.clone(),
            texts: texts.clone(),
        };
        let clean = Texts {
            name: host_name(&name),
            peer,
            account: printable(&account).into_iter().take(100).collect(),
            texts: texts.map(|text| printable(&text)),
        };
        for (program, template) in TEMPLATES {
            holds(program, template, &clean)?;
            holds(program, template, &raw)?;
        }
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_failed_login_counts_whatever_the_name_is(account in text(), mechanism in text()) {
        let front = format!("Nov 21 16:18:13 mx postfix/smtpd[7]: warning: x[{PEER}]: SASL ");
        let quoted = [b"\"", &printable(&mechanism)[..], b"\""].concat();
        for mechanism in [&b"PLAIN"[..], &quoted] {
            let middle = b" authentication failed: (reason unavailable), sasl_username=";
            let line = [front.as_bytes(), mechanism, middle, &printable(&account)].concat();
            let event = event_of(&line);
            prop_assert!(event.is_some_and(|e| e.hostile && e.attempts == 1 && e.client.is_some()));
        }
    }

    #[test]
    fn a_refusal_counts_whatever_the_addresses_are(texts in prop::array::uniform4(text())) {
        let given = Texts {
            name: b"x".to_vec(),
            peer: PEER,
            account: Vec::new(),
            texts: texts.map(|text| printable(&text)),
        };
        let template = "NOQUEUE: reject: RCPT from {n}{p}: 554 5.7.1 <{a}>: Relay access denied; \
                        from=<{b}> to=<{a}> proto=ESMTP helo=<{c}>";
        let mut line = b"Nov 21 16:18:13 mx postfix/smtpd[7]: ".to_vec();
        line.extend(filled(template, &given));
        let event = event_of(&line);
        prop_assert!(event.is_some_and(|event| event.hostile && event.client.is_some()));
    }

    #[test]
    fn no_bytes_make_anything_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        mixed in text(),
    ) {
        for bytes in [&bytes, &mixed] {
            let _ = frame(bytes).map(|record| corpus::parsed(&record));
            for front in FRONTS {
                let line = [front.as_bytes(), bytes].concat();
                let _ = frame(&line).map(|record| corpus::parsed(&record));
            }
        }
    }

    #[test]
    fn a_message_never_moves_the_envelope(message in text()) {
        for front in FRONTS[..4].iter().chain(ENVELOPES) {
            let line = [front.as_bytes(), &message].concat();
            let (record, empty) = (frame(&line).unwrap(), frame(front.as_bytes()).unwrap());
            prop_assert_eq!(record.message, &message[..]);
            prop_assert_eq!(
                (record.stamp, record.host, record.program, record.pid, record.envelope),
                (empty.stamp, empty.host, empty.program, empty.pid, empty.envelope)
            );
        }
    }

    #[test]
    fn a_changed_line_never_panics(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in text(), drop in 0usize..9) {
        let files = corpus::files();
        let lines: Vec<&[u8]> = files.iter().flat_map(|f| &f.cases).map(|c| &c.line[..]).collect();
        let line = lines[pick.index(lines.len())];
        let at = at.index(line.len() + 1);
        let rest = line.get(at + drop..).unwrap_or_default();
        let changed = [&line[..at], &with, rest].concat();
        let _ = frame(&changed).map(|record| corpus::parsed(&record));
    }
}

/// Fronts that are less usual, or of more than one writer.
const ENVELOPES: &[&str] = &[
    "Nov 21 2026 16:18:13.125 mx postfix/smtpd[7]: ",
    "2026 Nov 21 16:18:13 mx postfix/smtpd[7]: ",
    "Nov 21 16:18:13 <mail.info> mx postfix/smtpd[7]: ",
    "Nov 21 16:18:13 mx mail.info postfix/smtpd[7]: ",
    "Nov 21 16:18:13 mx postfix/smtpd[7]: [ID 197553 mail.info] ",
    "1795282302.887933 mx postfix/smtpd[7]: ",
    "2026-11-21T16:18:13.123456789Z stdout F Nov 21 16:18:13 mx postfix/smtpd[7]: ",
    "2026-11-21T16:18:13.123456789Z stdout F postfix/smtpd[7]: ",
    "2026-11-21T16:18:13.123456789Z stderr P imap-login: Info: ",
    "2026-11-21T16:18:13.123456789Z Nov 21 16:18:13 mx postfix/smtpd[7]: ",
    "postfix-1  | Nov 21 16:18:13 mx postfix/smtpd[7]: ",
];

const FRONTS: &[&str] = &[
    "Nov 21 16:18:13 mx postfix/smtpd[7]: ",
    "<22>Nov 21 16:18:13 mx postfix/qmgr[7]: ",
    "2026-11-21T16:18:13.5+01:00 mx dovecot: ",
    "Nov 21 16:18:13 imap-login: Info: ",
    "<22>1 2026-11-21T16:18:13Z mx postfix 7 - - ",
    "Nov 21 16:18:13 mx postfix[7]: ",
    "Nov 21 16:18:13 mx postfix/postscreen[7]: ",
    "Nov 21 16:18:13 mx postfix/smtpd[7]: warning: ",
    "Nov 21 16:18:13 mx postfix/smtpd[7]: NOQUEUE: ",
    "2026-11-21 16:18:13 ",
    "Nov 21 16:18:13 mx exim[7]: ",
    "Nov 21 16:18:13 mx dovecot: imap-login: ",
    "Nov 21 16:18:13 mx dovecot: auth: ",
    "Nov 21 16:18:13 imap(",
];

/// Every line of Postfix's corpus, cut at every place: half a line never names somebody else. Its
/// peer stands in front of a stranger's text, so this can hold; Dovecot's stands behind the user
/// name, where only the length of a line tells that it was not cut.
#[test]
fn a_cut_line_names_the_same_client_or_none() {
    let mut checked = 0;
    for file in corpus::files().iter().filter(|file| file.directory == "postfix") {
        for case in &file.cases {
            let Some(whole) = event_of(&case.line) else { continue };
            for end in 0..case.line.len() {
                let Some(cut) = event_of(&case.line[..end]).and_then(|event| event.client) else {
                    continue;
                };
                let place = format!("{}:{} cut at {end}", file.path.display(), case.number);
                assert_eq!(Some(cut), whole.client, "{place}");
                checked += 1;
            }
        }
    }
    assert!(checked > 5_000, "only {checked} cut lines named a client");
}

#[test]
fn a_line_that_may_have_been_cut_blames_nobody() {
    let head = "Nov 21 16:02:10 mx dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<";
    let tail = ">, method=PLAIN, rip=203.0.113.66, lip=192.0.2.10, session=<HnkDFZ8zDoLLAHE7>";
    let forged = ">, method=PLAIN, rip=6.6.6.6, lip=192.0.2.10, session=<HnkDFZ8zDoLLAHE7>";
    let told = |line: &str| {
        let record = frame(line.as_bytes()).unwrap();
        match parse(&record, Timestamp(0)) {
            Parsed::Event(event) => (event.hostile, event.client),
            other => panic!("{other:?}"),
        }
    };
    let peer = "203.0.113.66".parse().ok();
    assert_eq!(told(&format!("{head}{}{tail}", "x".repeat(3_000))), (true, peer));
    for whole in [7_800, 8_096, 8_192] {
        let pad = "x".repeat(whole - head.len() - forged.len());
        let mut line = format!("{head}{pad}{forged}{tail}");
        line.truncate(whole);
        assert!(line.ends_with(forged));
        assert_eq!(told(&line), (true, None), "cut at {whole}");
    }
}
