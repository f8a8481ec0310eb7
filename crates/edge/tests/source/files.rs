//! What is done to log files, and that no line is lost or doubled by it.

use crate::{drain, second};
use edge::source::{
    FileOptions, FileSource, LINE_MAX, Position, ProblemKind, Source, Start, State,
};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Log {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl Log {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.log");
        Log { directory, path }
    }

    fn other(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn writer(&self) -> File {
        OpenOptions::new().append(true).create(true).open(&self.path).unwrap()
    }

    fn write(&self, text: &str) {
        self.writer().write_all(text.as_bytes()).unwrap();
    }

    fn open(&self, start: Start) -> FileSource {
        open(&self.path, start, None)
    }

    fn resume(&self, position: &Position) -> FileSource {
        let position = Position::decode(&position.encode()).unwrap();
        open(&self.path, Start::End, Some(&position))
    }
}

fn open(path: &Path, start: Start, resume: Option<&Position>) -> FileSource {
    let options = FileOptions { start, ..FileOptions::default() };
    FileSource::open("mail", path, options, resume, second(0))
}

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
fn the_server_keeps_writing_to_the_renamed_file() {
    let log = Log::new();
    let mut old = log.writer();
    old.write_all(b"1\n").unwrap();
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["1"]);
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    old.write_all(b"2\n").unwrap();
    log.write("a\n");
    assert_eq!(drain(&mut source, second(1)), ["2", "a"]);
    old.write_all(b"3\n").unwrap();
    log.write("b\n");
    assert_eq!(drain(&mut source, second(50)), ["3", "b"]);
    old.write_all(b"4\nlast without newline").unwrap();
    assert_eq!(drain(&mut source, second(109)), ["4"], "idle since second 50 is not yet a minute");
    assert_eq!(drain(&mut source, second(169)), ["last without newline"]);
    assert_eq!(drain(&mut source, second(171)), [] as [&str; 0]);
    let Position::Files { files, .. } = source.position() else { panic!() };
    assert_eq!(files.len(), 2, "the renamed file is held until the next rotation");
    assert!(files[0].quiet && !files[1].quiet);
    log.write("c\n");
    assert_eq!(drain(&mut source, second(172)), ["c"]);
    fs::rename(log.other("mail.log.1"), log.other("mail.log.2")).unwrap();
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("d\n");
    assert_eq!(drain(&mut source, second(174)), ["d"]);
    let Position::Files { files, .. } = source.position() else { panic!() };
    assert_eq!(files.len(), 2, "one that nobody wrote to for a minute is let go then");
}

/// A daemon that gets no HUP, and that nobody writes to for a night.
#[test]
fn a_writer_that_was_never_told_of_the_rotation_is_followed_for_ever() {
    let log = Log::new();
    let mut old = log.writer();
    old.write_all(b"1\n").unwrap();
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["1"]);
    let mut now = 1;
    for day in 1..=20 {
        // Each day's rotation finds an empty file, but for the first; `delaycompress` takes the
        // written one away on the second.
        fs::rename(&log.path, log.other(&format!("mail.log.{day}"))).unwrap();
        File::create(&log.path).unwrap();
        if day == 2 {
            fs::remove_file(log.other("mail.log.1")).unwrap();
        }
        for _ in 0..12 {
            now += 7_200;
            assert!(drain(&mut source, second(now)).is_empty());
        }
        old.write_all(format!("day {day}\n").as_bytes()).unwrap();
        assert_eq!(drain(&mut source, second(now + 1)), [format!("day {day}")]);
    }
    assert_eq!(source.status().counts.losses, 0);
    let Position::Files { files, .. } = source.position() else { panic!() };
    assert!(files.len() <= 8, "bounded: {}", files.len());
}

/// Some write to the new file, one does not.
#[test]
fn the_latest_predecessor_is_held_although_its_successor_is_written_to() {
    let log = Log::new();
    let mut old = log.writer();
    old.write_all(b"1\n").unwrap();
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["1"]);
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("a\n");
    assert_eq!(drain(&mut source, second(2)), ["a"]);
    for hour in 1..10 {
        assert!(drain(&mut source, second(hour * 3600)).is_empty());
    }
    assert_eq!(source.news(second(36_000)), None);
    old.write_all(b"2\n").unwrap();
    assert_eq!(drain(&mut source, second(36_001)), ["2"]);
    let told = source.news(second(36_001)).unwrap();
    assert!(told.starts_with("its writer goes on with the renamed file"), "{told}");
    old.write_all(b"2\n").unwrap();
    assert_eq!(drain(&mut source, second(36_002)), ["2"]);
    assert_eq!(source.news(second(36_002)), None, "once for each rotation");
    assert!(drain(&mut source, second(40_000)).is_empty());
    // A restart goes on holding it; one that is gone then is no loss: all of it was read.
    let position = source.position();
    drop(source);
    let mut source = log.resume(&position);
    old.write_all(b"3\n").unwrap();
    assert_eq!(drain(&mut source, second(0)), ["3"]);
    assert!(drain(&mut source, second(100)).is_empty());
    let position = source.position();
    drop(source);
    fs::remove_file(log.other("mail.log.1")).unwrap();
    let mut source = log.resume(&position);
    assert!(drain(&mut source, second(0)).is_empty());
    assert_eq!(source.status().counts.losses, 0);
}

/// A file that was removed is not held for a day: its blocks would not be free.
#[test]
fn a_removed_predecessor_gives_the_disk_its_room_back() {
    let log = Log::new();
    log.write("1\n");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["1"]);
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("2\n");
    assert_eq!(drain(&mut source, second(2)), ["2"]);
    fs::remove_file(log.other("mail.log.1")).unwrap();
    assert!(drain(&mut source, second(64)).is_empty());
    let Position::Files { files, .. } = source.position() else { panic!() };
    assert_eq!(files.len(), 1);
}

#[test]
fn lines_written_while_nobody_reads() {
    let log = Log::new();
    log.write("1\n2\n");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["1", "2"]);
    let position = source.position();
    drop(source);
    log.write("3\n");
    let mut source = log.resume(&position);
    assert_eq!(drain(&mut source, second(0)), ["3"]);
    let position = source.position();
    drop(source);
    log.write("4\n");
    fs::rename(&log.path, log.other("mail.log-20261121")).unwrap();
    log.write("5\n");
    let mut source = log.resume(&position);
    assert_eq!(drain(&mut source, second(0)), ["4", "5"]);
    assert_eq!(source.status().counts.losses, 0);
}

/// logrotate's `olddir`, with and without a copy of it compressed.
#[test]
fn rotated_into_another_directory_while_nobody_reads() {
    for (name, named) in [("log/old", false), ("elsewhere", true)] {
        for packed in [false, true] {
            let log = Log::new();
            let path = log.other("log/mail.log");
            fs::create_dir_all(log.other(name)).unwrap();
            fs::create_dir_all(log.other("log")).unwrap();
            let write = |text: &str| {
                let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
                file.write_all(text.as_bytes()).unwrap();
            };
            let rotated_to = if named { vec![log.other(name)] } else { Vec::new() };
            let options = FileOptions { start: Start::Begin, rotated_to, ..FileOptions::default() };
            write("line one, long enough to be known again\n");
            let mut source = FileSource::open("mail", &path, options.clone(), None, second(0));
            assert_eq!(drain(&mut source, second(0)).len(), 1);
            let position = source.position();
            drop(source);
            write("two\n");
            let old = log.other(name).join("mail.log.1");
            fs::rename(&path, &old).unwrap();
            let keep = File::open(&old).unwrap();
            if packed {
                let file = File::create(log.other(name).join("mail.log.1.gz")).unwrap();
                let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                packer.write_all(&fs::read(&old).unwrap()).unwrap();
                packer.finish().unwrap();
                fs::remove_file(&old).unwrap();
            }
            write("three\n");
            let mut source = FileSource::open("mail", &path, options, Some(&position), second(0));
            assert_eq!(drain(&mut source, second(0)), ["two", "three"], "{name} {packed}");
            assert_eq!(source.status().counts.losses, 0);
            drop(keep);
        }
    }
}

/// What a directory of another user holds, or one that anybody may write to, is not the log.
#[test]
fn a_copy_in_a_directory_of_others_is_not_read() {
    let log = Log::new();
    log.write("line one, long enough to be known again\n");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)).len(), 1);
    let position = source.position();
    drop(source);
    let others = log.other("others");
    fs::create_dir(&others).unwrap();
    fs::set_permissions(&others, fs::Permissions::from_mode(0o777)).unwrap();
    fs::copy(&log.path, others.join("mail.log.1")).unwrap();
    let forged = OpenOptions::new().append(true).open(others.join("mail.log.1"));
    forged.unwrap().write_all(b"forged\n").unwrap();
    // The same in a directory with a log of the same name, which is somebody else's.
    let second_log = log.other("second");
    fs::create_dir(&second_log).unwrap();
    fs::copy(others.join("mail.log.1"), second_log.join("mail.log.1")).unwrap();
    fs::write(second_log.join("mail.log"), "x\n").unwrap();
    let keep = File::open(&log.path).unwrap();
    fs::remove_file(&log.path).unwrap();
    log.write("two\n");
    let mut source = log.resume(&position);
    assert_eq!(drain(&mut source, second(0)), ["two"]);
    assert_eq!(source.status().counts.losses, 1);
    drop(keep);
}

#[test]
fn several_rotations_while_nobody_reads() {
    let log = Log::new();
    log.write("1\n");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["1"]);
    let position = source.position();
    log.write("2\n");
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    log.write("3\n");
    fs::rename(log.other("mail.log.1"), log.other("mail.log.2")).unwrap();
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    log.write("4\n");
    assert_eq!(drain(&mut log.resume(&position), second(0)), ["2", "3", "4"], "after a restart");
    assert_eq!(drain(&mut source, second(0)), ["2", "3", "4"], "between two looks");
}

/// A log that is rotated by size, faster than anybody looks.
#[test]
fn more_rotations_than_files_may_be_held() {
    let log = Log::new();
    log.write("0\n");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["0"]);
    for number in 1..=25 {
        fs::rename(&log.path, log.other(&format!("mail.log-{number:03}"))).unwrap();
        std::thread::sleep(Duration::from_millis(9));
        log.write(&format!("{number}\n"));
    }
    let expected: Vec<String> = (1..=25).map(|number| number.to_string()).collect();
    let position = source.position();
    for mut source in [source, log.resume(&position)] {
        let mut lines = Vec::new();
        for now in 1..20 {
            lines.extend(drain(&mut source, second(now * 2)));
            let Position::Files { files, .. } = source.position() else { panic!() };
            assert!(files.len() <= 8, "bounded: {}", files.len());
        }
        assert_eq!(lines, expected, "between two looks, and while nobody reads");
        assert_eq!(source.status().counts.losses, 0);
    }
}

/// What comes behind a beginning that was taken for a line is no line, also after a restart: a
/// stranger may have chosen it.
#[test]
fn the_rest_of_a_line_is_no_line() {
    let log = Log::new();
    let mut old = log.writer();
    old.write_all(b"1\nhalf a li").unwrap();
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["1"]);
    fs::rename(&log.path, log.other("mail.log.1")).unwrap();
    log.write("a\n");
    assert_eq!(drain(&mut source, second(2)), ["a"]);
    assert_eq!(drain(&mut source, second(70)), ["half a li"]);
    let position = source.position();
    old.write_all(b"ne, chosen by a stranger\n2\n").unwrap();
    assert_eq!(drain(&mut source, second(72)), ["2"]);
    assert_eq!(drain(&mut log.resume(&position), second(0)), ["2"]);
}

/// A disk that was full while it was packed.
#[test]
fn a_torn_archive_is_read_as_far_as_it_goes_and_told() {
    let log = Log::new();
    log.write("line one, long enough to be known again\n");
    let mut source = log.open(Start::Begin);
    drain(&mut source, second(0));
    let position = source.position();
    drop(source);
    let lines: String = (0..20_000).map(|number| format!("line {}\n", number * 7_919)).collect();
    log.write(&lines);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&fs::read(&log.path).unwrap()).unwrap();
    let packed = packer.finish().unwrap();
    fs::write(log.other("mail.log.1.gz"), &packed[..packed.len() / 2]).unwrap();
    let keep = File::open(&log.path).unwrap();
    fs::remove_file(&log.path).unwrap();
    log.write("four\n");
    let mut source = log.resume(&position);
    let read = drain(&mut source, second(0));
    assert!(read.len() > 5_000 && read.len() < 20_000, "{}", read.len());
    assert!(lines.starts_with(&(read[..read.len() - 1].join("\n") + "\n")), "whole lines only");
    assert_eq!(read.last().unwrap(), "four");
    assert!(drain(&mut source, second(2)).is_empty());
    assert_eq!((source.status().counts.losses, source.status().state), (1, State::Following));
    let Position::Files { files, .. } = source.position() else { panic!() };
    assert_eq!(files.len(), 1, "it is let go");
    drop(keep);
}

#[test]
fn a_rotated_file_was_compressed_meanwhile() {
    let log = Log::new();
    log.write("line one, long enough to be known again\n");
    let mut source = log.open(Start::Begin);
    drain(&mut source, second(0));
    let position = source.position();
    drop(source);
    log.write("two\nthree\n");
    let packed = File::create(log.other("mail.log.1.gz")).unwrap();
    let mut packer = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    packer.write_all(&fs::read(&log.path).unwrap()).unwrap();
    packer.finish().unwrap();
    // The inode number must not be given to the new file: that is another story.
    let keep = File::open(&log.path).unwrap();
    fs::remove_file(&log.path).unwrap();
    log.write("four\n");
    let mut source = log.resume(&position);
    assert_eq!(drain(&mut source, second(0)), ["two", "three", "four"]);
    assert_eq!(source.status().counts.losses, 0);
    drop(keep);
}

#[test]
fn copytruncate() {
    let log = Log::new();
    let mut writer = log.writer();
    writer.write_all(b"one\ntwo\n").unwrap();
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["one", "two"]);
    writer.write_all(b"three\n").unwrap();
    fs::copy(&log.path, log.other("mail.log.1")).unwrap();
    writer.set_len(0).unwrap();
    writer.write_all(b"four\n").unwrap();
    assert_eq!(drain(&mut source, second(0)), ["three", "four"], "three is in the copy only");
    assert_eq!(source.status().counts.truncations, 1);
    assert_eq!(source.status().counts.losses, 0);
    // Again, and it has grown past where reading was before it is looked at.
    fs::copy(&log.path, log.other("mail.log.2")).unwrap();
    writer.set_len(0).unwrap();
    writer.write_all(b"five, longer than what was there before\n").unwrap();
    assert_eq!(drain(&mut source, second(0)), ["five, longer than what was there before"]);
}

/// Emptied, nothing written since, renamed: what it was copied to is not what came behind it.
#[test]
fn a_copy_that_was_read_is_not_read_again_after_a_rename() {
    let log = Log::new();
    log.write("one\n");
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)), ["one"]);
    log.write("two\n");
    fs::copy(&log.path, log.other("mail.log.1")).unwrap();
    log.writer().set_len(0).unwrap();
    // As where both happen within one tick of the clock of files.
    let at = fs::metadata(&log.path).unwrap().modified().unwrap();
    File::options().write(true).open(log.other("mail.log.1")).unwrap().set_modified(at).unwrap();
    assert_eq!(drain(&mut source, second(0)), ["two"]);
    assert!(drain(&mut source, second(2)).is_empty());
    fs::rename(&log.path, log.other("mail.log.2")).unwrap();
    let position = source.position();
    let mut source = log.resume(&position);
    assert_eq!(drain(&mut source, second(0)), [] as [&str; 0]);
    log.write("three\n");
    assert_eq!(drain(&mut source, second(2)), ["three"]);
}

#[test]
fn copytruncate_while_nobody_reads() {
    let log = Log::new();
    log.write("one\n");
    let mut source = log.open(Start::Begin);
    drain(&mut source, second(0));
    let position = source.position();
    drop(source);
    log.write("two\n");
    fs::copy(&log.path, log.other("mail.log.1")).unwrap();
    let file = log.writer();
    file.set_len(0).unwrap();
    log.write("three, longer than before\n");
    let mut source = log.resume(&position);
    assert_eq!(drain(&mut source, second(0)), ["two", "three, longer than before"]);
    assert_eq!(source.status().counts.truncations, 1);
}

#[test]
fn truncation_without_a_copy_is_a_loss_that_is_told() {
    let log = Log::new();
    log.write("one\ntwo\n");
    let mut source = log.open(Start::Begin);
    drain(&mut source, second(0));
    log.writer().set_len(0).unwrap();
    log.write("x\n");
    assert_eq!(drain(&mut source, second(0)), ["x"]);
    assert_eq!(source.status().counts.losses, 1);
}

#[test]
fn a_writer_that_does_not_notice_the_truncation_leaves_a_hole() {
    let log = Log::new();
    let writer = File::create(&log.path).unwrap();
    let mut at = 0;
    let mut write = |text: &str| {
        writer.write_all_at(text.as_bytes(), at).unwrap();
        at += text.len() as u64;
    };
    let long = "x".repeat(20_000);
    write(&format!("one\n{long}\ntwo\n"));
    let mut source = log.open(Start::Begin);
    assert_eq!(drain(&mut source, second(0)).len(), 3);
    fs::copy(&log.path, log.other("mail.log.1")).unwrap();
    OpenOptions::new().write(true).open(&log.path).unwrap().set_len(0).unwrap();
    write("three\n");
    write("four\n");
    assert_eq!(drain(&mut source, second(0)), ["three", "four"]);
    write("five\n");
    assert_eq!(drain(&mut source, second(0)), ["five"]);
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
}
