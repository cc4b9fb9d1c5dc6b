//! The HTTP server: accepts connections, reads requests within limits, hands them to a handler and sends its response.

mod connection;
mod connection_tracker;
mod host_filter;
mod listener;
mod origin_filter;
mod request_reader;
mod response;
mod response_fault;
pub mod tls;

pub use connection::RejectedRequest;
pub use host_filter::{HostFilter, check_local_host};
pub use listener::{Listener, ListenerConfig, bind};
pub use origin_filter::check_origin;
pub use request_reader::{ReceivedRequest, Rejection, RequestLimits};
pub use response::ServerResponse;
pub use response_fault::ResponseFault;
