//! The page's own files, as they are in the repository: modules that a browser runs as they are, and a style sheet.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::api::not_found;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Each file: its name, its type and its text.
const ASSETS: [(&str, &str, &str); 15] = [
    ("page.css", "text/css; charset=utf-8", include_str!("assets/page.css")),
    ("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
    ("api.mjs", SCRIPT, include_str!("assets/api.mjs")),
    ("attempts.mjs", SCRIPT, include_str!("assets/attempts.mjs")),
    ("body.mjs", SCRIPT, include_str!("assets/body.mjs")),
    ("compare.mjs", SCRIPT, include_str!("assets/compare.mjs")),
    ("detail.mjs", SCRIPT, include_str!("assets/detail.mjs")),
    ("icons.mjs", SCRIPT, include_str!("assets/icons.mjs")),
    ("list.mjs", SCRIPT, include_str!("assets/list.mjs")),
    ("page.mjs", SCRIPT, include_str!("assets/page.mjs")),
    ("provider.mjs", SCRIPT, include_str!("assets/provider.mjs")),
    ("replay.mjs", SCRIPT, include_str!("assets/replay.mjs")),
    ("request.mjs", SCRIPT, include_str!("assets/request.mjs")),
    ("state.mjs", SCRIPT, include_str!("assets/state.mjs")),
    ("text.mjs", SCRIPT, include_str!("assets/text.mjs")),
];

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(other, ..)| *other == name) {
        Some((_, content_type, text)) => ([(CONTENT_TYPE, *content_type)], *text).into_response(),
        None => not_found().await,
    }
}
