//! How well the guard does in a [`world`](crate::world): the closed loop, and what came of it.
//!
//! A run reads the world's lines as the program does (frame, parse, join, step). Bans that are to
//! be enforced are what the world is told when it asks who may connect. Beside that the truth of
//! each line is noted, so that in the end each decision and finding can be called right or wrong.
//! Only this module knows both sides.

mod aims;
mod groups;
mod owners;
mod page;
mod print;
mod rows;
mod run;
mod sieve;

pub use aims::{Aim, DETECTORS_OF, aim};
pub use groups::Course;
pub use owners::{Owner, Owners};
pub use page::renewed;
pub use print::{human, json};
pub use rows::{AttackRow, DetectorRow, HonestRow, Report, report};
pub use run::{Ban, Found, Run, run};
