//! One captured HTTP exchange, the log that keeps it, and the readers that take one in.

mod cgi;
mod curl;
mod curl_options;
mod format;
mod har;
mod headers;
mod http_text;
mod json;
mod log;
mod other_tools;
mod place;
mod program_json;
mod put_back;
mod read;
mod record;
mod shell_words;

pub use format::Format;
pub use headers::Headers;
pub use http_text::{parse as parse_http, write as write_http};
pub use log::{LogOptions, PendingRecord, RecordLog, Rotation};
pub use place::{Fault, Place};
pub use read::{Captured, ReadError, Reader};
pub use record::{Capture, Judged, Known, Record, RecordedVerdict, Response};

/// The largest request, file or archive that is read into memory: 64 MiB, far above what any provider sends.
const LARGEST: u64 = 64 << 20;
