use super::*;
use crate::{Parsed, frame, parse};
use alloc::{format, string::String, vec::Vec};
use proptest::prelude::*;

/// Fronts that differ in little, and such as look like another's.
const FRONTS: &[&str] = &[
    "2026-11-21T16:02:10.123456+00:00 mx ",
    "2026-11-21T16:02:10.999999+00:00 mx ",
    "2026-11-21T16:02:10.12345x+00:00 mx ",
    "2026-11-21T16:02:10.1234567+00:0 mx ",
    "2026-11-21T16:02:10.123456+01:00 mx ",
    "2026-11-21T16:02:10.123456-00:00 mx ",
    "2026-11-21T16:02:11.123456+00:00 mx ",
    "2026-11-21T16:02:10.123456+00:00  mx ",
    "2026-11-21T16:02:10.123456+00:00 mxs ",
    "2026-11-21T16:02:10.123456+00:00 m ",
    "2026-11-21T16:02:10.123456+00:00 mx: ",
    "2026-11-21T16:02:10.123456+00:00 mx mail.info ",
    "2026-11-21T16:02:10.123456+00:00 a-host.with-a-long-name.example ",
    "2026-11-21T16:02:10.123456+00:00 ",
    "2026-11-21T16:02:10+00:00 mx ",
    "2026-11-21T16:02:10.123456Z mx ",
    "2026-11-21 16:02:10.123456+00:00 mx ",
    "Nov 21 16:02:10 mx ",
    "Nov 21 16:02:11 mx ",
    "Nov 21 16:02:60 mx ",
    "Nov 21 16:02:61 mx ",
    "Nov 21 16:02:1x mx ",
    "Nov 21 16:03:10 mx ",
    "Nov 30 16:02:10 mx ",
    "Nov 31 16:02:10 mx ",
    "Nov 21 16:02:10x mx ",
    "2026-11-21T16:02:60.123456+00:00 mx ",
    "2026-11-21T16:02:61.123456+00:00 mx ",
    "2026-11-21T16:02:1:.123456+00:00 mx ",
    "2026-11-21T16:02:10,123456+00:00 mx ",
    "2026-11-21T16:03:10.123456+00:00 mx ",
    "Nov 21 16:02:10 mx  ",
    "Nov 21 16:02:10 imap(x ",
    "Nov 21 16:02:10 imap: ",
    "Nov 21 16:02:10 ",
    "Nov 2 16:02:10 mx ",
    "Nov 21 16:02:10.5 mx ",
    "<22>Nov 21 16:02:10 mx ",
    "Nov 21 2026 16:02:10 mx ",
    "2026 Nov 21 16:02:10 mx ",
    "Nov 21 16:02:10 <mail.info> mx ",
    "Nov 21 16:02:10 mx auth.info ",
    "1795282302.887933 mx ",
    "2026-11-21T16:02:10.123456789Z stdout F Nov 21 16:02:10 mx ",
    "2026-11-21T16:02:10.123456789Z stdout F ",
    "2026-11-21T16:02:10.123456789Z Nov 21 16:02:10 mx ",
    "mx-1  | Nov 21 16:02:10 mx ",
    "",
];

const PROGRAMS_SEEN: &[&str] = &[
    "postfix/smtpd[7]: ",
    "postfix/smtpd[123456789]: ",
    "postfix/smtpd[]: ",
    "postfix/smtpd[7] ",
    "postfix/smtpd[7]: [ID 197553 mail.info] ",
    "postfix/smtpd: ",
    "postfix/smtpd[7]:",
    "postfix/smtp[8]: ",
    "postfix/submission/smtpd[9]: ",
    "dovecot[10]: ",
    "dovecot: ",
    "exim[11]: ",
    "exim: Info: ",
    "ntpd[12]: ",
    "nt[12]: ",
    "opensmtpd[13]: ",
    "a-program-with-quite-a-long-name[14]: ",
    " postfix/smtpd[7]: ",
    "[7]: ",
];

const MESSAGES: &[&str] = &[
    "connect from unknown[192.0.2.1]",
    "imap-login: Login: user=<a>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, session=<x>",
    "no host name found for IP address 192.0.2.1",
    "",
];

fn of(list: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(list)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn what_lines_said_before_changes_none(
        lines in prop::collection::vec(
            (of(FRONTS), of(PROGRAMS_SEEN), of(MESSAGES), prop::option::of((0..64usize, any::<u8>()))),
            1..12,
        ),
    ) {
        let mut framer = Framer::new();
        for (front, program, message, change) in lines {
            let whole = format!("{front}{program}{message}").into_bytes();
            framer.frame(&whole);
            let mut line = whole;
            if let Some((at, byte)) = change && let Some(old) = line.get_mut(at) {
                *old = byte;
            }
            let alone = frame(&line);
            let told = alone.map_or(Parsed::Unframed, |record| parse(&record, Timestamp(0)));
            // Twice, so that the second repeats the first.
            for _ in 0..2 {
                let record = framer.frame(&line);
                let again = record.map_or(Parsed::Unframed, |record| parse(&record, Timestamp(0)));
                prop_assert_eq!(again, told);
                let plain = record.map(|record| Record { owner: Owner::Unasked, ..record });
                prop_assert_eq!(plain, alone, "{}", String::from_utf8_lossy(&line));
            }
        }
    }
}

#[test]
fn usual_lines_are_compared_only() {
    for front in ["2026-11-21T16:02:10.123456+00:00 mx ", "Nov 21 16:02:10 mx "] {
        let mut framer = Framer::new();
        let lines: Vec<String> = ["postfix/smtpd[7]", "postfix/qmgr[7]", "dovecot[7]", "exim[7]"]
            .map(|program| format!("{front}{program}: a message of some length"))
            .into();
        for line in &lines {
            assert!(framer.frame(line.as_bytes()).is_some());
        }
        for line in &lines {
            assert!(framer.repeated(line.as_bytes()).is_some(), "{line}");
        }
    }
}
