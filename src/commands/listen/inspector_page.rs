//! The inspector page of `whk listen --ui`: its address, the requests that it shows, and its thread.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::cli::ListenArgs;
use crate::commands::CommandContext;
use crate::commands::address::cannot_listen;
use crate::error::{Error, Result};
use crate::http::client::Endpoint;
use crate::page::{
    Inspector, InspectorOptions, LogStore, MemoryStore, PageParts, PageThread, RecordStore, SharedSecretLookup,
};
use crate::provider::Provider;
use crate::receiver::ReceiverEvent;
use crate::secrets::MissingSecret;
use crate::signing::Secret;
use crate::verification::{DiagnosisBudget, Verifier};

/// The largest body that is diagnosed when someone looks at its request.
const MAX_DIAGNOSED_BODY: usize = 1 << 20;

/// The page, bound to its address but not served yet.
pub(super) struct InspectorPage {
    listener: TcpListener,
    /// The address to open in a browser.
    pub(super) url: String,
    /// The stores that learn of new requests.
    pub(super) feed: PageFeed,
}

/// Tells the page of new requests.
#[derive(Clone)]
pub(super) enum PageFeed {
    Log(Arc<LogStore>),
    Memory(Arc<MemoryStore>),
}

impl PageFeed {
    /// Passes a request on. This is all that the page adds to the receiver's work, and it never waits.
    pub(super) fn on_event(&self, event: &ReceiverEvent) {
        let ReceiverEvent::Exchange { exchange, .. } = event else { return };
        match self {
            Self::Log(store) => store.notify(),
            Self::Memory(store) => store.push(&exchange.record),
        }
    }
}

impl InspectorPage {
    /// Binds the address of `--ui`, if it is given. The page shows what is recorded in the log from now on.
    ///
    /// # Errors
    /// The address cannot be bound, or the log cannot be read.
    pub(super) fn open(args: &ListenArgs, log: Option<&Path>) -> Result<Option<Self>> {
        let Some(address) = &args.ui else { return Ok(None) };
        let (listener, bound) = crate::page::bind(&address.host, address.port)
            .map_err(|error| cannot_listen("whk listen --ui", address, &error))?;
        let store = log.map(LogStore::open).transpose()?.flatten();
        let feed = match store {
            Some(store) => PageFeed::Log(Arc::new(store)),
            None => PageFeed::Memory(Arc::default()),
        };
        Ok(Some(Self { listener, url: format!("http://{bound}/"), feed }))
    }

    /// Serves the page. `address` is that of the listener, which requests are resent to.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(
        self,
        context: &CommandContext,
        args: &ListenArgs,
        given: Option<Secret>,
        url: &str,
        address: SocketAddr,
    ) -> Result<PageThread> {
        let (store, log): (Arc<dyn RecordStore>, _) = match self.feed {
            PageFeed::Log(store) => (Arc::clone(&store) as Arc<dyn RecordStore>, Some(store)),
            PageFeed::Memory(store) => (store, None),
        };
        let (shared, args, target) = (context.shared(), args.clone(), own_endpoint(url, address)?);
        let shown = target.to_string();
        let inspector = move || inspector(&shared.context(), &args, given, target);
        PageThread::start(PageParts { listener: self.listener, log, store, inspector, target: shown })
    }
}

/// Returns the listener's address as a client can connect to it.
fn own_endpoint(url: &str, address: SocketAddr) -> Result<Endpoint> {
    let scheme = url.split("://").next().unwrap_or("http");
    let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    let host = if address.ip().is_unspecified() { loopback.to_owned() } else { url_host(address) };
    format!("{scheme}://{host}:{}/", address.port()).parse().map_err(|error: String| Error::new(error))
}

fn url_host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

/// Makes the inspector, with the secrets and the options of the receiver. It prints nothing: the receiver does.
fn inspector(context: &CommandContext, args: &ListenArgs, given: Option<Secret>, target: Endpoint) -> Inspector {
    let resolver = context.secret_resolver(&args.identity);
    let sources = context.secret_resolver(&args.identity);
    let secrets: SharedSecretLookup = Rc::new(move |provider: &Provider| {
        let found = resolver.resolve(provider, MissingSecret::Create)?.secrets;
        Ok(super::with_given_secret(provider, found, given.as_ref()))
    });
    let lookup = Rc::clone(&secrets);
    let verifier = Verifier::new(
        Rc::clone(&context.catalog),
        args.identity.provider.clone(),
        context.config.provider(),
        Box::new(move |provider| lookup(provider)),
        context.config.listen_tolerance(args.tolerance),
    );
    let verifier = verifier
        .diagnosis_budget(DiagnosisBudget { max_body: MAX_DIAGNOSED_BODY, per_second: u32::MAX })
        .public_url(args.public_url.as_ref().map(|url| url.url().to_string()));
    Inspector::new(InspectorOptions {
        verifier,
        catalog: Rc::clone(&context.catalog),
        secrets,
        secret_source: Box::new(move |provider, index| {
            let found = sources.configured(provider).ok()??;
            found.sources.get(index).or(found.sources.first()).cloned()
        }),
        provider: args.identity.provider.clone(),
        preferred: context.config.provider(),
        target,
        // Our own certificate needs no check.
        target_insecure: true,
        insecure: args.insecure,
        clock: context.clock,
    })
}
