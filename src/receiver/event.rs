//! Events of the receiver: everything about it that can be shown.

use super::Exchange;
use crate::error::Error;
use crate::http::server::RejectedRequest;

/// Something that happened in the receiver.
pub enum ReceiverEvent {
    /// A request was verified, responded to and recorded.
    Exchange {
        /// The request with its verdict and its response.
        exchange: Box<Exchange>,
        /// The handler, if the request was forwarded.
        forwarded: Option<ForwardedTo>,
    },
    /// A request was rejected before it could be verified; it is not recorded.
    Rejected(RejectedRequest),
    /// A request could not be verified, because the data of a provider or a secret cannot be read.
    VerificationFailed(Error),
    /// The log can no longer be written, or no longer be rotated.
    LogFailed(Error),
    /// The log can be written again.
    LogRecovered {
        /// The number of requests in a row that could not be recorded.
        failed_writes: u64,
    },
    /// A handler is unreachable. Not repeated until it is back.
    HandlerDown {
        /// Its scheme, host and port.
        origin: String,
        /// The reason.
        reason: String,
    },
    /// A handler that was unreachable is back.
    HandlerUp {
        /// Its scheme, host and port.
        origin: String,
    },
}

/// The handler of a request that was forwarded.
#[derive(Debug)]
pub struct ForwardedTo {
    /// Its URL, if the options ask for it.
    pub url: Option<String>,
    /// The status of its response, if it gave one.
    pub status: Option<u16>,
    /// The reason why its response was too slow, if it was.
    pub late: Option<String>,
}
