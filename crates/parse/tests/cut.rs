//! A stranger's name that holds the whole end of a line, with another's address, in a line that is
//! cut behind it: from every line of the corpora that names account and client.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

mod corpus;

use corpus::{File, files, parsed};
use parse::{Parsed, frame};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Whom a stranger would like to be blamed.
const OTHER: &str = "6.6.6.6";
/// Bytes of a message that may have been cut by more than the syslog daemons of old.
const WHOLE_MAX: usize = 7_680;

/// A line, cut where its account stands.
struct Line {
    server: String,
    head: Vec<u8>,
    tail: Vec<u8>,
    client: IpAddr,
}

impl Line {
    /// The tail with another's address.
    fn forged(&self) -> Vec<u8> {
        let tail = String::from_utf8_lossy(&self.tail).into_owned();
        tail.replace(&self.client.to_string(), OTHER).into_bytes()
    }
}

/// The name as this server writes it.
fn written(server: &str, name: &[u8]) -> Vec<u8> {
    match server {
        "zimbra" => {
            name.iter().flat_map(|&byte| vec![byte; 1 + usize::from(byte == b';')]).collect()
        }
        _ => name.to_vec(),
    }
}

fn client(line: &[u8]) -> Option<IpAddr> {
    match parsed(&frame(line)?) {
        Parsed::Event(event) => event.client,
        _ => None,
    }
}

fn lines(file: &File) -> Vec<Line> {
    let mut found = Vec::new();
    for case in &file.cases {
        let Some(record) = frame(&case.line) else { continue };
        let Parsed::Event(event) = parsed(&record) else { continue };
        let (Some(account), Some(client)) = (event.account, event.client) else { continue };
        let name = account.bytes();
        for at in 0..case.line.len().saturating_sub(name.len()) {
            if name.len() > 2 && case.line.get(at..at + name.len()) == Some(name) {
                let (head, rest) = case.line.split_at(at);
                let (_, tail) = rest.split_at(name.len());
                let tail = tail.to_vec();
                let server = file.directory.clone();
                found.push(Line { server, head: head.to_vec(), tail, client });
            }
        }
    }
    found
}

#[test]
fn a_name_that_ends_as_the_line_does_blames_nobody_where_the_line_is_long() {
    let (mut checked, mut faults) = (0, BTreeSet::new());
    for line in files().iter().flat_map(lines) {
        let forged = line.forged();
        let other: IpAddr = OTHER.parse().unwrap();
        if !forged.windows(OTHER.len()).any(|window| window == OTHER.as_bytes()) {
            continue;
        }
        for pad in [1, 900, 2_900, WHOLE_MAX, 8_192, 60_000] {
            let name = [&vec![b'x'; pad][..], &written(&line.server, &forged)].concat();
            let whole = [&line.head[..], &name, &line.tail].concat();
            let shown = |line: &[u8]| {
                let end = line.get(line.len().saturating_sub(300)..).unwrap_or(line);
                String::from_utf8_lossy(end).into_owned()
            };
            if client(&whole) == Some(other) {
                faults.insert(format!("{}: {}", line.server, shown(&whole)));
            }
            let (first, last) = (line.head.len() + pad, line.head.len() + name.len());
            for end in if pad == WHOLE_MAX { first..=whole.len() } else { last..=last } {
                let cut = whole.get(..end).unwrap();
                checked += 1;
                if cut.len() >= WHOLE_MAX && client(cut) == Some(other) {
                    faults.insert(format!("{}, cut: {}", line.server, shown(cut)));
                }
            }
        }
    }
    assert!(checked > 5_000, "only {checked} lines");
    assert!(faults.is_empty(), "{}", faults.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Where the client stands first, a long name does not hide him.
#[test]
fn a_long_name_behind_the_client_hides_nobody() {
    let name = "x".repeat(60_000);
    for line in [
        format!(
            "Nov 21 16:02:10 mx postfix/smtpd[1]: warning: unknown[203.0.113.66]: SASL LOGIN \
             authentication failed: (reason unavailable), sasl_username={name}"
        ),
        format!(
            "2026-11-21T16:02:10.301Z,EX1\\Default EX1,08DB994D2DD18DBF,8,192.0.2.10:25,\
             203.0.113.66:51898,*,,User Name: {name}"
        ),
    ] {
        for length in [line.len(), 8_192, 5_000] {
            assert_eq!(client(&line.as_bytes()[..length]), "203.0.113.66".parse().ok());
        }
    }
}
