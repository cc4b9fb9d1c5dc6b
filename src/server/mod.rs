//! `whk serve`: the provider itself on this machine, with its webhook API, deliveries, retries and logs.
//!
//! Two threads: the engine's owns the store and everything that is delivered (`engine.rs`), the API's answers HTTP with
//! axum (`api/`). Between them is `engine_handle.rs` alone: a handler sends the engine a task by `EngineHandle::call`,
//! and gets its result once the changes are durable.
//!
//! # The life of a call
//!
//! 1. `mod.rs` opens the store and starts the thread of the API. `api/` holds an axum router for each provider, at the
//!    provider's own paths; `access.rs` checks host, origin and key, `error.rs` writes errors in the provider's form.
//!    `description/` describes each API in a short form, from which `description.rs` writes the `OpenAPI` description.
//! 2. A handler sends a task to the engine's thread by `engine_handle.rs`, the only file that knows both threads. The
//!    engine (`engine.rs`) runs the tasks that came together, commits them in one transaction, and then returns the
//!    results.
//! 3. `registry.rs` has the webhooks in memory, `store/` everything in `SQLite`: one writer, one connection, and a
//!    version of the schema with its migrations (`store/schema.rs`).
//! 4. `emission.rs` renders events and adds a delivery for each webhook that subscribes; `schedule.rs` knows which
//!    webhook has something due. `delivering.rs` is source and observer of `delivery::Dispatcher`: the state is the
//!    store, not a journal.
//! 5. `api/own/` is the server's own API below `/_whk`, over `overview.rs`. `changes.rs` keeps the last changes, which
//!    its stream sends to readers; one that is further behind reads everything again.
//! 6. The page at `/` is that of `listen --ui` (`page::routes`) with `assets/provider.mjs` and `detail.mjs` beside it.
//!    Its records are the attempts in the store (`page/records.rs`), which it reads by the engine; `explain.rs` makes
//!    an inspector with the secret and the URL of the request's webhook.
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

mod api;
mod changes;
mod delivering;
mod emission;
mod engine;
mod engine_handle;
mod model;
mod overview;
mod page;
mod provider;
mod registry;
mod schedule;
mod scope;
mod store;
mod target;

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use jiff::Timestamp;
use tokio::sync::{Notify, oneshot, watch};

pub use api::{EMIT_PATH, own_routes, routes};
pub use page::CatalogSource;

use self::api::{APIS, ApiContext, RateLimiter, ServedApi};
use self::delivering::{StoreObserver, StoreSource};
use self::engine::{Engine, EngineOptions};
use self::engine_handle::{EngineHandle, EngineInbox};
use self::page::PageOptions;
use self::provider::ServedProvider;
use self::store::Store;
use crate::clock::Clock;
use crate::delivery::{CompletedAttempt, DispatchOptions, Dispatcher, DispatcherHandle, EndpointDisabled, TimeScale};
use crate::error::{Error, Result};
use crate::http::client::HttpClient;
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
    /// The seed of the jitter.
    pub jitter_seed: u64,
    /// Speed at which the waits of a schedule pass.
    pub speed: TimeScale,
    /// Time from one scenario that is played by itself to the next; `None` plays none.
    pub autoplay: Option<Duration>,
    /// True if the rate limits of the providers are in force.
    pub rate_limits: bool,
    /// True if the certificates of handlers are not checked.
    pub insecure: bool,
    /// Makes the catalog of providers on another thread, for the page.
    pub catalog: CatalogSource,
}

/// Number of attempts that are under way at once.
const CONCURRENCY: usize = 128;

/// What happens in a server.
pub enum ServerEvent<'a> {
    /// An attempt was made.
    Attempt {
        /// The id of the webhook.
        webhook_id: &'a str,
        /// Its URL.
        url: &'a str,
        /// The type of the event.
        event_type: &'a str,
        /// The id of the event.
        event_id: &'a str,
        /// The time of the attempt.
        at: Timestamp,
        /// The attempt.
        made: &'a CompletedAttempt<'a>,
        /// The number of attempts that its provider makes at most.
        max_attempts: usize,
    },
    /// A webhook was disabled.
    Disabled {
        /// The id of the webhook.
        webhook_id: &'a str,
        /// Its URL.
        url: &'a str,
        /// The reason.
        disabled: EndpointDisabled,
        /// The notice that its provider sends.
        notice: Option<String>,
    },
    /// What happened so far is to be shown.
    Flush,
}

/// A server that is ready to run.
pub struct Server {
    engine: Engine,
    inbox: EngineInbox,
    handle: EngineHandle,
    served: Vec<ServedApi>,
    api_key: String,
    allowed_hosts: Vec<String>,
    autoplay: Option<Duration>,
    dispatch: DispatchOptions,
    client: HttpClient,
    page: PageOptions,
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
        let (handle, inbox, announcer) = engine_handle::channel();
        let served = options
            .providers
            .iter()
            .map(|provider| served(provider, &handle, options.rate_limits))
            .collect::<Result<_>>()?;
        let store = match &options.data {
            Some(path) => Store::open(path)?,
            None => Store::in_memory()?,
        };
        let named = |provider: Provider| (provider.name.clone(), Rc::new(ServedProvider::new(provider)));
        let ServerOptions { providers, clock, seed, speed, autoplay, allowed_hosts, insecure, catalog, .. } = options;
        let page = PageOptions { catalog, providers: page::editions(&providers), clock, insecure, speed };
        let providers = providers.into_iter().map(named).collect();
        let mut engine = Engine::new(store, EngineOptions { providers, clock, seed, speed, announcer })?;
        let api_key = engine.api_key(options.api_key)?;
        let dispatch = DispatchOptions {
            // The store has real times.
            speed: TimeScale::REAL,
            concurrency: CONCURRENCY,
            timeout: None,
            seed: options.jitter_seed,
            clock: Clock::System,
        };
        let client = HttpClient::for_any_origin(insecure);
        Ok(Self { engine, inbox, handle, served, api_key, allowed_hosts, autoplay, dispatch, client, page })
    }

    /// Returns the key that the API accepts.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Serves on a socket until `shutdown` completes.
    ///
    /// # Errors
    /// The thread of the API cannot start, the store cannot be used, or `on_event` returns an error.
    pub async fn run(
        self,
        socket: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()>,
        on_event: impl FnMut(ServerEvent<'_>) -> Result,
    ) -> Result {
        let Self { engine, inbox, handle, served, api_key, allowed_hosts, autoplay, dispatch, client, page } = self;
        let cannot = |error: io::Error| Error::new("cannot start").cause(error);
        let address = socket.local_addr().map_err(cannot)?;
        let hosts = HostFilter::new(address.ip().is_loopback(), &allowed_hosts);
        let (shown, questions) = page::open(&handle, &local_url(address), page.speed);
        let application = api::application(served, handle.clone(), shown, hosts, &api_key);
        let inspector = move || page::run(handle, page, questions);
        let socket = socket.into_std().map_err(cannot)?;
        let (stop, stopped) = oneshot::channel();
        let api = thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || serve_api(socket, application, inspector, stopped))
            .map_err(cannot)?;
        let changed = engine.schedule.changed();
        let engine = Rc::new(RefCell::new(engine));
        let source = StoreSource { engine: Rc::clone(&engine) };
        let observer = StoreObserver { engine: Rc::clone(&engine), on_event };
        let wake = DispatcherHandle::default();
        let dispatcher = Dispatcher::new(source, observer, client, dispatch).woken_by(wake.clone());
        let (mut running, mut tasks) = (pin!(dispatcher.run()), pin!(run_tasks(&engine, inbox)));
        let failed = tokio::select! {
            biased;
            () = shutdown => None,
            never = wake_when_due(&engine, &changed, &wake) => match never {},
            played = play(&engine, autoplay) => Some(played),
            ended = &mut tasks => Some(ended.and_then(|()| Err(Error::new("the API ended unexpectedly")))),
            ended = &mut running => Some(ended),
        };
        dispatcher.stop();
        let _ = stop.send(());
        if let Some(failed) = failed {
            // Responses that are on their way still leave, such as the one that reports the failure.
            let _ = tokio::task::spawn_blocking(move || api.join()).await;
            return failed;
        }
        // What is under way may still end, calls and attempts alike; the rest waits in the store.
        let rest = async { tokio::join!(running, tasks) };
        let drained = tokio::time::timeout(DRAIN_TIMEOUT, rest).await.map(|(deliveries, tasks)| deliveries.and(tasks));
        engine.borrow_mut().commit()?;
        drained.unwrap_or(Ok(()))?;
        match tokio::task::spawn_blocking(move || api.join()).await {
            Ok(Ok(ended)) => ended.map_err(cannot),
            _ => Err(Error::new("the API ended unexpectedly")),
        }
    }
}

/// Runs the tasks of the API.
async fn run_tasks(engine: &RefCell<Engine>, mut inbox: EngineInbox) -> Result {
    while let Some(batch) = inbox.next().await {
        batch.run(&mut engine.borrow_mut())?;
    }
    Ok(())
}

/// Wakes the delivery engine when something is due.
async fn wake_when_due(engine: &RefCell<Engine>, changed: &Notify, wake: &DispatcherHandle) -> Infallible {
    loop {
        let wait = engine.borrow().until_due();
        match wait {
            // All of its workers may be busy; each asks again when it is not.
            Some(Duration::ZERO) => {
                wake.wake();
                changed.notified().await;
            }
            Some(wait) => tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed.notified() => {}
            },
            None => changed.notified().await,
        }
    }
}

/// Plays a scenario now and then; never, without a time.
async fn play(engine: &RefCell<Engine>, every: Option<Duration>) -> Result {
    let Some(every) = every else { return std::future::pending().await };
    loop {
        tokio::time::sleep(every).await;
        let mut engine = engine.borrow_mut();
        engine.play_scenario()?;
        engine.commit()?;
    }
}

/// Returns the API of a provider.
fn served(provider: &Provider, engine: &EngineHandle, has_limits: bool) -> Result<ServedApi> {
    let api = APIS.iter().find(|api| api.provider == provider.name).ok_or_else(|| {
        Error::new(format!("whk serve has no API of `{}`", provider.name))
            .available("", providers_with_api())
            .hint(format!("to send its events: whk send -p {} --type all", provider.name))
    })?;
    let context = ApiContext {
        engine: engine.clone(),
        provider: provider.name.clone(),
        event_types: provider.events.iter().map(|event| event.event_type.clone()).collect(),
        rate_limiter: api.rate_limit.filter(|_| has_limits).map(|limit| Arc::new(RateLimiter::new(limit))),
        idempotency: api::IdempotencyKeys::default(),
    };
    Ok(ServedApi { api, context })
}

/// Returns the URL of an address as a browser on this machine can open it.
fn local_url(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) if address.ip().is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        SocketAddr::V6(address) if address.ip().is_unspecified() => format!("http://[::1]:{}", address.port()),
        address => format!("http://{address}"),
    }
}

/// Runs the API and the inspector of the page on this thread until it is stopped.
fn serve_api<I: Future<Output = ()> + 'static>(
    socket: std::net::TcpListener,
    application: axum::Router,
    inspector: impl FnOnce() -> I,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::task::spawn_local(inspector());
        let socket = tokio::net::TcpListener::from_std(socket)?;
        let (drain, draining) = watch::channel(false);
        let application = application.layer(from_fn_with_state(draining.clone(), api::end_streams));
        let service = application.into_make_service_with_connect_info::<SocketAddr>();
        let shutdown = async move {
            let _ = stopped.await;
            drain.send_replace(true);
        };
        let serving = axum::serve(socket, service).with_graceful_shutdown(shutdown).into_future();
        let mut draining = draining;
        let late = async {
            let _ = draining.wait_for(|draining| *draining).await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            ended = serving => ended,
            () = late => Ok(()),
        }
    });
    // A search of the page may still wait for the engine, which has ended.
    runtime.shutdown_background();
    served
}
