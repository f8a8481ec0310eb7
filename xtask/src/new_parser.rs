//! `cargo xtask new parser NAME`.

use crate::Outcome;

pub fn run(arguments: &[String]) -> Outcome {
    Err(format!("later {arguments:?}").into())
}
