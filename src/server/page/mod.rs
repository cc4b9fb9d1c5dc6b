//! The page of the server: the inspector page of `whk listen --ui` over the requests in the store. What it shows beside
//! them comes from the server's own API.

mod explain;
mod records;

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;

use self::records::SentRecords;
use super::engine_handle::EngineHandle;
use crate::clock::Clock;
use crate::delivery::TimeScale;
use crate::page::{Inspector, InspectorCommand, Page, PageKind};
use crate::provider::{Catalog, ProviderRef};

/// Makes the catalog of providers on the thread that uses it.
pub type CatalogSource = Box<dyn FnOnce() -> Rc<Catalog> + Send>;

/// The parts of the page.
pub(super) struct PageOptions {
    /// Makes the catalog of providers.
    pub(super) catalog: CatalogSource,
    /// The providers that are served, in their editions.
    pub(super) providers: Vec<ProviderRef>,
    /// The clock of signatures.
    pub(super) clock: Clock,
    /// True if the certificates of handlers are not checked.
    pub(super) insecure: bool,
    /// Speed at which the waits of a schedule pass.
    pub(super) speed: TimeScale,
}

/// Makes the page, and the queue of what it asks.
pub(super) fn open(
    engine: &EngineHandle,
    url: &str,
    speed: TimeScale,
) -> (Arc<Page>, mpsc::Receiver<InspectorCommand>) {
    let (commands, queue) = Inspector::queue();
    let speed = match speed {
        TimeScale::Times(times) => Some(times),
        TimeScale::Max => None,
    };
    let records = Arc::new(SentRecords::new(engine.clone()));
    (Page::new(records, commands, url.to_owned(), PageKind::Server { speed }), queue)
}

pub(super) use self::explain::{editions, run};

/// The place of requests in the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum SentPosition {
    /// Those after a row, the oldest first.
    After(i64),
    /// Those before a row, the newest first.
    Before(i64),
    /// The one in a row.
    Only(i64),
    /// Those of the same delivery as the one in a row, the oldest first.
    SameDelivery(i64),
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(super) struct SentRequest {
    /// The row of its attempt.
    pub(super) row: i64,
    /// The row of its webhook.
    pub(super) webhook: i64,
    /// The URL of its webhook; `None` if it was deleted.
    pub(super) url: Option<String>,
    /// Time at which it was sent.
    pub(super) at: Timestamp,
    /// The headers.
    pub(super) headers: Vec<(String, String)>,
    /// The body.
    pub(super) body: Bytes,
    /// Name of its provider.
    pub(super) provider: String,
    /// Type of its event.
    pub(super) event_type: String,
    /// Id of its event.
    pub(super) event_id: String,
    /// True if the handler accepted it.
    pub(super) succeeded: bool,
    /// Status of the response; `None` if there was none.
    pub(super) status: Option<u16>,
    /// The reason why there was no response.
    pub(super) error: Option<String>,
    /// Duration of the attempt in microseconds.
    pub(super) duration_us: u64,
    /// The first bytes of the response's body.
    pub(super) response: Vec<u8>,
}

impl SentRequest {
    /// Returns about the number of its bytes.
    pub(super) fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        headers + self.body.len() + self.response.len()
    }
}
