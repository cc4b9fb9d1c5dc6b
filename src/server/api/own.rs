//! The server's own API, below `/_whk`: what no provider has.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, header};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::error::{ApiError, Problem};
use super::json::{JsonBody, MAX_BODY};
use crate::error::ErrorKind;
use crate::provider::{Edit, EventPattern};
use crate::server::emission::Emission;
use crate::server::engine_handle::EngineHandle;

/// The path of `emit`.
pub const EMIT_PATH: &str = "/_whk/emit";

/// The state of the handlers.
#[derive(Clone)]
struct Own {
    engine: EngineHandle,
    access: Arc<Access>,
}

pub(super) fn router(engine: EngineHandle, access: Arc<Access>) -> Router {
    Router::new().route(EMIT_PATH, post(emit)).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(Own { engine, access })
}

/// One type, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Types {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmitBody {
    r#type: Option<Types>,
    scenario: Option<String>,
    provider: Option<String>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    unset: Vec<String>,
    count: Option<u32>,
}

/// Maximum number of times that one call emits its events.
const MAX_COUNT: u32 = 10_000;

impl EmitBody {
    fn emission(self) -> Result<Emission, ApiError> {
        let types = match self.r#type {
            None => Vec::new(),
            Some(Types::One(one)) => vec![one],
            Some(Types::Several(several)) => several,
        };
        if types.is_empty() == self.scenario.is_none() {
            return Err(ApiError::invalid("one of `type` and `scenario` is needed"));
        }
        let count = self.count.unwrap_or(1);
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(ApiError::invalid(format!("`count` is not a number from 1 to {MAX_COUNT}")));
        }
        let wrong = |error: String| ApiError::invalid(error);
        let types = types.iter().map(|text| text.parse::<EventPattern>()).collect::<Result<_, _>>();
        let set = self.set.into_iter().map(|(path, value)| Ok(Edit::Set(path.parse()?, value)));
        let unset = self.unset.iter().map(|path| Edit::unset(path));
        let edits = set.chain(unset).collect::<Result<_, String>>();
        Ok(Emission {
            provider: self.provider,
            types: types.map_err(wrong)?,
            scenario: self.scenario,
            edits: edits.map_err(wrong)?,
            count,
        })
    }
}

/// Sends events to the webhooks that subscribe to them. Programs on this machine need no key.
async fn emit(
    State(own): State<Own>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<EmitBody>,
) -> Result<Json<Value>, ApiError> {
    if !peer.ip().is_loopback() || headers.contains_key(header::AUTHORIZATION) {
        own.access.check_key(&headers)?;
    }
    let emission = body.emission()?;
    let emitted = own.engine.call(move |engine| engine.emit(&emission)).await?;
    let emitted = emitted.map_err(|error| match error.kind {
        ErrorKind::Io => ApiError::from(error),
        _ => ApiError::new(Problem::Invalid, error.details()),
    })?;
    Ok(Json(json!({ "events": emitted })))
}
