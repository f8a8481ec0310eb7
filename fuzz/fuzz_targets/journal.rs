#![no_main]
//! The journal's records from any bytes, as after a torn write: nothing panics, and what is read
//! writes itself again.

use libfuzzer_sys::fuzz_target;
use store::{decode, encode, records};

fuzz_target!(|bytes: &[u8]| {
    for record in records(bytes).flatten() {
        let mut again = Vec::new();
        encode(&mut again, &record);
    }
    if let Ok(record) = decode(bytes) {
        let mut again = Vec::new();
        encode(&mut again, &record);
    }
});
