//! Positions in a text, and errors at them.

use std::fmt;

/// A line and a column, both from 1; columns count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPosition {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl TextPosition {
    /// The first byte of a text.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// Returns the position of `within` in a part which itself begins here.
    pub(super) fn offset_by(self, within: Self) -> Self {
        let column = if within.line == 1 { self.column + within.column - 1 } else { within.column };
        Self { line: self.line + within.line - 1, column }
    }
}

/// An error in the input, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The position.
    pub position: TextPosition,
    /// The problem.
    pub message: String,
    /// The remedy.
    pub hint: Option<&'static str>,
}

impl ParseError {
    pub(super) fn new(position: TextPosition, message: impl Into<String>) -> Self {
        Self { position, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Converts the position in a part that begins at `start`.
    pub(super) fn relative_to(self, start: TextPosition) -> Self {
        Self { position: start.offset_by(self.position), ..self }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.position.line, self.position.column, self.message)
    }
}

impl From<serde_json::Error> for ParseError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line().max(1), error.column().max(1));
        Self::new(TextPosition { line: line as u64, column: column as u64 }, in_plain_words(&error))
    }
}

/// Describes an error of the JSON parser in plain words.
fn in_plain_words(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&suffix).unwrap_or(&message);
    match error.classify() {
        serde_json::error::Category::Eof => "the JSON is cut off here".to_owned(),
        serde_json::error::Category::Data => data_error(message),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => match message {
            "expected value" | "expected ident" => "this is not JSON".to_owned(),
            "key must be a string" => "not valid JSON: expected a key in double quotes".to_owned(),
            "trailing characters" => "not valid JSON: there is something after its end".to_owned(),
            "trailing comma" => "not valid JSON: there is a comma before the closing bracket".to_owned(),
            other if other.starts_with("control character") => {
                "not valid JSON: a line break or another control character inside a string".to_owned()
            }
            other => format!("not valid JSON: {other}"),
        },
    }
}

/// Describes `invalid type: map, expected a string` and `missing field` in the terms of JSON.
fn data_error(message: &str) -> String {
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("{field} is missing");
    }
    if let Some(field) = message.strip_prefix("duplicate field ") {
        return format!("{field} is there twice");
    }
    if message.starts_with("invalid length") {
        return "expected an object, found a list".to_owned();
    }
    let parts = message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "));
    let Some((found, expected)) = parts else { return message.to_owned() };
    let found = match found.split_once(' ').map_or(found, |(kind, _)| kind) {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "string" => "a string".to_owned(),
        "null" | "unit" => "null".to_owned(),
        _ => found.replace("integer ", "the number ").replace("floating point ", "the number "),
    };
    let expected = match expected {
        "a sequence" => "a list",
        other if other.starts_with("struct ") || other == "a map" => "an object",
        other => other,
    };
    format!("expected {expected}, found {found}")
}

/// An offset in a text that only advances, and counts the lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextCursor {
    pub(super) offset: usize,
    line: u64,
    line_start: usize,
}

impl TextCursor {
    pub(super) const START: Self = Self { offset: 0, line: 1, line_start: 0 };

    pub(super) fn position(self) -> TextPosition {
        TextPosition { line: self.line, column: (self.offset - self.line_start) as u64 + 1 }
    }

    /// Advances to `offset`, at most to the end of the text.
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
