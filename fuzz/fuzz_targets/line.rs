#![no_main]
//! Any lines of one log, from their stamps to their events: nothing panics, every text of an event
//! is a piece of its line, and what lines before said changes nothing.

use event::{Text, Timestamp};
use libfuzzer_sys::fuzz_target;
use parse::{Framer, Parsed, Record};

fuzz_target!(|log: &[u8]| {
    let mut framer = Framer::new();
    log.split(|byte| *byte == b'\n').for_each(|line| one(&mut framer, line));
});

fn one(framer: &mut Framer, line: &[u8]) {
    let (plain, framed) = (parse::frame(line), framer.frame(line));
    assert_eq!(framed.as_ref().map(parts), plain.as_ref().map(parts));
    let (Some(plain), Some(framed)) = (plain, framed) else { return };
    let parsed = parse::parse(&framed, Timestamp(0));
    assert_eq!(parsed, parse::parse(&plain, Timestamp(0)));
    let Parsed::Event(event) = parsed else { return };
    let texts = [
        event.host,
        event.account,
        event.session,
        event.queue_id,
        event.sender,
        event.recipient,
        event.helo,
        event.secret_tag,
        event.mail_subject,
        event.spam_score,
        event.query_name,
        event.query_type,
        event.detail,
    ];
    for text in texts.into_iter().flatten() {
        assert!(is_piece(line, text), "a text that the line does not hold: {text}");
    }
    if let Some(client) = event.client {
        assert_eq!(client, event::canonical(client), "an address in another than its one form");
    }
}

/// All of a record but for whose it is, which is asked when it is parsed.
fn parts<'a>(record: &Record<'a>) -> impl PartialEq + std::fmt::Debug + use<'a> {
    (record.stamp, record.host, record.program, record.pid, record.message, record.envelope)
}

fn is_piece(line: &[u8], text: Text<'_>) -> bool {
    text.is_empty() || line.as_ptr_range().contains(&text.bytes().as_ptr())
}
