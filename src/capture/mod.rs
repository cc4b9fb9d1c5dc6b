//! Captured HTTP exchanges: the record of one, the log that keeps them, and the readers of every format.

mod cgi;
mod chunks;
mod curl;
mod entries;
mod export;
mod format;
mod har;
mod headers;
mod http_file;
mod input;
mod log;
mod peek_reader;
mod program_json;
mod raw_http;
mod reader;
mod record;
mod record_json;
mod request_comments;
mod text_position;
mod third_party;

pub use chunks::{CHUNK_SIZE, Chunk, is_log, process_chunks};
pub use export::{
    ExportFormat, ExportedRecord, MAX_CURL_ARGUMENT, curl_header, curl_line, curl_path_options, without_curl_headers,
};
pub use format::CaptureFormat;
pub use headers::Headers;
pub use input::{CaptureInput, cannot_read, open_file, stdin_is_piped};
pub use log::{LogOptions, PendingRecord, RecordLog, Rotation};
pub use raw_http::{parse as parse_http, write as write_http};
pub use reader::{CaptureEntry, ReadError, Reader};
pub use record::{CapturedRequest, LoggedOutcome, Record, RecordedResponse, RecordedVerdict};
pub use record_json::write_record;
pub use text_position::{ParseError, TextPosition};

/// The largest request, file or archive that is read into memory: 64 MiB, far above what any provider sends.
const MAX_INPUT_BYTES: u64 = 64 << 20;
