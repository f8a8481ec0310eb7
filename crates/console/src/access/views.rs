//! Views that were saved by a name: somebody's own, and those for everybody.

use super::database::Saving;
use super::{Access, AccessError, SavedView, Who, now_s};
use crate::view::View;
use event::Text;

/// Views of one person.
pub const VIEWS_MAX: u32 = 64;
/// Views that everybody sees: they stand in every filter bar.
pub const SHARED_MAX: u32 = 64;
/// The longest name of a view, in characters.
pub const NAME_MAX: usize = 64;
/// The longest view, in bytes, as a URL has it.
pub const QUERY_MAX: usize = 4096;

fn not_saved(why: String) -> AccessError {
    AccessError::View(why)
}

impl Access {
    /// The views that somebody sees, by name: those for everybody, and the own ones of a person.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn views(&self, who: &Who) -> Result<Vec<SavedView>, AccessError> {
        let person = who.scopes.is_none().then_some(who.name.as_str());
        Ok(self.database().views(person)?)
    }

    /// Saves the view of a URL's query by a name, in place of the own one of that name.
    ///
    /// # Errors
    /// The name is none or taken, the view is none or too long, or there are too many.
    pub fn save_view(
        &self,
        who: &Who,
        name: &str,
        query: &str,
        is_shared: bool,
    ) -> Result<(), AccessError> {
        let name = name.trim();
        if !(1..=NAME_MAX).contains(&name.chars().count()) {
            return Err(not_saved(format!("its name has 1 to {NAME_MAX} characters")));
        }
        if is_shared && !who.may_act() {
            return Err(not_saved("only an operator saves one for everybody".to_owned()));
        }
        let view = View::of(query);
        if let Some((_, error)) = &view.trouble {
            return Err(not_saved(format!("its terms cannot be understood: {error}")));
        }
        // The encoding that links use, never the bytes that came.
        let query = view.query();
        if query.len() > QUERY_MAX {
            return Err(not_saved(format!("it is longer than {QUERY_MAX} bytes, as a URL has it")));
        }
        let (user, name) = (who.name.clone(), name.to_owned());
        let saved = SavedView { id: 0, user, name, query, is_shared, saved_s: now_s() };
        match self.database().put_view(&saved, VIEWS_MAX, SHARED_MAX)? {
            Saving::Done => Ok(()),
            Saving::Taken => {
                let name = Text::from(saved.name.as_str());
                Err(AccessError::Known(format!("view {name} for everybody")))
            }
            Saving::Full => Err(not_saved(format!("you have {VIEWS_MAX}: remove one"))),
            Saving::FullForEverybody => {
                Err(not_saved(format!("there are {SHARED_MAX} for everybody: remove one of those")))
            }
        }
    }

    /// Removes a view: an own one, or as an operator one for everybody.
    ///
    /// # Errors
    /// There is none that may be removed.
    pub fn remove_view(&self, who: &Who, id: i64) -> Result<(), AccessError> {
        match self.database().remove_view(&who.name, id, who.may_act())? {
            true => Ok(()),
            false => Err(AccessError::Missing("such view".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
