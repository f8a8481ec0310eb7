//! Logs that are rotated, copied and emptied, while somebody reads and while nobody does.

use crate::log::Log;
use crate::{drain, second};
use edge::source::{FileOptions, FileSource, Position, Source, Start, State};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::time::Duration;

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
        std::thread::sleep(Duration::from_millis(20));
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
