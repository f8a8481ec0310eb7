//! Signing in and out, and who has access.

use super::who::{self, Keeper, Person, cookie_named};
use super::{Access, AccessError, From, Proof, Role, Scope, Who, passkeys, secret};
use crate::app::{App, Trouble};
use crate::draw;
use crate::pages::frame::Frame;
use crate::pages::shown;
use crate::server::Peer;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::{SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use event::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// The longest stay, in seconds, as the cookie says.
const COOKIE_S: i64 = super::SESSION_S;

/// Its routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/link/{token}", get(link).post(use_link))
        .route("/sign-in", get(sign_in_page).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/access", get(page))
        .route("/access/password", post(password))
        .route("/access/sessions", post(end_session))
        .route("/access/users", post(users))
        .route("/access/tokens", post(tokens))
        .merge(passkeys::routes())
}

impl std::convert::From<AccessError> for Trouble {
    fn from(error: AccessError) -> Trouble {
        Trouble::Wrong(error.to_string())
    }
}

pub(super) fn from(peer: Option<Extension<Peer>>, headers: &HeaderMap) -> From {
    let client = match peer {
        Some(Extension(Peer::Address(client))) => Some(client),
        _ => None,
    };
    let agent = headers.get(USER_AGENT).map(|agent| agent.as_bytes()).unwrap_or_default();
    From { client, agent: event::Text(agent).to_string() }
}

#[derive(Template)]
#[template(path = "access-link.html")]
struct Link {
    frame: Frame,
    is_good: bool,
}

/// A link is used by a button: programs that look at links beforehand do not use it up.
async fn link(State(app): State<App>, Path(token): Path<String>) -> Result<Html<String>, Trouble> {
    let is_good = app.gate(move |access| access.is_link(&token)).await?;
    shown(&Link { frame: Frame::blank(), is_good })
}

async fn use_link(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let (from, used) = (from(peer, &headers), token.clone());
    match app.gate(move |access| access.use_link(&used, &from)).await? {
        Some(cookie) => Ok(signed_in(&app, &cookie, "/")),
        None => Ok((StatusCode::GONE, link(State(app), Path(token)).await).into_response()),
    }
}

/// Only pages of our own are gone to.
fn own_page(to: &str) -> &str {
    let is_own = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    if is_own && !to.chars().any(char::is_control) { to } else { "/" }
}

pub(super) fn signed_in(app: &App, cookie: &str, to: &str) -> Response {
    ([(SET_COOKIE, cookie_of(app, cookie, COOKIE_S))], Redirect::to(own_page(to))).into_response()
}

fn cookie_of(app: &App, cookie: &str, age_s: i64) -> String {
    set_cookie(app, who::COOKIE, cookie, age_s)
}

/// A cookie that only this host is sent, by pages of its own.
pub(super) fn set_cookie(app: &App, name: &str, value: &str, age_s: i64) -> String {
    let (name, secure) =
        (cookie_named(app, name), if app.options.tls.is_some() { "; Secure" } else { "" });
    format!("{name}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}")
}

#[derive(Debug, Deserialize)]
struct To {
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "access-sign-in.html")]
struct SignInPage {
    frame: Frame,
    to: String,
    has_no_user: bool,
    passkey: String,
    trouble: Option<String>,
}

async fn sign_in_page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(To { to }): Query<To>,
) -> Result<Html<String>, Trouble> {
    sign_in_shown(&app, &headers, &to, None).await
}

async fn sign_in_shown(
    app: &App,
    headers: &HeaderMap,
    to: &str,
    trouble: Option<String>,
) -> Result<Html<String>, Trouble> {
    let to = own_page(to).to_owned();
    let page = SignInPage {
        frame: Frame::blank(),
        has_no_user: app.gate(Access::has_no_user).await?,
        passkey: passkeys::at_sign_in(app, headers, &to),
        to,
        trouble,
    };
    shown(&page)
}

#[derive(Deserialize)]
struct SignInForm {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    to: String,
}

async fn sign_in(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Result<Response, Trouble> {
    let (from, host) = (from(peer, &headers), Arc::clone(&app.host));
    let to = form.to.clone();
    try_once(&app, &headers, &to, move |access| {
        let SignInForm { name, password, code, .. } = form;
        let tried =
            access.sign_in(&name, &password, &code, &from, |tried| host.signed_in(tried))?;
        Ok(tried.map_err(|wait_s| match wait_s {
            0 => (0, "Name, password or code is wrong.".to_owned()),
            _ => (wait_s, format!("Name, password or code is wrong. Try again in {wait_s} s.")),
        }))
    })
    .await
}

/// A try to sign in, in its turn: who tries many at once waits as who tries one after the other.
/// `tried` gives the session's cookie, or for how many seconds no other try is heard, and why not.
pub(super) async fn try_once(
    app: &App,
    headers: &HeaderMap,
    to: &str,
    tried: impl FnOnce(&Access) -> Result<Result<String, (u64, String)>, AccessError> + Send + 'static,
) -> Result<Response, Trouble> {
    let Some(turn) = app.turn().await else {
        let trouble = "Many try to sign in just now. Try again.".to_owned();
        return sign_in_again(app, headers, to, StatusCode::SERVICE_UNAVAILABLE, trouble).await;
    };
    let tried = app.gate(move |access| {
        let _turn = turn;
        tried(access)
    });
    match tried.await? {
        Ok(cookie) => Ok(signed_in(app, &cookie, to)),
        Err((wait_s, trouble)) => {
            let status = match wait_s {
                0 => StatusCode::UNAUTHORIZED,
                _ => StatusCode::TOO_MANY_REQUESTS,
            };
            sign_in_again(app, headers, to, status, trouble).await
        }
    }
}

/// The same page again, and why.
pub(super) async fn sign_in_again(
    app: &App,
    headers: &HeaderMap,
    to: &str,
    status: StatusCode,
    trouble: String,
) -> Result<Response, Trouble> {
    let page = sign_in_shown(app, headers, to, Some(trouble)).await?;
    Ok((status, page).into_response())
}

async fn sign_out(State(app): State<App>, Person(who): Person) -> Result<Response, Trouble> {
    if let Some(session) = who.session {
        app.gate(move |access| access.sign_out(&session)).await?;
    }
    let forgotten = [(SET_COOKIE, cookie_of(&app, "", 0))];
    Ok((forgotten, Redirect::to("/sign-in")).into_response())
}

struct SessionRow {
    id: String,
    user: String,
    client: String,
    agent: String,
    seen: Timestamp,
    is_own: bool,
}

#[derive(Template)]
#[template(path = "access.html")]
struct Page {
    frame: Frame,
    name: String,
    is_operator: bool,
    has_session: bool,
    enrolled: Option<Enrolled>,
    token: Option<String>,
    trouble: Option<String>,
    passkeys: Option<String>,
    seen: Seen,
}

/// A second factor, for an authenticator app: by its camera, by hand, or on the same phone.
pub(super) struct Enrolled {
    uri: String,
    picture: String,
    secret: String,
}

impl Enrolled {
    fn of(name: &str, secret: &str) -> Enrolled {
        let uri = secret::uri(name, secret);
        let picture = draw::qr::svg(&uri, "QR code of the second factor").unwrap_or_default();
        Enrolled { uri, picture, secret: in_groups(secret) }
    }
}

/// What was made just now, and is shown this once; or why nothing was.
#[derive(Default)]
pub(super) struct Made {
    pub(super) enrolled: Option<Enrolled>,
    pub(super) token: Option<String>,
    pub(super) told: Option<String>,
    pub(super) trouble: Option<String>,
}

/// What of the gate is shown to somebody.
struct Seen {
    proof: Proof,
    sessions: Vec<SessionRow>,
    users: Vec<super::User>,
    tokens: Vec<super::Token>,
}

fn seen_by(who: &Who, access: &Access) -> Result<Seen, AccessError> {
    let is_operator = who.may_act();
    let mine = |session: &super::Session| is_operator || session.user == who.name;
    let row = |session: super::Session| SessionRow {
        id: data_encoding::HEXLOWER.encode(&session.hash),
        is_own: who.session.as_ref() == Some(&session.hash),
        seen: Timestamp::from_seconds(session.seen_s),
        user: session.user,
        client: session.client,
        agent: session.agent,
    };
    let sessions = access.sessions()?.into_iter().filter(|session| mine(session)).map(row);
    let (users, tokens) = match is_operator {
        true => (access.users()?, access.tokens()?),
        false => (Vec::new(), Vec::new()),
    };
    let proof = access.proof_for_password(who)?;
    Ok(Seen { proof, sessions: sessions.collect(), users, tokens })
}

pub(super) async fn access_page(
    app: &App,
    headers: &HeaderMap,
    who: Who,
    made: Made,
) -> Result<Html<String>, Trouble> {
    let looks = who.clone();
    let seen = app.gate(move |access| seen_by(&looks, access)).await?;
    let page = Page {
        name: who.name.clone(),
        is_operator: who.may_act(),
        has_session: who.session.is_some(),
        enrolled: made.enrolled,
        token: made.token,
        trouble: made.trouble,
        passkeys: passkeys::panel(app, headers, &who).await?,
        seen,
        frame: Frame::of("/access", who).telling(made.told),
    };
    shown(&page)
}

async fn page(
    State(app): State<App>,
    Person(who): Person,
    headers: HeaderMap,
) -> Result<Html<String>, Trouble> {
    access_page(&app, &headers, who, Made::default()).await
}

#[derive(Deserialize)]
struct PasswordForm {
    #[serde(default)]
    old: String,
    password: String,
}

/// Sets the password of whoever is signed in, who knows the one before; who came by a link becomes
/// a user by it, or replaces a forgotten one.
async fn password(
    State(app): State<App>,
    Person(who): Person,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Trouble> {
    if who.session.is_none() {
        return Err(Trouble::Wrong("A password belongs to who is signed in.".to_owned()));
    }
    let wanted = (Access::proof_for_password as Wanted, form.old);
    let set = confirmed(&app, &who, from(peer, &headers), wanted, move |access, owner, from| {
        let (name, role) = (&owner.name, owner.role);
        let secret = access.set_user(name, role, &form.password)?;
        // All sessions have ended, this one begins anew.
        let cookie = access.begin(name, role, from)?;
        let who = access.session(&cookie)?;
        Ok((secret, cookie, who))
    });
    let (secret, cookie, anew) = match set.await {
        Ok(set) => set,
        Err(trouble) => return not_done(&app, &headers, who, trouble).await,
    };
    let made = Made {
        enrolled: Some(Enrolled::of(&who.name, &secret)),
        told: Some("The password is set; all other sessions have ended.".to_owned()),
        ..Made::default()
    };
    let cookie = [(SET_COOKIE, cookie_of(&app, &cookie, COOKIE_S))];
    Ok((cookie, access_page(&app, &headers, anew.unwrap_or(who), made).await?).into_response())
}

/// What must be shown before something is done.
pub(super) type Wanted = fn(&Access, &Who) -> Result<Proof, AccessError>;

/// Does, in its turn, what wants to be shown something by whoever is signed in.
pub(super) async fn confirmed<T: Send + 'static>(
    app: &App,
    who: &Who,
    from: From,
    (wanted, password): (Wanted, String),
    work: impl FnOnce(&Access, &Who, &From) -> Result<T, AccessError> + Send + 'static,
) -> Result<T, Trouble> {
    let (who, host) = (who.clone(), Arc::clone(&app.host));
    let turn = app.turn().await.ok_or(Trouble::Gone)?;
    app.gate(move |access| {
        let _turn = turn;
        let proof = wanted(access, &who)?;
        access.confirm(&who, proof, &password, &from, |tried| host.signed_in(tried))?;
        work(access, &who, &from)
    })
    .await
}

/// The page Access, which says why what was asked for was not done.
pub(super) async fn not_done(
    app: &App,
    headers: &HeaderMap,
    who: Who,
    trouble: Trouble,
) -> Result<Response, Trouble> {
    let Trouble::Wrong(why) = trouble else { return Err(trouble) };
    let made = Made { trouble: Some(sentence(&why)), ..Made::default() };
    Ok((StatusCode::FORBIDDEN, access_page(app, headers, who, made).await?).into_response())
}

/// What is wrong, as a sentence.
pub fn sentence(what: &str) -> String {
    let mut letters = what.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

#[derive(Deserialize)]
struct SessionForm {
    id: String,
}

async fn end_session(
    State(app): State<App>,
    Person(who): Person,
    Form(form): Form<SessionForm>,
) -> Result<Redirect, Trouble> {
    let hash = data_encoding::HEXLOWER.decode(form.id.as_bytes()).map_err(|_| Trouble::Missing)?;
    let ended = app.gate(move |access| {
        let is_own = |session: &super::Session| {
            session.hash == hash && (who.may_act() || session.user == who.name)
        };
        match access.sessions()?.iter().any(is_own) {
            true => access.sign_out(&hash).map(|()| true),
            false => Ok(false),
        }
    });
    if ended.await? { Ok(Redirect::to("/access")) } else { Err(Trouble::Missing) }
}

#[derive(Deserialize)]
struct UserForm {
    deed: String,
    name: String,
    #[serde(default)]
    role: String,
}

/// Adds a user by a link with which a password is set, or removes one.
async fn users(
    State(app): State<App>,
    Keeper(who): Keeper,
    headers: HeaderMap,
    Form(form): Form<UserForm>,
) -> Result<Html<String>, Trouble> {
    let told = app.gate(move |access| {
        if form.deed == "remove" {
            access.remove_user(&form.name)?;
            return Ok(format!("{} is no user any more.", form.name));
        }
        let path = access.link(&form.name, Role::from_name(&form.role), super::LINK_S)?;
        let name = form.name;
        Ok(format!("Give {name} this link, which is good for 15 minutes and once: {path}"))
    });
    let told = Some(told.await?);
    access_page(&app, &headers, who, Made { told, ..Made::default() }).await
}

#[derive(Deserialize)]
struct TokenForm {
    deed: String,
    name: String,
    #[serde(default)]
    scope: String,
}

async fn tokens(
    State(app): State<App>,
    Keeper(who): Keeper,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Result<Html<String>, Trouble> {
    let made = app.gate(move |access| {
        if form.deed == "remove" {
            access.remove_token(&form.name)?;
            let told = Some(format!("The token {} is of no use any more.", form.name));
            return Ok(Made { told, ..Made::default() });
        }
        let scope = Scope::from_name(&form.scope).unwrap_or(Scope::Read);
        let scopes = if scope == Scope::Act { vec![Scope::Read, Scope::Act] } else { vec![scope] };
        let token = Some(access.add_token(&form.name, &scopes)?);
        Ok(Made { token, ..Made::default() })
    });
    let made = made.await?;
    access_page(&app, &headers, who, made).await
}
