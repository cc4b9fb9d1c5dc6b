//! The rate limits of providers, which `whk serve --rate-limits` has as well.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::error::{ApiError, Problem};
use crate::clock::{Clock, Stopwatch};

/// The rate limit of a provider.
#[derive(Clone, Copy)]
pub(in crate::server) struct RateLimit {
    /// Number of calls with one key in a window.
    pub(super) calls: u32,
    /// Duration of a window, which starts with its first call.
    pub(super) window: Duration,
    /// True if every response has `x-ratelimit-limit`, `-remaining` and `-reset`.
    pub(super) has_headers: bool,
}

/// Counts the calls of the present window.
pub(in crate::server) struct RateLimiter {
    limit: RateLimit,
    window: Mutex<(Stopwatch, u32)>,
}

/// The state of a window after a call.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    is_allowed: bool,
    remaining: u32,
    /// Time to the end of the window.
    rest: Duration,
}

impl RateLimiter {
    pub(in crate::server) fn new(limit: RateLimit) -> Self {
        Self { limit, window: Mutex::new((Stopwatch::start(), 0)) }
    }

    fn call(&self) -> Call {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.1 == 0 || window.0.elapsed() >= self.limit.window {
            *window = (Stopwatch::start(), 0);
        }
        window.1 = window.1.saturating_add(1);
        self.limit.state(window.1, window.0.elapsed())
    }
}

impl RateLimit {
    /// Returns the state after this number of calls, this long after the first one.
    fn state(&self, calls: u32, elapsed: Duration) -> Call {
        Call {
            is_allowed: calls <= self.calls,
            remaining: self.calls.saturating_sub(calls),
            rest: self.window.saturating_sub(elapsed),
        }
    }
}

/// Rejects the calls beyond the limit.
pub(super) async fn check_rate(State(limiter): State<Arc<RateLimiter>>, request: Request, next: Next) -> Response {
    let RateLimit { calls, window, has_headers } = limiter.limit;
    let call = limiter.call();
    // The time is over when this many whole seconds have passed.
    let seconds = call.rest.as_secs() + u64::from(call.rest.subsec_nanos() > 0 || call.rest.is_zero());
    let mut response = if call.is_allowed {
        next.run(request).await
    } else {
        let message = format!("more than {calls} calls in {} s; retry in {seconds} s", window.as_secs());
        let mut response = ApiError::new(Problem::RateLimited, message).into_response();
        add(&mut response, header::RETRY_AFTER, seconds);
        response
    };
    if has_headers {
        let reset = Clock::System.now().as_second().unsigned_abs() + seconds;
        add(&mut response, HeaderName::from_static("x-ratelimit-limit"), calls.into());
        add(&mut response, HeaderName::from_static("x-ratelimit-remaining"), call.remaining.into());
        add(&mut response, HeaderName::from_static("x-ratelimit-reset"), reset);
    }
    response
}

fn add(response: &mut Response, name: HeaderName, value: u64) {
    response.headers_mut().insert(name, value.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_so_many_calls_and_then_waits_for_its_end() {
        let limit = RateLimit { calls: 2, window: Duration::from_secs(60), has_headers: true };
        let at = |calls, seconds| limit.state(calls, Duration::from_secs(seconds));
        let call = |is_allowed, remaining, rest| Call { is_allowed, remaining, rest: Duration::from_secs(rest) };
        assert_eq!(at(1, 0), call(true, 1, 60));
        assert_eq!(at(2, 10), call(true, 0, 50));
        assert_eq!(at(3, 59), call(false, 0, 1));
        assert_eq!(at(u32::MAX, 70), call(false, 0, 0));
    }

    #[test]
    fn a_new_window_starts_when_one_is_over() {
        let limiter = RateLimiter::new(RateLimit { calls: 1, window: Duration::ZERO, has_headers: false });
        assert!((0..5).all(|_| limiter.call().is_allowed));
    }
}
