//! The document of the page. Its modules fill it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

use super::server::{Page, PageKind};

pub(super) async fn page(State(page): State<Arc<Page>>) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], document(&page).into_string()).into_response()
}

fn document(page: &Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="whk-token" content=(page.token());
                meta name="whk-target" content=(page.target);
                @if let PageKind::Server { speed } = page.kind {
                    meta name="whk-kind" content="serve";
                    meta name="whk-speed" content=(speed.map_or_else(|| "max".to_owned(), |speed| speed.to_string()));
                }
                title { "whk" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/page.css";
                script type="module" src="/assets/page.mjs" {}
            }
            body {}
        }
    }
}
