//! The inspector page: shows the requests that were received, and resends them with changes.
//!
//! The page reads requests from a [`RecordStore`] and asks an [`Inspector`] for what needs secrets or sends
//! something. It runs on its own thread: the receiver only notifies the store.

mod access;
mod api;
mod assets;
mod brief;
mod event_index;
mod export;
mod html;
mod inspector;
mod log_store;
mod memory_store;
mod query;
mod search;
mod server;
mod store;
mod stream;

pub use inspector::{
    Explanation, Inspector, InspectorCommand, InspectorOptions, ReplayEdits, ReplayOutcome, Schedule, SecretSource,
    SharedSecretLookup,
};
pub use log_store::LogStore;
pub use memory_store::MemoryStore;
pub use server::{Page, PageKind, PageParts, PageThread, bind, routes};
pub use store::{Position, RecordStore, StoredRecord};
