//! Files that the browser is given: style, scripts, icon. Built into the program, compressed, each
//! under a name that changes with its content.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
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

/// What is served under a name of its own as well.
const LICENCES: &str = "licences.txt";

/// Serves them; to anybody, for they hold nothing of this host.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{hash}/{name}", get(serve)).route("/licences", get(licences))
}

async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    served(asset, &headers)
}

/// The licences of what is built in, for people to find.
async fn licences(headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == LICENCES) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = served(asset, &headers);
    // The next mailward has others under the same name.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn served(asset: &Asset, headers: &HeaderMap) -> Response {
    let hash = asset.hash;
    let has = |header, is_it: &dyn Fn(&str) -> bool| {
        let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| is_it(value.trim()))
    };
    let common = [
        (CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (ETAG, format!("\"{hash}\"")),
        (VARY, "accept-encoding".to_owned()),
    ];
    if has(IF_NONE_MATCH, &|tag| is_tag(tag, hash)) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let media_type = [(CONTENT_TYPE, asset.media_type)];
    if has(ACCEPT_ENCODING, &takes_gzip) {
        let packed = [(CONTENT_ENCODING, "gzip")];
        return (common, media_type, packed, asset.packed).into_response();
    }
    (common, media_type, asset.plain).into_response()
}

/// Whether a tag of `If-None-Match` (RFC 9110, section 13.1.2) is that of a content.
fn is_tag(tag: &str, hash: &str) -> bool {
    tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == hash
}

/// Whether an entry of `Accept-Encoding` (RFC 9110, section 12.5.3) takes gzip: one with the weight
/// zero says that it does not.
fn takes_gzip(entry: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim);
    let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
    let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
    is_gzip && weight != Some(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    /// Status, headers and content of an answer.
    async fn asked(url: &str, with: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::get(url);
        for (name, value) in with {
            request = request.header(*name, *value);
        }
        let answer = routes().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        (head.status, head.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn files_are_served_as_built() {
        for asset in ASSETS {
            let url = url(asset.name);
            for (accepted, content, encoding) in [
                ("", asset.plain, None),
                ("br, gzip;q=0.5", asset.packed, Some("gzip")),
                ("gzip;q=0, br", asset.plain, None),
                ("x-gzip-ish", asset.plain, None),
            ] {
                let (status, headers, body) = asked(&url, &[("accept-encoding", accepted)]).await;
                assert_eq!(status, StatusCode::OK);
                assert_eq!(headers.get(CONTENT_ENCODING).map(|it| it.to_str().unwrap()), encoding);
                assert_eq!(headers[CONTENT_TYPE], asset.media_type);
                assert!(headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
                assert!(body == content, "{}: {accepted}", asset.name);
            }
        }
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_and_what_is_not_there_neither() {
        let url = url("app.css");
        let (_, headers, _) = asked(&url, &[]).await;
        let tag = headers[ETAG].to_str().unwrap();
        let weak = format!("\"x\", W/{tag}");
        for tag in [tag, &weak] {
            let (status, _, body) = asked(&url, &[("if-none-match", tag)]).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{tag}");
        }
        assert_eq!(asked(&url, &[("if-none-match", "\"other\"")]).await.0, StatusCode::OK);
        assert_eq!(asked("/assets/0/app.css", &[]).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_licences_of_what_is_built_in_are_told() {
        let (status, headers, body) = asked("/licences", &[]).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
        assert!(String::from_utf8(body).unwrap().contains("Leon Sorokin"));
    }

    #[test]
    fn the_map_has_the_countries_and_none_goes_round_the_world() {
        let world = ASSETS.iter().find(|asset| asset.name == "world.svg").unwrap();
        let world = str::from_utf8(world.plain).unwrap();
        let known: Vec<_> = world.split("data-country=\"").skip(1).map(|it| &it[..2]).collect();
        assert_eq!(known.len(), 173);
        for letters in ["DE", "BR", "CN", "ZA", "FJ"] {
            assert_eq!(known.iter().filter(|one| **one == letters).count(), 1, "{letters}");
        }
        for outline in world.split(" d=\"M").skip(1).flat_map(|it| it.split('"').take(1)) {
            for outline in outline.split('M') {
                let numbers = outline.split('l').nth(1).unwrap().replace(['-', 'z'], " ");
                let steps = numbers.split_whitespace().map(|step| step.parse::<u32>().unwrap());
                assert!(steps.max().unwrap() < 1000, "{outline}");
            }
        }
    }

    #[test]
    fn a_first_visit_costs_less_than_60_kb() {
        let first = ["app.css", "app.js", "theme.js", "icon.svg"];
        let bytes = ASSETS.iter().filter(|it| first.contains(&it.name)).map(|it| it.packed.len());
        assert!(bytes.sum::<usize>() < 60_000);
    }
}
