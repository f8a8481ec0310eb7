//! mailward
fn main() {}
