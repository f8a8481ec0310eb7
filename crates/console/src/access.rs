//! Who may look, and who may act: users with password and second factor, one-time links, sessions,
//! tokens for programs. All of it lies in a file of the console's own; secrets only as hashes.

mod database;
mod pages;
#[cfg(feature = "passkeys")]
mod passkeys;
#[cfg(not(feature = "passkeys"))]
#[path = "access/without_passkeys.rs"]
mod passkeys;
mod proof;
mod secret;
mod throttle;
mod views;
mod who;

use crate::host::SignIn;
use database::Database;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use throttle::Throttle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use database::{SavedView, Session, Token, User};
pub use pages::{routes, sentence};
pub use proof::Proof;
pub use views::NAME_MAX as VIEW_NAME_MAX;
pub use who::{Allowed, Keeper, Operator, Person, Role, Scope, Who};

/// The console's own file in the state directory.
pub const FILE: &str = "console.db";
/// How long a one-time link is good, in seconds.
pub const LINK_S: i64 = 900;
/// A session that nobody used for so long ends; and after so long in any case.
const IDLE_S: i64 = 12 * 3600;
const SESSION_S: i64 = 30 * 86_400;
/// Sessions of all users; the oldest ends for a new one.
const SESSIONS_MAX: usize = 256;
/// The longest name of a user or token, in characters.
const NAME_MAX: usize = 64;
/// The shortest password, in characters (NIST SP 800-63B).
const PASSWORD_MIN: usize = 12;
/// The longest, in bytes.
const PASSWORD_MAX: usize = 1024;
/// Who waits for a turn to sign in; who comes beyond that is sent away.
const WAITING_MAX: usize = 8;

/// What is wrong with what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A later version wrote it.
    #[error(
        "{FILE} was written by a later version of mailward: use that one, or remove the file and make links anew"
    )]
    Newer,
    /// The file.
    #[error("{FILE}: {0}")]
    Database(#[from] rusqlite::Error),
    /// A name.
    #[error("a name has 1 to {NAME_MAX} letters, digits, dots, dashes, underscores or @")]
    Name,
    /// A password.
    #[error("a password has at least {PASSWORD_MIN} characters, and at most {PASSWORD_MAX} bytes")]
    Password,
    /// There is no such user, session or token.
    #[error("there is no {0}")]
    Missing(String),
    /// There is one already.
    #[error("there is a {0} already")]
    Known(String),
    /// More must be shown before this is done.
    #[error("{0}")]
    Unproven(&'static str),
    /// A passkey.
    #[error("the passkey was not taken: {0}")]
    Passkey(String),
    /// A view.
    #[error("the view was not saved: {0}")]
    View(String),
    /// No random numbers, no memory.
    #[error("{0}")]
    System(String),
}

/// Who comes, as far as the connection tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct From {
    /// The address; `None` on the unix socket.
    pub client: Option<IpAddr>,
    /// What the browser says it is.
    pub agent: String,
}

/// The gate of the console.
pub struct Access {
    database: Mutex<Database>,
    throttle: Mutex<Throttle>,
    #[cfg(feature = "passkeys")]
    ceremonies: passkeys::Open,
    /// One password at a time: hashing one takes 19 MiB and a thread, and a stranger asks for it.
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Access {
    /// Opens the file in the state directory, making it where it is not there.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(dir: &Path) -> Result<Access, AccessError> {
        Ok(Access {
            database: Mutex::new(Database::open(&dir.join(FILE))?.ok_or(AccessError::Newer)?),
            throttle: Mutex::default(),
            #[cfg(feature = "passkeys")]
            ceremonies: passkeys::Open::default(),
            hashing: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        })
    }

    fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where nobody has an account yet: the first comes by a link.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn has_no_user(&self) -> Result<bool, AccessError> {
        Ok(self.database().users()?.is_empty())
    }

    /// A link that signs in once, for `valid_s` seconds: its path.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn link(&self, name: &str, role: Role, valid_s: i64) -> Result<String, AccessError> {
        check_name(name)?;
        let token = secret::token()?;
        self.database().put_link(&secret::hash(&token), name, role, now_s() + valid_s)?;
        Ok(format!("/link/{token}"))
    }

    /// Signs in by a link, which is used up: the session's cookie.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn use_link(&self, token: &str, from: &From) -> Result<Option<String>, AccessError> {
        let database = self.database();
        let Some((name, role)) = database.take_link(&secret::hash(token), now_s())? else {
            return Ok(None);
        };
        begin_session(&database, &name, role, from, true).map(Some)
    }

    /// Begins a session of somebody who is known already: its cookie.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(&self, name: &str, role: Role, from: &From) -> Result<String, AccessError> {
        begin_session(&self.database(), name, role, from, false)
    }

    /// True where the link would sign in.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_link(&self, token: &str) -> Result<bool, AccessError> {
        Ok(self.database().has_link(&secret::hash(token), now_s())?)
    }

    /// Signs in by name, password and code: the session's cookie, or for how many seconds no other
    /// try is heard.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn sign_in(
        &self,
        name: &str,
        password: &str,
        code: &str,
        from: &From,
        tell: impl Fn(&SignIn<'_>),
    ) -> Result<Result<String, u64>, AccessError> {
        self.try_in(name, from, tell, |user| self.is_right(user, password, code))
    }

    /// Signs in whoever is right: the session's cookie, or for how many seconds no other try is
    /// heard. Every way to sign in by a name comes through here.
    fn try_in(
        &self,
        name: &str,
        from: &From,
        tell: impl Fn(&SignIn<'_>),
        is_right: impl FnOnce(Option<&User>) -> Result<bool, AccessError>,
    ) -> Result<Result<String, u64>, AccessError> {
        let wait_s = self.waits(name, from, &tell);
        if wait_s > 0 {
            return Ok(Err(wait_s));
        }
        let user = self.database().user(name)?;
        if !is_right(user.as_ref())? {
            return Ok(Err(self.failed(name, from, &tell)));
        }
        tell(&SignIn { client: from.client, account: name, is_allowed: true });
        self.throttle().succeeded(from.client, name, now_s());
        let role = user.map_or(Role::Reader, |user| user.role);
        self.begin(name, role, from).map(Ok)
    }

    /// For how many seconds no try is heard.
    fn waits(&self, name: &str, from: &From, tell: &impl Fn(&SignIn<'_>)) -> u64 {
        let wait_s = self.throttle().wait_s(from.client, name, now_s());
        // It is a try all the same: the engine decides what becomes of who goes on.
        if wait_s > 0 && self.throttle().may_tell(now_s()) {
            tell(&SignIn { client: from.client, account: name, is_allowed: false });
        }
        wait_s
    }

    /// Takes note of a try that failed: for how many seconds no other is heard.
    fn failed(&self, name: &str, from: &From, tell: &impl Fn(&SignIn<'_>)) -> u64 {
        tell(&SignIn { client: from.client, account: name, is_allowed: false });
        self.throttle().failed(from.client, name, now_s())
    }

    /// A turn to hash a password, held meanwhile; `None` where too many wait for one. Asked for
    /// before a thread is: pages want those.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let _waiting = self.waiting.try_acquire().ok()?;
        Arc::clone(&self.hashing).acquire_owned().await.ok()
    }

    /// True as long as the session of this hash has not ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_session(&self, hash: &[u8]) -> Result<bool, AccessError> {
        let session = self.database().session(hash)?;
        Ok(session.is_some_and(|session| !is_over(&session, now_s())))
    }

    /// A name that nobody has costs the same time.
    fn is_right(
        &self,
        user: Option<&User>,
        password: &str,
        code: &str,
    ) -> Result<bool, AccessError> {
        // What nobody can have set is not hashed: a stranger says how long it is.
        if password.len() > PASSWORD_MAX {
            return Ok(false);
        }
        let is_password = secret::verify(password, user.and_then(User::password));
        let Some(user) = user.filter(|_| is_password) else { return Ok(false) };
        let Some(totp) = &user.totp else { return Ok(true) };
        match secret::step_of(totp, code, now_s()) {
            // A code that was seen on its way is of no use.
            Some(step) => Ok(self.database().use_step(&user.name, step)?),
            None => Ok(false),
        }
    }

    /// Who has this cookie.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn session(&self, cookie: &str) -> Result<Option<Who>, AccessError> {
        let now_s = now_s();
        let hash = secret::hash(cookie);
        let database = self.database();
        let Some(session) = database.session(&hash)? else { return Ok(None) };
        if is_over(&session, now_s) {
            database.end_session(&hash)?;
            return Ok(None);
        }
        if now_s - session.seen_s > 60 {
            database.see_session(&hash, now_s)?;
        }
        // The user may be gone, or have another role by now.
        let role = database.user(&session.user)?.map_or(session.role, |user| user.role);
        Ok(Some(Who { name: session.user, role, session: Some(hash.to_vec()), scopes: None }))
    }

    /// Who has this token.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bearer(&self, token: &str) -> Result<Option<Who>, AccessError> {
        let database = self.database();
        let Some(token) = database.token(&secret::hash(token), now_s())? else { return Ok(None) };
        let may_act = token.scopes.contains(&Scope::Act);
        let role = if may_act { Role::Operator } else { Role::Reader };
        let name = format!("token {}", token.name);
        Ok(Some(Who { name, role, session: None, scopes: Some(token.scopes) }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn sign_out(&self, session: &[u8]) -> Result<(), AccessError> {
        Ok(self.database().end_session(session)?)
    }

    /// All sessions, the newest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sessions(&self) -> Result<Vec<Session>, AccessError> {
        Ok(self.database().sessions()?)
    }

    /// All users.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn users(&self) -> Result<Vec<User>, AccessError> {
        Ok(self.database().users()?)
    }

    /// Adds a user, or gives an existing one another password: the new secret of the second factor,
    /// base32.
    ///
    /// # Errors
    /// Name or password are none.
    pub fn set_user(&self, name: &str, role: Role, password: &str) -> Result<String, AccessError> {
        check_name(name)?;
        if password.chars().count() < PASSWORD_MIN || password.len() > PASSWORD_MAX {
            return Err(AccessError::Password);
        }
        let totp = secret::totp()?;
        let password = secret::hashed(password)?;
        let user = User { name: name.to_owned(), role, password, totp: Some(totp.clone()) };
        self.database().put_user(&user, now_s())?;
        Ok(secret::base32(&totp))
    }

    /// Removes a user, and ends the sessions.
    ///
    /// # Errors
    /// There is none.
    pub fn remove_user(&self, name: &str) -> Result<(), AccessError> {
        match self.database().remove_user(name)? {
            true => Ok(()),
            false => Err(AccessError::Missing(format!("user {name}"))),
        }
    }

    /// Adds a token for a program: the token, which is shown this once.
    ///
    /// # Errors
    /// The name is none, or taken.
    pub fn add_token(&self, name: &str, scopes: &[Scope]) -> Result<String, AccessError> {
        check_name(name)?;
        let token = secret::token()?;
        match self.database().put_token(&secret::hash(&token), name, scopes, now_s())? {
            true => Ok(token),
            false => Err(AccessError::Known(format!("token {name}"))),
        }
    }

    /// All tokens.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tokens(&self) -> Result<Vec<Token>, AccessError> {
        Ok(self.database().tokens()?)
    }

    /// Removes a token.
    ///
    /// # Errors
    /// There is none.
    pub fn remove_token(&self, name: &str) -> Result<(), AccessError> {
        match self.database().remove_token(name)? {
            true => Ok(()),
            false => Err(AccessError::Missing(format!("token {name}"))),
        }
    }
}

fn is_over(session: &Session, now_s: i64) -> bool {
    now_s - session.seen_s > IDLE_S || now_s - session.began_s > SESSION_S
}

fn begin_session(
    database: &Database,
    name: &str,
    role: Role,
    from: &From,
    is_by_link: bool,
) -> Result<String, AccessError> {
    let cookie = secret::token()?;
    let agent: String = from.agent.chars().take(200).collect();
    let session = Session {
        hash: secret::hash(&cookie).to_vec(),
        user: name.to_owned(),
        role,
        began_s: now_s(),
        seen_s: now_s(),
        client: from.client.map_or_else(|| "this host".to_owned(), |client| client.to_string()),
        agent,
        is_by_link,
    };
    database.put_session(&session, SESSIONS_MAX)?;
    Ok(cookie)
}

fn check_name(name: &str) -> Result<(), AccessError> {
    let is_fine = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    match (1..=NAME_MAX).contains(&name.chars().count()) && name.chars().all(is_fine) {
        true => Ok(()),
        false => Err(AccessError::Name),
    }
}

fn now_s() -> i64 {
    crate::clock::now().seconds()
}

#[cfg(test)]
mod tests;
