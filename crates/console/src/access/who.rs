//! Who asks: by the unix socket, a session's cookie, or a program's token.

use crate::app::App;
use crate::server::Peer;
use axum::extract::FromRequestParts;
use axum::http::header::{self, AUTHORIZATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

/// The session's cookie.
pub const COOKIE: &str = "mailward";

/// What somebody may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Look.
    Reader,
    /// Look, and order.
    Operator,
}

impl Role {
    /// The word on the command line and on record.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Operator => "operator",
        }
    }

    /// The role of this name; what is no role may only look.
    pub fn from_name(name: &str) -> Role {
        if name == Role::Operator.name() { Role::Operator } else { Role::Reader }
    }
}

/// What a token may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Read what pages show.
    Read,
    /// Order.
    Act,
    /// Read the numbers for monitoring.
    Metrics,
}

impl Scope {
    /// All.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Act, Scope::Metrics];

    /// The word on the command line and on record.
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Act => "act",
            Scope::Metrics => "metrics",
        }
    }

    /// The scope of this name.
    pub fn from_name(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// Somebody who may look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// The name, for the audit trail.
    pub name: String,
    /// What is allowed.
    pub role: Role,
    /// The hash of the session, where there is one.
    pub session: Option<Vec<u8>>,
    /// Of a token: what it may.
    pub scopes: Option<Vec<Scope>>,
}

impl Who {
    /// True where orders are taken.
    pub fn may_act(&self) -> bool {
        self.role == Role::Operator
    }

    /// What the role means.
    pub const fn role_meaning(&self) -> &'static str {
        match self.role {
            Role::Reader => "may look",
            Role::Operator => "may look and act",
        }
    }

    fn has(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }
}

/// Somebody who may order.
pub struct Operator(pub Who);

/// Somebody in person: no token hands out access, lest one that may only ban makes itself a user.
pub struct Person(pub Who);

/// An operator in person.
pub struct Keeper(pub Who);

/// Somebody who may read the numbers for monitoring.
pub struct Allowed(pub Who);

/// Why a request is not answered.
pub enum Refused {
    /// Nobody is signed in.
    Unknown {
        /// A program asks, not a person.
        is_api: bool,
        /// The page that was asked for.
        page: String,
    },
    /// This is not allowed to whoever asks.
    Forbidden,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Unknown { is_api: true, .. } => {
                let what = "{\"error\":\"send a token: Authorization: Bearer TOKEN\"}\n";
                (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")], what).into_response()
            }
            Refused::Unknown { page, .. } => {
                Redirect::to(&crate::pages::url("/sign-in", "to", &page)).into_response()
            }
            Refused::Forbidden => {
                (StatusCode::FORBIDDEN, "This is not allowed to you: ask an operator.\n")
                    .into_response()
            }
        }
    }
}

/// The name of one of our cookies. Under TLS with the prefix by which browsers keep it to this
/// host, and the plain one counts for nothing: any host of the same domain may set it.
pub fn cookie_named(app: &App, name: &str) -> String {
    if app.options.tls.is_some() { format!("__Host-{name}") } else { name.to_owned() }
}

/// A cookie of this name.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// A user of this host on the unix socket: root, or who runs the console, may do all.
fn by_socket(parts: &Parts, app: &App) -> Option<Who> {
    let Some(Peer::User(uid)) = parts.extensions.get::<Peer>() else { return None };
    let is_ours = *uid == 0 || *uid == rustix::process::geteuid().as_raw();
    is_ours.then(|| Who {
        name: app.host.user(*uid),
        role: Role::Operator,
        session: None,
        scopes: None,
    })
}

async fn known(parts: &Parts, app: &App) -> Option<Who> {
    if let Some(who) = by_socket(parts, app) {
        return Some(who);
    }
    let bearer = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer ")) {
        let token = token.trim().to_owned();
        return app.gate(move |access| access.bearer(&token)).await.ok().flatten();
    }
    let name = cookie_named(app, COOKIE);
    let session = match cookie(&parts.headers, &name).map(str::to_owned) {
        Some(cookie) => app.gate(move |access| access.session(&cookie)).await.ok().flatten(),
        None => None,
    };
    session.or_else(|| {
        app.options.is_open.then(|| Who {
            name: "anybody".to_owned(),
            role: Role::Operator,
            session: None,
            scopes: None,
        })
    })
}

async fn required(parts: &Parts, app: &App) -> Result<Who, Refused> {
    let path = parts.uri.path();
    let page = parts.uri.path_and_query().map_or("/", |page| page.as_str()).to_owned();
    let is_api = path.starts_with("/api/") || path == "/metrics" || path == "/live";
    known(parts, app).await.ok_or(Refused::Unknown { is_api, page })
}

impl FromRequestParts<App> for Who {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let who = required(parts, app).await?;
        if who.has(Scope::Read) { Ok(who) } else { Err(Refused::Forbidden) }
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let who = required(parts, app).await?;
        let may = who.may_act() && who.has(Scope::Act);
        if may { Ok(Operator(who)) } else { Err(Refused::Forbidden) }
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let who = required(parts, app).await?;
        if who.scopes.is_none() { Ok(Person(who)) } else { Err(Refused::Forbidden) }
    }
}

impl FromRequestParts<App> for Keeper {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let Person(who) = Person::from_request_parts(parts, app).await?;
        if who.may_act() { Ok(Keeper(who)) } else { Err(Refused::Forbidden) }
    }
}

impl FromRequestParts<App> for Allowed {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let who = required(parts, app).await?;
        let may = who.has(Scope::Metrics) || who.has(Scope::Read);
        if may { Ok(Allowed(who)) } else { Err(Refused::Forbidden) }
    }
}
