//! Saved views in the console's own file.

use super::Database;
use rusqlite::{Result, Row, Transaction, TransactionBehavior, params};

/// A number that was given is not given again: a page that is old by now removes no other view.
pub(super) const SCHEMA: &str = "
CREATE TABLE saved_view(id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL,
  name TEXT NOT NULL, query TEXT NOT NULL, shared INTEGER NOT NULL, saved INTEGER NOT NULL,
  UNIQUE(user, name));
";

const COLUMNS: &str = "id, user, name, query, shared, saved";

/// A view by a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavedView {
    /// Its number.
    pub id: i64,
    /// Who saved it.
    pub user: String,
    /// As it is called: any characters.
    pub name: String,
    /// The view, as a URL has it.
    pub query: String,
    /// Everybody sees it.
    pub is_shared: bool,
    /// When it was saved last, seconds since 1970.
    pub saved_s: i64,
}

/// What became of a view that was to be saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saving {
    /// It is saved.
    Done,
    /// Everybody sees another one of this name.
    Taken,
    /// The user has as many as one may have.
    Full,
    /// Everybody sees as many as there may be.
    FullForEverybody,
}

impl Database {
    /// Those that everybody sees and those of a user, by name.
    pub fn views(&self, user: Option<&str>) -> Result<Vec<SavedView>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM saved_view WHERE shared OR user = ?1 ORDER BY name, id"
        ))?;
        statement.query_map([user], saved_view)?.collect()
    }

    /// Saves one, in place of the user's own of this name; its number is of no matter.
    pub fn put_view(&self, view: &SavedView, own: u32, shared: u32) -> Result<Saving> {
        // Another process may be about to save one, too.
        let transaction = Transaction::new_unchecked(&self.0, TransactionBehavior::Immediate)?;
        let SavedView { user, name, query, is_shared, saved_s, .. } = view;
        let count = |of: &str| {
            let sql = format!("SELECT count(*) FROM saved_view WHERE {of}");
            let count = |row: &Row<'_>| row.get::<_, u32>(0);
            transaction.prepare_cached(&sql)?.query_row([user, name], count)
        };
        let is_known = count("user = ?1 AND name = ?2")? > 0;
        let is_theirs = count("shared AND user <> ?1 AND name = ?2")? > 0;
        if is_theirs && (*is_shared || !is_known) {
            return Ok(Saving::Taken);
        }
        if count("user = ?1 AND name <> ?2")? >= own {
            return Ok(Saving::Full);
        }
        if *is_shared && count("shared AND NOT (user = ?1 AND name = ?2)")? >= shared {
            return Ok(Saving::FullForEverybody);
        }
        let sql = "INSERT INTO saved_view(user, name, query, shared, saved)
                   VALUES(?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT(user, name) DO UPDATE SET query = excluded.query,
                     shared = excluded.shared, saved = excluded.saved";
        transaction.prepare_cached(sql)?.execute(params![user, name, query, is_shared, saved_s])?;
        transaction.commit()?;
        Ok(Saving::Done)
    }

    /// Removes a user's own, or one that everybody sees where `with_shared` says so; false where
    /// there is none.
    pub fn remove_view(&self, user: &str, id: i64, with_shared: bool) -> Result<bool> {
        let sql = "DELETE FROM saved_view WHERE id = ?2 AND (user = ?1 OR (shared AND ?3))";
        Ok(self.0.prepare_cached(sql)?.execute(params![user, id, with_shared])? > 0)
    }

    pub(super) fn remove_views(&self, user: &str) -> Result<usize> {
        self.0.prepare_cached("DELETE FROM saved_view WHERE user = ?1")?.execute([user])
    }
}

fn saved_view(row: &Row<'_>) -> Result<SavedView> {
    Ok(SavedView {
        id: row.get(0)?,
        user: row.get(1)?,
        name: row.get(2)?,
        query: row.get(3)?,
        is_shared: row.get(4)?,
        saved_s: row.get(5)?,
    })
}
