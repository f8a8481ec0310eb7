//! Built without passkeys: none is offered.

use super::Who;
use crate::app::{App, Trouble};
use axum::Router;
use axum::http::HeaderMap;

/// No routes.
pub fn routes() -> Router<App> {
    Router::new()
}

/// Nothing.
pub const fn at_sign_in(_: &App, _: &HeaderMap, _: &str) -> String {
    String::new()
}

/// No panel.
///
/// # Errors
/// None.
pub async fn panel(_: &App, _: &HeaderMap, _: &Who) -> Result<Option<String>, Trouble> {
    Ok(None)
}
