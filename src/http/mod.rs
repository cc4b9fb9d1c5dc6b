//! HTTP as webhooks need it: byte for byte, in both directions.

pub mod client;
pub mod server;
