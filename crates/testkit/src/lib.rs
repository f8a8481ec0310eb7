//! Worlds for tests: what no test should have to make up by itself, and how the guard does in them.
//!
//! [`world`] makes months of a mail site's life as log lines, with the truth beside each; [`score`]
//! lets the parsers and the engine live in it and compares what they say with the truth.

pub mod score;
pub mod world;
