//! The API of SelfMX, as its documentation describes it: create, list, update, delete, logs. The forms of a list, of a
//! deletion and of an error are those of its other resources; the documentation shows none for webhooks.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::description::description_file;
use super::error::{ApiError, ErrorForm};
use super::json::JsonBody;
use super::parameters::PathParameters;
use super::rate_limit::RateLimit;
use super::routes::Routes;
use super::validation::{check_events, check_url};
use super::{Api, ProviderApi, no_counters};
use crate::server::model::{AttemptEntry, Page, Webhook, WebhookFields, WebhookFilter};
use crate::signing::Secret;

pub(super) const API: ProviderApi = ProviderApi {
    provider: "selfmx",
    base: "/v1",
    errors: ErrorForm(error_body),
    routes,
    counters: no_counters,
    description: description_file!("selfmx"),
    rate_limit: Some(RateLimit { calls: 100, window: Duration::from_secs(60), has_headers: true }),
};

/// Number of entries in the logs of a webhook: its recent deliveries.
const LOG_LENGTH: u64 = 100;

pub(super) fn routes() -> Routes {
    Routes::default()
        .on(Method::POST, "/webhooks", create)
        .on(Method::GET, "/webhooks", list)
        .on(Method::PUT, "/webhooks/{id}", update)
        .on(Method::DELETE, "/webhooks/{id}", delete)
        .on(Method::GET, "/webhooks/{id}/logs", logs)
}

pub(super) fn error_body(error: &ApiError) -> Value {
    json!({ "error": { "code": error.code.unwrap_or(error.problem.name()), "message": error.message } })
}

/// A webhook as the API shows it: without its secret, which its owner knows.
#[derive(Serialize)]
struct WebhookView {
    id: String,
    url: String,
    events: Vec<String>,
    active: bool,
    created_at: String,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let Webhook { id, fields, created_at, .. } = webhook;
        Self { id, url: fields.url, events: fields.events, active: fields.enabled, created_at: seconds(created_at) }
    }
}

/// An entry of the logs: one attempt.
#[derive(Serialize)]
struct LogView {
    id: String,
    webhook_id: String,
    event_id: String,
    r#type: String,
    attempt: u32,
    status: &'static str,
    response_code: Option<u16>,
    error: Option<String>,
    next_retry_at: Option<String>,
    created_at: String,
}

impl LogView {
    fn new(webhook_id: &str, entry: AttemptEntry) -> Self {
        Self {
            id: format!("log_{:06}", entry.row),
            webhook_id: webhook_id.to_owned(),
            event_id: entry.event_id,
            r#type: entry.event_type,
            attempt: entry.number,
            status: if entry.succeeded { "delivered" } else { "failed" },
            response_code: entry.status,
            error: entry.error,
            next_retry_at: entry.next_at.map(seconds),
            created_at: seconds(entry.at),
        }
    }
}

/// Returns a time in whole seconds, as the documentation writes them.
fn seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}

#[derive(Deserialize)]
struct CreateBody {
    url: Option<String>,
    events: Option<Vec<String>>,
    secret: Option<String>,
}

async fn create(
    State(api): State<Api>,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<(StatusCode, Json<WebhookView>), ApiError> {
    let missing = |name| ApiError::invalid(format!("`{name}` is missing"));
    let url = body.url.ok_or_else(|| missing("url"))?;
    check_url(&url)?;
    let events = check_events(body.events.ok_or_else(|| missing("events"))?, &api.event_types)?;
    let secret = body.secret.ok_or_else(|| missing("secret"))?;
    let fields = WebhookFields {
        provider: api.provider.clone(),
        account: String::new(),
        url,
        secret: check_secret(secret)?,
        events,
        enabled: true,
        details: serde_json::Map::new(),
    };
    let created = api.engine.call(move |engine| {
        let id = engine.new_id("wh_", 12);
        engine.create_webhook(id, fields)
    });
    Ok((StatusCode::CREATED, Json(created.await??.into())))
}

/// An empty secret would let everybody sign.
fn check_secret(secret: String) -> Result<Secret, ApiError> {
    if secret.is_empty() { Err(ApiError::invalid("`secret` is empty")) } else { Ok(Secret::new(secret)) }
}

async fn list(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let filter = WebhookFilter::account(&api.provider, "");
    let (webhooks, _) = api.engine.call(move |engine| engine.webhooks(&filter, Page::oldest(u64::MAX))).await?;
    let webhooks: Vec<WebhookView> = webhooks.into_iter().map(WebhookView::from).collect();
    Ok(Json(json!({ "data": webhooks })))
}

#[derive(Deserialize)]
struct UpdateBody {
    url: Option<String>,
    events: Option<Vec<String>>,
    secret: Option<String>,
    active: Option<bool>,
}

async fn update(
    State(api): State<Api>,
    PathParameters(id): PathParameters<String>,
    JsonBody(body): JsonBody<UpdateBody>,
) -> Result<Json<WebhookView>, ApiError> {
    body.url.as_deref().map(check_url).transpose()?;
    let events = body.events.map(|events| check_events(events, &api.event_types)).transpose()?;
    let secret = body.secret.map(check_secret).transpose()?;
    let (provider, wanted) = (api.provider.clone(), id.clone());
    let updated = api.engine.call(move |engine| {
        let Some(webhook) = engine.webhook(&provider, "", &wanted) else { return Ok(None) };
        let (row, mut fields) = (webhook.row, webhook.fields.clone());
        fields.url = body.url.unwrap_or(fields.url);
        fields.events = events.unwrap_or(fields.events);
        fields.secret = secret.unwrap_or(fields.secret);
        fields.enabled = body.active.unwrap_or(fields.enabled);
        engine.update_webhook(row, fields)
    });
    updated.await??.map(|webhook| Json(webhook.into())).ok_or_else(|| ApiError::no_such_webhook(&id))
}

async fn delete(State(api): State<Api>, PathParameters(id): PathParameters<String>) -> Result<Json<Value>, ApiError> {
    let (provider, wanted) = (api.provider.clone(), id.clone());
    let deleted = api.engine.call(move |engine| {
        let Some(row) = engine.webhook(&provider, "", &wanted).map(|webhook| webhook.row) else { return Ok(false) };
        engine.delete_webhook(row).map(|()| true)
    });
    if deleted.await?? { Ok(Json(json!({ "id": id, "deleted": true }))) } else { Err(ApiError::no_such_webhook(&id)) }
}

async fn logs(State(api): State<Api>, PathParameters(id): PathParameters<String>) -> Result<Json<Value>, ApiError> {
    let (provider, wanted) = (api.provider.clone(), id.clone());
    let entries = api.engine.call(move |engine| {
        let Some(row) = engine.webhook(&provider, "", &wanted).map(|webhook| webhook.row) else { return Ok(None) };
        engine.attempts(row, Page::newest(LOG_LENGTH)).map(Some)
    });
    let entries = entries.await??.ok_or_else(|| ApiError::no_such_webhook(&id))?;
    let entries: Vec<LogView> = entries.into_iter().map(|entry| LogView::new(&id, entry)).collect();
    Ok(Json(json!({ "data": entries })))
}
