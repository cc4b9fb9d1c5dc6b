//! A request as a command line or a file, to be taken elsewhere.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse as _;

use super::api::{Answer, find, problem};
use super::server::Page;
use crate::capture::{ExportFormat, ExportedRecord, LoggedOutcome};
use crate::error::Result;

/// Returns the curl command that sends a request.
pub(super) async fn curl(State(page): State<Arc<Page>>, Path(seq): Path<String>) -> Answer {
    let (_, text) = export(&page, &seq, ExportFormat::Curl).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// Returns an HTTP Archive with a request.
pub(super) async fn har(State(page): State<Arc<Page>>, Path(seq): Path<String>) -> Answer {
    let (number, text) = export(&page, &seq, ExportFormat::Har).await?;
    let name = format!("attachment; filename=\"request-{number}.har\"");
    Ok(([(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_DISPOSITION, name)], text).into_response())
}

/// Returns the record with the number in a path, in another format.
async fn export(
    page: &Page,
    seq: &str,
    format: ExportFormat,
) -> std::result::Result<(u64, Vec<u8>), axum::response::Response> {
    let record = find(page, seq).await?;
    // The hint of the error is for a command line.
    let text = write(record.seq, &record.json, format)
        .map_err(|error| problem(StatusCode::UNPROCESSABLE_ENTITY, &error.one_line(), None))?;
    Ok((record.seq, text))
}

fn write(seq: u64, json: &[u8], format: ExportFormat) -> Result<Vec<u8>> {
    let (capture, outcome) = super::inspector::read(json)?;
    let LoggedOutcome { verdict, duplicate, response, .. } = outcome;
    let verdict = verdict.unwrap_or_default();
    let response = response.as_ref();
    format.write_all([ExportedRecord { seq, capture: &capture, verdict: &verdict, duplicate, response }])
}
