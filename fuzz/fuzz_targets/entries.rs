#![no_main]
//! What makes lines of JSON, of journalctl's forms and of container runtimes' parts, from any
//! bytes: an entry must not become two lines.

use edge::source::LineReader;
use libfuzzer_sys::fuzz_target;

/// Tells the reader the form; the bytes go on behind it.
const FRONTS: [&str; 4] = [
    "{\"",
    "2026-11-21T16:02:10Z stdout F x\n",
    "__CURSOR=s=a\n",
    "Sat 2026-11-21 17:31:42 UTC [s=a]\n",
];
/// How many of these have one entry a line.
const BY_LINE: usize = 2;

fuzz_target!(|bytes: &[u8]| {
    for (at, front) in FRONTS.iter().enumerate() {
        let log = [front.as_bytes(), bytes].concat();
        let Ok(mut reader) = LineReader::of(&log[..]) else { return };
        let mut lines = 0;
        while let Ok(Some(_)) = reader.next() {
            lines += 1;
        }
        let newlines = log.iter().filter(|byte| **byte == b'\n').count();
        assert!(at >= BY_LINE || lines == newlines || lines == newlines + 1, "{lines} lines");
    }
});
