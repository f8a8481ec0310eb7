//! The console's own file.

#[cfg_attr(not(feature = "passkeys"), allow(dead_code, reason = "built without"))]
mod passkeys;
mod views;

#[cfg(feature = "passkeys")]
pub use passkeys::Passkey;
pub use views::{SavedView, Saving};

use super::who::{Role, Scope};
use rusqlite::{
    Connection, OptionalExtension as _, Result, Row, Transaction, TransactionBehavior, params,
};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// `PRAGMA user_version`.
pub(super) const FORMAT: u32 = 3;

/// What each format has more than the one before.
pub(super) const FORMATS: [&str; FORMAT as usize] = [FIRST, passkeys::SCHEMA, views::SCHEMA];

const FIRST: &str = "
CREATE TABLE user(name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, totp BLOB,
  step INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL);
CREATE TABLE session(hash BLOB PRIMARY KEY, user TEXT NOT NULL, role TEXT NOT NULL,
  began INTEGER NOT NULL, seen INTEGER NOT NULL, client TEXT NOT NULL, agent TEXT NOT NULL);
CREATE TABLE token(hash BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL,
  created INTEGER NOT NULL, used INTEGER);
CREATE TABLE link(hash BLOB PRIMARY KEY, user TEXT NOT NULL, role TEXT NOT NULL,
  until INTEGER NOT NULL);
";

/// Somebody with a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// What is allowed.
    pub role: Role,
    /// The password's hash; empty where there is none.
    pub(super) password: String,
    /// The second factor's secret.
    pub(super) totp: Option<Vec<u8>>,
}

impl User {
    /// The password's hash, where there is a password.
    pub(super) fn password(&self) -> Option<&str> {
        Some(self.password.as_str()).filter(|hash| !hash.is_empty())
    }
}

/// A browser that is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The hash of its cookie.
    pub hash: Vec<u8>,
    /// Whose.
    pub user: String,
    /// What was allowed when it began.
    pub role: Role,
    /// When it began, seconds since 1970.
    pub began_s: i64,
    /// When it was used last, to the minute.
    pub seen_s: i64,
    /// From where it began.
    pub client: String,
    /// What the browser said it is.
    pub agent: String,
    /// It began by a one-time link.
    pub is_by_link: bool,
}

/// A program that may ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// What it may.
    pub scopes: Vec<Scope>,
    /// When it was made, seconds since 1970.
    pub created_s: i64,
    /// When it was used last.
    pub used_s: Option<i64>,
}

pub(super) struct Database(Connection);

impl Database {
    /// Nothing where a later version wrote it.
    pub(super) fn open(path: &Path) -> Result<Option<Database>> {
        // SQLite would make it with the rights that the umask leaves.
        let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        drop(made);
        let db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        let is_ours = format(&db)? == FORMAT || brought_on(&db)?;
        Ok(is_ours.then_some(Database(db)))
    }

    pub(super) fn users(&self) -> Result<Vec<User>> {
        let mut statement =
            self.0.prepare_cached("SELECT name, role, password, totp FROM user ORDER BY name")?;
        statement.query_map([], user)?.collect()
    }

    pub(super) fn user(&self, name: &str) -> Result<Option<User>> {
        self.0
            .prepare_cached("SELECT name, role, password, totp FROM user WHERE name = ?1")?
            .query_row([name], user)
            .optional()
    }

    pub(super) fn put_user(&self, user: &User, now_s: i64) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO user(name, role, password, totp, created) VALUES(?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET role = excluded.role, password = excluded.password,
                   totp = excluded.totp, step = 0",
            )?
            .execute(params![user.name, user.role.name(), user.password, user.totp, now_s])?;
        self.end_sessions(&user.name)
    }

    pub(super) fn remove_user(&self, name: &str) -> Result<bool> {
        self.end_sessions(name)?;
        self.remove_passkeys(name)?;
        self.remove_views(name)?;
        Ok(self.0.prepare_cached("DELETE FROM user WHERE name = ?1")?.execute([name])? > 0)
    }

    fn end_sessions(&self, name: &str) -> Result<()> {
        self.0.prepare_cached("DELETE FROM session WHERE user = ?1")?.execute([name])?;
        // A link that was not used yet would begin another.
        self.0.prepare_cached("DELETE FROM link WHERE user = ?1")?.execute([name])?;
        Ok(())
    }

    /// Uses a code's step; false where it, or a later one, was used before.
    pub(super) fn use_step(&self, name: &str, step: i64) -> Result<bool> {
        let mut statement =
            self.0.prepare_cached("UPDATE user SET step = ?2 WHERE name = ?1 AND step < ?2")?;
        Ok(statement.execute(params![name, step])? > 0)
    }

    pub(super) fn put_session(&self, session: &Session, max: usize) -> Result<()> {
        self.0
            .prepare_cached("INSERT INTO session VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![
                session.hash,
                session.user,
                session.role.name(),
                session.began_s,
                session.seen_s,
                session.client,
                session.agent,
                session.is_by_link
            ])?;
        self.0
            .prepare_cached(
                "DELETE FROM session WHERE hash NOT IN
                 (SELECT hash FROM session ORDER BY began DESC, hash LIMIT ?1)",
            )?
            .execute([max as i64])?;
        Ok(())
    }

    pub(super) fn session(&self, hash: &[u8]) -> Result<Option<Session>> {
        self.0
            .prepare_cached(
                "SELECT hash, user, role, began, seen, client, agent, link FROM session WHERE hash = ?1",
            )?
            .query_row([hash], session)
            .optional()
    }

    pub(super) fn sessions(&self) -> Result<Vec<Session>> {
        let mut statement = self.0.prepare_cached(
            "SELECT hash, user, role, began, seen, client, agent, link FROM session ORDER BY seen DESC",
        )?;
        statement.query_map([], session)?.collect()
    }

    pub(super) fn see_session(&self, hash: &[u8], now_s: i64) -> Result<()> {
        self.0
            .prepare_cached("UPDATE session SET seen = ?2 WHERE hash = ?1")?
            .execute(params![hash, now_s])?;
        Ok(())
    }

    /// Moves a session in time, for tests.
    #[cfg(test)]
    pub(super) fn put_times(&self, hash: &[u8], began_s: i64, seen_s: i64) -> Result<usize> {
        self.0
            .prepare_cached("UPDATE session SET began = ?2, seen = ?3 WHERE hash = ?1")?
            .execute(params![hash, began_s, seen_s])
    }

    pub(super) fn end_session(&self, hash: &[u8]) -> Result<()> {
        self.0.prepare_cached("DELETE FROM session WHERE hash = ?1")?.execute([hash])?;
        Ok(())
    }

    pub(super) fn put_link(&self, hash: &[u8], user: &str, role: Role, until: i64) -> Result<()> {
        self.0.prepare_cached("INSERT INTO link VALUES(?1, ?2, ?3, ?4)")?.execute(params![
            hash,
            user,
            role.name(),
            until
        ])?;
        Ok(())
    }

    pub(super) fn has_link(&self, hash: &[u8], now_s: i64) -> Result<bool> {
        self.0
            .prepare_cached("SELECT count(*) FROM link WHERE hash = ?1 AND until > ?2")?
            .query_row(params![hash, now_s], |row| Ok(row.get::<_, i64>(0)? > 0))
    }

    /// Takes a link, which is gone then.
    pub(super) fn take_link(&self, hash: &[u8], now_s: i64) -> Result<Option<(String, Role)>> {
        self.0.prepare_cached("DELETE FROM link WHERE until <= ?1")?.execute([now_s])?;
        self.0
            .prepare_cached("DELETE FROM link WHERE hash = ?1 RETURNING user, role")?
            .query_row([hash], |row| Ok((row.get(0)?, role(row, 1)?)))
            .optional()
    }

    /// False where the name is taken.
    pub(super) fn put_token(
        &self,
        hash: &[u8],
        name: &str,
        scopes: &[Scope],
        now_s: i64,
    ) -> Result<bool> {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let added = self
            .0
            .prepare_cached(
                "INSERT OR IGNORE INTO token(hash, name, scopes, created) VALUES(?1, ?2, ?3, ?4)",
            )?
            .execute(params![hash, name, scopes.join(" "), now_s])?;
        Ok(added > 0)
    }

    pub(super) fn token(&self, hash: &[u8], now_s: i64) -> Result<Option<Token>> {
        let found = self
            .0
            .prepare_cached("SELECT name, scopes, created, used FROM token WHERE hash = ?1")?
            .query_row([hash], token)
            .optional()?;
        if found.as_ref().is_some_and(|token| token.used_s.is_none_or(|used| now_s - used > 60)) {
            self.0
                .prepare_cached("UPDATE token SET used = ?2 WHERE hash = ?1")?
                .execute(params![hash, now_s])?;
        }
        Ok(found)
    }

    pub(super) fn tokens(&self) -> Result<Vec<Token>> {
        let mut statement =
            self.0.prepare_cached("SELECT name, scopes, created, used FROM token ORDER BY name")?;
        statement.query_map([], token)?.collect()
    }

    pub(super) fn remove_token(&self, name: &str) -> Result<bool> {
        Ok(self.0.prepare_cached("DELETE FROM token WHERE name = ?1")?.execute([name])? > 0)
    }
}

fn format(db: &Connection) -> Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the tables, or those that an earlier version did not have; false where a later one made
/// them.
fn brought_on(db: &Connection) -> Result<bool> {
    // Another process may be about to do the same.
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let format = format(&transaction)?;
    if format > FORMAT {
        return Ok(false);
    }
    for schema in FORMATS.iter().skip(format as usize) {
        transaction.execute_batch(schema)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()?;
    Ok(true)
}

fn role(row: &Row<'_>, at: usize) -> Result<Role> {
    Ok(Role::from_name(row.get_ref(at)?.as_str().unwrap_or_default()))
}

fn user(row: &Row<'_>) -> Result<User> {
    Ok(User { name: row.get(0)?, role: role(row, 1)?, password: row.get(2)?, totp: row.get(3)? })
}

fn session(row: &Row<'_>) -> Result<Session> {
    Ok(Session {
        hash: row.get(0)?,
        user: row.get(1)?,
        role: role(row, 2)?,
        began_s: row.get(3)?,
        seen_s: row.get(4)?,
        client: row.get(5)?,
        agent: row.get(6)?,
        is_by_link: row.get(7)?,
    })
}

fn token(row: &Row<'_>) -> Result<Token> {
    let scopes: String = row.get(1)?;
    Ok(Token {
        name: row.get(0)?,
        scopes: scopes.split(' ').filter_map(Scope::from_name).collect(),
        created_s: row.get(2)?,
        used_s: row.get(3)?,
    })
}
