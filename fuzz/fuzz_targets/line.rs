#![no_main]
//! Any line, from its stamp to its event: nothing panics, and every text of the event is a piece of
//! the line.

use event::{Text, Timestamp};
use libfuzzer_sys::fuzz_target;
use parse::Parsed;

fuzz_target!(|line: &[u8]| {
    let Some(record) = parse::frame(line) else { return };
    let Parsed::Event(event) = parse::parse(&record, Timestamp(0)) else { return };
    let texts = [
        event.host,
        event.account,
        event.session,
        event.queue_id,
        event.sender,
        event.recipient,
        event.helo,
        event.secret_tag,
        event.detail,
    ];
    for text in texts.into_iter().flatten() {
        assert!(is_piece(line, text), "a text that the line does not hold: {text}");
    }
    if let Some(client) = event.client {
        assert_eq!(client, event::canonical(client), "an address in another than its one form");
    }
});

fn is_piece(line: &[u8], text: Text<'_>) -> bool {
    text.is_empty() || line.as_ptr_range().contains(&text.bytes().as_ptr())
}
