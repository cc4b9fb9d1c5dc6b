//! New requests as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;

use super::api::{Answer, problem, read};
use super::query::ListQuery;
use super::search::select;
use super::server::Page;
use super::store::Position;
use crate::error::Result;

/// Pause before what is new is sent, in which more is gathered: an event for each of thousands of requests would cost
/// the receiver the time that it needs itself.
const COALESCE_INTERVAL: Duration = Duration::from_millis(20);

/// Interval of comments that keep the connection open and show that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The most records that are read at once.
const BATCH: usize = 500;

/// Pause after a full batch: 2,500 records a second are more than anybody sees, and the receiver needs the processor.
const FULL_BATCH_INTERVAL: Duration = Duration::from_millis(200);

/// A reader of the stream. What it has not read yet waits in the store, not here.
struct Subscription {
    page: Arc<Page>,
    newest: watch::Receiver<u64>,
    query: ListQuery,
    /// The last record that was examined.
    after: u64,
    /// True once the beginning was sent, which opens the stream at the reader.
    opened: bool,
    /// True if the last part was a full batch.
    full: bool,
}

pub(super) async fn stream(State(page): State<Arc<Page>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let query = ListQuery::parse(query.as_deref().unwrap_or_default());
    let mut query = query.map_err(|reason| problem(StatusCode::BAD_REQUEST, &reason, None))?;
    query.limit = BATCH;
    let newest = page.store.newest();
    // A browser that reconnects says what it has.
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let after = last.unwrap_or_else(|| match query.position {
        Some(Position::After(seq)) => seq,
        _ => *newest.borrow(),
    });
    let subscription = Subscription { page, newest, query, after, opened: false, full: false };
    let events = stream::try_unfold(subscription, |mut subscription| async move {
        subscription.next().await.map(|part| Some((part, subscription)))
    });
    let events = Box::pin(futures_util::StreamExt::map(events, |part: Result<Bytes>| {
        part.map_err(|error| std::io::Error::other(error.one_line()))
    }));
    Ok(([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response())
}

impl Subscription {
    /// Returns the next part of the stream.
    async fn next(&mut self) -> Result<Bytes> {
        if !std::mem::replace(&mut self.opened, true) {
            return Ok(Bytes::from_static(b": open\n\n"));
        }
        if self.full {
            tokio::time::sleep(FULL_BATCH_INTERVAL).await;
        }
        loop {
            let newest = *self.newest.borrow_and_update();
            // A search of many records that finds none goes on.
            while newest > self.after {
                let before = self.after;
                let events = self.read().await?;
                if !events.is_empty() {
                    return Ok(events.into());
                }
                if self.after == before {
                    break;
                }
            }
            match tokio::time::timeout(KEEP_ALIVE, self.newest.changed()).await {
                Ok(Ok(())) => tokio::time::sleep(COALESCE_INTERVAL).await,
                // The store is gone: the reader learns that by the end of the stream.
                Ok(Err(_)) => std::future::pending().await,
                Err(_) => return Ok(Bytes::from_static(b": alive\n\n")),
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>> {
        let (position, query) = (Position::After(self.after), self.query.clone());
        let selected = read(&self.page, move |store| select(store, position, &query)).await?;
        self.after = selected.last.unwrap_or(self.after);
        self.full = selected.records.len() == BATCH;
        let mut events = Vec::new();
        for record in selected.records {
            events.extend_from_slice(format!("id: {}\ndata: ", record.seq).as_bytes());
            events.extend_from_slice(&record.json);
            events.extend_from_slice(b"\n\n");
        }
        Ok(events)
    }
}
