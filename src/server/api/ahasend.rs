//! The API of AhaSend, version 2, as its `OpenAPI` description and its clients have it. Any UUID is an account; a
//! webhook is found in its own account only.

mod fields;
mod pages;
mod view;

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::fields::{Changes, FLAGS};
use self::pages::Cursors;
use self::view::webhook_view;
use super::description::description_file;
use super::error::{ApiError, ErrorForm};
use super::idempotency::{KEY, Outcome, respond};
use super::json::{JsonBody, RawBody};
use super::parameters::{PathParameters, Query};
use super::routes::Routes;
use super::validation::check_events;
use super::{Api, ProviderApi};
use crate::server::model::{Page, Webhook, WebhookFields, WebhookFilter};

pub(super) const API: ProviderApi = ProviderApi {
    provider: "ahasend",
    base: "/v2",
    errors: ErrorForm(error_body),
    routes,
    counters: view::counters,
    description: description_file!("ahasend"),
    rate_limit: None,
};

/// Maximum length of a key of idempotency.
const MAX_KEY: usize = 255;

fn routes() -> Routes {
    Routes::default()
        .on(Method::GET, "/accounts/{account_id}/webhooks", list)
        .on(Method::POST, "/accounts/{account_id}/webhooks", create)
        .on(Method::GET, "/accounts/{account_id}/webhooks/{webhook_id}", read)
        .on(Method::PUT, "/accounts/{account_id}/webhooks/{webhook_id}", update)
        .on(Method::DELETE, "/accounts/{account_id}/webhooks/{webhook_id}", delete)
        .on(Method::POST, "/accounts/{account_id}/webhooks/{webhook_id}/trigger", trigger)
}

/// It has a message only, and no code.
fn error_body(error: &ApiError) -> Value {
    json!({ "message": error.message })
}

/// Returns an id in lower case, which is 8-4-4-4-12 hex digits.
fn uuid(name: &str, text: &str) -> Result<String, ApiError> {
    let groups: Vec<&str> = text.split('-').collect();
    let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_uuid { Ok(text.to_ascii_lowercase()) } else { Err(ApiError::invalid(format!("`{name}` is not a UUID"))) }
}

/// Makes a random id, version 4.
fn new_uuid(engine: &mut crate::server::engine::Engine) -> String {
    let mut random = engine.random();
    let (version, variant) = (0x4000, 0x8000_0000_0000_0000);
    let high = random.bits() & !0xf000 | version;
    let low = random.bits() & !0xc000_0000_0000_0000 | variant;
    let hex = format!("{high:016x}{low:016x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The account and the webhook of a path.
struct Ids {
    account: String,
    webhook: String,
}

impl Ids {
    fn new((account, webhook): (String, String)) -> Result<Self, ApiError> {
        Ok(Self { account: uuid("account_id", &account)?, webhook: uuid("webhook_id", &webhook)? })
    }
}

async fn list(
    State(api): State<Api>,
    PathParameters(account): PathParameters<String>,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let account = uuid("account_id", &account)?;
    let cursors = Cursors::new(&query)?;
    let enabled = query.parse("enabled")?;
    let mut flags = Vec::new();
    for (flag, event_type) in FLAGS {
        if let Some(wanted) = query.parse::<bool>(flag)? {
            flags.push((event_type, wanted));
        }
    }
    let filter = WebhookFilter { enabled, ..WebhookFilter::account(&api.provider, &account) };
    let selects = move |webhook: &Webhook| {
        flags.iter().all(|(event_type, wanted)| webhook.fields.events.iter().any(|have| have == event_type) == *wanted)
    };
    let page = api.engine.call(move |engine| {
        let (mut webhooks, _) = engine.webhooks(&filter, Page::oldest(u64::MAX));
        webhooks.retain(selects);
        cursors.cut(webhooks)
    });
    let page = page.await?;
    let data: Vec<Value> = page.webhooks.iter().map(|webhook| webhook_view(webhook, false)).collect();
    Ok(Json(json!({ "object": "list", "data": data, "pagination": page.pagination })))
}

async fn create(
    State(api): State<Api>,
    PathParameters(account): PathParameters<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers)?;
    let work = create_webhook(Arc::clone(&api), account, &body);
    Ok(match key {
        None => respond(work.await),
        Some(key) => api.idempotency.run(key, [b"POST", uri.path().as_bytes(), &body.0], work).await,
    })
}

async fn create_webhook(api: Api, account: String, body: &RawBody) -> Outcome {
    let account = uuid("account_id", &account)?;
    let changes = Changes::read(&body.parse()?)?;
    let fields = changes.create()?;
    let provider = api.provider.clone();
    let created = api.engine.call(move |engine| {
        let secret = engine.new_secret(&provider)?;
        let fields = WebhookFields { provider, account, secret, ..fields };
        let id = new_uuid(engine);
        engine.create_webhook(id, fields)
    });
    Ok((StatusCode::CREATED, webhook_view(&created.await??, true)))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::invalid(format!("the header `Idempotency-Key` is not a text of 1 to {MAX_KEY} characters"))),
    }
}

async fn read(
    State(api): State<Api>,
    PathParameters(ids): PathParameters<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let Ids { account, webhook: id } = Ids::new(ids)?;
    let (provider, wanted) = (api.provider.clone(), id.clone());
    let found = api.engine.call(move |engine| engine.webhook(&provider, &account, &wanted).cloned()).await?;
    found.map(|webhook| Json(webhook_view(&webhook, false))).ok_or_else(|| ApiError::no_such_webhook(&id))
}

async fn update(
    State(api): State<Api>,
    PathParameters(ids): PathParameters<(String, String)>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let Ids { account, webhook: id } = Ids::new(ids)?;
    if body.contains_key("secret") {
        return Err(ApiError::invalid("`secret` cannot be updated"));
    }
    let changes = Changes::read(&body)?;
    let provider = api.provider.clone();
    let updated = api.engine.call(move |engine| {
        let webhook = engine.webhook(&provider, &account, &id).ok_or_else(|| ApiError::no_such_webhook(&id))?;
        let (row, fields) = (webhook.row, changes.apply(webhook.fields.clone())?);
        engine.update_webhook(row, fields)?.ok_or_else(|| ApiError::no_such_webhook(&id))
    });
    Ok(Json(webhook_view(&updated.await??, false)))
}

async fn delete(
    State(api): State<Api>,
    PathParameters(ids): PathParameters<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let Ids { account, webhook: id } = Ids::new(ids)?;
    let provider = api.provider.clone();
    let deleted = api.engine.call(move |engine| {
        let webhook = engine.webhook(&provider, &account, &id).ok_or_else(|| ApiError::no_such_webhook(&id))?;
        let row = webhook.row;
        engine.delete_webhook(row).map_err(ApiError::from)
    });
    deleted.await??;
    Ok(Json(json!({ "message": "Webhook deleted successfully" })))
}

#[derive(Deserialize)]
struct TriggerBody {
    events: Option<Vec<String>>,
}

/// Sends samples to one webhook alone. Its client can name every event at once: those that the webhook does not
/// subscribe to are skipped.
async fn trigger(
    State(api): State<Api>,
    PathParameters(ids): PathParameters<(String, String)>,
    JsonBody(body): JsonBody<TriggerBody>,
) -> Result<Json<Value>, ApiError> {
    let Ids { account, webhook: id } = Ids::new(ids)?;
    let events = body.events.ok_or_else(|| ApiError::invalid("`events` is missing"))?;
    let mut events = check_events(events, &api.event_types)?;
    let provider = api.provider.clone();
    let sent = api.engine.call(move |engine| {
        let webhook = engine.webhook(&provider, &account, &id).ok_or_else(|| ApiError::no_such_webhook(&id))?;
        let row = webhook.row;
        events.retain(|event| webhook.fields.events.contains(event));
        if events.is_empty() {
            return Err(ApiError::invalid("the webhook subscribes to none of these events"));
        }
        for event in &events {
            engine.send_sample(row, event, &[]).map_err(|error| ApiError::of_engine(&error))?;
        }
        Ok(events.join(", "))
    });
    Ok(Json(json!({ "message": format!("Webhook events triggered: {}", sent.await??) })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::api::error::Problem;

    #[test]
    fn an_id_is_a_uuid_in_either_case() {
        let id = "4CDD7BDD-294e-4762-892f-83d40abf5a87";
        assert_eq!(uuid("account_id", id).unwrap(), id.to_ascii_lowercase());
        for wrong in
            ["", "1", "4cdd7bdd294e4762892f83d40abf5a87", "4cdd7bdd-294e-4762-892f-83d40abf5a8g", "{account_id}"]
        {
            assert_eq!(uuid("account_id", wrong).unwrap_err().message, "`account_id` is not a UUID", "{wrong}");
            assert_eq!(uuid("account_id", wrong).unwrap_err().problem, Problem::Invalid);
        }
    }
}
