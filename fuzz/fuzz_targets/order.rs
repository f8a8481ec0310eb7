#![no_main]
//! What the enforcer reads, and what it answers, from any bytes: the process with the privilege
//! must not be moved by the one without.

use edge::enforce::{Order, Report};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((sequence, order)) = Order::decode(bytes) {
        let again = order.encode(sequence);
        assert!(Order::decode(&again) == Ok((sequence, order)), "an order that changes on its way");
    }
    if let Ok(report) = Report::decode(bytes) {
        assert!(Report::decode(&report.encode()) == Ok(report), "a report that changes on its way");
    }
});
