//! The results of `whk check` as JSON Lines; `docs/check.schema.json` describes them.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::check::CheckRun;
use super::curl::curl_command;
use crate::check::{CheckCounts, CheckOutcome, CheckResult, FailureKind, ReceivedResponse, SentRequest};

/// The line of a check in JSON.
#[derive(Serialize)]
struct CheckLine<'a> {
    kind: &'static str,
    id: &'a str,
    group: &'static str,
    level: &'static str,
    outcome: &'static str,
    cause: Option<&'static str>,
    message: &'a str,
    reason: &'a str,
    fix: Option<&'a str>,
    rule: &'a str,
    duration_ms: f64,
    requests: u32,
    request: Option<Value>,
    response: Option<Value>,
    curl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variants: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handler_output: Option<&'a str>,
}

/// Returns the line of a check in JSON.
#[must_use]
pub fn check_json(result: &CheckResult) -> impl Serialize {
    CheckLine {
        kind: "check",
        id: result.id,
        group: result.group.name(),
        level: result.level.name(),
        outcome: outcome_name(result.outcome),
        cause: cause_name(result),
        message: &result.message,
        reason: result.reason,
        fix: result.fix.as_deref(),
        rule: result.rule,
        duration_ms: super::json::milliseconds(result.duration),
        requests: result.requests,
        request: result.request.as_ref().map(request_json),
        response: result.response.as_ref().map(response_json),
        curl: result.request.as_ref().and_then(curl_command),
        variants: result
            .variants
            .iter()
            .map(|variant| json!({"name": variant.name, "outcome": outcome_name(variant.outcome)}))
            .collect(),
        handler_output: result.handler_output.as_deref(),
    }
}

/// Returns the name of a cause, as in JSON.
pub(super) fn cause_name(result: &CheckResult) -> Option<&'static str> {
    if result.not_judged { Some("not-judged") } else { result.kind.map(FailureKind::name) }
}

fn outcome_name(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Passed => "pass",
        CheckOutcome::Failed => "fail",
        CheckOutcome::Skipped => "skip",
    }
}

/// Returns the line at the end in JSON.
#[must_use]
pub fn summary_json(run: &CheckRun, counts: CheckCounts, duration: Duration) -> impl Serialize {
    json!({
        "kind": "summary",
        "passed": counts.passed,
        "failed_required": counts.failed_required,
        "failed_recommended": counts.failed_recommended,
        "skipped": counts.skipped,
        "not_judged": counts.not_judged,
        "seed": run.seed,
        "duration_ms": super::json::milliseconds(duration),
        "provider": run.provider,
        "edition": run.edition,
        "target": run.target,
        "version": env!("CARGO_PKG_VERSION"),
        "weaknesses": run.weaknesses,
    })
}

fn headers_json(headers: &[(String, bytes::Bytes)]) -> Value {
    headers.iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect()
}

/// The longest body in JSON, in bytes: a body of 32 MiB helps nobody.
const MAX_JSON_BODY: usize = 64 << 10;

fn body_json(fields: &mut Map<String, Value>, body: &[u8]) {
    use base64::Engine as _;
    let shown = &body[..body.len().min(MAX_JSON_BODY)];
    match std::str::from_utf8(shown) {
        Ok(text) => fields.insert("body".to_owned(), text.into()),
        Err(_) => fields.insert("body_b64".to_owned(), base64::engine::general_purpose::STANDARD.encode(shown).into()),
    };
    if shown.len() < body.len() {
        fields.insert("body_truncated".to_owned(), body.len().into());
    }
}

fn request_json(request: &SentRequest) -> Value {
    let mut fields = Map::new();
    fields.insert("method".to_owned(), request.method.clone().into());
    fields.insert("target".to_owned(), request.url.clone().into());
    fields.insert("headers".to_owned(), headers_json(&request.headers));
    body_json(&mut fields, &request.body);
    fields.into()
}

fn response_json(response: &ReceivedResponse) -> Value {
    let mut fields = Map::new();
    fields.insert("status".to_owned(), response.status.into());
    fields.insert("headers".to_owned(), headers_json(&response.headers));
    body_json(&mut fields, &response.body);
    fields.insert("duration_ms".to_owned(), super::json::milliseconds(response.duration).into());
    fields.into()
}
