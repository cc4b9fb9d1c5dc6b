//! `--wait`: a handler that is still starting is given time to accept connections.

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::duration::HumanDuration;
use crate::error::{Error, ErrorKind, Result};
use crate::http::client::{Endpoint, accepts_connections};
use crate::output::Output;
use crate::report::unreachable_hint;

/// The pause before the second try; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Limits one try: a name may stand for another address later, as in a network of containers.
const LONGEST_TRY: Duration = Duration::from_secs(2);

/// Waits until `endpoint` accepts connections, for at most `limit`; tries at least once. Nothing is sent.
///
/// # Errors
/// It did not in time; with exit code 3.
pub(super) async fn until_reachable(output: Output, endpoint: &Endpoint, limit: Duration) -> Result {
    let watch = Stopwatch::start();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = limit.saturating_sub(watch.elapsed()).max(FIRST_PAUSE).min(LONGEST_TRY);
        let tried = tokio::time::timeout(left, accepts_connections(endpoint)).await;
        let reason = match tried {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure.message,
            Err(_) => "it does not respond".to_owned(),
        };
        if pause == FIRST_PAUSE {
            output.status(&format!("waiting for {endpoint}: {reason}"));
        }
        let left = limit.saturating_sub(watch.elapsed());
        if left.is_zero() {
            return Err(Error::new(format!("{endpoint} accepted no connection within {}", HumanDuration(limit)))
                .hint(unreachable_hint(endpoint))
                .cause(reason)
                .kind(ErrorKind::Unreachable));
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
