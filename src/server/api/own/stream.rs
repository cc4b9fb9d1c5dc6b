//! Changes of webhooks and deliveries as server-sent events.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::error::ApiError;
use super::super::parameters::Query;
use super::Own;
use super::view::{delivery_view, webhook_view};
use crate::server::engine_handle::EngineGone;

/// Pause before what changed is sent, in which more is gathered: deliveries change thousands of times a second.
const COALESCE_INTERVAL: Duration = Duration::from_millis(100);

/// Interval of comments that keep the connection open and show that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A reader of the stream. What it has not read yet is in the store, not here.
struct Subscription {
    own: Own,
    changes: watch::Receiver<u64>,
    /// The last change that was sent.
    after: u64,
    opened: bool,
}

/// Sends what changes from now on, or after the change with a number: `delivery` and `webhook` as they are then. After
/// `reset`, so much has changed that everything has to be read again.
pub(super) async fn stream(State(own): State<Own>, query: Query, headers: HeaderMap) -> Result<Response, ApiError> {
    let changes = own.engine.changes();
    // A browser that reconnects says what it has.
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let after = last.or(query.parse("after")?).unwrap_or(*changes.borrow());
    let subscription = Subscription { own, changes, after, opened: false };
    let events = stream::unfold(subscription, |mut subscription| async move {
        let part = subscription.next().await?;
        Some((Ok::<_, EngineGone>(part), subscription))
    });
    let body = Body::from_stream(Box::pin(futures_util::StreamExt::map(events, |part| {
        part.map_err(|EngineGone| std::io::Error::other("the server is stopping"))
    })));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

impl Subscription {
    /// Returns the next part of the stream; `None` when the engine has ended.
    async fn next(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.opened, true) {
            return Some(": open\n\n".to_owned());
        }
        loop {
            if *self.changes.borrow_and_update() != self.after {
                tokio::time::sleep(COALESCE_INTERVAL).await;
                return self.read().await;
            }
            match tokio::time::timeout(KEEP_ALIVE, self.changes.changed()).await {
                Ok(changed) => changed.ok()?,
                Err(_) => return Some(": alive\n\n".to_owned()),
            }
        }
    }

    async fn read(&mut self) -> Option<String> {
        let after = self.after;
        let changes = self.own.engine.call(move |engine| engine.changes_since(after)).await.ok()?.ok()?;
        self.after = changes.newest;
        let mut events = String::new();
        let mut add = |name: &str, data: &Value| {
            // A string can always be written to.
            let _ = write!(events, "event: {name}\ndata: {data}\n\n");
        };
        match changes.changed {
            None => add("reset", &json!({})),
            Some(rows) => {
                rows.deliveries.iter().for_each(|delivery| add("delivery", &delivery_view(delivery)));
                rows.webhooks.iter().for_each(|webhook| add("webhook", &webhook_view(webhook)));
                rows.deleted.iter().for_each(|row| add("webhook", &json!({ "seq": row, "deleted": true })));
            }
        }
        // An event of its own, so that a connection that is cut before it repeats all of them.
        let _ = write!(events, "id: {0}\nevent: change\ndata: {0}\n\n", self.after);
        Some(events)
    }
}
