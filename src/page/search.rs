//! The search box: records that a filter selects, a part of all records at a time.

use super::brief::brief;
use super::query::ListQuery;
use super::store::{Position, RecordStore, StoredRecord};
use crate::capture::{CapturedRequest, LoggedOutcome};
use crate::error::Result;
use crate::inspect::{RecordFilter, RecordView};

/// The most bytes of records in one response, unless a single one is larger.
const MAX_LIST_BYTES: usize = 8 << 20;

/// The most records that one request searches, and the most bytes of them. The response then says where to go on.
const MAX_SEARCHED: usize = 20_000;
const MAX_SEARCHED_BYTES: usize = 64 << 20;

/// The number of records that are read at once.
const BATCH: usize = 500;

/// A part of the records.
pub(super) struct Selected {
    pub(super) records: Vec<StoredRecord>,
    /// The last record that was examined, selected or not.
    pub(super) last: Option<u64>,
    /// True if there are records beyond it.
    pub(super) more: bool,
}

/// Returns the records at a position that a query selects.
///
/// # Errors
/// They cannot be read.
pub(super) fn select(store: &dyn RecordStore, mut position: Position, query: &ListQuery) -> Result<Selected> {
    let mut selected = Selected { records: Vec::new(), last: None, more: true };
    let (mut searched, mut searched_bytes, mut bytes) = (0, 0, 0);
    'search: while selected.more && searched < MAX_SEARCHED && searched_bytes < MAX_SEARCHED_BYTES {
        let wanted = if query.filter.is_empty() { query.limit - selected.records.len() } else { BATCH };
        let batch = store.read(position, wanted, MAX_LIST_BYTES)?;
        selected.more = !batch.is_empty();
        for record in batch {
            let size = record.json.len();
            (searched, searched_bytes) = (searched + 1, searched_bytes + size);
            let is_match = matches(&query.filter, &record.json);
            if is_match && bytes > 0 && bytes + size > MAX_LIST_BYTES {
                break 'search;
            }
            selected.last = Some(record.seq);
            position = match position {
                Position::After(_) => Position::After(record.seq),
                Position::Before(_) => Position::Before(record.seq),
            };
            if is_match {
                let record =
                    if query.brief { StoredRecord { json: brief(&record.json)?.into(), ..record } } else { record };
                bytes += record.json.len();
                selected.records.push(record);
            }
            if selected.records.len() == query.limit {
                break 'search;
            }
        }
    }
    selected.more = selected.more && !store.read(position, 1, 0)?.is_empty();
    Ok(selected)
}

/// Returns whether a filter selects a record. One that cannot be read is not selected.
fn matches(filter: &RecordFilter, json: &[u8]) -> bool {
    if filter.is_empty() {
        return true;
    }
    // Most records that are not selected can be told by what is beside the request.
    if let Some(summary) = LoggedOutcome::summary_of_line(json) {
        let selected = selects(summary, |record| filter.matches_outcome(record));
        if !selected || !filter.reads_requests() {
            return selected;
        }
    }
    let Ok(Some(record)) = LoggedOutcome::from_line(json) else { return false };
    selects(record, |record| filter.matches(record))
}

fn selects((capture, outcome): (CapturedRequest, LoggedOutcome), check: impl Fn(&RecordView<'_>) -> bool) -> bool {
    let verdict = outcome.verdict.unwrap_or_default();
    check(&RecordView::new(&capture, &verdict, outcome.response.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, status: &str) -> Vec<u8> {
        serde_json::json!({
            "v": 1, "kind": "request", "seq": 1, "headers": [["x-a", "Zed"]], "body": "{\"data\":{\"id\":7}}",
            "verdict": {"status": status, "provider": "p", "event_type": "a.b", "event_id": id, "message": "m"},
            "response": {"status": 503, "by": "listen"},
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn the_words_of_the_search_box_select_by_outcome_headers_and_body() {
        for (words, expected) in [
            ("", true),
            ("valid", false),
            ("invalid type:a.* status:5xx", true),
            ("where:data.id=7", true),
            ("where:data.id=8", false),
            ("zed", true),
            ("\"x-a: zed\"", true),
            ("nothing", false),
        ] {
            assert_eq!(matches(&words.parse().unwrap(), &record("e", "invalid")), expected, "{words}");
        }
        assert!(!matches(&"x".parse().unwrap(), b"x"));
    }
}
