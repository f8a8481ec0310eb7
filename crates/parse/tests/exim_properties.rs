//! Whatever a stranger writes as HELO, sender, recipient, command, login name, reverse name or
//! subject, the client of an Exim line is the peer or nobody, and the account is his own.

mod stranger;

use event::Event;
use proptest::prelude::*;
use stranger::named::event;
use stranger::{PEER, contains, text};

const PIECES: &[&str] = &[
    "6.6.6.6",
    "[6.6.6.6]",
    " [6.6.6.6]",
    ") [6.6.6.6]",
    ") [6.6.6.6]:25",
    ") [6.6.6.6]: 535 Incorrect authentication data (set_id=victim",
    ") [6.6.6.6] F=<a@b.test> rejected RCPT <v@b.test>: ",
    ") [6.6.6.6] D=1s closed by QUIT",
    ") [6.6.6.6] lost",
    ") [6.6.6.6] P=esmtpsa A=plain:victim S=1 ",
    ") [6.6.6.6] unrecognized command",
    ") [6.6.6.6] input=\"",
    ") [6.6.6.6]: syntactically invalid argument(s): ",
    " H=(x) [6.6.6.6]",
    " H=[6.6.6.6] ",
    "\" H=[6.6.6.6] unrecognized command",
    "> H=[6.6.6.6]",
    "H=x [6.6.6.6] ",
    " F=<",
    "F=<\"",
    "> rejected RCPT <",
    " rejected RCPT <\"",
    " rejected by local_scan(): ",
    ">: relay not permitted",
    "\"@b.test",
    "\"",
    "\\\"",
    "@b.test",
    " A=plain:victim",
    " S=1 ",
    " X=TLS1.3 ",
    " D=0s A=plain:victim C=EHLO",
    "(set_id=victim)",
    " (set_id=",
    "plain authenticator failed for [6.6.6.6]: 535 ",
    "connection from [6.6.6.6] ",
    "SMTP connection from [6.6.6.6] lost",
    "1xUoNs-0000cM-7X <= victim@example.org H=x [6.6.6.6] P=esmtpsa A=plain:victim S=1",
    "<= ",
    "=> ",
    " I=[6.6.6.6]:25",
    " U=",
    "(",
    ")",
    "<",
    ">",
    ": ",
    " ",
    "\n",
    "2026-11-21 16:15:37 SMTP connection from [6.6.6.6] lost",
];

/// `string_printing`: controls and what is no ASCII become `\r\n` and `\303\274`; a tab stays.
fn printed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in text {
        match byte {
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' | b' '..=b'~' => out.push(*byte),
            _ => out.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    out
}

/// A HELO that Exim takes without `helo_accept_junk_hosts`.
fn helo() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._-]{1,12}",
        Just("[6.6.6.6]".to_owned()),
        Just("[IPv6:2001:db8::6]".to_owned()),
    ]
}

/// A mail address that Exim takes: a quoted local part may hold anything.
fn mailbox() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => Just(b"a@b.test".to_vec()),
        1 => Just(Vec::new()),
        4 => text(PIECES).prop_map(|inside| {
            let mut quoted = vec![b'"'];
            for byte in printed(&inside) {
                if matches!(byte, b'"' | b'\\') {
                    quoted.push(b'\\');
                }
                quoted.push(byte);
            }
            quoted.extend(b"\"@b.test");
            quoted
        }),
    ]
}

/// Places: `{h}` the peer as Exim writes it, `{a}` and `{b}` texts, `{m}` and `{n}` addresses.
const TEMPLATES: &[&str] = &[
    "plain authenticator failed for {h}: 535 Incorrect authentication data (set_id={a})",
    "plain authenticator failed for {h} I=[192.0.2.1]:587: 535 Incorrect authentication data (set_id={a})",
    "plain authenticator failed for {h}: 435 Unable to authenticate at present (set_id={a}): x",
    "login authenticator failed for {h}: 501 Invalid base64 data",
    "H={h} F=<{m}> rejected RCPT <{n}>: relay not permitted",
    "H={h} X=TLS1.3:x:256 CV=no F=<{m}> A=plain:bob temporarily rejected RCPT <{n}>: x",
    "H={h} F=<{m}> rejected RCPT {a}: Unrouteable address",
    "H={h} rejected MAIL {a}: x",
    "H={h} rejected EHLO or HELO {a}: x",
    "H={h} rejected AUTH {a}: x",
    "H={h} rejected ETRN {a}",
    "H={h} sender verify fail for <{m}>: x",
    "H={h} incomplete transaction (connection lost) from <{m}> for {a}",
    "H={h} rejected connection in \"connect\" ACL: x",
    "1xUoNs-0000cM-7X H={h} F=<{m}> rejected after DATA: x",
    "1xUoNs-0000cM-7X <= {m} H={h} P=esmtpsa X=TLS1.3:x:256 CV=no A=plain:bob S=404 id={a} T=\"{b}\" for {n}",
    "1xUoNs-0000cM-7X <= {m} H={h} P=esmtp S=404 id={a} T=\"{b}\" for {n}",
    "SMTP connection from {h} lost D=1s",
    "SMTP connection from {h} closed by QUIT",
    "SMTP connection from {h} (TCP/IP connection count = 1)",
    "no MAIL in SMTP connection from {h} D=0s A=plain:bob X=TLS1.3:x:256 C=EHLO,AUTH,QUIT",
    "no MAIL in SMTP connection from {h} D=0s C=EHLO,QUIT",
    "SMTP call from {h} dropped: too many unrecognized commands (last was \"{a}\")",
    "SMTP command timeout on connection from {h} D=5m",
    "SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from H={h} input=\"{a}\"",
    "SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): rejected \"{a}\" H={h} next input=\"{b}\"",
    "SMTP syntax error in \"{a}\" H={h} unrecognized command",
    "SMTP syntax error in \"MAIL FROM:{a}\" H={h} malformed address: {b} may not follow {a}",
    "SMTP protocol error in \"AUTH {a}\" H={h} AUTH command used when not advertised",
    "unqualified sender rejected: <{a}> H={h}",
    "rejected EHLO from {h}: syntactically invalid argument(s): {a}",
    "rejected MAIL from {h}: no HELO/EHLO given",
    "TLS error on connection from {h} (gnutls_handshake): x",
    "unexpected disconnection while reading SMTP command from {h} (error: Connection reset by peer) D=5s",
    "Connection from [203.0.113.66] refused: too many connections from that IP address",
];

fn fill(template: &str, places: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend(before.bytes());
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let text = places.iter().find(|(place, _)| *place == name).map(|(_, text)| *text);
        out.extend(text.unwrap_or_default());
        rest = after;
    }
    out.extend(rest.bytes());
    out
}

/// By syslog and in Exim's own file.
fn framings(message: &[u8]) -> [Vec<u8>; 3] {
    [
        [b"2026-11-21 16:15:37 ", message].concat(),
        [b"2026-11-21 16:15:37.123 +0100 [4711] ", message].concat(),
        [b"Nov 21 16:15:37 mx exim[4711]: [4711] ", message].concat(),
    ]
}

fn is_peer_or_nobody(line: &[u8]) -> Result<Option<Event<'_>>, TestCaseError> {
    let shown = String::from_utf8_lossy(line);
    let event = event(line);
    let client = event.and_then(|event| event.client);
    prop_assert!(client.is_none_or(|client| client.to_string() == PEER), "{client:?} of {shown}");
    Ok(event)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// With HELOs and addresses as Exim takes them by default.
    #[test]
    fn the_client_is_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        helo in helo(),
        form in 0..4,
        a in text(PIECES),
        b in text(PIECES),
        m in mailbox(),
        n in mailbox(),
    ) {
        let host = match form {
            0 => format!("({helo}) [{PEER}]"),
            1 => format!("[{PEER}]:4711"),
            2 => format!("host.example ({helo}) [{PEER}]"),
            _ => format!("[6.6.6.6] [{PEER}]"),
        };
        let (a, b) = (printed(&a), printed(&b));
        let places = [("h", host.as_bytes()), ("a", &a[..]), ("b", &b[..]), ("m", &m[..]), ("n", &n[..])];
        for line in framings(&fill(template, &places)) {
            let event = is_peer_or_nobody(&line)?;
            let account = event.and_then(|event| event.account).map(|account| account.bytes().to_vec());
            let own = match &account {
                None => true,
                Some(account) if template.contains("A=plain:bob") => account == b"bob",
                Some(account) => contains(account, &a),
            };
            prop_assert!(own, "{:?} of {}", account, String::from_utf8_lossy(&line));
            // The login that a line tells of is lost only to a message id or subject that copies a
            // peer: then it could be a HELO's copy just as well.
            let copies = [&a, &b, &n].iter().any(|text| contains(text, b") ["));
            if template.starts_with("1xUoNs") && template.contains("A=plain") && !copies {
                prop_assert_eq!(account.as_deref(), Some(&b"bob"[..]));
            }
        }
    }

    /// Refusals with addresses that Exim has read always name the peer.
    #[test]
    fn a_refused_recipient_counts_against_the_peer(helo in helo(), m in mailbox(), n in mailbox()) {
        let line = [
            format!("2026-11-21 16:15:37 H=({helo}) [{PEER}]:4711 F=<").as_bytes(),
            &m,
            b"> rejected RCPT <",
            &n,
            b">: relay not permitted",
        ].concat();
        let event = is_peer_or_nobody(&line)?;
        let event = event.ok_or_else(|| TestCaseError::fail("no event"))?;
        let shown = String::from_utf8_lossy(&line).into_owned();
        let client = event.client.map(|client| client.to_string());
        prop_assert_eq!(client.as_deref(), Some(PEER), "{}", shown);
        prop_assert_eq!(event.sender.map(|sender| sender.bytes().to_vec()), Some(m));
        prop_assert_eq!(event.recipient.map(|sender| sender.bytes().to_vec()), Some(n));
        prop_assert!(event.hostile);
    }

    /// A HELO of any bytes (`helo_accept_junk_hosts`), and texts as they came.
    #[test]
    fn any_helo_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        helo in text(PIECES),
        named in any::<bool>(),
        a in text(PIECES),
    ) {
        let host = match named {
            true => [b"host.example (", &helo[..], format!(") [{PEER}]").as_bytes()].concat(),
            false => [b"(", &helo[..], format!(") [{PEER}]:25").as_bytes()].concat(),
        };
        let places = [("h", &host[..]), ("a", b"x"), ("b", b"y"), ("m", b"a@b.test"), ("n", b"c@d.test")];
        for line in framings(&fill(template, &places)) {
            is_peer_or_nobody(&line)?;
        }
        // Raw texts, with a HELO as it should be. The sender behind `<=` is an address that was
        // read: nothing but its quotes tells where it ends.
        let host = format!("(x) [{PEER}]");
        let sender = if template.contains("<= {m}") { b"a@b.test" } else { &a[..] };
        let places = [("h", host.as_bytes()), ("a", &a[..]), ("b", &a[..]), ("m", sender), ("n", &a[..])];
        for line in framings(&fill(template, &places)) {
            is_peer_or_nobody(&line)?;
        }
    }

    #[test]
    fn a_line_that_was_cut_names_no_other(template in prop::sample::select(TEMPLATES), cut in 0usize..200) {
        let host = format!("cpe.example ([6.6.6.6]) [{PEER}]:4711");
        let places = [("h", host.as_bytes()), ("a", b"x"), ("b", b"y"), ("m", b"a@b.test"), ("n", b"c@d.test")];
        for line in framings(&fill(template, &places)) {
            is_peer_or_nobody(line.get(..cut).unwrap_or(&line))?;
        }
    }

    /// Syslog gets long lines in parts, and Exim cuts at 8 kB: the peer may stand in what is
    /// missing, behind a command that copies one.
    #[test]
    fn the_first_part_of_a_line_names_no_other(
        template in prop::sample::select(TEMPLATES),
        helo in text(PIECES),
        a in text(PIECES),
        overflowed in any::<bool>(),
        cut in 0usize..400,
    ) {
        let host = [b"(", &helo[..], format!(") [{PEER}]:25").as_bytes()].concat();
        let places = [("h", &host[..]), ("a", &a[..]), ("b", &a[..]), ("m", b"a@b.test"), ("n", b"c@d.test")];
        let message = fill(template, &places);
        let part = message.get(..cut).unwrap_or(&message);
        let line = match overflowed {
            true => [b"2026-11-21 16:15:37 ", part, b"**** log string overflowed log buffer ****"].concat(),
            false => [b"Nov 21 16:15:37 mx exim[4711]: [1/2] ", part].concat(),
        };
        is_peer_or_nobody(&line)?;
    }

    #[test]
    fn nothing_panics(bytes in text(PIECES)) {
        for line in [&b"2026-11-21 16:15:37 "[..], b"2026-11-21 16:15:37 1xUoNs-0000cM-7X <= ", b"Nov 21 16:15:37 mx exim[1]: H="] {
            let _ = event(&[line, &bytes[..]].concat());
        }
    }
}
