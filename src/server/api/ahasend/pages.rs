//! Pages of a list between two cursors. A cursor stands for a webhook, so a page stays the same when others come and go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::server::api::error::ApiError;
use crate::server::api::parameters::Query;
use crate::server::model::Webhook;

/// Maximum number of webhooks on a page.
const MAX_LIMIT: usize = 100;

/// The part of a list that a query asks for.
pub(super) struct Cursors {
    after: Option<i64>,
    before: Option<i64>,
    limit: usize,
}

/// A page.
pub(super) struct ListPage {
    pub(super) webhooks: Vec<Webhook>,
    pub(super) pagination: Map<String, Value>,
}

impl Cursors {
    /// Reads a query.
    pub(super) fn new(query: &Query) -> Result<Self, ApiError> {
        let limit = query.parse("limit")?.unwrap_or(MAX_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::invalid(format!("the parameter `limit` is not a number from 1 to {MAX_LIMIT}")));
        }
        // Older clients call the first one `cursor`.
        let after = query.get("after").or_else(|| query.get("cursor")).map(|text| decode("after", text)).transpose()?;
        let before = query.get("before").map(|text| decode("before", text)).transpose()?;
        if after.is_some() && before.is_some() {
            return Err(ApiError::invalid("the parameters `after` and `before` exclude each other"));
        }
        Ok(Self { after, before, limit })
    }

    /// Cuts the page out of the whole list, which is in the order of rows.
    pub(super) fn cut(&self, mut webhooks: Vec<Webhook>) -> ListPage {
        let start = match (self.after, self.before) {
            (Some(row), _) => webhooks.partition_point(|webhook| webhook.row <= row),
            (None, Some(row)) => webhooks.partition_point(|webhook| webhook.row < row).saturating_sub(self.limit),
            (None, None) => 0,
        };
        let end = match self.before {
            Some(row) => webhooks.partition_point(|webhook| webhook.row < row),
            None => webhooks.len().min(start + self.limit),
        };
        let (has_more, has_earlier) = (end < webhooks.len(), start > 0);
        webhooks.truncate(end);
        webhooks.drain(..start);
        let mut pagination = Map::from_iter([("has_more".to_owned(), has_more.into())]);
        if let (true, Some(last)) = (has_more, webhooks.last()) {
            pagination.insert("next_cursor".to_owned(), encode(last.row).into());
        }
        if let (true, Some(first)) = (has_earlier, webhooks.first()) {
            pagination.insert("previous_cursor".to_owned(), encode(first.row).into());
        }
        ListPage { webhooks, pagination }
    }
}

fn encode(row: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("webhook:{row}"))
}

fn decode(name: &str, text: &str) -> Result<i64, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let row = bytes.and_then(|text| text.strip_prefix("webhook:")?.parse().ok());
    row.ok_or_else(|| ApiError::invalid(format!("the parameter `{name}` is not a cursor of an earlier page")))
}
