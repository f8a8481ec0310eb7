use super::*;
use alloc::format;
use alloc::string::{String, ToString};

fn shown(line: &str) -> String {
    let Some(record) = frame(line.as_bytes()) else { return "none".into() };
    let stamp = match record.stamp {
        Stamp::Utc(at) => at.to_string(),
        Stamp::Local(s) => format!(
            "{}-{}-{} {}:{}:{}.{}",
            s.year.map_or("?".into(), |year| year.to_string()),
            s.month,
            s.day,
            s.hour,
            s.minute,
            s.second,
            s.micros
        ),
        Stamp::Zoned(s, east_s) => {
            format!("?-{}-{} {}:{}:{}{:+}", s.month, s.day, s.hour, s.minute, s.second, east_s)
        }
        Stamp::Missing => "no-time".into(),
    };
    let host = record.host.map_or("-".into(), |host| host.to_string());
    let pid = record.pid.map_or("-".into(), |pid| pid.to_string());
    let message = Text(record.message);
    format!("{:?} {stamp} {host} {} {pid} |{message}", record.envelope, record.program)
}

#[test]
fn every_envelope_is_told_by_its_content() {
    for (line, expected) in [
        (
            "Nov  2 16:02:10 mx postfix/smtpd[7]: hi",
            "Rfc3164 ?-11-2 16:2:10.0 mx postfix/smtpd 7 |hi",
        ),
        (
            "Nov 2 16:02:10 mx postfix/smtpd[7]: hi",
            "Rfc3164 ?-11-2 16:2:10.0 mx postfix/smtpd 7 |hi",
        ),
        (
            "<22>Nov 21 16:02:10 mx dovecot: auth: x",
            "Rfc3164 ?-11-21 16:2:10.0 mx dovecot - |auth: x",
        ),
        ("<22>Nov 21 16:02:10 exim[5]: x", "Rfc3164 ?-11-21 16:2:10.0 - exim 5 |x"),
        ("Nov 21 16:02:10.25 mx exim: x", "Rfc3164 ?-11-21 16:2:10.250000 mx exim - |x"),
        (
            "Nov 21 16:02:10 mx mail.info postfix/anvil[9]: x",
            "Rfc3164 ?-11-21 16:2:10.0 mx postfix/anvil 9 |x",
        ),
        (
            "2026-11-21T16:02:10+01:00 mx exim[1]: x",
            "Rfc3339 2026-11-21T15:02:10.000000Z mx exim 1 |x",
        ),
        (
            "2026-11-21T16:02:10.123456789Z mx exim[1]: x",
            "Rfc3339 2026-11-21T16:02:10.123456Z mx exim 1 |x",
        ),
        (
            "2026-11-21T16:02:10-0530 mx exim[1]: x",
            "Rfc3339 2026-11-21T21:32:10.000000Z mx exim 1 |x",
        ),
        (
            "<22>1 2026-11-21T16:02:10.5+00:00 mx postfix 20 - -  A: x",
            "Rfc5424 2026-11-21T16:02:10.500000Z mx postfix 20 |A: x",
        ),
        (
            "<22>1 2026-11-21T16:02:10Z - dovecot - ID [a b=\"]\\\"\"][c] \u{feff}x",
            "Rfc5424 2026-11-21T16:02:10.000000Z - dovecot - |x",
        ),
        (
            "Nov 21 16:02:10 imap-login: Info: Login: u",
            "Dovecot ?-11-21 16:2:10.0 - imap-login - |Login: u",
        ),
        (
            "2026-11-21 16:02:10 auth-worker(658): Info: x",
            "Dovecot 2026-11-21 16:2:10.0 - auth-worker(658) - |x",
        ),
        (
            "Nov 21 16:02:10 imap(a b: Info: c)<65><Z2>: Error: x: Info: y",
            "Dovecot ?-11-21 16:2:10.0 - imap(a b: Info: c)<65><Z2> - |x: Info: y",
        ),
        ("2026-11-21 16:02:10 1x-y-z <= a@b", "Exim 2026-11-21 16:2:10.0 - exim - |1x-y-z <= a@b"),
        (
            "2026-11-21 16:02:10.123 +0100 [77] no host",
            "Exim 2026-11-21T15:02:10.123000Z - exim 77 |no host",
        ),
        ("2026-11-21 16:02:10 [192.0.2.1] x", "Exim 2026-11-21 16:2:10.0 - exim - |[192.0.2.1] x"),
        (
            "Sat 2026-11-21 17:31:44 UTC mx dovecot[9]: x",
            "JournalFull 2026-11-21T17:31:44.000000Z mx dovecot 9 |x",
        ),
        (
            "Sat 2026-11-21 17:31:44 CET mx dovecot[9]: x",
            "JournalFull 2026-11-21 17:31:44.0 mx dovecot 9 |x",
        ),
        ("Feb 29 00:00:00 mx exim: x", "Rfc3164 ?-2-29 0:0:0.0 mx exim - |x"),
    ] {
        assert_eq!(shown(line), expected, "{line}");
    }
}

#[test]
fn rare_stamps_are_read_behind_the_usual_ones() {
    for (line, expected) in [
        ("<22>1 - mx postfix 20 - - x", "Rfc5424 no-time mx postfix 20 |x"),
        ("1 - - dovecot - - [a b=\"c\"] x", "Rfc5424 no-time - dovecot - |x"),
        ("Nov 21 2026 16:02:10 mx exim[1]: x", "Rfc3164 2026-11-21 16:2:10.0 mx exim 1 |x"),
        ("Nov 21 16:02:10 2026 mx exim[1]: x", "Rfc3164 2026-11-21 16:2:10.0 mx exim 1 |x"),
        ("Nov 21 16:02:10 CET mx exim[1]: x", "Rfc3164 ?-11-21 16:2:10.0 mx exim 1 |x"),
        ("Nov 21 16:02:10 UTC mx exim[1]: x", "Rfc3164 ?-11-21 16:2:10+0 mx exim 1 |x"),
        ("Nov 21 16:02:10.5 -0530 mx exim: x", "Rfc3164 ?-11-21 16:2:10-19800 mx exim - |x"),
        (
            "<22>Nov 21 2026 16:02:10 +01:00 mx exim: x",
            "Rfc3164 2026-11-21T15:02:10.000000Z mx exim - |x",
        ),
        ("Nov 21 16:02:10 CEST 2026 mx exim: x", "Rfc3164 2026-11-21 16:2:10.0 mx exim - |x"),
        // The usual form comes first: a host may have such a name.
        ("Nov 21 16:02:10 CET exim[1]: x", "Rfc3164 ?-11-21 16:2:10.0 CET exim 1 |x"),
        (
            "Nov 21 16:02:10 2026 exim: mx exim: x",
            "Rfc3164 ?-11-21 16:2:10.0 2026 exim - |mx exim: x",
        ),
        ("\u{feff}Nov 21 16:02:10 mx exim[1]: x", "Rfc3164 ?-11-21 16:2:10.0 mx exim 1 |x"),
        (
            "\u{feff}2026-11-21 16:02:10 1x-y-z <= a@b",
            "Exim 2026-11-21 16:2:10.0 - exim - |1x-y-z <= a@b",
        ),
    ] {
        assert_eq!(shown(line), expected, "{line}");
    }
}

#[test]
fn what_has_no_envelope_has_none() {
    for line in [
        "",
        "Nov 31 16:02:10 mx exim: x",
        "Nov 21 24:02:10 mx exim: x",
        "Nov 21 16:02:10 mx no tag here",
        "Nov 21 16:02:10 mx -- MARK --",
        "Nov 21 16:02:10 mx some.text exim: x",
        "Nov 21 16:02:10 mx exim[5",
        "2023-02-29T16:02:10Z mx exim: x",
        "2026-11-21T16:02:10.1234567890Z mx exim: x",
        "<9999>Nov 21 16:02:10 mx exim: x",
        "<22>1 -- mx postfix 20 - - x",
        "Feb 29 16:02:10 2026 mx exim: x",
        "Nov 21 16:02:10 CET CET mx exim: x",
        "Nov 21 16:02:10 2026 2026 mx exim: x",
        "Nov 21 16:02:10 Cet mx exim: x",
        "Nov 21 16:02:10 mx mx exim: x",
        "\u{feff}",
        "\u{feff}\u{feff}Nov 21 16:02:10 mx exim[1]: x",
        "-- Reboot --",
        "    SYSLOG_IDENTIFIER=postfix",
        "\u{0}\u{0}\u{0}",
    ] {
        assert_eq!(shown(line), "none", "{line}");
    }
}
