//! What pages and the API show, read from the journal: numbers first, no markup.

mod actions;
mod counts;
mod kept;
mod leading;
mod readers;
mod sheet;
mod span;

pub use actions::{Action, Deed, actions, ordered};
pub use counts::Line;
pub use kept::Kept;
pub use leading::{Leading, Lists};
pub use readers::Readers;
pub use sheet::Sheet;
