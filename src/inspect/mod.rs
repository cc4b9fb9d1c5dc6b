//! Looking at requests that were recorded: which of them are selected, and by which words of a search box.

mod filter;
mod query;
mod stored_record;
mod text_search;

pub use filter::{FieldMatch, RecordFilter, RecordView};
pub use stored_record::{RecordSelector, StoredRecord};
pub use text_search::TextSearch;
