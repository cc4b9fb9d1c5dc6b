//! Events that a program sends into the server.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::error::{ApiError, Problem};
use super::super::json::JsonBody;
use super::Own;
use crate::error::ErrorKind;
use crate::provider::{Edit, EventPattern};
use crate::server::emission::Emission;

/// One type, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Types {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmitBody {
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

/// Sends events to the webhooks that subscribe to them.
pub(super) async fn emit(State(own): State<Own>, JsonBody(body): JsonBody<EmitBody>) -> Result<Json<Value>, ApiError> {
    let emission = body.emission()?;
    let emitted = own.engine.call(move |engine| engine.emit(&emission)).await?;
    let emitted = emitted.map_err(|error| match error.kind {
        ErrorKind::Io => ApiError::from(error),
        _ => ApiError::new(Problem::Invalid, error.details()),
    })?;
    Ok(Json(json!({ "events": emitted })))
}
