//! Where in a text something stands, and what is wrong there.

use std::fmt;

/// A line and a column, both from 1; columns count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl Place {
    /// The first byte of a text.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The place that is `within` a part which itself begins here.
    pub(super) fn of_part(self, within: Self) -> Self {
        let column = if within.line == 1 { self.column + within.column - 1 } else { within.column };
        Self { line: self.line + within.line - 1, column }
    }
}

/// Input that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl Fault {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// A fault of a part that begins at `start`.
    pub(super) fn in_part(self, start: Place) -> Self {
        Self { place: start.of_part(self.place), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.place.line, self.place.column, self.message)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line().max(1), error.column().max(1));
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
        Self::new(Place { line: line as u64, column: column as u64 }, message)
    }
}

/// An offset in a text that only moves on, and knows its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) offset: usize,
    line: u64,
    line_start: usize,
}

impl Position {
    pub(super) const START: Self = Self { offset: 0, line: 1, line_start: 0 };

    pub(super) fn place(self) -> Place {
        Place { line: self.line, column: (self.offset - self.line_start) as u64 + 1 }
    }

    /// Moves on to `offset`, at most to the end of the text.
    pub(super) fn advance(&mut self, text: &[u8], offset: usize) {
        let offset = offset.clamp(self.offset, text.len());
        for (index, byte) in text[self.offset..offset].iter().enumerate() {
            if *byte == b'\n' {
                self.line += 1;
                self.line_start = self.offset + index + 1;
            }
        }
        self.offset = offset;
    }
}
