//! Passkeys on the pages: making, listing and revoking them, and signing in by one. What is begun
//! is asked for by the page's script; what comes back is a form like any other.

use super::place::{Elsewhere, Place};
use super::{Answer, Begun, Refusal};
use crate::access::pages::{
    Made, Wanted, access_page, confirmed, from, not_done, sentence, set_cookie, sign_in_again,
    try_once,
};
use crate::access::who::{Person, Who, cookie, cookie_named};
use crate::access::{Access, AccessError, Proof};
use crate::app::{App, Trouble};
use crate::assets;
use crate::server::Peer;
use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Form, Json, Router};
use data_encoding::HEXLOWER;
use event::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// The cookie by which a browser ends what it began.
const COOKIE: &str = "mailward-passkey";

/// Its routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in/passkey/begin", post(begin_signing))
        .route("/sign-in/passkey", post(sign_in))
        .route("/access/passkeys/begin", post(begin_adding))
        .route("/access/passkeys", post(add))
        .route("/access/passkeys/revoke", post(revoke))
}

/// Why the script does not get what it asked for: a line for the person before it.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl std::convert::From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Refused {
        Refused(StatusCode::FORBIDDEN, sentence(&trouble.to_string()))
    }
}

fn here(app: &App, headers: &HeaderMap) -> Result<Place, Refused> {
    let refused = || Refused(StatusCode::FORBIDDEN, "No passkey is taken here.".to_owned());
    Place::sent_from(app, headers).ok_or_else(refused)
}

fn begun(app: &App, begun: Begun) -> Response {
    let age_s = super::ceremonies::OPEN_S;
    let cookie = set_cookie(app, COOKIE, &begun.cookie, age_s);
    ([(SET_COOKIE, cookie)], Json(begun.options)).into_response()
}

fn own_cookie(app: &App, headers: &HeaderMap) -> Option<String> {
    let name = cookie_named(app, COOKIE);
    cookie(headers, &name).map(str::to_owned)
}

#[derive(Template)]
#[template(path = "access-sign-in-passkey.html")]
struct AtSignIn<'a> {
    elsewhere: Option<Elsewhere>,
    script: String,
    to: &'a str,
}

/// What the sign-in page says of passkeys.
pub fn at_sign_in(app: &App, headers: &HeaderMap, to: &str) -> String {
    let elsewhere = Place::of(app, headers).err();
    let part = AtSignIn { elsewhere, script: assets::url("passkey.js"), to };
    part.render().unwrap_or_default()
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

async fn begin_signing(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(Name { name }): Form<Name>,
) -> Result<Response, Refused> {
    let place = here(&app, &headers)?;
    let (from, host) = (from(peer, &headers), Arc::clone(&app.host));
    let tried = app.gate(move |access| {
        access.begin_signing(&name, place, &from, |tried| host.signed_in(tried))
    });
    match tried.await? {
        Ok(options) => Ok(begun(&app, options)),
        Err(wait_s) => {
            let what = format!("Too many tries failed. Try again in {wait_s} s.");
            Err(Refused(StatusCode::TOO_MANY_REQUESTS, what))
        }
    }
}

#[derive(Deserialize)]
struct SignInForm {
    name: String,
    credential: String,
    #[serde(default)]
    to: String,
}

async fn sign_in(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, Trouble> {
    let Ok(place) = here(&app, &headers) else {
        let what = "No passkey is taken here.".to_owned();
        return sign_in_again(&app, &headers, &form.to, StatusCode::FORBIDDEN, what).await;
    };
    let (from, host) = (from(peer, &headers), Arc::clone(&app.host));
    let own_cookie = own_cookie(&app, &headers);
    let to = form.to;
    try_once(&app, &headers, &to, move |access| {
        let (cookie, credential) = (own_cookie.as_deref(), form.credential.as_str());
        let answer = Answer { cookie, place: &place, credential };
        let tried =
            access.sign_in_by_passkey(&form.name, &answer, &from, |tried| host.signed_in(tried))?;
        if let Err(Refusal { doubted: Some(passkey), user, .. }) = &tried {
            host.warn(&format!(
                "the passkey {passkey} of {user} was refused: its count of uses went back, and there may be a \
                 copy of it; revoke it on the page Access"
            ));
        }
        Ok(tried.map_err(|refusal| (refusal.wait_s, why(&refusal))))
    })
    .await
}

fn why(refusal: &Refusal) -> String {
    let again = match refusal.wait_s {
        0 => "Try again.".to_owned(),
        wait_s => format!("Try again in {wait_s} s."),
    };
    match &refusal.doubted {
        Some(name) => format!(
            "The passkey {name} was refused: it counts its uses, and its count went back. Somebody may \
             have a copy of it: sign in another way, and revoke it."
        ),
        None => format!("This passkey is not known here, or it took too long. {again}"),
    }
}

struct Row {
    id: String,
    name: String,
    host: String,
    created: Timestamp,
    used: Option<Timestamp>,
    is_doubted: bool,
}

#[derive(Template)]
#[template(path = "access-passkeys.html")]
struct Panel {
    rows: Vec<Row>,
    proof: Proof,
    elsewhere: Option<Elsewhere>,
    script: String,
}

/// The passkeys of whoever is signed in, where he can have some.
///
/// # Errors
/// They cannot be read.
pub async fn panel(app: &App, headers: &HeaderMap, who: &Who) -> Result<Option<String>, Trouble> {
    if who.session.is_none() {
        return Ok(None);
    }
    let who = who.clone();
    let read = app.gate(move |access| {
        Ok::<_, AccessError>((access.passkeys(&who.name)?, access.proof_for_passkey(&who)?))
    });
    let (passkeys, proof) = read.await?;
    let row = |passkey: super::Passkey| Row {
        id: HEXLOWER.encode(&passkey.id),
        name: passkey.name,
        host: passkey.host,
        created: Timestamp::from_seconds(passkey.created_s),
        used: passkey.used_s.map(Timestamp::from_seconds),
        is_doubted: passkey.doubted_s.is_some(),
    };
    let panel = Panel {
        rows: passkeys.into_iter().map(row).collect(),
        proof,
        elsewhere: Place::of(app, headers).err(),
        script: assets::url("passkey.js"),
    };
    panel.render().map(Some).map_err(|_| Trouble::Gone)
}

#[derive(Deserialize)]
struct AddForm {
    name: String,
    #[serde(default)]
    password: String,
}

async fn begin_adding(
    State(app): State<App>,
    Person(who): Person,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(form): Form<AddForm>,
) -> Result<Response, Refused> {
    let place = here(&app, &headers)?;
    let wanted = (Access::proof_for_passkey as Wanted, form.password);
    let work = confirmed(&app, &who, from(peer, &headers), wanted, move |access, owner, from| {
        access.begin_adding(owner, &form.name, place, from)
    });
    Ok(begun(&app, work.await?))
}

#[derive(Deserialize)]
struct Credential {
    credential: String,
}

async fn add(
    State(app): State<App>,
    Person(who): Person,
    headers: HeaderMap,
    Form(form): Form<Credential>,
) -> Result<Response, Trouble> {
    let Ok(place) = here(&app, &headers) else {
        return Err(Trouble::Wrong("No passkey is taken here.".to_owned()));
    };
    let (own_cookie, owner) = (own_cookie(&app, &headers), who.clone());
    let added = app.gate(move |access| {
        let (cookie, credential) = (own_cookie.as_deref(), form.credential.as_str());
        access.add_passkey(&owner, &Answer { cookie, place: &place, credential })
    });
    let told = added.await.map(|name| format!("The passkey {name} signs you in from now on."));
    page_again(&app, &headers, who, told).await
}

#[derive(Deserialize)]
struct RevokeForm {
    id: String,
    #[serde(default)]
    password: String,
}

async fn revoke(
    State(app): State<App>,
    Person(who): Person,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(form): Form<RevokeForm>,
) -> Result<Response, Trouble> {
    let id = HEXLOWER.decode(form.id.as_bytes()).map_err(|_| Trouble::Missing)?;
    let wanted = (Access::proof_for_passkey as Wanted, form.password);
    let work = confirmed(&app, &who, from(peer, &headers), wanted, move |access, owner, _| {
        access.revoke_passkey(owner, &id)
    });
    let told = work.await.map(|name| format!("The passkey {name} is of no use any more."));
    page_again(&app, &headers, who, told).await
}

/// The page Access, which says what was done, or why it was not.
async fn page_again(
    app: &App,
    headers: &HeaderMap,
    who: Who,
    done: Result<String, Trouble>,
) -> Result<Response, Trouble> {
    match done {
        Ok(told) => {
            let made = Made { told: Some(told), ..Made::default() };
            access_page(app, headers, who, made).await.map(Html::into_response)
        }
        Err(trouble) => not_done(app, headers, who, trouble).await,
    }
}
