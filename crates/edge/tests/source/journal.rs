//! A real `journalctl` on a journal that systemd-journal-remote made; where that is not installed,
//! a shell script in the place of `journalctl`.

use crate::second;
use edge::source::{JournalOptions, JournalSource, Position, Progress, Source, Start, State};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const JOURNAL_REMOTE: &str = "/lib/systemd/systemd-journal-remote";

/// Waits for the source and reads, until `count` lines came or it ended.
fn wait_for(source: &mut JournalSource, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let progress = source.read(second(0), 1000, &mut |line| {
            lines.push(String::from_utf8_lossy(line.bytes).into_owned());
        });
        if progress == Progress::Ended || lines.len() >= count && count > 0 {
            return lines;
        }
        if source.status().state == State::Failing {
            return lines;
        }
        let descriptors = source.descriptors();
        let mut wanted: Vec<_> =
            descriptors.iter().map(|one| PollFd::new(one, PollFlags::IN)).collect();
        let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
        assert!(poll(&mut wanted, Some(&patience)).unwrap() > 0, "nothing comes: {lines:?}");
    }
}

/// Export text of entries with these messages.
fn export(messages: &[&[u8]]) -> Vec<u8> {
    let mut text = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let at = 1_795_276_930_000_000u64 + number as u64;
        write!(
            text,
            "__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={}\n\
             _BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=mx1\nSYSLOG_FACILITY={}\n\
             SYSLOG_IDENTIFIER=postfix/smtpd\n_PID=77\n_UID={}\nMESSAGE\n",
            1_000_000 + number,
            if message.starts_with(b"cron") { 9 } else { 2 },
            // `logger -t postfix/smtpd` of any user makes such entries.
            if message.starts_with(b"forged") { 1000 } else { 101 },
        )
        .unwrap();
        text.extend_from_slice(&(message.len() as u64).to_le_bytes());
        text.extend_from_slice(message);
        text.extend_from_slice(b"\n\n");
    }
    text
}

/// A journal file with these messages, where it can be made.
fn journal(directory: &Path, messages: &[&[u8]]) -> Option<PathBuf> {
    if !Path::new(JOURNAL_REMOTE).exists() {
        eprintln!("skipped: {JOURNAL_REMOTE} is not installed (package systemd-journal-remote)");
        return None;
    }
    let path = directory.join("mail.journal");
    let mut made = Command::new(JOURNAL_REMOTE)
        .arg("--output")
        .arg(&path)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    made.stdin.take().unwrap().write_all(&export(messages)).unwrap();
    assert!(made.wait().unwrap().success());
    Some(path)
}

#[test]
fn a_real_journal_from_begin_and_from_a_cursor() {
    let directory = tempfile::tempdir().unwrap();
    let messages: [&[u8]; 5] = [
        b"connect from unknown[203.0.113.9]",
        b"cron is no mail",
        b"forged",
        b"two\nNov 21 16:00:00 mx1 postfix/smtpd[1]: injected",
        b"bytes \xff kept",
    ];
    let Some(file) = journal(directory.path(), &messages) else { return };
    let options = JournalOptions {
        files: vec![file],
        start: Start::Begin,
        follow: false,
        kept_in: Vec::new(),
        ..JournalOptions::default()
    };
    let mut source = JournalSource::open("journald", options.clone(), None, second(0));
    let lines = wait_for(&mut source, 1);
    let position = source.position();
    let mut all = lines.clone();
    all.extend(wait_for(&mut source, 0));
    assert_eq!(
        all,
        [
            "2026-11-21T16:02:10.000000+00:00 mx1 postfix/smtpd[77]: connect from unknown[203.0.113.9]",
            "2026-11-21T16:02:10.000003+00:00 mx1 postfix/smtpd[77]: two#012Nov 21 16:00:00 mx1 \
             postfix/smtpd[1]: injected",
            "2026-11-21T16:02:10.000004+00:00 mx1 postfix/smtpd[77]: bytes \u{fffd} kept",
        ]
    );
    assert_eq!(source.status().state, State::Ended);
    let position = Position::decode(&position.encode()).unwrap();
    let mut again = JournalSource::open("journald", options, Some(&position), second(0));
    assert_eq!(wait_for(&mut again, 0), all[lines.len()..]);
}

/// A stand-in for `journalctl`.
fn script(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join("journalctl");
    // Another process writes it: a child that another test begins meanwhile would hold it open for
    // writing, and what is open for writing is not run (ETXTBSY).
    let written = Command::new("sh")
        .args(["-c", "printf '%s\\n' '#!/bin/sh' \"$1\" >\"$0\" && chmod 755 \"$0\""])
        .arg(&path)
        .arg(text)
        .status();
    assert!(written.unwrap().success());
    path
}

#[test]
fn a_child_that_dies_is_started_again_behind_the_last_entry() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("arguments");
    let program = script(
        directory.path(),
        &format!(
            "echo \"$*\" >> {}\nprintf '__CURSOR=s=x;t=%x\\nMESSAGE=hello\\n\\n' $$\n\
             echo broken >&2\nexit 3",
            log.display()
        ),
    );
    let options =
        JournalOptions { journalctl: program, kept_in: Vec::new(), ..JournalOptions::default() };
    let mut source = JournalSource::open("journald", options, None, second(0));
    assert_eq!(wait_for(&mut source, 1).len(), 1);
    let Position::Journal { cursor } = source.position() else { panic!() };
    let _ = wait_for(&mut source, 0);
    let status = source.status();
    assert_eq!(status.state, State::Failing);
    assert_eq!(status.problem.unwrap().system.as_deref(), Some("broken"));
    let due = source.deadline().unwrap();
    assert!(due > second(0) && due <= second(60));
    let mut lines = 0;
    let _ = source.read(due, 10, &mut |_| lines += 1);
    assert_eq!(lines + wait_for(&mut source, 1 - lines).len(), 1);
    let arguments = fs::read_to_string(log).unwrap();
    let arguments: Vec<&str> = arguments.lines().collect();
    assert!(arguments[0].contains("--lines=0 SYSLOG_FACILITY=2"), "{arguments:?}");
    assert!(arguments[1].contains(&format!("--cursor {cursor}")), "{arguments:?}");
}

#[test]
fn a_program_that_is_not_there_is_a_problem_not_an_end() {
    let options = JournalOptions {
        journalctl: PathBuf::from("/nonexistent/journalctl"),
        kept_in: Vec::new(),
        ..JournalOptions::default()
    };
    let mut source = JournalSource::open("journald", options, None, second(0));
    assert_eq!(source.status().state, State::Failing);
    assert_eq!(source.read(second(0), 10, &mut |_| ()), Progress::Waiting);
    let mut last = second(0);
    for _ in 0..12 {
        let due = source.deadline().unwrap();
        assert!(due > last);
        last = due;
        let _ = source.read(due, 10, &mut |_| ());
    }
    let due = source.deadline().unwrap();
    assert_eq!(due.since(last).as_secs(), 60, "tried every minute in the end");
}

#[test]
fn a_cursor_that_is_gone_is_followed_by_what_came_after_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let program = script(
        directory.path(),
        "case \"$*\" in *--cursor*) echo 'Failed to seek to cursor' >&2; exit 1;; esac\n\
         case \"$*\" in *'--since @1'*) ;; *) exit 2;; esac\n\
         printf '__CURSOR=s=y;t=1\\n__REALTIME_TIMESTAMP=1000010\\nMESSAGE=old\\n\\n'\n\
         printf '__CURSOR=s=y;t=2\\n__REALTIME_TIMESTAMP=1000011\\nMESSAGE=new\\n\\n'\n\
         exec sleep 100",
    );
    let options =
        JournalOptions { journalctl: program, kept_in: Vec::new(), ..JournalOptions::default() };
    // 1000010 microseconds, in hexadecimal.
    let position = Position::Journal { cursor: "s=x;t=f424a".to_owned() };
    let mut source = JournalSource::open("journald", options, Some(&position), second(0));
    let mut lines = wait_for(&mut source, 1);
    for _ in 0..5 {
        if !lines.is_empty() {
            break;
        }
        let due = source.deadline().unwrap();
        let _ = source.read(due, 0, &mut |_| ());
        lines = wait_for(&mut source, 1);
    }
    assert_eq!(lines.len(), 1, "{:?}", source.status());
    assert!(lines[0].ends_with(": new"), "{lines:?}");
    assert_eq!(source.status().counts.losses, 1);
}

#[test]
fn entries_of_users_are_passed_over_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let entry = |number: u32, user: &str, message: &str| {
        format!(
            "__CURSOR=s=x;i={number}\\n__REALTIME_TIMESTAMP=1795276930000000\\n{user}\
             SYSLOG_IDENTIFIER=postfix/smtpd\\n_PID=77\\nMESSAGE={message}\\n\\n"
        )
    };
    let entries = [
        entry(1, "_UID=101\\n", "of postfix"),
        entry(2, "_UID=1000\\n", "forged"),
        entry(3, "_UID=5000\\n", "of vmail"),
        entry(4, "", "of the kernel"),
        entry(5, "_UID=what\\n", "of whom"),
        entry(6, "_UID=0\\n", "of root"),
        entry(7, "_UID=1001\\n", "forged"),
    ];
    let program = script(directory.path(), &format!("printf '{}'", entries.concat()));
    let read = |users: &[&str], count| {
        let options = JournalOptions {
            journalctl: program.clone(),
            kept_in: Vec::new(),
            users: users.iter().map(|word| edge::source::Users::named(word).unwrap()).collect(),
            follow: false,
            ..JournalOptions::default()
        };
        let mut source = JournalSource::open("journald", options, None, second(0));
        let mut lines = wait_for(&mut source, count);
        lines.extend(wait_for(&mut source, 0));
        let lines = lines.iter().map(|line| line.rsplit(": ").next().unwrap().to_owned());
        (lines.collect::<Vec<_>>(), source)
    };
    let (lines, mut source) = read(&[], 3);
    assert_eq!(lines, ["of postfix", "of the kernel", "of root"]);
    assert_eq!((source.status().counts.lines, source.status().counts.passed_over), (3, 4));
    let Position::Journal { cursor } = source.position() else { panic!() };
    assert_eq!(cursor, "s=x;i=7", "what was passed over is not met again");
    let told = source.news(second(1)).unwrap();
    assert!(told.starts_with("4 entries of users") && told.contains("the user 1001:"), "{told}");
    assert_eq!(source.news(second(2)), None);
    let (lines, _) = read(&["5000"], 4);
    assert_eq!(lines, ["of postfix", "of vmail", "of the kernel", "of root"]);
}

/// Where only a part can be read, or nothing is kept, `journalctl` runs on and says nothing.
#[test]
fn a_journal_that_is_not_there_is_no_journal_that_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let program = script(directory.path(), "exec sleep 100");
    let options = JournalOptions {
        journalctl: program,
        kept_in: vec![directory.path().join("kept")],
        ..JournalOptions::default()
    };
    let mut source = JournalSource::open("journald", options, None, second(0));
    assert_eq!(source.status().state, State::Missing);
    let told = source.status().problem.unwrap().to_string();
    assert!(told.contains("no such file (see that systemd-journald runs"), "{told}");
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let machine = if machine.trim().is_empty() { "x" } else { machine.trim() };
    let kept = directory.path().join("kept").join(machine);
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join("system.journal"), "").unwrap();
    let due = source.deadline().unwrap();
    assert_eq!(source.read(due, 10, &mut |_| ()), Progress::Waiting);
    assert_eq!((source.status().state, source.status().problem), (State::Following, None));
}

/// journald removes old entries where the disk is full, also the one that was read last.
#[test]
fn what_comes_behind_a_removed_entry_is_read_whole_and_the_loss_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let messages: Vec<String> = (0..6).map(|number| format!("number {number}")).collect();
    let messages: Vec<&[u8]> = messages.iter().map(|message| message.as_bytes()).collect();
    let Some(file) = journal(directory.path(), &messages) else { return };
    let options = |start| JournalOptions {
        files: vec![file.clone()],
        start,
        follow: false,
        ..JournalOptions::default()
    };
    let mut source = JournalSource::open("journald", options(Start::Begin), None, second(0));
    let all = wait_for(&mut source, 0);
    assert_eq!(all.len(), 6);
    let Position::Journal { cursor } = source.position() else { panic!() };
    // As that of an entry before the first one that is left.
    let fields: Vec<String> = cursor
        .split(';')
        .map(|field| match field.split_once('=').unwrap() {
            ("s", _) => format!("s={:032x}", 1),
            ("i", _) => "i=fffff".to_owned(),
            ("m", _) => "m=1".to_owned(),
            ("t", _) => "t=660cb7baf0000".to_owned(),
            _ => field.to_owned(),
        })
        .collect();
    let gone = Position::Journal { cursor: fields.join(";") };
    let mut source = JournalSource::open("journald", options(Start::End), Some(&gone), second(0));
    assert_eq!(wait_for(&mut source, 0), all);
    assert_eq!(source.status().counts.losses, 1);
    let last = Position::Journal { cursor };
    let mut source = JournalSource::open("journald", options(Start::End), Some(&last), second(0));
    assert_eq!(wait_for(&mut source, 0), [] as [&str; 0]);
    assert_eq!(source.status().counts.losses, 0);
}
