//! Worlds for tests: what no test should have to make up by itself.
//!
//! [`world`] makes months of a mail site's life as log lines, with the truth beside each line.

pub mod world;
