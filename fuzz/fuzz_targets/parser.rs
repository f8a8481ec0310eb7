#![no_main]
//! Each row of `PARSERS` on any message: the first byte chooses the row, the second how the line
//! was framed and whether its message is a long one, the next two how long the program's name is.

use event::{Text, Timestamp};
use libfuzzer_sys::fuzz_target;
use parse::{Envelope, PARSERS, Parsed, Record, Stamp};

const ENVELOPES: [Envelope; 9] = [
    Envelope::Rfc3164,
    Envelope::Rfc3339,
    Envelope::Rfc5424,
    Envelope::Dovecot,
    Envelope::Exim,
    Envelope::OwnFile,
    Envelope::JournalFull,
    Envelope::JournalUnix,
    Envelope::Container,
];
/// Longer than what a source keeps of a line.
const LONG: usize = 9_000;

fuzz_target!(|bytes: &[u8]| {
    let [row, framed, low, high, rest @ ..] = bytes else { return };
    let Some(parser) = PARSERS.get(usize::from(*row) % PARSERS.len().max(1)) else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let (program, message) = rest.split_at(rest.len().min(length));
    let envelope = ENVELOPES[usize::from(*framed) % ENVELOPES.len()];
    let long: Vec<u8>;
    let message = match *framed {
        // A field of the journal has no limit of its own.
        128.. if !message.is_empty() => {
            long = message.iter().copied().cycle().take(LONG).collect();
            &long
        }
        _ => message,
    };
    let mut record = Record::new(Stamp::Utc(Timestamp(0)), program, message, envelope);
    (record.host, record.pid) = (Some(Text(b"mail")), Some(1));
    // A parser is total: also for a program that is not its own.
    let _ = (parser.owns)(&record);
    if let Parsed::Event(event) = (parser.parse)(&record, Timestamp(0)) {
        assert_eq!(event.at, Timestamp(0), "the time is the stamp's");
        // What is shown to a person must be safe to show.
        let shown = event.detail.map(|detail| detail.to_string()).unwrap_or_default();
        assert!(!shown.chars().any(char::is_control));
    }
});
