//! The receiver: accepts connections, reads requests within limits, hands them to a handler and responds. It prints
//! nothing.

mod connection;
mod connection_tracker;
mod dedup_cache;
mod exchange;
mod host_filter;
mod listener;
mod receiver;
mod request_reader;
mod response;
mod response_fault;

pub use connection::RejectedRequest;
pub use exchange::Exchange;
pub use listener::{Listener, ListenerConfig};
pub use receiver::{InvalidPolicy, Receiver};
pub use request_reader::{ReceivedRequest, RequestLimits};
pub use response::ServerResponse;
pub use response_fault::ResponseFault;
