//! One captured HTTP exchange, the log that keeps it, and the readers that take one in.

mod http_text;
mod log;
mod read;
mod record;

pub use http_text::{parse as parse_http, write as write_http};
pub use log::Log;
pub use read::{Captured, Format, ReadError, Reader};
pub use record::{Capture, Headers, Record, Response, Verdict};
