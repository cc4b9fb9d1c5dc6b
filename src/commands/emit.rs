//! `whk emit`: sends events into a running `whk serve`.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{CommandContext, block_on};
use crate::cli::EmitArgs;
use crate::error::{Error, ErrorKind, ExitStatus, Result};
use crate::http::client::{Endpoint, HttpClient, OutgoingRequest};
use crate::output::{plural, sanitize};
use crate::provider::Edit;
use crate::report::unreachable;
use crate::server::EMIT_PATH;

/// Maximum size of the response: 10,000 events, each with the ids of a thousand webhooks.
const MAX_RESPONSE: usize = 256 << 20;

/// Time limit of the call.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An event that was emitted, as the server reports it.
#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename = "emitted")]
struct EmittedLine {
    provider: String,
    event_type: String,
    event_id: String,
    webhooks: Vec<String>,
}

/// Runs the command.
pub(super) fn run(context: &CommandContext, args: &EmitArgs) -> Result<ExitStatus> {
    let address = context.config.serve_address(args.to.clone()).0;
    let cannot = |error: String| Error::new("the address is not possible").cause(error);
    let server: Endpoint = format!("http://{address}").parse().map_err(cannot)?;
    let emitted = block_on(call(&server.with_target(EMIT_PATH), args))??;
    for event in &emitted {
        report(context, event)?;
    }
    if emitted.iter().all(|event| event.webhooks.is_empty()) {
        context.output.status("no webhook subscribes to any of these events");
    }
    Ok(ExitStatus::Success)
}

/// Calls the server.
async fn call(endpoint: &Endpoint, args: &EmitArgs) -> Result<Vec<EmittedLine>> {
    let mut headers = vec![("content-type".to_owned(), Bytes::from_static(b"application/json"))];
    if let Some(key) = &args.api_key {
        headers.push(("authorization".to_owned(), Bytes::from(format!("Bearer {key}"))));
    }
    let request = OutgoingRequest {
        method: Method::POST,
        endpoint: endpoint.clone(),
        headers,
        body: Bytes::from(body(args).to_string()),
    };
    let outcome =
        HttpClient::for_any_origin(false).keeping_bodies(MAX_RESPONSE).attempt(&request, Some(TIMEOUT)).await?;
    let response = match outcome.response {
        Ok(response) => response,
        Err(failure) => {
            let error = unreachable(&endpoint.with_target("/"), &failure);
            return Err(error.hint(format!("start it in another terminal: whk serve {}", endpoint.host())));
        }
    };
    let json: Option<Value> = serde_json::from_slice(&response.body).ok();
    let events = json.as_ref().filter(|_| response.status == 200).and_then(|json| json.get("events"));
    if let Some(emitted) = events.and_then(|events| Vec::<Emitted>::deserialize(events).ok()) {
        return Ok(emitted.into_iter().map(EmittedLine::from).collect());
    }
    let message = json.as_ref().and_then(|json| json["error"]["message"].as_str());
    let error = Error::new("the events were not emitted").kind(ErrorKind::Invalid);
    Err(match message {
        Some(message) => error.cause(message),
        None => error.cause(format!("{} responded with {}, and is no whk serve", endpoint.host(), response.status)),
    })
}

/// An event in the response of the server.
#[derive(Deserialize)]
struct Emitted {
    provider: String,
    event_type: String,
    event_id: String,
    webhooks: Vec<String>,
}

impl From<Emitted> for EmittedLine {
    fn from(emitted: Emitted) -> Self {
        let Emitted { provider, event_type, event_id, webhooks } = emitted;
        Self { provider, event_type, event_id, webhooks }
    }
}

/// Returns the body of the call.
fn body(args: &EmitArgs) -> Value {
    let mut set = Map::new();
    for edit in &args.sets {
        if let Edit::Set(path, value) = edit {
            set.insert(path.to_string(), value.clone());
        }
    }
    let unset: Vec<String> = args.unsets.iter().map(|edit| edit.path().to_string()).collect();
    let types: Vec<&str> = args.types.iter().map(crate::provider::EventPattern::as_str).collect();
    let mut body = json!({ "count": args.count, "set": set, "unset": unset });
    if !types.is_empty() {
        body["type"] = json!(types);
    }
    if let Some(scenario) = &args.scenario {
        body["scenario"] = json!(scenario);
    }
    if let Some(provider) = &args.provider {
        body["provider"] = json!(provider.provider);
    }
    body
}

/// Prints an event that was emitted.
fn report(context: &CommandContext, event: &EmittedLine) -> Result {
    context.output.print_json(event)?;
    let style = context.output.style;
    let count = event.webhooks.len() as u64;
    context.output.print(&format!(
        "{} {}  {}  {}",
        if count > 0 { style.green("✓") } else { style.faint("-") },
        style.bold(&sanitize(&event.event_type)),
        style.cyan(&sanitize(&event.event_id)),
        style.faint(&format!("{}, to {}", sanitize(&event.provider), plural(count, "webhook", "webhooks"))),
    ))
}
