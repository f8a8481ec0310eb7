//! Messages that a syslog daemon wrote once for several that are the same.

mod corpus;

use corpus::{files, parsed};
use event::Event;
use parse::{Envelope, Framer, Parsed, frame};
use proptest::prelude::*;

/// The line as rsyslog writes it with `$RepeatedMsgReduction on`, where it is one of syslog's.
fn repeated(line: &[u8], times: u64) -> Option<Vec<u8>> {
    let record = frame(line)?;
    let is_syslog =
        matches!(record.envelope, Envelope::Rfc3164 | Envelope::Rfc3339 | Envelope::Rfc5424);
    let is_plain = record.times() == 1 && !record.repeats_last() && !record.message.is_empty();
    if !is_syslog || !is_plain || record.message.len() > 790 {
        return None;
    }
    let front = line.strip_suffix(record.message)?;
    let said = format!("message repeated {times} times: [ ").into_bytes();
    Some([front, &said, record.message, b"]"].concat())
}

/// What a line says, so many times.
fn multiplied(line: &[u8], times: u32) -> Option<Parsed<'_>> {
    let said = parsed(&frame(line)?);
    let Parsed::Event(event) = said else { return Some(said) };
    let attempts = event.attempts * times;
    Some(Parsed::Event(Event { attempts, times, ..event }))
}

#[test]
fn a_repeated_line_says_what_the_line_says_so_many_times() {
    let (mut compared, mut framer) = (0, Framer::new());
    for case in files().iter().flat_map(|file| &file.cases) {
        let Some(line) = repeated(&case.line, 46) else { continue };
        let record = frame(&line).unwrap();
        let wanted = multiplied(&case.line, 46).unwrap();
        let place = String::from_utf8_lossy(&line);
        assert_eq!(parsed(&record), wanted, "{place}");
        framer.frame(&case.line);
        let again = framer.frame(&line).unwrap();
        assert_eq!((again.message, again.times()), (record.message, record.times()), "{place}");
        assert_eq!(parsed(&again), wanted, "{place}");
        compared += 1;
    }
    assert!(compared > 1_000, "{compared} lines");
}

/// It is no more than noise where nobody knows what stood before it.
#[test]
fn a_line_that_says_that_the_last_was_repeated_is_noise() {
    for text in [
        "mx last message repeated 3 times",
        "mx last message repeated 1 time",
        "mx syslogd: last message repeated 4294967295 times",
        "--- last message repeated 3 times ---",
    ] {
        let line = format!("Nov 21 16:02:10 {text}");
        let record = frame(line.as_bytes()).unwrap();
        assert!(record.repeats_last() && record.times() > 0, "{line}");
        assert_eq!(parsed(&record), Parsed::Noise("repeated-message"), "{line}");
    }
    // Under a program's tag a stranger may have written it.
    for text in ["mx imapd[7]: last message repeated 3 times", "mx last message repeated 3 times."]
    {
        let line = format!("Nov 21 16:02:10 {text}");
        assert!(!frame(line.as_bytes()).is_some_and(|record| record.repeats_last()), "{line}");
    }
}

/// In full it is the line that rsyslog would have written.
#[test]
fn the_last_line_is_told_in_full() {
    let tell = |last: &str, repeat: &str| {
        let parts = parse::in_full(last.as_bytes(), repeat.as_bytes())?;
        let parts = parts.map(|part| String::from_utf8_lossy(part).into_owned());
        Some(format!("{}{}<{}>", parts[0], parts[1], parts[2]))
    };
    let repeat = "Nov 21 16:02:40 mx last message repeated 3 times";
    assert_eq!(
        tell("Nov 21 16:02:10 mx imapd[7]: LOGIN FAILED", repeat).as_deref(),
        Some("Nov 21 16:02:40 mx imapd[7]: <LOGIN FAILED>")
    );
    assert_eq!(
        tell(
            "<22>Nov 21 16:02:10 <mail.info> mx imapd[7]: [ID 7 mail.info] x",
            "Nov 21 16:02:40 --- last message repeated 3 times ---"
        )
        .as_deref(),
        Some("Nov 21 16:02:40 <mail.info> mx imapd[7]: [ID 7 mail.info] <x>")
    );
    assert_eq!(tell("Nov 21 16:02:10 mx imapd[7]: message repeated 2 times: [ x]", repeat), None);
    assert_eq!(tell("no line", repeat), None);
}

proptest! {
    /// Whatever stands in the brackets, and however they are broken.
    #[test]
    fn any_text_in_any_brackets_does_no_harm(
        times in prop_oneof!["[0-9]{0,12}", "-?[0-9]{1,3}"],
        text in "(message repeated [0-9]{1,5} times: |\\[|\\]|rip=198\\.51\\.100\\.7|[ -~]){0,40}",
        close in prop_oneof![Just("]"), Just(""), Just("]]")],
    ) {
        let line = format!("Nov 21 16:02:10 mx dovecot[7]: message repeated {times} times: [{text}{close}");
        let record = frame(line.as_bytes()).unwrap();
        let count: u64 = times.parse().unwrap_or(0);
        prop_assert!(record.times() == 1 || u64::from(record.times()) == count.min(65_535));
        if let Parsed::Event(event) = parsed(&record) {
            prop_assert!(event.attempts <= 65_535);
        }
    }

    /// A stranger's name cannot make a message one that was repeated.
    #[test]
    fn a_name_repeats_nothing(name in "[ -~]{0,20}(message repeated [0-9]{1,5} times: \\[)[ -~]{0,40}") {
        let line = format!(
            "Nov 21 16:02:10 mx dovecot[7]: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): \
             user=<{name}>, method=PLAIN, rip=203.0.113.66, lip=192.0.2.1"
        );
        prop_assert_eq!(frame(line.as_bytes()).unwrap().times(), 1);
    }
}
