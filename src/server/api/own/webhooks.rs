//! Webhooks: the list, one, a test event, and enabling it again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::json::RawBody;
use super::super::parameters::{PathParameters, Query};
use super::view::webhook_view;
use super::{Own, Part};
use crate::server::model::WebhookFields;

pub(super) async fn list(State(own): State<Own>, query: Query) -> Result<Json<Value>, ApiError> {
    let part = Part::new(&query)?;
    let (before, limit) = (part.before, part.limit);
    let found = own.engine.call(move |engine| {
        engine.newest_webhooks(before, limit as usize).map(|webhooks| (webhooks, engine.newest_change()))
    });
    let (webhooks, change) = found.await??;
    let views: Vec<Value> = webhooks.iter().map(webhook_view).collect();
    let next = part.next(&webhooks, |overview| overview.webhook.row);
    Ok(Json(json!({ "webhooks": views, "next": next, "change": change })))
}

pub(super) async fn read(
    State(own): State<Own>,
    PathParameters(id): PathParameters<String>,
) -> Result<Json<Value>, ApiError> {
    let found = own.engine.call(move |engine| engine.any_webhook(&id)?.ok_or_else(|| ApiError::no_such_webhook(&id)));
    found.await?.map(|webhook| Json(webhook_view(&webhook)))
}

/// Enables a webhook; one that is enabled stays as it is.
pub(super) async fn enable(
    State(own): State<Own>,
    PathParameters(id): PathParameters<String>,
) -> Result<Json<Value>, ApiError> {
    let enabled = own.engine.call(move |engine| {
        let webhook = engine.any_webhook(&id)?.ok_or_else(|| ApiError::no_such_webhook(&id))?.webhook;
        if !webhook.fields.enabled {
            engine.update_webhook(webhook.row, WebhookFields { enabled: true, ..webhook.fields })?;
        }
        engine.any_webhook(&id)?.ok_or_else(|| ApiError::no_such_webhook(&id))
    });
    enabled.await?.map(|webhook| Json(webhook_view(&webhook)))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestBody {
    r#type: Option<String>,
}

/// Sends an event to one webhook alone.
pub(super) async fn test(
    State(own): State<Own>,
    PathParameters(id): PathParameters<String>,
    body: RawBody,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = if body.0.is_empty() { TestBody::default() } else { body.parse()? };
    let found = own.engine.call(move |engine| engine.any_webhook(&id)?.ok_or_else(|| ApiError::no_such_webhook(&id)));
    let row = found.await??.webhook.row;
    own.added(move |engine| engine.send_test(row, body.r#type)).await
}
