//! Standard input, played by a pipe.

use crate::{drain, second};
use edge::source::{Progress, Source, State, StdinSource};
use std::io::Write;

#[test]
fn a_pipe_is_read_until_it_closes() {
    let (input, mut output) = std::io::pipe().unwrap();
    let mut source = StdinSource::of("stdin", input.into());
    assert!(drain(&mut source, second(0)).is_empty(), "and did not block");
    output.write_all(b"one\ntw").unwrap();
    assert_eq!(drain(&mut source, second(0)), ["one"]);
    output.write_all(b"o\nlast").unwrap();
    assert_eq!(drain(&mut source, second(0)), ["two"]);
    drop(output);
    let mut lines = Vec::new();
    let progress = source.read(second(0), 10, &mut |line| lines.push(line.bytes.to_vec()));
    assert_eq!((progress, lines), (Progress::Ended, vec![b"last".to_vec()]));
    assert_eq!(source.status().state, State::Ended);
    assert!(source.descriptors().is_empty());
    assert_eq!(source.read(second(0), 10, &mut |_| panic!()), Progress::Ended);
}
