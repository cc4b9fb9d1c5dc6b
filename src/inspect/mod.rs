//! Looking at requests that were recorded: which of them are selected, by which words of a search box, and how two differ.

mod diff;
mod filter;
mod query;
mod redaction;
mod resign;
mod stored_record;
mod text_search;

pub use diff::{ByteDifference, Difference, differences};
pub use filter::{FieldMatch, RecordFilter, RecordView};
pub use redaction::{Redacted, Redaction};
pub use resign::resign;
pub use stored_record::{RecordSelector, StoredRecord};
pub use text_search::TextSearch;
