//! The API of AutoSend, as its documentation describes it. Its introduction decides where the pages of the API differ
//! from it: a URL is fixed when the webhook is created, and https is needed.

mod view;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::view::{log_view, webhook_view};
use super::description::description_file;
use super::error::{ApiError, ErrorForm, Problem};
use super::json::JsonBody;
use super::parameters::{PathParameters, Query};
use super::rate_limit::RateLimit;
use super::routes::Routes;
use super::validation::{check_events, check_https};
use super::{Api, ProviderApi};
use crate::provider::Edit;
use crate::server::model::{Page, WebhookFields, WebhookFilter};

pub(super) const API: ProviderApi = ProviderApi {
    provider: "autosend",
    base: "/v1",
    errors: ErrorForm(error_body),
    routes,
    counters: view::counters,
    description: description_file!("autosend"),
    rate_limit: Some(RateLimit { calls: 2, window: Duration::from_secs(1), has_headers: false }),
};

/// Maximum number of webhooks of a project.
const MAX_WEBHOOKS: u64 = 100;

/// Number of entries that the logs of a webhook have at most.
const MAX_LOGS: u64 = 1000;

/// The project of requests that name none.
const PROJECT: &str = "000000000000000000000001";

/// The field of an event that has its data.
const DATA: &str = "data";

/// Characters of an id, which has 24 of them.
const HEX: &[u8] = b"0123456789abcdef";

fn routes() -> Routes {
    Routes::default()
        .on(Method::GET, "/webhooks", list)
        .on(Method::POST, "/webhooks", create)
        .on(Method::GET, "/webhooks/events/available", available_events)
        .on(Method::GET, "/webhooks/{id}", read)
        .on(Method::PUT, "/webhooks/{id}", update)
        .on(Method::DELETE, "/webhooks/{id}", delete)
        .on(Method::GET, "/webhooks/{id}/logs", logs)
        .on(Method::GET, "/webhooks/{id}/reveal", show_secret)
        .on(Method::POST, "/webhooks/{id}/resend", resend)
}

fn error_body(error: &ApiError) -> Value {
    let code = error.code.unwrap_or(match error.problem {
        Problem::Malformed | Problem::Invalid => "VALIDATION_ERROR",
        Problem::Unauthorized => "UNAUTHORIZED",
        Problem::Forbidden => "FORBIDDEN",
        Problem::NoSuchPath => "NOT_FOUND",
        Problem::NoSuchWebhook => "WEBHOOK_NOT_FOUND",
        Problem::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        Problem::Conflict => "CONFLICT",
        Problem::TooLarge => "PAYLOAD_TOO_LARGE",
        Problem::RateLimited => "RATE_LIMIT_EXCEEDED",
        Problem::Internal => "INTERNAL_SERVER_ERROR",
    });
    json!({ "success": false, "error": { "message": error.message, "code": code } })
}

fn no_such_webhook() -> ApiError {
    ApiError::new(Problem::NoSuchWebhook, "Webhook not found")
}

fn success(data: &Value) -> Json<Value> {
    Json(json!({ "success": true, "data": data }))
}

fn success_with(message: &str, data: &Value) -> Json<Value> {
    Json(json!({ "success": true, "message": message, "data": data }))
}

/// Returns the project of a request: keys of an account name it in a header.
fn project(headers: &HeaderMap) -> Result<String, ApiError> {
    let Some(value) = headers.get("x-project-id") else { return Ok(PROJECT.to_owned()) };
    match value.to_str() {
        Ok(id) if id.len() == 24 && id.bytes().all(|byte| HEX.contains(&byte)) => Ok(id.to_owned()),
        _ => Err(ApiError::invalid("the header `x-project-id` is not 24 hex digits")),
    }
}

/// A page of a list, as the query names it.
struct Numbered {
    page: u64,
    limit: u64,
}

impl Numbered {
    fn new(query: &Query) -> Result<Self, ApiError> {
        let page = query.parse("page")?.unwrap_or(1);
        let limit = query.parse("limit")?.unwrap_or(50);
        if page == 0 {
            return Err(ApiError::invalid("the parameter `page` starts at 1"));
        }
        if !(1..=100).contains(&limit) {
            return Err(ApiError::invalid("the parameter `limit` is not a number from 1 to 100"));
        }
        Ok(Self { page, limit })
    }

    fn offset(&self) -> u64 {
        (self.page - 1).saturating_mul(self.limit)
    }

    fn response(&self, name: &str, items: Vec<Value>, total: u64) -> Json<Value> {
        let mut data = Map::new();
        data.insert(name.to_owned(), items.into());
        data.insert("total".to_owned(), total.into());
        data.insert("page".to_owned(), self.page.into());
        data.insert("limit".to_owned(), self.limit.into());
        data.insert("totalPages".to_owned(), total.div_ceil(self.limit).into());
        success(&data.into())
    }
}

async fn list(State(api): State<Api>, headers: HeaderMap, query: Query) -> Result<Json<Value>, ApiError> {
    let page = Numbered::new(&query)?;
    let enabled = query.parse("isActive")?;
    let filter = WebhookFilter { enabled, ..WebhookFilter::account(&api.provider, &project(&headers)?) };
    let rows = Page { offset: page.offset(), ..Page::oldest(page.limit) };
    let (webhooks, total) = api.engine.call(move |engine| engine.webhooks(&filter, rows)).await?;
    Ok(page.response("webhooks", webhooks.iter().map(|webhook| webhook_view(webhook, false)).collect(), total))
}

/// Other fields, such as the name of a form, are ignored.
#[derive(Deserialize)]
struct CreateBody {
    url: Option<String>,
    events: Option<Vec<String>>,
    metadata: Option<Map<String, Value>>,
}

async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let account = project(&headers)?;
    let url = body.url.ok_or_else(|| ApiError::invalid("A valid webhook URL is required"))?;
    check_https(&url)?;
    let events = body.events.ok_or_else(|| ApiError::invalid("`events` is missing"))?;
    let events = check_events(events, &api.event_types)?;
    let provider = api.provider.clone();
    let created = api.engine.call(move |engine| {
        if engine.webhooks(&WebhookFilter::account(&provider, &account), Page::oldest(0)).1 >= MAX_WEBHOOKS {
            return Ok(None);
        }
        let secret = engine.new_secret(&provider)?;
        let id = engine.random().string(HEX, 24);
        let details = with_metadata(Map::new(), body.metadata);
        let fields = WebhookFields { provider, account, url, secret, events, enabled: true, details };
        engine.create_webhook(id, fields).map(Some)
    });
    let Some(webhook) = created.await?? else {
        let message = format!("a project has at most {MAX_WEBHOOKS} webhooks");
        return Err(ApiError::new(Problem::Forbidden, message).code("WEBHOOK_LIMIT_EXCEEDED"));
    };
    let data = json!({ "webhook": webhook_view(&webhook, true) });
    Ok((StatusCode::CREATED, success_with("Webhook created successfully", &data)))
}

fn with_metadata(mut details: Map<String, Value>, metadata: Option<Map<String, Value>>) -> Map<String, Value> {
    if let Some(metadata) = metadata {
        details.insert("metadata".to_owned(), metadata.into());
    }
    details
}

async fn available_events(State(api): State<Api>) -> Json<Value> {
    success(&json!({ "events": api.event_types }))
}

async fn read(
    State(api): State<Api>,
    headers: HeaderMap,
    PathParameters(id): PathParameters<String>,
) -> Result<Json<Value>, ApiError> {
    let (provider, account) = (api.provider.clone(), project(&headers)?);
    let found = api.engine.call(move |engine| engine.webhook(&provider, &account, &id).cloned()).await?;
    found.map(|webhook| success(&webhook_view(&webhook, false))).ok_or_else(no_such_webhook)
}

#[derive(Deserialize)]
struct UpdateBody {
    url: Option<String>,
    events: Option<Vec<String>>,
    secret: Option<serde::de::IgnoredAny>,
    #[serde(rename = "isActive")]
    is_active: Option<bool>,
    metadata: Option<Map<String, Value>>,
}

async fn update(
    State(api): State<Api>,
    headers: HeaderMap,
    PathParameters(id): PathParameters<String>,
    JsonBody(body): JsonBody<UpdateBody>,
) -> Result<Json<Value>, ApiError> {
    let (provider, account) = (api.provider.clone(), project(&headers)?);
    let immutable = |name| ApiError::invalid(format!("{name} cannot be updated. Create a new webhook instead."));
    if body.secret.is_some() {
        return Err(immutable("Secret"));
    }
    let events = body.events.map(|events| check_events(events, &api.event_types)).transpose()?;
    let updated = api.engine.call(move |engine| {
        let Some(webhook) = engine.webhook(&provider, &account, &id) else { return Err(no_such_webhook()) };
        let (row, mut fields) = (webhook.row, webhook.fields.clone());
        // A client that sends back what it read changes nothing.
        if body.url.is_some_and(|url| url != fields.url) {
            return Err(immutable("URL"));
        }
        fields.events = events.unwrap_or(fields.events);
        fields.enabled = body.is_active.unwrap_or(fields.enabled);
        fields.details = with_metadata(fields.details, body.metadata);
        engine.update_webhook(row, fields)?.ok_or_else(no_such_webhook)
    });
    let webhook = updated.await??;
    Ok(success_with("Webhook updated successfully", &webhook_view(&webhook, false)))
}

async fn delete(
    State(api): State<Api>,
    headers: HeaderMap,
    PathParameters(id): PathParameters<String>,
) -> Result<Json<Value>, ApiError> {
    let (provider, account) = (api.provider.clone(), project(&headers)?);
    let deleted = api.engine.call(move |engine| {
        let row = engine.webhook(&provider, &account, &id).map(|webhook| webhook.row).ok_or_else(no_such_webhook)?;
        engine.delete_webhook(row).map_err(ApiError::from)
    });
    deleted.await??;
    Ok(Json(json!({ "success": true, "message": "Webhook deleted successfully" })))
}

async fn logs(
    State(api): State<Api>,
    headers: HeaderMap,
    PathParameters(id): PathParameters<String>,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let (provider, account) = (api.provider.clone(), project(&headers)?);
    let page = Numbered::new(&query)?;
    let rows = Page { offset: page.offset(), ..Page::newest(page.limit.min(MAX_LOGS.saturating_sub(page.offset()))) };
    let found = api.engine.call(move |engine| {
        let webhook = engine.webhook(&provider, &account, &id).cloned().ok_or_else(no_such_webhook)?;
        let (entries, total) = engine.deliveries(webhook.row, rows)?;
        Ok::<_, ApiError>((webhook, entries, total.min(MAX_LOGS)))
    });
    let (webhook, entries, total) = found.await??;
    Ok(page.response("logs", entries.iter().map(|entry| log_view(&webhook, entry)).collect(), total))
}

async fn show_secret(
    State(api): State<Api>,
    headers: HeaderMap,
    PathParameters(id): PathParameters<String>,
) -> Result<Json<Value>, ApiError> {
    let (provider, account) = (api.provider.clone(), project(&headers)?);
    let secret = api
        .engine
        .call(move |engine| engine.webhook(&provider, &account, &id).map(|webhook| webhook.fields.secret.clone()));
    let secret = secret.await?.ok_or_else(no_such_webhook)?;
    Ok(success(&json!({ "secret": secret.expose_secret() })))
}

#[derive(Deserialize)]
struct ResendBody {
    event: Option<String>,
    data: Option<Map<String, Value>>,
}

/// Sends an event with the caller's own data to one webhook alone.
async fn resend(
    State(api): State<Api>,
    headers: HeaderMap,
    PathParameters(id): PathParameters<String>,
    JsonBody(body): JsonBody<ResendBody>,
) -> Result<Json<Value>, ApiError> {
    let (provider, account) = (api.provider.clone(), project(&headers)?);
    let event = body.event.ok_or_else(|| ApiError::invalid("`event` is missing"))?;
    let data = body.data.ok_or_else(|| ApiError::invalid("`data` is missing"))?;
    let path = DATA.parse().map_err(|error: String| ApiError::invalid(error))?;
    let edits = [Edit::Set(path, data.into())];
    let added = api.engine.call(move |engine| {
        let webhook = engine.webhook(&provider, &account, &id).ok_or_else(no_such_webhook)?;
        let row = webhook.row;
        if !webhook.fields.events.contains(&event) {
            let message = format!("Webhook is not subscribed to this event: {event}");
            return Err(ApiError::invalid(message).code("WEBHOOK_NOT_SUBSCRIBED"));
        }
        engine.send_sample(row, &event, &edits).map_err(|error| ApiError::of_engine(&error))
    });
    let data = json!({ "jobId": added.await??.to_string() });
    Ok(success_with("Webhook queued for delivery", &data))
}
