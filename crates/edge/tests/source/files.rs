//! What is done to log files, and that no line is lost or doubled by it.

use crate::log::{Log, open};
use crate::{drain, second};
use edge::source::{LINE_MAX, Position, ProblemKind, Source, Start, State};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

#[test]
fn lines_are_whole_and_half_a_line_waits() {
    let log = Log::new();
    log.write("one\ntw");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["one"]);
    log.write("o\nthree\n");
    assert_eq!(drain(&mut source, second(0)), ["two", "three"]);
    assert_eq!(source.status().lag_bytes, Some(0));
    assert_eq!(source.status().state, State::Following);
}

#[test]
fn starts() {
    let log = Log::new();
    log.write("one\ntwo\nthree\nhalf");
    let from = |start| {
        let mut source = log.open(start);
        let before = drain(&mut source, second(0));
        (source, before)
    };
    assert_eq!(from(Start::Begin).1, ["one", "two", "three"]);
    assert_eq!(
        from(Start::Back(10)).1,
        ["three"],
        "ten bytes before the end is the start of three"
    );
    assert_eq!(from(Start::Back(9)).1, [] as [&str; 0], "within three: the next start of a line");
    assert_eq!(from(Start::Back(1000)).1, ["one", "two", "three"]);
    let (mut at_end, before) = from(Start::End);
    assert!(before.is_empty());
    log.write(" of it\nfour\n");
    assert_eq!(drain(&mut at_end, second(0)).last().unwrap(), "four");
}

#[test]
fn a_rename_and_a_new_file_at_once() {
    let log = Log::new();
    let mut source = log.open(Start::Begin);
    assert_eq!(source.status().state, State::Missing);
    log.write("1\n2\n3\n4\n5\n");
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("6\n7\n8\n9\n");
    // Nothing had been read before the rename: the source did not know the first file yet.
    let lines = drain(&mut source, second(0));
    assert!(lines.ends_with(&["6".into(), "7".into(), "8".into(), "9".into()]));
    assert_eq!(source.status().state, State::Following);

    let log = Log::new();
    log.write("0\n");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["0"]);
    log.write("1\n2\n3\n4\n5\n");
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("6\n7\n8\n9\n");
    assert_eq!(
        drain(&mut source, second(0)),
        ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
        "five lines and an immediate rename and create"
    );
}

#[test]
fn a_log_and_its_directory_that_appear_later() {
    let log = Log::new();
    let path = log.other("a/b/mail.log");
    let mut source = open(&path, Start::End, None);
    assert_eq!(source.status().state, State::Missing);
    assert_eq!(source.position(), Position::None);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(drain(&mut source, second(0)).is_empty());
    fs::write(&path, "first\n").unwrap();
    assert_eq!(drain(&mut source, second(0)), ["first"], "noticed, not waited for");
    assert_eq!(source.status().state, State::Following);
    // And the directory is replaced.
    fs::rename(log.other("a"), log.other("old")).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "second\n").unwrap();
    assert_eq!(drain(&mut source, second(2)), ["second"]);
}

#[test]
fn resuming_waits_for_a_directory_that_is_not_mounted_yet() {
    let log = Log::new();
    let path = log.other("a/mail.log");
    fs::create_dir(log.other("a")).unwrap();
    fs::write(&path, "one\n").unwrap();
    let mut source = open(&path, Start::Begin, None);
    drain(&mut source, second(0));
    let position = source.position();
    drop(source);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"two\n").unwrap();
    fs::rename(log.other("a"), log.other("b")).unwrap();
    let mut source = open(&path, Start::End, Some(&position));
    assert!(drain(&mut source, second(0)).is_empty());
    assert_eq!(source.position(), position, "nothing is forgotten while nothing is there");
    fs::rename(log.other("b"), log.other("a")).unwrap();
    assert_eq!(drain(&mut source, second(2)), ["two"]);
}

#[test]
fn permission_lost_and_found() {
    // In a thread of its own, as another user: root may read everything.
    let log = Log::new();
    fs::set_permissions(log.directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    log.write("one\n");
    let forbid = |mode| fs::set_permissions(&log.path, fs::Permissions::from_mode(mode)).unwrap();
    forbid(0o644);
    let as_user = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                if rustix::process::geteuid().is_root() {
                    let user = rustix::thread::Uid::from_raw(65_534);
                    let keep = rustix::process::getuid();
                    // Only the effective user of this thread; the directory is still root's.
                    if rustix::thread::set_thread_res_uid(keep, user, keep).is_err() {
                        return;
                    }
                }
                let mut source = log.open(Start::Begin);
                assert_eq!(drain(&mut source, second(0)), ["one"]);
                let as_root = |act: &dyn Fn()| {
                    std::thread::scope(|inner| {
                        // A new thread starts with the credentials of this one: get them back.
                        let keep = rustix::process::getuid();
                        let user = rustix::process::geteuid();
                        let _ = rustix::thread::set_thread_res_uid(keep, keep, keep);
                        act();
                        let _ = rustix::thread::set_thread_res_uid(keep, user, keep);
                        let _ = inner;
                    });
                };
                as_root(&|| forbid(0o600));
                as_root(&|| log.write("two\n"));
                assert_eq!(drain(&mut source, second(1)), ["two"], "the open file can be read on");
                let problem = source.status().problem.unwrap();
                assert_eq!(problem.kind, ProblemKind::Permission);
                assert_eq!(source.status().state, State::Failing);
                as_root(&|| {
                    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
                    log.write("three\n");
                    forbid(0o600);
                });
                assert!(drain(&mut source, second(2)).is_empty());
                as_root(&|| forbid(0o644));
                assert_eq!(drain(&mut source, second(2)), ["three"], "noticed at once");
                assert_eq!(source.status().problem, None);
            })
            .join()
    });
    as_user.unwrap();
}

#[test]
fn a_rename_that_is_taken_back() {
    let log = Log::new();
    log.write("1\n");
    let mut source = log.open(Start::Begin);
    drain(&mut source, second(0));
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("2\n");
    assert_eq!(drain(&mut source, second(0)), ["2"]);
    fs::remove_file(&log.path).unwrap();
    fs::rename(log.other("mail.log.1"), &log.path).unwrap();
    log.write("3\n");
    assert_eq!(drain(&mut source, second(2)), ["3"]);
}

#[test]
fn a_log_that_an_editor_replaced_is_not_read_twice() {
    let log = Log::new();
    let text: String = (0..40).map(|number| format!("line number {number}\n")).collect();
    log.write(&text);
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)).len(), 40);
    fs::write(log.other("temporary"), format!("{text}new\n")).unwrap();
    fs::rename(log.other("temporary"), &log.path).unwrap();
    assert_eq!(drain(&mut source, second(2)), ["new"]);
}

#[test]
fn a_symbolic_link_that_is_set_to_another_file() {
    let log = Log::new();
    fs::create_dir(log.other("real")).unwrap();
    fs::write(log.other("real/1"), "one\n").unwrap();
    symlink("real/1", &log.path).unwrap();
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["one"]);
    fs::write(log.other("real/2"), "three\n").unwrap();
    let append = OpenOptions::new().append(true).open(log.other("real/1"));
    append.unwrap().write_all(b"two\n").unwrap();
    fs::remove_file(&log.path).unwrap();
    symlink("real/2", &log.path).unwrap();
    assert_eq!(drain(&mut source, second(2)), ["two", "three"]);
}

#[test]
fn something_else_than_a_file() {
    let log = Log::new();
    fs::create_dir(&log.path).unwrap();
    let source = log.open(Start::Begin);
    assert_eq!(source.status().problem.unwrap().kind, ProblemKind::NotAFile);
    fs::remove_dir(&log.path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &log.path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let source = log.open(Start::Begin);
    assert_eq!(source.status().problem.unwrap().kind, ProblemKind::NotAFile, "and it did not wait");
}

#[test]
fn bytes_are_kept_and_long_lines_cut() {
    let log = Log::new();
    let mut bytes = b"nul \0 and \xff\xfe\x1b[31m\n".to_vec();
    bytes.extend(std::iter::repeat_n(b'x', 1 << 20));
    bytes.extend_from_slice(b"\nnext\n");
    fs::write(&log.path, &bytes).unwrap();
    let mut source = log.open(Start::Begin);
    let mut lines = Vec::new();
    while source.read(second(0), 10, &mut |line| {
        lines.push((line.bytes.to_vec(), line.cut, line.offset_end));
    }) == edge::source::Progress::More
    {}
    assert_eq!(lines[0].0, b"nul \0 and \xff\xfe\x1b[31m");
    assert_eq!((lines[1].0.len(), lines[1].1), (LINE_MAX, true));
    assert_eq!((lines[2].0.as_slice(), lines[2].2), (&b"next"[..], bytes.len() as u64));
    let counts = source.status().counts;
    assert_eq!((counts.lines, counts.bytes, counts.cut_lines), (3, bytes.len() as u64, 1));
    assert_eq!(counts.cut_bytes, (1 << 20) - LINE_MAX as u64);
}

#[test]
fn rubbish_without_newlines_does_not_hold_the_loop() {
    let log = Log::new();
    let file = File::create(&log.path).unwrap();
    for piece in 0..64 {
        file.write_all_at(&vec![0xa5; 1 << 20], piece << 20).unwrap();
    }
    let mut source = log.open(Start::Begin);
    let mut calls = 0;
    while source.read(second(0), 10, &mut |_| panic!("no line ends"))
        == edge::source::Progress::More
    {
        calls += 1;
    }
    assert!(calls >= 8, "bounded in bytes, too: {calls}");
    assert_eq!(source.status().lag_bytes, Some(64 << 20));
    file.write_all_at(b"\nand on\n", 64 << 20).unwrap();
    let lines = drain(&mut source, second(0));
    assert_eq!((lines.len(), lines[1].as_str()), (2, "and on"));
}

#[test]
fn a_budget_is_kept_and_the_lag_told() {
    let log = Log::new();
    log.write(&"0123456789\n".repeat(1000));
    let mut source = log.open(Start::Begin);
    let mut count = 0;
    let progress = source.read(second(0), 100, &mut |_| count += 1);
    assert_eq!((count, progress), (100, edge::source::Progress::More));
    assert_eq!(source.status().lag_bytes, Some(9900));
    let position = source.position();
    assert_eq!(drain(&mut source, second(0)).len(), 900);
    assert_eq!(drain(&mut log.resume(&position), second(0)).len(), 900);
}

/// A line that its writer cut in parts, of which a stranger may have chosen where the second
/// begins, is one line also where a restart, a late start or a rotation comes between the two.
#[test]
fn the_rest_of_a_line_in_parts_is_none_whatever_comes_between() {
    const FORGED: &str = "Nov 21 16:02:10 mx exim: forged";
    let docker = |text: &str| {
        let stamp = "2026-11-21T16:02:10Z";
        format!("{{\"log\":\"{text}\",\"stream\":\"stderr\",\"time\":\"{stamp}\"}}\n")
    };
    let runtime =
        |is_part: &str, text: &str| format!("2026-11-21T16:02:10Z stderr {is_part} {text}\n");
    let long = "x".repeat(16_384);
    for (first, rest, next) in [
        (docker(&long), docker(&format!("{FORGED}\\n")), docker("next\\n")),
        (runtime("P", &long), runtime("F", FORGED), runtime("F", "next")),
    ] {
        let wanted = [String::new(), "2026-11-21T16:02:10Z stderr F next".to_owned()];
        let both = [rest, next].concat();
        let log = Log::new();
        log.write(&first);
        let mut source = log.open(Start::Begin);
        assert_eq!(drain(&mut source, second(0)).len(), 1);
        let position = source.position();
        log.write(&both);
        assert_eq!(drain(&mut log.resume(&position), second(0)), wanted, "a restart");
        let mut late = log.open(Start::Back(both.len() as u64));
        assert_eq!(drain(&mut late, second(0)), wanted, "a late start");

        let log = Log::new();
        log.write(&first);
        let mut source = log.open(Start::Begin);
        assert_eq!(drain(&mut source, second(0)).len(), 1);
        let position = source.position();
        fs::rename(&log.path, log.other("mail.log.1")).unwrap();
        log.write(&both);
        assert_eq!(drain(&mut source, second(2)), wanted, "a rotation");
        assert_eq!(drain(&mut log.resume(&position), second(0)), wanted, "both");
    }
}

/// Docker's and a container runtime's files, through a restart, a rotation and a truncation.
#[test]
fn entries_of_containers_become_lines() {
    let log = Log::new();
    let docker = |text: &str| {
        format!("{{\"log\":\"{text}\",\"stream\":\"stdout\",\"time\":\"2026-11-21T16:02:10Z\"}}\n")
    };
    let line = |text: &str| format!("2026-11-21T16:02:10Z stdout F {text}");
    log.write(&docker("one\\n"));
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), [line("one")]);
    let position = source.position();
    drop(source);
    log.write(&docker(&"\\\"".repeat(16_384)));
    log.write(&docker("the rest\\n"));
    log.write(&docker("two\\n"));
    let mut source = log.resume(&position);
    let lines = drain(&mut source, second(0));
    assert_eq!(lines[0].len(), LINE_MAX);
    assert_eq!(lines[1..], [String::new(), line("two")]);
    assert_eq!(source.status().lag_bytes, Some(0));
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("2026-11-21T16:02:10Z stdout P a\n2026-11-21T16:02:10Z stdout F b\n");
    assert_eq!(
        drain(&mut source, second(2)),
        ["2026-11-21T16:02:10Z stdout P a".to_owned(), String::new()]
    );
    fs::write(&log.path, "plain\n").unwrap();
    assert_eq!(drain(&mut source, second(4)), ["plain"]);
    log.write(&docker("after plain\\n"));
    assert_eq!(drain(&mut source, second(5)), [line("after plain")]);
}
