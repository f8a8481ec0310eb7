//! What pages and the API show, read from the journal: numbers first, no markup.

mod actions;
mod counts;
mod leading;
mod readers;
mod sheet;
mod span;

pub use actions::{Action, Deed, actions, incidents, ordered, subject_of};
pub use counts::Line;
pub use leading::{Leading, Lists};
pub use readers::Readers;
pub use sheet::{Sheet, resolved};
pub use span::Span;
