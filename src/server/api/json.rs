//! The body of a request as JSON; what is wrong with it is reported in the provider's form.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Problem};

/// Maximum size of a body in bytes.
pub(super) const MAX_BODY: usize = 1 << 20;

/// The body of a request, as it was sent.
pub(super) struct RawBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(Problem::TooLarge, format!("the body is larger than {MAX_BODY} bytes"))
            } else {
                ApiError::new(Problem::Malformed, "the body ended before it was complete")
            }
        })
    }
}

impl RawBody {
    /// Reads the body, which must be a JSON object.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let body = &self.0;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(ApiError::new(Problem::Malformed, "the body is empty, expected a JSON object"));
        }
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            // A type of fields can be read from an array as well.
            let problem = if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() {
                Problem::Invalid
            } else {
                Problem::Malformed
            };
            return Err(ApiError::new(problem, "the body is not a JSON object"));
        }
        serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                ApiError::invalid(format!("the body does not fit: {error}"))
            } else {
                ApiError::new(Problem::Malformed, format!("the body is not JSON: {error}"))
            }
        })
    }
}

/// The body of a request, which must be a JSON object.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        RawBody::from_request(request, state).await?.parse().map(Self)
    }
}
