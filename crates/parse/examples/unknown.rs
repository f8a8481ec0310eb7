//! Which lines no grammar knows: `cargo run -p parse --example unknown -- FILE...` prints each line
//! that is unknown or has no envelope, in front of it `unknown` or `no-envelope`. For whoever meets
//! a new release of a mail server.

use parse::{Parsed, frame, parse};
use std::io::{self, BufWriter, Write};

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path)?;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let word = match frame(line).map(|record| parse(&record, event::Timestamp(0))) {
                None => "no-envelope",
                Some(Parsed::Unknown) => "unknown",
                Some(_) => continue,
            };
            writeln!(out, "{word} {}", event::Text(line))?;
        }
    }
    out.flush()
}
