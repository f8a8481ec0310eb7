//! Passkeys in the console's own file, and its own secret.

use super::Database;
use rusqlite::{OptionalExtension as _, Result, Row, params};

/// `key` is what the library keeps of a passkey; `doubted` when its counter went back.
pub(super) const SCHEMA: &str = "
CREATE TABLE passkey(id BLOB PRIMARY KEY, user TEXT NOT NULL, name TEXT NOT NULL, host TEXT NOT NULL,
  key TEXT NOT NULL, counter INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER,
  doubted INTEGER, UNIQUE(user, name));
CREATE TABLE own(name TEXT PRIMARY KEY, value BLOB NOT NULL);
ALTER TABLE session ADD COLUMN link INTEGER NOT NULL DEFAULT 0;
";

const COLUMNS: &str = "id, name, host, key, counter, created, used, doubted";

/// A passkey of somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passkey {
    /// By which its authenticator knows it.
    pub id: Vec<u8>,
    /// As its owner calls it.
    pub name: String,
    /// The name of this host for which it was made, and is good.
    pub host: String,
    /// What the library keeps of it, JSON: its public key and flags, no secret.
    pub key: String,
    /// How often it was used, as far as it counts; 0 where it does not.
    pub counter: u32,
    /// When it was made, seconds since 1970.
    pub created_s: i64,
    /// When it signed in last.
    pub used_s: Option<i64>,
    /// When its counter went back: there may be a copy of it.
    pub doubted_s: Option<i64>,
}

impl Database {
    /// Of a user, the oldest first.
    pub fn passkeys(&self, user: &str) -> Result<Vec<Passkey>> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM passkey WHERE user = ?1 ORDER BY created, name"
        ))?;
        statement.query_map([user], passkey)?.collect()
    }

    /// False where the user has one of this name, or somebody this one.
    pub fn put_passkey(&self, user: &str, passkey: &Passkey) -> Result<bool> {
        let Passkey { id, name, host, key, counter, created_s, .. } = passkey;
        let added = self
            .0
            .prepare_cached(
                "INSERT OR IGNORE INTO passkey(id, user, name, host, key, counter, created)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![id, user, name, host, key, counter, created_s])?;
        Ok(added > 0)
    }

    /// Takes note that a passkey was used. False where it is not the user's any more, or its
    /// counter is not ahead of what it was: then nothing changes.
    pub fn use_passkey(
        &self,
        user: &str,
        id: &[u8],
        key: &str,
        counter: u32,
        now_s: i64,
    ) -> Result<bool> {
        let used = self
            .0
            .prepare_cached(
                "UPDATE passkey SET key = ?3, counter = ?4, used = ?5
                 WHERE user = ?1 AND id = ?2 AND (counter < ?4 OR (counter = 0 AND ?4 = 0))",
            )?
            .execute(params![user, id, key, counter, now_s])?;
        Ok(used > 0)
    }

    /// Takes note that the counter of a passkey went back; returns how it is called.
    pub fn doubt_passkey(&self, user: &str, id: &[u8], now_s: i64) -> Result<Option<String>> {
        self.0
            .prepare_cached(
                "UPDATE passkey SET doubted = ?3 WHERE user = ?1 AND id = ?2 RETURNING name",
            )?
            .query_row(params![user, id, now_s], |row| row.get(0))
            .optional()
    }

    /// Removes one of a user's; returns how it was called.
    pub fn remove_passkey(&self, user: &str, id: &[u8]) -> Result<Option<String>> {
        self.0
            .prepare_cached("DELETE FROM passkey WHERE user = ?1 AND id = ?2 RETURNING name")?
            .query_row(params![user, id], |row| row.get(0))
            .optional()
    }

    pub(super) fn remove_passkeys(&self, user: &str) -> Result<usize> {
        self.0.prepare_cached("DELETE FROM passkey WHERE user = ?1")?.execute([user])
    }

    /// Makes somebody a user who has no password, where he is none yet.
    pub fn put_user_without_password(&self, name: &str, role: &str, now_s: i64) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT OR IGNORE INTO user(name, role, password, created) VALUES(?1, ?2, '', ?3)",
            )?
            .execute(params![name, role, now_s])?;
        Ok(())
    }

    /// The file's own secret: the one given, where it has none yet.
    pub fn own_secret(&self, or: &[u8]) -> Result<Vec<u8>> {
        let mut known = self.0.prepare_cached("SELECT value FROM own WHERE name = 'secret'")?;
        if let Some(secret) = known.query_row([], |row| row.get(0)).optional()? {
            return Ok(secret);
        }
        // Another process may have been first.
        let first = "INSERT OR IGNORE INTO own VALUES('secret', ?1)";
        self.0.prepare_cached(first)?.execute([or])?;
        known.query_row([], |row| row.get(0))
    }
}

fn passkey(row: &Row<'_>) -> Result<Passkey> {
    Ok(Passkey {
        id: row.get(0)?,
        name: row.get(1)?,
        host: row.get(2)?,
        key: row.get(3)?,
        counter: row.get(4)?,
        created_s: row.get(5)?,
        used_s: row.get(6)?,
        doubted_s: row.get(7)?,
    })
}
