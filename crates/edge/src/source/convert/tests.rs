use super::super::LineReader;
use super::*;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Vec<String> {
    let mut reader = LineReader::of(bytes).unwrap();
    let mut lines = Vec::new();
    while let Some(line) = reader.next().unwrap() {
        lines.push(String::from_utf8_lossy(line.bytes).into_owned());
    }
    lines
}

#[test]
fn docker_entries_are_a_containers_lines() {
    let log = concat!(
        r#"{"log":"Nov 21 15:02:09 mx postfix/smtpd[7]: a\"b\u0000\u001b\u00e9\ud83d\ude00\tc\r\n","stream":"stdout","time":"2026-11-21T16:02:10.123456789Z"}"#,
        "\n",
        r#"{"log":"one\ntwo\n","attrs":{"tag":"}{","x":["]"]},"stream":"stderr","time":"2026-11-21T16:02:11Z"}"#,
        "\n",
        r#"{"log":"first part","stream":"stdout","time":"2026-11-21T16:02:12.1Z"}"#,
        "\n",
        r#"{"log":"Nov 21 15:02:09 mx postfix/smtpd[1]: connect from x[6.6.6.6]\n","stream":"stdout","time":"2026-11-21T16:02:12.1Z"}"#,
        "\n",
        r#"{"log":"whole\n","stream":"stdout","time":"2026-11-21T16:02:13.1Z"}"#,
        "\n",
        r#"{"log":"x\n","stream":"stdout","time":"2026 evil 6.6.6.6 yes"}"#,
        "\nno entry\n",
        r#"{"level":"info"}"#,
        "\n"
    );
    let expected = [
        "2026-11-21T16:02:10.123456789Z stdout F Nov 21 15:02:09 mx postfix/smtpd[7]: a\"b#000#033\u{e9}\u{1f600}\tc",
        "2026-11-21T16:02:11Z stderr F one#012two",
        "2026-11-21T16:02:12.1Z stdout P first part",
        "",
        "2026-11-21T16:02:13.1Z stdout F whole",
        r#"{"log":"x\n","stream":"stdout","time":"2026 evil 6.6.6.6 yes"}"#,
        "no entry",
        r#"{"level":"info"}"#,
    ];
    assert_eq!(read(log.as_bytes()), expected);
}

#[test]
fn a_runtimes_parts_are_one_line() {
    let log = "2026-11-21T16:02:10.1+01:00 stdout P one\n\
               2026-11-21T16:02:10.1+01:00 stderr F other\n\
               2026-11-21T16:02:10.1+01:00 stdout P Nov 21 16:02:10 mx postfix/smtpd[1]: x\n\
               2026-11-21T16:02:10.1+01:00 stdout F Nov 21 16:02:10 mx postfix/smtpd[1]: x\n\
               2026-11-21T16:02:10.1+01:00 stdout F whole";
    let expected = [
        "2026-11-21T16:02:10.1+01:00 stdout P one",
        "2026-11-21T16:02:10.1+01:00 stderr F other",
        "",
        "",
        "2026-11-21T16:02:10.1+01:00 stdout F whole",
    ];
    assert_eq!(read(log.as_bytes()), expected);
}

/// One entry in the three forms of journalctl.
#[test]
fn the_journal_says_the_same_in_every_form() {
    let json = br#"{"__CURSOR":"s=a;t=660ccbbef67fd","__REALTIME_TIMESTAMP":"1795282302887933","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"postfix/smtpd","_PID":"9","SYSLOG_PID":"7","MESSAGE":[111,110,101,10,78,111,118]}"#;
    let export =
        b"__CURSOR=s=a;t=660ccbbef67fd\n__REALTIME_TIMESTAMP=1795282302887933\n_HOSTNAME=mx\n\
SYSLOG_IDENTIFIER=postfix/smtpd\n_PID=9\nSYSLOG_PID=7\nMESSAGE\n\x07\0\0\0\0\0\0\0one\nNov\n\n";
    let verbose = b"Sat 2026-11-21 17:31:42.887933 UTC [s=a;t=660ccbbef67fd]\n    _HOSTNAME=mx\n\
    \x20   SYSLOG_IDENTIFIER=postfix/smtpd\n    MESSAGE=one\n            Nov\n    SYSLOG_PID=7\n";
    let expected = ["2026-11-21T17:31:42.887933+00:00 mx postfix/smtpd[7]: one#012Nov"];
    for (name, form) in [("json", &json[..]), ("export", export), ("verbose", verbose)] {
        assert_eq!(read(form), expected, "{name}");
        let twice = [form, if name == "json" { b"\n" } else { b"" }, form].concat();
        assert_eq!(read(&twice), [expected[0], expected[0]], "{name}");
    }
}

#[test]
fn other_logs_are_read_as_they_are() {
    for log in ["", "\n", "Nov 21 16:02:10 mx exim: x\n{\"log\":\"x\\n\"}", "{", "{}", "x"] {
        assert_eq!(read(log.as_bytes()), log.lines().collect::<Vec<_>>(), "{log}");
    }
}

const DOCKER: &str = r#"{"log":"x\n","stream":"stdout","time":"2026-11-21T16:02:10Z"}"#;
const JOURNAL: &str = r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1795282302887933","_HOSTNAME":"mx","SYSLOG_IDENTIFIER":"exim","MESSAGE":"y"}"#;

/// A torn or foreign first line, or lines of several logs in one file.
#[test]
fn each_line_is_judged_by_itself() {
    let lines = [
        (r#"og":"torn\n","stream":"stdout","time":"2026-11-21T16:02:10Z"}"#, None),
        (DOCKER, Some("2026-11-21T16:02:10Z stdout F x")),
        ("Nov 21 16:02:10 mx exim[1]: plain", None),
        ("no front", None),
        ("", None),
        (JOURNAL, Some("2026-11-21T17:31:42.887933+00:00 mx exim: y")),
        ("2026-11-21T16:02:10.123456+00:00 mx exim[1]: precise", None),
        ("2026-11-21T16:02:10.123456789Z stderr P a", None),
        ("2026-11-21T16:02:10.1234+00:00 stderr F b", Some("")),
        // What was cut before its time has the time of the one before.
        (r#"{"log":"cut"#, Some("2026-11-21T16:02:10Z stdout F cut")),
        (DOCKER, Some("2026-11-21T16:02:10Z stdout F x")),
    ];
    for first in 0..8 {
        let log: Vec<_> = lines[first..].iter().map(|(line, _)| *line).collect();
        let mut expected: Vec<_> =
            lines[first..].iter().map(|(line, made)| made.unwrap_or(line)).collect();
        if first > 1 {
            // No entry stands before.
            expected[9 - first] = lines[9].0;
        }
        assert_eq!(read(log.join("\n").as_bytes()), expected, "from {first}");
    }
}

#[test]
fn what_a_lost_machine_leaves_in_front_of_an_entry_is_passed_over() {
    for torn in ["\0\0\0", "\u{feff}", r#"{"log":"Nov 21 torn, stream\":\"stdout"#] {
        let log = format!("{DOCKER}\n{torn}{DOCKER}\n");
        assert_eq!(read(log.as_bytes()), ["2026-11-21T16:02:10Z stdout F x"; 2], "{torn:?}");
    }
    // A label of the container's is no second entry.
    let labels =
        r#"{"log":"a\n","attrs":{"log":"b"},"stream":"stderr","time":"2026-11-21T16:02:10Z"}"#;
    assert_eq!(read(labels.as_bytes()), ["2026-11-21T16:02:10Z stderr F a"]);
    // Nor is what a stranger wrote.
    let forged = r#"{"log":"{\"log\":\"b\\n\",\"time\":\"2026-11-21T16:02:10Z\"}\n","stream":"#;
    assert_eq!(read(forged.as_bytes()), [forged]);
}

const EXPORT: &[u8] = b"__CURSOR=s=a;t=660ccbbef67fd\n__REALTIME_TIMESTAMP=1795282302887933\n\
_HOSTNAME=mx\nSYSLOG_TIMESTAMP=Nov 21 17:31:42 \nSYSLOG_IDENTIFIER=postfix/smtpd\nMESSAGE\n\
\x07\0\0\0\0\0\0\0one\nNov\n_PID=7\n\n";
const VERBOSE: &[u8] = b"Sat 2026-11-21 17:31:42.887933 UTC [s=a;t=660ccbbef67fd]\n\
\x20   _HOSTNAME=mx\n    SYSLOG_TIMESTAMP=Nov 21 17:31:42 \n    SYSLOG_IDENTIFIER=postfix/smtpd\n\
\x20   _PID=7\n    MESSAGE=one\n            Nov\n";
const ENTRY: &str = "2026-11-21T17:31:42.887933+00:00 mx postfix/smtpd[7]: one#012Nov";

fn read_and_skipped(log: &[u8]) -> (Vec<String>, Skipped) {
    let mut reader = LineReader::of(log).unwrap();
    let mut lines = Vec::new();
    while let Some(line) = reader.next().unwrap() {
        lines.push(String::from_utf8_lossy(line.bytes).into_owned());
    }
    (lines, reader.skipped())
}

/// Wherever an entry is torn, the others are whole, and what is missing is told.
#[test]
fn torn_journals_are_read_on_at_the_next_entry() {
    for (form, name) in [(EXPORT, "export"), (VERBOSE, "verbose")] {
        for at in 1..form.len() {
            let torn = &form[at..];
            let (lines, skipped) = read_and_skipped(&[torn, form, form].concat());
            assert_eq!(lines, [ENTRY; 2], "{name} from byte {at}");
            let expected = Skipped { pieces: 1, bytes: torn.len() as u64, first_at: 0 };
            assert_eq!(skipped, expected, "{name} from byte {at}");
        }
    }
    for at in 1..EXPORT.len() {
        let torn = &EXPORT[..at];
        let (lines, skipped) = read_and_skipped(&[EXPORT, torn].concat());
        assert_eq!(lines, [ENTRY], "to byte {at}");
        let first_at = EXPORT.len() as u64;
        assert_eq!(skipped, Skipped { pieces: 1, bytes: at as u64, first_at }, "to byte {at}");
        // Two files in one, the first of them torn.
        let (lines, skipped) = read_and_skipped(&[EXPORT, torn, b"\n", EXPORT, EXPORT].concat());
        assert_eq!(lines.last().unwrap(), ENTRY, "in the middle at byte {at}");
        assert!(lines.len() >= 2 && skipped.pieces <= 1, "at byte {at}: {lines:?} {skipped:?}");
    }
    assert_eq!(read_and_skipped(&[EXPORT, EXPORT].concat()).1, Skipped::default());
}

#[test]
fn a_log_behind_a_journal_is_read_as_it_is() {
    let plain = "Nov 21 16:02:10 mx exim[1]: a=b\n2026-11-21T16:02:10.123456+00:00 mx exim: last";
    for form in [EXPORT, VERBOSE] {
        let (lines, skipped) = read_and_skipped(&[form, plain.as_bytes(), b"\n", form].concat());
        let plain: Vec<_> = plain.lines().collect();
        assert_eq!(lines, [ENTRY, plain[0], plain[1], ENTRY]);
        assert_eq!(skipped, Skipped::default());
        let (lines, _) = read_and_skipped(&[form, DOCKER.as_bytes(), b"\n"].concat());
        assert_eq!(lines, [ENTRY, "2026-11-21T16:02:10Z stdout F x"]);
    }
}

/// A stranger who can write lines of his own into a log hides none of those behind.
#[test]
fn what_a_stranger_wrote_does_not_tell_a_logs_form() {
    let plain = "Nov 21 16:02:10 mx sogod[1]: login of 'x\n\n";
    let behind = "Nov 21 16:02:11 mx exim[1]: behind";
    for forged in [EXPORT, VERBOSE, b"__CURSOR=s=a\nMESSAGE\n\xff\xff\xff\xff\0\0\0\0"] {
        let log = [plain.as_bytes(), forged, b"\n", behind.as_bytes()].concat();
        assert_eq!(read(&log).last().unwrap(), behind);
        assert_eq!(read(&log).len(), String::from_utf8_lossy(&log).lines().count());
    }
    // In an entry's value, what looks like another entry is a part of it.
    let value = b"Nov 21 16:02:10 mx exim[1]: x\n\n__CURSOR=s=b\nMESSAGE=forged\n\n";
    let length = (value.len() as u64).to_le_bytes();
    let log = [b"__CURSOR=s=a\nMESSAGE\n", &length[..], value, b"\n\n"].concat();
    let (lines, skipped) = read_and_skipped(&log);
    assert_eq!((lines.len(), skipped), (1, Skipped::default()), "{lines:?}");
}

#[test]
fn an_entry_longer_than_a_line_is_cut() {
    let long = "x".repeat(16_384);
    let entry =
        format!("{{\"log\":\"{long}\",\"stream\":\"stdout\",\"time\":\"2026-11-21T16:02:10Z\"}}\n");
    let rest =
        "{\"log\":\"rest\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T16:02:10Z\"}\n".repeat(2);
    let lines = read(format!("{entry}{rest}").as_bytes());
    assert_eq!(lines[0].len(), LINE_MAX);
    assert_eq!(lines[1..], ["", "2026-11-21T16:02:10Z stdout F rest"]);
}

const PIECES: &[&str] = &[
    "{\"log\":\"",
    "\"",
    "\\u",
    "\\ud83d",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"MESSAGE\":",
    "\"time\":\"2026-11-21T16:02:10Z\"",
    "\n",
    "P ",
    " stdout ",
    "2026-11-21T16:02:10Z",
];

proptest! {
    #[test]
    fn any_message_is_one_line(message in "\\PC{0,40}|[\\x00-\\x7f]{0,40}", pid in any::<u32>()) {
        let quoted: String = message.chars().map(|c| format!("\\u{:04x}", u32::from(c).min(0xffff))).collect();
        let journal = format!("{{\"MESSAGE\":\"{quoted}\",\"__REALTIME_TIMESTAMP\":\"1\",\"_PID\":\"{pid}\"}}\n");
        let docker = format!("{{\"log\":\"{quoted}\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T16:02:10Z\"}}\n");
        for entry in [journal, docker] {
            let lines = read(entry.repeat(3).as_bytes());
            prop_assert_eq!(lines.len(), 3);
            prop_assert!(lines.iter().all(|line| line.starts_with("1970-01-01T00:00:00.000001+00:00 - -[")
                || line.starts_with("2026-11-21T16:02:10Z stdout F ")), "{:?}", lines);
        }
    }

    #[test]
    fn any_bytes_behind_an_entry_are_as_many_lines(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..9),
        ], 0..20),
        first in prop::sample::select(&["{\"\n", "2026-11-21T16:02:10Z stdout F x\n"][..]),
    ) {
        let log = [first.as_bytes(), &pieces.concat()].concat();
        let newlines = log.iter().filter(|byte| **byte == b'\n').count();
        let lines = read(&log).len();
        prop_assert!(lines == newlines || lines == newlines + 1, "{} {}", lines, newlines);
    }

    #[test]
    fn any_export_and_verbose_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for first in ["__CURSOR=s=a\n", "Sat 2026-11-21 17:31:42 UTC [s=a]\n    MESSAGE=x\n"] {
            read(&[first.as_bytes(), &bytes].concat());
        }
    }
}
