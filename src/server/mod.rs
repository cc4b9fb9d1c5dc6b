//! `whk serve`: the provider itself on this machine, with its webhook API, deliveries, retries and logs.
//!
//! Two threads: the engine's owns the store and everything that is delivered (`engine.rs`), the API's answers HTTP with
//! axum (`api/`). Between them is `engine_handle.rs` alone: a handler sends the engine a task by `EngineHandle::call`,
//! and gets its result once the changes are durable.
//!
//! # To add the API of a provider
//!
//! 1. A file in `api/` with a constant `API: ProviderApi`: the provider's name in the catalog, the path that its routes
//!    start with, the form of its errors, and a function that returns its [`Routes`](api::routes). The paths are those of
//!    its documentation, below the base. `api/selfmx.rs` is the example.
//! 2. Its row in `APIS` (`api/mod.rs`). Authentication, limits of size, unknown paths, wrong methods and the rules for
//!    hosts and origins are common to all; they report an `ApiError`, which `ErrorForm` turns into the provider's body.
//! 3. A handler takes `State<Api>`, `PathParameters`, `Query` and `JsonBody`, and returns `Result<…, ApiError>`. What is
//!    wrong is a `Problem`, with another status or code where the provider has its own (`ApiError::status`, `code`).
//! 4. It works on the engine: `api.engine.call(move |engine| …)`. Fields of one provider alone (a name, a scope) are in
//!    `WebhookFields::details`; an account is part of the key by which a webhook is found, so that another account gets 404.

#![allow(dead_code, reason = "the deliveries and the other APIs use the rest")]

mod api;
mod engine;
mod engine_handle;
mod model;
mod registry;
mod store;

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

pub use api::routes;

use self::api::{APIS, ApiContext, ServedApi};
use self::engine::Engine;
use self::engine_handle::{EngineHandle, EngineInbox};
use self::store::Store;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::server::HostFilter;
use crate::provider::Provider;

/// Time limit at the end for requests that have arrived.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The options of a server.
pub struct ServerOptions {
    /// The providers, in the order of precedence where several have the same paths.
    pub providers: Vec<Provider>,
    /// The key that the API accepts; `None` makes one.
    pub api_key: Option<String>,
    /// The file of the store; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// Hosts that a request may name besides this machine's own names, if the address is reachable from this machine
    /// only.
    pub allowed_hosts: Vec<String>,
    /// Clock that changes are dated with.
    pub clock: Clock,
    /// The seed of ids and secrets; `None` takes them from the system's random source.
    pub seed: Option<u64>,
}

/// A server that is ready to run.
pub struct Server {
    engine: Engine,
    inbox: EngineInbox,
    handle: EngineHandle,
    served: Vec<ServedApi>,
    api_key: String,
    allowed_hosts: Vec<String>,
}

/// Returns the names of the providers that have an API here.
#[must_use]
pub fn providers_with_api() -> Vec<&'static str> {
    APIS.iter().map(|api| api.provider).collect()
}

impl Server {
    /// Opens the store.
    ///
    /// # Errors
    /// A provider has no API here, or the store cannot be used.
    pub fn new(options: ServerOptions) -> Result<Self> {
        let (handle, inbox) = engine_handle::channel();
        let served = options.providers.iter().map(|provider| served(provider, &handle)).collect::<Result<_>>()?;
        let store = match &options.data {
            Some(path) => Store::open(path)?,
            None => Store::in_memory()?,
        };
        let mut engine = Engine::new(store, options.providers, options.clock, options.seed)?;
        let api_key = engine.api_key(options.api_key)?;
        Ok(Self { engine, inbox, handle, served, api_key, allowed_hosts: options.allowed_hosts })
    }

    /// Returns the key that the API accepts.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Serves on a socket until `shutdown` completes.
    ///
    /// # Errors
    /// The thread of the API cannot start.
    pub async fn run(self, socket: tokio::net::TcpListener, shutdown: impl Future<Output = ()>) -> Result {
        let Self { mut engine, mut inbox, handle, served, api_key, allowed_hosts } = self;
        let cannot = |error: io::Error| Error::new("cannot start").cause(error);
        let hosts = HostFilter::new(socket.local_addr().map_err(cannot)?.ip().is_loopback(), &allowed_hosts);
        let application = api::application(served, hosts, &api_key);
        let socket = socket.into_std().map_err(cannot)?;
        let (stop, stopped) = oneshot::channel();
        let api = thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || serve_api(socket, application, stopped))
            .map_err(cannot)?;
        drop(handle);
        let work = async {
            while let Some(batch) = inbox.next().await {
                batch.run(&mut engine);
            }
        };
        let ending = async {
            shutdown.await;
            let _ = stop.send(());
            // Requests that have arrived still need the engine; the API ends its work by dropping the handles.
            pending::<()>().await;
        };
        tokio::select! {
            () = work => {}
            () = ending => {}
        }
        match api.join() {
            Ok(ended) => ended.map_err(cannot)?,
            Err(_) => return Err(Error::new("the API ended unexpectedly")),
        }
        engine.commit()
    }
}

/// Returns the API of a provider.
fn served(provider: &Provider, engine: &EngineHandle) -> Result<ServedApi> {
    let api = APIS.iter().find(|api| api.provider == provider.name).ok_or_else(|| {
        Error::new(format!("whk serve has no API of `{}`", provider.name))
            .available("", providers_with_api())
            .hint(format!("to send its events: whk send -p {} --type all", provider.name))
    })?;
    let context = ApiContext {
        engine: engine.clone(),
        provider: provider.name.clone(),
        event_types: provider.events.iter().map(|event| event.event_type.clone()).collect(),
        idempotency: api::IdempotencyKeys::default(),
    };
    Ok(ServedApi { api, context })
}

/// Runs the API on this thread until it is stopped.
fn serve_api(
    socket: std::net::TcpListener,
    application: axum::Router,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = tokio::net::TcpListener::from_std(socket)?;
        let (drain, draining) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
            let _ = drain.send(());
        };
        let serving = axum::serve(socket, application).with_graceful_shutdown(shutdown).into_future();
        let late = async {
            let _ = draining.await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            ended = serving => ended,
            () = late => Ok(()),
        }
    })
}
