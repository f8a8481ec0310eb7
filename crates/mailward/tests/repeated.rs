//! Messages that a syslog daemon wrote once for several: whose they are, and what they weigh.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use edge::source::Line;
use edge::stamp::{Completer, Years, Zone};
use engine::{Config, Engine, Input, Output};
use event::Timestamp;
use mailward::understand::{Reading, Told, told};

const FAILED: &str =
    "Nov 21 16:02:10 mx imapd[7]: LOGIN FAILED, user=bob, ip=[::ffff:203.0.113.66]";
const REPEATED: &str = "Nov 21 16:02:40 mx last message repeated 3 times";

/// A reader of one log.
struct Log {
    reading: Reading,
    offset: u64,
    newline: u64,
    writer: u8,
}

impl Log {
    fn new() -> Self {
        let until = Timestamp::from_seconds(1_795_300_000);
        let reading = Reading::new(Completer::new(Zone::UTC, Years::Until(until)));
        Log { reading, offset: 0, newline: 1, writer: 0 }
    }

    /// The attempts that a line tells of, or what it is else.
    fn read(&mut self, line: &str) -> Result<u32, String> {
        self.offset += line.len() as u64 + self.newline;
        let line = Line {
            bytes: line.as_bytes(),
            cut: false,
            offset_end: self.offset,
            writer: self.writer,
        };
        self.reading.understand(&line, None, |understood| {
            let said = understood.told();
            // What is held for a later turn, and what the journal keeps, says the same.
            assert_eq!(told(understood.line(), understood.at), said);
            match said {
                Told::Event(event) => {
                    assert_eq!(event.client, Some("203.0.113.66".parse().unwrap()));
                    assert_eq!(event.account.map(|name| name.bytes().to_vec()).unwrap(), b"bob");
                    Ok(event.attempts)
                }
                Told::Noise(name) => Err(name.to_owned()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    fn all(&mut self, lines: &[&str]) -> Vec<Result<u32, String>> {
        lines.iter().map(|line| self.read(line)).collect()
    }
}

fn noise() -> Result<u32, String> {
    Err("repeated-message".to_owned())
}

#[test]
fn a_repeat_is_of_the_line_before_it() {
    let longer = "Nov 21 16:12:40 mx last message repeated 120 times";
    let (freebsd, macos) = (
        "Nov 21 16:02:40 mx syslogd: last message repeated 1 times",
        "Nov 21 16:02:40 --- last message repeated 2 times ---",
    );
    let lines = [FAILED, REPEATED, longer, FAILED, freebsd, FAILED, macos];
    let wanted = [1, 3, 120, 1, 1, 1, 2].map(Ok);
    for newline in [1, 2] {
        let mut log = Log { newline, ..Log::new() };
        assert_eq!(log.all(&lines), wanted);
    }
}

#[test]
fn a_repeat_behind_anything_else_is_noise() {
    assert_eq!(Log::new().all(&[REPEATED]), [noise()]);
    // Another program's line, no line at all, one that is repeated already.
    for between in [
        "Nov 21 16:02:20 mx cron[9]: x",
        "Nov 21 16:02:20 mx cron: x",
        "no line",
        "2026-11-21T16:02:20.000000+00:00 mx cron[9]: x",
    ] {
        let said = Log::new().all(&[FAILED, between, REPEATED]);
        // Of another program's line that came more than once it says no more than of that.
        assert!(said[0] == Ok(1) && said[2].is_err(), "{between}: {said:?}");
    }
    let wrapped = "Nov 21 16:02:20 mx imapd[7]: message repeated 2 times: [ LOGIN FAILED, user=bob, \
                   ip=[::ffff:203.0.113.66]]";
    assert_eq!(Log::new().all(&[wrapped, REPEATED]), [Ok(2), noise()]);
}

#[test]
fn a_repeat_in_a_log_of_several_hosts_is_noise() {
    let other = REPEATED.replace(" mx ", " mx2 ");
    // Once collected, always: lines of the other may be lost.
    let lines = [FAILED, &other, FAILED, REPEATED];
    assert_eq!(Log::new().all(&lines), [Ok(1), noise(), Ok(1), noise()]);
    let mut sent = Log { writer: 1, ..Log::new() };
    assert_eq!(sent.all(&[FAILED, REPEATED]), [Ok(1), noise()]);
}

#[test]
fn a_repeat_behind_a_rotation_or_a_gap_is_noise() {
    for offset in [0, 7, 1_000_000] {
        let mut log = Log::new();
        assert_eq!(log.read(FAILED), Ok(1));
        log.offset = offset;
        assert_eq!(log.read(REPEATED), noise());
        assert_eq!(log.all(&[FAILED, REPEATED]), [Ok(1), Ok(3)]);
    }
}

/// How many decisions these lines lead to.
fn decisions(lines: &[&str]) -> usize {
    let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
    let mut log = Log::new();
    for (seq, line) in (1..).zip(lines) {
        log.offset += line.len() as u64 + 1;
        let line = Line { bytes: line.as_bytes(), cut: false, offset_end: log.offset, writer: 0 };
        log.reading.understand(&line, None, |understood| {
            if let Told::Event(event) = understood.told() {
                engine.step(seq, &Input::Event(&event), &mut out);
            }
        });
    }
    out.iter().filter(|output| matches!(output, Output::Decision(_))).count()
}

/// A guesser's repeats are seen, and a device at home that repeats an old password is left alone,
/// as it is where each of its lines is written.
#[test]
fn repeats_weigh_as_the_lines_that_they_stand_for() {
    let login = "Nov 21 16:00:10 mx imapd[7]: LOGIN, user=bob, ip=[::ffff:203.0.113.66], port=[7], protocol=IMAP";
    let bsd = "Nov 21 16:02:40 mx last message repeated 46 times";
    let rsyslog = "Nov 21 16:02:40 mx imapd[7]: message repeated 46 times: [ LOGIN FAILED, user=bob, \
                   ip=[::ffff:203.0.113.66]]";
    for repeats in [vec![bsd], vec![rsyslog], vec![FAILED; 46]] {
        let guessed: Vec<&str> = [FAILED].into_iter().chain(repeats.iter().copied()).collect();
        assert!(decisions(&guessed) > 0, "{repeats:?}");
        let at_home: Vec<&str> = [login].into_iter().chain(guessed).collect();
        assert_eq!(decisions(&at_home), 0, "{repeats:?}");
    }
}

/// A password service that does not answer, and a user who is locked: nothing counts, also where
/// the lines that say so were written once for several.
#[test]
fn repeats_of_what_could_not_be_tested_excuse_as_often_as_they_came() {
    let postfix = |said: &str| {
        format!("Nov 21 16:02:10 mx postfix/smtpd[7]: {said}")
            .replace("PEER", "laptop[203.0.113.66]")
    };
    let failed = |why: &str| format!("warning: PEER: SASL PLAIN authentication failed: {why}");
    let twenty = |said: &str| format!("message repeated 20 times: [ {said}]");
    let unavailable = failed("Connection lost to authentication server, sasl_username=bob");
    let ended = "disconnect from PEER ehlo=1 auth=0/21 quit=1 commands=2/23";
    let outage = [&unavailable, &twenty(&unavailable), ended].map(postfix);
    let locked = "auth: pam(bob,203.0.113.66): pam_acct_mgmt() failed: User account has expired";
    let dovecot = |said: &str| format!("Nov 21 16:02:10 mx dovecot: {said}");
    let wrong = failed("(reason unavailable), sasl_username=bob");
    let [wrong, wrongs] = [&wrong, &twenty(&wrong)].map(|said| postfix(said));
    let locked = [dovecot(locked), dovecot(&twenty(locked)), wrong, wrongs, postfix(ended)];
    let ended = "imap-login: Disconnected (auth failed, 21 attempts in 60 secs): user=<bob>, \
                 method=PLAIN, rip=203.0.113.66, lip=192.0.2.1, session=<abc>";
    let failing = "auth: Error: sql(bob,203.0.113.66,<abc>): Password query failed: Not connected to database";
    let in_session = [dovecot(failing), dovecot(&twenty(failing)), dovecot(ended)];
    for lines in [&outage[..], &locked, &in_session] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(decisions(&lines), 0, "{lines:#?}");
    }
}
