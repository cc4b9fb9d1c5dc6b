//! The HTTP server: accepts connections, reads requests within limits, hands them to a handler and sends its response.

mod connection;
mod connection_tracker;
mod host_filter;
mod listener;
mod request_reader;
mod response;
mod response_fault;
pub mod tls;

pub use connection::RejectedRequest;
pub use listener::{Listener, ListenerConfig};
pub use request_reader::{ReceivedRequest, RequestLimits};
pub use response::ServerResponse;
pub use response_fault::ResponseFault;
