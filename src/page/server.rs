//! The server of the page: its routes, its thread and its end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::sync::{mpsc, oneshot};

use super::inspector::{Inspector, InspectorCommand};
use super::log_store::LogStore;
use super::store::RecordStore;
use super::{access, api, assets, html, stream};
use crate::error::{Error, Result};
use crate::random::Rng;

/// The largest request to the API: an edited body.
const MAX_REQUEST: usize = 64 << 20;

/// The page: its records, its inspector, and its token.
pub struct Page {
    pub(super) store: Arc<dyn RecordStore>,
    pub(super) inspector: mpsc::Sender<InspectorCommand>,
    /// The address that a replay goes to, for people.
    pub(super) target: String,
    token: String,
}

impl Page {
    /// Makes a page with a token of its own.
    #[must_use]
    pub fn new(store: Arc<dyn RecordStore>, inspector: mpsc::Sender<InspectorCommand>, target: String) -> Arc<Self> {
        let mut rng = Rng::System;
        let token = format!("{:016x}{:016x}", rng.bits(), rng.bits());
        Arc::new(Self { store, inspector, target, token })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }
}

/// Returns the routes of the page and its API.
pub fn router(page: Arc<Page>) -> Router {
    Router::new()
        .route("/", get(html::page))
        .route("/assets/{name}", get(assets::asset))
        .route("/api/requests", get(api::list))
        .route("/api/requests/{seq}", get(api::record))
        .route("/api/requests/{seq}/signature", get(api::signature))
        .route("/api/requests/{seq}/attempts", get(api::attempts))
        .route("/api/requests/{seq}/replay", post(api::replay))
        .route("/api/stream", get(stream::stream))
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(from_fn_with_state(Arc::clone(&page), access::guard))
        .with_state(page)
}

/// The thread that serves the page. It ends when this is dropped.
pub struct PageThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The parts of a page beside a listener.
pub struct PageParts<I> {
    /// The address, bound.
    pub listener: TcpListener,
    /// The log, if the requests are in one.
    pub log: Option<Arc<LogStore>>,
    /// The records.
    pub store: Arc<dyn RecordStore>,
    /// Makes the inspector on the thread of the page, which it does not leave.
    pub inspector: I,
    /// The address that a replay goes to, for people.
    pub target: String,
}

impl PageThread {
    /// Serves the page on a thread of its own.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start<I>(parts: PageParts<I>) -> Result<Self>
    where
        I: FnOnce() -> Inspector + Send + 'static,
    {
        let cannot = |error: std::io::Error| Error::new("cannot serve the page").cause(error);
        parts.listener.set_nonblocking(true).map_err(cannot)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let (stop, stopped) = oneshot::channel();
        let work = move || {
            let served = tokio::task::LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    served = serve(parts) => served,
                    _ = stopped => Ok(()),
                }
            });
            // A search of a long log may still be running.
            runtime.shutdown_background();
            drop(served);
        };
        let thread = std::thread::Builder::new().name("page".to_owned()).spawn(work).map_err(cannot)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for PageThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A page that panicked is gone already.
            let _ = thread.join();
        }
    }
}

async fn serve<I: FnOnce() -> Inspector>(parts: PageParts<I>) -> Result {
    let cannot = |error: std::io::Error| Error::new("cannot serve the page").cause(error);
    let listener = tokio::net::TcpListener::from_std(parts.listener).map_err(cannot)?;
    let (commands, queue) = Inspector::queue();
    let inspector = (parts.inspector)();
    tokio::task::spawn_local(inspector.run(queue));
    if let Some(log) = parts.log {
        tokio::task::spawn_local(log.follow());
    }
    let page = Page::new(parts.store, commands, parts.target);
    axum::serve(listener, router(page)).await.map_err(cannot)
}

/// Binds the address of the page.
///
/// # Errors
/// It cannot be bound.
pub fn bind(host: &str, port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((host, port))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
