//! The HTTP client: one attempt at an endpoint, forwarding of a received request, and requests given as bytes.

mod attempt_error;
#[expect(clippy::module_inception, reason = "the client is the module's main type")]
mod client;
mod endpoint;
mod forwarder;
mod hop_by_hop;
mod pool;
mod raw;
mod tls;

pub use attempt_error::{AttemptError, AttemptErrorKind};
pub use client::{AttemptOutcome, AttemptResponse, HttpClient, OutgoingRequest};
pub use endpoint::Endpoint;
pub use forwarder::{ForwardError, ForwardOutcome, ForwardTarget, Forwarder};
pub use hop_by_hop::HopByHopHeaders;
pub use pool::accepts_connections;
pub use raw::{RawClient, RawConnection, RawError, RawResponse, WriteStep};
pub use tls::CertificateCheck;
