//! What somebody who is signed in must show before the secrets of the account are changed: a
//! browser that was left alone, or a stolen cookie, must not make itself a way in that lasts.

use super::{Access, AccessError, From, LINK_S, Session, User, Who, now_s, secret};
use crate::host::SignIn;

/// A session that began so lately, in seconds, shows who it is.
const FRESH_S: i64 = 600;

/// What must be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    /// Nothing more.
    Nothing,
    /// The password.
    Password,
    /// A sign-in of these minutes: there is no password.
    SignIn,
}

impl Access {
    /// What a new password wants. By a link, within its time, the forgotten one is replaced.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn proof_for_password(&self, who: &Who) -> Result<Proof, AccessError> {
        let (session, user) = self.session_and_user(who)?;
        let age_s = |session: &Session| now_s() - session.began_s;
        if session.as_ref().is_some_and(|it| it.is_by_link && age_s(it) <= LINK_S) {
            return Ok(Proof::Nothing);
        }
        let is_fresh = session.is_some_and(|session| age_s(&session) <= FRESH_S);
        Ok(match user {
            Some(user) if user.password().is_some() => Proof::Password,
            // Who has passkeys alone.
            Some(_) if !is_fresh => Proof::SignIn,
            _ => Proof::Nothing,
        })
    }

    /// What another passkey, or one less, wants.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn proof_for_passkey(&self, who: &Who) -> Result<Proof, AccessError> {
        let (session, user) = self.session_and_user(who)?;
        if session.is_some_and(|session| now_s() - session.began_s <= FRESH_S) {
            return Ok(Proof::Nothing);
        }
        let has_password = user.is_some_and(|user| user.password().is_some());
        Ok(if has_password { Proof::Password } else { Proof::SignIn })
    }

    fn session_and_user(&self, who: &Who) -> Result<(Option<Session>, Option<User>), AccessError> {
        let database = self.database();
        let session = match &who.session {
            Some(hash) => database.session(hash)?,
            None => None,
        };
        Ok((session, database.user(&who.name)?))
    }

    /// Whether what was shown is what was wanted. A wrong password counts as one at the sign-in.
    ///
    /// # Errors
    /// It is not, and why; or the file cannot be read.
    pub fn confirm(
        &self,
        who: &Who,
        wanted: Proof,
        password: &str,
        from: &From,
        tell: impl Fn(&SignIn<'_>),
    ) -> Result<(), AccessError> {
        match wanted {
            Proof::Nothing => return Ok(()),
            Proof::SignIn => {
                return Err(AccessError::Unproven(
                    "this wants a sign-in of these minutes: sign out, sign in, and try again",
                ));
            }
            Proof::Password if password.is_empty() => {
                return Err(AccessError::Unproven("this wants your present password"));
            }
            Proof::Password => {}
        }
        if self.waits(&who.name, from, &tell) > 0 {
            return Err(AccessError::Unproven("too many wrong passwords: try again in a while"));
        }
        let user = self.database().user(&who.name)?;
        if password.len() <= super::PASSWORD_MAX
            && secret::verify(password, user.as_ref().and_then(User::password))
        {
            return Ok(());
        }
        self.failed(&who.name, from, &tell);
        Err(AccessError::Unproven("the present password is wrong"))
    }
}
