//! What stands around every handler: who may ask at all, and what every answer says.

use crate::app::{App, Trouble};
use crate::server::Peer;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// The longest body of a request, in bytes.
const BODY_MAX: usize = 64 << 10;

/// From the end of a request's head to the beginning of its answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// Nothing but our own files, no frame around us, no form to elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];
/// Two years.
const ONLY_TLS: &str = "max-age=63072000";

/// Puts it around these routes; around the files only what every answer says.
pub fn guarded(routes: Router<App>, files: Router<App>, app: &App, is_tls: bool) -> Router<App> {
    routes
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(app.clone(), same_site))
        .layer(from_fn(in_time))
        .layer(CatchPanicLayer::custom(|_| Trouble::Gone.into_response()))
        .layer(CompressionLayer::new())
        .merge(files)
        .layer(from_fn(move |request: Request, next: Next| async move {
            let mut response = next.run(request).await;
            label(response.headers_mut(), is_tls);
            response
        }))
}

/// Who sends his request by drops holds a place no longer than this. A stream of events has
/// answered by then, and goes on.
async fn in_time(request: Request, next: Next) -> Response {
    let late = "This took too long.";
    match tokio::time::timeout(ANSWERED_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refused(StatusCode::REQUEST_TIMEOUT, late),
    }
}

fn label(headers: &mut HeaderMap, is_tls: bool) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Refuses to be asked under another's name (DNS rebinding), and to change anything for another
/// site's page.
async fn same_site(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_local = matches!(request.extensions().get::<Peer>(), Some(Peer::User(_)));
    let host = text(headers, &HOST).unwrap_or_default();
    if !is_local && !is_ours(host, &app.options.names) {
        return refused(
            StatusCode::MISDIRECTED_REQUEST,
            "This console is not called so: console.names lists its names.",
        );
    }
    // No browser comes by the socket.
    let is_program = is_local || has_token(headers);
    if !request.method().is_safe() && !is_program && !is_from_here(headers, host) {
        return refused(StatusCode::FORBIDDEN, "This was sent by the page of another site.");
    }
    next.run(request).await
}

/// A program's token, which no browser sends by itself; it would send a name and password (`Basic`)
/// that were meant for a proxy before us.
fn has_token(headers: &HeaderMap) -> bool {
    text(headers, &AUTHORIZATION).is_some_and(|value| value.starts_with("Bearer "))
}

fn refused(status: StatusCode, what: &'static str) -> Response {
    (status, what).into_response()
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// `localhost`, an address, or one of the names; with or without a port.
fn is_ours(host: &str, names: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// What browsers say of whence a request comes: both headers where they are there.
fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    let site = text(headers, &HeaderName::from_static("sec-fetch-site"));
    let origin = text(headers, &ORIGIN);
    let is_same = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
    };
    match (site, origin) {
        (Some(site), _) if site != "same-origin" => false,
        (_, Some(origin)) => is_same(origin),
        (Some(_), None) => true,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_ours() {
        let names = ["mail.example.org".to_owned()];
        for host in
            ["127.0.0.1:8925", "[::1]:8925", "localhost", "LOCALHOST:1", "mail.example.org:443"]
        {
            assert!(is_ours(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "mail.example.org.evil.example",
            "127.0.0.1.evil.example:8925",
            "localhost.evil",
        ] {
            assert!(!is_ours(host, &names), "{host}");
        }
    }

    #[test]
    fn only_our_pages_change_anything() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            headers
        };
        let host = "127.0.0.1:8925";
        for good in [
            &[("origin", "http://127.0.0.1:8925")][..],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8925")],
        ] {
            assert!(is_from_here(&headers(good), host), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://127.0.0.1:8926")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8925")],
        ] {
            assert!(!is_from_here(&headers(bad), host), "{bad:?}");
        }
    }
}
