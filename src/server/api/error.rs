//! The problems that an API reports, and their form.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::engine_handle::EngineGone;
use crate::error::{Error, ErrorKind};

/// A problem of a request. It says what is wrong; each provider says it in its own form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Problem {
    /// The body is not JSON.
    Malformed,
    /// A field is missing, or its value is not possible.
    Invalid,
    /// The key is missing or wrong.
    Unauthorized,
    /// The request is not allowed, whatever the key.
    Forbidden,
    /// Nothing is at this path.
    NoSuchPath,
    /// There is no webhook with this id in this account.
    NoSuchWebhook,
    /// The path has other methods.
    MethodNotAllowed,
    /// The request contradicts an earlier one.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// There were too many calls.
    RateLimited,
    /// The server failed.
    Internal,
}

impl Problem {
    /// Returns the usual status.
    pub(in crate::server) fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuchWebhook => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns a name in lower case.
    pub(in crate::server) fn name(self) -> &'static str {
        match self {
            Self::Malformed | Self::Invalid => "invalid_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NoSuchPath | Self::NoSuchWebhook => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::TooLarge => "payload_too_large",
            Self::RateLimited => "rate_limit_exceeded",
            Self::Internal => "internal_error",
        }
    }
}

/// A problem with its message. As a response it has no body until [`ErrorForm::render`] gives it one.
#[derive(Clone, Debug)]
pub(in crate::server) struct ApiError {
    /// The problem.
    pub(in crate::server) problem: Problem,
    /// The status; usually that of the problem.
    pub(in crate::server) status: StatusCode,
    /// The provider's own code, if it has one for exactly this.
    pub(in crate::server) code: Option<&'static str>,
    /// The message, in one sentence without a full stop.
    pub(in crate::server) message: String,
}

impl ApiError {
    /// Makes the error of a problem.
    pub(in crate::server) fn new(problem: Problem, message: impl Into<String>) -> Self {
        Self { problem, status: problem.status(), code: None, message: message.into() }
    }

    /// Reports a field that is missing or not possible.
    pub(in crate::server) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Problem::Invalid, message)
    }

    /// Reports an id that leads to no webhook of the account.
    pub(in crate::server) fn no_such_webhook(id: &str) -> Self {
        Self::new(Problem::NoSuchWebhook, format!("there is no webhook `{id}`"))
    }

    /// Reports a problem that the engine found.
    pub(in crate::server) fn of_engine(error: &Error) -> Self {
        let problem = match error.kind {
            ErrorKind::Invalid => Problem::Invalid,
            ErrorKind::NotFound => Problem::NoSuchPath,
            ErrorKind::Conflict => Problem::Conflict,
            ErrorKind::Unreachable | ErrorKind::Io => Problem::Internal,
        };
        let hint = error.hint_text().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::new(problem, format!("{}{hint}", error.details()))
    }

    /// Sets another status than the usual one of the problem.
    #[must_use]
    pub(in crate::server) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Sets the provider's own code.
    #[must_use]
    pub(in crate::server) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::new(Problem::Internal, error.one_line())
    }
}

impl From<EngineGone> for ApiError {
    fn from(EngineGone: EngineGone) -> Self {
        Self::new(Problem::Internal, "the change could not be kept, or the server is stopping")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of an error, as one provider writes it.
#[derive(Clone, Copy)]
pub(in crate::server) struct ErrorForm(pub(in crate::server) fn(&ApiError) -> Value);

impl ErrorForm {
    /// The form of what belongs to no provider.
    pub(in crate::server) const OWN: Self =
        Self(|error| json!({ "error": { "code": error.problem.name(), "message": error.message } }));

    /// Writes the body of a response that is an [`ApiError`]; returns others as they are.
    pub(in crate::server) fn render(self, response: Response) -> Response {
        let Some(error) = response.extensions().get::<ApiError>() else { return response };
        let body = (self.0)(error).to_string();
        let (mut head, _) = response.into_parts();
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        head.extensions.remove::<ApiError>();
        Response::from_parts(head, Body::from(body))
    }
}
