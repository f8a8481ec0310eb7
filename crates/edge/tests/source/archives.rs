//! Finished logs, plain and packed, whole and torn.

use edge::source::{Compression, LineReader, NotRead, ReadError};
use std::io::Write;
use std::path::Path;

fn text() -> Vec<u8> {
    (0..5000).flat_map(|number| format!("line {number} of an archive\n").into_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn read(bytes: &[u8]) -> (Vec<String>, Compression, Option<ReadError>) {
    let one_by_one = read_one_by_one(bytes);
    let at_once = read_at_once(bytes);
    assert_eq!(at_once, (one_by_one.0.clone(), one_by_one.2.is_some()), "both ways are the same");
    one_by_one
}

fn read_one_by_one(bytes: &[u8]) -> (Vec<String>, Compression, Option<ReadError>) {
    let mut reader = LineReader::of(bytes).unwrap();
    let compression = reader.compression();
    let mut lines = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(line)) => lines.push(String::from_utf8_lossy(line.bytes).into_owned()),
            Ok(None) => return (lines, compression, None),
            Err(error) => {
                assert!(matches!(reader.next(), Ok(None)), "behind an error is the end");
                return (lines, compression, Some(error));
            }
        }
    }
}

/// All lines that are held, again and again; true where an error ended it.
fn read_at_once(bytes: &[u8]) -> (Vec<String>, bool) {
    let mut reader = LineReader::of(bytes).unwrap();
    let mut lines = Vec::new();
    loop {
        match reader.fill_lines() {
            Ok(true) => {}
            Ok(false) => return (lines, false),
            Err(_) => return (lines, true),
        }
        let taken = reader.each_held(|line| {
            lines.push(String::from_utf8_lossy(line.bytes).into_owned());
            Ok::<(), ()>(())
        });
        assert_eq!(taken, Ok(()));
    }
}

fn expected(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

#[test]
fn the_same_lines_however_packed() {
    let text = text();
    let half = text.len() / 2 + 7;
    let members = [gzip(&text[..half]), gzip(&text[half..])].concat();
    let skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip".to_vec();
    let frames = [skippable, zstd(&text[..half]), zstd(&text[half..])].concat();
    for (packed, compression) in [
        (text.clone(), Compression::Plain),
        (gzip(&text), Compression::Gzip),
        (members, Compression::Gzip),
        (zstd(&text), Compression::Zstd),
        (frames, Compression::Zstd),
    ] {
        let (lines, found, error) = read(&packed);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(found, compression);
        assert_eq!(lines, expected(&text), "{compression}");
    }
}

#[test]
fn a_torn_archive_gives_its_lines_and_then_says_where_it_ends() {
    let text = text();
    for packed in [gzip(&text), zstd(&text)] {
        for length in [5, 11, packed.len() / 2, packed.len() - 1] {
            let (lines, compression, error) = read(&packed[..length]);
            let Some(ReadError::Torn { at, .. }) = error else {
                panic!("{compression} cut to {length} of {}: {error:?}", packed.len())
            };
            assert!(at <= text.len() as u64);
            assert_eq!(lines, expected(&text)[..lines.len()], "only whole lines, in order");
        }
    }
}

#[test]
fn a_damaged_archive_is_an_error_of_its_own() {
    let text = text();
    for packed in [gzip(&text), zstd(&text)] {
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 40].fill(0xa5);
        let (_, compression, error) = read(&damaged);
        assert!(
            matches!(error, Some(ReadError::Read { .. } | ReadError::Torn { .. })),
            "{compression}"
        );
    }
}

#[test]
fn small_and_odd_inputs() {
    assert_eq!(read(b"").0, [] as [&str; 0]);
    assert_eq!(read(b"x").0, ["x"]);
    assert_eq!(read(b"\n\nlast").0, ["", "", "last"]);
    assert_eq!(read(&gzip(b"")).0, [] as [&str; 0]);
    assert!(matches!(LineReader::open(Path::new("/nonexistent")), Err(ReadError::Open(_))));
    assert!(matches!(LineReader::open(Path::new("/")), Err(ReadError::Open(_))));
}

#[test]
fn lines_that_lie_over_the_ends_of_what_is_read_at_once_are_whole() {
    let expected: Vec<String> =
        (0..60_000).map(|n| format!("line {n} {}", "x".repeat(n % 97))).collect();
    let text = expected.join("\n");
    let (lines, ..) = read(text.as_bytes());
    assert_eq!(lines, expected);
}

/// Packed or binary, plain or within gzip: told by name, and not read as a log without attacks.
#[test]
fn what_is_no_log_is_told_by_name() {
    let utf16: Vec<u8> =
        "Nov 21 16:02:10 mx exim[1]: x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut noise = 7u32;
    let random = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    });
    let random: Vec<u8> = random.take(5_000).collect();
    let record = [&b"\x07\0\0\0"[..], &[0; 40], b"pts/0", &[0; 335]].concat();
    for (file, expected) in [
        (&b"\xfd7zXZ\0\0\x04\xe6\xd6"[..], NotRead::Xz),
        (b"BZh91AY&SY\xab\xcd", NotRead::Bzip2),
        (b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0", NotRead::Bzip2),
        (b"PK\x03\x04\x14\0\0\0\x08\0", NotRead::Zip),
        (b"7z\xbc\xaf\x27\x1c\0\x04\0\0", NotRead::SevenZip),
        (b"LPKSHHRH\0\0\0\0", NotRead::Journal),
        (&[b"\xff\xfe", &utf16[..]].concat(), NotRead::Utf16),
        (&utf16, NotRead::Binary),
        (&record.repeat(9), NotRead::Binary),
        (b"SQLite format 3\0\x10\0\x01\x01", NotRead::Database),
        (&random, NotRead::Binary),
        (&gzip(&random), NotRead::Binary),
    ] {
        match LineReader::of(file) {
            Err(ReadError::NotRead(what)) => assert_eq!(what, expected),
            Err(other) => panic!("{expected:?}: {other}"),
            Ok(_) => panic!("{expected:?}: read as a log"),
        }
    }
    // What is a log is read, whatever is in it.
    for log in [
        &b"BZh91 is no bzip2\n"[..],
        b"PK",
        b"",
        b"\0\0\0\0",
        b"\0\0\0\0Nov 21 16:02:10 mx exim[1]: a hole in front\n",
        b"Nov 21 16:02:10 mx exim[1]: a\0b\x01\x02\x03\x04\x05\x06\x07\n",
        b"Nov 21 16:02:10 mx exim[1]: x\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n",
        "von M\u{fc}ller und S\u{f6}hne\n".as_bytes(),
    ] {
        assert!(LineReader::of(log).is_ok(), "{}", String::from_utf8_lossy(log));
    }
}
