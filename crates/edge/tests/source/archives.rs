//! Finished logs, plain and packed, whole and torn.

use edge::source::{Compression, LineReader, ReadError};
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
fn all_lines_that_are_held_are_those_handed_out_one_by_one() {
    let text: String = (0..90_000).map(|number| format!("line {number} of a long log\n")).collect();
    let text = text + "and a last one without a newline";
    let mut reader = LineReader::of(text.as_bytes()).unwrap();
    let mut lines = Vec::new();
    while reader.fill_lines().unwrap() {
        let each = reader.each_held(|line| {
            lines.push(String::from_utf8_lossy(line.bytes).into_owned());
            Ok::<(), ()>(())
        });
        each.unwrap();
    }
    assert_eq!(lines, expected(text.as_bytes()));
}
