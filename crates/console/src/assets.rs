//! Files that the browser is given: style, scripts, icon. Built into the program, compressed, each
//! under a name that changes with its content.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// One file.
pub struct Asset {
    /// `app.css`.
    pub name: &'static str,
    /// Of its content.
    pub hash: &'static str,
    /// Its type.
    pub media_type: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// By gzip.
    pub packed: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Where a page finds a file.
pub fn url(name: &str) -> String {
    let hash = ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.hash);
    format!("/assets/{hash}/{name}")
}

/// Serves them; to anybody, for they hold nothing of this host.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{hash}/{name}", get(serve))
}

async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let has = |header, word: &str| {
        headers.get(header).and_then(|value| value.to_str().ok()).is_some_and(|v| v.contains(word))
    };
    let common = [
        (CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (ETAG, format!("\"{hash}\"")),
        (VARY, "accept-encoding".to_owned()),
    ];
    if has(IF_NONE_MATCH, &hash) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let media_type = [(CONTENT_TYPE, asset.media_type)];
    if has(ACCEPT_ENCODING, "gzip") {
        let packed = [(CONTENT_ENCODING, "gzip")];
        return (common, media_type, packed, asset.packed).into_response();
    }
    (common, media_type, asset.plain).into_response()
}
