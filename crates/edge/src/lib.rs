//! What mailward reaches out to: sources of lines, and enforcers of decisions.

pub mod enforce;
