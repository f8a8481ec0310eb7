#![no_main]
//! A configuration file of any text: problems with their places, never a panic; what has no problem
//! is a configuration.

// The program's own files rather than the program, whose store and command line take minutes to
// build with the fuzzer's flags and read no configuration.
#[path = "../../crates/mailward/src/config/mod.rs"]
#[allow(dead_code, unused_imports)]
mod config;
#[path = "../../crates/mailward/src/failure.rs"]
#[allow(dead_code, unused_imports)]
mod failure;
#[path = "../../crates/mailward/src/subject.rs"]
#[allow(dead_code, unused_imports)]
mod subject;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (_, problems) = config::read(text);
    for problem in problems {
        let shown = problem.to_string();
        assert!(!shown.is_empty() && !shown.contains('\u{1b}'), "a problem that is not safe to show");
    }
});
