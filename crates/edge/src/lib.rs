//! What mailward reaches out to: sources of lines, and enforcers of decisions.

pub mod clock;
pub mod enforce;
pub mod geo;
pub mod random;
pub mod source;
pub mod stamp;
pub mod surroundings;
