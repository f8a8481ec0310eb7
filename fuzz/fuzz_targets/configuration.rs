#![no_main]
//! A configuration file of any text: problems with their places, never a panic; what has no problem
//! is a configuration.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (_, problems) = mailward::config::read(text);
    for problem in problems {
        let shown = problem.to_string();
        assert!(!shown.is_empty() && !shown.contains('\u{1b}'), "a problem that is not safe to show");
    }
});
