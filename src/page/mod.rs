//! The inspector page: shows the requests that were received, and resends them with changes.
//!
//! The page reads requests from a [`RecordStore`] and asks an [`Inspector`] for what needs secrets or sends
//! something. It runs on its own thread: the receiver only notifies the store.
//!
//! # The life of a request
//!
//! 1. The receiver tells the page of a new record by a call that never waits (`commands/listen/inspector_page.rs`). The
//!    page runs on a thread of its own (`server.rs`): `log_store.rs` reads what was appended to the log and keeps an
//!    index of offsets, `memory_store.rs` keeps the last records of a run without a log. `store.rs` is the seam between
//!    them and the rest of the page.
//! 2. `access.rs` rejects what does not come from the page itself or from this machine. `api.rs` lists records,
//!    `stream.rs` sends new ones: a reader that is slow finds them in the store, and nothing waits for it in memory.
//! 3. `inspector.rs` explains and resends. It has secrets, a verifier and a client, which belong to one thread, so the
//!    handlers ask it by messages.

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
