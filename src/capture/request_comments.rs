//! Comments above a request in a file of raw requests or of curl commands: facts that the request itself cannot hold.

use std::fmt::Display;

use jiff::Timestamp;

/// The facts in the comments above a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestComments {
    /// `# received: TIME`
    pub(super) received_at: Option<Timestamp>,
    /// `# target: TARGET`, if the request has a whole URL instead.
    pub(super) target: Option<String>,
    /// `# body-bytes: N`, if the headers do not give the length of the body.
    pub(super) body_bytes: Option<usize>,
}

const RECEIVED: &str = "received";
const TARGET: &str = "target";
const BODY_BYTES: &str = "body-bytes";

impl RequestComments {
    /// Writes the comments, a line each, below one with the title.
    pub(super) fn write(&self, title: &str, to: &mut Vec<u8>) {
        to.extend_from_slice(format!("# {title}\n").as_bytes());
        let mut line = |name: &str, value: &dyn Display| {
            to.extend_from_slice(format!("# {name}: {value}\n").as_bytes());
        };
        if let Some(at) = self.received_at {
            line(RECEIVED, &at);
        }
        if let Some(target) = &self.target {
            line(TARGET, target);
        }
        if let Some(length) = self.body_bytes {
            line(BODY_BYTES, &length);
        }
    }

    /// Reads a line, if it is a comment with a fact.
    pub(super) fn read(&mut self, line: &[u8]) {
        let fact = || {
            let text = std::str::from_utf8(line.trim_ascii().strip_prefix(b"#")?).ok()?;
            text.trim_start().split_once(": ")
        };
        match fact() {
            Some((RECEIVED, value)) => self.received_at = value.trim().parse().ok(),
            Some((TARGET, value)) => self.target = Some(value.to_owned()),
            Some((BODY_BYTES, value)) => self.body_bytes = value.trim().parse().ok(),
            _ => {}
        }
    }
}
