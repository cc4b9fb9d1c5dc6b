//! Ids of events.

use crate::error::{Error, Result};

/// An id that arrives as it was sent: it is signed, and it is the value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId(String);

impl EventId {
    /// Checks an id.
    ///
    /// # Errors
    /// A header cannot carry it unchanged.
    pub fn new(id: &str) -> Result<Self> {
        let problem = if id.trim().is_empty() {
            "it is empty"
        } else if id.trim() != id {
            "the white space around it would be lost on the way"
        } else if id.chars().any(char::is_control) {
            "it has a control character"
        } else {
            return Ok(Self(id.to_owned()));
        };
        Err(Error::new(format!("the id `{id}` cannot be sent")).cause(problem))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
