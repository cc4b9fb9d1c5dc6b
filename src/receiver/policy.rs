//! The policy for requests that are not valid.

/// Response to a request that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPolicy {
    /// The provider's documented rejection.
    Reject,
    /// The response to a valid request.
    Accept,
    /// The handler's response.
    Forward,
}
