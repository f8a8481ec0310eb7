#![no_main]
//! A stream of dnstap, as anybody may write it into the socket: any bytes, in two pieces, and the
//! same bytes as one message. A line that comes of it is one line, of the documented form.

use edge::source::dnstap::{Frames, Step, control, line};
use libfuzzer_sys::fuzz_target;

const START: u32 = 2;

fn check(payload: &[u8]) {
    let Ok(line) = line(payload) else { return };
    assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "no control reaches a line");
    let words = line.split(' ').count();
    assert!(matches!(words, 8 | 9), "no blank of a name does");
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let [cut, stream @ ..] = bytes else { return };
    let (head, tail) = stream.split_at(stream.len().min(usize::from(*cut)));
    let mut frames = Frames::default();
    // Half of the streams are greeted for them, else few would come to their data.
    let greeting = if cut & 1 == 0 { control(START, true) } else { Vec::new() };
    for piece in [&greeting, head, tail] {
        frames.take_in(piece);
        while let Ok(Some(step)) = frames.step() {
            if let Step::Data(payload) = step {
                check(payload);
            }
        }
    }
});
