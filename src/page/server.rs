//! The server of the page: its routes, its thread and its end.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use subtle::ConstantTimeEq as _;
use tokio::sync::{mpsc, oneshot};

use super::inspector::{Inspector, InspectorCommand};
use super::log_store::LogStore;
use super::store::RecordStore;
use super::{access, api, assets, export, html, stream};
use crate::error::{Error, Result};
use crate::random::Rng;

/// The largest request to the API: an edited body.
const MAX_REQUEST: usize = 64 << 20;

/// The command that serves a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PageKind {
    /// `whk listen --ui`.
    Listener,
    /// `whk serve`.
    Server {
        /// Factor by which the waits of a schedule are divided; `None` without any waiting.
        speed: Option<f64>,
    },
}

/// The page: its records, its inspector, and its token.
pub struct Page {
    pub(super) store: Arc<dyn RecordStore>,
    pub(super) inspector: mpsc::Sender<InspectorCommand>,
    /// The address that a replay goes to, for people.
    pub(super) target: String,
    pub(super) kind: PageKind,
    token: String,
}

impl Page {
    /// Makes a page with a token of its own.
    #[must_use]
    pub fn new(
        store: Arc<dyn RecordStore>,
        inspector: mpsc::Sender<InspectorCommand>,
        target: String,
        kind: PageKind,
    ) -> Arc<Self> {
        let mut rng = Rng::System;
        let token = format!("{:016x}{:016x}", rng.bits(), rng.bits());
        Arc::new(Self { store, inspector, target, kind, token })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Returns whether a request has the token of this page.
    #[must_use]
    pub fn has_token(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(access::TOKEN_HEADER).map_or(&b""[..], HeaderValue::as_bytes);
        bool::from(given.ct_eq(self.token.as_bytes()))
    }
}

/// Returns the routes of the page and its API, for an application that has others as well.
pub fn routes(page: Arc<Page>) -> Router {
    page_routes().layer(from_fn_with_state(Arc::clone(&page), access::guard)).with_state(page)
}

/// Returns the application that is the page alone.
fn router(page: Arc<Page>) -> Router {
    page_routes().fallback(api::not_found).layer(from_fn_with_state(Arc::clone(&page), access::guard)).with_state(page)
}

fn page_routes() -> Router<Arc<Page>> {
    Router::new()
        .route("/", get(html::page))
        .route("/assets/{name}", get(assets::asset))
        .route("/api/requests", get(api::list))
        .route("/api/requests/{seq}", get(api::record))
        .route("/api/requests/{seq}/signature", get(api::signature))
        .route("/api/requests/{seq}/attempts", get(api::attempts))
        .route("/api/requests/{seq}/curl", get(export::curl))
        .route("/api/requests/{seq}/har", get(export::har))
        .route("/api/requests/{seq}/replay", post(api::replay))
        .route("/api/stream", get(stream::stream))
        .method_not_allowed_fallback(api::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
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
            let_others_go_first();
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

/// Lowers the priority of this thread and of those that it starts, so that a page that is open takes no processor time
/// that the receiver needs. Elsewhere than on Linux, a priority is that of the whole process.
#[cfg(target_os = "linux")]
fn let_others_go_first() {
    // Without the lower priority, the page works as well.
    let _ = rustix::process::setpriority_process(None, 10);
}

#[cfg(not(target_os = "linux"))]
fn let_others_go_first() {}

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
    let page = Page::new(parts.store, commands, parts.target, PageKind::Listener);
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
