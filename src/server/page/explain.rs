//! What the page asks about a request, and its replays: with the secret and the URL of the request's own webhook.

use std::rc::Rc;

use serde::Deserialize;
use tokio::sync::mpsc;

use super::PageOptions;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::page::{Inspector, InspectorCommand, InspectorOptions};
use crate::provider::{Catalog, ProviderRef};
use crate::server::engine::Engine;
use crate::server::engine_handle::EngineHandle;
use crate::signing::{Secret, Tolerance};
use crate::verification::Verifier;

/// The webhook of a request.
#[derive(Clone, Debug)]
pub(in crate::server) struct RequestTarget {
    provider: String,
    id: String,
    url: String,
    secret: Secret,
}

/// What all inspectors share.
struct Shared {
    engine: EngineHandle,
    catalog: Rc<Catalog>,
    providers: Vec<ProviderRef>,
    clock: Clock,
    insecure: bool,
}

/// Executes commands until no one can send any. Needs a `LocalSet`.
pub(in crate::server) async fn run(
    engine: EngineHandle,
    options: PageOptions,
    mut commands: mpsc::Receiver<InspectorCommand>,
) {
    let PageOptions { catalog, providers, clock, insecure, .. } = options;
    let shared = Rc::new(Shared { engine, catalog: catalog(), providers, clock, insecure });
    while let Some(command) = commands.recv().await {
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            match shared.inspector(&command).await {
                Ok(inspector) => inspector.execute(command).await,
                Err(error) => command.fail(error),
            }
        });
    }
}

impl Shared {
    /// Makes the inspector of one request.
    async fn inspector(&self, command: &InspectorCommand) -> Result<Inspector> {
        #[derive(Deserialize)]
        struct Numbered {
            seq: i64,
        }
        let Numbered { seq } = serde_json::from_slice(command.json())
            .map_err(|error| Error::new("cannot read the record").cause(error))?;
        let target = self.engine.call(move |engine| engine.request_target(seq)).await;
        let target = target.map_err(|_| Error::new("the server is stopping").kind(ErrorKind::Conflict))??;
        let target =
            target.ok_or_else(|| Error::new("the webhook of this request was deleted").kind(ErrorKind::Conflict))?;
        let RequestTarget { provider, id, url, secret } = target;
        let provider = self.providers.iter().find(|served| served.provider == provider).cloned();
        let known = secret.clone();
        let verifier = Verifier::new(
            Rc::clone(&self.catalog),
            provider.clone(),
            None,
            Box::new(move |_| Ok(vec![known.clone()])),
            Tolerance::Scheme,
        );
        Ok(Inspector::new(InspectorOptions {
            verifier,
            catalog: Rc::clone(&self.catalog),
            secrets: Rc::new(move |_| Ok(vec![secret.clone()])),
            secret_source: Box::new(move |_, _| Some(format!("the webhook {id}"))),
            provider: provider.clone(),
            preferred: provider,
            target: url.parse().map_err(|error: String| Error::new(error))?,
            target_insecure: self.insecure,
            insecure: self.insecure,
            clock: self.clock,
        }))
    }
}

impl Engine {
    /// Returns the webhook of a request that was sent; `None` if it was deleted.
    ///
    /// # Errors
    /// The store cannot be read.
    fn request_target(&self, seq: i64) -> Result<Option<RequestTarget>> {
        let Some(sent) = self.sent(super::SentPosition::Only(seq), 1, usize::MAX)?.pop() else { return Ok(None) };
        Ok(self.webhooks.get(sent.webhook).map(|webhook| RequestTarget {
            provider: webhook.fields.provider.clone(),
            id: webhook.id.clone(),
            url: webhook.fields.url.clone(),
            secret: webhook.fields.secret.clone(),
        }))
    }

    /// Returns the next requests that were sent, with the URLs of their webhooks.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn sent(
        &self,
        position: super::SentPosition,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<super::SentRequest>> {
        let mut sent = self.store.sent(position, limit, max_bytes)?;
        for request in &mut sent {
            request.url = self.webhooks.get(request.webhook).map(|webhook| webhook.fields.url.clone());
        }
        Ok(sent)
    }
}

/// Returns the providers that are served, in their editions.
pub(in crate::server) fn editions<'a>(
    providers: impl IntoIterator<Item = &'a crate::provider::Provider>,
) -> Vec<ProviderRef> {
    providers
        .into_iter()
        .map(|provider| ProviderRef { provider: provider.name.clone(), edition: Some(provider.edition.clone()) })
        .collect()
}
