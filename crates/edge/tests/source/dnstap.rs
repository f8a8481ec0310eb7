//! dnstap: a real stream of BIND 9.18.49 from a file and through the socket, and rubbish.

use crate::{drain, second};
use edge::source::dnstap::{FRAME_MAX, Frames, Reply, Skipped, Step, control, is_stream, line};
use edge::source::{DnstapSource, LineReader, ReadError, Source, State};
use proptest::prelude::*;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// The stream, and what BIND's own `dnstap-read` says of it.
const STREAM: &[u8] = include_bytes!("../dnstap.fstrm");
const READ: &str = include_str!("../dnstap.txt");

const START: u32 = 2;
const STOP: u32 = 3;
const READY: u32 = 4;
const DATA_AT: usize = 42;

fn lines(bytes: &[u8]) -> (Vec<String>, Option<ReadError>) {
    let mut reader = LineReader::of(bytes).unwrap();
    let mut lines = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(line)) => lines.push(String::from_utf8_lossy(line.bytes).into_owned()),
            Ok(None) => return (lines, None),
            Err(error) => return (lines, Some(error)),
        }
    }
}

/// `21-Nov-2026 16:11:37.916 CQ 127.0.0.1:10749 -> 127.0.0.1:5301 UDP 28b ./IN/NS`, as our line
/// without microseconds and code; `None` for frames between servers.
fn as_ours(read: &str) -> Option<String> {
    let words: Vec<&str> = read.split(' ').collect();
    let kind = match words[2] {
        "CQ" => "client-query",
        "CR" => "client-response",
        _ => return None,
    };
    let (address, port) = words[3].rsplit_once(':').unwrap();
    let (rest, of_type) = words[8].rsplit_once('/').unwrap();
    let name = rest.strip_suffix("/IN").unwrap();
    let transport = words[6].to_lowercase();
    let time = words[1];
    Some(format!(
        "2026-11-21T{time} mx1 dnstap[0]: {kind} {address}#{port} {transport} {of_type} {name}"
    ))
}

/// Our line, its stamp cut to milliseconds and its code cut off.
fn without_code(line: &str) -> String {
    let (stamp, rest) = line.split_at(23);
    let rest = rest.split_once('Z').unwrap().1;
    let words = if rest.contains("response") { rest.rsplit_once(' ').unwrap().0 } else { rest };
    format!("{stamp}{words}")
}

#[test]
fn a_stream_of_bind_is_read_as_bind_reads_it() {
    let (found, error) = lines(STREAM);
    assert!(error.is_none(), "{error:?}");
    let wanted: Vec<String> = READ.lines().filter_map(as_ours).collect();
    assert_eq!(found.iter().map(|line| without_code(line)).collect::<Vec<_>>(), wanted);
    assert!(wanted.len() > 40);
    assert!(found.iter().any(|line| line.ends_with(" MX example.com NOERROR")));
    assert!(found.iter().any(|line| line.ends_with(" MX gmail.com SERVFAIL")));
}

#[test]
fn a_packed_stream_is_one_too() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(STREAM).unwrap();
    assert_eq!(lines(&packer.finish().unwrap()).0, lines(STREAM).0);
}

#[test]
fn a_torn_stream_hands_out_what_is_whole() {
    let (whole, _) = lines(STREAM);
    let (found, error) = lines(&STREAM[..STREAM.len() - 20]);
    assert!(matches!(error, Some(ReadError::Torn { .. })), "{error:?}");
    assert_eq!(found, whole[..whole.len() - 1]);
}

#[test]
fn a_log_with_a_hole_is_no_stream() {
    assert!(is_stream(STREAM));
    assert!(!is_stream(&STREAM[..11]));
    let hole = [&[0; 4096][..], b"Nov 21 16:02:10 mx a: b\n"].concat();
    assert!(!is_stream(&hole));
    assert_eq!(lines(&hole).0.len(), 1);
    let other = [&control(START, false)[..], b"\0\0\0\x01x"].concat();
    assert!(lines(&other).1.is_none(), "a stream that names no content");
}

fn socket() -> (tempfile::TempDir, std::path::PathBuf, DnstapSource) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dnstap.sock");
    let source = DnstapSource::new("dnstap", &path, second(0));
    assert_eq!(source.status().state, State::Following, "{:?}", source.status());
    (directory, path, source)
}

#[test]
fn a_server_that_waits_for_an_answer_gets_one() {
    let (_directory, path, mut source) = socket();
    let mut server = UnixStream::connect(&path).unwrap();
    server.write_all(&control(READY, true)).unwrap();
    assert!(drain(&mut source, second(1)).is_empty());
    let mut answer = vec![0; Reply::Accept.bytes().len()];
    server.read_exact(&mut answer).unwrap();
    assert_eq!(answer, Reply::Accept.bytes());
    server.write_all(STREAM).unwrap();
    let mut found = Vec::new();
    source.read(second(2), 7, &mut |line| {
        found.push(String::from_utf8_lossy(line.bytes).into_owned());
    });
    assert_eq!(found.len(), 7, "no more than asked for");
    found.extend(drain(&mut source, second(2)));
    assert_eq!(found, lines(STREAM).0);
    let mut finish = Vec::new();
    server.read_to_end(&mut finish).unwrap();
    assert_eq!(finish, Reply::Finish.bytes(), "and the stream was closed");
    assert_eq!(source.status().counts.lines, found.len() as u64);
}

#[test]
fn several_servers_speak_at_once_and_one_that_breaks_the_rules_is_closed() {
    let (_directory, path, mut source) = socket();
    let mut rubbish = UnixStream::connect(&path).unwrap();
    rubbish.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut silent = UnixStream::connect(&path).unwrap();
    let mut first = UnixStream::connect(&path).unwrap();
    let mut second_one = UnixStream::connect(&path).unwrap();
    let (head, tail) = STREAM.split_at(300);
    first.write_all(head).unwrap();
    second_one.write_all(STREAM).unwrap();
    let mut found = drain(&mut source, second(1));
    first.write_all(tail).unwrap();
    found.extend(drain(&mut source, second(1)));
    let mut wanted = [lines(STREAM).0, lines(STREAM).0].concat();
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(rubbish.read(&mut [0; 8]).unwrap(), 0, "closed");
    assert!(source.status().problem.is_some());
    // The listener and the one who says nothing.
    assert_eq!(source.descriptors().len(), 2);
    silent.write_all(&STREAM[..DATA_AT]).unwrap();
    drop(silent);
    assert!(drain(&mut source, second(1)).is_empty());
    assert_eq!(source.descriptors().len(), 1);
}

#[test]
fn a_socket_that_was_left_behind_is_taken_over_and_a_busy_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dnstap.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let source = DnstapSource::new("dnstap", &path, second(0));
    assert_eq!(source.status().state, State::Following);
    let mut other = DnstapSource::new("dnstap", &path, second(0));
    assert_eq!(other.status().state, State::Failing);
    assert!(other.status().problem.is_some() && other.deadline().is_some());
    drop(source);
    drain(&mut other, second(5));
    assert_eq!(other.status().state, State::Failing, "not yet");
    drain(&mut other, second(11));
    assert_eq!((other.status().state, other.status().problem), (State::Following, None));
}

/// The payloads of the real stream.
fn payloads() -> Vec<Vec<u8>> {
    let mut frames = Frames::default();
    frames.take_in(STREAM);
    let mut payloads = Vec::new();
    while let Some(step) = frames.step().unwrap() {
        if let Step::Data(payload) = step {
            payloads.push(payload.to_vec());
        }
    }
    assert!(frames.is_stopped() && frames.is_empty());
    payloads
}

#[test]
fn a_long_frame_is_refused_before_it_is_waited_for() {
    let mut frames = Frames::default();
    frames.take_in(&control(START, true));
    frames.take_in(&(FRAME_MAX as u32 + 1).to_be_bytes());
    assert!(frames.step().is_err());
    let mut frames = Frames::default();
    frames.take_in(&[0, 0, 0, 1, b'x']);
    assert!(frames.step().is_err(), "data before START");
    let mut frames = Frames::default();
    frames.take_in(&control(STOP, false));
    assert!(frames.step().is_err(), "STOP before START");
}

/// A query whose name is these bytes on the wire.
fn asked(name: &[u8]) -> Vec<u8> {
    let dns = [b"\0\x07\x01\0\0\x01\0\0\0\0\0\0", name, b"\0\x0f\0\x01"].concat();
    let mut message = b"\x08\x05\x22\x04\xcb\0\x71\x42\x30\x35\x40\x01".to_vec();
    message.extend([0x52, dns.len() as u8]);
    message.extend(dns);
    let mut payload = vec![0x72, 0x80 | (message.len() & 0x7f) as u8, (message.len() >> 7) as u8];
    payload.extend(message);
    payload
}

#[test]
fn a_name_is_written_without_blanks_and_never_followed() {
    let said = |name: &[u8]| line(&asked(name));
    let front = "1970-01-01T00:00:01.000000Z - dnstap[0]: client-query 203.0.113.66#53 - MX ";
    for (wire, text) in [
        (&b"\0"[..], "."),
        (b"\x01a\x07eXample\0", "a.eXample"),
        (b"\x09x 6.6\n\xff\"(\0", "x\\0326\\.6\\010\\255\\\"\\("),
    ] {
        assert_eq!(said(wire), Ok(format!("{front}{text}")));
    }
    for wire in [&b"\xc0\x0c"[..], b"\x01a\xc0\x0c", b"\x40a\0", b"\x3fa\0"] {
        assert_eq!(said(wire), Err(Skipped::Malformed), "{wire:?}");
    }
    assert_eq!(line(b""), Err(Skipped::NoClient));
    // A notice of a zone that changed (opcode 4) is no query.
    let mut notice = asked(b"\x01a\0");
    let flags = notice.windows(3).position(|bytes| bytes == b"\0\x07\x01").unwrap() + 2;
    notice[flags] = 4 << 3;
    assert_eq!(line(&notice), Err(Skipped::NoClient));
    assert_eq!(line(b"\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), Err(Skipped::Malformed));
}

proptest! {
    /// Whatever the bytes are, a line is one line of the documented form.
    #[test]
    fn any_bytes_are_a_line_of_the_form_or_none(
        place in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        rubbish in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let payloads = payloads();
        let mut payload = payloads[place.index(payloads.len())].clone();
        for (at, byte) in flips {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        for bytes in [&payload[..], &payload[..cut.index(payload.len())], &rubbish] {
            let Ok(line) = line(bytes) else { continue };
            prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
            let words: Vec<&str> = line.split(' ').collect();
            prop_assert_eq!(words[2], "dnstap[0]:");
            let is_answer = words[3].ends_with("-response");
            prop_assert_eq!(words.len(), if is_answer { 9 } else { 8 }, "{}", line);
        }
    }

    /// A stream says the same in whatever pieces it comes.
    #[test]
    fn pieces_do_not_matter(cuts in prop::collection::vec(0..STREAM.len(), 0..8)) {
        let mut cuts = cuts;
        cuts.push(STREAM.len());
        cuts.sort_unstable();
        let (mut frames, mut found, mut from) = (Frames::default(), Vec::new(), 0);
        for cut in cuts {
            frames.take_in(&STREAM[from..cut]);
            from = cut;
            while let Some(step) = frames.step().unwrap() {
                if let Step::Data(payload) = step {
                    found.push(payload.to_vec());
                }
            }
        }
        prop_assert_eq!(found, payloads());
    }
}
