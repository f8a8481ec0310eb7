//! Passkeys (W3C Web Authentication, level 2): a key in the browser, the phone or on a stick, which
//! wants its owner's finger or PIN and signs for the name of this host only. One of them is what
//! password and code are together.
//!
//! What is begun stays on the server, for minutes, and is ended once, by the browser that began it.

mod ceremonies;
mod pages;
mod place;

use super::database::Passkey;
use super::{Access, AccessError, From, User, Who, now_s, secret};
use crate::host::SignIn;
use ceremonies::Ceremonies;
use data_encoding::BASE64URL_NOPAD;
use place::Place;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use webauthn_rs::prelude::{
    AuthenticationResult, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, WebauthnError,
};

pub use pages::{at_sign_in, panel, routes};

/// Passkeys of one user.
const PASSKEYS_MAX: usize = 16;
/// The longest name of a passkey, in characters.
const NAME_MAX: usize = 64;
/// Bytes of an id that nobody has: as those of the passkeys of phones.
const ID: usize = 20;

/// What the library keeps of a passkey.
type Key = webauthn_rs::prelude::Passkey;

/// A passkey that is about to be made.
struct Adding {
    session: Vec<u8>,
    name: String,
    place: Place,
    state: PasskeyRegistration,
}

/// A sign-in that is about to be shown.
struct Signing {
    user: String,
    place: Place,
    state: PasskeyAuthentication,
}

/// What was begun. Who is signed in and who is a stranger have their places apart.
#[derive(Default)]
pub struct Open {
    adding: Mutex<Ceremonies<Adding>>,
    signing: Mutex<Ceremonies<Signing>>,
}

/// What was begun: the cookie for the browser, and what it gives its authenticator.
pub struct Begun {
    /// To end it by.
    pub cookie: String,
    /// The options, in the JSON form of the standard.
    pub options: Value,
}

/// Why somebody was not signed in.
#[derive(Debug)]
pub struct Refusal {
    /// Who was meant.
    pub user: String,
    /// For how many seconds no other try is heard.
    pub wait_s: u64,
    /// The passkey whose counter went back.
    pub doubted: Option<String>,
}

/// What comes back from a browser.
pub struct Answer<'a> {
    /// By which cookie.
    pub cookie: Option<&'a str>,
    /// From where.
    pub place: &'a Place,
    /// JSON of the standard.
    pub credential: &'a str,
}

impl Open {
    fn begin<T>(
        open: &Mutex<Ceremonies<T>>,
        from: &From,
        what: T,
        options: Value,
    ) -> Result<Begun, AccessError> {
        let cookie = secret::token()?;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        open.begin(secret::hash(&cookie), from.client, what, now_s());
        Ok(Begun { cookie, options })
    }

    fn take<T>(open: &Mutex<Ceremonies<T>>, cookie: Option<&str>) -> Option<T> {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        open.take(&secret::hash(cookie?), now_s())
    }
}

impl Access {
    /// The passkeys of a user, the oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    fn passkeys(&self, user: &str) -> Result<Vec<Passkey>, AccessError> {
        Ok(self.database().passkeys(user)?)
    }

    /// Begins to make a passkey of this name for whoever is signed in.
    ///
    /// # Errors
    /// The name is none or taken, or there are too many.
    fn begin_adding(
        &self,
        who: &Who,
        name: &str,
        place: Place,
        from: &From,
    ) -> Result<Begun, AccessError> {
        let session = who.session.clone().ok_or(AccessError::Unproven("nobody is signed in"))?;
        let name = checked(name)?;
        let known = self.passkeys(&who.name)?;
        if known.len() >= PASSKEYS_MAX {
            return Err(AccessError::Passkey(format!("there are {PASSKEYS_MAX}: revoke one")));
        }
        if known.iter().any(|passkey| passkey.name == name) {
            return Err(AccessError::Known(format!("passkey {name}")));
        }
        let here = known.into_iter().filter(|passkey| passkey.host == place.host);
        let here = here.map(|passkey| passkey.id).collect();
        let (options, state) = place
            .webauthn()?
            .start_passkey_registration(self.handle(&who.name)?, &who.name, &who.name, Some(here))
            .map_err(|error| AccessError::Passkey(error.to_string()))?;
        let options = json!(options)["publicKey"].take();
        Open::begin(&self.ceremonies.adding, from, Adding { session, name, place, state }, options)
    }

    /// Ends it: how the new passkey is called.
    ///
    /// # Errors
    /// The answer is none to what was begun.
    fn add_passkey(&self, who: &Who, answer: &Answer<'_>) -> Result<String, AccessError> {
        let wrong = |why: &str| AccessError::Passkey(why.to_owned());
        let begun = Open::take(&self.ceremonies.adding, answer.cookie)
            .filter(|begun| Some(&begun.session) == who.session.as_ref())
            .ok_or_else(|| wrong("it took too long, or was begun elsewhere: try again"))?;
        if begun.place != *answer.place {
            return Err(wrong("it was begun at another name of this host"));
        }
        let credential: RegisterPublicKeyCredential = serde_json::from_str(answer.credential)
            .map_err(|error| AccessError::Passkey(error.to_string()))?;
        let key = begun
            .place
            .webauthn()?
            .finish_passkey_registration(&credential, &begun.state)
            .map_err(|error| AccessError::Passkey(error.to_string()))?;
        let passkey = Passkey {
            id: key.cred_id().to_vec(),
            name: begun.name,
            host: begun.place.host,
            key: json!(key).to_string(),
            counter: 0,
            created_s: now_s(),
            used_s: None,
            doubted_s: None,
        };
        let database = self.database();
        database.put_user_without_password(&who.name, who.role.name(), now_s())?;
        match database.put_passkey(&who.name, &passkey)? {
            true => Ok(passkey.name),
            false => Err(AccessError::Known(format!("passkey {}", passkey.name))),
        }
    }

    /// Revokes a passkey: how it was called.
    ///
    /// # Errors
    /// The user has none of this id.
    fn revoke_passkey(&self, who: &Who, id: &[u8]) -> Result<String, AccessError> {
        self.database()
            .remove_passkey(&who.name, id)?
            .ok_or_else(|| AccessError::Missing("such passkey".to_owned()))
    }

    /// Begins to sign somebody in; or for how many seconds no try is heard. Who has no passkey, or
    /// is nobody, looks to strangers as who has one.
    ///
    /// # Errors
    /// The file cannot be read.
    fn begin_signing(
        &self,
        name: &str,
        place: Place,
        from: &From,
        tell: impl Fn(&SignIn<'_>),
    ) -> Result<Result<Begun, u64>, AccessError> {
        let wait_s = self.waits(name, from, &tell);
        if wait_s > 0 {
            return Ok(Err(wait_s));
        }
        let here = self.passkeys(name)?.into_iter().filter(|passkey| passkey.host == place.host);
        let keys: Vec<Key> =
            here.filter_map(|passkey| serde_json::from_str(&passkey.key).ok()).collect();
        let (options, state) = place
            .webauthn()?
            .start_passkey_authentication(&keys)
            .map_err(|error| AccessError::Passkey(error.to_string()))?;
        let mut options = json!(options)["publicKey"].take();
        if keys.is_empty() {
            let id = self.derived("id", &format!("{name} {}", place.host))?;
            let id = BASE64URL_NOPAD.encode(id.get(..ID).unwrap_or_default());
            let transports = ["internal", "hybrid"];
            options["allowCredentials"] =
                json!([{ "type": "public-key", "id": id, "transports": transports }]);
        }
        let signing = Signing { user: name.to_owned(), place, state };
        Open::begin(&self.ceremonies.signing, from, signing, options).map(Ok)
    }

    /// Ends it: the session's cookie, or why not. `name` is who tries where nothing was begun.
    ///
    /// # Errors
    /// The file cannot be read or written.
    fn sign_in_by_passkey(
        &self,
        name: &str,
        answer: &Answer<'_>,
        from: &From,
        tell: impl Fn(&SignIn<'_>),
    ) -> Result<Result<String, Refusal>, AccessError> {
        let begun = Open::take(&self.ceremonies.signing, answer.cookie)
            .filter(|begun| begun.place == *answer.place);
        let name = begun.as_ref().map_or(name, |begun| begun.user.as_str());
        let mut doubted = None;
        let tried = self.try_in(name, from, tell, |user| {
            let (Some(user), Some(begun)) = (user, &begun) else { return Ok(false) };
            let shown = self.shown(user, begun, answer.credential)?;
            doubted = shown.doubted;
            Ok(shown.is_right)
        })?;
        Ok(tried.map_err(|wait_s| Refusal { user: name.to_owned(), wait_s, doubted }))
    }

    fn shown(&self, user: &User, begun: &Signing, credential: &str) -> Result<Shown, AccessError> {
        let Ok(credential) = serde_json::from_str::<PublicKeyCredential>(credential) else {
            return Ok(Shown::default());
        };
        // An authenticator may say whose it believes the passkey to be.
        if let Some(said) = credential.get_user_unique_id()
            && said != self.handle(&user.name)?.as_bytes()
        {
            return Ok(Shown::default());
        }
        let webauthn = begun.place.webauthn()?;
        match webauthn.finish_passkey_authentication(&credential, &begun.state) {
            Ok(result) => self.used(user, &result),
            Err(WebauthnError::CredentialPossibleCompromise) => {
                self.doubt(user, credential.get_credential_id())
            }
            Err(_) => Ok(Shown::default()),
        }
    }

    /// Takes note of a passkey that was shown, as it is now: meanwhile it may have been revoked,
    /// or shown elsewhere.
    fn used(&self, user: &User, result: &AuthenticationResult) -> Result<Shown, AccessError> {
        let id: &[u8] = result.cred_id();
        let known = self.passkeys(&user.name)?.into_iter().find(|passkey| passkey.id == id);
        let key = known.and_then(|passkey| serde_json::from_str::<Key>(&passkey.key).ok());
        let Some(mut key) = key.filter(|_| result.user_verified()) else {
            return Ok(Shown::default());
        };
        key.update_credential(result);
        let (key, counter) = (json!(key).to_string(), result.counter());
        let is_right = self.database().use_passkey(&user.name, id, &key, counter, now_s())?;
        if is_right { Ok(Shown { is_right, doubted: None }) } else { self.doubt(user, id) }
    }

    fn doubt(&self, user: &User, id: &[u8]) -> Result<Shown, AccessError> {
        let doubted = self.database().doubt_passkey(&user.name, id, now_s())?;
        Ok(Shown { is_right: false, doubted })
    }

    /// By which authenticators tell a user from others: it says nothing of the name.
    fn handle(&self, user: &str) -> Result<Uuid, AccessError> {
        let derived = self.derived("user", user)?;
        let mut handle = [0; 16];
        handle.iter_mut().zip(derived).for_each(|(byte, from)| *byte = from);
        Ok(Uuid::from_bytes(handle))
    }

    /// Bytes that are always the same for these words, and that only this host can make.
    fn derived(&self, what: &str, of: &str) -> Result<[u8; 32], AccessError> {
        let secret = self.database().own_secret(secret::token()?.as_bytes())?;
        Ok(secret::derived(&secret, what, of))
    }
}

/// What became of an answer.
#[derive(Default)]
struct Shown {
    is_right: bool,
    doubted: Option<String>,
}

/// A name that can be told from others on a screen.
fn checked(name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    let is_fine = event::Text::from(name).to_string() == name;
    match (1..=NAME_MAX).contains(&name.chars().count()) && is_fine {
        true => Ok(name.to_owned()),
        false => Err(AccessError::Passkey(format!("its name has 1 to {NAME_MAX} characters"))),
    }
}

#[cfg(test)]
mod tests;
