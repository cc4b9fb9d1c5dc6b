//! Deliveries: the list, one in full, and resending it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::error::{ApiError, Problem};
use super::super::parameters::{PathParameters, Query};
use super::view::{delivery_detail_view, delivery_view};
use super::{Own, Part};

pub(super) async fn list(State(own): State<Own>, query: Query) -> Result<Json<Value>, ApiError> {
    let part = Part::new(&query)?;
    let (before, limit) = (part.before, part.limit);
    let webhook = query.parse::<String>("webhook")?;
    let found = own.engine.call(move |engine| {
        let webhook = match webhook {
            None => None,
            Some(id) => Some(engine.any_webhook(&id)?.ok_or_else(|| ApiError::no_such_webhook(&id))?.webhook.row),
        };
        Ok::<_, ApiError>((engine.newest_deliveries(webhook, before, limit)?, engine.newest_change()))
    });
    let (deliveries, change) = found.await??;
    let views: Vec<Value> = deliveries.iter().map(delivery_view).collect();
    let next = part.next(&deliveries, |overview| overview.delivery.entry.row);
    Ok(Json(json!({ "deliveries": views, "next": next, "change": change })))
}

pub(super) async fn read(
    State(own): State<Own>,
    PathParameters(seq): PathParameters<String>,
) -> Result<Json<Value>, ApiError> {
    let row = number(&seq)?;
    let found = own.engine.call(move |engine| engine.delivery_detail(row)).await??;
    found.map(|detail| Json(delivery_detail_view(&detail))).ok_or_else(|| no_such_delivery(&seq))
}

/// Sends the event of a delivery again, as a delivery of its own.
pub(super) async fn resend(
    State(own): State<Own>,
    PathParameters(seq): PathParameters<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let row = number(&seq)?;
    own.added(move |engine| engine.resend(row)).await
}

impl Own {
    /// Responds with the delivery that a task adds.
    pub(super) async fn added(
        &self,
        task: impl FnOnce(&mut crate::server::engine::Engine) -> crate::error::Result<i64> + Send + 'static,
    ) -> Result<(StatusCode, Json<Value>), ApiError> {
        let added = self.engine.call(move |engine| {
            let row = task(engine)?;
            engine.any_delivery(row)
        });
        let delivery = added.await?.map_err(|error| ApiError::of_engine(&error))?;
        let view = delivery.map_or(Value::Null, |delivery| delivery_view(&delivery));
        Ok((StatusCode::CREATED, Json(view)))
    }
}

fn number(seq: &str) -> Result<i64, ApiError> {
    seq.parse().map_err(|_| no_such_delivery(seq))
}

fn no_such_delivery(seq: &str) -> ApiError {
    ApiError::new(Problem::NoSuchPath, format!("there is no delivery {seq}"))
}
